# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked by a URL that may have a key in it: by TLS of whoever has a certificate for its name, and no text shows the key."""

import logging
import re
import socket
import traceback

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import Endpoint, connect, parse_certificate
from ansible_collections.obol.dv.plugins.module_utils.clients.json_rpc import JsonRpc, Refused
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.tests.support.authority import Authority
from ansible_collections.obol.dv.tests.support.json_rpc_stub import JSON, JsonRpcStub, Refusal

KEY, QUERY = "s3cr3t-0f-mine", "ap1k3y0fm1ne"
TAIL = "/v3/%s?auth=%s" % (KEY, QUERY)


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """One that this machine trusts, and no other."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    return made


URLS = {
    "http://127.0.0.1:8545": (Endpoint(False, "127.0.0.1", 8545), "/"),
    "http://127.0.0.1:8545/": (Endpoint(False, "127.0.0.1", 8545), "/"),
    "http://geth": (Endpoint(False, "geth", 80), "/"),
    "https://mainnet.example/v3/" + KEY: (Endpoint(True, "mainnet.example", 443), "/v3/" + KEY),
    "https://mainnet.example:8443/" + KEY + "/": (Endpoint(True, "mainnet.example", 8443), "/" + KEY + "/"),
    "https://mainnet.example?auth=" + KEY: (Endpoint(True, "mainnet.example", 443), "/?auth=" + KEY),
    "https://mainnet.example" + TAIL: (Endpoint(True, "mainnet.example", 443), TAIL),
    "https://mainnet.example//" + KEY: (Endpoint(True, "mainnet.example", 443), "//" + KEY),
    "https://[2001:db8::1]/" + KEY: (Endpoint(True, "2001:db8::1", 443), "/" + KEY),
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("form", ["%s", "%s\n", "  %s\r\n"])
def test_urls(url, form, monkeypatch):
    """As they stand in an inventory, and in a file; what is sent to which path."""
    endpoint, path = URLS[url]
    sent = []

    class Nobody(Exception):
        pass

    def created(address, _timeout):
        sent.append(address)
        raise Nobody

    monkeypatch.setattr(socket, "create_connection", created)
    for each in (form % url, (form % url).encode()):
        http = connect(each, "it")
        assert http.endpoint == endpoint and KEY not in repr(http) and KEY not in repr(vars(http).get("endpoint"))
        with pytest.raises(Nobody):
            http.request("POST", "")
    assert sent == [(endpoint.host, endpoint.port)] * 2 and path.startswith("/")


@pytest.mark.parametrize(
    "tail, path", [("", "/"), ("/", "/"), ("/v3/" + KEY, "/v3/" + KEY), (TAIL, TAIL), ("?auth=" + KEY, "/?auth=" + KEY)]
)
def test_where_it_is_sent(tail, path):
    with JsonRpcStub({"eth_chainId": "0x1"}) as stub:
        assert JsonRpc(connect(stub.url + tail, "it")).ask("eth_chainId") == "0x1"
        assert stub.paths == [path]


WRONG = (
    *(
        "",
        "\n",
        "mainnet.example/KEY",
        "ftp://mainnet.example/KEY",
        "https:///KEY",
        "https://user:KEY@mainnet.example/",
        "https://KEY@mainnet.example",
    ),
    *("https://@mainnet.example/KEY", "https://mainnet.example/KEY\nhttps://other.example/KEY", "https://mainnet.example/a KEY"),
    *(
        "https://mainnet.example/KEY\tx",
        "https://mainnet.example/KEY#x",
        "https://mainnet.example:0/KEY",
        "https://mainnet.example:99999/KEY",
    ),
    *(
        "https://mainnet.example:x/KEY",
        "https://mainnet.example/KEY\u00e9",
        "https://mainnet.example/KEY\x00",
        "https://mainnet.example/KEY\x7f",
    ),
    *(
        "https://[::1/KEY",
        "https://a..b/KEY",
        "https://%s/KEY" % ("a" * 64),
        "wss://mainnet.example/KEY",
        "https://mainnet.example/\ud800KEY",
    ),
    *("https://mainnet.example\\@other.example/KEY", "# the URL\nhttps://mainnet.example/KEY"),
)


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_url(url):
    text = url.replace("KEY", KEY)
    for each in (text, text.encode("utf-8", "surrogatepass"), text.encode("utf-16", "surrogatepass")):
        with pytest.raises(DvError, match="^/etc/url (is no URL; wanted: http:// or https://, a host|has a user or a password;)") as caught:
            connect(each, "/etc/url")
        assert not shown(caught.value)


def test_a_user_is_told_so():
    with pytest.raises(DvError, match="^it has a user or a password; wanted: a URL without") as caught:
        connect("https://me:%s@mainnet.example/" % KEY, "it")
    assert not shown(caught.value)


def test_an_authority_that_is_trusted(authority):
    with JsonRpcStub({"eth_chainId": "0x1"}, certificate=authority.certificate("localhost", "127.0.0.1")) as stub:
        for host in ("localhost", "127.0.0.1"):
            assert JsonRpc(connect("https://%s:%d%s" % (host, stub.port, TAIL), "it")).ask("eth_chainId") == "0x1"
        assert stub.paths == [TAIL, TAIL]


REFUSED = {
    "another name": ("mainnet.example", {}, "Hostname mismatch, certificate is not valid for 'localhost'"),
    "another address": ("127.0.0.2", {}, "Hostname mismatch"),
    "expired": ("localhost", {"days": -1}, "certificate has expired"),
    "self-signed": ("localhost", {"itself": True}, "self.signed certificate"),
}


@pytest.mark.parametrize("name, made, reason", REFUSED.values(), ids=REFUSED)
def test_a_certificate_that_is_not_in_order(authority, name, made, reason):
    with JsonRpcStub({"eth_chainId": "0x1"}, certificate=authority.certificate(name, **made)) as stub:
        url = "https://localhost:%d" % stub.port
        text = "^%s shows a certificate that this node does not take: %s" % (re.escape(url), reason)
        with pytest.raises(DvError, match=text) as caught:
            JsonRpc(connect(url + TAIL, "it")).ask("eth_chainId")
        assert not shown(caught.value) and stub.asked == []


def test_another_authority(authority, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with JsonRpcStub({"eth_chainId": "0x1"}, certificate=Authority(other, "unknown").certificate("localhost")) as stub:
        with pytest.raises(DvError, match="does not take: unable to get local issuer certificate; wanted: one for this name"):
            JsonRpc(connect("https://localhost:%d%s" % (stub.port, TAIL), "it")).ask("eth_chainId")
        assert stub.asked == []


def test_a_pinned_certificate_goes_before(authority):
    """Of a client of one's own: whatever the authorities say, of either."""
    certificate = authority.certificate("mainnet.example", itself=True)
    pinned = parse_certificate(certificate[0].read_bytes(), "it")
    with JsonRpcStub({"eth_chainId": "0x1"}, certificate=certificate) as stub:
        assert JsonRpc(connect(stub.url + TAIL, "it", pinned)).ask("eth_chainId") == "0x1"
    with JsonRpcStub({"eth_chainId": "0x1"}, certificate=authority.certificate("127.0.0.1")) as stub:
        with pytest.raises(DvError, match="shows a certificate with SHA-256 .*; wanted: the pinned one"):
            JsonRpc(connect(stub.url, "it", pinned)).ask("eth_chainId")
        assert stub.asked == []


def test_no_tls_there(authority):
    with JsonRpcStub() as stub:
        with pytest.raises(DvError, match="gives no answer to POST: no TLS there") as caught:
            JsonRpc(connect(stub.url.replace("http:", "https:") + TAIL, "it")).ask("eth_chainId")
    assert not shown(caught.value)


class Elsewhere(socket.socket):
    def getpeername(self):
        return ("192.0.2.1", 1)


def test_off_the_node_a_key_goes_by_tls_alone(monkeypatch):
    mine, others = socket.socketpair()
    monkeypatch.setattr(socket, "create_connection", lambda *_where: Elsewhere(fileno=mine.detach()))
    with pytest.raises(DvError, match="^http://mainnet.example:80 is on 192.0.2.1, off the node; wanted: .* or https://") as caught:
        connect("http://mainnet.example" + TAIL, "it").request("POST", "")
    with others:
        assert others.recv(1) == b"" and not shown(caught.value)
    # A client in the same network has none.
    mine, others = socket.socketpair()
    with others, pytest.raises(DvError, match="it takes too long"):
        connect("http://geth:8545/", "it").request("POST", "", timeout=0.2)


def shown(error):
    """What of the URL's secrets can be read of an ``error``, with all that led to it."""
    texts = "".join(traceback.format_exception(error)) + repr(error) + str(error) + error.found + error.wanted + error.hint
    while error.__context__:
        error = error.__context__
        texts += str(error) + repr(error)
    return [secret for secret in (KEY, QUERY, "/v3/") if secret.lower() in texts.lower()]


QUOTES = {
    "an error": lambda path: (200, JSON, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no project %s"}}' % path),
    "an error that is a text": lambda path: (200, JSON, b'{"jsonrpc":"2.0","id":1,"error":"no project %s"}' % path),
    "an error in capitals": lambda path: (200, JSON, b'{"jsonrpc":"2.0","id":1,"error":{"message":"no %s"}}' % path.upper()),
    "another status": lambda path: (401, JSON, b'{"message":"not with %s"}' % path),
    "a page": lambda path: (404, "text/html", b"<html>The requested URL %s was not found</html>" % path),
    "a page that is fine": lambda path: (200, "text/html", path),
    "no JSON": lambda path: (200, JSON, path),
    "no result": lambda path: (200, JSON, b'{"path": "%s"}' % path),
    "a key twice": lambda path: (200, JSON, b'{"%s": 1, "%s": 1}' % (path, path)),
    "another protocol": lambda path: (200, path.decode(), b"{}"),
}


@pytest.mark.parametrize("answer", QUOTES.values(), ids=QUOTES)
@pytest.mark.parametrize("tail", [TAIL, "/v3/" + KEY.replace("s", "%73") + "?auth=" + QUERY])
def test_words_that_quote_it(answer, tail, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        for path in (TAIL, tail, KEY, QUERY):
            with JsonRpcStub(answer=answer(path.encode())) as stub, pytest.raises(DvError) as caught:
                JsonRpc(connect(stub.url + tail, "it")).ask("eth_chainId")
            assert not {KEY, QUERY} & set(shown(caught.value))
    written = caplog.text + "".join(capfd.readouterr())
    assert KEY not in written and QUERY not in written


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = "http://127.0.0.1:%d" % server.getsockname()[1]
    with pytest.raises(DvError, match="^%s gives no answer to POST: Connection refused" % re.escape(url)) as caught:
        JsonRpc(connect(url + TAIL, "it")).ask("eth_chainId")
    assert not shown(caught.value)


def test_its_words():
    """They stay readable: what is as short as this is no key."""

    def refuse():
        raise Refusal(-32005, "daily request count exceeded for mainnet v3")

    with JsonRpcStub({"eth_chainId": refuse}) as stub:
        with pytest.raises(
            Refused, match="the program at .* refuses eth_chainId: daily request count exceeded for mainnet v3; wanted"
        ) as caught:
            JsonRpc(connect(stub.url + "/mainnet" + TAIL, "it")).ask("eth_chainId")
    assert caught.value.code == -32005
