# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP with whatever may answer: one answer in time, as long as it should be, from who has the pinned certificate, or one clear error."""

import ipaddress
import socket
import threading
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients import http
from ansible_collections.obol.dv.plugins.module_utils.clients.http import HttpClient, parse_certificate, parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support.keymanager_stub import TOKEN, KeymanagerStub, make_certificate

PATH = "/eth/v1/keystores"


def client_of(stub, certificate=None):
    return HttpClient(parse_endpoint(stub.url, "url"), TOKEN, certificate)


@pytest.fixture
def raw():
    """A function that serves what a function of a connection says: the URL."""
    servers = []

    def serve(speak):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def accept():
            try:
                connection, _address = server.accept()
                with connection:
                    connection.recv(65536)
                    speak(connection)
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        return HttpClient(parse_endpoint("http://127.0.0.1:%d" % server.getsockname()[1], "url"))

    yield serve
    for server in servers:
        server.close()


def test_there_and_back():
    with KeymanagerStub() as stub:
        answer = client_of(stub).request("GET", PATH)
        assert answer.status == 200 and answer.json("it") == {"data": []}
        assert HttpClient(parse_endpoint(stub.url, "url"), "another").request("GET", PATH).status == 401


@pytest.mark.parametrize("url", ["http://127.0.0.1:5062", "https://vc.example:7500/", "http://[::1]:5052"])
def test_urls(url):
    endpoint = parse_endpoint(url, "url")
    assert str(endpoint) == url.rstrip("/") and endpoint.is_loopback == ("example" not in url)


WRONG = (
    *("127.0.0.1:5062", "http://127.0.0.1", "ftp://127.0.0.1:1", "http://:5062", "http://a:hunter2@b:1", "http://a:1/keys", "http://a:1?x"),
    *("http://a:1#x", "http://a:99999", "http://a:x", "", "http://a b:1", "http://a:1\r\nHost: b"),
    *("http://a..b:1", "http://.:1", "http://%s:1" % ("a" * 64), "http://\ud800:1"),
)


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_url(url):
    with pytest.raises(DvError, match="dv_keys_url is no URL of an API") as caught:
        parse_endpoint(url, "dv_keys_url")
    assert "hunter2" not in str(caught.value)


def test_loopback():
    assert ipaddress.ip_address("127.9.9.9").is_loopback
    found = {
        host: parse_endpoint("http://%s:1" % host, "x").is_loopback
        for host in ("127.9.9.9", "localhost", "10.0.0.1", "localhost.evil.example")
    }
    assert found == {"127.9.9.9": True, "localhost": True, "10.0.0.1": False, "localhost.evil.example": False}


def test_a_name_of_the_node_that_leads_elsewhere(monkeypatch):
    """Whoever answers for localhost: nothing is sent."""

    class Elsewhere(socket.socket):
        def getpeername(self):
            return ("192.0.2.1", 1)

    mine, others = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", lambda *_where: Elsewhere(fileno=mine.detach()))
    with pytest.raises(DvError, match="http://localhost:1 is on 192.0.2.1, off the node; wanted: an address of the node itself"):
        HttpClient(parse_endpoint("http://localhost:1", "url"), TOKEN).request("GET", PATH)
    with others:
        assert others.recv(1) == b""
    # Without a token nothing secret goes there.
    mine, others = socket.socketpair()
    with others, pytest.raises(DvError, match="it takes too long"):
        HttpClient(parse_endpoint("http://localhost:1", "url")).request("GET", PATH, timeout=0.2)
    with mine:
        pass


def test_the_pinned_certificate_alone(tmp_path):
    """Whatever its name, however old; no other one, and nothing is sent before."""
    mine, other = make_certificate(tmp_path, "mine"), make_certificate(tmp_path, "other")
    pinned = parse_certificate(mine[0].read_bytes(), "it")
    with KeymanagerStub(certificate=mine) as stub:
        assert client_of(stub, pinned).request("GET", PATH).status == 200
    with KeymanagerStub(certificate=other) as stub:
        for wanted in (pinned, None):
            with pytest.raises(DvError, match="shows a certificate with SHA-256 [0-9a-f]{64}; wanted: the pinned one"):
                client_of(stub, wanted).request("GET", PATH)
        assert stub.requests == []
    with KeymanagerStub() as stub:
        client = HttpClient(parse_endpoint(stub.url.replace("http:", "https:"), "url"), TOKEN, pinned)
        with pytest.raises(DvError, match="gives no answer to GET .*: no TLS there"):
            client.request("GET", PATH)
    empty = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
    for content in (mine[1].read_bytes(), empty % b"", empty % b"!!!!", empty % b"\xff"):
        with pytest.raises(DvError, match="x.pem holds no certificate"):
            parse_certificate(content, "x.pem")


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _second in range(100):
        time.sleep(0.05)
        connection.sendall(b" ")


def drip_headers(connection):
    for _second in range(100):
        time.sleep(0.05)
        connection.sendall(b"H")


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def endless_chunk(connection):
    connection.sendall(CHUNKED + b"-1\r\n")
    for _megabyte in range(2 * http.MAX_SIZE // 2**20):
        connection.sendall(b" " * 2**20)
    time.sleep(2)


ANSWERS = {
    "silence": (lambda connection: time.sleep(2), "it takes too long"),
    "drip": (drip, "it takes too long"),
    "drip of headers": (drip_headers, "it takes too long"),
    "cut": (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "it was cut off"),
    "nothing": (lambda connection: None, "the connection was cut"),
    "a chunk of less than nothing": (lambda connection: connection.sendall(CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"), "what came is no HTTP"),
    "a chunk without an end": (endless_chunk, "it has more than|what came is no HTTP"),
    "no HTTP": (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), "what came is no HTTP"),
}


@pytest.mark.parametrize("speak, text", ANSWERS.values(), ids=ANSWERS)
def test_no_answer(raw, speak, text):
    client = raw(speak)
    # What ends by itself has the time for that, on whatever machine.
    timeout = 0.5 if text == "it takes too long" else 60
    with pytest.raises(DvError, match="http://127.0.0.1:[0-9]+ gives no answer to GET %s: %s" % (PATH, text)):
        client.request("GET", PATH, timeout=timeout)


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DvError, match="Connection refused"):
        HttpClient(parse_endpoint("http://127.0.0.1:%d" % port, "url")).request("GET", PATH)


def test_too_much(monkeypatch):
    monkeypatch.setattr(http, "MAX_SIZE", 10)
    with KeymanagerStub(lambda stub, request: (200, "application/json", b"x" * 11)) as stub:
        with pytest.raises(DvError, match="it has more than 10 bytes"):
            client_of(stub).request("GET", PATH)


def test_no_redirect_no_proxy(monkeypatch):
    """The token goes where it is meant to go."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with KeymanagerStub(lambda stub, request: (307, "text/plain", b"")) as stub:
        assert client_of(stub).request("GET", PATH).status == 307


@pytest.mark.parametrize(
    "content_type, body", [("text/html", b"{}"), ("", b"{}"), ("application/json", b"<html>"), ("application/json", b"")]
)
def test_what_is_no_json(content_type, body):
    with KeymanagerStub(lambda stub, request: (200, content_type, body)) as stub:
        answer = client_of(stub).request("GET", PATH)
        with pytest.raises(DvError, match="^it is "):
            answer.json("it")
