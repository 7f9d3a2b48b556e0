# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test hosts: what happens on one of them stays there, and they leave nothing behind."""

import pathlib
import shlex
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.tests.support import playbook, stock_charon
from ansible_collections.obol.dv.tests.support.netns_hosts import HostsError

#: Brings one up, says which is the first process of its host, and waits to be killed.
OWNER = """
import sys, time
from tests.support.netns_hosts import NetnsHosts
with NetnsHosts(sys.argv[1], ["node1"]) as hosts:
    print((hosts.path("node1").parent / "pid").read_text().strip(), flush=True)
    time.sleep(600)
"""


def ssh(hosts, name, command):
    """Run a shell command on a host, reached as Ansible reaches it: the ``subprocess.CompletedProcess``."""
    host = hosts.hosts[name]
    reach = [*shlex.split(host["ansible_ssh_common_args"]), "-oConnectTimeout=3", "-i", host["ansible_ssh_private_key_file"]]
    return subprocess.run(
        ["ssh", *reach, "%s@%s" % (host["ansible_user"], host["ansible_host"]), command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_host_has_name_disk_and_processes_of_its_own(netns_hosts):
    with netns_hosts("node1", "node2") as hosts:
        for name in hosts.names:
            command = "hostname; echo %s > /etc/obol-dv-host; ps -e -o comm= | grep -c sleep; ls -A %s"
            done = ssh(hosts, name, command % (name, hosts.directory))
            assert done.stdout.split() == [name, "0"], done.stderr
            assert hosts.run(name, ["sh", "-c", "hostname; /bin/pwd; cat etc/obol-dv-host"]).stdout.split() == [name, "/", name]
            assert (hosts.changes(name) / "etc/obol-dv-host").exists() and (hosts.inside(name, "/proc") / "1/comm").exists()
        assert hosts.path("node2", "/etc/obol-dv-host").read_text() == "node2\n"
        assert not pathlib.Path("/etc/obol-dv-host").exists()


def test_a_user_without_rights(netns_hosts):
    with netns_hosts("node1", user="dv") as hosts:
        assert ssh(hosts, "node1", "id -un; ls /root").stdout == "dv\n"
        assert ssh(hosts, "node1", "%s -c 'import cryptography'" % shlex.quote(sys.executable)).returncode == 0


def test_only_the_host_with_the_known_key_is_talked_to(netns_hosts):
    with netns_hosts("node1") as hosts:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hosts.directory / "other"], check=True)
        address = hosts.hosts["node1"]["ansible_host"]
        (hosts.directory / "known_hosts").write_text("%s %s" % (address, (hosts.directory / "other.pub").read_text()))
        assert "Host key verification failed" in ssh(hosts, "node1", "true").stderr


def test_a_cable_pulled_and_a_power_cut(netns_hosts):
    with netns_hosts("node1", "node2") as hosts, netns_hosts("node1") as others:
        hosts.partition("node1")
        assert [ssh(hosts, name, "true").returncode for name in hosts.names] == [255, 0]
        assert ssh(others, "node1", "true").returncode == 0
        hosts.heal("node1")
        assert ssh(hosts, "node1", "echo kept > /var/kept").returncode == 0
        knock = ["nc", "-z", "-w", "5", hosts.hosts["node1"]["ansible_host"], "22"]
        hosts.run("node2", knock)
        hosts.kill("node1")
        assert [ssh(hosts, name, "true").returncode for name in hosts.names] == [255, 0]
        with pytest.raises(HostsError, match="node1 is off"):
            hosts.run("node1", ["true"])
        assert hosts.path("node1", "/var/kept").read_text() == "kept\n"
        hosts.restart("node1")
        hosts.run("node2", knock)
        assert ssh(hosts, "node1", "cat /var/kept").stdout == "kept\n"


def test_they_end_with_the_process_that_made_it(netns_hosts):
    hosts = netns_hosts("node1")
    with subprocess.Popen([sys.executable, "-c", OWNER, hosts.directory], cwd=playbook.ROOT, stdout=subprocess.PIPE, text=True) as owner:
        first = pathlib.Path("/proc") / owner.stdout.readline().strip()
        assert hosts.path("node1", "/etc").is_dir() and first.exists()
        owner.kill()
    stock_charon.wait_for(lambda: not first.exists(), "the end of the host")
    with pytest.raises(HostsError, match="no hosts are up"):
        hosts.path("node1")
