# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The validator clients whose key shares can be loaded, and the remote signer that can hold them: how they differ from the keymanager API
and from each other.

Source: keymanager-and-chain §5b, of Vero its documentation; what was tried with real ones is said in docs/keys.md.
"""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """A row.

    :param port: of its keymanager API by default
    :param beacon_flags: what stands before the URL of its beacon node where it is started, or before several
    :param secure: whether that is HTTPS alone
    :param token_file: where it writes its token by default, for who looks for it
    :param gas_limits: what it wants for gas limits to be set, if not nothing
    :param keystores: whether it takes key shares itself
    :param remote_keys: whether it takes, by its API, those that a remote signer holds
    :param settles: seconds after which what it lists is what it has: until then it may go back to what it had before a change
    """

    port: int
    beacon_flags: tuple[str, ...]
    secure: bool = False
    token_file: str = ""
    gas_limits: str = ""
    keystores: bool = True
    remote_keys: bool = True
    settles: int = 0

    @property
    def url(self) -> str:
        """Where its API is by default."""
        return f"http{'s' if self.secure else ''}://127.0.0.1:{self.port}"


CLIENTS = {
    "lighthouse": Client(5062, ("--beacon-nodes",), token_file="validators/api-token.txt below its data directory"),
    "lodestar": Client(5062, ("--beaconNodes", "--server"), token_file="validator-db/api-token.txt below its data directory"),
    "nimbus": Client(5052, ("--beacon-node",), token_file="where --keymanager-token-file says"),
    "prysm": Client(
        7500,
        ("--beacon-rest-api-provider",),
        token_file="auth-token in its wallet directory, or where --keymanager-token-file says",
        gas_limits="--enable-builder",
        # It answers 500.
        remote_keys=False,
        # It reads its file a second after that was written. What is changed while it does so it takes back, for a second or for good; how
        # long reading takes is the machine's matter.
        settles=5,
    ),
    "teku": Client(
        5052,
        ("--beacon-node-api-endpoint", "--beacon-node-api-endpoints"),
        secure=True,
        token_file="validator/key-manager/validator-api-bearer below its data directory",
    ),
    "vero": Client(8001, ("--beacon-node-urls",), token_file="keymanager-api-token.txt in its data directory", keystores=False),
}

#: Remote signers: they ask nobody who he is, and know neither fee recipients nor gas limits.
SIGNERS = {"web3signer": Client(9000, (), remote_keys=False)}
