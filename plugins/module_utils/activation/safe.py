# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Safe pays: what is due goes into a file for its Transaction Builder, which its owners sign and send. It is proposed to nobody; what became
of it, the chain tells.

Source: safe-global/safe-react-apps, apps/tx-builder (typings/models.ts, lib/checksum.ts), 1.18.2.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import Any

from ..crypto.keccak import keccak256
from ..encoding.hex import from_hex
from ..ethereum.address import checksum_address
from .handed_out import HandedOut
from .line_states import State
from .payer import Turn
from .plan import Line, Plan, eth
from .work import Work

_VERSION, _BUILDER, _NAME = "1.0", "1.18.2", "Deposits of plan "


class Safe:
    """The :class:`~.payer.Payer` at ``address`` (20 bytes), for which there is a file at ``path``."""

    sends = False

    def __init__(self, address: bytes, path: str) -> None:
        self.address, self._out = address, HandedOut(path, _is_ours)

    def open(self) -> None:
        """Nothing of it is locked on the node."""

    def turn(self, work: Work) -> Turn:
        lines = [line.line for line in work.due if line.state == State.FREE]
        what = f"{len(lines)} {'deposit' if len(lines) == 1 else 'deposits'} for the Safe {checksum_address(self.address)}"
        deeds = self._out.deeds(self._batch(work.plan, lines) if lines else None, what)
        return Turn(
            deeds,
            f"{self._out.path} has {what}: its Transaction Builder takes it, once, and its owners sign and execute it" if lines else "",
        )

    def _batch(self, plan: Plan, lines: Collection[Line]) -> dict[str, Any]:
        """The file of ``lines``, made when the one that is there was, if that is the same."""
        found = self._out.found()
        made = [found["createdAt"]] if found else []
        batches = [batch(plan, self.address, lines, created) for created in (*made, int(time.time() * 1000))]
        return next((each for each in batches if each == found), batches[-1])


def batch(plan: Plan, safe: bytes, lines: Collection[Line], created: int) -> dict[str, Any]:
    """What the Transaction Builder imports.

    :param created: Unix milliseconds
    """
    to = checksum_address(from_hex(plan.contract, 20, "contract"))
    made: dict[str, Any] = dict(
        version=_VERSION,
        chainId=str(plan.chain_id),
        createdAt=created,
        meta=dict(
            name=_NAME + plan.hash[:16],
            description=f"{len(lines)} deposits, {eth(sum(line.amount for line in lines))} ETH",
            txBuilderVersion=_BUILDER,
            createdFromSafeAddress=checksum_address(safe),
            createdFromOwnerAddress="",
        ),
        transactions=[
            dict(to=to, value=str(line.value), data="0x" + line.call_data.hex(), contractMethod=None, contractInputsValues=None)
            for line in lines
        ],
    )
    return dict(made, meta=dict(made["meta"], checksum=checksum(made)))


def checksum(batch: dict[str, Any]) -> str:
    """By which the Transaction Builder sees whether a ``batch`` was changed. Its name is not in it."""
    return "0x" + keccak256(_canonical(dict(batch, meta=dict(batch["meta"], name=None))).encode()).hex()


def _canonical(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    if isinstance(value, dict):
        names = sorted(value)
        return "{" + json.dumps(names, separators=(",", ":")) + "".join(f"{_canonical(value[name])}," for name in names) + "}"
    return json.dumps(value, ensure_ascii=False)


def _is_ours(value: Any) -> bool:
    if not isinstance(value, dict) or not {"version", "chainId", "createdAt", "meta", "transactions"} <= value.keys():
        return False
    # Its owners keep such files of other things, too.
    return isinstance(value["meta"], dict) and str(value["meta"].get("name")).startswith(_NAME)
