# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The full review of a definition before its first acceptance: limits, ENRs, signatures, and this node's own approval."""

import os

from . import accepted, approval, files, gojson, networks
from .data_dir import CEREMONY, DEFINITION, KEYS, LOCK
from .definition import compute_definition_hash, parse
from .definition_checks import check_signatures, operator_of
from .errors import Collector, DvError
from .proposal import check_limits
from .records import lookup

_SHAPES = {"solo": "signed by its creator only", "unsigned": "not signed by anybody"}


def review_in_full(data_dir, definition, public_key, confirmed, custom=()):
    """Check a ``definition`` with right hashes that this node has not accepted yet.

    :param confirmed: whether somebody confirmed its hash for this node
    :raises DvError: as :func:`.acceptance.review`, whose arguments the others are
    """
    problems = Collector()
    with problems:
        index = operator_of(definition, public_key)
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
    if not confirmed and (shape != "group" or not given):
        raise DvError(
            "the definition is %s" % ("signed, but not approved on this node" if shape == "group" else _SHAPES[shape]),
            "one that this node approved, or a hash confirmed for it",
            "check the definition with the other operators, then set dv_accept_definition_hash to %s"
            % gojson.to_hex(definition.definition_hash),
        )


def check_data_dir(data_dir, definition_hash):
    """Refuse a data directory with a definition, lock or keys of another cluster than ``definition_hash`` (32 bytes)."""
    wanted = gojson.to_hex(definition_hash)
    found = {"%s (accepted)" % accepted.FILE: gojson.to_hex(accepted.read(data_dir) or b"")}
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
