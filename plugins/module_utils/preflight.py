# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preflight of a node: all that can be known to fail later is said before anything is written, all of it at once."""

import importlib.metadata
import os
import re
import sys
from dataclasses import dataclass

from .errors import Collector, DvError

MINIMUM_PYTHON = (3, 11)

#: What a node's Python must have: distribution name and its oldest version that will do (see requirements-node.in).
LIBRARIES = {
    "cryptography": (50, 0),
    "py_arkworks_bls12381": (0, 5),
    "coincurve": (21, 0),
    "eth-keyfile": (0, 10),
    "pycryptodome": (3, 0),
    "jsonschema": (4, 0),
    "pyyaml": (6, 0),
}

#: Free space that a ceremony wants, in bytes: for itself, for each validator, and for each share of each validator
#: (keystore and password take a block each; messages, keys, deposits and lock come on top).
BASE_SIZE, VALIDATOR_SIZE, SHARE_SIZE = 8 * 2**20, 16 * 2**10, 2 * 2**10

#: New files of a ceremony beside the two of each validator.
BASE_FILES = 500


@dataclass(frozen=True, kw_only=True)
class Node:
    """What the inventory says of a node. Paths are texts.

    :param address: address of its operator; ``None`` if its wallet tells
    :param share_index: its share index, needed only where its address has several
    :param wallet_create: a wallet will be made where there is none
    :param accepted_config_hash: 32 bytes, terms that somebody confirmed for it, or ``None``
    :param policy_pending: a play before the approval writes its policy
    """

    data_dir: str
    wallet_file: str
    password_file: str
    policy_file: str
    address: str = None
    share_index: int = None
    wallet_create: bool = False
    accepted_config_hash: bytes = None
    policy_pending: bool = False


def check(node, terms, now):
    """Everything that would fail later on ``node``: a list of :class:`~.errors.DvError`, empty if nothing is known to.

    :param terms: the cluster's terms, as :func:`.terms.parse_terms` takes them
    :param now: Unix seconds
    """
    problems = Collector()
    for requirement, version in LIBRARIES.items():
        with problems:
            check_library(requirement, version)
    with problems:
        check_python()
    if problems.errors:
        return problems.errors
    from . import node_checks  # needs the libraries

    agreed = None
    with problems:
        agreed = node_checks.agreed_terms(node, terms)
    with problems:
        check_directory(node.data_dir)
        # What cannot be opened, needs no second error for each file in it.
        with problems:
            node_checks.check_node_key(node, now)
        if agreed:
            with problems:
                node_checks.check_artefacts(node, agreed)
            if not node_checks.finished(node):
                check_space(node.data_dir, agreed.num_validators, len(agreed.operators))
    with problems:
        node_checks.check_signer(node, agreed)
    return problems.errors


def check_python():
    if sys.version_info < MINIMUM_PYTHON:
        raise DvError(
            "%s is Python %d.%d" % (sys.executable, *sys.version_info[:2]),
            "Python %d.%d or newer" % MINIMUM_PYTHON,
            "set ansible_python_interpreter of this node to a newer one",
        )


def check_library(name, oldest):
    """Refuse a Python without the distribution ``name`` in version ``oldest`` (a tuple of integers) or newer."""
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found = None
    if found is None or tuple(map(int, re.findall("[0-9]+", found)[: len(oldest)])) < oldest:
        raise DvError(
            "%s has %s %s"
            % (sys.executable, "no" if found is None else "the old", " ".join(filter(None, (name, found)))),
            "%s %s or newer" % (name, ".".join(map(str, oldest))),
            "install requirements-node.txt there, or set ansible_python_interpreter to a Python that has it",
        )


def check_directory(path):
    """Refuse a directory that neither is writable nor can be made. Nothing is tried: the permissions are asked for."""
    place = _nearest(path)
    if not os.path.isdir(place):
        raise DvError("%s is not a directory" % place, "a directory", "move it away, or choose another path")
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        deed = "use" if place == os.path.abspath(path) else "make %s in" % path
        raise DvError(
            "the user of this task cannot %s %s" % (deed, place),
            "a directory that it can read and write",
            "give the user access, set become, or choose another path",
        )


def check_space(path, validators, operators):
    """Refuse a file system without room for a ceremony of that size."""
    place = _nearest(path)
    wanted = BASE_SIZE + validators * (VALIDATOR_SIZE + operators * SHARE_SIZE)
    files_wanted = BASE_FILES + 2 * validators
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    if free < wanted:
        raise DvError(
            "%s has %.1f MB of free space" % (place, free / 1e6),
            "%.1f MB for %d validators and %d operators" % (wanted / 1e6, validators, operators),
            "free some, or choose a data directory on a larger disk",
        )
    # Some file systems do not count them, and say 0 of 0.
    if found.f_files and found.f_favail < files_wanted:
        raise DvError(
            "%s has room for %d files" % (place, found.f_favail),
            "%d for %d validators" % (files_wanted, validators),
            "free some, or choose a data directory on a larger disk",
        )


def _nearest(path):
    """``path``, or the nearest of its parents that is there."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
