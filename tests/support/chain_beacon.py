# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A beacon node in the memory of a test that follows an :class:`.anvil.Anvil`: deposits wait in it, and are validators once a test says so.

Source: the Ethereum beacon APIs v3, with the pending deposits of Electra.
"""

import json
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit
from ansible_collections.obol.dv.tests.support import deposits
from ansible_collections.obol.dv.tests.support.beacon_stub import GENESIS
from ansible_collections.obol.dv.tests.support.loopback import Handler, Served

#: Of an epoch that is not known yet.
FAR_FUTURE = str(2**64 - 1)

_BEACON = "/eth/v1/beacon"
_VALIDATORS, _PENDING = _BEACON + "/states/%s/validators", _BEACON + "/states/%s/pending_deposits"
_STATES = ("head", "finalized")


class ChainBeacon(Served):
    """Serves on a free port of loopback as long as it is entered; its head's state and its final one are the same.

    ``validators`` has what the API tells of each by public key (hex, ``0x``), to be changed as a test likes; ``planted`` the pending
    deposits that are not of this chain's events; ``syncing`` what ``/eth/v1/node/syncing`` tells; ``answers`` status and JSON value of
    the answer to a path that is another than this one's; ``requests`` method and path of each request.
    """

    def __init__(self, anvil):
        self.anvil, self.validators, self.planted, self.answers, self.requests = anvil, {}, [], {}, []
        self.syncing = {"head_slot": "1000", "sync_distance": "0", "is_syncing": False, "is_optimistic": False, "el_offline": False}
        self._processed = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = "http://127.0.0.1:%d" % self._server.server_port

    def process(self, status="active_ongoing"):
        """Take in all deposits that wait: the first of a key with a good signature makes a validator with that ``status``, or none if it
        has no good one; others are added to its balance. What was processed so before, and is in no block any more, stays."""
        for waiting in self.pending():
            key, amount = waiting["pubkey"], int(waiting["amount"])
            if key in self.validators:
                self.validators[key]["balance"] = str(int(self.validators[key]["balance"]) + amount)
            elif _is_signed(waiting):
                self.plant_validator(key, waiting["withdrawal_credentials"], status, amount)
        self.planted.clear()
        self._processed.update(self.anvil.deposit_events())

    def set_status(self, status, *keys):
        """Give the validators with these public ``keys`` that status, or all."""
        for key in keys or self.validators:
            self.validators[key]["status"] = status

    def plant_validator(self, key, credentials, status="active_ongoing", balance=32 * 10**9):
        """A validator that others made: public key and withdrawal credentials as hex with 0x, Gwei."""
        epochs = ("activation_eligibility_epoch", "activation_epoch", "exit_epoch", "withdrawable_epoch")
        fields = {"pubkey": key, "withdrawal_credentials": credentials, "effective_balance": str(balance), "slashed": False}
        self.validators[key] = {
            "index": str(1000 + len(self.validators)),
            "balance": str(balance),
            "status": status,
            "validator": {**fields, **dict.fromkeys(epochs, FAR_FUTURE)},
        }

    def plant_deposit(self, key, credentials, amount=32 * 10**9, signature="0x" + "c0" + "00" * 95):
        """A deposit that others made, and that waits: hex with 0x, Gwei."""
        self.planted.append(_pending(key, credentials, amount, signature))

    def pending(self):
        """The deposits that wait, as the API tells of them."""
        events = [each for each in self.anvil.deposit_events() if each not in self._processed]
        mine = [_pending(*("0x" + each.hex() for each in event[:2]), event.amount, "0x" + event.signature.hex()) for event in events]
        return [*self.planted, *mine]

    def respond(self, method, url, body):
        """Status and JSON value of the answer."""
        parts = urlsplit(url)
        self.requests.append((method, parts.path))
        if parts.path in self.answers:
            return self.answers[parts.path]
        if parts.path in [_VALIDATORS % state for state in _STATES]:
            if method == "POST":
                ids, statuses = body.get("ids"), body.get("statuses")
            else:
                asked = {name: [one for value in values for one in value.split(",")] for name, values in parse_qs(parts.query).items()}
                ids, statuses = asked.get("id"), asked.get("status")
            return 200, _of_state(self._chosen(ids, statuses))
        if method == "GET" and parts.path in [_PENDING % state for state in _STATES]:
            return 200, {"version": "electra", **_of_state(self.pending())}
        facts = self._facts().get(parts.path) if method == "GET" else None
        return (404, {"code": 404, "message": "not found"}) if facts is None else (200, {"data": facts})

    def _chosen(self, ids, statuses):
        """The validators of these ids (public keys or indices) and statuses; of all where there are none."""
        wanted, states = {each.lower() for each in ids or ()}, set(statuses or ())
        return [
            each
            for key, each in self.validators.items()
            if (not wanted or wanted & {key, each["index"]}) and (not states or states & {each["status"], each["status"].split("_")[0]})
        ]

    def _facts(self):
        """What it tells of its chain and itself, by path."""
        chain = str(self.anvil.chain_id)
        return {
            _BEACON + "/genesis": GENESIS,
            "/eth/v1/config/deposit_contract": {"chain_id": chain, "address": deposits.CONTRACT},
            "/eth/v1/config/spec": {
                "DEPOSIT_CHAIN_ID": chain,
                "DEPOSIT_NETWORK_ID": chain,
                "DEPOSIT_CONTRACT_ADDRESS": deposits.CONTRACT,
                "GENESIS_FORK_VERSION": GENESIS["genesis_fork_version"],
                "SECONDS_PER_SLOT": "12",
                "SLOTS_PER_EPOCH": "32",
            },
            "/eth/v1/node/syncing": self.syncing,
        }


def _of_state(data):
    return {"execution_optimistic": False, "finalized": False, "data": data}


def _pending(key, credentials, amount, signature):
    return {"pubkey": key, "withdrawal_credentials": credentials, "amount": str(amount), "signature": signature, "slot": "999"}


def _is_signed(waiting):
    """Whether a pending deposit is signed with its key, for hoodi."""
    key, credentials, signature = (bytes.fromhex(waiting[name][2:]) for name in ("pubkey", "withdrawal_credentials", "signature"))
    fork_version = bytes.fromhex(GENESIS["genesis_fork_version"][2:])
    return bls.verify(key, deposit.signing_root(key, credentials, int(waiting["amount"]), fork_version), signature)


def _handler_of(beacon):
    class _Handler(Handler):
        def do_GET(self):
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, value = beacon.respond(self.command, self.path, json.loads(content) if content else {})
            self.send(status, "application/json", json.dumps(value).encode())

        do_POST = do_GET

    return _Handler
