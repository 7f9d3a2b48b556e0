# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits on an execution layer of our own, with the real contract: each is paid once, whatever happens."""

import eth_account
import pytest
from ansible_collections.obol.dv.tests.support import deposits
from ansible_collections.obol.dv.tests.support.paying import Refused, states
from ansible_collections.obol.dv.tests.support.rpc_proxy import RpcProxy


def test_each_is_paid_once(paying, anvil):
    answer = paying.pay()
    assert answer["changed"] and (answer["state"], answer["detail"], states(answer)) == ("sent", "3 pending", ["pending"] * 3)
    assert answer["sent"] == [line["transaction"] for line in answer["lines"]]
    assert paying.paid() == paying.wanted()
    again = paying.ask()
    assert states(again) == ["mined"] * 3 and not again["changed"]
    anvil.mine(12)
    final = paying.ask()
    assert (final["state"], final["changed"], states(final)) == ("final", False, ["final"] * 3)
    assert [line["transaction"] for line in final["lines"]] == answer["sent"] and not final["sent"]
    assert paying.paid() == paying.wanted()


def test_nothing_is_sent_before_it_is_confirmed(paying):
    plan = paying.ask(check_mode=True)
    assert (plan["state"], plan["changed"]) == ("unconfirmed", False)
    assert plan == paying.ask() and not paying.record()
    with pytest.raises(Refused, match="dv_activate_confirm is 00ff.*%s" % plan["plan"]):
        paying.ask(confirm="00ff")
    assert not paying.paid()


def test_a_plan_is_not_paid_by_the_hash_of_another(paying, anvil):
    """Also one that was confirmed before: what is asked for now is not what somebody looked at."""
    anvil.automine(False)
    paying.pay(first=1)
    other = paying.ask(first=2, check_mode=True)["plan"]
    anvil.rpc("anvil_dropAllTransactions")
    with pytest.raises(Refused, match="dv_activate_confirm is %s" % other):
        paying.ask(first=1, confirm=other)
    assert anvil.rpc("txpool_status")["pending"] == "0x0"
    assert paying.ask(first=1)["changed"]


def test_another_payer_or_choice_or_reason_is_another_plan(paying):
    paying.wallet("other", bytes(31) + b"\7")
    paying.chain.rpc("anvil_setBalance", paying.ask(check_mode=True)["payer"], hex(10**24))
    asked = [{}, {"first": 1}, {"amounts": ["1", "31"]}, {"without": {"readiness": "another reason"}}]
    plans = {paying.ask(check_mode=True, **each)["plan"] for each in asked}
    assert len(plans) == len(asked)


def test_what_waits_is_not_sent_again(paying, anvil):
    anvil.automine(False)
    first = paying.pay()
    assert [line["state"] for line in paying.ask()["lines"]] == ["pending"] * 3
    assert not paying.ask()["changed"]
    assert [line["transaction"] for line in paying.ask()["lines"]] == [line["transaction"] for line in paying.ask()["lines"]]
    anvil.mine(1)
    assert paying.paid() == paying.wanted() and first["changed"]


def test_what_was_dropped_is_sent_again_as_it_was(paying, anvil):
    anvil.automine(False)
    paying.pay()
    hashes = [line["transaction"] for line in paying.ask()["lines"]]
    for each in hashes:
        anvil.rpc("anvil_dropTransaction", each)
    assert [line["state"] for line in paying.ask(check_mode=True)["lines"]] == ["dropped"] * 3
    assert paying.ask()["changed"]
    assert [line["transaction"] for line in paying.ask()["lines"]] == hashes
    anvil.mine(1)
    assert paying.paid() == paying.wanted()


def test_what_a_reorganisation_took_is_sent_again(paying, anvil):
    paying.pay()
    anvil.reorg(3)
    assert not paying.paid()
    assert paying.ask()["changed"]
    assert paying.paid() == paying.wanted()


def test_a_nonce_that_something_else_used_is_given_up_once_that_is_final(paying, anvil):
    anvil.automine(False)
    paying.pay(first=1)
    (line,) = paying.ask(first=1)["lines"]
    anvil.rpc("anvil_dropTransaction", line["transaction"])
    spend(anvil)
    anvil.mine(1)
    for _run in range(2):
        undecided = paying.ask(first=1)
        assert (states(undecided), undecided["changed"]) == (["undecided"], False)
    anvil.mine(12)
    assert paying.ask(first=1)["changed"]
    anvil.mine(1)
    assert paying.paid() == paying.wanted(positions=[0])
    assert len(paying.record()["payments"]) == 2


def test_a_reorganisation_may_bring_back_what_something_else_replaced(paying, anvil):
    """Until that is final there is no other transaction, so that there is one deposit."""
    anvil.automine(False)
    paying.pay(first=1)
    (line,) = paying.ask(first=1)["lines"]
    anvil.rpc("anvil_dropTransaction", line["transaction"])
    spend(anvil)
    anvil.mine(1)
    paying.ask(first=1)
    anvil.reorg(1)
    assert paying.ask(first=1)["changed"]
    anvil.mine(1)
    assert paying.paid() == paying.wanted(positions=[0]) and len(paying.record()["payments"]) == 1


def test_what_offers_too_little_is_sent_again_with_more(paying, anvil):
    anvil.automine(False)
    paying.pay(max_fee=3)
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * 10**9))
    anvil.mine(1)
    # anvil's pool keeps none that offers too little.
    with pytest.raises(Refused, match="guard fee: a unit of gas costs .* at most dv_activate_max_fee, 3 Gwei"):
        paying.ask(max_fee=3)
    assert paying.ask(max_fee=100)["changed"]
    anvil.mine(1)
    assert paying.paid() == paying.wanted()
    nonces = [payment["line"] for payment in paying.record()["payments"]]
    assert len(nonces) == 6


def test_more_than_a_batch_does_not_wait_at_once(paying, anvil):
    anvil.automine(False)
    paying.pay(batch=2)
    assert states(paying.ask(batch=2)) == ["pending", "pending", "not sent"]
    anvil.mine(1)
    paying.ask(batch=2)
    anvil.mine(1)
    assert sorted(paying.paid()) == sorted(paying.wanted())


def test_what_waits_for_a_transaction_of_another_plan_is_told(paying, anvil):
    """A client lost both, and only the second one is asked for again."""
    anvil.automine(False)
    paying.pay(first=2)
    anvil.rpc("anvil_dropAllTransactions")
    paying.pay(validators=["1"])
    waits = paying.ask(validators=["1"])
    assert (states(waits), waits["changed"]) == (["pending"], False) and "nonces after 0, which nothing has: run the plan" in waits[
        "detail"
    ]
    assert paying.ask(first=2)["changed"] and paying.ask(first=2)["detail"] == "2 pending"
    anvil.mine(1)
    assert paying.paid() == paying.wanted(positions=[0, 1])


def test_the_second_deposit_goes_once_the_beacon_chain_has_the_first(paying, beacon):
    parts = {"amounts": ["1", "31"]}
    paying.pay(**parts)
    waiting = paying.ask(**parts)
    assert paying.paid() == paying.wanted(1) and not waiting["changed"]
    assert {each["status"] for each in waiting["validators"]} == {"pending_deposit"}
    beacon.process("pending_initialized")
    assert paying.ask(**parts)["changed"]
    assert paying.paid() == paying.wanted(1) + paying.wanted(31)
    assert {each["status"] for each in paying.ask(**parts)["validators"]} == {"pending_initialized"}


def test_the_same_amount_twice_is_two_lines(paying, beacon, anvil):
    paying.pay()
    beacon.process()
    anvil.mine(12)
    paying.pay(amounts=["32", "32"])
    assert paying.paid() == paying.wanted() * 2
    assert not paying.ask(amounts=["32", "32"])["changed"]


def test_what_somebody_else_paid_is_not_paid_again(paying, anvil):
    deposits.hand_in(anvil, paying.entries(positions=[1]))
    paying.pay()
    assert sorted(paying.paid()) == sorted(paying.wanted())


def test_another_operator_does_not_pay_what_one_has_stated(paying):
    plan = paying.ask(check_mode=True)["plan"]
    planned = paying.ask(check_mode=True, confirm=plan)
    assert planned["state"] == "claiming" and "a run without check mode states in the store" in planned["detail"]
    claim = paying.ask(confirm=plan)
    paying.inbox.update(claim["outbox"])
    with pytest.raises(Refused, match="guard claims: operator 1 stated on .* that it pays deposits of this plan"):
        paying.pay(node=1)
    paying.ask(confirm=plan)
    assert paying.paid() == paying.wanted()


def test_two_operators_at_once_pay_each_line_once(paying):
    """Both have stated it in the same moment; the store takes one of them."""
    confirmed = [paying.ask(node, check_mode=True)["plan"] for node in range(2)]
    claims = [paying.ask(node, confirm=plan)["outbox"] for node, plan in enumerate(confirmed)]
    assert claims[0].keys() == claims[1].keys()
    paying.inbox.update(claims[1])
    with pytest.raises(Refused, match="guard claims: operator 2"):
        paying.ask(0, confirm=confirmed[0])
    paying.ask(1, confirm=confirmed[1])
    assert paying.paid() == paying.wanted()


def spend(anvil):
    """A transaction of the payer that is none of ours, with its next nonce."""
    account = eth_account.Account.from_key(anvil.funded_key)
    fields = {"to": account.address, "value": 0, "gas": 21000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
    nonce = int(anvil.rpc("eth_getTransactionCount", account.address, "latest"), 16)
    raw = account.sign_transaction({"chainId": anvil.chain_id, "nonce": nonce, **fields}).raw_transaction
    anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())


@pytest.mark.parametrize(
    "fault, told",
    [("error", ["pending", "dropped", "not sent"]), ("garbage", ["pending", "pending", "not sent"])],
    ids=["refused", "no answer"],
)
def test_a_failure_on_the_way_tells_what_was_sent(paying, anvil, fault, told):
    """Of what nobody answers it is not known that it was not."""
    with RpcProxy(anvil.url) as node:
        paying.url = node.url
        plan = paying.ask(check_mode=True)["plan"]
        paying.inbox.update(paying.ask(confirm=plan)["outbox"])
        node.schedule.begin(2, fault, "eth_sendRawTransaction")
        with pytest.raises(Refused, match="eth_sendRawTransaction") as error:
            paying.ask(confirm=plan)
        answer = error.value.answer
        assert (states(answer), answer["changed"], answer["detail"]) == (told, True, "")
        assert answer["sent"] == [line["transaction"] for line in answer["lines"]][: told.count("pending")]
        assert answer["diff"]["after"] == "validator 0: 32 ETH: %s\n" % answer["sent"][0]
        paying.ask(confirm=plan)
    assert paying.paid() == paying.wanted()
