# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process that stays on a node can be asked for. What is named here comes to the node with every module."""

from __future__ import annotations

from types import ModuleType


def backend(name: str) -> ModuleType:
    """That of the module called ``name``.

    :raises KeyError: there is none
    """
    from . import approval, backup_enr_key, definition, demo_operator, dkg, enr, preflight, proposal, status, verify, wallet

    backends = (approval, backup_enr_key, definition, demo_operator, dkg, enr, preflight, proposal, status, verify, wallet)
    return {each.__name__.rpartition(".")[2]: each for each in backends}[name]
