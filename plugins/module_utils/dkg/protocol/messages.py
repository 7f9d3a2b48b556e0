# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The payloads of the rounds: what they hold, how many bytes that is, how they are read and written.

A payload is a JSON object; but for an abort's, each of its fields is a row: equal-sized items as one base64url
string. ``rows`` is all there is to say about size, parser and writer.
"""

from typing import Any, NamedTuple

from ...crypto.hpke import OVERHEAD, PRIVATE_KEY_SIZE, PUBLIC_KEY_SIZE
from ...encoding.base64url import from_base64, to_base64
from ...errors import DvError
from .encoding import from_json, to_json
from .parameters import Parameters

#: Name -> (number of items, bytes of one).
Rows = dict[str, tuple[int, int]]
Row = tuple[bytes, ...]


class Commit(NamedTuple):
    """Round 1. One HPKE public key for each other operator, ascending, for what THAT operator will send to us; and
    the hash of all our commitments."""

    commitments: Row
    keys: Row

    @staticmethod
    def rows(parameters: Parameters) -> Rows:
        return {"commitments": (1, 32), "keys": (parameters.n - 1, PUBLIC_KEY_SIZE)}


class Deal(NamedTuple):
    """Round 2. One ciphertext of v shares (32 bytes each) for each other operator, ascending; t commitments for
    each validator, A_0 first; the digests of all n commits; a proof for each validator, R (48) and z (32)."""

    ciphertexts: Row
    commitments: Row
    commits: Row
    proofs: Row

    @staticmethod
    def rows(parameters: Parameters) -> Rows:
        n, t, v = parameters.n, parameters.t, parameters.v
        return {
            "ciphertexts": (n - 1, OVERHEAD + 32 * v),
            "commitments": (v * t, 48),
            "commits": (n, 32),
            "proofs": (v, 80),
        }


class Confirm(NamedTuple):
    """Round 3. The hash of the signing roots of round 4, and that of the group keys and public shares."""

    roots: Row
    transcript: Row

    @staticmethod
    def rows(parameters: Parameters) -> Rows:
        return {"roots": (1, 32), "transcript": (1, 32)}


class Sign(NamedTuple):
    """Round 4. Our partial signatures: validator by validator, over its deposits (amounts ascending), then its
    registration."""

    partials: Row

    @staticmethod
    def rows(parameters: Parameters) -> Rows:
        return {"partials": (parameters.v * (len(parameters.amounts) + 1), 96)}


class Seal(NamedTuple):
    """Round 5. Two signatures of the lock hash: by our ENR key, and the sum of those by all our shares."""

    node_signature: Row
    signature: Row

    @staticmethod
    def rows(parameters: Parameters) -> Rows:
        return {"node_signature": (1, 65), "signature": (1, 96)}


class Abort(NamedTuple):
    """An accusation: see :mod:`abort`. ``messages`` are texts of signed messages, ``key`` has 96 bytes or none."""

    accused: int
    check: str
    key: bytes
    messages: tuple[str, ...]
    round: str


#: The rounds in their order, and the abort.
KINDS: dict[str, Any] = {"commit": Commit, "deal": Deal, "confirm": Confirm, "sign": Sign, "seal": Seal, "abort": Abort}
ROUNDS = tuple(KINDS)[:-1]


def write(payload: Any) -> bytes:
    """The bytes of ``payload``."""
    fields = payload._asdict()
    if isinstance(payload, Abort):
        fields["key"] = to_base64(payload.key)
    else:
        fields = {name: to_base64(b"".join(row)) for name, row in fields.items()}
    return to_json(fields).encode()


def read(round_name: str, parameters: Parameters, content: bytes) -> Any:
    """The payload of that round that :func:`write` gives ``content`` for.

    :raises DvError: an unknown, missing or repeated field, another spelling, a wrong length
    """
    kind, fields = KINDS[round_name], from_json(content)
    if not isinstance(fields, dict) or set(fields) != set(kind._fields):
        raise DvError(f"a {round_name} with other fields", ", ".join(kind._fields))
    return _read_abort(fields) if kind is Abort else kind(**_read_rows(kind.rows(parameters), fields))


def size(round_name: str, parameters: Parameters) -> int:
    """The most bytes that a payload of that round has, given what the definition says: an abort's with the longest
    evidence."""
    if round_name == "abort":
        names = sum(map(len, (*Abort._fields, *ROUNDS))) + 200
        return names + _text_size(PRIVATE_KEY_SIZE) + text_size("deal", parameters) + 2 * text_size("commit", parameters)
    rows = KINDS[round_name].rows(parameters)
    return 2 + sum(len(name) + 6 + _text_size(count * length) for name, (count, length) in rows.items())


def text_size(round_name: str, parameters: Parameters) -> int:
    """The most characters that a signed message of that round has. It is the same for every reader and every author of an
    attempt: indices are counted with three digits."""
    header = len(to_json(parameters.header(round_name, bytes(32)))) - len(str(parameters.share_index)) + 3
    return _text_size(header + 32) + 1 + _text_size(size(round_name, parameters)) + 87


def split(data: bytes, length: int) -> tuple[bytes, ...]:
    """The items of ``length`` bytes of a row."""
    return tuple(data[i : i + length] for i in range(0, len(data), length))


def _text_size(length: int) -> int:
    return (4 * length + 2) // 3


def _read_rows(rows: Rows, fields: dict) -> dict[str, tuple]:
    items = {}
    for name, (count, length) in rows.items():
        data = from_base64(_of_type(str, name, fields))
        if len(data) != count * length:
            raise DvError(f"{name} of {len(data)} bytes", f"{count} times {length}")
        items[name] = split(data, length)
    return items


def _read_abort(fields: dict) -> Abort:
    messages = _of_type(list, "messages", fields)
    if not all(isinstance(message, str) for message in messages):
        raise DvError("messages that are not texts", "signed messages")
    key = from_base64(_of_type(str, "key", fields))
    if len(key) not in (0, PRIVATE_KEY_SIZE):
        raise DvError(f"a key of {len(key)} bytes", f"none or {PRIVATE_KEY_SIZE}")
    return Abort(
        _of_type(int, "accused", fields),
        _of_type(str, "check", fields),
        key,
        tuple(messages),
        _of_type(str, "round", fields),
    )


def _of_type(kind: type, name: str, fields: dict) -> Any:
    if type(fields[name]) is not kind:  # pylint: disable=unidiomatic-typecheck
        raise DvError(f"{name} is not {kind.__name__}", kind.__name__)
    return fields[name]
