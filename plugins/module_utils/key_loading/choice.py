# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which target an inventory means: its variables, read and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..clients.http import Endpoint, HttpClient, NoAnswer, NotReady, parse_certificate, parse_endpoint
from ..clients.keymanager import Keymanager, parse_token
from ..clients.table import CLIENTS
from ..data_dir import key_place, layout
from ..data_dir.key_place import Place
from ..data_dir.layout import DataDir
from ..errors import Collector, DvError, show
from ..storage import files, ownership, paths
from ..storage.ownership import Owner
from .file_layouts import LAYOUTS, OF_CLIENT
from .key_files import KeyFiles, OwnKeys
from .keystores import Keystores
from .remote_keys import RemoteKeys
from .target import Holder, Target

# Both files are far smaller.
_MAX_SIZE = 64 * 1024
# The one remote signer that there is, and the layout of its files.
_SIGNER = "web3signer"
# How the URL of a directory begins.
_FILE = "file:"


def choose(asked: dict[str, Any], data_dir: DataDir) -> Target:
    """The target that is ``asked`` for: ``target``, ``client``, ``url``, ``token_file``, ``certificate_file``, ``directory``, ``layout``,
    ``owner``, ``signer_url`` and ``signer_url_for_client``, see the module load_keys.

    :raises Problems: whatever is wrong with them
    """
    _check_named(asked)
    return _TARGETS[asked["target"]](asked, data_dir)


def check(asked: dict[str, Any], data_dir: DataDir) -> list[str]:
    """Refuse a target that would take no key shares, as far as that can be seen before there are any: its variables are right, and it is no
    other program. Warnings, where it does not answer: most clients do not before they have their charon, and that has a lock.

    :raises Problems: whatever is wrong
    """
    problems, warnings = Collector(), []
    with problems:
        for holder in choose(asked, data_dir).holders:
            with problems:
                try:
                    holder.listed()
                except (NoAnswer, NotReady) as error:
                    warnings.append(f"key shares cannot be loaded yet: {error}")
    problems.raise_any()
    return warnings


def named(asked: dict[str, Any], data_dir: DataDir) -> tuple[str, str, str]:
    """Client, URL and signer of the target that is ``asked`` for, as they are on record.

    :raises DvError: they are wrong
    """
    _check_named(asked)
    client, directory = asked["client"], asked["directory"]
    if asked["target"] == "files":
        _check_keystores(client)
        directory, name, in_place = _directory(asked, data_dir)
        # Another layout in one directory is another copy.
        fragment = "" if in_place or name == OF_CLIENT[client] else f"#{name}"
        return client, Path(directory).as_uri() + fragment, ""
    url = str(_address(asked))
    if asked["target"] == "keymanager":
        return client, url, ""
    return client, url, _uri(directory) if directory else str(_signer_endpoint(asked))


def at(place: Place, asked: dict[str, Any]) -> dict[str, Any]:
    """The same as is ``asked``, of the target that is on record as ``place``."""
    if place.url.startswith(_FILE):
        parts = urlsplit(place.url)
        return dict(asked, target="files", client=place.client, directory=unquote(parts.path), layout=parts.fragment)
    found = dict(asked, target="keymanager", client=place.client, url=place.url)
    if place.signer.startswith(_FILE):
        return dict(found, target="remote_signer", directory=unquote(urlsplit(place.signer).path))
    return dict(found, target="remote_signer", directory=None, signer_url=place.signer) if place.signer else found


def owner_of(asked: dict[str, Any]) -> Owner | None:
    """The ``owner`` that is ``asked`` for, if one is.

    :raises DvError: there is no such one, or the user of this task cannot give files to him
    """
    if not asked["owner"]:
        return None
    owner = ownership.parse(asked["owner"], "dv_keys_owner")
    ownership.check(owner, "dv_keys_owner")
    return owner


def _keymanager(asked: dict[str, Any], data_dir: DataDir) -> Target:
    _check_keystores(asked["client"])
    endpoint, api = _api(asked, data_dir)
    machine = key_place.this_machine() if endpoint.is_loopback else ""
    return Target(asked["client"], str(endpoint), machine, (Keystores(api),), api)


def _files(asked: dict[str, Any], data_dir: DataDir) -> Target:
    client, url, _signer = named(asked, data_dir)
    directory, name, in_place = _directory(asked, data_dir)
    if in_place:
        return Target(client, url, key_place.this_machine(), (OwnKeys(data_dir),), None, at_start=True, in_place=True)
    holder = _key_files(asked, data_dir, directory, name)
    return Target(client, url, key_place.this_machine(), (holder,), None, at_start=True, put_right=holder.put_right)


def _remote_signer(asked: dict[str, Any], data_dir: DataDir) -> Target:
    if not CLIENTS[asked["client"]].remote_keys:
        raise DvError(
            f"{asked['client']} takes no remote keys by its API",
            f"one of {', '.join(name for name, row in CLIENTS.items() if row.remote_keys)}",
            "choose another client, or another dv_keys_target",
        )
    problems = Collector()
    with problems:
        _endpoint_of_client, api = _api(asked, data_dir)
    with problems:
        signer = _signer_endpoint(asked)
        for_client = str(parse_endpoint(asked["signer_url_for_client"] or str(signer), "dv_keys_signer_url_for_client"))
    problems.raise_any()
    client, url, its = named(asked, data_dir)
    # A signer on this machine is what has them, wherever the client is.
    place, remote = (client, url, key_place.this_machine()), RemoteKeys(api, for_client)
    if not asked["directory"]:
        holder: Holder = Keystores(Keymanager(HttpClient(signer), _SIGNER))
        return Target(*place, (holder, remote), api, its)
    key_files = _key_files(asked, data_dir, paths.absolute(asked["directory"], "dv_keys_directory"), _SIGNER)
    return Target(*place, (key_files, remote), api, its, at_start=True, put_right=key_files.put_right)


_TARGETS = {"keymanager": _keymanager, "files": _files, "remote_signer": _remote_signer}


def _check_named(asked: dict[str, Any]) -> None:
    problems = Collector()
    with problems:
        if asked["target"] not in _TARGETS:
            raise DvError(
                f"dv_keys_target is {show(asked['target'])}", "one of " + ", ".join(_TARGETS), "say where the key shares are to be"
            )
    with problems:
        if asked["client"] not in CLIENTS:
            raise DvError(f"dv_keys_client is {show(asked['client'])}", "one of " + ", ".join(CLIENTS), "name the node's validator client")
    problems.raise_any()


def _directory(asked: dict[str, Any], data_dir: DataDir) -> tuple[str, str, bool]:
    """The directory that the client reads, the name of its layout, and whether it is the data directory's own."""
    own = data_dir.path(layout.KEYS)
    directory = paths.absolute(asked["directory"] or own, "dv_keys_directory")
    in_place = os.path.realpath(directory) == os.path.realpath(own)
    name = asked["layout"] or ("charon" if in_place else OF_CLIENT[asked["client"]])
    if name not in LAYOUTS or name == _SIGNER or in_place and name != "charon":
        raise DvError(
            f"dv_keys_layout is {show(name)}, for {directory}",
            "charon in the data directory itself, else one of " + ", ".join(each for each in LAYOUTS if each != _SIGNER),
            "leave it out, or name the directory that the validator client reads",
        )
    return directory, name, in_place


def _uri(directory: str) -> str:
    return Path(paths.absolute(directory, "dv_keys_directory")).as_uri()


def _check_keystores(client: str) -> None:
    if not CLIENTS[client].keystores:
        raise DvError(f"{client} takes no key shares itself", "dv_keys_target: remote_signer", "a remote signer holds them for it")


def _key_files(asked: dict[str, Any], data_dir: DataDir, directory: str, name: str) -> KeyFiles:
    """Those in a ``directory`` of their own, in the layout called ``name``."""
    real, root = (os.path.join(os.path.realpath(path), "") for path in (directory, data_dir.root))
    if real.startswith(root) or root.startswith(real):
        raise DvError(
            f"dv_keys_directory is {directory}, in the data directory or around it",
            f"a directory apart, or {data_dir.path(layout.KEYS)} itself",
            "what is copied to one of its own is a second copy; and it may be given to another user with all that is in it",
        )
    return KeyFiles(data_dir, directory, LAYOUTS[name], owner_of(asked))


def _signer_endpoint(asked: dict[str, Any]) -> Endpoint:
    """Where the remote signer's API is: on this node, since it asks nobody who he is."""
    endpoint = parse_endpoint(asked["signer_url"], "dv_keys_signer_url")
    if endpoint.secure or not endpoint.is_loopback:
        raise DvError(
            f"dv_keys_signer_url is {endpoint}, and the remote signer asks nobody who he is",
            "http:// on the node itself, as http://127.0.0.1:9000",
            "publish its port on 127.0.0.1 only, or give it key files: dv_keys_directory",
        )
    return endpoint


def _api(asked: dict[str, Any], data_dir: DataDir) -> tuple[Endpoint, Keymanager]:
    """The client's keymanager API, and where it is."""
    problems = Collector()
    with problems:
        endpoint, certificate = _endpoint(asked)
    with problems:
        token = _token(asked["token_file"], data_dir)
    problems.raise_any()
    return endpoint, Keymanager(HttpClient(endpoint, token, certificate), asked["client"], [token])


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
    return parse_endpoint(asked["url"] or CLIENTS[asked["client"]].url, "dv_keys_url")
