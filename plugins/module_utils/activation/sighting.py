# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the deposits of a cluster's validators: by the execution chain, by its client's pool, by the beacon chain."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from ..clients import beacon_states, execution
from ..clients.beacon_states import BeaconStates, Pending, Validator
from ..clients.execution import Block, Call, ExecutionNode, Log
from ..crypto.bls.signatures import bls
from ..encoding.utc import to_utc
from ..errors import DvError
from ..ethereum import deposit, deposit_contract
from ..ethereum.deposit_contract import Deposit
from .plan import Line

_DAY = 86400
# Blocks that are looked at first for an earlier deposit: some two hours.
_LOOK_BACK = 600


@dataclass(frozen=True)
class Sighting:
    """What there was at one time.

    A deposit of a key that is no validator yet makes it one, with the deposit's withdrawal credentials, if the key has signed it; if not, the
    beacon chain lets it vanish. Of a validator each is added to its balance, whatever it holds (consensus-specs, apply_pending_deposit).

    :param taken: monotonic seconds, when all but old blocks was still to be looked at
    :param made: the deposits of the validators in the chain that count so, each with its block, in order
    :param void: those that vanish
    :param waiting: calls of the contract in the pool, each with its deposit, or ``None`` where the client shows none
    :param validators: by public key, in the finalized state of the beacon chain
    :param at_head: the same at its head
    :param pending: what the beacon chain has still to deal with
    :param finalized: the number of the last block that is final
    """

    taken: float
    made: tuple[tuple[Log, Deposit], ...]
    void: tuple[tuple[Log, Deposit], ...]
    waiting: tuple[tuple[Call, Deposit], ...] | None
    validators: dict[bytes, Validator]
    at_head: dict[bytes, Validator]
    pending: tuple[Pending, ...]
    latest: Block
    finalized: int

    def deposit_of(self, line: Line) -> Log | None:
        """Where the deposit of a ``line`` is in the chain, whoever sent it; ``None`` where there is none that counts."""
        same = [log for log, made in self.made if (made.pubkey, made.amount) == (line.pubkey, line.amount)]
        return same[line.nth - 1] if len(same) >= line.nth else None


def look(
    node: ExecutionNode, beacon: BeaconStates, contract: bytes, pubkeys: Collection[bytes], since: int, fork_version: bytes
) -> Sighting:
    """See what there is of validators with these ``pubkeys``.

    :param since: Unix seconds: no deposit of theirs is older
    :param fork_version: the network's genesis one (4 bytes)
    :raises DvError: somebody does not tell, or what is told has gaps
    """
    latest, finalized = _latest(node), _finalized(node)
    first = _first_block(node, since, latest)
    # Of old blocks it may take minutes. What is looked at after them is of one time.
    events = _events(node, contract, first, min(finalized, latest.number))
    taken = time.monotonic()
    # The beacon node comes first: what it has by then the execution client has, too.
    validators, at_head = beacon.validators(pubkeys, beacon_states.FINALIZED), beacon.validators(pubkeys)
    pending = tuple(each for each in beacon.pending_deposits() if each.pubkey in pubkeys)
    latest = _latest(node)
    events += _events(node, contract, max(first, finalized + 1), latest.number)
    _check_complete(node, contract, events, first, latest)
    made, void = _counted([(log, each) for log, each in events if each.pubkey in pubkeys], fork_version)
    pool = node.pool()
    return Sighting(
        taken=taken,
        made=made,
        void=void,
        waiting=None if pool is None else tuple(_calls(pool, contract, pubkeys)),
        validators=validators,
        at_head=at_head,
        pending=pending,
        latest=latest,
        finalized=finalized,
    )


def _latest(node: ExecutionNode) -> Block:
    block = node.block(execution.LATEST)
    if block is None:
        raise DvError(f"{node} has no block", "a chain", "see whether it is synced")
    return block


def _finalized(node: ExecutionNode) -> int:
    """The number of the last final block: none is, before the chain has come so far."""
    try:
        block = node.block(execution.FINALIZED)
    except execution.Refused:
        return 0
    return block.number if block else 0


def _first_block(node: ExecutionNode, since: int, latest: Block) -> int:
    """The number of the first block that is not older than ``since`` less a day. Older ones may have been thrown away.

    :raises DvError: one that is not older may have been, too
    """
    low, high, missing = 0, latest.number, ""
    while low < high:
        middle, reason = (low + high) // 2, ""
        try:
            block = node.block(middle)
            reason = "" if block else "there is none"
        except execution.Refused as error:
            block, reason = None, error.found
        if block and block.timestamp >= since - _DAY:
            high = middle
        else:
            low, missing = middle + 1, reason
    if missing:
        raise DvError(
            f"{node} does not tell of the block {low - 1}: {missing}",
            f"all blocks since {to_utc(since - _DAY)}",
            "use an execution client that has them: hosted ones, and those that prune their history, may not",
        )
    return low


def _check_complete(node: ExecutionNode, contract: bytes, found: list[tuple[Log, Deposit]], first: int, latest: Block) -> None:
    """Refuse what is not all that the contract took from the block ``first`` on. The last one before that block is looked at, too: each tells how
    many were before it, so that a missing one shows."""
    count = deposit_contract.parse_count(node.call(contract, deposit_contract.COUNT_CALL, latest.number))
    earlier = _last_before(node, contract, first) if len(found) < count else []
    indices = [made.index for _log, made in (*earlier, *found)]
    if len(indices) < min(count, len(found) + 1) or indices != [*range(count - len(indices), count)]:
        raise DvError(
            f"{node} tells of {len(found)} deposits from block {first} on, of {count} in all: some are missing",
            f"each, and the last one before block {first}",
            "use an execution client that has all events of the deposit contract from there on",
        )


_Deposits = tuple[tuple[Log, Deposit], ...]


def _counted(found: list[tuple[Log, Deposit]], fork_version: bytes) -> tuple[_Deposits, _Deposits]:
    """Those deposits that count, and those that vanish."""
    made: list[tuple[Log, Deposit]] = []
    void, validators = [], set()
    for log, each in found:
        if each.pubkey in validators or is_signed(each, fork_version):
            validators.add(each.pubkey)
            made.append((log, each))
        else:
            void.append((log, each))
    return tuple(made), tuple(void)


def is_signed(made: Deposit, fork_version: bytes) -> bool:
    """Whether a deposit has the signature of its key, on the network with that genesis fork version (4 bytes)."""
    root = deposit.signing_root(made.pubkey, made.withdrawal_credentials, made.amount, fork_version)
    return bls.verify(made.pubkey, root, made.signature)


def _last_before(node: ExecutionNode, contract: bytes, first: int) -> list[tuple[Log, Deposit]]:
    """The last deposit before the block ``first``, as a list; of none where none is told of."""
    end, size = first, _LOOK_BACK
    while end > 0:
        begin = max(0, end - size)
        if found := _events(node, contract, begin, end - 1):
            return found[-1:]
        end, size = begin, 2 * size
    return []


def _events(node: ExecutionNode, contract: bytes, first: int, last: int) -> list[tuple[Log, Deposit]]:
    return [(log, deposit_contract.parse_event(log.data)) for log in node.logs(contract, deposit_contract.EVENT, first, last)]


def _calls(pool: list[Call], contract: bytes, pubkeys: Collection[bytes]) -> list[tuple[Call, Deposit]]:
    found = []
    for call in pool:
        if call.to == contract:
            try:
                deposit = deposit_contract.parse_call(call.data, call.value // deposit_contract.WEI_PER_GWEI)
            except DvError:
                # The contract refuses it.
                continue
            if deposit.pubkey in pubkeys:
                found.append((call, deposit))
    return found
