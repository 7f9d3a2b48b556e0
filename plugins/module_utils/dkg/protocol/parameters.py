# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of a ceremony: what the definition says, which attempt this is, and who we are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...cluster.definition import Definition, effective_deposit_amounts
from ...cluster.definition_checks import check_runnable
from ...crypto import secp256k1
from ...encoding.base64url import to_base64
from ...errors import DvError
from ...ethereum import enr
from .encoding import VERSION, H

#: Attempts are numbered from 1 to this.
MAX_ATTEMPT = 10**6


@dataclass(frozen=True)
class Parameters:
    """One attempt as one operator sees it.

    n operators, threshold t, v validators; ``amounts`` are the deposit amounts (Gwei), distinct and ascending;
    ``keys`` are the compressed public keys (33 bytes) of the operators' ENRs in the definition's order; ``share_index``
    is our own share index, from 1.
    """

    definition: Definition = field(repr=False)
    definition_hash: bytes
    n: int
    t: int
    v: int
    amounts: tuple[int, ...]
    keys: tuple[bytes, ...]
    share_index: int
    attempt: int

    @classmethod
    def of_definition(cls, definition: Definition, node_key: bytes, attempt: int) -> "Parameters":
        """Those of the operator whose ENR key is ``node_key`` (32 bytes).

        :raises DvError: the definition cannot go through this protocol, or has no such operator
        """
        check_runnable(definition, least_operators=2)
        operators = definition.operators or ()
        if type(attempt) is not int or not 1 <= attempt <= MAX_ATTEMPT:  # pylint: disable=unidiomatic-typecheck
            raise DvError(f"attempt {attempt}", f"a whole number from 1 to {MAX_ATTEMPT}")
        # The signatures of ENRs are the definition's business; which key is whose is ours.
        keys = tuple(
            enr.parse(operator.enr, f"the ENR of operator {index}", verify=False).public_key for index, operator in enumerate(operators, 1)
        )
        if len(set(keys)) != len(keys):
            raise DvError("two operators of the definition have the same ENR key", f"{len(keys)} different keys")
        own = secp256k1.public_key(node_key)
        if own not in keys:
            raise DvError(
                "no operator of the definition has this node's ENR private key",
                "the key whose ENR the definition holds",
                "restore charon-enr-private-key, or make a new definition with this node's ENR",
            )
        return cls(
            definition,
            definition.definition_hash,
            len(keys),
            definition.threshold,
            definition.num_validators,
            tuple(effective_deposit_amounts(definition)),
            keys,
            keys.index(own) + 1,
            attempt,
        )

    @property
    def operators(self) -> range:
        """All share indices."""
        return range(1, self.n + 1)

    @property
    def others(self) -> list[int]:
        """All share indices but our own."""
        return [i for i in self.operators if i != self.share_index]

    def at(self, attempt: int) -> "Parameters":
        """The same ceremony in another attempt."""
        return replace(self, attempt=attempt)

    def seen_by(self, share_index: int) -> "Parameters":
        """The same ceremony as operator ``share_index`` sees it."""
        return replace(self, share_index=share_index)

    def header(self, round_name: str, session: bytes | None = None) -> dict:
        """The protected header of our message of that round, with the session id (32 bytes) from round 2 on."""
        header = {
            "alg": "ES256K",
            "attempt": self.attempt,
            "definition": to_base64(self.definition_hash),
            "index": self.share_index,
            "key": to_base64(self.keys[self.share_index - 1]),
            "protocol": VERSION,
            "round": round_name,
            "typ": "obol-dv-dkg+jws",
        }
        return header if session is None else {**header, "session": to_base64(session)}


def session_id(parameters: Parameters, digests: Iterable[bytes]) -> bytes:
    """The session id (32 bytes) of the n commits whose signing inputs have the SHA-256 ``digests``, in operator
    order."""
    return H("session", parameters.definition_hash, parameters.attempt, *digests)


def position(owner: int, other: int) -> int:
    """The position (from 0) of operator ``other`` in a row of ``owner`` that has one item for each other operator."""
    return other - 1 - (other > owner)
