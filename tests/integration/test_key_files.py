# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key shares by the role into what validator clients read when they start: compared file by file, the owner's, and the client started again
once for all that was written, however often a run was cut off in between."""

import json
import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.cluster.lock import ClusterLock
from ansible_collections.obol.dv.plugins.module_utils.encoding.hex import to_hex
from ansible_collections.obol.dv.tests.support import playbook
from ansible_collections.obol.dv.tests.support.inventory import OperatorGroup

LOAD = ["playbooks/load_keys.yml"]
NAMES = ("alice", "bob", "carol")
OWNER = (54321, 65432) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
#: It writes a line, or fails where it is told to.
RESTART = """#!/bin/sh
if [ -e "$1/broken" ]; then exit 1; fi
cat "$1/dv.json" > /dev/null || exit 1
echo started >> "$1/log"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three operators with a complete cluster. Not to be changed."""
    directory = tmp_path_factory.mktemp("made")
    group = OperatorGroup(directory / "group", names=NAMES, num_validators=2, keys_without_drill="{{ inventory_hostname }}")
    group.run()
    return group


@pytest.fixture
def group(made, tmp_path):
    """A copy of it: Lodestar's own layout with an owner, the data directory itself, and a charon elsewhere; each with a command that
    starts it again."""
    copied = made.copy(tmp_path / "group")
    script = tmp_path / "restart"
    script.write_text(RESTART)
    script.chmod(0o755)
    for name in NAMES:
        (copied.directory / name / "client").mkdir()
        # What its start needs.
        (copied.directory / name / "client" / "dv.json").write_text("{}")
        copied.hosts[name].update(
            dv_keys_target="files",
            dv_keys_client="lodestar",
            dv_keys_restart_command=[str(script), str(copied.directory / name / "client")],
        )
    copied.hosts["alice"].update(dv_keys_directory=str(copied.directory / "alice" / "client" / "data"), dv_keys_owner="%d:%d" % OWNER)
    copied.hosts["carol"].update(
        dv_keys_client="teku",
        dv_keys_directory=str(copied.directory / "carol" / "client" / "keys"),
        dv_charon_dir=str(copied.directory / "carol" / "charon"),
    )
    return copied


def starts(group, name):
    log = group.directory / name / "client" / "log"
    return log.read_text().count("started") if log.exists() else 0


def state(group, name):
    return json.loads((group.directory / name / ".charon" / "loading" / "place.json").read_text())["state"]


def contents(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def changed(printed):
    return {name: each["changed"] for name, each in playbook.recap(printed).items()}


def warned(group):
    """What a run warned of, without the ends of its lines."""
    done = group.attempt(playbooks=LOAD)
    assert done.returncode == 0, done.stdout
    return "".join(done.stderr.split())


def check_files(group):
    """Each node's key shares, and nothing else, in its client's layout."""
    for number, name in enumerate(NAMES):
        keys = group.data_dirs[number] / "validator_keys"
        lock = ClusterLock.parse((group.data_dirs[number] / "cluster-lock.json").read_bytes())
        expected = {}
        for position, validator in enumerate(lock.validators):
            key = to_hex(validator.public_shares[number])
            keystore = (keys / ("keystore-%d.json" % position)).read_bytes()
            assert json.loads(keystore)["pubkey"] == key[2:]
            expected["keystores/%s/voting-keystore.json" % key] = keystore
            expected["secrets/%s" % key] = (keys / ("keystore-%d.txt" % position)).read_bytes()
        if name == "alice":
            assert contents(group.directory / name / "client" / "data") == expected
        if name == "carol":
            assert contents(group.directory / name / "client" / "keys") == contents(keys)
    data = group.directory / "alice" / "client" / "data"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (data, *data.rglob("*"))} == {OWNER}
    assert {path.stat().st_mode & 0o777 for path in data.rglob("*")} == {0o600, 0o700}
    charon = contents(group.directory / "carol" / "charon")
    assert charon == {name: (group.data_dirs[2] / name).read_bytes() for name in ("cluster-lock.json", "charon-enr-private-key")}


def test_the_whole_way(group, tree):
    group.write_inventory()
    before = tree(group.directory)
    plan = group.run("--check", "--diff", playbooks=LOAD)
    assert plan.count("+validator 0: key share 0x") == 2 and tree(group.directory) == before
    # What is done here is nobody's to do.
    assert "onceitisstartedagain" not in warned(group)
    check_files(group)
    assert [starts(group, name) for name in NAMES] == [1, 1, 1] and [state(group, name) for name in NAMES] == ["loaded"] * 3
    before = tree(group.directory)
    assert changed(group.run(playbooks=LOAD)) == dict.fromkeys(NAMES, 0) and tree(group.directory) == before
    told = group.run(playbooks=["playbooks/status.yml"])
    assert "lodestar at file://%s" % (group.directory / "alice" / "client" / "data") in told
    # Where it is read in place, nothing was written.
    assert "lodestar at file://%s" % (group.data_dirs[1] / "validator_keys") in told


def test_cut_off_before_the_restart(group):
    """It is started once for what was written, in whichever run that is; and that node alone fails."""
    (group.directory / "alice" / "client" / "broken").write_text("")
    for _again in range(2):
        done = group.attempt(playbooks=LOAD)
        counts = playbook.recap(done.stdout)
        assert done.returncode != 0 and [counts[name]["failed"] for name in NAMES] == [1, 0, 0]
        assert state(group, "alice") == "written" and [starts(group, name) for name in NAMES] == [0, 1, 1]
    (group.directory / "alice" / "client" / "broken").unlink()
    assert group.run("--check", playbooks=LOAD) and starts(group, "alice") == 0
    assert changed(group.run(playbooks=LOAD))["alice"] > 0
    check_files(group)
    assert [starts(group, name) for name in NAMES] == [1, 1, 1] and state(group, "alice") == "loaded"
    assert changed(group.run(playbooks=LOAD)) == dict.fromkeys(NAMES, 0)


def test_without_a_command(group):
    """Somebody has to start it: that is told, once."""
    for name in NAMES:
        group.hosts[name]["dv_keys_restart_command"] = []
    told = "has the key shares once it is started again".replace(" ", "")
    assert told in warned(group)
    assert [starts(group, name) for name in NAMES] == [0, 0, 0] and [state(group, name) for name in NAMES] == ["loaded"] * 3
    assert told not in warned(group)


def test_a_compose_setup_beside_the_data_directory(group):
    """The trap of a setup that reads the data directory, while the key shares go elsewhere."""
    for name in ("alice", "bob"):
        (group.directory / name / "docker-compose.yml").write_text("services: {}")
    printed = warned(group)
    for name, is_told in (("alice", True), ("bob", False)):
        assert ("%sliesbesidethedatadirectory" % (group.directory / name / "docker-compose.yml") in printed) == is_told
