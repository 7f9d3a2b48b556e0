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


def message_name(attempt, round, author, host=None):
    """The name, below :func:`dkg_folder`, of a message of the operator ``author``; of the operator ``host`` who hands it on, where
    something else has the author's name."""
    return "%d/%s/%d%s.jws" % (attempt, round, author, "-by-%d" % host if host else "")


def lock_name(attempt, host):
    """The name, below :func:`dkg_folder`, of the lock that the operator ``host`` hands on."""
    return "%d/lock/%d.json" % (attempt, host)


def dkg_folder(definition_hash):
    """What the names of all messages for the definition with that hash (32 bytes) begin with."""
    return "%s%s/" % (DKG, definition_hash.hex())
