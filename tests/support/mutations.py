# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-field mutations of a valid data directory, each with the check of ``verify`` that has to notice it.

Its lock is an unsigned one of v1.10 (``charon create cluster``): 4 operators, 2 validators, deposits of 1 and 31 ETH.
"""

import copy
import dataclasses
from typing import Callable, NamedTuple

from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock, compute_lock_hash


class Mutation(NamedTuple):
    """A change of one value in the JSON of a lock.

    :param field: its path, with dots; empty for the whole value
    :param change: the new value from the old one
    :param check: the ``Finding.check`` that it has to cause
    :param file: the file of the data directory that it is in
    """

    field: str
    change: Callable
    check: str
    file: str = "cluster-lock.json"

    def __str__(self):
        return "-".join(filter(None, (self.file, self.field, self.change.__name__)))


def other_digit(text):
    """Another last hex digit."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def other_character(text):
    """Another character before the last, which may hold bits that say nothing."""
    return text[:-2] + ("0" if text[-2] != "0" else "1") + text[-1]


def other_text(text):
    return text + "x"


def one_more(value):
    return type(value)(int(value) + 1)


def decimal_more(text):
    """A number in a text."""
    return str(int(text) + 1)


def one_less(value):
    return value - 1


def negated(value):
    return not value


def swapped(values):
    """The first two entries, each in the place of the other."""
    return [values[1], values[0], *values[2:]]


def shortened(values):
    return values[:-1]


def repeated(values):
    """The second entry like the first."""
    return [values[0], values[0], *values[2:]]


def emptied(value):
    return type(value)()


def infinity(text):
    """The point at infinity, of the length of this one."""
    return "0xc0" + "0" * (len(text) - 4)


def negative(text):
    """The point with the other sign."""
    return "0x%02x%s" % (int(text[2:4], 16) ^ 0x20, text[4:])


def an_address(_text):
    return "0x00000000000000000000000000000000000000AA"


def a_signature(_text):
    return "0x" + "11" * 64 + "00"


def hoodi_or_mainnet(fork_version):
    return "0x00000000" if fork_version == "0x10000910" else "0x10000910"


def amounts(_value):
    return ["1000000000", "32000000000"]


def small_amounts(_value):
    return ["1000000000", "2000000000"]


DEFINITION = "cluster_definition."
VALIDATOR = "distributed_validators.0."

#: The file as it is after the change: its hashes are those of before.
PLAIN = [
    Mutation(DEFINITION + "name", other_text, "definition_hashes"),
    Mutation(DEFINITION + "uuid", other_text, "definition_hashes"),
    Mutation(DEFINITION + "timestamp", other_text, "definition_hashes"),
    Mutation(DEFINITION + "threshold", one_more, "definition_hashes"),
    Mutation(DEFINITION + "validators.0.fee_recipient_address", an_address, "definition_hashes"),
    Mutation(DEFINITION + "validators.1.withdrawal_address", an_address, "definition_hashes"),
    Mutation(DEFINITION + "dkg_algorithm", other_text, "definition_hashes"),
    Mutation(DEFINITION + "fork_version", hoodi_or_mainnet, "definition_hashes"),
    Mutation(DEFINITION + "deposit_amounts", amounts, "definition_hashes"),
    Mutation(DEFINITION + "deposit_amounts", small_amounts, "deposit_amounts"),
    Mutation(DEFINITION + "consensus_protocol", other_text, "definition_hashes"),
    Mutation(DEFINITION + "target_gas_limit", one_more, "definition_hashes"),
    Mutation(DEFINITION + "compounding", negated, "definition_hashes"),
    Mutation(DEFINITION + "config_hash", other_digit, "definition_hashes"),
    Mutation(DEFINITION + "definition_hash", other_digit, "definition_hashes"),
    Mutation(DEFINITION + "creator.address", an_address, "definition_hashes"),
    Mutation(DEFINITION + "creator.config_signature", a_signature, "definition_hashes"),
    Mutation(DEFINITION + "operators.0.address", an_address, "definition_hashes"),
    Mutation(DEFINITION + "operators.0.enr", other_digit, "definition_hashes"),
    Mutation(DEFINITION + "operators.1.config_signature", a_signature, "definition_hashes"),
    Mutation(DEFINITION + "operators.2.enr_signature", a_signature, "definition_hashes"),
    Mutation(DEFINITION + "operators", swapped, "definition_hashes"),
    Mutation(DEFINITION + "operators", shortened, "definition_hashes"),
    Mutation(DEFINITION + "num_validators", one_more, "lock"),
    Mutation(DEFINITION + "validators", shortened, "lock"),
    Mutation(DEFINITION + "version", other_text, "lock"),
    Mutation("distributed_validators", swapped, "lock_hash"),
    Mutation("distributed_validators", shortened, "lock_hash"),
    Mutation("distributed_validators", emptied, "lock_hash"),
    Mutation(VALIDATOR + "distributed_public_key", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "public_shares.0", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "public_shares", swapped, "lock_hash"),
    Mutation(VALIDATOR + "partial_deposit_data.0.pubkey", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "partial_deposit_data.0.withdrawal_credentials", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "partial_deposit_data.0.amount", one_more, "lock_hash"),
    Mutation(VALIDATOR + "partial_deposit_data.1.signature", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "builder_registration.message.fee_recipient", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "builder_registration.message.gas_limit", one_more, "lock_hash"),
    Mutation(VALIDATOR + "builder_registration.message.timestamp", one_more, "lock_hash"),
    Mutation(VALIDATOR + "builder_registration.message.pubkey", other_digit, "lock_hash"),
    Mutation(VALIDATOR + "builder_registration.signature", other_digit, "lock_hash"),
    Mutation("lock_hash", other_digit, "lock_hash"),
    Mutation("signature_aggregate", other_digit, "signature_aggregate"),
    Mutation("signature_aggregate", negative, "signature_aggregate"),
    Mutation("signature_aggregate", infinity, "signature_aggregate"),
    Mutation("signature_aggregate", emptied, "signature_aggregate"),
    Mutation("node_signatures.0", other_digit, "node_signatures"),
    Mutation("node_signatures.3", emptied, "node_signatures"),
    Mutation("node_signatures", swapped, "node_signatures"),
    Mutation("node_signatures", shortened, "node_signatures"),
    Mutation("node_signatures", emptied, "node_signatures"),
]

#: The file after the change with its three hashes made anew, as a forger would: what the hashes hide is to be noticed too.
RESEALED = [
    Mutation(DEFINITION + "name", other_text, "signature_aggregate"),
    Mutation(DEFINITION + "uuid", other_text, "node_signatures"),
    Mutation(DEFINITION + "threshold", one_more, "signature_aggregate"),
    Mutation(DEFINITION + "threshold", one_less, "public_shares"),
    Mutation(DEFINITION + "validators.0.fee_recipient_address", an_address, "builder_registration"),
    Mutation(DEFINITION + "validators.1.withdrawal_address", an_address, "deposit_data"),
    Mutation(DEFINITION + "fork_version", hoodi_or_mainnet, "deposit_data"),
    Mutation(DEFINITION + "compounding", negated, "deposit_data"),
    Mutation(DEFINITION + "creator.address", an_address, "definition_signatures"),
    Mutation(DEFINITION + "operators.0.address", an_address, "definition_signatures"),
    Mutation(DEFINITION + "operators.1.config_signature", a_signature, "definition_signatures"),
    Mutation(DEFINITION + "operators.0.enr", other_character, "enr"),
    Mutation(DEFINITION + "operators", swapped, "node_signatures"),
    Mutation(DEFINITION + "operators", repeated, "enr"),
    Mutation(DEFINITION + "operators", shortened, "public_shares"),
    Mutation("distributed_validators", swapped, "signature_aggregate"),
    Mutation("distributed_validators", shortened, "num_validators"),
    Mutation("distributed_validators", repeated, "public_key"),
    Mutation(VALIDATOR + "distributed_public_key", negative, "public_shares"),
    Mutation(VALIDATOR + "distributed_public_key", infinity, "public_key"),
    Mutation(VALIDATOR + "public_shares.0", negative, "public_shares"),
    Mutation(VALIDATOR + "public_shares.3", other_digit, "public_shares"),
    Mutation(VALIDATOR + "public_shares", swapped, "public_shares"),
    Mutation(VALIDATOR + "public_shares", repeated, "public_shares"),
    Mutation(VALIDATOR + "public_shares", shortened, "public_shares"),
    Mutation(VALIDATOR + "partial_deposit_data.0.pubkey", negative, "deposit_data"),
    Mutation(VALIDATOR + "partial_deposit_data.0.withdrawal_credentials", other_digit, "deposit_data"),
    Mutation(VALIDATOR + "partial_deposit_data.0.amount", one_more, "deposit_data"),
    Mutation(VALIDATOR + "partial_deposit_data.1.signature", negative, "deposit_data"),
    Mutation(VALIDATOR + "partial_deposit_data.1.signature", infinity, "deposit_data"),
    Mutation(VALIDATOR + "builder_registration.message.fee_recipient", other_digit, "builder_registration"),
    Mutation(VALIDATOR + "builder_registration.message.gas_limit", one_more, "builder_registration"),
    Mutation(VALIDATOR + "builder_registration.message.timestamp", one_more, "builder_registration"),
    Mutation(VALIDATOR + "builder_registration.message.pubkey", negative, "builder_registration"),
    Mutation(VALIDATOR + "builder_registration.signature", negative, "builder_registration"),
]

DEPOSITS = "deposit-data-1eth.json"
KEYSTORE = "validator_keys/keystore-0.json"

#: What lies beside the lock.
BESIDE = [
    Mutation("0.pubkey", other_digit, "deposit_files", DEPOSITS),
    Mutation("1.withdrawal_credentials", other_digit, "deposit_files", DEPOSITS),
    Mutation("0.amount", one_more, "deposit_files", DEPOSITS),
    Mutation("0.signature", other_digit, "deposit_files", DEPOSITS),
    Mutation("0.deposit_message_root", other_digit, "deposit_files", DEPOSITS),
    Mutation("1.deposit_data_root", other_digit, "deposit_files", DEPOSITS),
    Mutation("0.fork_version", other_digit, "deposit_files", DEPOSITS),
    Mutation("0.network_name", other_text, "deposit_files", DEPOSITS),
    Mutation("", shortened, "deposit_files", DEPOSITS),
    Mutation("", repeated, "deposit_files", DEPOSITS),
    Mutation("pubkey", other_digit, "key_shares", KEYSTORE),
    Mutation("crypto.cipher.message", other_digit, "key_shares", KEYSTORE),
    Mutation("crypto.cipher.params.iv", other_digit, "key_shares", KEYSTORE),
    Mutation("crypto.kdf.params.salt", other_digit, "key_shares", KEYSTORE),
    Mutation("crypto.checksum.message", other_digit, "key_shares", KEYSTORE),
    Mutation("", other_digit, "key_shares", "validator_keys/keystore-1.txt"),
    Mutation("", other_digit, "node_key", "charon-enr-private-key"),
]

#: Of one deposit, whatever its file is called: a part of the deposits is nothing wrong there.
ANY_NAME = [each for each in BESIDE if each.file == DEPOSITS and each.change is not shortened]

#: Overrides of builder registrations, signed as they were.
OVERRIDES = [
    Mutation("0." + field, change, "overrides", "builder_registrations_overrides.json")
    for field, change in (
        ("v1.message.fee_recipient", other_digit),
        ("v1.message.gas_limit", decimal_more),
        ("v1.message.timestamp", decimal_more),
        ("v1.message.pubkey", other_digit),
        ("v1.message.pubkey", negative),
        ("v1.signature", negative),
        ("v1.signature", infinity),
        ("v1.signature", emptied),
        ("version", other_text),
    )
]


def mutated(value, mutation):
    """The JSON ``value`` (left as it is) after ``mutation``."""
    holder = root = {"": copy.deepcopy(value)}
    *path, last = ["", *(int(key) if key.isdigit() else key for key in mutation.field.split(".") if key)]
    for key in path:
        holder = holder[key]
    new = mutation.change(holder[last])
    assert new != holder[last], "%s changes nothing" % mutation
    holder[last] = new
    return root[""]


def resealed(lock):
    """The JSON value ``lock`` with the hashes of its definition and its own made anew."""
    parsed = ClusterLock.parse(lock)
    parsed = dataclasses.replace(parsed, definition=with_hashes(parsed.definition))
    return dataclasses.replace(parsed, lock_hash=compute_lock_hash(parsed)).to_json()
