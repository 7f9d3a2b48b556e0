# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepting a definition: what a node checks by itself before it runs a DKG for it, whoever brought the file.

A definition that all operators signed is accepted if it follows from this node's own approval, and each operator bound its node
to its place (:mod:`.bindings`). Any other one (solo, unsigned, or approved elsewhere) is accepted only if somebody confirmed its
hash for this node. What was accepted, and by which of the two, is kept in ``<data dir>/ceremony/accepted.json``, so that the
signatures are verified once, and a confirmed hash is asked for once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..cluster.canonical import canonical_form
from ..cluster.definition import Definition
from ..cluster.definition_checks import check_hashes
from ..cluster.operators import describe, index_of_key
from ..data_dir import accepted_definition, stored_definition
from ..data_dir.layout import DEFINITION, LOCK, DataDir
from ..encoding.hex import to_hex
from ..errors import DvError, show
from ..ethereum.networks import KNOWN, Networks
from ..storage import files


def accept_definition(
    data_dir: DataDir,
    definition: Definition,
    public_key: bytes,
    confirmed_definition_hash: bytes | None = None,
    networks: Networks = KNOWN,
    inbox: dict[str, str] | None = None,
) -> bool:
    """Check ``definition`` and put it into ``data_dir``. True if anything was written.

    The arguments and errors are those of :func:`check_acceptable`.
    """
    check = functools.partial(check_acceptable, data_dir, definition, public_key, confirmed_definition_hash, networks, inbox)
    record = check()
    if record == accepted_definition.read(data_dir) and _on_disk(data_dir) == definition:
        return False
    return _write(data_dir, definition, record, check)


def definition_to_run(
    data_dir: DataDir, public_key: bytes, confirmed_definition_hash: bytes | None = None, networks: Networks = KNOWN, dry_run: bool = False
) -> Definition:
    """The :class:`~.cluster.definition.Definition` in ``data_dir``, for which this node may run a DKG.

    The other arguments and errors are those of :func:`check_acceptable`.

    :param dry_run: write nothing
    """
    path = data_dir.path(DEFINITION)
    definition = canonical_form(Definition.parse(files.read(path), path))
    check = functools.partial(check_acceptable, data_dir, definition, public_key, confirmed_definition_hash, networks)
    record = check()
    # The rounds of the DKG come here: what is recorded is not read and parsed once more.
    if not dry_run and record != accepted_definition.read(data_dir):
        _write(data_dir, definition, record, check)
    return definition


def _write(data_dir: DataDir, definition: Definition, record: accepted_definition.Accepted, check: Callable[[], object]) -> bool:
    """Put ``definition``, that passed ``check()``, and its ``record`` into ``data_dir``. True if anything was written."""
    path = data_dir.path(DEFINITION)
    with data_dir.exclusive():
        before = _on_disk(data_dir)
        if before is None or before.definition_hash == definition.definition_hash:
            written = accepted_definition.write(data_dir, record)
            return written if before else files.write_same(path, definition.dump())
        # It gives way as long as nothing was sent for it, also by another run meanwhile. Killed between the two, it comes here again.
        check()
        files.replace(path, definition.dump())
        return accepted_definition.write(data_dir, record)


def is_accepted(data_dir: DataDir) -> bool:
    """Whether a run has no definition to make or judge any more: the cluster is complete, or a definition is accepted and bound."""
    if data_dir.holds(LOCK):
        return True
    record = accepted_definition.read(data_dir)
    return bool(record and record.bound_by) and data_dir.holds(DEFINITION)


def choose(data_dir: DataDir, definition: Definition | None, confirmed: bytes | None) -> Definition | None:
    """Which definition this node goes by: the accepted one, or ``definition``, which was put together or brought now (or ``None``).

    One set of approvals can make two definitions, where a creator or wallet signed twice. As long as this node has sent nothing
    for the accepted one, the other may take its place; so may one whose hash was ``confirmed``.
    """
    record, held = accepted_definition.read(data_dir), _on_disk(data_dir)
    if not record or not held or record.definition_hash != held.definition_hash:
        return definition
    if definition is None or held.definition_hash in (definition.definition_hash, confirmed):
        return held
    if confirmed == definition.definition_hash:
        return definition
    if record.bound_by == accepted_definition.BY_HASH:
        return held
    same = definition.config_hash == held.config_hash and _enrs(definition) == _enrs(held)
    return definition if same and not data_dir.sent_rounds(held.definition_hash) else held


def check_acceptable(
    data_dir: DataDir,
    definition: Definition,
    public_key: bytes,
    confirmed_definition_hash: bytes | None = None,
    networks: Networks = KNOWN,
    inbox: dict[str, str] | None = None,
) -> accepted_definition.Accepted:
    """Check that this node may run a DKG for ``definition``; nothing is written. What is to be recorded of it
    (:class:`~.accepted_definition.Accepted`).

    Of a definition that was accepted before, only its hashes and the node's own ENR are checked again.

    :param definition: the :class:`~.cluster.definition.Definition` in its canonical form
    :param public_key: that of the node's own ENR (33 bytes)
    :param confirmed_definition_hash: 32 bytes, the definition that somebody confirmed for this node
    :param networks: the :class:`~.networks.Networks` that count
    :param inbox: name -> text of the store's approvals; nothing in it is trusted
    :raises DvError: it may not; :class:`.errors.Problems` with all reasons
    :raises Unbound: nothing binds some of its operators to it yet
    """
    check_hashes(definition)
    confirmed = confirmed_definition_hash
    if confirmed not in (None, definition.definition_hash):
        raise DvError(
            "the definition is another one than the one that was confirmed for this node",
            f"that with the definition hash {show(to_hex(confirmed))}, as dv_accept_definition_hash says",
            "compare the operators with theirs, ask them which definition hash they have, and why there is another one",
            describe(definition),
        )
    record = accepted_definition.read(data_dir)
    if record and record.definition_hash == definition.definition_hash:
        # One that an older obol.dv accepted is judged again, but what was signed by then cannot be helped.
        if record.bound_by or {"sign", "seal"} & data_dir.sent_rounds(definition.definition_hash):
            index_of_key(definition, public_key)
            return record
    # Imported for the first time only: the rounds of the DKG come here too, and this needs half of the core.
    from .acceptance_checks import check_new_definition

    bound_by = check_new_definition(data_dir, definition, public_key, confirmed is not None, networks, inbox or {})
    return accepted_definition.Accepted(definition.definition_hash, bound_by)


def _on_disk(data_dir: DataDir) -> Definition | None:
    """The definition that lies in ``data_dir``, in its canonical form, or ``None``."""
    definition = stored_definition.definition(data_dir)
    return definition and canonical_form(definition)


def _enrs(definition: Definition) -> list[str]:
    return [operator.enr for operator in definition.operators or ()]
