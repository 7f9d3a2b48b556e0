# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signed a cluster definition: every case of charon-formats §2.5, with wallets made here and in charon's files."""

import json
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster import definition_checks
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    VERSIONS,
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, OperatorError, Problems
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr, networks, units
from ansible_collections.obol.dv.plugins.module_utils.ethereum.address import checksum_address

HOODI = networks.KNOWN.by_name("hoodi")
ETH = units.GWEI_PER_ETH

WALLETS = [bytes(31) + bytes([index]) for index in range(1, 5)]
STRANGER = bytes(31) + b"\x63"
ENRS = [enr.encode(bytes(30) + bytes([1, index])) for index in range(4)]


def text_address(private_key):
    return checksum_address(secp256k1.address_of(secp256k1.public_key(private_key)))


def as_wallet(signature):
    """With v as wallets write it: 27 or 28."""
    return signature[:64] + bytes([signature[64] + 27])


def terms(version="v1.10.0"):
    """A definition to be signed: all addresses and ENRs, no signature yet."""
    minor = VERSIONS.index(version)
    pair = ValidatorAddresses(fee_recipient_address=text_address(STRANGER), withdrawal_address=text_address(WALLETS[0]))
    return Definition(
        name="n",
        creator=Creator(address=text_address(WALLETS[0])) if minor >= 4 else Creator(),
        operators=tuple(Operator(address=text_address(key), enr=text) for key, text in zip(WALLETS, ENRS)),
        uuid="u",
        version=version,
        num_validators=2,
        threshold=3,
        validators=(pair, pair),
        fork_version=HOODI.genesis_fork_version,
        target_gas_limit=36_000_000 if minor >= 10 else 0,
    )


def sign(definition):
    """The same definition with hashes and all signatures, those of operators in turn with both forms of v."""
    definition = with_hashes(definition)
    chain_id, config_hash = HOODI.chain_id, definition.config_hash
    of_config = eip712.operator_config if definition.minor >= 4 else eip712.operator_config_v1_3
    operators = []
    for index, (operator, key) in enumerate(zip(definition.operators, WALLETS)):
        form = as_wallet if index % 2 else bytes
        operators.append(
            replace(
                operator,
                config_signature=form(secp256k1.sign(key, eip712.digest(of_config(config_hash, chain_id)))),
                enr_signature=form(secp256k1.sign(key, eip712.digest(eip712.operator_enr(operator.enr, chain_id)))),
            )
        )
    creator = definition.creator
    if creator.address:
        signature = secp256k1.sign(WALLETS[0], eip712.digest(eip712.creator_config(config_hash, chain_id)))
        creator = replace(creator, config_signature=signature)
    return with_hashes(replace(definition, creator=creator, operators=tuple(operators)))


GROUP = sign(terms())
UNSIGNED = replace(terms(), creator=Creator(), operators=tuple(Operator(enr=text) for text in ENRS))


def with_operator(definition, index, **changes):
    """``definition`` with changes to the operator of the share ``index``."""
    operators = list(definition.operators)
    operators[index - 1] = replace(operators[index - 1], **changes)
    return replace(definition, operators=tuple(operators))


def solo():
    definition = with_hashes(replace(UNSIGNED, creator=Creator(address=text_address(STRANGER))))
    digest = eip712.digest(eip712.creator_config(definition.config_hash, HOODI.chain_id))
    signature = secp256k1.sign(STRANGER, digest)
    return replace(definition, creator=replace(definition.creator, config_signature=signature))


@pytest.mark.parametrize("version", VERSIONS[3:])
def test_group(version):
    definition = sign(terms(version))
    assert definition_checks.check_signatures(definition, HOODI) == "group"
    definition_checks.check_hashes(definition)
    assert definition_checks.check_signatures(Definition.parse(definition.dump()), HOODI) == "group"


def test_solo():
    assert definition_checks.check_signatures(solo(), HOODI) == "solo"


@pytest.mark.parametrize("version", VERSIONS)
def test_unsigned(version):
    definition = replace(UNSIGNED, version=version)
    network = HOODI if definition.minor >= 3 else None
    assert definition_checks.check_signatures(definition, network) == "unsigned"


def test_spelling_of_addresses_is_free():
    definition = with_operator(GROUP, 2, address=GROUP.operators[1].address.lower())
    assert definition_checks.check_signatures(definition, HOODI) == "group"


@pytest.mark.parametrize("index", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"config_signature": b""}, "config_signature"),
        ({"enr_signature": b""}, "enr_signature"),
        ({"config_signature": secp256k1.sign(STRANGER, bytes(32))}, "config_signature"),
        ({"enr_signature": secp256k1.sign(STRANGER, bytes(32))}, "enr_signature"),
        ({"enr_signature": bytes(64) + b"\1"}, "enr_signature"),
        ({"enr_signature": bytes(64) + b"\x1f"}, "enr_signature"),
        ({"config_signature": GROUP.operators[0].config_signature * 2}, "config_signature"),
        ({"enr": ENRS[0] + "="}, "enr_signature"),
    ],
)
def test_the_operator_to_blame(index, changes, check):
    with pytest.raises(OperatorError) as raised:
        definition_checks.check_signatures(with_operator(GROUP, index, **changes), HOODI)
    assert (raised.value.share_index, raised.value.check) == (index, check)
    assert str(raised.value).startswith("operator %d, %s: " % (index, check))


@pytest.mark.parametrize("address", ["", text_address(WALLETS[2])[2:]])
@pytest.mark.parametrize("signed", [True, False])
def test_operator_without_a_good_address(address, signed):
    # An address is a term, so the others sign what is wrong here too.
    definition = sign(with_operator(terms(), 3, address=address))
    if not signed:
        definition = with_operator(definition, 3, config_signature=b"", enr_signature=b"")
    with pytest.raises(OperatorError) as raised:
        definition_checks.check_signatures(definition, HOODI)
    assert (raised.value.share_index, raised.value.check) == (3, "address")


def test_addresses_but_no_signatures():
    with pytest.raises(Problems) as raised:
        definition_checks.check_signatures(terms(), HOODI)
    found = [str(error).partition(": ")[0] for error in raised.value.errors]
    assert found == [
        *("operator %d, %s" % (index, check) for index in (1, 2, 3, 4) for check in ("config_signature", "enr_signature")),
        "creator, config_signature",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another"},
        {"threshold": 2},
        {"num_validators": 1, "validators": GROUP.validators[:1]},
        {"uuid": ""},
        {"target_gas_limit": 1},
        {"compounding": True},
        {"deposit_amounts": (32 * ETH,)},
        {"operators": GROUP.operators[::-1]},
        {"operators": GROUP.operators[:3]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_changed_terms_are_signed_by_nobody(changes):
    definition = replace(GROUP, **changes)
    with pytest.raises(Problems) as raised:
        definition_checks.check_signatures(definition, HOODI)
    # Every operator's config signature and the creator's; ENR signatures bind no terms.
    assert len(raised.value.errors) == len(definition.operators) + 1
    with pytest.raises(DvError, match="config_hash is 0x.*; wanted: 0x"):
        definition_checks.check_hashes(definition)


@pytest.mark.parametrize(
    ("creator", "said"),
    [
        (Creator(), "creator, address: it is missing"),
        (Creator(address=text_address(WALLETS[0])), "creator, config_signature: it is missing"),
        (Creator(config_signature=bytes(65)), "creator, address: it is missing"),
        (
            replace(GROUP.creator, config_signature=secp256k1.sign(STRANGER, bytes(32))),
            "creator, config_signature: .*Safe",
        ),
    ],
)
def test_creator(creator, said):
    with pytest.raises(DvError, match=said):
        definition_checks.check_signatures(replace(GROUP, creator=creator), HOODI)
    if creator != Creator():
        with pytest.raises(DvError, match=said):
            definition_checks.check_signatures(replace(solo(), creator=creator), HOODI)


def test_no_creator_in_v1_3():
    definition = replace(sign(terms("v1.3.0")), creator=GROUP.creator)
    with pytest.raises(DvError, match="creator, config_signature: a v1.3 definition has one"):
        definition_checks.check_signatures(definition, HOODI)


@pytest.mark.parametrize("field", ["config_signature", "enr_signature"])
def test_no_signatures_before_v1_3(field):
    definition = with_operator(replace(UNSIGNED, version="v1.2.0"), 4, **{field: bytes(65)})
    with pytest.raises(OperatorError, match="v1.2.0 file has signatures") as raised:
        definition_checks.check_signatures(definition, None)
    assert raised.value.share_index == 4


@pytest.mark.parametrize("network", [None, networks.KNOWN.by_name("mainnet")])
@pytest.mark.parametrize("definition", [GROUP, UNSIGNED], ids=["group", "unsigned"])
def test_another_network(definition, network):
    with pytest.raises(DvError, match="fork version is 0x10000910"):
        definition_checks.check_signatures(definition, network)


def test_another_chain_id():
    network = networks.Network("mine", 1, HOODI.genesis_fork_version, 1)
    with pytest.raises(Problems):
        definition_checks.check_signatures(GROUP, network)


@pytest.mark.parametrize("operators", [None, ()])
def test_no_operators(operators):
    with pytest.raises(DvError, match="no operators"):
        definition_checks.check_signatures(replace(GROUP, operators=operators), HOODI)


def test_hashes():
    definition_checks.check_hashes(GROUP)
    with pytest.raises(DvError, match="^definition_hash is missing; wanted: 0x"):
        definition_checks.check_hashes(replace(GROUP, definition_hash=b""))
    with pytest.raises(Problems, match="config_hash is 0x00.*\n- definition_hash is 0x"):
        definition_checks.check_hashes(replace(GROUP, config_hash=bytes(32)))


@pytest.mark.parametrize(
    ("amounts", "compounding"),
    [
        (None, False),
        ((), True),
        ((32,), False),
        ((1, 31), False),
        ((16, 16), False),
        ((1, 2048), True),
        ((1,) * 32, False),
    ],
)
def test_good_amounts(amounts, compounding):
    amounts = amounts and tuple(amount * ETH for amount in amounts)
    definition_checks.check_deposit_amounts(Definition(deposit_amounts=amounts, compounding=compounding))


@pytest.mark.parametrize(
    ("amounts", "compounding", "said"),
    [
        ((31 * ETH,), False, "31000000000 Gwei in all"),
        (
            (32 * ETH, 33 * ETH),
            False,
            r"deposit_amounts\[1\] is 33000000000 Gwei; wanted: from 1000000000 to 32000000000",
        ),
        ((32 * ETH, ETH - 1), False, r"deposit_amounts\[1\] is 999999999 Gwei"),
        ((2049 * ETH,), True, "to 2048000000000 Gwei"),
        ((0,), False, r"(?s)deposit_amounts\[0\] is 0 Gwei.*0 Gwei in all"),
    ],
)
def test_wrong_amounts(amounts, compounding, said):
    with pytest.raises(DvError, match=said):
        definition_checks.check_deposit_amounts(Definition(deposit_amounts=amounts, compounding=compounding))


def read(vectors, name):
    content = (vectors / name).read_bytes()
    value = json.loads(content)
    return Definition.parse(value.get("cluster_definition", value))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("charon/examples/cluster-definition-000.json", "group"),
        ("charon/examples/cluster-definition-001.json", "group"),
        ("charon/examples/cluster-definition-002.json", "solo"),
        ("charon/examples/cluster-definition-003.json", "solo"),
        ("charon/examples/cluster-definition-004.json", "unsigned"),
        ("charon/examples/cluster-definition-005.json", "unsigned"),
        ("charon/examples/cluster-definition-006.json", "unsigned"),
        ("charon/examples/cluster-lock-000.json", "unsigned"),
        ("charon/examples/cluster-lock-001.json", "unsigned"),
        ("charon/examples/cluster-lock-002.json", "unsigned"),
        ("charon/examples/cluster-lock-003.json", "group"),
        ("charon-1.10.3/signed-definition/cluster-definition.json", "group"),
        ("charon-1.10.3/signed-definition/cluster-lock.json", "group"),
        ("charon-1.10.3/hoodi-4x3/node0/cluster-lock.json", "unsigned"),
        ("obol-sdk/clusterLockV1X10.json", "group"),
    ],
)
def test_shapes_of_real_files(vectors, name, shape):
    definition = read(vectors, name)
    assert definition_checks.check_signatures(definition, networks.KNOWN.by_fork_version(definition.fork_version)) == shape
    definition_checks.check_hashes(definition)
    definition_checks.check_deposit_amounts(definition)


@pytest.mark.parametrize("minor", range(3, 12))
def test_random_signatures_of_charons_own_tests(vectors, minor):
    definition = read(vectors, "charon/testdata/cluster_definition_v1_%d_0.json" % minor)
    with pytest.raises(Problems):
        definition_checks.check_signatures(definition, networks.KNOWN.by_name("sepolia"))


def test_signing_again_gives_the_same_bytes(vectors):
    folder = vectors / "charon-1.10.3" / "signed-definition"
    definition = Definition.parse((folder / "cluster-definition.json").read_bytes())
    wallets = json.loads((folder / "wallets-test-only.json").read_bytes())
    chain_id = wallets["chain_id"]
    operator_digest = eip712.digest(eip712.operator_config(definition.config_hash, chain_id))
    assert "0x" + operator_digest.hex() == wallets["operator_config_digest"]
    creator_digest = eip712.digest(eip712.creator_config(definition.config_hash, chain_id))
    assert "0x" + creator_digest.hex() == wallets["creator_config_digest"]
    for operator, wallet in zip(definition.operators, wallets["operators"], strict=True):
        key = bytes.fromhex(wallet["wallet_private_key"][2:])
        assert text_address(key) == wallet["address"]
        enr_digest = eip712.digest(eip712.operator_enr(operator.enr, chain_id))
        assert "0x" + enr_digest.hex() == wallet["enr_digest"]
        form = as_wallet if operator.config_signature[64] > 1 else bytes
        assert form(secp256k1.sign(key, operator_digest)) == operator.config_signature
        assert form(secp256k1.sign(key, enr_digest)) == operator.enr_signature


def test_terms_signatures_by_charon(vectors):
    requests = json.loads((vectors / "charon-1.10.3" / "publish-requests.json").read_bytes())
    found = [request for request in requests if request["path"] == "/v1/termsAndConditions"]
    assert len(found) == 2
    for request in found:
        signature = bytes.fromhex(request["headers"]["Authorization"].removeprefix("Bearer 0x"))
        signer = secp256k1.recover_address(eip712.digest(eip712.terms_and_conditions()), signature)
        assert checksum_address(signer) == json.loads(request["body"])["address"]
