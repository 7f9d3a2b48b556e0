# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the reports of a cluster, on the control node: ``<directory>/<time>.html``, and ``.json`` with the judgement. Those of before stay."""

from __future__ import annotations

import contextlib
import json
import os
import re

from ansible_collections.obol.dv.plugins.module_utils.encoding import go_json
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from ansible_collections.obol.dv.plugins.plugin_utils.run_status import worse

from . import links, report

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.json")
#: How many reports of before are looked at, and the largest, in bytes.
_MOST, _LARGEST = 30, 2**25


def worst(nodes: dict[str, dict]) -> dict[str, dict]:
    """The judgement about each cluster of the run that was tested, by its name: where nodes differ, one that does not pass.

    :param nodes: by name: ``cluster``, ``results`` (:func:`.run_status.registered`)
    """
    found: dict[str, dict | None] = {}
    for node in nodes.values():
        found[node["cluster"]] = worse(found.get(node["cluster"]), node["results"])
    return {name: judgement for name, judgement in found.items() if judgement}


def write(directory: str, judgement: dict, cluster: dict) -> str:
    """Write the report of a cluster: the path of the page.

    :param cluster: what is known of it, see :func:`.report.render`
    :raises DvError: it cannot be written
    """
    page = report.render(judgement, cluster, _before(directory, judgement))
    files.make_directory(directory)
    stem = os.path.join(directory, judgement["made"].replace(":", "-"))
    for ending, text in ((".json", json.dumps(judgement, indent=1) + "\n"), (".html", page)):
        files.replace(stem + ending, text.encode(), 0o644)
    return stem + ".html"


def _before(directory: str, judgement: dict) -> list[dict]:
    """What was judged before of the same cluster, the oldest first; files that are no reports are passed over."""
    found = []
    names = [*filter(_NAME.fullmatch, files.names(directory))]
    for name in names[-_MOST:]:
        with contextlib.suppress(DvError):
            path = os.path.join(directory, name)
            told = go_json.loads(files.read(path, _LARGEST), path)
            if isinstance(told, dict) and told.get("lock_hash") == judgement["lock_hash"] and told.get("made") != judgement["made"]:
                pairs = links.by_pair(told.get("links"), len(judgement["operators"]))
                found.append({**{key: told.get(key) for key in ("made", "score", "passed")}, "median": links.median(links.measured(pairs))})
    return found
