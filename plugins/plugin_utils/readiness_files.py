# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a readiness report on the control node: ``<directory>/<time>.json`` and ``.html``. Those of before stay."""

import json
import os
import re

from ansible_collections.obol.dv.plugins.module_utils.storage import files

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.json")
#: How many reports of before are looked at, and the largest, in bytes.
_MOST, _LARGEST = 30, 2**24


def worst(nodes: dict[str, dict]) -> dict[str, dict]:
    """The judgement about each cluster of the run that was tested, by its name: where nodes differ, one that does not pass.

    :param nodes: by name: ``cluster``, ``results`` (:func:`.run_status.registered`)
    """
    found: dict[str, dict] = {}
    for node in nodes.values():
        judgement = (node["results"].get("dv_judged") or {}).get("judgement")
        if judgement and (node["cluster"] not in found or found[node["cluster"]]["passed"] and not judgement["passed"]):
            found[node["cluster"]] = judgement
    return found


def write(directory: str, judgement: dict, nodes: dict[str, dict]) -> str:
    """Write the report of a cluster: the path of the file to look at.

    :raises DvError: it cannot be written
    """
    files.make_directory(directory)
    stem = os.path.join(directory, judgement["made"].replace(":", "-"))
    files.replace(stem + ".json", json.dumps(judgement, indent=1).encode() + b"\n", 0o644)
    return stem + ".json"
