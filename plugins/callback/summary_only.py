# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves standard output to the summary: what Ansible tells of a run goes to standard error."""

DOCUMENTATION = r"""
name: summary_only
type: stdout
short_description: Leave standard output to the summary
version_added: 0.1.0
author: The obol.dv authors (@obol-dv)
description:
  - Tells what the default callback tells, on standard error. Standard output holds the summary alone, so that a program can read
    it where C(dv_status_format) is V(json).
extends_documentation_fragment:
  - ansible.builtin.default_callback
  - ansible.builtin.result_format_callback
"""

from ansible.plugins.callback.default import CallbackModule as Default


class _StandardError:
    """Ansible's display, all of whose texts go to standard error."""

    def __init__(self, display):
        self._display = display

    def __getattr__(self, name):
        return getattr(self._display, name)

    def display(self, *args, **options):
        self._display.display(*args, **{**options, "stderr": True})

    def banner(self, msg, color=None, cows=True):
        del cows
        self.display(f"\n{msg} {'*' * max(3, self._display.columns - len(msg))}", color=color)


class CallbackModule(Default):
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "obol.dv.summary_only"

    def __init__(self):
        super().__init__()
        self._display = _StandardError(self._display)
