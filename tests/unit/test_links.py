# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every link between the documents leads to a file, and to a heading of it; the map of docs/architecture.md, to what is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(path):
    """The names by which GitHub knows the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(document):
    wrong = []
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        name, dummy, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or anchor and anchor not in anchors(target):
            wrong.append(link)
    assert not wrong


def test_the_map_names_what_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text()
    answers = text.partition("\n## Where is ...?\n")[2].partition("\n## ")[0]
    # The one path of a node's.
    paths = set(re.findall(r"`([^`]+)`", answers)) - {"ceremony/"}
    assert len(paths) > 20
    assert not [path for path in paths if not any((base / path).exists() for base in (ROOT, ROOT / "plugins" / "module_utils"))]
