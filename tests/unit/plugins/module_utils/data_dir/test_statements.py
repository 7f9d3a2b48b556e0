# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed statements of a node: what was said is what was signed, by this node, about this."""

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import jws, secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import statements
from ansible_collections.obol.dv.plugins.module_utils.encoding import go_json

KEY = bytes(range(1, 33))
PUBLIC = secp256k1.public_key(KEY)
TEXT = statements.sign(KEY, "drill", {"key_shares": 2}, 1_777_636_800)


def test_there_and_back():
    assert statements.verify(TEXT, PUBLIC, "drill") == dict(about="drill", made="2026-05-01T12:00:00Z", key_shares=2)
    assert statements.sign(KEY, "drill", {"key_shares": 2}, 1_777_636_800) == TEXT


def signed(header, payload):
    return jws.sign(KEY, go_json.dumps(header, None).encode(), payload)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.b", "a.b.c", TEXT[:-1], TEXT + "A", "x" + TEXT, TEXT.replace(".", "..", 1)),
        TEXT.rsplit(".", 1)[0] + "." + "A" * 86,
        signed({"alg": "ES256K"}, b'{"about": "drill", "made": "x"}'),
        signed({"alg": "ES256K", "typ": "obol-dv-statement"}, b'{"about": "drill"}'),
        signed({"alg": "ES256K", "typ": "obol-dv-statement"}, b"[]"),
        signed({"alg": "ES256K", "typ": "obol-dv-statement"}, b"x"),
        statements.sign(KEY, "readiness", {}, 0),
        statements.sign(KEY[::-1], "drill", {}, 0),
        statements.sign(KEY, "drill", {"x": "y" * statements.MAX_SIZE}, 0),
    ],
)
def test_what_is_none(text):
    assert statements.verify(text, PUBLIC, "drill") is None
