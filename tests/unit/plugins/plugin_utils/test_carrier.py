# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the carrier knows better than a node: that what it sent waits for somebody's consent."""

import pytest
from ansible_collections.obol.dv.plugins.plugin_utils.carrier import Carrier
from ansible_collections.obol.dv.tests.support.store_media import GitMedium

READY = dict(state="waiting", ready=True, detail="it is this node's turn: run again")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (dict(READY, step="proposal"), "proposal.json"),
        (dict(READY, step="approval", share_index=2), "approvals/2.json"),
        (dict(READY, step="approval", share_index=3), None),
        (dict(READY, step="approval", share_index=None), None),
        (dict(READY, step="definition", share_index=2), None),
        (dict(READY, step="approval", share_index=2, ready=False), None),
        (dict(changed=False), None),
    ],
)
def test_what_waits_for_a_merge(tmp_path, answer, name):
    with GitMedium(tmp_path).open(push_branch="ask") as store:
        store.put({"proposal.json": "{}", "approvals/2.json": "{}"})
        told = Carrier._awaited(store, answer)  # pylint: disable=protected-access
    waits = dict(answer, ready=False, detail="%s waits for the merge of the branch ask into main" % name)
    assert told == (waits if name else answer)
