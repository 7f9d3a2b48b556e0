# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of a node: what a search for leaks looks for."""

import json
from types import SimpleNamespace

from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import Definition
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.dkg.ceremony_dir import CeremonyDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.derivation import Derivation
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import session_id
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet


def of(data_dir, seeds):
    """Every secret (name, bytes) of a node that is complete; its wallet and password lie beside the data directory.

    :param seeds: attempt -> the seed that it had in it
    """
    place = data_dir.parent
    yield "ENR private key", node_key.read(DataDir(data_dir))
    yield "wallet key", key_file_wallet.unlock(str(place / "wallet.json"), str(place / "wallet-password.txt"))
    yield "wallet password", (place / "wallet-password.txt").read_bytes().strip()
    (password,) = {path.read_bytes() for path in (data_dir / "validator_keys").glob("*.txt")}
    yield "keystore password", password
    keys = ValidatorKeys(str(data_dir / "validator_keys"))
    shares = keys.read()
    for _derivation, _password, key in json.loads(keys.derived.dump()):
        yield "key derived from the keystore password", bytes.fromhex(key)
    for validator, share in enumerate(shares):
        yield "share of validator %d" % validator, share.to_bytes(32, "big")
    made = Definition.parse((data_dir / "cluster-definition.json").read_bytes())
    ceremony = CeremonyDir(DataDir(data_dir), made.definition_hash)
    for attempt, seed in seeds.items():
        for name, secret in _of_the_way(made, ceremony.attempt(attempt), seed):
            yield "%s, attempt %d" % (name, attempt), secret


def _of_the_way(made, attempt, seed):
    """What it had only while it ran: the seed, and what follows from it."""
    operators = range(1, len(made.operators) + 1)
    parameters = SimpleNamespace(definition_hash=made.definition_hash, attempt=attempt.number)
    derivation = Derivation(seed, parameters)
    yield "seed", seed
    for operator in operators:
        key = derivation.hpke_key(operator)
        yield "ML-KEM half of the HPKE key for operator %d" % operator, key[:64]
        yield "X25519 half of the HPKE key for operator %d" % operator, key[64:]
    # Our own is the one that was sent; where all are there, they make a session.
    commits = [attempt.received("commit", operator) or attempt.sent("commit") for operator in operators]
    session = session_id(parameters, [jws.split(text).digest for text in commits])
    for validator in range(made.num_validators):
        yield "proof nonce of validator %d" % validator, derivation.nonce(validator, session).to_bytes(32, "big")
        polynomial = [derivation.coefficient(validator, degree) for degree in range(made.threshold)]
        for degree, coefficient in enumerate(polynomial):
            yield "coefficient %d of validator %d" % (degree, validator), coefficient.to_bytes(32, "big")
        for operator in operators:
            value = sum(coefficient * operator**degree for degree, coefficient in enumerate(polynomial)) % ORDER
            yield "value of validator %d for operator %d" % (validator, operator), value.to_bytes(32, "big")
