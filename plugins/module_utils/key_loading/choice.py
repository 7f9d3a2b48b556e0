# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which target an inventory means: its variables, read and checked."""

from __future__ import annotations

import os
from typing import Any

from ..clients.http import Endpoint, HttpClient, parse_certificate, parse_endpoint
from ..clients.keymanager import Keymanager, parse_token
from ..clients.table import CLIENTS
from ..data_dir import key_place
from ..data_dir.layout import DataDir
from ..errors import Collector, DvError, show
from ..storage import files
from .keystores import Keystores
from .target import Target

# Both files are far smaller.
_MAX_SIZE = 64 * 1024


def choose(asked: dict[str, Any], data_dir: DataDir) -> Target:
    """The target that is ``asked`` for: ``client``, ``url``, ``token_file``, ``certificate_file``, see the module load_keys.

    :raises Problems: whatever is wrong with them
    """
    problems = Collector()
    with problems:
        endpoint, certificate = _endpoint(asked)
    with problems:
        token = _token(asked["token_file"], data_dir)
    problems.raise_any()
    api = Keymanager(HttpClient(endpoint, token, certificate), asked["client"], [token])
    machine = key_place.this_machine() if endpoint.is_loopback else ""
    return Target(asked["client"], str(endpoint), machine, (Keystores(api),), api)


def named(asked: dict[str, Any]) -> tuple[str, str]:
    """Client and URL of the target that is ``asked`` for, as they are on record.

    :raises DvError: they are wrong
    """
    return asked["client"], str(_address(asked))


def _token(path: str | None, data_dir: DataDir) -> str:
    """The token in the file ``path``, which is none of the node's own secrets: it goes to the client."""
    if not path:
        raise DvError("dv_keys_token_file is not set", "the file on the node with the client's token")
    if os.path.realpath(path).startswith(os.path.realpath(data_dir.root) + os.sep):
        raise DvError(
            f"dv_keys_token_file is {path}, in the data directory",
            "the file with the client's own token",
            "a key or a password of this node would be sent to the client",
        )
    return parse_token(files.read(path, _MAX_SIZE), path)


def _endpoint(asked: dict[str, Any]) -> tuple[Endpoint, bytes | None]:
    """Where the client's API is, and the certificate that it has to show."""
    endpoint = _address(asked)
    if not endpoint.secure and not endpoint.is_loopback:
        raise DvError(
            f"dv_keys_url is {endpoint}, and leads off the node",
            "an address of the node itself, as 127.0.0.1, or https:// with dv_keys_certificate_file",
            "the token and the passwords of the key shares would travel in clear",
        )
    if endpoint.secure and not asked["certificate_file"]:
        raise DvError(
            f"dv_keys_url is {endpoint}, without dv_keys_certificate_file", "the certificate of the client, a PEM file on the node"
        )
    if not endpoint.secure:
        return endpoint, None
    return endpoint, parse_certificate(files.read(asked["certificate_file"], _MAX_SIZE), asked["certificate_file"])


def _address(asked: dict[str, Any]) -> Endpoint:
    if asked["client"] not in CLIENTS:
        raise DvError(f"dv_keys_client is {show(asked['client'])}", "one of " + ", ".join(CLIENTS), "name the node's validator client")
    return parse_endpoint(asked["url"] or CLIENTS[asked["client"]].url, "dv_keys_url")
