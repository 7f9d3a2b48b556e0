# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret leaves its node over ssh either, and not when things go wrong: a control node, nodes and a git server, all of whose
disks, logs and processes are searched.

The ceremony: the server refuses a message, a node loses its power, its operator deals a wrong share, is accused with evidence,
and a second attempt ends well. Then a node is restored from its backup.
"""

import contextlib
import json
import re
import secrets
import socket
import sys
import threading

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import hpke, jws
from ansible_collections.obol.dv.plugins.module_utils.data_dir import node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.dkg.protocol import encoding
from ansible_collections.obol.dv.plugins.module_utils.encoding import base64url
from ansible_collections.obol.dv.tests.support import node_secrets, secret_scan
from ansible_collections.obol.dv.tests.support.netns_hosts import HostsError
from ansible_collections.obol.dv.tests.support.playbook import ROOT

NODES = ("node1", "node2", "node3")
#: A node's own directory: the one place on its disk for its secrets.
OWN = "/var/lib/charon"
#: What the control node is given: inventory, key, who is known.
CONTROL = "/root/ceremony"
REPOSITORY = "/srv/ceremonies.git"

REFUSE = """#!/bin/sh
read -r old new name
! git log -1 --format=%B "$new" | grep -q 'deal of operator 2'
"""
#: Puts the file $1 into the repository as $2; takes $2 away without $1.
PUSH = """
cd "$(mktemp --directory)"
git clone --quiet "$0" .
mkdir -p "$(dirname "$2")"
if [ -n "$1" ]; then cp "$1" "$2"; else rm "$2"; fi
git add --all
git -c user.name=x -c user.email=x@localhost commit --quiet --message="$2"
git push --quiet
"""
#: A task that lets its secret slip. It lives long enough to be seen.
CARELESS = """
- name: Carelessness
  hosts: dv_nodes
  gather_facts: false
  tasks:
    - name: A secret in a command and in its environment
      ansible.builtin.shell: echo {{ secret }} > /var/tmp/slipped; sleep 2
      environment:
        SLIPPED: "{{ secret }}"
"""


class Syslog:
    """What the programs of a host tell its system log, ``messages``; to be entered while the host is on."""

    def __init__(self, path):
        self._path, self.messages = path, []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self):
        self._socket.bind(str(self._path))
        self._path.chmod(0o666)
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._socket.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._socket.close()

    def _listen(self):
        while message := self._socket.recv(2**20):
            self.messages.append(message)


class Site:
    """The hosts, what is done with them, and what was seen of it."""

    def __init__(self, hosts, logs):
        self.hosts, self._logs = hosts, logs
        self.data_dirs = {name: hosts.path(name, OWN + "/.charon") for name in NODES}
        self.watch = secret_scan.Watch(self._processes, self.data_dirs.values())
        self.syslogs, self.runs, self.identity = [], [], pyrage.x25519.Identity.generate()
        for name in hosts.names:
            self._listen(name)
        hosts.run("server", ["git", "init", "--quiet", "--bare", "--initial-branch=main", REPOSITORY])
        self._write_control_node()

    def _write_control_node(self):
        """The key, the known hosts, and the nodes; all else is as in the scenarios of molecule."""
        place = self.hosts.path("control", CONTROL)
        place.mkdir(mode=0o700, parents=True)
        for name in ("key", "known_hosts"):
            (place / name).write_bytes((self.hosts.directory / name).read_bytes())
        (place / "key").chmod(0o600)
        address = {name: host["ansible_host"] for name, host in self.hosts.hosts.items()}
        variables = {
            "ansible_ssh_private_key_file": CONTROL + "/key",
            "ansible_ssh_common_args": "-F none -oServerAliveInterval=5 -oUserKnownHostsFile=%s/known_hosts" % CONTROL,
            "ansible_python_interpreter": sys.executable,
            "dv_store": "git+ssh://root@%s%s" % (address["server"], REPOSITORY),
            "dv_store_options": {"ssh_key_file": CONTROL + "/key", "known_hosts_file": CONTROL + "/known_hosts"},
            "dv_backup_recipients": [str(self.identity.to_public())],
            "dv_backup_dest": CONTROL + "/backups",
        }
        hosts = {name: {"ansible_host": address[name], "ansible_user": "root"} for name in NODES}
        group = {"hosts": hosts, "vars": variables}
        (place / "hosts.yml").write_text(json.dumps({"dv_nodes": {"children": {"tested": group}}}))

    def _listen(self, name):
        self.syslogs.append(self._logs.enter_context(Syslog(self.hosts.inside(name, "/dev/log"))))

    def _processes(self):
        for name in self.hosts.names:
            with contextlib.suppress(HostsError):  # it is off
                yield from self.hosts.inside(name, "/proc").glob("[0-9]*")

    # What is done

    def run(self, playbook, *arguments, **environment):
        """Run a playbook on the control node, as talkative as Ansible can be: the ``subprocess.CompletedProcess``."""
        command = [sys.executable, "-m", "ansible", "playbook", "-vvvv", "--diff"]
        command += ["-i", ROOT / "extensions" / "molecule" / "inventory", "-i", CONTROL + "/hosts.yml"]
        environment = {
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": CONTROL + "/facts",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_KEEP_REMOTE_FILES": "1",
            "ANSIBLE_LOG_PATH": CONTROL + "/ansible.log",
            "ANSIBLE_NOCOLOR": "1",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **environment,
        }
        done = self.hosts.run("control", [*command, *arguments, playbook], check=False, env=environment, timeout=900)
        self.runs.append(done)
        return done

    def write(self, host, path, text):
        self.hosts.path(host, path).write_text(text)

    def push(self, name, text=None):
        """Put a file into the git repository, or take it away."""
        if text is not None:
            self.write("server", "/root/pushed", text)
        self.hosts.run("server", ["sh", "-ec", PUSH, REPOSITORY, "" if text is None else "/root/pushed", name])

    def ceremony(self):
        hook = self.hosts.path("server", REPOSITORY + "/hooks/pre-receive")
        hook.write_text(REFUSE)
        hook.chmod(0o755)
        done = self.run("obol.dv.create_cluster")
        assert done.returncode == 2 and "(pre-receive hook declined)" in done.stdout, done.stdout[-4000:]
        hook.unlink()
        self.hosts.kill("node2")
        (sent,) = self.data_dirs["node2"].glob("ceremony/*/1/out/deal.jws")
        sent.write_text(self._wrong(sent.read_text()))
        self.push("tested/dkg/%s/1/deal/2.jws" % sent.parts[-4], sent.read_text())
        done = self.run("obol.dv.dkg")
        assert done.returncode == 4 and "operator 2 is to blame (deal.share)" in " ".join(done.stdout.split()), done.stdout[-4000:]
        self.hosts.restart("node2")
        self._listen("node2")
        done = self.run("obol.dv.create_cluster", "-e", "dv_dkg_attempt=2")
        assert done.returncode == 0 and "Cluster tested on hoodi is complete" in done.stdout, done.stdout[-4000:]
        assert self.run("obol.dv.status").returncode == 0
        self._restore("node3")

    def _restore(self, name):
        """Destroy what a node has, and restore it by the identity, which is on no other host."""
        self.hosts.run(name, ["rm", "-r", OWN + "/.charon", OWN + "/backups"])
        path = self.hosts.path(name, OWN + "/dv-backup-key.txt")
        path.write_text("%s\n" % self.identity)
        path.chmod(0o600)
        variables = {"dv_restore_identity_file": OWN + "/dv-backup-key.txt", "dv_old_machine_is_dead": name}
        done = self.run("obol.dv.restore", "--limit", name, "-e", json.dumps(variables))
        assert done.returncode == 0, done.stdout[-4000:]
        assert self.data_dirs[name].joinpath("cluster-lock.json").exists()

    def _wrong(self, text):
        """What operator 2 dealt, with nothing good for operator 1, and signed by itself."""
        message = jws.split(text)
        fields = json.loads(base64url.from_base64(message.payload))
        ciphertexts = bytearray(base64url.from_base64(fields["ciphertexts"]))
        ciphertexts[hpke.OVERHEAD] ^= 1
        payload = encoding.to_json({**fields, "ciphertexts": base64url.to_base64(bytes(ciphertexts))}).encode()
        return jws.sign(node_key.read(DataDir(self.data_dirs["node2"])), base64url.from_base64(message.header), payload)

    def slip(self, secret):
        """Let a secret (text) slip in every way that is looked at."""
        self.write("control", CONTROL + "/careless.yml", CARELESS)
        assert self.run(CONTROL + "/careless.yml", "-e", "secret=" + secret, SLIPPED=secret).returncode == 0
        self.push("tested/slipped", secret)
        self.push("tested/slipped")
        jws_like = ".".join(base64url.to_base64(part) for part in (b"{}", json.dumps({"key": secret}).encode(), b"signature"))
        self.push("tested/message.jws", jws_like)
        self.push("tested/message.jws")
        address, key = self.hosts.hosts["node1"]["ansible_host"], CONTROL + "/key"
        options = ["-F", "none", "-oBatchMode=yes", "-oUserKnownHostsFile=%s/known_hosts" % CONTROL, "-i", key]
        self.hosts.run("control", ["ssh", *options, "%s@%s" % (secret, address), "true"], check=False)

    # What is searched

    def secrets_of(self, name):
        """Every secret of a node: name -> bytes."""
        return dict(node_secrets.of(self.data_dirs[name], self.watch.seeds_of(self.data_dirs[name])))

    def disk(self, name):
        """What a host has written, on its disk and in its memory: path -> bytes."""
        changes = self.hosts.changes(name)
        found = {path.removeprefix(str(changes)): content for path, content in secret_scan.files_below(changes).items()}
        for place in ("/dev/shm", "/run"):
            found |= secret_scan.files_below(self.hosts.inside(name, place))
        return found

    @property
    def history(self):
        """Every object that the git repository has ever held, and what the messages among them say."""
        command = ["git", "-C", REPOSITORY, "cat-file", "--batch-all-objects", "--batch"]
        objects = self.hosts.run("server", command, text=False).stdout
        payloads = re.findall(rb"(?m)^[\w-]+\.([\w-]+)\.[\w-]+$", objects)
        return {"objects": objects, "payloads": b"\n".join(base64url.from_base64(payload.decode()) for payload in payloads)}

    @property
    def told(self):
        """What runs printed, and logs hold."""
        return {
            "output": "\n".join(done.stdout + done.stderr for done in self.runs).encode(),
            "system log": b"\n".join(message for log in self.syslogs for message in log.messages),
            "sshd": self.hosts.log.read_bytes(),
        }

    @property
    def outside(self):
        """Everything that may hold no secret of any node, but for the nodes' own disks."""
        disks = {"%s:%s" % (name, path): content for name in ("control", "server") for path, content in self.disk(name).items()}
        return {**disks, **self.history, **self.told, **self.watch.seen}


@pytest.fixture(scope="module")
def planted():
    return secrets.token_hex(32)


@pytest.fixture(scope="module")
def site(netns_hosts, planted):
    """A ceremony that ended well after all, and then somebody's carelessness."""
    with netns_hosts("control", "server", *NODES) as hosts, contextlib.ExitStack() as logs:
        site = Site(hosts, logs)
        with site.watch:
            site.ceremony()
            site.slip(planted)
        yield site


def test_everything_was_looked_at(site, planted):
    """The search is worth something: it finds what slipped, in each of its places and in no other form than it should."""
    slipped = {"planted": bytes.fromhex(planted)}
    found = {place for _name, place in secret_scan.search(slipped, site.outside)}
    assert {*site.history, *site.told, *site.watch.seen, "control:%s/ansible.log" % CONTROL} <= found
    for name in NODES:
        found = {place for _name, place in secret_scan.search(slipped, site.disk(name))}
        assert "/var/tmp/slipped" in found and any(place.startswith("/root/.ansible/tmp/") for place in found)


def test_nothing_of_ours_is_in_a_system_log(site):
    """Neither the messages that a module is given, nor what somebody names by mistake."""
    messages = [message for log in site.syslogs for message in log.messages]
    assert any(b"Invoked with" in message for message in messages)
    assert not any(b"obol.dv" in message for message in messages)


def test_no_secret_is_outside_of_its_node(site):
    """But for one that an abort has to show: the key that opens what the accused dealt to the accuser, and nothing else."""
    outside = site.outside
    for name in NODES:
        found = secret_scan.search(site.secrets_of(name), outside)
        halves = [("%s half of the HPKE key for operator 2, attempt 1" % half, "payloads") for half in ("ML-KEM", "X25519")]
        assert found == (halves if name == "node1" else [])


def test_who_can_open_the_backups_is_on_one_node_alone(site):
    identity = {"identity": str(site.identity).encode()}
    assert secret_scan.search(identity, site.outside) == []
    found = {name: [place for _name, place in secret_scan.search(identity, site.disk(name))] for name in NODES}
    assert found == {"node1": [], "node2": [], "node3": [OWN + "/dv-backup-key.txt"]}


def test_no_secret_is_elsewhere_on_a_node(site):
    """Of its own, none beside its own directory; of the others, none at all."""
    for name in NODES:
        found = secret_scan.search(site.secrets_of(name), site.disk(name))
        assert found and {place for _name, place in found if not place.startswith(OWN + "/")} == set()
        for other in set(NODES) - {name}:
            assert secret_scan.search(site.secrets_of(other), site.disk(name)) == []


def test_all_secrets_are_searched_for(site):
    """ENR key, wallet with password, shares with password and its key; of each attempt a seed, three HPKE keys, nonces, coefficients, values."""
    for name in NODES:
        assert len(set(site.secrets_of(name).values())) == 1 + 2 + 4 + 2 * (1 + 2 * 3 + 2 * (1 + 2 + 3))
