# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pays besides a key file: the JSON-RPC of a wallet, an account that signs elsewhere, a Safe. Each line once, whoever signs."""

import json
import stat
import types

import eth_account
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.obol.dv.plugins.module_utils.activation import safe
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit_contract, transaction
from ansible_collections.obol.dv.plugins.module_utils.module_backends import activate
from ansible_collections.obol.dv.tests.support import deposits
from ansible_collections.obol.dv.tests.support.json_rpc_stub import JsonRpcStub, Refusal
from ansible_collections.obol.dv.tests.support.paying import Refused, states

GWEI = 10**9
OTHER_KEY = bytes(31) + b"\7"
SAFE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


# The options that choose a payer.

WALLET = {"wallet_file": "/payer.json", "wallet_password_file": "/payer.txt"}
JSON_RPC = {"wallet_url": "http://127.0.0.1:8550", "payer": SAFE}
OFFLINE = {"unsigned_file": "/unsigned.json", "payer": SAFE}
BY_SAFE = {"safe": SAFE, "safe_file": "/safe.json"}


def refusal(**params):
    """What is said of these options: of those that are right, that there is no cluster."""
    given = {"data_dir": "/x", "store": "/x", "execution_url": "http://x", "beacon_url": "http://x", **params}
    validated = ArgumentSpecValidator(activate.ARGUMENT_SPEC).validate(given)
    assert not validated.error_messages
    with pytest.raises(DvError) as error:
        activate.run_module(types.SimpleNamespace(params=validated.validated_parameters, check_mode=True))
    return str(error.value)


@pytest.mark.parametrize("chosen", [WALLET, JSON_RPC, OFFLINE, {**OFFLINE, "signed_file": "/signed.txt"}, BY_SAFE])
def test_each_kind_has_its_options(chosen):
    assert "/x has no cluster-lock.json" in refusal(**chosen)


ALL_KINDS = "dv_activate_wallet_file, dv_activate_wallet_url, dv_activate_unsigned_file, dv_activate_safe"


@pytest.mark.parametrize(
    "chosen, error",
    [
        ({}, "what pays is not set; wanted: one of " + ALL_KINDS),
        ({"payer": SAFE}, "what pays is not set; wanted: one of " + ALL_KINDS),
        ({**WALLET, **BY_SAFE}, "dv_activate_wallet_file, dv_activate_safe are set; wanted: one of " + ALL_KINDS),
        ({**WALLET, "payer": SAFE}, "dv_activate_payer is set beside dv_activate_wallet_file"),
        ({"wallet_file": "/payer.json"}, "dv_activate_wallet_password_file is not set; wanted: it, beside dv_activate_wallet_file"),
        ({"wallet_url": "http://127.0.0.1:8550"}, "dv_activate_payer is not set"),
        ({"unsigned_file": "/unsigned.json"}, "dv_activate_payer is not set"),
        ({**BY_SAFE, "signed_file": "/signed.txt"}, "dv_activate_signed_file is set beside dv_activate_safe"),
        ({"safe": SAFE}, "dv_activate_safe_file is not set"),
        ({**WALLET, "execution_url": None}, "the execution client is not set; wanted: one of dv_execution_url, dv_execution_url_file"),
        ({**WALLET, "execution_url_file": "/x"}, "dv_execution_url, dv_execution_url_file are set; wanted: one of"),
        ({**WALLET, "beacon_url": ""}, "the beacon node is not set; wanted: one of dv_beacon_url"),
    ],
)
def test_one_kind_and_all_of_it(chosen, error):
    assert error in refusal(**chosen)


# A key file.


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_wallet_that_does_not_open_states_nothing(paying, check_mode):
    plan, password = paying.ask(check_mode=True)["plan"], paying.directory / "payer.txt"
    password.write_text("another one")
    wrong = "does not unlock the wallet .*; correct dv_activate_wallet_password_file or dv_activate_wallet_file"
    for confirm in ("", plan):
        with pytest.raises(Refused, match=wrong):
            paying.ask(confirm=confirm, check_mode=check_mode)
    password.unlink()
    with pytest.raises(Refused, match="payer.txt"):
        paying.ask(check_mode=check_mode)
    assert not paying.record()


def test_what_waits_needs_no_wallet(paying):
    paying.pay()
    (paying.directory / "payer.txt").unlink()
    assert states(paying.ask()) == ["mined"] * 3


# The JSON-RPC of a wallet.


def account(anvil):
    return eth_account.Account.from_key(anvil.funded_key)


def signs(key, **changed):
    """A signer that has the account with that key, and signs what it likes better."""
    names = ("to", "chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value", "data")

    def sign(asked):
        fields = {"type": 2, **{name: asked[name] for name in names}, **changed}
        return "0x" + eth_account.Account.sign_transaction(fields, key).raw_transaction.hex()

    return {"eth_signTransaction": sign}


def denies(_asked):
    raise Refusal(-32000, "user denied")


def test_the_json_rpc_of_a_wallet_pays(paying, anvil):
    with JsonRpcStub(signs(anvil.funded_key)) as stub:
        asked = {"wallet_url": stub.url, "payer": account(anvil).address}
        assert paying.pay(**asked)["state"] == "sent"
        assert paying.paid() == paying.wanted()
        again = paying.ask(**asked)
        assert (again["payer"], again["changed"], len(stub.asked)) == (account(anvil).address, False, 3)
        assert paying.ask(check_mode=True)["plan"] == again["plan"], "the same account by its key file is the same plan"


@pytest.mark.parametrize(
    "methods, error",
    [
        (signs(OTHER_KEY), "the wallet signs for 0x"),
        ({"eth_signTransaction": "0x02"}, "what the wallet signed is no signed transaction"),
        ({"eth_signTransaction": denies}, "refuses eth_signTransaction: user denied"),
        ({}, "refuses account_signTransaction"),
    ],
)
def test_a_wallet_that_signs_something_else_pays_nothing(paying, anvil, methods, error):
    with JsonRpcStub(methods) as stub:
        with pytest.raises(Refused, match=error):
            paying.pay(wallet_url=stub.url, payer=account(anvil).address)
    assert not paying.paid() and not paying.record()["payments"]


@pytest.mark.parametrize("name, value", [("value", hex(33 * 10**18)), ("nonce", "0x7"), ("to", SAFE), ("maxFeePerGas", hex(10**13))])
def test_a_wallet_that_signs_other_fields_pays_nothing(paying, anvil, name, value):
    with JsonRpcStub(signs(anvil.funded_key, **{name: value})) as stub:
        with pytest.raises(Refused, match="the wallet signed another transaction"):
            paying.pay(wallet_url=stub.url, payer=account(anvil).address)
    assert not paying.paid()


# An account that signs elsewhere.


class Elsewhere:
    """The account that pays, on a machine without a network: signs what a file has.

    :param key: of another one than pays, if it is not None
    """

    def __init__(self, paying, key=None):
        self.unsigned, self.signed = paying.directory / "unsigned.json", paying.directory / "signed.txt"
        self.account = eth_account.Account.from_key(paying.chain.funded_key)
        self.key = key or paying.chain.funded_key
        self.options = {"unsigned_file": str(self.unsigned), "signed_file": str(self.signed), "payer": self.account.address}

    def asked(self):
        """The fields of each transaction that is to be signed."""
        return [each["transaction"] for each in json.loads(self.unsigned.read_text())]

    def sign(self, fields, **changed):
        fields = {name: value for name, value in {**fields, **changed}.items() if name != "from"}
        return "0x" + eth_account.Account.sign_transaction(fields, self.key).raw_transaction.hex()

    def bring(self, *raw):
        self.signed.write_text("".join("%s\n" % each for each in raw))


@pytest.fixture
def elsewhere(paying):
    return Elsewhere(paying)


def test_what_is_signed_elsewhere_is_sent(paying, anvil, elsewhere):
    answer = paying.pay(**elsewhere.options)
    assert (answer["state"], answer["changed"], states(answer), paying.paid()) == ("waiting", True, ["to be signed"] * 3, [])
    assert not answer["sent"] and str(elsewhere.unsigned) in answer["detail"] and str(elsewhere.signed) in answer["detail"]
    assert stat.S_IMODE(elsewhere.unsigned.stat().st_mode) == 0o644
    before = elsewhere.unsigned.stat()
    again = paying.ask(**elsewhere.options)
    assert (again["state"], again["changed"], states(again)) == ("waiting", False, ["to be signed"] * 3)
    assert elsewhere.unsigned.stat().st_ino == before.st_ino
    elsewhere.bring(*map(elsewhere.sign, elsewhere.asked()))
    assert paying.ask(check_mode=True, **elsewhere.options)["changed"] and not paying.paid() and elsewhere.unsigned.exists()
    sent = paying.ask(**elsewhere.options)
    assert (sent["state"], sent["changed"], paying.paid()) == ("sent", True, paying.wanted())
    assert states(sent) == ["pending"] * 3 and sent["sent"] == [line["transaction"] for line in sent["lines"]]
    assert not elsewhere.unsigned.exists()
    anvil.mine(12)
    final = paying.ask(**elsewhere.options)
    assert (final["state"], final["changed"]) == ("final", False)


def test_the_unsigned_form_is_what_is_signed(paying, elsewhere):
    paying.pay(**elsewhere.options)
    for entry, fields in zip(json.loads(elsewhere.unsigned.read_text()), elsewhere.asked()):
        unsigned = bytes.fromhex(entry["unsigned"][2:])
        assert transaction.parse_unsigned(unsigned, "it") == transaction.parse(bytes.fromhex(elsewhere.sign(fields)[2:]), "it").transaction
        assert fields["from"] == elsewhere.account.address
    assert [fields["nonce"] for fields in elsewhere.asked()] == ["0x0", "0x1", "0x2"]


def test_nothing_is_written_before_it_is_confirmed_and_stated(paying, elsewhere):
    plan = paying.ask(**elsewhere.options)["plan"]
    assert not elsewhere.unsigned.exists() and not paying.record()
    assert paying.ask(confirm=plan, **elsewhere.options)["state"] == "claiming"
    assert not elsewhere.unsigned.exists()
    paying.pay(**elsewhere.options)
    elsewhere.unsigned.unlink()
    assert paying.ask(check_mode=True, **elsewhere.options)["changed"] and not elsewhere.unsigned.exists()
    assert paying.ask(**elsewhere.options)["changed"] and elsewhere.unsigned.exists()


def test_some_are_signed_now_and_others_later(paying, elsewhere):
    paying.pay(**elsewhere.options)
    first, second, third = map(elsewhere.sign, elsewhere.asked())
    elsewhere.bring(first)
    partly = paying.ask(**elsewhere.options)
    assert (partly["state"], partly["changed"], paying.paid()) == ("waiting", True, paying.wanted(positions=[0]))
    assert [fields["nonce"] for fields in elsewhere.asked()] == ["0x1", "0x2"]
    elsewhere.bring(third, first, second)
    assert paying.ask(**elsewhere.options)["state"] == "sent"
    assert paying.paid() == paying.wanted()
    assert not paying.ask(**elsewhere.options)["changed"]


@pytest.mark.parametrize(
    "form",
    [
        "\n".join,
        json.dumps,
        lambda signed: json.dumps([{"raw": each, "tx": {"nonce": "0x0"}} for each in signed]),
        lambda signed: json.dumps([{"messageHash": "0x00", "rawTransaction": each} for each in signed]),
        lambda signed: json.dumps([{"jsonrpc": "2.0", "id": 1, "result": {"raw": each, "tx": {}}} for each in signed]),
    ],
)
def test_the_forms_of_the_usual_tools(paying, elsewhere, form):
    paying.pay(**elsewhere.options)
    elsewhere.signed.write_text(form([*map(elsewhere.sign, elsewhere.asked())]))
    paying.ask(**elsewhere.options)
    assert paying.paid() == paying.wanted()


def test_other_fees_within_the_limit_are_taken(paying, elsewhere):
    paying.pay(**elsewhere.options)
    elsewhere.bring(*(elsewhere.sign(fields, maxFeePerGas=hex(40 * GWEI), gas=hex(250_000)) for fields in elsewhere.asked()))
    paying.ask(**elsewhere.options)
    assert paying.paid() == paying.wanted()


WRONG = {
    "chain": ({"chainId": 1}, "number 1 is for the chain 1; wanted: 560048"),
    "contract": ({"to": SAFE}, "number 1 goes to 0x5aAeb6.*; wanted: the deposit contract"),
    "value": ({"value": hex(33 * 10**18)}, "number 1 pays no deposit of the plan"),
    "data": ({"data": "0x22895118"}, "number 1 pays no deposit of the plan"),
    "nonce": ({"nonce": "0x9"}, "number 1 pays validator 0: 32 ETH with nonce 9; wanted: nonce 0"),
    "another line's nonce": ({"nonce": "0x1"}, "number 1 pays validator 0: 32 ETH with nonce 1; wanted: nonce 0"),
    "gas": ({"gas": hex(100_000)}, "number 1 has 100000 gas"),
    "fee": ({"maxFeePerGas": hex(51 * GWEI)}, "number 1 offers 51 Gwei .*; wanted: at most dv_activate_max_fee, 50 Gwei"),
    "tip": ({"maxPriorityFeePerGas": hex(49 * GWEI), "maxFeePerGas": hex(48 * GWEI)}, "number 1 offers 48 Gwei .* 49 of it as a tip"),
}


@pytest.mark.parametrize("changed, error", WRONG.values(), ids=WRONG)
def test_nothing_is_taken_of_a_file_with_something_else(paying, elsewhere, changed, error):
    paying.pay(**elsewhere.options)
    first, second, third = elsewhere.asked()
    elsewhere.bring(elsewhere.sign(first, **changed), elsewhere.sign(second), elsewhere.sign(third))
    before = paying.record()
    for check_mode in (True, False):
        with pytest.raises(Refused, match=error):
            paying.ask(check_mode=check_mode, **elsewhere.options)
    assert not paying.paid() and paying.record() == before


def test_what_another_account_signed_is_not_taken(paying, elsewhere):
    paying.pay(**elsewhere.options)
    elsewhere.bring(*map(Elsewhere(paying, OTHER_KEY).sign, elsewhere.asked()))
    with pytest.raises(Refused, match="number 1 is signed by 0x.*; wanted: %s" % elsewhere.account.address):
        paying.ask(**elsewhere.options)
    assert not paying.paid()


def test_two_for_one_line_are_not_taken(paying, elsewhere):
    paying.pay(**elsewhere.options)
    first = elsewhere.asked()[0]
    elsewhere.bring(elsewhere.sign(first), elsewhere.sign(first, maxFeePerGas=hex(40 * GWEI)))
    with pytest.raises(Refused, match="number 2 pays validator 0: 32 ETH, as another one does"):
        paying.ask(**elsewhere.options)
    assert not paying.paid()
    elsewhere.bring(elsewhere.sign(first), elsewhere.sign(first))
    paying.ask(**elsewhere.options)
    assert paying.paid() == paying.wanted(positions=[0])


@pytest.mark.parametrize("content", ["0x02zz", "0x1234", "{}", "[1]", '{"raw": null}', "0x02" + "c0", "\xff\xfe"])
def test_what_is_no_transaction_is_not_taken(paying, elsewhere, content):
    paying.pay(**elsewhere.options)
    elsewhere.signed.write_text(content, "latin-1")
    with pytest.raises(Refused, match="signed.txt.* is|signed.txt has"):
        paying.ask(**elsewhere.options)


def test_what_is_something_else_is_not_shown(paying, elsewhere):
    """A file with a password, named by mistake."""
    paying.pay(**elsewhere.options)
    for content in ("correct-horse-battery", '"correct-horse-battery"', '["correct-horse-battery"]'):
        elsewhere.signed.write_text(content)
        with pytest.raises(Refused, match="signed.txt has a text in the place of a transaction") as error:
            paying.ask(**elsewhere.options)
        assert "horse" not in str(error.value)


def test_what_nobody_was_asked_to_sign_is_not_taken(paying, elsewhere, beacon):
    """The second deposit, before the beacon chain has the first."""
    parts = {"amounts": ["1", "31"], **elsewhere.options}
    paying.pay(first=1, **parts)
    (fields,) = elsewhere.asked()
    (entry,) = paying.entries(31, [0])
    later = deposit_contract.call_data(deposit_contract.Deposit(entry.pubkey, entry.withdrawal_credentials, entry.amount, entry.signature))
    elsewhere.bring(elsewhere.sign(fields, nonce="0x1", value=hex(31 * 10**18), data="0x" + later.hex()))
    with pytest.raises(Refused, match="number 1 pays validator 0: 31 ETH, which nobody was asked to sign"):
        paying.ask(first=1, **parts)
    elsewhere.bring(elsewhere.sign(fields))
    paying.ask(first=1, **parts)
    assert paying.paid() == paying.wanted(1, [0]) and not elsewhere.unsigned.exists()
    beacon.process()
    assert paying.ask(first=1, **parts)["state"] == "waiting"
    (fields,) = elsewhere.asked()
    elsewhere.bring(elsewhere.sign(fields))
    paying.ask(first=1, **parts)
    assert paying.paid() == paying.wanted(1, [0]) + paying.wanted(31, [0])


def test_a_nonce_that_something_else_used_is_not_taken(paying, anvil, elsewhere):
    paying.pay(first=1, **elsewhere.options)
    (fields,) = elsewhere.asked()
    spend(anvil)
    undecided = paying.ask(first=1, **elsewhere.options)
    assert states(undecided) == ["undecided"] and not elsewhere.unsigned.exists()
    elsewhere.bring(elsewhere.sign(fields))
    with pytest.raises(Refused, match="number 1 pays validator 0: 32 ETH, whose nonce is used"):
        paying.ask(first=1, **elsewhere.options)
    elsewhere.signed.unlink()
    anvil.mine(12)
    assert paying.ask(first=1, **elsewhere.options)["state"] == "waiting"
    (fields,) = elsewhere.asked()
    assert fields["nonce"] == "0x1"
    elsewhere.bring(elsewhere.sign(fields))
    paying.ask(first=1, **elsewhere.options)
    assert paying.paid() == paying.wanted(positions=[0])


def test_what_was_sent_from_elsewhere_is_seen(paying, anvil, elsewhere):
    paying.pay(first=1, **elsewhere.options)
    (fields,) = elsewhere.asked()
    anvil.rpc("eth_sendRawTransaction", elsewhere.sign(fields))
    elsewhere.bring(elsewhere.sign(fields))
    seen = paying.ask(first=1, **elsewhere.options)
    assert (states(seen), paying.paid()) == (["mined"], paying.wanted(positions=[0]))
    assert not elsewhere.unsigned.exists() and not paying.ask(first=1, **elsewhere.options)["changed"]
    elsewhere.bring(elsewhere.sign(fields, maxFeePerGas=hex(40 * GWEI)))
    with pytest.raises(Refused, match="number 1 pays validator 0: 32 ETH, which is paid"):
        paying.ask(first=1, **elsewhere.options)


def test_what_offers_too_little_is_to_be_signed_again_with_its_nonce(paying, anvil, elsewhere):
    paying.pay(max_fee=3, **elsewhere.options)
    before = elsewhere.asked()
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
    anvil.mine(1)
    assert paying.ask(max_fee=100, **elsewhere.options)["changed"]
    after = elsewhere.asked()
    assert [each["nonce"] for each in after] == [each["nonce"] for each in before]
    assert all(int(new["maxFeePerGas"], 16) > 20 * GWEI > int(old["maxFeePerGas"], 16) for old, new in zip(before, after))
    assert not paying.ask(max_fee=100, **elsewhere.options)["changed"]
    elsewhere.bring(*map(elsewhere.sign, after))
    paying.ask(max_fee=100, **elsewhere.options)
    assert paying.paid() == paying.wanted()


def test_what_waits_is_to_be_signed_again_where_that_is_asked_for(paying, anvil, elsewhere):
    anvil.automine(False)
    paying.pay(first=1, **elsewhere.options)
    elsewhere.bring(*map(elsewhere.sign, elsewhere.asked()))
    paying.ask(first=1, **elsewhere.options)
    assert paying.ask(first=1, bump=True, **elsewhere.options)["state"] == "waiting"
    assert not paying.ask(first=1, bump=True, **elsewhere.options)["changed"]
    elsewhere.bring(elsewhere.signed.read_text().strip(), *map(elsewhere.sign, elsewhere.asked()))
    assert paying.ask(first=1, bump=False, **elsewhere.options)["changed"]
    anvil.mine(1)
    assert paying.paid() == paying.wanted(positions=[0])
    (line,), second = paying.ask(first=1, **elsewhere.options)["lines"], elsewhere.signed.read_text().split()[1]
    assert line["transaction"] == "0x" + transaction.parse(bytes.fromhex(second[2:]), "it").hash.hex()


def test_the_key_file_of_the_account_goes_on_with_the_nonces(paying, anvil, elsewhere):
    """What was signed elsewhere meanwhile has the same ones."""
    paying.pay(**elsewhere.options)
    signed = [*map(elsewhere.sign, elsewhere.asked())]
    paying.ask()
    assert paying.paid() == paying.wanted()
    assert int(anvil.rpc("eth_getTransactionCount", elsewhere.account.address, "latest"), 16) == 3
    elsewhere.bring(*signed)
    assert paying.ask(**elsewhere.options)["changed"] and not elsewhere.unsigned.exists()
    assert not paying.ask(**elsewhere.options)["changed"] and paying.paid() == paying.wanted()


def test_another_account_does_not_pay_what_one_was_asked_to_sign(paying, anvil, elsewhere):
    paying.pay(**elsewhere.options)
    paying.wallet("other", OTHER_KEY)
    anvil.rpc("anvil_setBalance", eth_account.Account.from_key(OTHER_KEY).address, hex(10**24))
    with pytest.raises(Refused, match="guard claims: by plan [0-9a-f]{16} of this node %s pays deposits" % elsewhere.account.address):
        paying.pay(wallet="other")
    by_name = {"readiness": "no test measures", "claims": "it is a test"}
    answer = paying.pay(wallet="other", without=by_name)
    assert states(answer) == ["to be signed"] * 3 and not paying.paid()
    assert "3 were handed out to another account to be signed, and are its: it has to use up their nonces" in answer["detail"]
    for _each in range(3):
        spend(anvil)
    anvil.mine(12)
    paying.pay(wallet="other", without=by_name)
    assert paying.paid() == paying.wanted()


def test_another_account_does_not_replace_what_one_sent(paying, anvil):
    anvil.automine(False)
    paying.pay(max_fee=3)
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(2 * GWEI))
    paying.wallet("other", OTHER_KEY)
    anvil.rpc("anvil_setBalance", eth_account.Account.from_key(OTHER_KEY).address, hex(10**24))
    by_name = {"readiness": "no test measures", "claims": "it is a test"}
    paying.pay(wallet="other", without=by_name, max_fee=100, bump=True)
    anvil.mine(3)
    assert paying.paid() == paying.wanted()


def test_a_file_of_somebody_else_is_neither_overwritten_nor_removed(paying, elsewhere):
    elsewhere.unsigned.write_text('{"keep": "me"}')
    with pytest.raises(Refused, match="unsigned.json holds something else than deposits to be signed"):
        paying.pay(**elsewhere.options)
    assert elsewhere.unsigned.read_text() == '{"keep": "me"}'


@pytest.mark.parametrize("name", ["payer", "safe"])
def test_addresses_have_their_checksum(paying, elsewhere, name):
    options = {**elsewhere.options, "payer": elsewhere.account.address.lower()} if name == "payer" else {**BY_SAFE, "safe": SAFE.lower()}
    with pytest.raises(Refused, match="dv_activate_%s is 0x.* has no checksum" % name):
        paying.ask(**options)


# A Safe.


@pytest.fixture
def by_safe(paying, anvil):
    """The options of a Safe that has code and money."""
    anvil.rpc("anvil_setCode", SAFE, "0x00")
    anvil.rpc("anvil_setBalance", SAFE, hex(97 * 10**18))
    return {"safe": SAFE, "safe_file": str(paying.directory / "safe.json")}


def batch_of(options):
    with open(options["safe_file"]) as file:
        return json.load(file)


def execute(anvil, batch):
    """Send what the file has, as the Safe does once its owners have signed."""
    anvil.rpc("anvil_setBalance", SAFE, hex(int(anvil.rpc("eth_getBalance", SAFE, "latest"), 16) + 10**18))
    anvil.rpc("anvil_impersonateAccount", SAFE)
    for each in batch["transactions"]:
        fields = {"from": SAFE, "to": each["to"], "value": hex(int(each["value"])), "data": each["data"], "gas": hex(200_000)}
        anvil.rpc("eth_sendTransaction", fields)


def test_a_safe_pays_what_its_file_has(paying, anvil, by_safe):
    answer = paying.pay(**by_safe)
    assert (answer["state"], answer["changed"], answer["payer"]) == ("waiting", True, SAFE)
    assert by_safe["safe_file"] in answer["detail"] and SAFE in answer["detail"]
    batch = batch_of(by_safe)
    again = paying.ask(**by_safe)
    assert (again["state"], again["changed"], batch_of(by_safe)) == ("waiting", False, batch)
    execute(anvil, batch)
    assert paying.paid() == paying.wanted()
    seen = paying.ask(**by_safe)
    assert (seen["state"], seen["changed"], states(seen)) == ("sent", True, ["mined"] * 3)
    with pytest.raises(FileNotFoundError):
        batch_of(by_safe)
    anvil.mine(12)
    final = paying.ask(**by_safe)
    assert (final["state"], final["changed"]) == ("final", False)


def test_the_file_is_as_the_transaction_builder_has_it(paying, by_safe):
    paying.pay(**by_safe)
    batch = batch_of(by_safe)
    assert list(batch) == ["version", "chainId", "createdAt", "meta", "transactions"]
    assert (batch["version"], batch["chainId"]) == ("1.0", "560048") and batch["createdAt"] > 1.7e12
    assert batch["meta"]["createdFromSafeAddress"] == SAFE and batch["meta"]["description"] == "3 deposits, 96 ETH"
    assert [each["value"] for each in batch["transactions"]] == ["32000000000000000000"] * 3
    signatures = {entry.pubkey: entry.signature for entry in paying.entries()}
    for each, (pubkey, _amount) in zip(batch["transactions"], paying.wanted()):
        assert each["to"] == deposits.CONTRACT and pubkey.hex() in each["data"] and signatures[pubkey].hex() in each["data"]
        assert (each["contractMethod"], each["contractInputsValues"]) == (None, None)
    told = batch["meta"].pop("checksum")
    assert safe.checksum(batch) == told


def test_the_checksum_is_that_of_the_transaction_builder():
    """As its own test has it: apps/tx-builder/src/lib/checksum.test.js of safe-global/safe-react-apps."""
    address = "0x49d4450977E2c95362C13D3a31a09311E0Ea26A6"

    def of(kind, **values):
        name, type_ = "param" + kind, kind.lower()
        inputs = [{"internalType": type_, "name": name, "type": type_}]
        method = {"inputs": inputs, "name": "test" + kind, "payable": False}
        return {"to": address, "value": "0", "contractMethod": method, "contractInputsValues": values}

    batch = {
        "version": "1.0",
        "chainId": "4",
        "createdAt": 1646321521061,
        "meta": {
            "name": "test batch file",
            "txBuilderVersion": "1.4.0",
            "checksum": "",
            "createdFromSafeAddress": "0xDF8a1Ce35c9a6ACE153B4e0767942f1E2291a1Aa",
            "createdFromOwnerAddress": address,
        },
        "transactions": [
            of("Address", paramAddress=address),
            of("Bool", paramAddress="", paramBool="false"),
            {"to": address, "value": "2" + "0" * 18, "data": "0x42f45790" + "0" * 24 + address[2:].lower()},
        ],
    }
    assert safe.checksum(batch) == "0x4ecbfd364aa6759983915644e73f8bd411e85a2dc306f252a387c2728c4db64c"


def test_the_second_deposits_come_into_a_later_file(paying, anvil, beacon, by_safe):
    parts = {"amounts": ["1", "31"], **by_safe}
    paying.pay(**parts)
    assert {each["value"] for each in batch_of(by_safe)["transactions"]} == {"1" + "0" * 18}
    execute(anvil, batch_of(by_safe))
    assert paying.ask(**parts)["changed"]
    with pytest.raises(FileNotFoundError):
        batch_of(by_safe)
    beacon.process()
    assert paying.ask(**parts)["state"] == "waiting"
    assert {each["value"] for each in batch_of(by_safe)["transactions"]} == {"31" + "0" * 18}
    execute(anvil, batch_of(by_safe))
    paying.ask(**parts)
    assert paying.paid() == paying.wanted(1) + paying.wanted(31)


def test_what_somebody_paid_is_in_the_file_no_more(paying, anvil, by_safe):
    paying.pay(**by_safe)
    deposits.hand_in(anvil, paying.entries(positions=[1]))
    assert paying.ask(**by_safe)["changed"]
    batch = batch_of(by_safe)
    assert len(batch["transactions"]) == 2 and batch["meta"]["description"] == "2 deposits, 64 ETH"
    execute(anvil, batch)
    assert sorted(paying.paid()) == sorted(paying.wanted())


def test_nothing_is_written_for_a_safe_before_it_is_confirmed_and_stated(paying, by_safe):
    plan = paying.ask(**by_safe)["plan"]
    assert paying.ask(confirm=plan, **by_safe)["state"] == "claiming"
    with pytest.raises(FileNotFoundError):
        batch_of(by_safe)


def test_the_gas_is_not_the_safes(paying, anvil, by_safe):
    anvil.rpc("anvil_setBalance", SAFE, hex(96 * 10**18))
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))
    anvil.mine(1)
    assert paying.pay(**by_safe)["state"] == "waiting"
    anvil.rpc("anvil_setBalance", SAFE, hex(96 * 10**18 - 10**9))
    with pytest.raises(Refused, match="guard balance: %s has 95.999999999 ETH; wanted: 96 ETH, for 3 deposits;" % SAFE):
        paying.ask(**by_safe)


def test_a_safe_has_code(paying, by_safe, anvil):
    anvil.rpc("anvil_setCode", SAFE, "0x")
    with pytest.raises(Refused, match="%s has no code; wanted: a Safe on this chain" % SAFE):
        paying.ask(**by_safe)


def test_an_account_with_a_key_is_no_safe(paying, anvil):
    """Its key would pay the same plan, whatever became of the file."""
    address = account(anvil).address
    anvil.rpc("anvil_setCode", address, "0xef0100" + "ab" * 20)
    with pytest.raises(Refused, match="%s is an account with a key; wanted: a Safe on this chain; pay by its key" % address):
        paying.ask(safe=address, safe_file=str(paying.directory / "safe.json"))


def test_what_a_safe_is_to_do_besides_is_neither_overwritten_nor_removed(paying, anvil, by_safe):
    paying.pay(**by_safe)
    other = batch_of(by_safe)
    other["meta"]["name"] = "wages"
    with open(by_safe["safe_file"], "w") as file:
        json.dump(other, file)
    with pytest.raises(Refused, match="safe.json holds something else than deposits to be signed"):
        paying.ask(**by_safe)
    assert batch_of(by_safe) == other


@pytest.mark.parametrize("first", [{}, {"first": 1}])
def test_no_other_plan_pays_what_a_safe_may_still_pay(paying, anvil, by_safe, first):
    """Nobody knows whether its owners have signed: neither another account, nor the same Safe by another plan."""
    paying.pay(first=2, **by_safe)
    with pytest.raises(Refused, match="guard claims: by plan [0-9a-f]{16} of this node %s pays deposits of this plan" % SAFE):
        paying.pay(**first)
    with pytest.raises(Refused, match="guard claims: by plan"):
        paying.pay(first=1, **by_safe)
    execute(anvil, batch_of(by_safe))
    paying.pay()
    assert paying.paid() == paying.wanted()


def spend(anvil):
    """A transaction of the payer that is none of ours, with its next nonce."""
    address = account(anvil).address
    fields = {"to": address, "value": 0, "gas": 21000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "chainId": anvil.chain_id}
    nonce = int(anvil.rpc("eth_getTransactionCount", address, "latest"), 16)
    raw = account(anvil).sign_transaction({**fields, "nonce": nonce}).raw_transaction
    anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())
