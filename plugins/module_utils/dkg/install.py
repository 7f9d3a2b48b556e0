# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of a ceremony in the data directory: at its beginning there are none; at its end everything is checked once more, put
in its place, the lock last; then the secrets of the way go.

Each step can be done again, so an interrupted run goes on from where it was.
"""

from ..cluster.lock import ClusterLock
from ..data_dir.layout import KEYS, LOCK, DataDir
from ..data_dir.validator_keys import ValidatorKeys
from ..errors import DvError
from ..ethereum import deposit
from ..ethereum.networks import Network
from ..storage import files
from .ceremony_dir import AttemptDir, CeremonyDir
from .protocol.parameters import Parameters


def check_no_results(data_dir: DataDir) -> None:
    """Refuse to begin where there are results of a ceremony.

    :raises DvError: there are; it names one
    """
    for name in files.names(data_dir.root):
        path = data_dir.path(name)
        filled = files.names(path) if name == KEYS else name == LOCK or name.startswith("deposit-data")
        if filled:
            raise DvError(
                f"{path} exists, and does not come from this ceremony",
                "a data directory without lock, deposit data and validator keys",
                "give the new cluster a data directory of its own; keep the old one: its keys may be in use",
            )


def install(ceremony_dir: CeremonyDir, attempt: AttemptDir, parameters: Parameters, network: Network, lock: ClusterLock) -> None:
    """Put the results of ``attempt`` in their place, then erase what is secret and no longer needed.

    :param lock: the finished and verified one
    :raises DvError: something else is in a place; what is there stays
    """
    data_dir = ceremony_dir.data_dir
    _move_keys(ceremony_dir, attempt, parameters, lock)
    for position, amount in enumerate(parameters.amounts):
        deposits = [validator.deposits[position] for validator in lock.validators or ()]
        content = deposit.dump_file(deposits, parameters.definition.fork_version, network.name)
        ceremony_dir.changed |= files.write_same(data_dir.path(deposit.file_name(amount)), content)
    ceremony_dir.changed |= files.write_same(data_dir.path(LOCK), lock.dump())
    erase_secrets(ceremony_dir)


def erase_secrets(ceremony_dir: CeremonyDir) -> None:
    """Erase every seed, and the key shares of all attempts but those in their final place.

    The ceremonies of other definitions cannot go on in this data directory, so their seeds go too. But others may have completed
    one that this node confirmed: its key shares stay.
    """
    for attempt in ceremony_dir.attempts():
        attempt.erase_secrets()
    for other in _recovered(ceremony_dir.siblings()):
        for attempt in other.attempts():
            attempt.erase_secrets(keys="confirm" not in attempt.sent_rounds())
        ceremony_dir.changed |= other.changed


def erase_unsent(ceremony_dir: CeremonyDir) -> None:
    """Erase what the definitions that gave way to this one left: seeds and all that is secret, where nothing was sent."""
    for other in _recovered([other for other in ceremony_dir.siblings() if not other.has_sent()]):
        for attempt in other.attempts():
            attempt.erase_secrets()
        ceremony_dir.changed |= other.changed


def _recovered(ceremony_dirs):
    """The same, without what killed runs left in them: temporary files may be seeds."""
    for ceremony_dir in ceremony_dirs:
        ceremony_dir.recover()
    return ceremony_dirs


def _move_keys(ceremony_dir, attempt, parameters, lock):
    target = ceremony_dir.data_dir.path(KEYS)
    if files.is_directory(attempt.keys):
        files.move_directory(attempt.keys, target)
        ceremony_dir.changed = True
    files.sync_directory(ceremony_dir.data_dir.root)
    wanted = [validator.public_shares[parameters.share_index - 1] for validator in lock.validators]
    if ValidatorKeys(target).public_keys() != wanted:
        raise DvError(f"{target} does not hold this cluster's key shares", "one keystore for each validator of the lock")
