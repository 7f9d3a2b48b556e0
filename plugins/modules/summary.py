#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: summary
short_description: Tell where all nodes of a run stand
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Prints one summary for each cluster of the play, from what the roles registered on its nodes, with the command that goes on.
  - It runs on the control node, once, and asks no node. Nodes that failed are part of it.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
options:
  format:
    description: What is printed, V(text) for people, or V(json), the same as one line.
    type: str
    choices: [text, json]
    default: text
  path:
    description:
      - A file on the control node that the JSON is written to. It is replaced. Its directory has to be there.
    type: str
"""

EXAMPLES = r"""
- name: Summary of the cluster
  obol.dv.summary:

- name: The same for a script
  obol.dv.summary:
    path: /var/lib/obol/status.json
"""

RETURN = r"""
lines:
  description: The lines of the summary.
  returned: always
  type: list
  elements: str
clusters:
  description: Where all nodes stand, by cluster. This is the JSON, see C(docs/status.md).
  returned: always
  type: dict
"""

ARGUMENT_SPEC = dict(
    format=dict(type="str", choices=["text", "json"], default="text"),
    path=dict(type="str"),
)
