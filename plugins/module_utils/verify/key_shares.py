# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of a node's key shares: each by its public key, whatever the number in its file's name; the rest is counted.

``charon run`` reads none of them: what is missing or named otherwise is a warning. Its other commands (exit, deposit,
feerecipient, combine, alpha edit) want one for each validator, numbered from 0 without a gap; the last two take the number for
that of the validator. They load what is called ``keystore-*.json`` and pass over the rest. Source: charon-formats §7, §8.5.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..cluster.lock import ClusterLock, DistributedValidator
from ..crypto.bls.signatures import bls
from ..data_dir import key_place, layout
from ..data_dir.validator_keys import ValidatorKeys, number_of
from ..encoding.hex import to_hex
from ..errors import DvError
from .definition import and_others
from .lock import validator_name
from .report import Report

_CHECK = "key_shares"

# What differs between errors of one cause.
_NUMBERS = re.compile("[0-9a-f]{8,}|[0-9]+")


class _Share(NamedTuple):
    """The keystore at ``path``, with the share that the operator has of the validator at that position in the lock (from 0)."""

    path: str
    share_index: int
    position: int


def check_key_shares(report: Report, data_dir: layout.DataDir, lock: ClusterLock, share_index: int | None) -> None:
    """Add the findings of the keystores in ``data_dir`` to ``report``, and their number.

    :param lock: what they belong to
    :param share_index: that of the node; ``None`` if it is not known: the first share tells it then
    """
    validators = lock.validators or ()
    directory = data_dir.path(layout.KEYS)
    if not data_dir.holds(layout.KEYS):
        place = None
        with contextlib.suppress(DvError):
            place = key_place.read(data_dir)
        if not place or (place.state, place.lock_hash) != (key_place.STATE_LOADED, to_hex(lock.lock_hash)):
            report.warning(_CHECK, f"there is no {layout.KEYS}: they are elsewhere")
        return
    with report.errors_of(_CHECK):
        keys = ValidatorKeys(directory, source=data_dir.source)
        paths = keys.paths()
        _check_names(report, keys, paths)
        shares: list[_Share] = []
        faults: list[tuple[Hashable, DvError]] = []
        owners = _owners(validators)
        for path in paths:
            try:
                shares.append(_read(keys, path, owners))
            except DvError as error:
                faults.append((_NUMBERS.sub("", error.found), error))
        share_index = share_index or (shares[0].share_index if shares else None)
        faults += _of_others(shares, share_index, validators)
        report.add_by_cause("error", _CHECK, faults)
        own = [share for share in shares if share.share_index == share_index]
        report.key_shares = len({share.position for share in own})
        _check_number(report, directory, own, len(paths) - len(own), validators)


def _owners(validators: Sequence[DistributedValidator]) -> dict[bytes, tuple[int | None, int]]:
    """(share index, position) by the public key of a share; the share index is ``None`` for the key of a whole validator."""
    owners: dict[bytes, tuple[int | None, int]] = {}
    for position, validator in enumerate(validators):
        owners.update({share: (share_index, position) for share_index, share in enumerate(validator.public_shares, 1)})
        owners.setdefault(validator.public_key, (None, position))
    return owners


def _read(keys: ValidatorKeys, path: str, owners: dict[bytes, tuple[int | None, int]]) -> _Share:
    """The :class:`_Share` in the keystore at ``path``.

    :raises DvError: it does not open, or holds something else than a share of the lock
    """
    public = bls.secret_to_public(keys.read_share(path))
    if keys.public_key(path) not in (public, b""):
        raise DvError(f"{path} says that it is for another key than the one in it", f"pubkey {public.hex()}")
    if public not in owners:
        raise DvError(f"{path} holds a share that is not in the lock", "a share of one of its validators")
    share_index, position = owners[public]
    if share_index is None:
        hint = "nobody ever needs it on a node: whoever has it has the validator"
        raise DvError(f"{path} holds the whole key of validator {position}", "a share of it", hint)
    return _Share(path, share_index, position)


def _of_others(
    shares: Iterable[_Share], share_index: int | None, validators: Sequence[DistributedValidator]
) -> Iterator[tuple[Hashable, DvError]]:
    """The shares of other operators, as errors by their cause."""
    for share in shares:
        if share.share_index != share_index:
            name = validator_name(share.position, validators[share.position])
            found = f"{share.path} holds the share of operator {share.share_index} for {name}"
            yield share.share_index, DvError(found, f"that of operator {share_index}")


def _check_names(report: Report, keys: ValidatorKeys, paths: Iterable[str]) -> None:
    names = [os.path.basename(path) for path in paths]
    insecure = [name for name in names if "insecure" in name]
    if insecure:
        report.warning(_CHECK, f"{and_others(insecure)}: anyone who reads the file can guess its password")
    passwords = {name.removesuffix(".json") + ".txt" for name in names}
    stray = [name for name in keys.source.list_directory(keys.directory) if name.startswith("keystore-") and name.endswith(".txt")]
    stray = sorted(set(stray) - passwords)
    if stray:
        report.warning(_CHECK, f"{and_others(stray)}: there is no keystore for it")


def _check_number(
    report: Report, directory: str, shares: Sequence[_Share], faulty: int, validators: Sequence[DistributedValidator]
) -> None:
    """Warn of what charon runs with, while its other commands do not.

    :param shares: those of this operator
    :param faulty: how many keystores are none of his shares, which was said before
    """
    by_position: dict[int, list[str]] = {}
    for share in shares:
        by_position.setdefault(share.position, []).append(os.path.basename(share.path))
    names = [validator_name(position, validator) for position, validator in enumerate(validators)]
    missing = [name for position, name in enumerate(names) if position not in by_position]
    numbers = [number_of(os.path.basename(share.path)) for share in shares]
    repeated = [" and ".join(found) for found in by_position.values() if len(found) > 1]
    if len(missing) > faulty:
        report.warning(
            _CHECK,
            f"{len(by_position)} of {len(names)} key shares are here, not that for {and_others(missing)}: charon runs, its other commands want all",
        )
    if repeated:
        report.warning(_CHECK, f"{and_others(repeated)} hold the same key share")
    if missing or repeated or faulty:
        return
    if set(numbers) != set(range(len(shares))):
        report.warning(
            _CHECK, f"{directory}: the keystores are not numbered from 0 to {len(shares) - 1}: charon runs, its other commands refuse them"
        )
    elif numbers != [share.position for share in shares]:
        report.warning(
            _CHECK, f"{directory}: the keystores are in another order than the validators: charon combine and charon alpha edit refuse them"
        )
