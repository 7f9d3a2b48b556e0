# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts to run on: each with sshd, a network, processes and a disk of its own, on this machine and as root, in half a second.

    with NetnsHosts(tmp_path / "hosts", ["node1", "node2"]) as hosts:
        playbook.run(..., inventory=hosts.inventory)

or, as molecule does, ``python tests/support/netns_hosts.py up DIRECTORY node1 node2`` and ``down DIRECTORY``.

They are below one process, in namespaces of its own, with a switch: when it ends, the kernel takes the hosts, their network
and their disks away, and the machine has never seen any of them. A host is a process in there with namespaces of its own: a
cable to the switch, and a disk that shows what this machine has and keeps its changes to itself (overlay on a tmpfs).
Nothing leads out. This machine reaches the hosts with ssh through a ProxyCommand, its disks below ``/proc``.
"""

import argparse
import contextlib
import json
import os
import pathlib
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time

#: What they need: programs and the Debian packages that they are in.
PROGRAMS = {
    "ip": "iproute2",
    "nc": "netcat-openbsd",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "sshd": "openssh-server",
    "sudo": "sudo",
    "unshare": "util-linux",
    "useradd": "passwd",
}

#: Seconds that something may take on a busy machine. A deadline, never a measure of speed.
DEADLINE = 60

# $1 the directory of all, $2 the network's prefix. A shell asks /proc before it forks: the process id is that of the machine.
_SWITCH = """
set -e
read -r pid _ < /proc/self/stat
mount -t tmpfs -o mode=0755 disks "$1/disks"
ip link set lo up
ip link add switch type bridge
ip address add "$2.254/24" dev switch
ip link set switch up
echo "$pid" > "$1/pid.new"
mv "$1/pid.new" "$1/pid"
exec sleep infinity
"""

# $1 the host's directory, on the tmpfs of all disks, $2 its name, $3 its address. Its cable is plugged in from outside.
_HOST = """
set -e
read -r pid _ < /proc/self/stat
cd "$1"
mountpoint -q root || exit 1
mount -t proc proc root/proc
mount -t tmpfs -o mode=0755 run root/run
mount -t tmpfs -o mode=0755 dev root/dev
for device in null zero full random urandom tty; do
    touch "root/dev/$device"
    mount --bind "/dev/$device" "root/dev/$device"
done
mkdir -p root/dev/pts root/dev/shm root/run/sshd
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts root/dev/pts
mount -t tmpfs -o mode=1777 shm root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
hostname "$2"
ip link set lo up
echo "$pid" > pid.new
mv pid.new pid
until ip link set eth0 up 2>/dev/null; do sleep 0.02; done
ip address add "$3/24" dev eth0
exec env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot root /usr/sbin/sshd -D -e
"""

_SSHD = """
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
MaxStartups 100
Subsystem sftp internal-sftp
"""


class HostsError(Exception):
    """There can be no such hosts, here or now."""


def why_not():
    """Why there can be no such hosts here; empty if there can."""
    if os.geteuid():
        return "test hosts need root"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = {program for program in PROGRAMS if not shutil.which(program, path=path)}
    if missing:
        packages = sorted({PROGRAMS[program] for program in missing})
        return "test hosts need %s (Debian: apt install %s)" % (", ".join(sorted(missing)), " ".join(packages))
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True, check=False)
    return "test hosts need namespaces: %s" % tried.stderr.strip() if tried.returncode else ""


class NetnsHosts:
    """Some hosts. As a context they end with it, and with the process that made them, however that ends.

    :param directory: for them alone, made if it is not there: keys, inventory, logs. The hosts do not see it
    :param names: the hosts; none for those that are up in this directory
    :param user: whom ssh logs in as; another than root is made on every host, without any rights there but its own
    """

    def __init__(self, directory, names=(), user="root"):
        self.directory = pathlib.Path(directory).resolve()
        self.names = list(names)
        self.user = user
        self._processes = []
        if not names and self.inventory.exists():
            self.names = list(self.hosts)
            self.user = next(iter(self.hosts.values()))["ansible_user"]

    def __enter__(self):
        self.up(_forsake=False)
        return self

    def __exit__(self, *_unused):
        self.down()

    @property
    def inventory(self):
        """The path of an inventory with the variables that reach each host, to be given beside one's own (``-i`` twice)."""
        return self.directory / "inventory.json"

    @property
    def hosts(self):
        """The variables that reach each host: a mapping from its name to its ``ansible_*``."""
        return json.loads(self.inventory.read_text())["all"]["hosts"]

    @property
    def log(self):
        """The path of what every sshd has logged."""
        return self.directory / "log"

    @property
    def network(self):
        """The beginning of a command that runs on this machine, but in the network of the hosts."""
        return ["nsenter", "--net=/proc/%d/ns/net" % self._pid()]

    def path(self, name, path="/"):
        """Where this machine finds a path of a host's disk, also while the host is off. Never through its symbolic links."""
        return self._disk(name) / "root" / str(path).lstrip("/")

    def changes(self, name):
        """Where this machine finds what a host has changed on its disk, and nothing else."""
        return self._disk(name) / "upper"

    def inside(self, name, path="/"):
        """Where this machine finds a path as the processes of a host see it, as long as it is on: ``/proc``, ``/dev`` and all."""
        return pathlib.Path("/proc/%d/root" % self._pid_of(name)) / str(path).lstrip("/")

    def run(self, name, command, check=True, **options):
        """Run a command (list) on a host, as root and without ssh: the ``subprocess.CompletedProcess``."""
        enter = ["nsenter", "--target", str(self._pid_of(name)), "--all", "--root", "--wd", "--"]
        options = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "timeout": DEADLINE, **options}
        return subprocess.run([*enter, *map(str, command)], check=check, **options)

    def up(self, _forsake=True):
        """Bring the hosts up, whatever was in their directory before.

        :raises HostsError: they cannot be here, or one does not answer
        """
        reason = why_not()
        if reason:
            raise HostsError(reason)
        self.down()
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "disks").mkdir(parents=True, mode=0o700)
        self.directory.chmod(0o700)
        # Another network each time: a connection that ssh kept open to hosts of before is not taken for one of these.
        prefix = "10.%d.%d" % (100 + secrets.randbelow(100), secrets.randbelow(256))
        self._start_switch(prefix, _forsake)
        try:
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hosts", "-f", self.directory / "key")
            self._write_inventory(prefix)
            for name in self.names:
                self._make_disk(name)
            for name in self.names:
                self._start(name)
            for name in self.names:
                self._wait_for(name)
        except BaseException:
            self.down()
            raise

    def down(self):
        """Take the hosts away, if they are there."""
        with contextlib.suppress(HostsError):
            _kill(self._pid())
        while self._processes:
            self._processes.pop().wait(DEADLINE)
        (self.directory / "pid").unlink(missing_ok=True)

    def partition(self, name):
        """Pull the cable of a host: nothing reaches it, and it does not know."""
        _run(*self.network, "ip", "link", "set", self._port(name), "down")

    def heal(self, name):
        """Plug it in again."""
        _run(*self.network, "ip", "link", "set", self._port(name), "up")

    def kill(self, name):
        """Cut a host's power: every process of it ends at once, its disk stays."""
        _kill(self._pid_of(name))
        (self._disk(name) / "pid").unlink()

    def restart(self, name):
        """Start a host on the disk it has, after :meth:`kill` or instead of it."""
        if (self._disk(name) / "pid").exists():
            self.kill(name)
        self._start(name)
        self._wait_for(name)

    def _pid(self):
        """The process of all hosts. Only ours: a number in a file may by now be that of a process of somebody else."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.directory / "pid").read_text())
            if self._mark.encode() in pathlib.Path("/proc/%d/environ" % pid).read_bytes().split(b"\0"):
                return pid
        raise HostsError("no hosts are up in %s" % self.directory)

    @property
    def _mark(self):
        return "OBOL_DV_HOSTS=%s" % self.directory

    def _start_switch(self, prefix, forsake):
        owned = [] if forsake else ["setpriv", "--pdeathsig", "KILL"]
        unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        self._spawn([*owned, *unshare, "sh", "-c", _SWITCH, "switch", self.directory, prefix])
        _wait((self.directory / "pid").exists, "the switch of the hosts", self.log)

    def _spawn(self, command):
        key, _equals, value = self._mark.partition("=")
        with open(self.log, "a", encoding="utf-8") as log:
            process = subprocess.Popen(
                list(map(str, command)),
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", key: value},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)

    def _disk(self, name):
        return pathlib.Path("/proc/%d/root%s/disks/%s" % (self._pid(), self.directory, name))

    def _pid_of(self, name):
        try:
            return int((self._disk(name) / "pid").read_text())
        except FileNotFoundError:
            raise HostsError("%s is off" % name) from None

    def _port(self, name):
        return "port%d" % (1 + self.names.index(name))

    def _write_inventory(self, prefix):
        options = {
            "UserKnownHostsFile": self.directory / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "ServerAliveInterval": 5,
            "ServerAliveCountMax": 3,
            # Its errors would keep a pipe of the caller open for as long as it tries, after ssh has given up.
            "ProxyCommand": "%s nc %%h %%p 2> /dev/null" % " ".join(self.network),
        }
        arguments = ["-F", "none", *("-o%s=%s" % option for option in options.items())]
        hosts = {
            name: {
                "ansible_connection": "ssh",
                "ansible_host": "%s.%d" % (prefix, number),
                "ansible_user": self.user,
                "ansible_ssh_private_key_file": str(self.directory / "key"),
                "ansible_ssh_common_args": shlex.join(arguments),
                # The hosts see this machine's programs: this Python has all that a node needs. See the role runtime for
                # how real nodes come to theirs.
                "ansible_python_interpreter": sys.executable,
            }
            for number, name in enumerate(self.names, 1)
        }
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}, indent=2))

    def _make_disk(self, name):
        disk, root = self._disk(name), self.path(name)
        inner = self.directory / "disks" / name
        for each in ("upper", "work", "root"):
            (disk / each).mkdir(parents=True)
        options = "lowerdir=/,upperdir=%s/upper,workdir=%s/work" % (inner, inner)
        enter = ["nsenter", "--target", self._pid(), "--mount"]
        _run(*enter, "mount", "-t", "overlay", "-o", options, "overlay", inner / "root")
        # Their directory is not on the host; nor is what this machine's root has set up for itself.
        shutil.rmtree(str(root) + str(self.directory))
        for file in filter(pathlib.Path.is_file, (root / "root").iterdir()):
            file.unlink()
        ssh = root / "etc" / "ssh"
        shutil.rmtree(ssh)
        ssh.mkdir()
        (ssh / "sshd_config").write_text(_SSHD)
        shutil.copy(self.directory / "key.pub", ssh / "authorized_keys")
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", ssh / "ssh_host_ed25519_key")
        public = (ssh / "ssh_host_ed25519_key.pub").read_text()
        with open(self.directory / "known_hosts", "a", encoding="utf-8") as known:
            known.write("%s %s" % (self.hosts[name]["ansible_host"], public))
        if self.user != "root":
            _run(*enter, "chroot", inner / "root", "useradd", "--create-home", "--password", "*", "--shell", "/bin/sh", self.user)
            # It uses this Python, which may be in root's home.
            for prefix in (sys.prefix, sys.base_prefix):
                for folder in [root / prefix.lstrip("/"), *(root / prefix.lstrip("/")).parents]:
                    if folder != root and root in folder.parents and not folder.stat().st_mode & 0o001:
                        folder.chmod(folder.stat().st_mode | 0o011)

    def _start(self, name):
        port, disk = self._port(name), self._disk(name)
        # It keeps its network card: others know its address, and go on talking to that one.
        card = "02:00:00:00:00:%02x" % (1 + self.names.index(name))
        inner = self.directory / "disks" / name
        enter = ["nsenter", "--target", self._pid(), "--mount", "--pid"]
        unshare = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        self._spawn([*enter, *unshare, "sh", "-c", _HOST, "host", inner, name, self.hosts[name]["ansible_host"]])
        _wait((disk / "pid").exists, "host %s" % name, self.log)
        # The cable of before goes with the host that was killed, but not at once.
        subprocess.run([*self.network, "ip", "link", "delete", port], capture_output=True, check=False)
        cable = ["type", "veth", "peer", "name", "eth0", "address", card, "netns", self._pid_of(name)]
        _run(*self.network, "ip", "link", "add", port, *cable)
        _run(*self.network, "ip", "link", "set", port, "master", "switch", "up")

    def _wait_for(self, name):
        knock = [*self.network, "nc", "-z", "-w", "1", self.hosts[name]["ansible_host"], "22"]
        _wait(lambda: subprocess.run(knock, check=False).returncode == 0, "sshd of %s" % name, self.log)


def _run(*command):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostsError("%s: %s" % (" ".join(map(str, command)), done.stderr.strip()))


def _kill(pid):
    """Kill the first process of a pid namespace, with it all others in there, and wait until they are gone."""
    with contextlib.suppress(ProcessLookupError):
        gone = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(gone, signal.SIGKILL)
            _wait(lambda: not _alive(pid), "the end of process %d" % pid)
        finally:
            os.close(gone)


def _alive(pid):
    """Whether a process is there and no zombie."""
    with contextlib.suppress(OSError):
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _wait(condition, what, log=None):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise HostsError("%s: not within %d s\n%s" % (what, DEADLINE, log.read_text()[-4000:] if log else ""))
        time.sleep(0.02)


def main():
    parser = argparse.ArgumentParser(description="Hosts to run on, on this machine.")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("can", help="Whether there can be such hosts here; if not, why.")
    for action in ("up", "down", "run", "partition", "heal", "kill", "restart"):
        arguments = actions.add_parser(action, help=(getattr(NetnsHosts, action).__doc__ or "").partition("\n")[0])
        arguments.add_argument("directory")
        if action == "up":
            arguments.add_argument("names", nargs="+")
            arguments.add_argument("--user", default="root")
        elif action != "down":
            arguments.add_argument("name")
        if action == "run":
            arguments.add_argument("command", nargs=argparse.REMAINDER)
    given = vars(parser.parse_args())
    action = given.pop("action")
    if action == "can":
        sys.exit(why_not() or 0)
    directory = given.pop("directory")
    try:
        if action == "up":
            NetnsHosts(directory, **given).up()
        elif action == "run":
            options = {"check": False, "capture_output": False, "stdin": None}
            sys.exit(NetnsHosts(directory).run(given["name"], given["command"], **options).returncode)
        else:
            getattr(NetnsHosts(directory), action)(*given.values())
    except HostsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
