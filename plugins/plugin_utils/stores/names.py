# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may lie in a store: the names of a ceremony's public files, and how large each may be."""

import re

from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import APPROVALS, DKG, PROPOSAL

_INDEX = "[1-9][0-9]{0,2}"
_DKG = DKG + "[0-9a-f]{64}/[1-9][0-9]{0,6}"
_KIB, _MIB = 2**10, 2**20

#: (pattern, largest size in bytes). The largest files are far above what 10 operators need for 65536 validators.
NAMES = tuple(
    (re.compile(pattern), size)
    for pattern, size in (
        (re.escape(PROPOSAL), 32 * _MIB),
        (APPROVALS + r"%s\.json" % _INDEX, 64 * _KIB),
        (r"cluster-definition\.json", 32 * _MIB),
        (r"%s/commit/%s\.jws" % (_DKG, _INDEX), _MIB),
        (r"%s/(confirm|seal)/%s\.jws" % (_DKG, _INDEX), 64 * _KIB),
        (r"%s/(deal|sign|abort)/%s\.jws" % (_DKG, _INDEX), 128 * _MIB),
        # Handed on under another name than the author's, see module_utils/cluster/store_names.py. No dots: bundles have them for slashes.
        (r"%s/(confirm|seal)/%s-by-%s\.jws" % (_DKG, _INDEX, _INDEX), 64 * _KIB),
        (r"%s/abort/%s-by-%s\.jws" % (_DKG, _INDEX, _INDEX), 128 * _MIB),
        (r"%s/lock/%s\.json" % (_DKG, _INDEX), 128 * _MIB),
    )
)

#: Most folders that a file is in: deeper ones are nobody's.
MAX_FOLDERS = max(pattern.pattern.count("/") for pattern, _size in NAMES)


def max_size(name):
    """The largest size (bytes) of the file ``name``; None if a store has no business with such a name."""
    for pattern, size in NAMES:
        if pattern.fullmatch(name):
            return size
    return None


def describe(name):
    """The file ``name`` in words, e.g. ``deal of operator 3, attempt 1``."""
    *folders, file = name.split("/")
    stem = file.partition(".")[0]
    if not folders:
        return stem.replace("-", " ")
    if folders[0] == "approvals":
        return "approval of operator %s" % stem
    return "%s of operator %s, attempt %s" % (folders[3], stem.replace("-by-", ", handed on by operator "), folders[2])
