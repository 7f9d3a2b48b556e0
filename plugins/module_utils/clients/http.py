# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange over HTTP with a program that may be dead, slow or hostile.

Neither urllib nor Ansible's own: they follow redirects and the proxies of the environment, which would carry a token, or key shares,
elsewhere.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import mmap
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from ..encoding import go_json
from ..errors import DvError, show

#: Most bytes of an answer: a list of 100,000 keys, or their history, has less.
MAX_SIZE = 64 * 2**20
#: Longest part of a program's own words that is shown.
_LONGEST = 200
#: What may be a part of a token, a password or a keystore, cut off or not.
_LONG_WORD = re.compile(r"[\w+=-]{24,}")
#: What may be a key in a URL; what is shorter is none.
_KEY = re.compile(r"[\w+-]{8,}")
#: The port of a URL that names none, by its scheme.
_PORTS = {"http": 80, "https": 443}


class NoAnswer(DvError):
    """Nobody knows what became of a request."""


class TooLarge(NoAnswer):
    """The answer has more than :data:`MAX_SIZE` bytes."""


class NotReady(DvError):
    """The answer is that a program cannot answer, 5xx: it may later."""


class Endpoint(NamedTuple):
    """Where an API is."""

    secure: bool
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on the machine."""
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"

    def is_same(self, other: Endpoint) -> bool:
        """Whether ``other`` leads to the same port of the same host, as far as their names tell."""
        return self.port == other.port and (self.host == other.host or self.is_loopback and other.is_loopback)


class Answer(NamedTuple):
    """What came back."""

    status: int
    content_type: str
    body: bytes

    def json(self, what: str) -> Any:
        """The JSON value of the body, called ``what`` in errors.

        :raises DvError: it is none, or does not say so: web pages answer 200 too
        """
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            # Not what it says instead, which may be anything that it was given.
            raise DvError(f"{what} is not said to be JSON", "application/json", "see what answers there")
        return go_json.loads(self.body, what)


def parse_endpoint(url: str, what: str) -> Endpoint:
    """The endpoint that ``url`` names: a scheme, a host, a port, nothing else.

    :raises DvError: it does not; ``what`` is its name. A URL may hold a password: it is not shown
    """
    parts = _parts(url)
    if parts and parts.port and parts.path in ("", "/") and not parts.query:
        return _endpoint(parts)
    raise DvError(f"{what} is no URL of an API", "http:// or https://, a host, a colon and a port, as http://127.0.0.1:5062")


def connect(url: str | bytes, what: str, certificate: bytes | None = None) -> HttpClient:
    """Asks what is at ``url``, as it stands in an inventory or a file, for all that has one URL: ``request`` then takes an empty path.

    :param what: its name in errors, which do not show it: hosted services have a key in their path or query
    :param certificate: as of :class:`HttpClient`; without it, who answers to ``https`` has one of an authority that this machine trusts
    :raises DvError: it is no URL
    """
    text = (url.decode("utf-8", "replace") if isinstance(url, bytes) else url).strip()
    parts = _parts(text)
    if re.match("https?://[^/?#]*@", text):
        raise DvError(
            f"{what} has a user or a password", "a URL without", "a key in the path is taken, a name and a password are sent nowhere"
        )
    if not parts or not re.fullmatch("[!-~]+", text):
        wanted = "http:// or https://, a host, a port other than 80 or 443, its path"
        raise DvError(f"{what} is no URL", wanted, "copy it from where it comes from, as http://127.0.0.1:8545")
    base = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpClient(_endpoint(parts), certificate=certificate, public=certificate is None, base="" if base == "/" else base)


def _parts(url: str) -> SplitResult | None:
    """``url`` in parts, if it names a host by HTTP, and who asks by no name and password."""
    try:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname and parts.port != 0 and "@" not in parts.netloc and not parts.fragment:
            # What is no name cannot be looked up either.
            parts.hostname.encode("idna")
            return None if re.search(r"[\s\x00-\x1f]", url) else parts
    except ValueError:
        pass
    return None


def _endpoint(parts: SplitResult) -> Endpoint:
    return Endpoint(parts.scheme == "https", str(parts.hostname), parts.port or _PORTS[parts.scheme])


class HttpClient:
    """Asks the API at ``endpoint``, one connection for each exchange.

    :param token: goes with each request as a bearer token, if there is one: off the node then only by TLS
    :param certificate: the only one that is taken, in DER: who answers has to show this very one, whatever it says
    :param public: taken is instead one for the name of the host by an authority that this machine trusts
    :param base: stands before each path, and is a secret as the token is: no text shows it
    """

    def __init__(self, endpoint: Endpoint, token: str = "", certificate: bytes | None = None, public: bool = False, base: str = "") -> None:
        self.endpoint, self._token, self._certificate, self._public, self._base = endpoint, token, certificate, public, base

    def shorten(self, words: Any) -> str:
        """What the program says, see :func:`shorten`, which may quote the URL that it was asked by."""
        text = words if isinstance(words, str) else show(words)
        for key in {*_KEY.findall(self._base), *_KEY.findall(unquote(self._base))}:
            text = re.sub(re.escape(key), "...", text, flags=re.IGNORECASE)
        return shorten(text)

    def request(self, method: str, path: str, body: Any = None, timeout: float = 10) -> Answer:
        """The answer to a request.

        :param path: empty where there is but one, or that of the base
        :param body: sent as JSON, if it is not None
        :param timeout: seconds for all of it
        :raises NoAnswer: there is no answer, or none that can be taken
        :raises DvError: it leads elsewhere than it should, and nothing is sent
        """
        headers = {"Accept": "application/json", "Connection": "close"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        content = None
        if body is not None:
            content, headers["Content-Type"] = go_json.dumps(body, None).encode(), "application/json"
        began, reason, too_large = time.monotonic(), "", False
        try:
            with self._connected(timeout) as connection:
                connection.request(method, self._base + path or "/", content, headers)
                response = connection.getresponse()
                # Into as much room as there is, taken as it fills: read() takes a chunk of -1 bytes for all that ever comes.
                room = mmap.mmap(-1, MAX_SIZE + 1)
                answer = Answer(response.status, response.headers.get("Content-Type", ""), room[: response.readinto(room)])
                # What was cut off reads as if it had come to its end.
                whole = response.length in (None, 0)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = _reason(error)
        else:
            too_large = len(answer.body) > MAX_SIZE
            reason = f"it has more than {MAX_SIZE} bytes" if too_large else "" if whole else "it was cut off"
        if time.monotonic() - began >= timeout:
            reason, too_large = "it takes too long", False
        if reason:
            # Without a query, which may be long.
            asked, hint = f"{method} {path.partition('?')[0]}".rstrip(), "see whether it runs, and has its API there"
            raise (TooLarge if too_large else NoAnswer)(f"{self.endpoint} gives no answer to {asked}: {reason}", "an answer", hint)
        return answer

    @contextlib.contextmanager
    def _connected(self, timeout: float) -> Iterator[http.client.HTTPConnection]:
        """A connection, whose end comes after ``timeout`` seconds, however slowly something drips in."""
        opened = socket.create_connection((self.endpoint.host, self.endpoint.port), timeout)
        address = opened.getpeername()[0]
        secret = self._token or self._base
        if secret and not self.endpoint.secure and not ipaddress.ip_address(address).is_loopback:
            opened.close()
            raise DvError(
                f"{self.endpoint} is on {address}, off the node",
                "an address of the node itself, as 127.0.0.1, or https://",
                "see what gives that name such an address: token, passwords and the rest of the URL would travel in clear",
            )
        if self.endpoint.secure:
            # Jetty, which has Teku's API, refuses a name that is not in its own certificate: to the pinned one none is told.
            name = self.endpoint.host if self._public else None
            opened = self._context().wrap_socket(opened, do_handshake_on_connect=False, server_hostname=name)
        end = threading.Timer(timeout, _shut_down, [opened])
        end.daemon = True
        end.start()
        try:
            if isinstance(opened, ssl.SSLSocket):
                self._shake_hands(opened)
            connection = http.client.HTTPConnection(self.endpoint.host, self.endpoint.port)
            connection.sock = opened
            yield connection
        finally:
            end.cancel()
            opened.close()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._public:
            context.load_default_certs()
        else:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def _shake_hands(self, opened: ssl.SSLSocket) -> None:
        """Refuse whoever does not show the pinned certificate; such are self-signed, with any name in them. Of a public one OpenSSL says
        whether it is in order."""
        try:
            opened.do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise DvError(
                f"{self.endpoint} shows a certificate that this node does not take: {error.verify_message}",
                "one for this name, by an authority that the node trusts",
                "see who answers there; of a program of your own, name the file with its certificate",
            ) from None
        shown = opened.getpeercert(binary_form=True)
        if not self._public and (not self._certificate or shown != self._certificate):
            wanted = sha256(self._certificate or b"").hexdigest()
            raise DvError(
                f"{self.endpoint} shows a certificate with SHA-256 {sha256(shown or b'').hexdigest()}",
                f"the pinned one, {wanted}",
                "see who answers there; if the client has a new certificate, take that from its own disk",
            )


def shorten(words: Any) -> str:
    """What a program says of itself or of a request, as far as it may be shown, in one line."""
    text = words if isinstance(words, str) else show(words)
    return " ".join(_LONG_WORD.sub("...", text)[:_LONGEST].split())


def parse_certificate(content: bytes, what: str) -> bytes:
    """The certificate (DER) in a PEM file with that ``content``, called ``what`` in errors.

    :raises DvError: there is none
    """
    match = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", content, re.DOTALL)
    try:
        if match and (certificate := ssl.PEM_cert_to_DER_cert(match[0].decode())):
            return certificate
    except ValueError:
        pass
    raise DvError(f"{what} holds no certificate", "one in PEM, -----BEGIN CERTIFICATE-----")


def _shut_down(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Of TLS, too: that it ends so is what whoever reads has to see.
        socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no TLS there, {error.reason or 'cut off'}"
    if not isinstance(error, OSError) or isinstance(error, http.client.HTTPException):
        return "the connection was cut" if isinstance(error, ConnectionError) else "what came is no HTTP, or was cut off"
    return getattr(error, "strerror", None) or type(error).__name__
