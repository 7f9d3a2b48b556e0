# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies the key shares of a node: each by its public key, whatever the number in its file's name; the rest is counted.

``charon run`` reads none of them: what is missing or named otherwise is a warning. Its other commands (exit, deposit,
feerecipient, combine, alpha edit) want one for each validator, numbered from 0 without a gap; the last two take the number for
that of the validator. They load what is called ``keystore-*.json`` and pass over the rest. Source: charon-formats §7, §8.5.
"""

import os
import re
from typing import NamedTuple

from ..crypto.bls.signatures import bls
from ..data_dir import layout
from ..data_dir.validator_keys import ValidatorKeys, number_of
from ..errors import DvError
from ..ethereum import keystore
from ..storage import files
from .definition import and_others
from .lock import validator_name

_CHECK = "key_shares"

# What differs between errors of one cause.
_NUMBERS = re.compile("[0-9a-f]{8,}|[0-9]+")


class _Share(NamedTuple):
    """A keystore, the operator (share index) and the validator (place in the lock) whose share is in it."""

    path: str
    operator: int
    place: int


def check_key_shares(report, directory, lock, index):
    """Add to ``report`` what is wrong with the keystores in ``directory``.

    :param lock: the :class:`.lock.ClusterLock` that they belong to
    :param index: the share index of the node; ``None`` if it is not known: the first share tells it then
    """
    validators = lock.validators or ()
    if not os.path.lexists(directory):
        report.warning(_CHECK, f"there is no {layout.KEYS}: they are elsewhere")
        return
    with report.errors_of(_CHECK):
        keys = ValidatorKeys(directory)
        paths = keys.paths()
        _check_names(report, directory, paths)
        shares, faults, owners = [], [], _owners(validators)
        for path in paths:
            try:
                shares.append(_read(keys, path, owners))
            except DvError as error:
                faults.append((_NUMBERS.sub("", error.found), error))
        index = index or (shares[0].operator if shares else None)
        faults += _of_others(shares, index, validators)
        report.by_cause("error", _CHECK, faults)
        own = [share for share in shares if share.operator == index]
        _check_number(report, directory, own, len(paths) - len(own), validators)


def _owners(validators):
    """(operator, place) by public key of a share; the operator is ``None`` for the key of a whole validator."""
    owners = {}
    for place, validator in enumerate(validators):
        owners.update({share: (index, place) for index, share in enumerate(validator.public_shares, 1)})
        owners.setdefault(validator.public_key, (None, place))
    return owners


def _read(keys, path, owners):
    """The :class:`_Share` in the keystore at ``path``.

    :raises DvError: it does not open, or holds something else than a share of the lock
    """
    public = bls.secret_to_public(keys.read_share(path))
    if keystore.public_key(files.read(path), path) not in (public, b""):
        raise DvError(f"{path} says that it is for another key than the one in it", f"pubkey {public.hex()}")
    if public not in owners:
        raise DvError(f"{path} holds a share that is not in the lock", "a share of one of its validators")
    operator, place = owners[public]
    if operator is None:
        hint = "nobody ever needs it on a node: whoever has it has the validator"
        raise DvError(f"{path} holds the whole key of validator {place}", "a share of it", hint)
    return _Share(path, operator, place)


def _of_others(shares, index, validators):
    """The shares that are not operator ``index``'s, as errors by their cause."""
    for share in shares:
        if share.operator != index:
            name = validator_name(share.place, validators[share.place])
            found = f"{share.path} holds the share of operator {share.operator} for {name}"
            yield share.operator, DvError(found, f"that of operator {index}")


def _check_names(report, directory, paths):
    names = [os.path.basename(path) for path in paths]
    insecure = [name for name in names if "insecure" in name]
    if insecure:
        report.warning(_CHECK, f"{and_others(insecure)}: anyone who reads the file can guess its password")
    passwords = {name.removesuffix(".json") + ".txt" for name in names}
    stray = [name for name in os.listdir(directory) if name.startswith("keystore-") and name.endswith(".txt")]
    stray = sorted(set(stray) - passwords)
    if stray:
        report.warning(_CHECK, f"{and_others(stray)}: there is no keystore for it")


def _check_number(report, directory, shares, faulty, validators):
    """What charon runs with, while its other commands do not.

    :param shares: those of this operator
    :param faulty: how many keystores are none of his shares, which was said before
    """
    by_place = {}
    for share in shares:
        by_place.setdefault(share.place, []).append(os.path.basename(share.path))
    names = [validator_name(place, validator) for place, validator in enumerate(validators)]
    missing = [name for place, name in enumerate(names) if place not in by_place]
    numbers = [number_of(os.path.basename(share.path)) for share in shares]
    repeated = [" and ".join(found) for found in by_place.values() if len(found) > 1]
    if len(missing) > faulty:
        report.warning(
            _CHECK,
            f"{len(by_place)} of {len(names)} key shares are here, not that for {and_others(missing)}: charon runs, its other commands want all",
        )
    if repeated:
        report.warning(_CHECK, f"{and_others(repeated)} hold the same key share")
    if missing or repeated or faulty:
        return
    if set(numbers) != set(range(len(shares))):
        report.warning(
            _CHECK, f"{directory}: the keystores are not numbered from 0 to {len(shares) - 1}: charon runs, its other commands refuse them"
        )
    elif numbers != [share.place for share in shares]:
        report.warning(
            _CHECK, f"{directory}: the keystores are in another order than the validators: charon combine and charon alpha edit refuse them"
        )
