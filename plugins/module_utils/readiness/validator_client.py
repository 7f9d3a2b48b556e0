# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's validator client: whether it answers, and has what the lock says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..data_dir.layout import DataDir
from ..encoding.hex import to_hex
from ..errors import DvError
from ..key_loading import choice, shares
from ..key_loading.shares import Shares
from ..key_loading.target import Target, listed_of
from .finding import Finding, failed, measured, not_measured
from .timed import ping

_ALL = ("client_ping", "client_keys", "client_fees")


def look(asked: dict[str, Any], data_dir: DataDir) -> list[Finding]:
    """What the target tells that is ``asked`` for, see the module load_keys."""
    if not asked["target"]:
        return [not_measured(check, "dv_keys_target is not set") for check in _ALL]
    try:
        target, known = choice.choose(asked, data_dir), shares.of_lock(data_dir)
    except DvError as error:
        return [failed(check, error) for check in _ALL]
    return [*_look(target, known)]


def _look(target: Target, known: Shares) -> Iterator[Finding]:
    if target.settings is None:
        yield not_measured("client_ping", f"{target.client} reads files", target.url)
    else:
        try:
            yield ping("client_ping", target.settings.keystores, target.url)
        except DvError as error:
            yield failed("client_ping", error, target.url)
            yield from (not_measured(check, "it does not answer", target.url) for check in _ALL[1:])
            return
    yield from (_tried(check, look, target, known) for check, look in (("client_keys", _keys), ("client_fees", _fees)))


def _tried(check: str, look: Any, target: Target, known: Shares) -> Finding:
    try:
        text = look(target, known)
    except DvError as error:
        return failed(check, error, target.url)
    if text is None:
        return not_measured(check, f"{target.client} reads files", target.url)
    return measured(check, not text, target.url, text or f"{len(known.wanted)} of {len(known.wanted)}")


def _keys(target: Target, known: Shares) -> str | None:
    """What is wrong with the key shares that its holders list."""
    for holder in target.holders:
        listed = listed_of(holder, known.wanted)
        missing = [key for key in known.wanted if key not in listed]
        if missing:
            return f"{holder} lacks {len(missing)} of {len(known.wanted)} key shares: {known.names(missing)}"
        strange = [key for key in known.of_others if key in listed]
        if strange:
            return f"{holder} has key shares of operator {known.of_others[strange[0]]}"
    return ""


def _fees(target: Target, known: Shares) -> str | None:
    """Whose fee recipient is another one than the lock's."""
    if target.settings is None:
        return None
    for key, validator in known.wanted.items():
        if validator.fee_recipient and (found := target.settings.fee_recipient(key)) != validator.fee_recipient:
            return f"that of validator {validator.position} is {to_hex(found)}, and not {to_hex(validator.fee_recipient)}"
    return ""
