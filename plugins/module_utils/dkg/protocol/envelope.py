# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who signed a text, and whether that is anything to us.

Three answers: a message; nothing (:class:`DvError`: a carrier can cause it, so nobody is blamed); or a
:class:`Fault` of its signer. A file's NAME says nothing: its header does.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ...crypto import jws
from ...encoding.base64url import from_base64, to_base64
from ...errors import DvError
from . import messages
from .encoding import VERSION, to_json
from .fault import Fault
from .parameters import Parameters

# Characters of the longest header that is looked at.
_MAX_HEADER = 2048


class Address(NamedTuple):
    """What a header says, before any signature is checked. ``session`` is 32 bytes or None."""

    attempt: int
    round: str
    share_index: int
    session: bytes | None


class Message(NamedTuple):
    """A message that was read: its address, its signed text, its payload (a tuple of :mod:`messages`)."""

    address: Address
    jws: jws.Jws
    payload: Any


def address(parameters: Parameters, text: str) -> Address:
    """The address that the header of ``text`` claims.

    :raises DvError: not a message of this protocol version and definition by the holder of an operator's key, in
        form
    """
    if not isinstance(text, str):
        raise DvError("a message that is not text", "a compact JWS")
    index: Any
    attempt: Any
    try:
        header = json.loads(from_base64(text[:_MAX_HEADER].split(".")[0]).decode("ascii"))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise DvError("a text without a header", "a compact JWS")
    index, attempt, round_name = (header.get(name) for name in ("index", "attempt", "round"))
    is_operator = type(index) is int and index in parameters.operators  # pylint: disable=unidiomatic-typecheck
    wanted = {
        "protocol": VERSION,
        "definition": to_base64(parameters.definition_hash),
        "key": to_base64(parameters.keys[index - 1]) if is_operator else "",
    }
    if any(header.get(name) != value for name, value in wanted.items()):
        raise DvError("a message of another protocol version, definition or key", "one of an operator of this definition")
    is_number = type(attempt) is int  # pylint: disable=unidiomatic-typecheck
    if not is_number or not 1 <= attempt < 2**63 or not isinstance(round_name, str) or round_name not in messages.KINDS:
        raise DvError("a message of no attempt or round", f"one of {', '.join(messages.KINDS)}")
    if len(text) > messages.text_size(round_name, parameters.at(attempt)):
        raise DvError(f"a {round_name} of {len(text)} characters", "what the definition allows")
    try:
        session = from_base64(header["session"])
    except (DvError, KeyError, TypeError, AttributeError):
        session = None
    return Address(attempt, round_name, index, session if session is not None and len(session) == 32 else None)


def authentic(parameters: Parameters, text: str, session: bytes | None = None) -> tuple[Address, jws.Jws]:
    """Address and signed text of ``text``, signed in the attempt of ``parameters``. Its content may be wrong.

    :param session: the session id (32 bytes) that it must be of, if it says one; None takes any
    :raises DvError: nobody's fault: another attempt or session, a bad signature, loose base64url
    """
    to = address(parameters, text)
    if to.attempt != parameters.attempt:
        raise DvError(f"a message of attempt {to.attempt}", f"attempt {parameters.attempt}")
    if None not in (session, to.session) and to.session != session:
        raise DvError("a message of another session", "this one")
    signed = jws.split(text)
    from_base64(signed.payload)
    jws.verify(signed, parameters.keys[to.share_index - 1])
    return to, signed


def read(parameters: Parameters, text: str, session: bytes | None = None) -> Message:
    """The message in ``text``; parameters and :class:`DvError` as for :func:`authentic`.

    :raises Fault: the signer's: the header has other fields, or the payload does not parse
    """
    to, signed = authentic(parameters, text, session)
    session = None if to.round in ("commit", "abort") else to.session or bytes(32)
    header = parameters.seen_by(to.share_index).header(to.round, session)
    if from_base64(signed.header) != to_json(header).encode():
        raise Fault(to.share_index, to.round, "form", "its header is not as the protocol has it", [text])
    try:
        return Message(to, signed, messages.read(to.round, parameters, from_base64(signed.payload)))
    except DvError as error:
        raise Fault(to.share_index, to.round, "form", f"it is not as the protocol has it: {error.found}", [text]) from None


def content(parameters: Parameters, round_name: str, text: str) -> Any:
    """The payload of ``text``, a message of that round that was read and kept before."""
    return messages.read(round_name, parameters, from_base64(jws.split(text).payload))


def write(parameters: Parameters, node_key: bytes, round_name: str, payload: tuple, session: bytes | None = None) -> Message:
    """Our message of that round, signed with ``node_key`` (32 bytes) and read as others will read it."""
    header = to_json(parameters.header(round_name, session)).encode()
    return read(parameters, jws.sign(node_key, header, messages.write(payload)), session)
