# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A signer: what signs for an operator, of whatever kind its wallet is. Its mirror is :func:`.eip712.verify_signature`."""

from __future__ import annotations

from typing import Protocol

from ..crypto.secp256k1 import one_spelling
from ..errors import DvError
from ..ethereum.address import parse_address
from ..ethereum.eip712 import SignedByAnother, verify_signature


class Signer(Protocol):
    """What :func:`sign_as` asks of a wallet. It is given typed data, not a digest: no hardware, browser or JSON-RPC wallet signs one."""

    def sign(self, typed_data: dict) -> bytes:
        """Its signature (65 bytes) of ``typed_data``, as :mod:`.eip712` makes it."""


def sign_as(signer: Signer, address: str, typed_data: dict) -> bytes:
    """The signature (65 bytes, low s, v 0 or 1) of ``typed_data`` by the ``signer``, which must be the one with that ``address``.

    :raises DvError: the wallet is somebody else's
    """
    signature = one_spelling(signer.sign(typed_data))
    try:
        verify_signature(parse_address(address, "the signer"), typed_data, signature)
    except SignedByAnother as error:
        raise DvError(
            f"the wallet signs for {error.signer}",
            f"the wallet of {address}",
            "correct dv_wallet_file, or the address in dv_operators or dv_creator",
        ) from None
    return signature
