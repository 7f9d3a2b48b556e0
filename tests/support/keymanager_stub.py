# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A keymanager API in the memory of a test: it does what the specification says, until a test has it do otherwise."""

import datetime
import json
import ssl
from http.server import ThreadingHTTPServer

from ansible_collections.obol.dv.tests.support.beacon_stub import GENESIS
from ansible_collections.obol.dv.tests.support.loopback import Handler, Served
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOKEN = "api-token-0x" + "5a" * 32
#: Of hoodi.
ROOT = GENESIS["genesis_validators_root"]


class KeymanagerStub(Served):
    """Serves on a free port of loopback as long as it is entered.

    ``keystores`` has what is loaded, password by public key (hex, ``0x``); ``remote_keys`` the URL of a signer by public key; ``known`` what
    it signs with otherwise; ``histories`` what each key has signed, as EIP-3076 has it, for good; ``fee_recipients`` and ``gas_limits`` what
    is set; ``requests`` method and path of each request.

    :param answer: function of (stub, request) that is asked first: it returns (status, content type, body) or None; the request has
        ``method``, ``path``, ``body``, ``token``
    :param certificate: paths of a certificate and its key (PEM), for HTTPS
    """

    def __init__(self, answer=None, certificate=None):
        self.answer, self.requests = answer, []
        self.keystores, self.remote_keys, self.known, self.histories, self.fee_recipients, self.gas_limits = {}, {}, set(), {}, {}, {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = "http%s://127.0.0.1:%d" % ("s" if certificate else "", self._server.server_port)

    def import_keystore(self, keystore, password):
        """The status of one keystore, which is loaded then."""
        key = "0x" + json.loads(keystore)["pubkey"]
        if key in self.keystores:
            return {"status": "duplicate"}
        self.keystores[key] = password
        return {"status": "imported"}

    def delete_keystore(self, key):
        """The status of one key, which is loaded no more then."""
        if self.keystores.pop(key, None) is not None:
            return {"status": "deleted"}
        return {"status": "not_active" if key in self.histories else "not_found"}

    def history(self, keys):
        """What some of the ``keys`` have signed, as a text of EIP-3076."""
        data = [{"pubkey": key, **self.histories[key]} for key in keys if key in self.histories]
        return json.dumps({"metadata": {"interchange_format_version": "5", "genesis_validators_root": ROOT}, "data": data})

    def _import_remote_key(self, key, url):
        if key in self.remote_keys or key in self.keystores:
            return {"status": "duplicate"}
        self.remote_keys[key] = url
        return {"status": "imported"}

    def _respond_remote(self, method, body):
        """The same of remote keys."""
        if method == "POST":
            return 200, {"data": [self._import_remote_key(item["pubkey"], item["url"]) for item in body["remote_keys"]]}
        if method == "DELETE":
            found = [self.remote_keys.pop(key, None) for key in body["pubkeys"]]
            return 200, {"data": [{"status": "deleted" if url else "not_found"} for url in found]}
        return 200, {"data": [{"pubkey": key, "url": url, "readonly": False} for key, url in self.remote_keys.items()]}

    def respond(self, method, path, body):
        """Status and JSON value of the answer that the specification asks for."""
        if path == "/eth/v1/remotekeys":
            return self._respond_remote(method, body)
        if path == "/eth/v1/keystores" and method == "GET":
            listed = {**dict.fromkeys(self.remote_keys, True), **dict.fromkeys(self.keystores, False)}
            return 200, {"data": [{"validating_pubkey": key, "derivation_path": "", "readonly": value} for key, value in listed.items()]}
        if path == "/eth/v1/keystores" and method == "DELETE":
            return 200, {"data": [*map(self.delete_keystore, body["pubkeys"])], "slashing_protection": self.history(body["pubkeys"])}
        if path == "/eth/v1/keystores" and method == "POST":
            for signed in json.loads(body.get("slashing_protection") or '{"data": []}')["data"]:
                self.histories[signed.pop("pubkey")] = signed
            return 200, {"data": [self.import_keystore(*pair) for pair in zip(body["keystores"], body["passwords"], strict=True)]}
        _root, _eth, _v1, kind, key, name = path.split("/") if path.count("/") == 5 else [""] * 6
        values = {"feerecipient": self.fee_recipients, "gas_limit": self.gas_limits}.get(name)
        if kind != "validator" or values is None or not any(key in keys for keys in (self.keystores, self.remote_keys, self.known)):
            return 404, {"message": "not found"}
        field = {"feerecipient": "ethaddress", "gas_limit": "gas_limit"}[name]
        if method == "POST":
            values[key] = body[field]
            return 202, {}
        default = {"feerecipient": "0x" + "00" * 20, "gas_limit": "30000000"}[name]
        return 200, {"data": {"pubkey": key, field: values.get(key, default)}}


def make_certificate(directory, name):
    """A self-signed certificate and its key, with another name in it: their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "teku")])
    now = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
    # Nobody renews it.
    made = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    paths = directory / (name + ".pem"), directory / (name + ".key")
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths


class _Request:
    def __init__(self, method, path, body, token):
        self.method, self.path, self.body, self.token = method, path, body, token


def _handler_of(stub):
    class Answers(Handler):
        def _do(self):
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scheme, _blank, token = self.headers.get("Authorization", "").partition(" ")
            token = token if scheme == "Bearer" else ""
            request = _Request(self.command, self.path, json.loads(content) if content else None, token)
            stub.requests.append((self.command, self.path))
            made = stub.answer(stub, request) if stub.answer else None
            if made is None and token != TOKEN:
                made = 401, "application/json", b"{}"
            if made is None:
                status, value = stub.respond(request.method, request.path, request.body)
                made = status, "application/json", json.dumps(value).encode()
            status, content_type, body = made
            if status is None:
                # Nothing at all, as where it died.
                self.close_connection = True
                return
            self.send(status, content_type, body)

        do_GET = do_POST = do_DELETE = _do

    return Answers
