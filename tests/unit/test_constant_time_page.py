# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/constant-time.md names every file in which secrets are worked with."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "plugins" / "module_utils"
NAMED = set(re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / "constant-time.md").read_text()))
#: Libraries that work with secrets, arithmetic with them, keys that are drawn, comparisons in constant time.
WORK = re.compile(
    r"^\s*(import|from) (ckzg|cryptography|Crypto|pyrage|wallycore)|% (secp256k1\.)?ORDER|\bsecret_(base_)?mul\(|randbelow|compare_digest",
    re.MULTILINE,
)


def test_every_file_is_named():
    working = {str(path.relative_to(CORE)) for path in CORE.rglob("*.py") if WORK.search(path.read_text())}
    assert len(working) > 10 and working - NAMED == set()


def test_what_is_named_is_there():
    assert [name for name in NAMED if not (CORE / name).is_file()] == []
