# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to stores on an SFTP server: OpenSSH's, and a hostile one of Paramiko's."""

import logging
import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores import sftp as sftp_store
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from ansible_collections.obol.dv.tests.support.store_media import SftpMedium, make_key

paramiko = pytest.importorskip("paramiko")

DKG = "dkg/%s/1" % ("ab" * 32)
NAME = DKG + "/deal/3.jws"
LARGE = 60 * 2**20


@pytest.fixture
def medium(make_medium):
    return make_medium("sftp")


def refused(medium, *words, **options):
    """Put something, which is refused in one line that holds ``words``."""
    with pytest.raises(DvError) as caught, medium.open(**options) as store:
        store.put({NAME: "text"})
    text = str(caught.value)
    assert all(word in text for word in words) and text.isprintable(), text


def files_below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def test_host_keys_are_known_beforehand(medium, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    name, kind, key = known_hosts.read_text().split()
    make_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text().split()[1]
    for lines, words in (
        ("", "not found in known_hosts"),
        ("127.0.0.1 %s %s\n" % (kind, key), "not found in known_hosts"),
        ("%s %s %s\n" % (name, kind, other), "does not match"),
        ("%s %s %s\n" % (name, kind, key[:-7]), "cannot open"),
    ):
        known_hosts.write_text(lines)
        refused(medium, "cannot open the store sftp://", words, "wanted: a server whose key is in %s" % known_hosts)
        assert known_hosts.read_text() == lines
    known_hosts.unlink()
    refused(medium, "No such file", str(known_hosts))
    assert not known_hosts.exists()


def test_hashed_host_keys(medium, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known_hosts], stderr=subprocess.DEVNULL, check=True)
    assert "127.0.0.1" not in known_hosts.read_text()
    with medium.open() as store:
        assert store.list() == []


def test_keys_of_users(medium, tmp_path):
    make_key(tmp_path / "other")
    refused(medium, "cannot open the store", "Authentication failed", ssh_key_file=str(tmp_path / "other"))
    refused(medium, "No such file", ssh_key_file=str(tmp_path / "none"))
    (tmp_path / "none").write_text("no key")
    refused(medium, "cannot open the store", ssh_key_file=str(tmp_path / "none"))


def test_no_server(medium):
    medium.server.close()
    refused(medium, "cannot open the store", "connect")


def test_a_rename_never_replaces(medium, monkeypatch):
    """Somebody else is there between our look and our rename."""
    medium.plant(NAME, b"theirs")
    exists, asked = sftp_store.SftpStore._exists, []

    def too_early(store, path):
        asked.append(path)
        return exists(store, path) and not (path.endswith("3.jws") and len(asked) == 1)

    monkeypatch.setattr(sftp_store.SftpStore, "_exists", too_early)
    refused(medium, "another deal of operator 3")
    assert asked[0].endswith(NAME) and (medium.place / NAME).read_bytes() == b"theirs"
    assert files_below(medium.place) == [NAME]


def _put(medium, text):
    with medium.open() as store:
        store.put({NAME: text})


def upload(medium):
    """Begin to put a large file in a process of its own; the process, in the middle of it."""
    process = multiprocessing.get_context("fork").Process(target=_put, args=(medium, "x" * LARGE))
    process.start()
    while not any(path.stat().st_size for path in medium.place.rglob(".*.part")):
        time.sleep(0.005)
        assert process.is_alive()
    return process


def test_a_killed_upload(medium):
    process = upload(medium)
    process.kill()
    process.join()
    assert not (medium.place / NAME).exists() and len(files_below(medium.place)) == 1
    with medium.open() as store:
        assert store.list() == []
        assert store.put({NAME: "x" * LARGE}) == [NAME]
    assert (medium.place / NAME).stat().st_size == LARGE


def test_a_server_that_goes_away(medium, capfd):
    with medium.open() as store:
        problems = []

        def put():
            try:
                store.put({NAME: "x" * LARGE})
            except DvError as error:
                problems.append(str(error))

        thread = threading.Thread(target=put)
        thread.start()
        while not any(path.stat().st_size for path in medium.place.rglob(".*.part")):
            time.sleep(0.005)
        medium.server.kill_sessions()
        thread.join()
    (problem,) = problems
    assert problem.startswith("cannot write %s in the store sftp://" % NAME) and problem.isprintable()
    assert not (medium.place / NAME).exists()
    assert "Traceback" not in "".join(capfd.readouterr())
    with medium.open() as store:
        assert store.put({NAME: "text"}) == [NAME]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk(medium):
    medium.place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", medium.place], check=True)
    try:
        with medium.open() as store:
            for size in (1_200_000, 3_000_000):
                with pytest.raises(DvError, match="cannot write %s in the store .*: Failure" % NAME):
                    store.put({NAME: "x" * size})
                assert files_below(medium.place) == []
            assert store.put({NAME: "x" * 500_000}) == [NAME]
            with pytest.raises(DvError, match="cannot write proposal.json"):
                store.put({"proposal.json": "x" * 600_000})
        assert files_below(medium.place) == [NAME]
    finally:
        subprocess.run(["umount", medium.place], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_path_that_is_not_ours(medium):
    medium.place.mkdir(mode=0o500)
    refused(medium, "cannot write", "Permission denied")


def test_something_in_the_place_of_a_folder(medium):
    medium.plant("dkg", b"a file")
    refused(medium, "cannot write", "is no directory")
    (medium.place / "dkg").unlink()
    medium.plant_link("dkg", medium.place.parent)
    refused(medium, "cannot write", "is no directory")


@pytest.mark.skipif(os.geteuid() != 0, reason="sshd changes its root for root only")
def test_a_server_that_shows_a_part_of_itself(tmp_path):
    # No directory above it may be writable for others.
    with tempfile.TemporaryDirectory(dir="/run") as root:
        os.chmod(root, 0o755)
        medium = SftpMedium(tmp_path, ChrootDirectory=root, ForceCommand="internal-sftp")
        try:
            medium.name = "sftp://127.0.0.1:%d/ceremonies/mine" % medium.server.port
            with medium.open() as store:
                assert store.list() == []
                assert store.put({NAME: "text"}) == [NAME]
                assert store.list() == [NAME]
            assert files_below(pathlib.Path(root)) == ["ceremonies/mine/" + NAME]
        finally:
            medium.close()


def test_nothing_is_logged(medium, tmp_path):
    """As by Ansible with a log file, whose handler is the root's."""
    make_key(tmp_path / "other")
    handler, level = logging.FileHandler(tmp_path / "log"), logging.root.level
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.DEBUG)
    try:
        with medium.open() as store:
            store.put({NAME: "text"})
        refused(medium, "Authentication failed", ssh_key_file=str(tmp_path / "other"))
    finally:
        logging.root.setLevel(level)
        logging.root.removeHandler(handler)
        handler.close()
    assert (tmp_path / "log").read_text() == ""


def run_program(collections_path, line):
    """Run a line of Python that knows stores, in a process of its own; the ``subprocess.CompletedProcess``."""
    program = """
import sys
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store

def print_error(function):
    try:
        function()
    except DvError as error:
        print(error)

"""
    environment = {**os.environ, "PYTHONPATH": collections_path}
    return subprocess.run([sys.executable, "-c", program + line], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["/nowhere", "bundle:/nowhere", "git+file:///x.git"])
def test_other_stores_do_not_load_paramiko(name, collections_path):
    done = run_program(collections_path, "open_store(%r); print('paramiko' in sys.modules)" % name)
    assert (done.stdout, done.stderr) == ("False\n", "")


class Hostile(paramiko.SFTPServerInterface):
    """A server that lets everybody in and answers for ever."""

    def stat(self, path):
        found = paramiko.SFTPAttributes()
        found.filename = "9"
        found.st_mode, found.st_size = (0o100644 if path.endswith(".jws") else 0o40755), 2**60
        return found

    lstat = stat

    def list_folder(self, path):
        return Endless([self.stat(path)])

    def open(self, path, flags, attributes):
        return EndlessFile(flags)


class Endless(list):
    """Directory entries without end."""

    def __getitem__(self, key):
        return list(self) * 16 if key.start is None else self


class EndlessFile(paramiko.SFTPHandle):
    """A file without end."""

    def read(self, offset, length):
        return b"x" * length


class LetIn(paramiko.ServerInterface):
    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username):
        return "publickey"


class Silent(paramiko.SubsystemHandler):
    """It is there, and never says a word."""

    def start_subsystem(self, name, transport, channel):
        time.sleep(20)


@pytest.fixture
def hostile(tmp_path):
    """A function from a subsystem handler with its arguments to a medium on a server of that kind."""
    for name in ("host", "user"):
        make_key(tmp_path / name)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    (tmp_path / "known_hosts").write_text("[127.0.0.1]:%d %s" % (port, (tmp_path / "host.pub").read_text()))
    options = {"ssh_key_file": str(tmp_path / "user"), "known_hosts_file": str(tmp_path / "known_hosts")}

    def serve(*handler):
        transport = paramiko.Transport(listener.accept()[0])
        transport.add_server_key(paramiko.Ed25519Key(filename=str(tmp_path / "host")))
        transport.set_subsystem_handler("sftp", *handler)
        transport.start_server(server=LetIn(), event=threading.Event())

    def make(*handler):
        threading.Thread(target=serve, args=handler, daemon=True).start()
        return open_store("sftp://127.0.0.1:%d/x" % port, options)

    yield make
    listener.close()


def test_a_server_that_answers_for_ever(hostile, monkeypatch):
    monkeypatch.setattr("ansible_collections.obol.dv.plugins.plugin_utils.stores.base.MAX_FILES", 100)
    with hostile(paramiko.SFTPServer, Hostile) as store:
        with pytest.raises(DvError, match="holds more than 100 files"):
            store.list()
        with pytest.raises(DvError, match="more than 65536 bytes"):
            store.get(DKG + "/confirm/3.jws")


def test_patience_has_an_end(hostile, monkeypatch, capfd):
    monkeypatch.setattr(sftp_store, "_PATIENCE", 2)
    begun = time.monotonic()
    with pytest.raises(DvError, match="cannot open the store .* took more than 2 seconds"), hostile(Silent):
        pass
    assert time.monotonic() - begun < 15
    with hostile(paramiko.SFTPServer, Hostile) as store:
        with pytest.raises(DvError, match="cannot list .* took more than 2 seconds"):
            list(store._entries())
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_server_of_something_else(tmp_path, collections_path):
    """It is told once: Paramiko would log it to stderr."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection = listener.accept()[0]
            connection.sendall(b"HTTP/1.1 400 \x1b[31mBad Request\r\n\r\n" * 200)
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        (tmp_path / "known_hosts").write_text("")
        port, options = listener.getsockname()[1], {"known_hosts_file": str(tmp_path / "known_hosts")}
        done = run_program(collections_path, "print_error(open_store('sftp://127.0.0.1:%d/x', %r).__enter__)" % (port, options))
    assert done.stdout.startswith("cannot open the store sftp://") and done.stdout.strip().isprintable()
    assert done.stderr == "" and done.returncode == 0


BAD_NAMES = ["sftp://u:hunter2@h/x", "sftp://u:hun/ter2@h/x", "sftp:hunter2", "sftp://h", "sftp://h:x/y", "sftp+x://hunter2/y"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(name):
    for options in ({}, {"branch": "main"}):
        with pytest.raises(DvError) as caught:
            open_store(name, options)
        assert "hunter2" not in str(caught.value) and "ter2" not in str(caught.value)


def test_bad_ports():
    with pytest.raises(DvError, match="cannot open the store"), open_store("sftp://127.0.0.1:99999/x"):
        pass
