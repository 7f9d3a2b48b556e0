# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a node stands, in every step up to the DKG and after it; that of the DKG itself is in dkg/test_dry_run.py."""

import pathlib
import re
import shutil

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, approval
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.node.status import evaluate_node
from ansible_collections.obol.dv.plugins.module_utils.storage import files

HOODI = KNOWN.by_name("hoodi")


@pytest.fixture
def stands(tree):
    """A function that tells where a data directory stands, and sees to it that nothing is touched."""

    def at(data_dir, inbox=(), **options):
        directory = pathlib.Path(data_dir)
        before = tree(directory.parent)
        told, known = evaluate_node(DataDir(data_dir), dict(inbox), "the store", **options)
        assert tree(directory.parent) == before
        return told, known

    return at


@pytest.fixture
def store(proposed, approved):
    """What the store holds when all have approved."""
    dump = proposed.dump().decode()
    return {"proposal.json": dump, **{"approvals/%d.json" % index: given.dump() for index, given in approved[1].items()}}


@pytest.fixture
def second(approved, people):
    """The data directory of the second operator, who has approved."""
    directory = pathlib.Path(approved[0][2])
    files.write_new(str(directory / "charon-enr-private-key"), people[1].node_key.hex().encode())
    return directory


def brief(told):
    return told.state, told.step, told.waiting_for, told.ready


def test_nothing_is_there(stands, tmp_path):
    told, known = stands(tmp_path / "none" / ".charon")
    assert brief(told) == ("waiting", "enr", (), True) and told.since is None
    assert known == dict(config_hash=None, definition_hash=None, share_index=None, terms=None, operators=[], enr=None, peer_id=None)


def test_an_enr_only(stands, tmp_path, people, store):
    directory = tmp_path / "fresh"
    directory.mkdir()
    key = directory / "charon-enr-private-key"
    key.write_text(people[1].node_key.hex())
    told, dummy = stands(directory)
    assert brief(told) == ("waiting", "proposal", (), False)
    assert "neither a proposal nor a definition in the store" in told.detail and told.since == key.stat().st_mtime
    told, known = stands(directory, {"proposal.json": store["proposal.json"]})
    assert brief(told) == ("waiting", "approval", (), True)
    assert [operator["address"] for operator in known["operators"]] == [person.address for person in people]
    assert re.fullmatch("0x[0-9a-f]{64}", known["config_hash"]) and known["definition_hash"] is None
    assert brief(stands(directory, {"cluster-definition.json": "{}"})[0]) == ("waiting", "definition", (), True)


def test_approved(stands, second, store):
    told, known = stands(second, {name: store[name] for name in ("proposal.json", "approvals/1.json", "approvals/2.json")})
    assert brief(told) == ("waiting", "approval", (3, 4), False) and not told.detail
    assert told.since == max(path.stat().st_mtime for path in second.rglob("*") if path.is_file())
    assert known["share_index"] == 2
    told, dummy = stands(second, {"proposal.json": store["proposal.json"]})
    assert brief(told) == ("waiting", "approval", (), True) and "lacks this node's approval" in told.detail
    assert brief(stands(second, store)[0]) == ("waiting", "definition", (), True)
    assert brief(stands(second)[0]) == ("waiting", "proposal", (), False)


def test_the_store_lost_the_own_proposal(stands, second, proposed):
    (second / "ceremony" / "proposal.json").write_bytes(proposed.dump())
    told, dummy = stands(second)
    assert brief(told) == ("waiting", "proposal", (), True) and "lacks the proposal" in told.detail


def test_a_proposal_that_was_changed(stands, second, store):
    told, dummy = stands(second, {**store, "proposal.json": store["proposal.json"].replace("test cluster", "other cluster")})
    assert brief(told) == ("waiting", None, (), False) and "config_hash" in told.detail


def test_the_key_is_gone(stands, approved):
    told, dummy = stands(approved[0][3])
    assert (told.state, told.ready) == ("stopped", False)
    assert "charon-enr-private-key is gone" in told.detail and "from a backup" in told.detail


def test_the_data_directory_is_gone_but_its_approval_is_not(stands, tmp_path, store, people):
    """To run such a node would make a new key, that its operator's wallet can bind to no place any more."""
    told, known = stands(tmp_path / "none" / ".charon", store, address=people[1].address)
    assert brief(told) == ("stopped", "enr", (), False)
    assert "approvals/2.json" in told.detail and "restore charon-enr-private-key from its backup" in told.detail
    without = {name: text for name, text in store.items() if name != "approvals/2.json"}
    for inbox, address in ((without, people[1].address), (store, None)):
        assert brief(stands(tmp_path / "none" / ".charon", inbox, address=address)[0]) == ("waiting", "enr", (), True)


@pytest.mark.parametrize("has_key", [False, True])
def test_a_fifth_node_over_four_operators(stands, tmp_path, store, people, has_key):
    directory = tmp_path / "fifth"
    directory.mkdir()
    if has_key:
        (directory / "charon-enr-private-key").write_text("99" * 32)
    told, known = stands(directory, store, address="0x" + "5" * 40)
    assert brief(told) == ("waiting", None, (), False) and "is none of the operators of the definition" in told.detail


def test_the_turn_of_the_creator(stands, tmp_path, people):
    (tmp_path / ".charon").mkdir()
    (tmp_path / ".charon" / "charon-enr-private-key").write_text(people[0].node_key.hex())
    creator = people[0].address
    assert brief(stands(tmp_path / ".charon", address=creator.lower(), creator=creator)[0]) == ("waiting", "proposal", (), True)
    told, known = stands(tmp_path / ".charon", address=people[1].address, creator=creator)
    assert brief(told) == ("waiting", "proposal", (), False) and "the creator %s has to" % creator in told.detail


def test_a_damaged_key(stands, second):
    (second / "charon-enr-private-key").write_text("none")
    told, dummy = stands(second)
    assert told.state == "waiting" and not told.ready and "does not hold a key" in told.detail


def test_definition(stands, second, store, proposed, approved, people):
    """Placed by hand it is not accepted yet; once it is, the DKG is what is waited for."""
    made = assemble(proposed, approval.collect(proposed, store), HOODI)
    (second / "cluster-definition.json").write_bytes(made.dump())
    told, known = stands(second, store)
    assert brief(told) == ("waiting", "definition", (), True) and "has not accepted" in told.detail
    assert known["definition_hash"] == "0x" + made.definition_hash.hex() and known["share_index"] == 2
    assert all(operator["peer_id"].startswith("16Uiu2") for operator in known["operators"])
    acceptance.accept_definition(DataDir(second), made, secp256k1.public_key(people[1].node_key), inbox=store)
    assert brief(stands(second, store)[0]) == ("waiting", "commit", (), True)
    (second / "charon-enr-private-key").write_text("99" * 32)
    told, dummy = stands(second, store)
    assert brief(told) == ("waiting", None, (), False) and "this node is not in the definition" in told.detail


def test_complete(stands, node):
    """Made elsewhere, by charon too; nothing but the lock is needed to say so."""
    told, known = stands(node)
    assert (told.state, told.step, told.attempt) == ("complete", None, None)
    assert told.since == (node / "cluster-lock.json").stat().st_mtime
    assert "made elsewhere" in told.detail and known["share_index"] and known["definition_hash"]
    shutil.rmtree(node / "validator_keys")
    assert stands(node)[0].state == "complete"


def test_the_lock_of_another_cluster(stands, node):
    (node / "ceremony").mkdir(mode=0o700)
    (node / "ceremony" / "accepted.json").write_text('{"definition_hash": "0x%s"}' % ("11" * 32))
    told, dummy = stands(node)
    assert told.state == "waiting" and not told.ready and "is the lock of the definition" in told.detail


def test_what_cannot_be_read(stands, tmp_path):
    (tmp_path / "place").write_text("a file")
    told, dummy = stands(tmp_path / "place" / ".charon")
    assert brief(told) == ("waiting", "enr", (), True), "the preflight says that it is no directory"
