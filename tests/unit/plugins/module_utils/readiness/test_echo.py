# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions and answers between nodes, on real sockets."""

import contextlib
import socket
import threading
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.readiness import echo, echo_server, links
from ansible_collections.obol.dv.plugins.module_utils.readiness.echo import Identity

LOCK = bytes(range(16))
BOB = Identity(2, LOCK)


@contextlib.contextmanager
def served(identity=BOB, seconds=5):
    """The address of who answers for so long."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    with socket.socket(socket.AF_UNIX) as stopper:
        stopper.bind("")
        stopper.listen()
        thread = threading.Thread(target=echo_server.serve, args=(listener, stopper, *identity, seconds), daemon=True)
        thread.start()
        yield address
        with socket.socket(socket.AF_UNIX) as asked, contextlib.suppress(ConnectionRefusedError):
            asked.connect(stopper.getsockname())
        thread.join()


@contextlib.contextmanager
def answering(answer):
    """The address of somebody who takes one connection, and does what ``answer`` does with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()


def test_who_answers():
    with served() as address:
        found = echo.ask(*address, 5, 0.01, 2)
    assert found.identity == BOB and found.round_trips.sent == len(found.round_trips.times) == 5
    # One clock, which it takes less than a round trip to tell of.
    assert abs(found.clock_offset) <= max(found.round_trips.times)


def test_many_at_once():
    with served() as address:
        found = []
        threads = [threading.Thread(target=lambda: found.append(echo.ask(*address, 3, 0.01, 5))) for _each in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 40 and all(each.round_trips.json()["lost"] == 0 for each in found)


def test_it_ends():
    with served(seconds=0.2) as address:
        time.sleep(0.6)
        with pytest.raises(ConnectionRefusedError):
            echo.ask(*address, 1, 0, 1)
    with served() as address:
        assert echo.ask(*address, 1, 0, 1).identity == BOB
    with pytest.raises(ConnectionRefusedError):
        echo.ask(*address, 1, 0, 1)


#: What others ask who are no nodes: nobody is answered, nothing ends.
RUBBISH = [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x13/multistream/1.0.0\n" * 10, b"obol-dv\x01", bytes(10**5), b"obol-dv\x02" + bytes(24)]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda rubbish: repr(rubbish[:10]))
def test_rubbish_is_not_answered(rubbish):
    with served() as address:
        with socket.create_connection(address, 2) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(rubbish)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
        assert echo.ask(*address, 1, 0, 2).identity == BOB


#: Who takes the connection and is no node, or another one: what is said of the link.
STRANGERS = {
    "a charon": (lambda connection: connection.sendall(b"\x13/multistream/1.0.0\n" * 5), True, "it answers what was not asked"),
    "nobody": (lambda connection: connection.recv(100), True, "it hangs up"),
    "an echo": (lambda connection: connection.sendall(connection.recv(100)), True, "it hangs up"),
    "somebody else's answer": (lambda connection: connection.sendall(bytes(56)), True, "it answers what was not asked"),
}


@pytest.mark.parametrize("answer, reached, text", STRANGERS.values(), ids=STRANGERS)
def test_strangers(answer, reached, text):
    with answering(answer) as address:
        (link,) = links.measure({2: address}, LOCK)
    assert (link.to, link.by, link.reached) == (2, links.CONNECTION, reached) and text in link.text


@pytest.mark.parametrize(
    "identity, text", [(Identity(3, LOCK), "operator 3 answers there"), (Identity(2, bytes(16)), "a node of another cluster")]
)
def test_another_node(identity, text):
    with served(identity) as address:
        (link,) = links.measure({2: address}, LOCK)
    assert not link.reached and text in link.text


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    (link,) = links.measure({2: address}, LOCK)
    assert not link.reached and "nothing listens there" in link.text and link.lost == link.sent


def test_no_such_host():
    (link,) = links.measure({2: ("no-such-host.invalid", 3610)}, LOCK)
    assert not link.reached and link.text.startswith("no-such-host.invalid:3610: ")


def test_no_answer_comes(monkeypatch):
    """Somebody takes all connections, and says nothing."""
    monkeypatch.setattr(links, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=10) as listener:
        (link,) = links.measure({2: listener.getsockname()}, LOCK)
    assert not link.reached and "no answer within" in link.text


def test_an_answer_in_drops(monkeypatch):
    """Whoever sends a byte now and then holds nobody up for longer than one who sends nothing."""
    monkeypatch.setattr(links, "_PATIENCE", 0.3)

    def drip(connection):
        for byte in connection.recv(32)[8:] + bytes(32):
            time.sleep(0.1)
            connection.sendall(bytes([byte]))

    began = time.monotonic()
    with answering(drip) as address:
        (link,) = links.measure({2: address}, LOCK)
    assert not link.reached and "no answer within" in link.text and time.monotonic() - began < 2


@pytest.mark.parametrize("at", [0, 2**63, 2**64 - 1])
def test_a_clock_that_cannot_be(at):
    """It is as wrong as a number may be, and no more: what is stated of it others can read."""

    def answer(connection):
        while told := connection.recv(32):
            connection.sendall(echo.ANSWER.pack(told[8:], at, *BOB))

    with answering(answer) as address:
        found = echo.ask(*address, 1, 0, 2)
    assert 10**12 < abs(found.clock_offset) < 2**53


def test_some_answers_are_lost():
    """After one that does not come a new connection is made, and the others count."""

    def serve(listener):
        for number in range(3):
            connection = listener.accept()[0]
            if number == 1:
                lost.append(connection)
                continue
            for _each in range(2 if number == 0 else 100):
                told = connection.recv(32)
                if told:
                    connection.sendall(echo.ANSWER.pack(told[8:], time.time_ns(), *BOB))
            if number == 0:
                # The third question is not answered.
                lost.append(connection)

    lost = []
    with socket.create_server(("127.0.0.1", 0), backlog=10) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        found = echo.ask(*listener.getsockname(), 8, 0.01, 0.3)
    assert (found.round_trips.sent, len(found.round_trips.times), found.identity) == (8, 6, BOB)
