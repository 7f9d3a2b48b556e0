# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``charon alpha test``: its command line, and what it writes. Its exit code is 0 whatever it finds.

Source: cmd/test.go of charon v1.10.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..data_dir.layout import LOCK, NODE_KEY, DataDir
from ..encoding import go_json
from ..errors import DvError

#: Each suite, and where its results are.
SUITES = {"peers": "charon_peers", "beacon": "beacon_node", "validator": "validator_client", "mev": "mev", "infra": "infra"}
#: What each verdict is worth: nothing to say, not good, bad; ``None`` of what was not tried.
RANKS = {"OK": 0, "Good": 0, "Avg": 1, "Poor": 2, "Fail": 2, "Skip": None}

#: Longest file, in bytes.
MAX_SIZE = 4 * 2**20


class Row(NamedTuple):
    """One case: of which target, its verdict (of :data:`RANKS`), what was measured, what it suggests, why it failed."""

    target: str
    name: str
    verdict: str
    text: str


def command(words: Sequence[str], suite: str, flags: Sequence[str], data_dir: DataDir, path: str, seconds: int) -> list[str]:
    """The command that writes the results of a ``suite`` to ``path``, within so many ``seconds``.

    :param words: how charon is called there
    :param flags: further ones
    """
    bounds = [f"--timeout={seconds}s", f"--output-json={path}", "--quiet"]
    if suite == "peers":
        # Whoever is done ends: the others have asked it by then, or ask for nothing.
        bounds += [f"--lock-file={data_dir.path(LOCK)}", f"--private-key-file={data_dir.path(NODE_KEY)}", "--keep-alive=0s"]
    return [*words, "alpha", "test", suite, *bounds, *flags]


def parse(content: bytes, suite: str) -> list[Row]:
    """The cases of a ``suite`` in a file with that ``content``.

    :raises DvError: it is none that charon writes
    """
    what = f"what charon alpha test {suite} wrote"
    found = go_json.loads(content, what)
    try:
        targets = found[SUITES[suite]].get("targets") or {}
        return [_row(target, case) for target, cases in targets.items() for case in cases]
    except (AttributeError, KeyError, TypeError):
        raise DvError(f"{what} has another form", "that of charon v1.10", "see which version of charon it is") from None


def _row(target: str, case: dict[str, Any]) -> Row:
    if case["verdict"] not in RANKS:
        raise KeyError
    texts = (case.get(name) or "" for name in ("measurement", "error", "suggestion"))
    return Row(target, str(case["name"]), case["verdict"], "; ".join(filter(None, map(str, texts))))
