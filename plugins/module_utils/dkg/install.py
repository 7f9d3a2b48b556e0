# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a ceremony: everything is checked once more, put in its place, the lock last; then the secrets of the
way go.

Each step can be done again, so an interrupted run goes on from where it was.
"""

from ..data_dir import artefacts
from ..data_dir.layout import KEYS, LOCK
from ..data_dir.validator_keys import ValidatorKeys
from ..errors import DvError
from ..ethereum import deposit
from ..storage import files


def is_complete(home, definition_hash):
    """Whether the data directory holds the finished results of the definition with that hash.

    :raises DvError: it holds those of another one
    """
    found = artefacts.locked_definition(home.data_dir)
    if found is None:
        return False
    check_locked(home.data_dir, found, definition_hash)
    return True


def check_locked(data_dir, found, definition_hash):
    """Refuse a lock whose definition, ``found`` there, has another hash.

    :raises DvError: it has
    """
    if found.definition_hash != definition_hash:
        raise DvError(
            "%s is the lock of the definition 0x%s" % (data_dir.path(LOCK), found.definition_hash.hex()),
            "that of 0x%s, or none" % definition_hash.hex(),
            "give the new cluster a data directory of its own; keep the old one: its keys may be in use",
        )


def install(home, attempt, parameters, network, lock):
    """Put the results of ``attempt`` in their place, then erase what is secret and no longer needed.

    :param lock: the finished and verified :class:`lock.ClusterLock`
    :raises DvError: something else is in a place; what is there stays
    """
    _move_keys(home, attempt, parameters, lock)
    for place, amount in enumerate(parameters.amounts):
        deposits = [validator.deposits[place] for validator in lock.validators]
        content = deposit.dump_file(deposits, parameters.definition.fork_version, network.name)
        home.changed |= files.write_same(home.data_dir.path(deposit.file_name(amount)), content)
    home.changed |= files.write_same(home.data_dir.path(LOCK), lock.dump())
    clear(home)


def clear(home):
    """Erase every seed, and the key shares of all attempts but those in their final place.

    The ceremonies of other definitions cannot go on in this data directory, so their seeds go too. But others may have completed
    one that this node confirmed: its key shares stay.
    """
    for attempt in home.attempts():
        attempt.clear()
    for other in _swept(home.siblings()):
        for attempt in other.attempts():
            attempt.clear(keys="confirm" not in attempt.sent())
        home.changed |= other.changed


def clear_unsent(home):
    """Erase what the definitions that gave way to that of ``home`` left: seeds and all that is secret, where nothing was sent."""
    for other in _swept([other for other in home.siblings() if not other.has_sent()]):
        for attempt in other.attempts():
            attempt.clear()
        home.changed |= other.changed


def _swept(homes):
    """The ``homes`` without what killed runs left in them: temporary files may be seeds."""
    for home in homes:
        home.recover()
    return homes


def _move_keys(home, attempt, parameters, lock):
    target = home.data_dir.path(KEYS)
    if files.is_directory(attempt.keys):
        files.move_directory(attempt.keys, target)
        home.changed = True
    files.sync_directory(home.data_dir.root)
    wanted = [validator.public_shares[parameters.index - 1] for validator in lock.validators]
    if ValidatorKeys(target).public_keys() != wanted:
        raise DvError("%s does not hold this cluster's key shares" % target, "one keystore for each validator of the lock")
