# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preflight of a node: all that can be known to fail later is said before anything is written, all of it at once."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..data_dir.layout import DataDir
from ..errors import Collector, DvError
from ..ethereum.networks import KNOWN, Networks
from ..storage import ownership
from ..storage.paths import absolute, check_directory
from .disk_space import check_space

MINIMUM_PYTHON = (3, 11)

#: What a node's Python must have: distribution name and its oldest version that will do (see requirements-node.in).
LIBRARIES = {
    "cryptography": (50, 0),
    "ckzg": (2, 1),
    "wallycore": (1, 5),
    "pycryptodome": (3, 0),
    "jsonschema": (4, 0),
    "pyyaml": (6, 0),
    "pyrage": (1, 0),
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """What the inventory says of a node. Paths are texts.

    :param address: address of its operator; ``None`` if its wallet tells
    :param share_index: its share index, needed only where its address has several
    :param wallet_create: a wallet will be made where there is none
    :param confirmed_config_hash: 32 bytes, terms that somebody confirmed for it, or ``None``
    :param confirmed_definition_hash: 32 bytes, a definition that somebody confirmed for it, or ``None``
    :param demo: operators are made up: a play before the approval writes its policy
    :param accept: names of the :mod:`.hazards` that are meant
    :param owner: user and group whose the data directory shall be, as :func:`.ownership.parse` takes them, or ``None``
    :param backup_recipients: for whom it is backed up, or empty
    :param backup_passphrase_file: the passphrase of its backups, or ``None``
    :param backup_dir: where they are
    """

    data_dir: DataDir
    wallet_file: str
    password_file: str
    policy_file: str
    address: str | None = None
    share_index: int | None = None
    wallet_create: bool = False
    confirmed_config_hash: bytes | None = None
    confirmed_definition_hash: bytes | None = None
    demo: bool = False
    accept: tuple[str, ...] = ()
    owner: str | None = None
    backup_recipients: tuple[str, ...] = ()
    backup_passphrase_file: str | None = None
    backup_dir: str | None = None


#: Variable -> the path on the node that it names.
PATHS = {
    "dv_data_dir": "data_dir",
    "dv_wallet_file": "wallet_file",
    "dv_wallet_password_file": "password_file",
    "dv_policy_file": "policy_file",
    "dv_backup_dir": "backup_dir",
    "dv_backup_passphrase_file": "backup_passphrase_file",
}


class Given(NamedTuple):
    """A finished definition, to be used instead of terms, wallet and policy: its ``text``, the ``path`` that it comes from,
    and the ``networks`` that count."""

    text: str
    path: str
    networks: Networks = KNOWN


def check(
    node: Node, terms: Mapping[str, object], now: float, given: Given | None = None, inbox: dict[str, str] | None = None
) -> list[DvError]:
    """Everything that would fail later on ``node``: a list of :class:`~.errors.DvError`, empty if nothing is known to.

    :param terms: the cluster's terms, as :func:`.config.parse_config` takes them
    :param now: Unix seconds
    :param given: the :class:`Given` definition, if there is one; then ``terms`` say nothing
    :param inbox: name -> text of the store's approvals and proposal; nothing in them is trusted
    """
    problems = Collector()
    for requirement, version in LIBRARIES.items():
        with problems:
            check_library(requirement, version)
    with problems:
        check_python()
    if problems.errors:
        return problems.errors
    from ..agreement import hazards
    from . import preflight_checks

    config = definition = None
    with problems:
        if given:
            definition = preflight_checks.given_definition(given)
        else:
            config = preflight_checks.agreed_config(node, terms)
    for variable, field in PATHS.items():
        with problems:
            absolute(str(getattr(node, field) or "/"), variable)
    if not given:
        problems.errors += hazards.problems(config, node.demo, node.accept)
    with problems:
        check_directory(node.data_dir.root)
        # What cannot be opened, needs no second error for each file in it.
        with problems:
            preflight_checks.check_node_key(node, now)
        if given and definition:
            with problems:
                preflight_checks.check_given(node, definition, given.networks)
        if config:
            with problems:
                preflight_checks.check_artefacts(node, config)
            with problems:
                preflight_checks.check_proposed(node, config, inbox or {})
        agreed = definition or config
        if agreed and not preflight_checks.finished(node):
            check_space(node.data_dir.root, agreed.num_validators, len(agreed.operators or ()))
    if not given:
        with problems:
            preflight_checks.check_signer(node, config, inbox or {})
    if node.owner:
        with problems:
            ownership.check(ownership.parse(node.owner, "dv_data_owner"), "dv_data_owner")
    if (node.backup_recipients or node.backup_passphrase_file) and node.backup_dir:
        with problems:
            preflight_checks.check_backup(node.backup_recipients, node.backup_passphrase_file, node.backup_dir)
    return problems.errors


def summarize(node: Node, terms: Mapping[str, object], inbox: dict[str, str]) -> dict[str, object]:
    """What the control node has to know of a ``node``, as far as it can be known, a dict: ``can_propose``, whether a creator has to
    sign there, and its operator is the one (``None`` where none is missing, or nobody can tell); ``accepted``, the texts of the
    hazards that were accepted; ``terms``, in the form of :func:`.cluster.summary.summarize_config`; ``config_hash``, of what was proposed (hex), or
    ``None``. The arguments are those of :func:`check`."""
    from ..agreement import hazards
    from . import preflight_checks

    known: dict[str, object] = dict(can_propose=None, accepted=[], terms=None, config_hash=None)
    with contextlib.suppress(DvError):
        config = preflight_checks.agreed_config(node, terms)
        known["terms"] = preflight_checks.summarize_agreed(config)
        accepted = hazards.of(config, node.demo).items()
        known["accepted"] = [text for name, text in accepted if name in node.accept]
        known["config_hash"] = preflight_checks.config_hash(node, config, inbox)
        known["can_propose"] = preflight_checks.can_propose(node, config, inbox)
    return known


def check_python() -> None:
    if sys.version_info < MINIMUM_PYTHON:
        raise DvError(
            f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}",
            "Python %d.%d or newer" % MINIMUM_PYTHON,
            "set ansible_python_interpreter of this node to a newer one",
        )


def check_library(name: str, oldest: tuple[int, ...]) -> None:
    """Refuse a Python without the distribution ``name`` in version ``oldest`` (a tuple of integers) or newer."""
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found = None
    if found is None or tuple(map(int, re.findall("[0-9]+", found)[: len(oldest)])) < oldest:
        raise DvError(
            "%s has %s %s" % (sys.executable, "no" if found is None else "the old", " ".join(filter(None, (name, found)))),
            "%s %s or newer" % (name, ".".join(map(str, oldest))),
            "install requirements-node.txt there, or set ansible_python_interpreter to a Python that has it",
        )
