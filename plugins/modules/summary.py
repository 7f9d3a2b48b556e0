#!/usr/bin/python
# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: summary
short_description: Print what the roles of this collection found and made in this run
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Prints one summary for each cluster of the play, from what the roles registered on its nodes.
  - It runs on the control node and asks no node.
extends_documentation_fragment:
  - obol.dv.attributes
  - obol.dv.attributes.action
options: {}
"""

EXAMPLES = r"""
- name: Summary of the cluster
  obol.dv.summary:
"""

RETURN = r"""
lines:
  description: The lines of the summary.
  returned: always
  type: list
  elements: str
"""
