# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of key shares: charon's, the round trip, and what is broken in it."""

import json
import os
import stat

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.group import ORDER
from ansible_collections.obol.dv.plugins.module_utils.crypto.bls.signatures import bls
from ansible_collections.obol.dv.plugins.module_utils.data_dir.validator_keys import ValidatorKeys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import keystore


@pytest.mark.parametrize("node", range(4))
def test_charons_cluster(vectors, node):
    folder = vectors / "charon-1.10.3" / "hoodi-4x3" / ("node%d" % node)
    lock = json.loads((folder / "cluster-lock.json").read_bytes())
    publics = [bls.secret_to_public(share) for share in ValidatorKeys(str(folder / "validator_keys")).read()]
    shares = [validator["public_shares"][node] for validator in lock["distributed_validators"]]
    assert ["0x" + public.hex() for public in publics] == shares


SHARES = [1, 0x1234 << 200, ORDER - 1]


def test_shares_round_trip(tmp_path):
    directory = tmp_path / "data" / "validator_keys"
    assert ValidatorKeys(str(directory)).write(SHARES) is True
    assert ValidatorKeys(str(directory)).read() == SHARES
    assert sorted(os.listdir(directory)) == sorted("keystore-%d.%s" % (i, e) for i in range(3) for e in ("json", "txt"))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    passwords = {path.read_text() for path in directory.glob("*.txt")}
    assert len(passwords) == 1 and len(passwords.pop()) == 32
    parsed = [json.loads(path.read_text())["crypto"] for path in directory.glob("*.json")]
    assert len({each["kdf"]["params"]["salt"] for each in parsed}) == 1
    assert len({each["cipher"]["params"]["iv"] for each in parsed}) == 3
    assert os.listdir(tmp_path / "data") == ["validator_keys"]
    publics = [bls.secret_to_public(share) for share in SHARES]
    ValidatorKeys(str(tmp_path / "known")).write(SHARES, public_keys=publics)
    assert ValidatorKeys(str(directory)).public_keys() == ValidatorKeys(str(tmp_path / "known")).public_keys() == publics


def test_shares_are_written_once(tmp_path):
    directory = str(tmp_path / "validator_keys")
    ValidatorKeys(directory).write(SHARES, "password", bytes(range(32)))
    before = {path.name: path.read_bytes() for path in (tmp_path / "validator_keys").iterdir()}
    assert ValidatorKeys(directory).write(SHARES) is False
    for others in (SHARES[:2], SHARES + [5], SHARES[::-1]):
        with pytest.raises(DvError, match="holds other key shares"):
            ValidatorKeys(directory).write(others)
    assert {path.name: path.read_bytes() for path in (tmp_path / "validator_keys").iterdir()} == before


def test_shares_into_an_empty_directory_and_after_a_crash(tmp_path):
    directory = tmp_path / "validator_keys"
    directory.mkdir()
    leftover = tmp_path / ".validator_keys.tmp"
    leftover.mkdir()
    (leftover / "keystore-0.json").write_text("half")
    assert ValidatorKeys(str(directory)).write(SHARES) is True
    assert os.listdir(tmp_path) == ["validator_keys"]


def test_foreign_files_in_the_way(tmp_path):
    directory = tmp_path / "validator_keys"
    directory.mkdir()
    (directory / "note").write_text("mine")
    with pytest.raises(DvError):
        ValidatorKeys(str(directory)).write(SHARES)
    assert os.listdir(directory) == ["note"]


@pytest.fixture
def shares(tmp_path):
    directory = tmp_path / "validator_keys"
    ValidatorKeys(str(directory)).write(SHARES)
    return directory


def _rename(old, new):
    return lambda directory: (directory / old).rename(directory / new)


def _write(name, content):
    return lambda directory: (directory / name).write_bytes(content)


BROKEN_DIRECTORIES = {
    "gap": (_rename("keystore-1.json", "keystore-3.json"), "has no keystore-1.json"),
    "starts at one": (_rename("keystore-0.json", "keystore-3.json"), "has no keystore-0.json"),
    "strange name": (_write("keystore-a.json", b""), "holds keystore-a.json"),
    "leading zero": (_write("keystore-01.json", b""), "holds keystore-01.json"),
    "number twice": (_write("keystore-insecure-1.json", b""), "one keystore-N.json for each N"),
    "no password file": (lambda directory: (directory / "keystore-2.txt").unlink(), "cannot read .*keystore-2.txt"),
    "password of none": (_write("keystore-2.txt", b"ff" * 16), "password of .*keystore-2.json does not fit"),
    "password not text": (_write("keystore-2.txt", b"\xff"), "not UTF-8"),
    "huge keystore": (_write("keystore-2.json", b" " * 100000), "more than 65536 bytes"),
    "empty keystore": (_write("keystore-2.json", b""), "keystore-2.json is not JSON"),
}


@pytest.mark.parametrize("case", BROKEN_DIRECTORIES)
def test_broken_directories(shares, case):
    change, message = BROKEN_DIRECTORIES[case]
    change(shares)
    with pytest.raises(DvError, match=message):
        ValidatorKeys(str(shares)).read()


def test_a_secret_out_of_range(shares):
    (shares / "keystore-0.json").write_bytes(keystore.encrypt(bytes(32), bytes(48), (shares / "keystore-0.txt").read_text()))
    with pytest.raises(DvError, match="no BLS secret"):
        ValidatorKeys(str(shares)).read()


def test_no_directory(tmp_path):
    with pytest.raises(DvError, match="cannot read"):
        ValidatorKeys(str(tmp_path / "none")).read()


def test_insecure_names_are_read(shares):
    for path in list(shares.iterdir()):
        path.rename(shares / path.name.replace("keystore-", "keystore-insecure-"))
    assert ValidatorKeys(str(shares)).read() == SHARES
