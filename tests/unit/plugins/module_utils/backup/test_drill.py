# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drill: what can be restored passes and is stated, whatever is wrong with it is told, and nothing lies in clear anywhere."""

import json
import os
import pathlib
import shutil

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.backup import contents, drill
from ansible_collections.obol.dv.plugins.module_utils.backup.backups import record_name
from ansible_collections.obol.dv.plugins.module_utils.backup.manifest import Manifest
from ansible_collections.obol.dv.plugins.module_utils.backup.opened import read_archive, read_opener
from ansible_collections.obol.dv.plugins.module_utils.crypto import age
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, statements
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN

from .conftest import ATTEMPT, IDENTITY, NOW, OPENER, RECIPIENTS, read_all


def drilled(path, opener=OPENER, parts=None):
    return drill.drill(path, read_archive(path), opener, KNOWN, parts)


def test_what_is_whole_passes(node, tmp_path):
    path = node.back_up()
    passed = drilled(path)
    opened = passed.opened
    assert passed.warnings == []
    statement = drill.state(passed, str(tmp_path / "statements"), NOW)
    facts = statements.verify(pathlib.Path(statement).read_text(), node.public_key, "drill")
    assert facts == dict(passed.facts, about="drill", made="2026-05-01T12:00:00Z")
    assert (facts["key_shares"], facts["share_index"], facts["cluster"]) == (2, 1, "dealt <by> a test")
    assert facts["holds"] == opened.manifest.parts and facts["archive_sha256"] == opened.sha256


def test_at_each_stage(node):
    """The key alone; with it the definition; and key shares of a ceremony that is not over."""
    shares = node.path / layout.KEYS
    keys = node.path / (ATTEMPT + "keys")
    shutil.move(shares, keys)
    for path in [node.path / layout.LOCK, *node.path.glob("deposit-data*")]:
        path.unlink()
    assert drilled(node.back_up()).opened.manifest.parts == ["enr_private_key", "transcript", "unfinished_key_shares"]
    (keys / "keystore-1.txt").write_text("wrong")
    with pytest.raises(DvError, match="unfinished_key_shares: the password of .*keystore-1.json does not fit"):
        drilled(node.back_up(NOW + 1))
    shutil.rmtree(node.path / "ceremony")
    passed = drilled(node.back_up(NOW + 2))
    assert passed.facts["holds"] == ["enr_private_key"] and not passed.warnings and passed.facts["key_shares"] == 0


def without_public_key(path):
    """EIP-2335 lets a keystore keep for itself what it is for."""
    keystore = json.loads(path.read_text())
    del keystore["pubkey"]
    path.write_text(json.dumps(keystore))


def test_keystores_that_do_not_say_what_they_are_for(node):
    for path in node.path.glob("validator_keys/keystore-*.json"):
        without_public_key(path)
    assert drilled(node.back_up()).facts["key_shares"] == 2


DAMAGED = {
    "definition": ("cluster-definition.json", ["key_shares", "lock", "deposit_data", "enr_private_key"]),
    "deposit_data": ("deposit-data-24eth.json", ["key_shares", "lock", "enr_private_key"]),
    "key_shares": ("validator_keys/keystore-0.txt", ["lock", "deposit_data", "enr_private_key"]),
    "lock": ("cluster-lock.json", ["enr_private_key", "transcript"]),
}


@pytest.mark.parametrize("damaged, others", DAMAGED.items(), ids=DAMAGED)
def test_what_is_damaged_is_no_reason_to_lose_the_rest(node, damaged, others):
    name, parts = others
    (node.path / name).write_bytes(b"x")
    path = node.back_up()
    drilled(path, parts=parts)
    for wanted in (None, [damaged], [*parts, damaged]):
        with pytest.raises(DvError, match=damaged if damaged != "deposit_data" else "deposit_files"):
            drilled(path, parts=wanted)


def rewrite(name, content):
    return lambda node: (node.path / name).write_bytes(content)


def of_another_node(node, dealt):
    (node.path / layout.NODE_KEY).write_text(dealt.node_keys[1].hex())


WRONG = {
    "password": (lambda node, dealt: rewrite("validator_keys/keystore-0.txt", b"wrong")(node), "key_shares: the password of "),
    "no password": (lambda node, dealt: (node.path / "validator_keys/keystore-0.txt").unlink(), "key_shares: cannot read .*keystore-0.txt"),
    "keystore": (lambda node, dealt: rewrite("validator_keys/keystore-0.json", b"{}")(node), "key_shares: .*keystore-0.json"),
    "share of another": (
        lambda node, dealt: (
            shutil.rmtree(node.path / layout.KEYS),
            ValidatorKeys(str(node.path / layout.KEYS)).write([shares[1] for shares in dealt.shares]),
        ),
        "key_shares: .* holds the share of operator 2",
    ),
    "one of two shares": (
        lambda node, dealt: [path.unlink() for path in node.path.glob("validator_keys/keystore-1.*")],
        "key_shares: there are 1 of 2 key shares; wanted: all",
    ),
    "one of them twice": (
        lambda node, dealt: [shutil.copy(path, str(path).replace("-0.", "-1.")) for path in node.path.glob("validator_keys/keystore-0.*")],
        "key_shares: there are 1 of 2 key shares; wanted: all",
    ),
    "lock": (lambda node, dealt: rewrite(layout.LOCK, b"{}")(node), "lock"),
    "no lock": (lambda node, dealt: (node.path / layout.LOCK).unlink(), "key shares without a lock or definition"),
    "deposit data": (lambda node, dealt: rewrite("deposit-data-24eth.json", b"[]")(node), "deposit_files"),
    "key of another node": (of_another_node, "key_shares: .* holds the share of operator 1"),
}


@pytest.mark.parametrize("change, text", WRONG.values(), ids=WRONG)
def test_what_is_not_does_not(node, dealt, change, text):
    change(node, dealt)
    with pytest.raises(DvError, match=text):
        drilled(node.back_up())


def test_nothing_is_written(node, tmp_path):
    path = node.back_up()
    before = read_all(tmp_path)
    drilled(path)
    assert read_all(tmp_path) == before


def test_the_name_says_which_node(node, dealt, craft):
    found = contents.read(node.data_dir)
    wrong = "backup-16Uiu2HAm%s-01234567.age" % ("a" * 44)
    with pytest.raises(DvError, match="holds the ENR private key of the node %s" % node.peer_id):
        drilled(craft(found, name=wrong))
    stranger = Manifest.of({layout.NODE_KEY: dealt.node_keys[1].hex().encode()}, "x")
    lying = Manifest(**{**vars(Manifest.of(found, "x")), "peer_id": stranger.peer_id})
    with pytest.raises(DvError, match="holds the ENR private key of the node %s" % node.peer_id):
        drilled(craft(found, lying))
    assert drilled(craft(found)).opened.manifest.peer_id == node.peer_id


def test_without_a_key(node, craft):
    manifest = Manifest.of(contents.read(node.data_dir), "x")
    with pytest.raises(DvError, match="cannot read .*charon-enr-private-key: No such file"):
        drilled(craft({}, Manifest(**{**vars(manifest), "files": {}})))


def test_an_approval_for_another_key(node, dealt, craft):
    found = {layout.NODE_KEY: dealt.node_keys[0].hex().encode(), "ceremony/approval.json": b"{}"}
    with pytest.raises(DvError, match="approval"):
        drilled(craft(found))


@pytest.mark.parametrize("position", [0, 30, 100, 300, 1000, -60, -3])
def test_damage(node, position):
    """With the record beside it, and without: any byte."""
    path = node.back_up()
    content = bytearray(pathlib.Path(path).read_bytes())
    content[position] ^= 2
    pathlib.Path(path).write_bytes(content)
    with pytest.raises(DvError, match="is damaged"):
        drilled(path)
    os.unlink(record_name(path))
    with pytest.raises(DvError, match="does not open|is no|not packed"):
        drilled(path)


def test_whoever_it_is_not_for(node):
    path, stranger = node.back_up(), pyrage.x25519.Identity.generate()
    with pytest.raises(DvError, match="does not open: it is for others; wanted: one that an identity in key.txt opens"):
        drilled(path, age.Opener.of_identities(str(stranger).encode(), "key.txt"))
    with pytest.raises(DvError, match="does not open: it is for others; wanted: one that the passphrase in p.txt opens"):
        drilled(path, age.Opener.of_passphrase(b"correct horse battery", "p.txt"))


def test_directories(node, tmp_path):
    older, newest = node.back_up(NOW), node.back_up(NOW + 5)
    elsewhere = node.back_up(NOW + 1, place=str(tmp_path / "backups" / "copy"))
    assert drill.find_archives(str(tmp_path)) == [newest]
    os.unlink(record_name(newest))
    assert drill.find_archives(str(tmp_path)) == [elsewhere] and drill.find_archives(older) == [older]
    with pytest.raises(DvError, match="holds no backup"):
        drill.find_archives(str(node.path))


def test_who_opens(tmp_path):
    key, passphrase = tmp_path / "key.txt", tmp_path / "passphrase.txt"
    key.write_text("# created: now\n# public key: %s\n%s\n" % (RECIPIENTS[0], IDENTITY))
    passphrase.write_text("correct horse battery\n")
    encrypted = age.encrypt(b"x", RECIPIENTS), age.encrypt_with_passphrase(b"y", "correct horse battery")
    assert read_opener(str(key), None).open(encrypted[0], "it") == b"x"
    assert read_opener(None, str(passphrase)).open(encrypted[1], "it") == b"y"
    for files, text in (
        ((None, None), "neither an"),
        ((str(key), str(passphrase)), "are named"),
        ((str(tmp_path / "no"), None), "No such"),
    ):
        with pytest.raises(DvError, match=text):
            read_opener(*files)
