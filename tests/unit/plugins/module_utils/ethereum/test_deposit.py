# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deposits: charon's files come out of our functions byte for byte, and their signatures verify."""

import json

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import deposit, domains

ADDRESS = bytes.fromhex("52908400098527886e0f7030069857d2e4169ee7")
GWEI = 10**9

FILES = [
    "charon/deposit/TestMarshalDepositData.golden",
    "charon-1.10.3/hoodi-4x3/node0/deposit-data-8eth.json",
    "charon-1.10.3/hoodi-4x3/node3/deposit-data-16eth.json",
]


@pytest.mark.parametrize("name", FILES)
def test_charons_files(vectors, name):
    content = (vectors / name).read_bytes()
    entries = deposit.parse_file(content)
    assert entries
    assert deposit.dump_file(entries[::-1], entries[0].fork_version, entries[0].network_name) == content
    for entry in entries:
        root = deposit.signing_root(entry.pubkey, entry.withdrawal_credentials, entry.amount, entry.fork_version)
        assert bls.verify(entry.pubkey, root, entry.signature)
        assert not bls.verify(entry.pubkey, domains.compute_domain(domains.DOMAIN_DEPOSIT, entry.fork_version), entry.signature)


def test_domain_of_mainnet():
    # DOMAIN_DEPOSIT with mainnet's genesis fork version, as in every deposit tool.
    expected = "03000000f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a9"
    assert domains.compute_domain(domains.DOMAIN_DEPOSIT, bytes(4)).hex() == expected


@pytest.mark.parametrize("compounding, first", [(False, "01"), (True, "02")])
def test_withdrawal_credentials(compounding, first):
    credentials = deposit.withdrawal_credentials(ADDRESS, compounding)
    assert credentials.hex() == first + "00" * 11 + ADDRESS.hex()


@pytest.mark.parametrize(
    "amount, name",
    [
        (32 * GWEI, "deposit-data.json"),
        (1 * GWEI, "deposit-data-1eth.json"),
        (8 * GWEI, "deposit-data-8eth.json"),
        (2048 * GWEI, "deposit-data-2048eth.json"),
        (1_500_000_000, "deposit-data-1.5eth.json"),
        (31_000_000_001, "deposit-data-31.000000001eth.json"),
    ],
)
def test_file_names(amount, name):
    assert deposit.file_name(amount) == name
    assert deposit.is_file_name(name)


@pytest.mark.parametrize("name", ["deposit-data", "deposit-data-eth.json", "xdeposit-data.json", "deposit-data-1e9eth.json"])
def test_other_file_names(name):
    assert not deposit.is_file_name(name)


ENTRY = deposit.FileEntry(
    pubkey=b"\1" * 48,
    withdrawal_credentials=deposit.withdrawal_credentials(ADDRESS, False),
    amount=32 * GWEI,
    signature=b"\2" * 96,
    deposit_message_root=bytes(32),
    deposit_data_root=bytes(32),
    fork_version=bytes.fromhex("10000910"),
    network_name="hoodi",
    deposit_cli_version=deposit.CLI_VERSION,
)


def test_round_trip():
    (entry,) = deposit.parse_file(deposit.dump_file([ENTRY], ENTRY.fork_version, "hoodi"))
    assert (entry.pubkey, entry.amount, entry.signature) == (ENTRY.pubkey, ENTRY.amount, ENTRY.signature)
    assert entry.deposit_message_root == deposit.deposit_message_root(entry.pubkey, entry.withdrawal_credentials, entry.amount)


BAD = {
    "not JSON": lambda text: text[:-1],
    "an object": lambda text: text[1:-1],
    "a field missing": lambda text: text.replace('  "amount": 32000000000,\n', ""),
    "amount a text": lambda text: text.replace("32000000000", '"32000000000"'),
    "amount a float": lambda text: text.replace("32000000000", "32.0"),
    "amount true": lambda text: text.replace("32000000000", "true"),
    "amount negative": lambda text: text.replace("32000000000", "-1"),
    "amount too large": lambda text: text.replace("32000000000", str(2**64)),
    "pubkey short": lambda text: text.replace("01" * 48, "01" * 47),
    "pubkey empty": lambda text: text.replace("01" * 48, ""),
    "pubkey not hex": lambda text: text.replace("01" * 48, "0g" * 48),
    "pubkey a number": lambda text: text.replace('"%s"' % ("01" * 48), "1"),
    "signature null": lambda text: text.replace('"%s"' % ("02" * 96), "null"),
    "network a number": lambda text: text.replace('"hoodi"', "1"),
    "an entry is a list": lambda text: "[[]]",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case):
    text = deposit.dump_file([ENTRY], ENTRY.fork_version, "hoodi").decode()
    damaged = BAD[case](text)
    assert damaged != text
    with pytest.raises(DvError):
        deposit.parse_file(damaged.encode())


def test_keys_are_named_once():
    entries = json.loads(deposit.dump_file([ENTRY] * 3, ENTRY.fork_version, "hoodi"))
    for entry in entries:
        entry["more"] = 1
    content = json.dumps(entries).encode()
    assert deposit.unknown_keys(content) == ["more"] and len(deposit.parse_file(content)) == 3
    for entry in entries[1:]:
        del entry["amount"], entry["network_name"]
    with pytest.raises(DvError) as caught:
        deposit.parse_file(json.dumps(entries).encode(), "the file")
    assert caught.value.found == "the file lacks amount, network_name in 2 of 3 entries"


def test_keys_are_in_charons_order():
    (entry,) = json.loads(deposit.dump_file([ENTRY], ENTRY.fork_version, "hoodi"))
    assert list(entry) == [
        "pubkey",
        "withdrawal_credentials",
        "amount",
        "signature",
        "deposit_message_root",
        "deposit_data_root",
        "fork_version",
        "network_name",
        "deposit_cli_version",
    ]
