# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepting a definition: what a node checks by itself before it runs a DKG for it, whoever brought the file.

A definition that all operators signed is accepted if it follows from this node's own approval. Any other one (solo,
unsigned, or approved elsewhere) is accepted only if somebody confirmed its hash for this node: wallet signatures do not
bind the set of ENRs, and there may be none. What was accepted is kept in ``<data dir>/ceremony/accepted.json``, so that
the signatures are verified once, and a confirmed hash is asked for once.
"""

import os

from . import approval, files, gojson, networks
from .data_dir import CEREMONY, DEFINITION, KEYS, LOCK
from .definition import dump, parse
from .definition_checks import check_hashes, check_signatures
from .definition_hash import compute_definition_hash
from .errors import Collector, DvError
from .proposal import check_limits
from .records import lookup

FILE = CEREMONY + "/accepted.json"


def accept_definition(data_dir, definition, enr, accepted_definition_hash=None, custom=()):
    """Check ``definition`` and put it into ``data_dir``. True if anything was written.

    The arguments and errors are those of :func:`review`.
    """
    review(data_dir, definition, enr, accepted_definition_hash, custom)
    record = gojson.dumps({"definition_hash": gojson.to_hex(definition.definition_hash)}).encode()
    files.make_directory(os.path.join(data_dir, os.path.dirname(FILE)))
    written = files.write_same(os.path.join(data_dir, FILE), record)
    path = os.path.join(data_dir, DEFINITION)
    if not os.path.lexists(path):
        files.write_new(path, dump(definition))
        written = True
    return written


def accepted_definition(data_dir, enr, accepted_definition_hash=None, custom=()):
    """The :class:`~.definition.Definition` in ``data_dir``, for which this node may run a DKG.

    The arguments and errors are those of :func:`review`.
    """
    path = os.path.join(data_dir, DEFINITION)
    definition = parse(files.read(path), path)
    accept_definition(data_dir, definition, enr, accepted_definition_hash, custom)
    return definition


def accepted(data_dir):
    """The hash (32 bytes) of the definition that this node has accepted, or ``None``.

    :raises DvError: the record is damaged
    """
    path = os.path.join(data_dir, FILE)
    content = files.read_if_exists(path, 4096)
    if content is None:
        return None
    found = gojson.from_hex(lookup(gojson.loads(content, path), "definition_hash", path), 32, path)
    if not found:
        raise DvError("%s names no definition" % path, "a definition_hash of 32 bytes", "restore it from a backup")
    return found


def review(data_dir, definition, enr, accepted_definition_hash=None, custom=()):
    """Check that this node may run a DKG for ``definition``; nothing is written.

    Of a definition that was accepted before, only its hashes and the node's own ENR are checked again.

    :param definition: the :class:`~.definition.Definition`
    :param enr: the node's own ENR (text)
    :param accepted_definition_hash: 32 bytes, the definition that somebody confirmed for this node
    :param custom: networks of one's own that count too
    :raises DvError: it may not; :class:`.errors.Problems` with all reasons
    """
    check_hashes(definition)
    found, confirmed = gojson.to_hex(definition.definition_hash), accepted_definition_hash
    if confirmed not in (None, definition.definition_hash):
        raise DvError(
            "the definition's hash is %s" % found,
            "%s, as dv_accept_definition_hash says" % gojson.to_hex(confirmed),
            "compare the definition with the other operators before you confirm another hash",
        )
    problems = Collector()
    with problems:
        index = _own_index(definition, enr)
    if accepted(data_dir) == definition.definition_hash:
        problems.raise_any()
        return
    with problems:
        check_limits(definition, "the definition")
    with problems:
        approval.check_different_nodes(definition)
    with problems:
        shape = check_signatures(definition, networks.by_fork_version(definition.fork_version, custom))
    with problems:
        check_data_dir(data_dir, definition.definition_hash)
    problems.raise_any()
    given = approval.read(data_dir)
    if given:
        _check_own_entry(definition, index, given, os.path.join(data_dir, approval.FILE))
    if confirmed is None and (shape != "group" or not given):
        raise DvError(
            "the definition is %s" % ("signed, but not approved on this node" if shape == "group" else _SHAPES[shape]),
            "one that this node approved, or a hash confirmed for it",
            "check the definition with the other operators, then set dv_accept_definition_hash to %s" % found,
        )


def check_data_dir(data_dir, definition_hash):
    """Refuse a data directory with a definition, lock or keys of another cluster than ``definition_hash`` (32 bytes)."""
    wanted = gojson.to_hex(definition_hash)
    found = {"%s (accepted)" % FILE: gojson.to_hex(accepted(data_dir) or b"")}
    for name, key in ((DEFINITION, None), (LOCK, "cluster_definition")):
        path = os.path.join(data_dir, name)
        content = files.read_if_exists(path)
        if content is not None:
            value = gojson.loads(content, path)
            found[name] = gojson.to_hex(
                compute_definition_hash(parse(lookup(value, key, path) if key else value, path))
            )
    for name, has in found.items():
        if has and has != wanted:
            raise DvError(
                "%s in %s is of the definition %s" % (name, data_dir, has),
                wanted,
                "nothing was written: give every cluster a data directory of its own",
            )
    has_keys = os.path.lexists(os.path.join(data_dir, KEYS))
    ceremony = os.path.join(data_dir, CEREMONY, definition_hash.hex())
    if has_keys and LOCK not in found and not os.path.isdir(ceremony):
        raise DvError(
            "%s holds %s of a cluster that is not known here" % (data_dir, KEYS),
            "no key shares, or those of the definition %s" % wanted,
            "nothing was written: give every cluster a data directory of its own, and never lose key shares",
        )


_SHAPES = {"solo": "signed by its creator only", "unsigned": "not signed by anybody"}


def _own_index(definition, enr):
    for index, operator in enumerate(definition.operators or (), 1):
        if operator.enr == enr:
            return index
    raise DvError(
        "this node's ENR %s is not in the definition" % enr,
        "the ENR of one of its operators",
        "restore the node's charon-enr-private-key, or use the definition that was made with this ENR",
    )


def _check_own_entry(definition, index, given, path):
    """The definition must say of this node what its operator has signed."""
    own = definition.operators[index - 1]
    for name, has, approved in (
        ("config hash", gojson.to_hex(definition.config_hash), gojson.to_hex(given.config_hash)),
        ("ENR", own.enr, given.enr),
        ("share index", index, given.share_index),
        ("operator address", own.address.lower(), given.address.lower()),
        ("config signature", gojson.to_hex(own.config_signature), gojson.to_hex(given.config_signature)),
        ("ENR signature", gojson.to_hex(own.enr_signature), gojson.to_hex(given.enr_signature)),
    ):
        if has != approved:
            raise DvError(
                "the definition has this node's %s as %s" % (name, has),
                "%s, as approved in %s" % (approved, path),
                "it is not the definition that this node approved: ask where it comes from",
            )
