# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The full review of a definition before its first acceptance: limits, ENRs, signatures, and this node's own approval."""

from __future__ import annotations

import os

from ..cluster.definition import Definition
from ..cluster.definition_checks import awaited, check_runnable, check_signatures, unfinished
from ..cluster.definition_hash import compute_config_hash, compute_definition_hash
from ..cluster.operators import check_different_nodes, describe, index_of_key, numbered
from ..crypto.secp256k1 import one_spelling
from ..data_dir import accepted_definition, stored_definition
from ..data_dir.layout import DEFINITION, KEYS, LOCK, DataDir
from ..encoding.hex import to_hex
from ..errors import Collector, DvError
from ..ethereum.networks import Networks
from . import approval, bindings

_SHAPES = {"solo": "signed by its creator only", "unsigned": "not signed by anybody"}


def check_new_definition(
    data_dir: DataDir, definition: Definition, public_key: bytes, confirmed: bool, networks: Networks, inbox: dict[str, str]
) -> str:
    """Check a ``definition`` with right hashes that this node has not accepted yet. What binds it, as :mod:`.accepted_definition` names it.

    :param confirmed: whether somebody confirmed its hash for this node
    :raises DvError: as :func:`.acceptance.check_acceptable`, whose arguments the others are
    """
    waiting = awaited(definition)
    if waiting:
        raise unfinished(waiting)
    problems = Collector()
    with problems:
        share_index = index_of_key(definition, public_key)
    with problems:
        check_runnable(definition)
    with problems:
        check_different_nodes(definition)
    with problems:
        network = networks.of(definition)
        shape = check_signatures(definition, network)
    with problems:
        if not _gives_way(data_dir, definition, confirmed):
            check_data_dir(data_dir, definition.definition_hash)
    problems.raise_any()
    approved = approval.read(data_dir)
    if approved:
        _check_own_entry(definition, share_index, approved, data_dir.path(approval.FILE))
    if confirmed:
        return accepted_definition.BY_HASH
    if shape != "group" or not approved:
        raise DvError(
            f"the definition is {'signed, but not approved on this node' if shape == 'group' else _SHAPES[shape]}",
            "one that this node approved, or a hash confirmed for it",
            "compare the operators, and set dv_accept_definition_hash to the definition hash that the others tell you, not to one "
            "that came with the file",
            describe(definition),
        )
    chosen = bindings.choose(data_dir, definition, inbox, network)
    missing = bindings.missing(definition, chosen, network)
    if missing:
        raise bindings.unbound(definition, missing)
    return accepted_definition.BY_SIGNATURES


def check_data_dir(data_dir: DataDir, definition_hash: bytes) -> None:
    """Refuse a data directory with a definition, lock or keys of another cluster than ``definition_hash`` (32 bytes)."""
    wanted = to_hex(definition_hash)
    record = accepted_definition.read(data_dir)
    found = {f"{accepted_definition.FILE} (accepted)": to_hex(record.definition_hash if record else b"")}
    for name, read in ((DEFINITION, stored_definition.definition), (LOCK, stored_definition.locked_definition)):
        definition = read(data_dir)
        if definition:
            found[name] = to_hex(compute_definition_hash(definition))
    for name, has in found.items():
        if has and has != wanted:
            raise DvError(
                f"{name} in {data_dir} is of the definition {has}",
                wanted,
                "nothing was written: give every cluster a data directory of its own",
            )
    has_keys = data_dir.holds(KEYS)
    ceremony = data_dir.ceremony(definition_hash)
    if has_keys and LOCK not in found and not os.path.isdir(ceremony):
        raise DvError(
            f"{data_dir} holds {KEYS} of a cluster that is not known here",
            f"no key shares, or those of the definition {wanted}",
            "nothing was written: give every cluster a data directory of its own, and never lose key shares",
        )


def _gives_way(data_dir: DataDir, definition: Definition, confirmed: bool) -> bool:
    """Whether ``data_dir`` has an accepted definition for which this node has sent nothing yet: it gives way to one of the same
    terms, and to a ``confirmed`` one."""
    record = accepted_definition.read(data_dir)
    used = [name for name in (LOCK, KEYS) if data_dir.holds(name)]
    if not record or used or data_dir.sent_rounds(record.definition_hash):
        return False
    if confirmed:
        return True
    held = stored_definition.definition(data_dir)
    # Without the file it was killed in between, and what binds the new one is of the terms that this node approved.
    return held is None or compute_config_hash(held) == compute_config_hash(definition)


def _check_own_entry(definition: Definition, share_index: int, approved: approval.Approval, path: str) -> None:
    """Refuse a ``definition`` that says of this node something else than its operator has ``approved``, as recorded in ``path``."""
    own = numbered(definition)[share_index]
    for name, has, wanted in (
        ("config hash", to_hex(definition.config_hash), to_hex(approved.config_hash)),
        ("ENR", own.enr, approved.enr),
        ("share index", share_index, approved.share_index),
        ("operator address", own.address.lower(), approved.address.lower()),
        ("config signature", _hex(own.config_signature), _hex(approved.config_signature)),
        ("ENR signature", _hex(own.enr_signature), _hex(approved.enr_signature)),
    ):
        if has != wanted:
            raise DvError(
                f"the definition has this node's {name} as {has}",
                f"{wanted}, as approved in {path}",
                "it is not the definition that this node approved: ask where it comes from",
            )


def _hex(signature: bytes) -> str:
    return to_hex(one_spelling(signature))
