# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies where in a cluster's store. Definition and lock are called as in a data directory, see :mod:`.data_dir`."""

PROPOSAL = "proposal.json"
#: Folder of the approvals, and of the DKG's messages.
APPROVALS, DKG = "approvals/", "dkg/"


def approval_name(share_index):
    """The name of the approval of the operator with that share index."""
    return "%s%d.json" % (APPROVALS, share_index)


def dkg_folder(definition_hash):
    """What the names of all messages for the definition with that hash (32 bytes) begin with."""
    return "%s%s/" % (DKG, definition_hash.hex())
