# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A JSON-RPC in the memory of a test: it answers what the test says, in whatever form."""

import json
import ssl
from http.server import ThreadingHTTPServer

from ansible_collections.obol.dv.tests.support.loopback import Handler, Served

JSON = "application/json"


class Refusal(Exception):
    """What a method raises to be answered with an error: of that ``code`` and ``message``."""

    def __init__(self, code, message):
        super().__init__(message)
        self.error = {"code": code, "message": message}


class JsonRpcStub(Served):
    """Serves on a free port of loopback as long as it is entered. ``asked`` has method and parameters of each call, ``paths`` where it was sent.

    :param methods: method -> its result, or a function of the parameters that returns it, or raises :class:`Refusal`
    :param answer: what is answered to everything instead: a status, a content type, a body (bytes)
    :param certificate: paths of a certificate and its key, to answer by TLS
    """

    def __init__(self, methods=None, answer=None, certificate=None):
        self.methods, self.answer, self.asked, self.paths = methods or {}, answer, [], []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = "http%s://127.0.0.1:%d" % ("s" if certificate else "", self.port)

    def respond(self, request):
        """The JSON value of the answer to a ``request``."""
        method, params, head = request["method"], request["params"], {"jsonrpc": "2.0", "id": request["id"]}
        if method not in self.methods:
            return {**head, "error": {"code": -32601, "message": "the method %s does not exist/is not available" % method}}
        found = self.methods[method]
        try:
            return {**head, "result": found(*params) if callable(found) else found}
        except Refusal as refusal:
            return {**head, "error": refusal.error}


def _handler_of(stub):
    class Answers(Handler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.asked.append((request["method"], request["params"]))
            stub.paths.append(self.path)
            self.send(*(stub.answer or (200, JSON, json.dumps(stub.respond(request)).encode())))

    return Answers
