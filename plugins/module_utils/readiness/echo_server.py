# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What answers the other nodes, as a program of its own, which imports nothing of ours: it runs in an interpreter that never held a key.

A question has 32 bytes: :data:`MAGIC`, and 24 that it is told from others by. An answer has 56: these 24, the time of who answers, the share index
of its operator, and the beginning of the hash of its lock. Nobody proves who he is by it: charon's own handshake does that later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time

MAGIC = b"obol-dv\x01"
QUESTION = struct.Struct(">8s24s")
#: After what the question is told by: nanoseconds since 1970, share index, hash.
ANSWER = struct.Struct(">24sQQ16s")

#: Connections that are answered at once; seconds that one may stay, and most questions on it.
_MOST, _LONGEST, _QUESTIONS = 256, 60, 1000
#: The user and group that own nothing.
_NOBODY = 65534


def main(listener: int, stopper: int, share_index: int, lock: bytes, seconds: float) -> None:
    """Answer on the socket ``listener`` for so many ``seconds``, or until somebody connects to ``stopper``, both file descriptors."""
    if os.geteuid() == 0:
        # Whoever comes need not meet root.
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    serve(socket.socket(fileno=listener), socket.socket(fileno=stopper), share_index, lock, seconds)


def serve(listener: socket.socket, stopper: socket.socket, share_index: int, lock: bytes, seconds: float) -> None:
    """The same, as who started it.

    :param lock: the first 16 bytes of the hash of the lock
    """
    asyncio.run(_serve(listener, stopper, (share_index, lock), seconds))


async def _serve(listener: socket.socket, stopper: socket.socket, identity: tuple[int, bytes], seconds: float) -> None:
    now = 0
    stopper.setblocking(False)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now
        now += 1
        try:
            if now <= _MOST:
                await asyncio.wait_for(_answer(reader, writer, identity), _LONGEST)
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            now -= 1
            writer.close()

    server = await asyncio.start_server(answer, sock=listener, limit=QUESTION.size)
    async with server:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_accept(stopper), seconds)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, identity: tuple[int, bytes]) -> None:
    for _each in range(_QUESTIONS):
        magic, told = QUESTION.unpack(await reader.readexactly(QUESTION.size))
        if magic != MAGIC:
            # A charon, or anybody else.
            return
        writer.write(ANSWER.pack(told, time.time_ns(), *identity))
        await writer.drain()
