# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The beacon nodes that a validator client on this machine was started with, where /proc tells: root may look at all processes, other
users at their own, and neither finds those in containers, nor what stands in configuration files. Then it is not known, which is no error.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import os
import sys
from collections.abc import Collection, Iterator, Sequence

from ..clients.http import Endpoint, parse_endpoint
from ..errors import DvError
from ..storage import files

# Most bytes of a table of sockets, and of a command line.
_MAX_SIZE = 2**24
# The state of a socket that listens.
_LISTENS = "0A"


def endpoints(api: Endpoint, flags: Collection[str], proc: str = "/proc") -> list[Endpoint]:
    """Where the beacon nodes are of whoever listens at ``api``; none where it is not known.

    :param flags: what stands before their URLs on its command line
    """
    sockets = {f"socket:[{inode}]" for inode in _listening(api, proc)} if api.is_loopback else set()
    found: list[Endpoint] = []
    for words in _command_lines(sockets, proc):
        for url in named(words, flags):
            # What is more than host and port may hold a password, and is not compared.
            with contextlib.suppress(DvError):
                found.append(parse_endpoint(url, "it"))
    return found


def named(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """What a command line names after one of the ``flags``: as ``--flag value``, also several, or ``--flag=value``, each with commas."""
    found: list[str] = []
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in flags:
            found += [value] if equals else itertools.takewhile(lambda each: not each.startswith("-"), words[place + 1 :])
    return [url.strip() for values in found for url in values.split(",") if url.strip()]


def _listening(api: Endpoint, proc: str) -> Iterator[str]:
    """The inodes of the sockets that take connections to ``api``."""
    hosts = {"127.0.0.1", "::1"} if api.host == "localhost" else {api.host}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(DvError, ValueError, IndexError):
            for line in files.read(f"{proc}/self/net/{table}", _MAX_SIZE).decode("ascii", "replace").splitlines()[1:]:
                columns = line.split()
                address, _colon, port = columns[1].partition(":")
                if columns[3] == _LISTENS and int(port, 16) == api.port:
                    listens = _address(address)
                    if listens.is_unspecified or str(listens) in hosts:
                        yield columns[9]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as the kernel prints it, in words of this machine."""
    words = [int(text[first : first + 8], 16).to_bytes(4, sys.byteorder) for first in range(0, len(text), 8)]
    return ipaddress.ip_address(b"".join(words))


def _command_lines(sockets: Collection[str], proc: str) -> Iterator[list[str]]:
    """Those of the processes that hold one of the ``sockets``, as far as we may look."""
    for process in filter(str.isdigit, os.listdir(proc) if sockets else ()):
        directory = os.path.join(proc, process)
        # It may be another user's, or have ended meanwhile.
        with contextlib.suppress(OSError, DvError):
            descriptors = os.path.join(directory, "fd")
            if any(_link(os.path.join(descriptors, name)) in sockets for name in os.listdir(descriptors)):
                yield files.read(os.path.join(directory, "cmdline"), _MAX_SIZE).decode("utf-8", "replace").split("\0")


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
