# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wallets that sign transactions: what was asked for, by whom it was asked for, or one clear error. A JSON-RPC is not believed."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import connect
from ansible_collections.obol.dv.plugins.module_utils.clients.json_rpc import Refused
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address
from ansible_collections.obol.dv.plugins.module_utils.ethereum.transaction import Transaction, parse
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.plugins.module_utils.signers.json_rpc_wallet import JsonRpcWallet
from ansible_collections.obol.dv.plugins.module_utils.signers.key_file_wallet import KeyFileWallet
from ansible_collections.obol.dv.plugins.module_utils.signers.transaction_signer import sign_transaction_as
from ansible_collections.obol.dv.tests.support.authority import Authority
from ansible_collections.obol.dv.tests.support.json_rpc_stub import JsonRpcStub, Refusal
from eth_account import Account

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
ADDRESS, OTHERS = (secp256k1.address_of(secp256k1.public_key(key)) for key in (KEY, OTHER))
TRANSACTION = Transaction(560048, 0, 10**9, 3 * 10**10, 200_000, b"\xad" * 20, 32 * 10**18, b"\x22\x89\x51\x18")
RAW = TRANSACTION.sign(KEY)
HEX = "0x" + RAW.hex()
WEB3SIGNER, CLEF = "eth_signTransaction", "account_signTransaction"


def wallet_of(stub, address=ADDRESS):
    return JsonRpcWallet(connect(stub.url, "url"), address)


def signs(asked, key=KEY):
    """What a signer makes of what it is asked, by another library."""
    named = {name: asked[name] for name in ("to", "chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value")}
    assert asked["data"] == asked["input"] and set(asked) == {*named, "from", "data", "input"}
    return "0x" + Account.sign_transaction({"type": 2, "data": asked["data"], **named}, key).raw_transaction.hex()


SIGNERS = {
    "Web3Signer": {WEB3SIGNER: signs},
    "geth": {WEB3SIGNER: lambda asked: {"raw": signs(asked), "tx": {"nonce": "0xbad"}}},
    "Clef": {CLEF: lambda asked: {"raw": signs(asked), "tx": {}}},
}


@pytest.mark.parametrize("methods", SIGNERS.values(), ids=SIGNERS)
def test_what_is_asked_is_signed(methods):
    with JsonRpcStub(methods) as stub:
        wallet = wallet_of(stub)
        assert wallet.sign_transaction(TRANSACTION) == RAW
        assert sign_transaction_as(wallet, ADDRESS, TRANSACTION) == parse(RAW, "it")
        asked = stub.asked[-1][1][0]
        # Clef v1.16.7 refuses others.
        assert (asked["from"], asked["to"]) == (checksum_address(ADDRESS), checksum_address(TRANSACTION.to))


@pytest.mark.parametrize(
    "change", [{"nonce": 0, "value": 0, "data": b"", "max_priority_fee": 0}, {"nonce": 2**63, "max_fee": 2**100, "data": bytes(500)}]
)
def test_the_edges(change):
    transaction = TRANSACTION._replace(**change)
    with JsonRpcStub({WEB3SIGNER: signs}) as stub:
        assert sign_transaction_as(wallet_of(stub), ADDRESS, transaction).transaction == transaction


CHANGES = {
    "chain_id": 1,
    "nonce": 1,
    "max_priority_fee": 10**9 + 1,
    "max_fee": 10**12,
    "gas": 21000,
    "to": b"\x43" * 20,
    "value": 33 * 10**18,
    "data": b"",
}


@pytest.mark.parametrize("field", CHANGES)
def test_another_transaction(field):
    """One with a higher fee that its owner set at the prompt, and one to somebody else, alike."""
    raw = TRANSACTION._replace(**{field: CHANGES[field]}).sign(KEY)
    with JsonRpcStub({WEB3SIGNER: "0x" + raw.hex()}) as stub:
        text = "^the wallet signed another transaction, with another %s; wanted: what it was asked to sign; nothing was sent" % field
        with pytest.raises(DvError, match=text):
            sign_transaction_as(wallet_of(stub), ADDRESS, TRANSACTION)


def test_every_field_counts():
    assert tuple(CHANGES) == Transaction._fields
    with JsonRpcStub({WEB3SIGNER: "0x" + TRANSACTION._replace(**CHANGES).sign(KEY).hex()}) as stub:
        with pytest.raises(DvError, match="with another %s;" % ", ".join(CHANGES)):
            sign_transaction_as(wallet_of(stub), ADDRESS, TRANSACTION)


@pytest.mark.parametrize("form", ["%s", {"raw": "%s"}])
def test_by_somebody_else(form):
    signed = "0x" + TRANSACTION.sign(OTHER).hex()
    with JsonRpcStub({WEB3SIGNER: signed if form == "%s" else {"raw": signed}}) as stub:
        text = "^the wallet signs for %s; wanted: the wallet of %s" % (checksum_address(OTHERS), checksum_address(ADDRESS))
        with pytest.raises(DvError, match=text):
            sign_transaction_as(wallet_of(stub), ADDRESS, TRANSACTION)


LEGACY = {"nonce": 0, "gasPrice": 10**9, "gas": 21000, "to": TRANSACTION.to, "value": 1, "data": b"", "chainId": 560048}
NO_TRANSACTIONS = {
    "of an old type": "0x" + Account.sign_transaction(LEGACY, KEY).raw_transaction.hex(),
    "a hash": "0x" + "ab" * 32,
    "a signature": "0x" + "ab" * 65,
    "nothing": "0x",
    "with high s": "0x" + RAW[:-32].hex() + (secp256k1.ORDER - int.from_bytes(RAW[-32:], "big")).to_bytes(32, "big").hex(),
    "unsigned": "0x02" + RAW[1:-67].hex(),
}


@pytest.mark.parametrize("answer", NO_TRANSACTIONS.values(), ids=NO_TRANSACTIONS)
def test_what_is_no_transaction(answer):
    with JsonRpcStub({WEB3SIGNER: answer}) as stub:
        with pytest.raises(DvError, match=r"^what the wallet signed is no signed transaction; wanted: one of type 2 \(EIP-1559\)"):
            sign_transaction_as(wallet_of(stub), ADDRESS, TRANSACTION)


@pytest.mark.parametrize(
    "answer", [None, 7, True, "", RAW.hex(), "0xabc", "0xzz", [], [HEX], {}, {"tx": {}}, {"raw": None}, {"raw": 7}, {"raw": [HEX]}]
)
def test_what_is_no_answer(answer):
    with JsonRpcStub({WEB3SIGNER: answer}) as stub:
        with pytest.raises(DvError, match="^the signer at http://127.0.0.1:[0-9]+ answers eth_signTransaction with something else"):
            wallet_of(stub).sign_transaction(TRANSACTION)


def test_who_does_not_sign():
    """Somebody said no, or the account is not there: it is asked once."""

    def refuse(_asked):
        raise Refusal(-32000, "request denied")

    with JsonRpcStub({WEB3SIGNER: refuse, CLEF: HEX}) as stub:
        with pytest.raises(Refused, match="^the signer at .* refuses eth_signTransaction: request denied"):
            wallet_of(stub).sign_transaction(TRANSACTION)
        assert len(stub.asked) == 1
    with JsonRpcStub({CLEF: refuse}) as stub, pytest.raises(Refused, match="refuses account_signTransaction: request denied"):
        wallet_of(stub).sign_transaction(TRANSACTION)
    with JsonRpcStub() as stub, pytest.raises(Refused, match="refuses account_signTransaction: the method .* does not exist"):
        wallet_of(stub).sign_transaction(TRANSACTION)


@pytest.mark.parametrize("url", ["http://10.0.0.5:8550", "http://signer.example", "http://localhost.evil.example:8550"])
def test_off_the_node(url):
    with pytest.raises(DvError, match="^the signer at %s(:80)? is off the node; wanted: http:// on the node itself" % url):
        JsonRpcWallet(connect(url, "url"), ADDRESS)


def test_by_tls(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    JsonRpcWallet(connect("https://signer.example", "url"), ADDRESS)
    with JsonRpcStub({WEB3SIGNER: signs}, certificate=authority.certificate("127.0.0.1")) as stub:
        assert wallet_of(stub).sign_transaction(TRANSACTION) == RAW


@pytest.fixture
def wallet(tmp_path):
    """The key file of KEY; with another address in it, if that is asked for."""

    def write(address=ADDRESS):
        paths = tmp_path / "wallet.json", tmp_path / "password.txt"
        made = key_file_wallet.key_file.encrypt(KEY, address, b"hunter2", 2)
        paths[0].write_text(key_file_wallet.go_json.dumps(made))
        paths[1].write_text("hunter2\n")
        return KeyFileWallet(*map(str, paths))

    return write


def test_a_key_file(wallet):
    assert wallet().sign_transaction(TRANSACTION) == RAW
    assert sign_transaction_as(wallet(), ADDRESS, TRANSACTION) == (TRANSACTION, ADDRESS, parse(RAW, "it").hash, RAW)


def test_a_key_file_of_somebody_else(wallet):
    """Whatever address it states."""
    with pytest.raises(DvError, match="^the wallet signs for %s; wanted: the wallet of" % checksum_address(ADDRESS)):
        sign_transaction_as(wallet(OTHERS), OTHERS, TRANSACTION)


def test_a_key_file_is_unlocked_once(wallet, monkeypatch):
    unlocked, real = [], key_file_wallet.unlock
    monkeypatch.setattr(key_file_wallet, "unlock", lambda *args: unlocked.append(args) or real(*args))
    made = wallet()
    assert unlocked == []
    for nonce in range(3):
        assert sign_transaction_as(made, ADDRESS, TRANSACTION._replace(nonce=nonce)).transaction.nonce == nonce
    assert len(unlocked) == 1
