# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that answers the other nodes for a bounded time, where charon will: whoever reaches it reaches charon later."""

from __future__ import annotations

import contextlib
import errno
import inspect
import socket
from collections.abc import Callable, Collection

from ..errors import DvError
from . import echo, echo_server
from .echo import Identity

#: Seconds for who listens there to say that it is this very node.
_PATIENCE = 2
#: What ends it, in the abstract namespace: nothing of it is left. Whoever is on the node may do so.
_STOPPER = "\0obol-dv-echo-%d"


#: What answers the others.
ECHO, OTHER = "echo", "another program"


def listen(port: int, identity: Identity, seconds: int, leave: Callable[[Collection[int], str], None] | None) -> str:
    """Leave a process that answers on that ``port`` of all addresses for so many ``seconds``; where something has the port, that is what
    answers.

    :param leave: has a program (Python) run by a process of its own, which keeps these file descriptors; ``None`` to see only whether it could
    :returns: :data:`ECHO` or :data:`OTHER`
    :raises DvError: nothing can listen there
    """
    if not 0 < port < 2**16:
        raise DvError(f"dv_p2p_port is {port}", "1 to 65535", "it is the port of charon's --p2p-tcp-address")
    try:
        listener = _bind(port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            # Of one address of several, perhaps.
            return ECHO if _is_own(port, identity) else OTHER
        raise _unable(port, error) from None
    with listener, socket.socket(socket.AF_UNIX) as stopper:
        if leave:
            try:
                stopper.bind(_STOPPER % port)
            except OSError as error:
                raise _unable(port, error) from None
            stopper.listen()
            descriptors = listener.fileno(), stopper.fileno()
            leave(descriptors, f"{inspect.getsource(echo_server)}\n\nmain{(*descriptors, *identity, seconds)}\n")
    return ECHO


def _unable(port: int, error: OSError) -> DvError:
    hint = "set dv_p2p_port to the port of charon's --p2p-tcp-address"
    return DvError(f"nothing can listen on port {port}: {error.strerror}", "the port on which the others reach charon", hint)


def stop(port: int) -> None:
    """End the process that answers there, if there is one: charon wants the port."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
        asked.connect(_STOPPER % port)


def _bind(port: int) -> socket.socket:
    """All addresses, of both versions of IP where there are two."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    return socket.create_server(("", port), family=family, dualstack_ipv6=family == socket.AF_INET6, backlog=128)


def _is_own(port: int, identity: Identity) -> bool:
    try:
        return echo.ask("127.0.0.1", port, 1, 0, _PATIENCE).identity == identity
    except (OSError, ValueError):
        return False
