#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: readiness_report
short_description: Report whether clusters are ready
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Writes, for each cluster of the play, what M(obol.dv.test_cluster) measured and judged on its nodes, as JSON and as one HTML file to look at,
    into a directory of the control node. What was written before stays, so that the change over time can be seen.
  - Where nodes judge differently, the worst verdict is taken.
  - Fails where a cluster is not ready, once all is written.
  - It runs on the control node, once, and asks no node.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
options:
  dest:
    description: The directory on the control node. It gets a directory for each cluster.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Report of the clusters of this play
  obol.dv.readiness_report:
    dest: /srv/readiness
"""

RETURN = r"""
reports:
  description: The paths of the HTML files that were written, by cluster.
  returned: always
  type: dict
"""

ARGUMENT_SPEC = dict(
    dest=dict(type="str", required=True),
)
