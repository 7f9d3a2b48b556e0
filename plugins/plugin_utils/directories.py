# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of the control node that variables name."""

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.storage import paths


def check_directory(path: str, what: str, variable: str) -> None:
    """:func:`.paths.check_directory`, for errors that say ``what`` it is and which ``variable`` names it."""
    try:
        paths.check_directory(path)
    except DvError as error:
        hint = f"let the user of ansible-playbook write there, or set {variable}"
        raise DvError(f"{what}: {error.found}", error.wanted, hint) from None
