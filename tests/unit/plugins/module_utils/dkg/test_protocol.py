# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol's encodings, derivations and messages, pinned: a change here is another version of the protocol."""

import hashlib
import random

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import hpke, jws
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import curve
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import commit, confirm, deal, encoding, envelope, messages, vss
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.derivation import Derivation
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.fault import Fault
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol.parameters import session_id
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

# By operator 2 of 3 with the seed 00 01 ... 1f; of long values the SHA-256.
DEFINITION_HASH = "3d72d7693b0c3260688a6d9197f43e81bb881020335249a5c7d41ffe9b2aa94e"
HPKE_KEY = "1bf41bbd09fb0f3d5022cbe10377c371ba28a514a21104d839ad10b85f308ef5"
COEFFICIENT = "0x2dc300c5bdd9ee8e2e8220551dbca5b14610fc87854fe50128a5751eabf753ed"
NONCE = "0x2b940e4a7edd81414b4365083a91312e82cc710b24fa24e1560b72a7c9d0913a"
COMMIT = "800ee4a30870660da8110fce80d0bb61a842865e88a4e2cd0fbd1c7fe8bfe64d"
SESSION = "ab3ae749291367beef7d07d0725f52bc0f4634513e0b078c40a0d6dbaeea8bea"
DEAL = "7cbfae5dfd1a9a1ead0a4ee382ad3b5eccea9fbc0ff676a6c33d5bf6a71f3229"
CONFIRM = "147555900195882fdbecfa583ddb8f579fcdd77122cbf506168a522b9c7f3d48"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_enc():
    assert encoding.enc("x", b"ab", 5).hex() == (
        "000000000000000f" + b"obol-dv-dkg/1/x".hex() + "0000000000000002" + "6162" + "0000000000000008" + "0000000000000005"
    )
    assert encoding.enc("x", b"a", b"b") != encoding.enc("x", b"ab", b"") != encoding.enc("xab")
    assert encoding.H("x").hex() == hashlib.sha256(encoding.enc("x")).hexdigest()


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "AA=", "A A", "AA\n", "+/", "é", "AAAAA", "AAB"])
def test_loose_base64(text):
    with pytest.raises(DvError):
        base64url.from_base64(text)


@pytest.mark.parametrize(
    "content",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"NaN",
        b"Infinity",
        b"",
        b"\xff",
        b'"\\u00e9" ',
    ]
    + [b"[" * 10**5, b"9" * 10**5, '"é"'.encode(), b'"\\u0041"', b'{"a":1}\n', b"null,"],
)
def test_json_in_another_spelling(content):
    with pytest.raises(DvError):
        encoding.from_json(content)


def test_json_and_base64_round_trips():
    for value in ({"a": [1, -2, None, True], "b": "é\ud800"}, [], "", 0, 2**64):
        assert encoding.from_json(encoding.to_json(value).encode()) == value
    for length in range(70):
        assert base64url.from_base64(base64url.to_base64(bytes(range(length)))) == bytes(range(length))


def vector(group):
    """Operator 2 of 3, with a seed of its own that is always the same."""
    parameters = group(3, 2, 2).parameters(2)
    return parameters, Derivation(bytes(range(32)), parameters)


def test_derivation(group):
    parameters, derivation = vector(group)
    id = bytes([7]) * 32
    assert parameters.definition_hash.hex() == DEFINITION_HASH
    assert digest(derivation.hpke_key(1)) == HPKE_KEY
    assert hex(derivation.coefficient(1, 0)) == COEFFICIENT
    assert hex(derivation.nonce(1, id)) == NONCE
    everything = [derivation.hpke_key(j) for j in (1, 3)]
    everything += [derivation.coefficient(v, k) for v in (0, 1) for k in (0, 1)]
    everything += [derivation.nonce(v, s) for v in (0, 1) for s in (id, bytes(32))]
    other = Derivation(bytes(range(32)), parameters.at(2))
    everything += [other.hpke_key(1), other.coefficient(0, 0), other.nonce(0, id)]
    assert len(set(everything)) == len(everything)


def test_messages_of_rounds_1_and_2(group):
    """All but the ciphertexts follow from the seed."""
    parameters, derivation = vector(group)
    polynomials = commit.coefficients(parameters, derivation)
    points = commit.commitments(polynomials)
    payload = commit.make(parameters, derivation, points)
    message = envelope.write(parameters, group.node_key(2), "commit", payload)
    assert digest(message.jws.text.encode()) == COMMIT
    digests = [bytes(32), message.jws.digest, bytes(32)]
    id = session_id(parameters, digests)
    assert id.hex() == SESSION
    recipients = {1: payload.keys[0], 3: payload.keys[1]}
    dealt = deal.make(parameters, derivation, id, digests, recipients, polynomials, points)
    assert digest(messages.write(dealt._replace(ciphertexts=()))) == DEAL
    good, found = deal.check(parameters, id, {2: dealt}, {2: payload})
    assert not found
    for recipient, dealer in ((1, 1), (3, 3)):
        opened, found = deal.open_shares(parameters.seen_by(recipient), id, {2: dealt}, good, {2: derivation.hpke_key(dealer)})
        assert not found and opened[2].shares == [vss.evaluate(polynomial, recipient) for polynomial in polynomials]


def test_confirmation(group):
    parameters, derivation = vector(group)
    polynomials = commit.coefficients(parameters, derivation)
    points = commit.commitments(polynomials)
    keys = confirm.derive(parameters, deal.own(parameters, polynomials, points))
    assert confirm.load(parameters, keys.dump()).dump() == keys.dump()
    assert confirm.load(parameters, keys.dump()[1:]) is None
    assert digest(messages.write(confirm.make(bytes(32), keys, [bytes(32)]))) == CONFIRM
    assert str(keys.shares[0]) not in repr(keys)


def test_equal_keys_are_refused(group):
    parameters, _derivation = vector(group)
    points = [curve.G1, curve.G1]
    with pytest.raises(DvError, match="the same"):
        confirm.derive(parameters, deal.Dealt([points, points], [1, 1]))


# Signatures and sealing


def test_jws_is_deterministic_and_verifies(group):
    key = group.node_key(1)
    text = jws.sign(key, b"{}", b"payload")
    assert text == jws.sign(key, b"{}", b"payload")
    public = group(3, 2, 1).parameters(1).keys[0]
    jws.verify(jws.split(text), public)
    for wrong in (text[:-3] + "AAA", jws.sign(key, b"{}", b"other").rsplit(".", 1)[0] + "." + text.rsplit(".", 1)[1]):
        with pytest.raises(DvError):
            jws.verify(jws.split(wrong), public)


def test_sealing():
    private = bytes(range(96))
    public = hpke.public_key(private)
    sealed = hpke.seal(public, b"info", b"secret")
    assert (len(public), len(sealed)) == (1216, 1136 + 6)
    assert hpke.open(private, b"info", sealed) == b"secret"
    for change in (
        (bytes(96), b"info", sealed),
        (private, b"other", sealed),
        (private, b"info", sealed[:-1]),
        (private, b"info", b""),
    ):
        with pytest.raises(DvError):
            hpke.open(*change)


# Sharing


def test_equations():
    luck = random.Random(5)
    polynomial = [luck.randrange(ORDER) for dummy in range(4)]
    points = [curve.decode_g1(vss.commit(k)) for k in polynomial]
    equations = [vss.share_equation(vss.evaluate(polynomial, x), points, x) for x in range(1, 20)]
    assert vss.hold(equations) and vss.find_bad(equations) == vss.find_bad_exactly(equations) == [] and vss.hold([])
    for x in range(1, 20):
        share = curve.secret_base_mul(vss.evaluate(polynomial, x))
        assert curve.equal(vss.evaluate_commitments(points, x), share)
    # A plain sum would not notice errors that cancel.
    for place, error in ((2, 1), (3, ORDER - 1), (17, 9)):
        equations[place] = vss.share_equation((equations[place].k + error) % ORDER, points, place + 1)
    assert not vss.hold(equations)
    assert vss.find_bad(equations) == vss.find_bad_exactly(equations) == [2, 3, 17]
    assert "k=" not in repr(equations[0])
    # A share of zero is a share.
    assert vss.hold([vss.Equation(0, [curve.G1, curve.G1], [1, -1])]) and not vss.hold([vss.Equation(0, [curve.G1], [1])])


# Sizes, and whatever bytes


@pytest.mark.parametrize("n, t, v", [(2, 2, 1), (4, 3, 3), (7, 5, 2)])
def test_sizes_are_bounds(group, n, t, v):
    parties = group(n, t, v)
    parties.run(rounds=5)
    parameters = parties.parameters(1)
    for name, text in parties.store.items():
        if name.endswith(".jws"):
            round = name.split("/")[1]
            assert len(text) <= messages.text_size(round, parameters) <= len(text) + 150


def test_whatever_comes_in_is_answered_with_our_errors(group):
    """Honest messages with a few bytes changed, signed by their operator or not."""
    parties = group(3, 2, 1)
    parties.run(rounds=5)
    forger, luck, parameters = group.forger(parties, 3), random.Random(3), parties.parameters(1)
    answers = set()
    for _dummy in range(600):
        round = luck.choice(messages.ROUNDS)
        text = parties.store["1/%s/3.jws" % round]
        header, payload = (bytearray(base64url.from_base64(part)) for part in text.split(".")[:2])
        for part in luck.choice(((header,), (payload,), (header, payload))):
            for _dummy in range(luck.choice((1, 1, 4))):
                place = luck.randrange(len(part))
                part[place : place + luck.choice((0, 1, 1, 5))] = luck.choice((b"", b"{", b'"', b"\xff", bytes([luck.randrange(256)])))
        text = forger.sign(bytes(header), bytes(payload))
        if luck.random() < 0.2:
            text = text[: luck.randrange(len(text))]
        try:
            envelope.read(parameters, text)
            answers.add("read")
        except Fault as fault:
            assert fault.share_index == 3
            answers.add("fault")
        except DvError:
            answers.add("ignored")
    assert answers == {"read", "fault", "ignored"}
