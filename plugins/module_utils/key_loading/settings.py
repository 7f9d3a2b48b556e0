# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a validator client is told of each validator, beside its key share: fee recipient and gas limit, as the lock has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..clients.http import NoAnswer
from ..clients.keymanager import Keymanager
from ..clients.table import CLIENTS
from ..encoding.hex import to_hex
from ..errors import DvError
from .shares import Validator


def apply(client: Keymanager, wanted: Mapping[bytes, Validator], dry_run: bool = False) -> tuple[list[str], list[str]]:
    """Set what differs, of keys that the ``client`` lists, and read it back: what was, or would be, set, and warnings.

    :param wanted: by the public key (48 bytes) of the share
    :raises DvError: the client does not keep it
    """
    changes, warnings = [], []
    for key, validator in wanted.items():
        if validator.fee_recipient and _now(client.fee_recipient, key) != validator.fee_recipient:
            changes.append(f"fee recipient {to_hex(validator.fee_recipient)} of {to_hex(key)}")
            if not dry_run:
                client.set_fee_recipient(key, validator.fee_recipient)
                _check(client, key, "fee recipient", to_hex(client.fee_recipient(key)), to_hex(validator.fee_recipient))
    try:
        for key, validator in wanted.items():
            if _now(client.gas_limit, key) != str(validator.gas_limit):
                if not dry_run:
                    client.set_gas_limit(key, validator.gas_limit)
                    _check(client, key, "gas limit", client.gas_limit(key), str(validator.gas_limit))
                changes.append(f"gas limit {validator.gas_limit} of {to_hex(key)}")
    except NoAnswer:
        raise
    except DvError as error:
        needs = CLIENTS[client.client].gas_limits
        if not needs:
            raise
        # charon registers with builders what the lock says, whatever the client thinks.
        warnings.append(f"gas limits are not set, which {client.client} takes with {needs} only: {error}")
    return changes, warnings


def _now(asked: Callable[[bytes], Any], key: bytes) -> Any:
    """What is set now; None where the client says that nothing is: Prysm answers 400 then.

    :raises NoAnswer: it says nothing
    """
    try:
        return asked(key)
    except NoAnswer:
        raise
    except DvError:
        return None


def _check(client: Keymanager, key: bytes, what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise DvError(f"{client} keeps the {what} {found} of {to_hex(key)}", wanted, "its own configuration says so: correct it there")
