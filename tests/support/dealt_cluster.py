# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trusted dealer: whole clusters for tests, made with our own functions; and what a verification said of them.

Never for real keys: the dealer knows them all.

Everything but keystores is always the same for the same arguments.
"""

import hashlib
from dataclasses import replace

from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import (
    Creator,
    Definition,
    Operator,
    ValidatorAddresses,
    effective_deposit_amounts,
    effective_gas_limit,
    with_hashes,
)
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import (
    BuilderRegistration,
    ClusterLock,
    DepositData,
    DistributedValidator,
    compute_lock_hash,
)
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.ethereum import (
    address,
    builder_registration,
    deposit,
    eip712,
    enr,
    networks,
)

GWEI = 10**9


class DealtCluster:
    """The secrets of a cluster, and in ``lock`` the valid lock of it.

    :param signed: whether the definition is signed by a creator (the first operator) and all operators
    :param fields: further fields of the :class:`Definition`
    """

    def __init__(self, operators=4, threshold=3, validators=2, network="hoodi", signed=True, **fields):
        self.network = networks.KNOWN.by_name(network)
        self.node_keys = [_bytes("node", index) for index in range(operators)]
        self.wallets = [_bytes("wallet", index) for index in range(operators)]
        polynomials = [[_scalar("key", place, power) for power in range(threshold)] for place in range(validators)]
        self.keys = [polynomial[0] for polynomial in polynomials]
        self.shares = [
            [sum(a * x**power for power, a in enumerate(polynomial)) % ORDER for x in range(1, operators + 1)] for polynomial in polynomials
        ]
        values = {
            "name": "dealt <by> a test",
            "uuid": "C4B1F0C2-3A85-4B5E-8E0C-9B6F4E4F9D11",
            "timestamp": "2026-01-02T03:04:05+00:00",
            "num_validators": validators,
            "threshold": threshold,
            "fork_version": self.network.genesis_fork_version,
            "deposit_amounts": (8 * GWEI, 24 * GWEI),
            "target_gas_limit": 60_000_000,
            "validators": tuple(
                ValidatorAddresses(fee_recipient_address=_address("fee", place), withdrawal_address=_address("withdrawal", place))
                for place in range(validators)
            ),
            "operators": tuple(Operator(enr=enr.encode(key)) for key in self.node_keys),
        }
        definition = Definition(**{**values, **fields})
        self.lock = self.seal(self.deal(self.sign(definition) if signed else with_hashes(definition)))

    def sign(self, definition):
        """The definition with all addresses, hashes and EIP-712 signatures."""
        addresses = [address.checksum_address(secp256k1.address_of(secp256k1.public_key(key))) for key in self.wallets]
        operators = tuple(replace(each, address=text) for each, text in zip(definition.operators, addresses))
        definition = with_hashes(replace(definition, operators=operators, creator=Creator(address=addresses[0])))
        config_hash, chain_id = definition.config_hash, self.network.chain_id
        by_creator = secp256k1.sign(self.wallets[0], eip712.digest(eip712.creator_config(config_hash, chain_id)))
        by_operator = eip712.digest(eip712.operator_config(config_hash, chain_id))
        operators = tuple(
            replace(
                each,
                config_signature=secp256k1.sign(wallet, by_operator),
                enr_signature=secp256k1.sign(wallet, eip712.digest(eip712.operator_enr(each.enr, chain_id))),
            )
            for each, wallet in zip(operators, self.wallets)
        )
        creator = replace(definition.creator, config_signature=by_creator)
        return with_hashes(replace(definition, creator=creator, operators=operators))

    def deal(self, definition):
        """The lock of ``definition`` without hash and signatures."""
        return ClusterLock(
            definition=definition,
            validators=tuple(
                DistributedValidator(
                    public_key=bls.secret_to_public(key),
                    public_shares=tuple(map(bls.secret_to_public, shares)),
                    deposits=tuple(self.deposit(place, amount, definition) for amount in effective_deposit_amounts(definition)),
                    registration=self.registration(place, definition),
                )
                for place, (key, shares) in enumerate(zip(self.keys, self.shares))
            ),
        )

    def deposit(self, place, amount, definition):
        """The signed deposit of validator ``place``."""
        withdrawal = bytes.fromhex(definition.validators[place].withdrawal_address[2:])
        credentials = deposit.withdrawal_credentials(withdrawal, definition.compounding)
        pubkey = bls.secret_to_public(self.keys[place])
        root = deposit.signing_root(pubkey, credentials, amount, definition.fork_version)
        signature = bls.sign(self.keys[place], root)
        return DepositData(pubkey=pubkey, withdrawal_credentials=credentials, amount=amount, signature=signature)

    def registration(self, place, definition, **fields):
        """The signed builder registration of validator ``place``; ``fields`` take the place of the right ones."""
        values = {
            "fee_recipient": bytes.fromhex(definition.validators[place].fee_recipient_address[2:]),
            "gas_limit": effective_gas_limit(definition),
            "timestamp": self.network.genesis_time,
            "pubkey": bls.secret_to_public(self.keys[place]),
            **fields,
        }
        root = builder_registration.signing_root(**values, fork_version=definition.fork_version)
        return BuilderRegistration(**values, signature=bls.sign(self.keys[place], root))

    def seal(self, unsealed):
        """The lock with its lock hash, and the signatures of all shares and nodes over it."""
        lock_hash = compute_lock_hash(unsealed)
        return replace(
            unsealed,
            lock_hash=lock_hash,
            signature_aggregate=bls.sign(sum(map(sum, self.shares)) % ORDER, lock_hash),
            node_signatures=tuple(secp256k1.sign(key, lock_hash) for key in self.node_keys),
        )

    def write(self, directory, node=0):
        """Make ``directory`` (a path) the data directory of ``node`` (from 0)."""
        directory.mkdir(mode=0o700)
        definition, validators = self.lock.definition, self.lock.validators
        contents = {
            layout.NODE_KEY: self.node_keys[node].hex().encode(),
            layout.LOCK: self.lock.dump(),
        }
        for each in zip(*(validator.deposits for validator in validators)):
            content = deposit.dump_file(each, definition.fork_version, self.network.name)
            contents[deposit.file_name(each[0].amount)] = content
        for name, content in contents.items():
            (directory / name).write_bytes(content)
            (directory / name).chmod(0o600)
        ValidatorKeys(str(directory / layout.KEYS)).write([shares[node] for shares in self.shares])


def _bytes(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def _scalar(*parts):
    return 1 + int.from_bytes(_bytes(*parts), "big") % (ORDER - 1)


def _address(*parts):
    return address.checksum_address(_bytes(*parts)[:20])


def errors(report):
    """The checks that found errors."""
    return {finding.check for finding in report.findings if finding.level == "error"}


def warnings(report):
    """The checks that found something doubtful."""
    return {finding.check for finding in report.findings if finding.level == "warning"}


def texts(report):
    return "\n".join(finding.text for finding in report.findings)
