# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a node's cluster, from its definition or the proposal of one."""

import contextlib

from ..agreement.config import told
from ..encoding.go_json import to_hex
from ..errors import DvError
from ..ethereum import enr


def facts(definition=None, public_key=None):
    """What is known of the cluster, as a module returns it.

    :param definition: a definition or a proposal, if there is one
    :param public_key: of the node's own ENR (33 bytes): its place there is the node's share index
    """
    known = dict(config_hash=None, definition_hash=None, share_index=None, terms=None, operators=[])
    if definition:
        known["terms"] = told(definition)
        known.update({name: to_hex(getattr(definition, name)) or None for name in ("config_hash", "definition_hash")})
        for index, operator in enumerate(definition.operators or (), 1):
            key = None
            # A proposal has no ENRs yet.
            with contextlib.suppress(DvError):
                key = enr.parse(operator.enr, verify=False).public_key
            if key and key == public_key:
                known["share_index"] = index
            peer_id = enr.peer_id(key) if key else None
            known["operators"].append(dict(share_index=index, address=operator.address or None, peer_id=peer_id))
    return known
