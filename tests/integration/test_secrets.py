# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret leaves its node's directory: a whole run that is as talkative as Ansible can be, and a search for all of them."""

import base64
import json
import stat
import uuid

import pytest
from ansible_collections.obol.dv.tests.support import node_secrets, playbook, secret_scan

SECRET = bytes(range(0xD0, 0xF0))


def planted():
    """Ways in which a program lets a secret slip."""
    yield "raw", SECRET
    yield "hex", SECRET.hex().encode()
    yield "HEX", SECRET.hex().upper().encode()
    yield "number", json.dumps({"share": int.from_bytes(SECRET, "big")}).encode()
    yield "repr", repr({"key": SECRET}).encode()
    yield "json", json.dumps(SECRET.decode("latin-1")).encode()
    for shift in range(3):
        yield "base64 %d" % shift, base64.b64encode(bytes(range(shift)) + SECRET + b"more")
        yield "url-safe %d" % shift, base64.urlsafe_b64encode(bytes(range(shift)) + SECRET + b"more").rstrip(b"=")


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in planted()])
def test_a_planted_secret_is_found(content):
    assert secret_scan.search({"it": SECRET}, {"log": b"before" + content + b"after"}) == [("it", "log")]


def test_what_is_no_secret_is_not_found():
    assert secret_scan.search({"it": SECRET}, {"log": SECRET[:-1].hex().encode() + base64.b64encode(SECRET[1:])}) == []


class Run:
    """A whole run with everything switched on that tells something, and what was seen of it."""

    def __init__(self, directory):
        self.nodes = directory / "nodes"
        self.data_dirs = playbook.data_dirs(self.nodes)
        self.log, self.temporary, mark = directory / "ansible.log", directory / "ansible", uuid.uuid4().hex
        environment = {
            "ANSIBLE_LOG_PATH": self.log,
            "ANSIBLE_HOME": self.temporary,
            "ANSIBLE_REMOTE_TEMP": self.temporary / "remote",
            "ANSIBLE_KEEP_REMOTE_FILES": "1",
            "OBOL_DV_TEST": mark,
        }
        with secret_scan.Watch(lambda: secret_scan.marked(mark.encode()), self.data_dirs) as self.watch:
            self.done = playbook.attempt(["create-cluster.yml"], self.nodes, "-vvvv", "--diff", environment=environment)
        assert self.done.returncode == 0, self.done.stdout[-4000:]

    def secrets(self):
        """Every secret of every node: name -> bytes."""
        nodes = enumerate(self.data_dirs, 1)
        return {
            "node%d: %s" % (number, name): secret
            for number, data_dir in nodes
            for name, secret in node_secrets.of(data_dir, self.watch.seeds_of(data_dir))
        }

    def outside(self):
        """What may hold no secret at all: name -> bytes."""
        found = {
            "stdout": self.done.stdout.encode(),
            "stderr": self.done.stderr.encode(),
            "log": self.log.read_bytes(),
            **self.watch.seen,
            **secret_scan.files_below(self.nodes / "store"),
        }
        # Ansible's temporary files repeat the same modules over and over.
        lines = {line for content in secret_scan.files_below(self.temporary).values() for line in content.split(b"\n")}
        return {**found, "temporary files": b"\n".join(lines)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("secrets"))


def test_everything_was_looked_at(run):
    """The search is worth something: it has all that it should have."""
    secrets, outside = run.secrets(), run.outside()
    # ENR key, wallet with password, shares with password and its key, seed, HPKE keys; nonce, coefficients and values of two
    # polynomials.
    assert len(set(secrets.values())) == 4 * (1 + 2 + 4 + 1 + 2 * 4 + 2 * (1 + 3 + 4))
    assert b"Round finish" in outside["stdout"] and b"Round finish" in outside["log"]
    assert b"AnsiballZ_preflight.py" in outside["arguments"] and b"OBOL_DV_TEST" in outside["environments"]
    assert b"obol.dv.preflight" in outside["temporary files"] and b"share_index" in outside["temporary files"]
    found = secret_scan.search({"share": secrets["node1: ENR private key"]}, secret_scan.files_below(run.data_dirs[0]))
    assert found == [("share", str(run.data_dirs[0] / "charon-enr-private-key"))]


def test_no_secret_is_outside_of_its_node(run):
    assert secret_scan.search(run.secrets(), run.outside()) == []


def test_no_secret_is_on_another_node(run):
    secrets = run.secrets()
    for number, data_dir in enumerate(run.data_dirs, 1):
        others = {name: secret for name, secret in secrets.items() if not name.startswith("node%d:" % number)}
        assert secret_scan.search(others, secret_scan.files_below(data_dir.parent)) == []


def test_secrets_are_for_their_owner_only(run):
    """What is left of them, and all that stands beside them."""
    secrets = run.secrets()
    for data_dir in run.data_dirs:
        files = secret_scan.files_below(data_dir.parent)
        holding = {path for _name, path in secret_scan.search(secrets, files)}
        assert len(holding) == 1 + 1 + 2  # ENR key, wallet password, two keystore passwords
        holding |= {str(path) for path in data_dir.parent.glob("**/*.json") if path.parent.name == "validator_keys"}
        holding.add(str(data_dir.parent / "wallet.json"))
        for path in (data_dir.parent, *data_dir.parent.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            if path.is_dir():
                assert mode == 0o700, path
            elif str(path) in holding:
                assert mode == 0o600, path
            else:
                assert mode in (0o600, 0o444), path


def test_the_diff_shows_proposal_and_definition(run):
    for name in ("proposal.json", "cluster-definition.json"):
        text = (run.nodes / "store" / "local" / name).read_text()
        shown = [line for line in run.done.stdout.splitlines() if line.startswith("+")]
        assert "+" + text.splitlines()[0] in shown
