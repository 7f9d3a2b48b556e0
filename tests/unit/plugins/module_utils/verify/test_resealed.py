# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock changed, and then hashed and signed again by all: only the check that is meant is left to notice."""

import re
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Creator, Operator, with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import BuilderRegistration
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.ethereum import enr
from ansible_collections.obol.dv.plugins.module_utils.verify.definition import verify_definition
from ansible_collections.obol.dv.plugins.module_utils.verify.lock import verify_lock
from ansible_collections.obol.dv.tests.support.dealt_cluster import GWEI, DealtCluster, errors, texts, warnings

STRANGER = bytes(31) + b"\5"


def of_validators(change):
    """A change of a cluster's lock by ``change(list of validators, cluster)``."""

    def changed(cluster):
        validators = list(cluster.lock.validators)
        change(validators, cluster)
        return cluster.seal(replace(cluster.lock, validators=tuple(validators)))

    return changed


def of_first(make):
    """A change of the fields of the first validator to those that ``make(validator, cluster)`` gives."""

    def change(validators, cluster):
        validators[0] = replace(validators[0], **make(validators[0], cluster))

    return of_validators(change)


def of_deposit(**fields):
    """A change of the first deposit of the first validator."""
    return of_first(lambda validator, _: {"deposits": (replace(validator.deposits[0], **fields), *validator.deposits[1:])})


def of_registration(**fields):
    """A change of the first validator's registration, not signed again."""
    return of_first(lambda validator, _: {"registration": replace(validator.registration, **fields)})


def of_signed_registration(**fields):
    """A change of the first validator's registration, signed again."""
    return of_first(lambda _, cluster: {"registration": cluster.registration(0, cluster.lock.definition, **fields)})


def of_definition(make, sign=True):
    """A change of the fields of the definition to those that ``make(definition)`` gives, and of the seals."""

    def changed(cluster):
        definition = replace(cluster.lock.definition, **make(cluster.lock.definition))
        definition = cluster.sign(definition) if sign else with_hashes(definition)
        return cluster.seal(replace(cluster.lock, definition=definition))

    return changed


def of_operator(place, **fields):
    """A change of one operator in the definition, after all have signed it."""

    def make(definition):
        operators = list(definition.operators)
        operators[place] = replace(operators[place], **fields)
        return {"operators": tuple(operators)}

    return of_definition(make, sign=False)


def _swap_between_validators(validators, _cluster):
    first, second = (list(validator.public_shares) for validator in validators)
    first[1], second[1] = second[1], first[1]
    validators[:] = [replace(v, public_shares=tuple(s)) for v, s in zip(validators, (first, second))]


def _signed_credentials(place, compounding):
    """Properly signed deposits whose credentials are those of another address or type."""

    def make(_validator, cluster):
        definition = cluster.lock.definition
        others = (definition.validators[place], definition.validators[1])
        other_terms = replace(definition, validators=others, compounding=compounding)
        return {"deposits": tuple(cluster.deposit(0, amount * GWEI, other_terms) for amount in (8, 24))}

    return of_first(make)


def _signed_amounts(*amounts):
    def make(_validator, cluster):
        return {"deposits": tuple(cluster.deposit(0, amount * GWEI, cluster.lock.definition) for amount in amounts)}

    return of_first(make)


def _other_fork_version(cluster):
    """The whole lock made for another network, but the deposits and registrations of this one."""
    definition = replace(cluster.lock.definition, fork_version=bytes.fromhex("90000069"))
    signer = DealtCluster(network="sepolia")
    return cluster.seal(replace(cluster.lock, definition=signer.sign(definition)))


RESEALED = {
    "shares of one validator swapped": (
        of_first(lambda validator, _: {"public_shares": validator.public_shares[::-1]}),
        {"public_shares"},
        "do not make its public key",
    ),
    "shares of two validators swapped": (
        of_validators(_swap_between_validators),
        {"public_shares"},
        "do not make its public key",
    ),
    "last share wrong": (
        of_first(lambda v, _: {"public_shares": (*v.public_shares[:3], bls.secret_to_public(5))}),
        {"public_shares", "signature_aggregate"},
        "public share 4 of validator 0",
    ),
    "one share twice": (
        of_first(lambda v, _: {"public_shares": (*v.public_shares[:3], v.public_shares[0])}),
        {"public_shares"},
        "one public share twice",
    ),
    "a share missing": (
        of_first(lambda v, _: {"public_shares": v.public_shares[:3]}),
        {"public_shares"},
        "3 public shares",
    ),
    "threshold smaller than the polynomial": (
        of_definition(lambda _: {"threshold": 2}),
        {"public_shares"},
        "do not make its public key",
    ),
    "validator twice": (
        of_validators(lambda validators, _: validators.__setitem__(1, validators[0])),
        {"public_key", "builder_registration", "deposit_data", "signature_aggregate"},
        "public key of another one",
    ),
    "validators swapped": (
        of_validators(lambda validators, _: validators.reverse()),
        {"builder_registration", "deposit_data"},
        "fee_recipient",
    ),
    "a validator missing": (
        of_validators(lambda validators, _: validators.pop()),
        {"num_validators", "signature_aggregate"},
        "the lock has 1 validators",
    ),
    "aggregate of one share less": (
        lambda cluster: replace(
            cluster.lock,
            signature_aggregate=bls.sign(sum(cluster.shares[0][1:] + cluster.shares[1]) % ORDER, cluster.lock.lock_hash),
        ),
        {"signature_aggregate"},
        "all key shares over the lock hash is wrong",
    ),
    "aggregate of the keys": (
        lambda cluster: replace(cluster.lock, signature_aggregate=bls.sign(sum(cluster.keys) % ORDER, cluster.lock.lock_hash)),
        {"signature_aggregate"},
        "is wrong",
    ),
    "no aggregate": (
        lambda cluster: replace(cluster.lock, signature_aggregate=b""),
        {"signature_aggregate"},
        "there is none",
    ),
    "node signatures swapped": (
        lambda cluster: replace(cluster.lock, node_signatures=cluster.lock.node_signatures[::-1]),
        {"node_signatures"},
        "operator 1",
    ),
    "node signature by the wallet": (
        lambda cluster: replace(
            cluster.lock,
            node_signatures=(
                *cluster.lock.node_signatures[:3],
                secp256k1.sign(cluster.wallets[3], cluster.lock.lock_hash),
            ),
        ),
        {"node_signatures"},
        "operator 4",
    ),
    "a node signature too many": (
        lambda cluster: replace(cluster.lock, node_signatures=(*cluster.lock.node_signatures, cluster.lock.node_signatures[0])),
        {"node_signatures"},
        "there are 5",
    ),
    "registration pays another, signed for the right one": (
        of_registration(fee_recipient=b"\5" * 20),
        {"builder_registration"},
        "fee_recipient 0x0505",
    ),
    "registration pays another, signed so": (
        of_signed_registration(fee_recipient=b"\5" * 20),
        {"builder_registration"},
        "registration of validator 0 .* is wrong",
    ),
    "registration of another key": (
        of_registration(pubkey=bls.secret_to_public(5)),
        {"builder_registration"},
        "pubkey 0x",
    ),
    "registration with another gas limit, not signed so": (
        of_registration(gas_limit=30_000_000),
        {"builder_registration"},
        "is wrong",
    ),
    "registration without signature": (of_registration(signature=b""), {"builder_registration"}, "no signature"),
    "no registration": (
        of_first(lambda _v, _c: {"registration": BuilderRegistration()}),
        {"builder_registration"},
        "no signature, fee",
    ),
    "deposit for another address": (_signed_credentials(1, False), {"deposit_data"}, "withdrawal_credentials"),
    "deposit with credentials of the other type": (
        _signed_credentials(0, True),
        {"deposit_data"},
        "withdrawal_credentials",
    ),
    "deposit of another key": (of_deposit(pubkey=bls.secret_to_public(5)), {"deposit_data"}, "pubkey 0x"),
    "deposit of another amount": (_signed_amounts(8, 25), {"deposit_data"}, "8000000000, 25000000000 Gwei"),
    "deposit missing": (_signed_amounts(8), {"deposit_data"}, "deposits of 8000000000 Gwei"),
    "deposit too many": (_signed_amounts(8, 24, 32), {"deposit_data"}, "32000000000 Gwei"),
    "deposit twice": (_signed_amounts(8, 8, 24), {"deposit_data"}, "8000000000, 8000000000"),
    "no deposits of one validator": (_signed_amounts(), {"deposit_data"}, "1 of 2 validators"),
    "deposit signature of another validator": (
        lambda cluster: of_deposit(signature=cluster.lock.validators[1].deposits[0].signature)(cluster),
        {"deposit_data"},
        "deposit of 8000000000 Gwei of validator 0 .* is wrong",
    ),
    "deposit signature of the other amount": (
        lambda cluster: of_deposit(signature=cluster.lock.validators[0].deposits[1].signature)(cluster),
        {"deposit_data"},
        "is wrong",
    ),
    "deposit signature outside of the curve": (
        of_deposit(signature=b"\x80" + b"\5" * 95),
        {"deposit_data"},
        "not a point",
    ),
    "all for another network": (_other_fork_version, {"deposit_data", "builder_registration"}, "is wrong"),
    "unknown network": (
        of_definition(lambda _: {"fork_version": b"\7" * 4}),
        {"network", "deposit_data", "builder_registration"},
        "0x07070707",
    ),
    "a stranger's ENR": (
        of_operator(2, enr=enr.encode(STRANGER)),
        {"definition_signatures", "node_signatures"},
        "operator 3",
    ),
    "an ENR of a wrong signature": (
        lambda cluster: of_operator(2, enr=_damaged(cluster.lock.definition.operators[2].enr))(cluster),
        {"enr", "definition_signatures"},
        "its signature is wrong",
    ),
    "one ENR key twice": (
        of_definition(lambda d: {"operators": (replace(d.operators[0], enr=d.operators[1].enr), *d.operators[1:])}),
        {"enr", "node_signatures"},
        "operators 1 and 2 have the same ENR key",
    ),
    "an operator did not sign": (
        of_operator(2, config_signature=b""),
        {"definition_signatures"},
        "operator 3, config_signature: it is missing",
    ),
    "an operator did not sign at all": (
        of_operator(2, address="", config_signature=b"", enr_signature=b""),
        {"definition_signatures"},
        "operator 3, address",
    ),
    "creator did not sign": (
        of_definition(lambda d: {"creator": replace(d.creator, config_signature=b"")}, sign=False),
        {"definition_signatures"},
        "creator, config_signature",
    ),
    "creator is another": (
        of_definition(lambda d: {"creator": replace(d.creator, address=d.operators[1].address)}, sign=False),
        {"definition_signatures"},
        "",
    ),
    "terms changed after signing": (
        of_definition(lambda _: {"name": "another"}, sign=False),
        {"definition_signatures"},
        "",
    ),
    "amounts too small": (
        of_definition(lambda _: {"deposit_amounts": (8 * GWEI,)}),
        {"deposit_amounts", "deposit_data"},
        "8000000000 Gwei in all",
    ),
    "threshold above the operators": (of_definition(lambda _: {"threshold": 5}), {"threshold"}, "5 of 4"),
}


def _damaged(text):
    """An ENR with another character in its signature."""
    return text[:20] + ("A" if text[20] != "A" else "B") + text[21:]


@pytest.mark.parametrize("case", RESEALED)
def test_changed_and_resealed(cluster, case):
    change, checks, text = RESEALED[case]
    report = verify_lock(change(cluster))
    assert errors(report) == checks, texts(report)
    assert re.search(text, texts(report))


def _one_wallet(cluster):
    """The same cluster, all of whose operators have the first one's wallet."""
    made = DealtCluster.__new__(DealtCluster)
    made.__dict__.update(cluster.__dict__, wallets=cluster.wallets[:1] * 4)
    made.lock = made.seal(replace(cluster.lock, definition=made.sign(cluster.lock.definition)))
    return made


# What charon accepts and an operator should know of: (change, check that warns, or None).
DOUBTFUL = {
    "gas limit": (of_signed_registration(gas_limit=36_000_000), "builder_registration"),
    "timestamp": (of_signed_registration(timestamp=1767225600), "builder_registration"),
    "no deposits": (
        of_validators(lambda validators, _: validators.__setitem__(slice(None), [replace(v, deposits=()) for v in validators])),
        "deposit_data",
    ),
    "threshold above the polynomial": (of_definition(lambda _: {"threshold": 4}), "public_shares"),
    "threshold": (of_definition(lambda _: {"threshold": 4}), "threshold"),
    "consensus protocol": (of_definition(lambda _: {"consensus_protocol": "abft"}), "consensus_protocol"),
    "DKG algorithm": (of_definition(lambda _: {"dkg_algorithm": ""}), "dkg_algorithm"),
    "no gas limit": (of_definition(lambda _: {"target_gas_limit": 0}), "target_gas_limit"),
    "v of a wallet": (
        lambda cluster: replace(
            cluster.lock,
            node_signatures=tuple(each[:64] + bytes([each[64] + 27]) for each in cluster.lock.node_signatures),
        ),
        None,
    ),
    "nobody signed": (
        of_definition(
            lambda definition: {
                "operators": tuple(Operator(enr=operator.enr) for operator in definition.operators),
                "creator": Creator(),
            },
            sign=False,
        ),
        "definition_signatures",
    ),
    "address twice": (lambda cluster: _one_wallet(cluster).lock, "operators"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubtful(cluster, case):
    change, check = DOUBTFUL[case]
    report = verify_lock(change(cluster))
    assert report.ok, texts(report)
    assert check is None or check in warnings(report)


def test_swapped_operator_signatures(cluster, tmp_path):
    for field in ("config_signature", "enr_signature"):
        first, second, *rest = cluster.lock.definition.operators
        swapped = (
            replace(first, **{field: getattr(second, field)}),
            replace(second, **{field: getattr(first, field)}),
            *rest,
        )
        report = verify_definition(with_hashes(replace(cluster.lock.definition, operators=swapped)))
        assert errors(report) == {"definition_signatures"}
        assert "operator 1, %s" % field in texts(report) and "operator 2, %s" % field in texts(report)
