# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module says of check mode, diff mode and repeated runs."""


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status without changing the node.
    support: full
  diff_mode:
    description: Returns what has changed, or would change, when in diff mode. Secrets are never part of it.
    support: none
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
"""

    DIFF = r"""
options: {}
attributes:
  diff_mode:
    support: full
"""

    ACTION = r"""
options: {}
attributes:
  action:
    description: Has a part on the control node, which carries files between the store and the node, and checks what the node answers.
    support: full
"""
