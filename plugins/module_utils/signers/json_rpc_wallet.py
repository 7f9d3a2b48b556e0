# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operator's wallet behind a JSON-RPC: Clef, Web3Signer, or an execution client that has one of these.

Source: the Ethereum execution APIs; Clef's external API.
"""

from __future__ import annotations

from ..clients.http import HttpClient
from ..clients.json_rpc import NO_METHOD, JsonRpc, Refused
from ..errors import DvError
from ..ethereum.address import checksum_address
from ..ethereum.transaction import Transaction

_METHOD, _OF_CLEF = "eth_signTransaction", "account_signTransaction"
# Seconds for an answer: somebody may have to read and confirm it.
_PATIENCE = 300


class _Signer(JsonRpc):
    WHAT = "the signer"


class JsonRpcWallet:
    """The :class:`~.transaction_signer.TransactionSigner` of the account at ``address`` (20 bytes), which the signer behind ``http`` has.

    :raises DvError: that would be asked in clear off the node
    """

    def __init__(self, http: HttpClient, address: bytes) -> None:
        self._signer, self._address = _Signer(http), address
        if not http.endpoint.secure and not http.endpoint.is_loopback:
            raise DvError(
                f"{self._signer} is off the node",
                "http:// on the node itself, as http://127.0.0.1:8550, or https://",
                "it asks nobody who he is: publish its port on 127.0.0.1 only",
            )

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """The ``transaction`` as it is sent, if the signer is to be believed.

        :raises DvError: it does not sign
        """
        try:
            return self._ask(_METHOD, transaction)
        except Refused as error:
            if error.code != NO_METHOD:
                raise
        return self._ask(_OF_CLEF, transaction)

    def _ask(self, method: str, transaction: Transaction) -> bytes:
        fields = transaction.to_json()
        # Clef takes no addresses without their checksums; the other name that the API has for the data is the only one that Web3Signer reads.
        asked = {"from": checksum_address(self._address), **fields, "input": fields["data"]}
        found = self._signer.ask(method, asked, timeout=_PATIENCE)
        # Of geth's kin it is beside its fields.
        return self._signer.data(method, found.get("raw") if isinstance(found, dict) else found)
