# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layouts of directories that validator clients, the usual compose setups and a remote signer read key shares from.

Sources: keymanager-and-chain §1 (Lodestar reads its own at its start, tried with 1.5.1), §5b and §5c; of eth-docker its import script, of
Lighthouse, Nimbus and Web3Signer their documentation.
"""

from __future__ import annotations

from typing import NamedTuple

from ..encoding.hex import to_hex


class Layout(NamedTuple):
    """A row: paths below the directory. ``{key}`` is the public key of a key share in hex, ``{n}`` the validator's position in the lock.

    :param reads: what reads it, for people
    :param configuration: of a file that says where the other two are, if there has to be one
    """

    reads: str
    keystore: str
    password: str
    configuration: str = ""

    def files(self, public_key: bytes, position: int, keystore: bytes, password: bytes) -> dict[str, bytes]:
        """The files of one key share, by their paths below the directory, in the order in which they are written: what names another one
        after that, since a keystore without its password keeps a client from starting."""
        keystore_path, password_path, configuration = (
            each.format(key=to_hex(public_key), n=position) for each in (self.keystore, self.password, self.configuration)
        )
        found = {password_path: password, keystore_path: keystore}
        if configuration:
            found[configuration] = _CONFIGURATION.format(keystore=keystore_path, password=password_path).encode()
        return found


# Web3Signer takes paths as they are from where the file lies.
_CONFIGURATION = """\
type: "file-keystore"
keyType: "BLS"
keystoreFile: "{keystore}"
keystorePasswordFile: "{password}"
"""

LAYOUTS = {
    "charon": Layout(
        "what starts by charon's validator_keys, as the containers of Obol's setups; Teku", "keystore-{n}.json", "keystore-{n}.txt"
    ),
    "eth_docker": Layout("./ethd keys import, from .eth/validator_keys", "keystore-{n}.json", "keystore-{n}.txt"),
    "lighthouse": Layout("Lighthouse, its data directory", "validators/{key}/voting-keystore.json", "secrets/{key}"),
    "lodestar": Layout("Lodestar, its data directory", "keystores/{key}/voting-keystore.json", "secrets/{key}"),
    "nimbus": Layout("Nimbus, its data directory", "validators/{key}/keystore.json", "secrets/{key}"),
    "web3signer": Layout("Web3Signer, --key-store-path", "{key}.json", "{key}.txt", "{key}.yaml"),
}

#: Which one a validator client has, where nothing else is said.
OF_CLIENT = {"lighthouse": "lighthouse", "lodestar": "lodestar", "nimbus": "nimbus", "prysm": "charon", "teku": "charon"}
