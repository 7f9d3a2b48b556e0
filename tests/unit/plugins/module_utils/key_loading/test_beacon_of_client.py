# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a validator client was started with, as /proc has it, and that what it has not is no error."""

import os
import socket
import subprocess
import sys

import pytest
from ansible_collections.obol.dv.plugins.module_utils.clients.http import parse_endpoint
from ansible_collections.obol.dv.plugins.module_utils.clients.table import CLIENTS
from ansible_collections.obol.dv.plugins.module_utils.key_loading import beacon_of_client

A, B = "http://127.0.0.1:3600", "http://charon:3600/"
LISTENS = (
    "import socket, sys; s = socket.create_server((sys.argv[1], 0), family=%s); print(s.getsockname()[1], flush=True); sys.stdin.read()"
)


def at(url):
    return parse_endpoint(url, "url")


NAMED = {
    "lodestar": (["node", "lodestar", "validator", "--beaconNodes", A, "--keymanager"], [A]),
    "lodestar, several": (["node", "lodestar", "validator", "--beaconNodes", A, B, "--keymanager", "x"], [A, B]),
    "lighthouse": (["lighthouse", "vc", "--beacon-nodes", A + "," + B], [A, B]),
    "teku": (["java", "-jar", "teku.jar", "validator-client", "--beacon-node-api-endpoint=" + A], [A]),
    "teku, several": (["teku", "validator-client", "--beacon-node-api-endpoints=%s, %s" % (A, B)], [A, B]),
    "nimbus": (["nimbus_validator_client", "--beacon-node=" + A, "--beacon-node=" + B], [A, B]),
    "prysm": (["validator", "--beacon-rest-api-provider=" + A, "--distributed"], [A]),
    "nothing": (["lighthouse", "vc", "--beacon-nodes"], []),
    "another flag": (["lighthouse", "vc", "--beacon-nodes-sync-tolerances", A, "--beacon-node=" + A], []),
    "no value": (["lighthouse", "vc", "--beacon-nodes=", "--beacon-nodes", "--http"], []),
}


@pytest.mark.parametrize("case", NAMED)
def test_command_lines(case):
    words, found = NAMED[case]
    flags = CLIENTS[case.partition(",")[0] if case.partition(",")[0] in CLIENTS else "lighthouse"].beacon_flags
    assert beacon_of_client.named(words, flags) == found


def test_every_client_has_a_flag():
    assert all(client.beacon_flags for client in CLIENTS.values())


@pytest.mark.parametrize("host, family", [("127.0.0.1", "2"), ("0.0.0.0", "2"), ("::1", "10"), ("::", "10")])
def test_a_process(host, family):
    words = ["--beacon-nodes", "http://127.0.0.1:3601,https://user:hunter2@elsewhere:1,http://[::1]:3602/"]
    pipe = subprocess.PIPE
    try:
        socket.socket(int(family)).bind((host, 0))
    except OSError:
        pytest.skip("no IPv6 here")
    with subprocess.Popen([sys.executable, "-c", LISTENS % family, host, *words], stdin=pipe, stdout=pipe, text=True) as process:
        port = int(process.stdout.readline())
        api = "http://[::1]:%d" if family == "10" else "http://127.0.0.1:%d"
        expected = [at("http://127.0.0.1:3601"), at("http://[::1]:3602")]
        for url in (api, "http://localhost:%d"):
            assert beacon_of_client.endpoints(at(url % port), CLIENTS["lighthouse"].beacon_flags) == expected
        # Another client's, another client of that address, another machine.
        assert not beacon_of_client.endpoints(at(api % port), CLIENTS["prysm"].beacon_flags)
        assert not beacon_of_client.endpoints(at("http://10.0.0.1:%d" % port), CLIENTS["lighthouse"].beacon_flags)
        if host in ("127.0.0.1", "::1"):
            assert not beacon_of_client.endpoints(at("http://127.0.0.2:%d" % port), CLIENTS["lighthouse"].beacon_flags)
        process.stdin.close()
    assert not beacon_of_client.endpoints(at(api % port), CLIENTS["lighthouse"].beacon_flags)


@pytest.fixture
def proc(tmp_path):
    """A /proc with one process, 7, that listens on port 5062 (13C6)."""
    (tmp_path / "self" / "net").mkdir(parents=True)
    (tmp_path / "7" / "fd").mkdir(parents=True)
    os.symlink("socket:[4242]", tmp_path / "7" / "fd" / "3")
    (tmp_path / "7" / "cmdline").write_bytes(b"lighthouse\0vc\0--beacon-nodes\0http://127.0.0.1:3600\0")
    line = "   0: %s:13C6 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0\n"
    table = tmp_path / "self" / "net" / "tcp"
    table.write_text("  sl  local_address\n" + line % ("00000000", "0A"))
    return tmp_path


def ask(proc):
    return beacon_of_client.endpoints(at("http://127.0.0.1:5062"), CLIENTS["lighthouse"].beacon_flags, str(proc))


def test_what_proc_does_not_tell(proc):
    assert ask(proc) == [at(A)]
    (proc / "7" / "cmdline").write_bytes(b"docker-proxy\0-host-port\x005062\0\xff\xfe\0")
    assert ask(proc) == []
    (proc / "7" / "cmdline").write_bytes(b"")
    assert ask(proc) == []
    (proc / "7" / "cmdline").unlink()
    assert ask(proc) == []
    os.rename(proc / "7" / "fd", proc / "7" / "gone")
    assert ask(proc) == []
    for text in (
        "",
        "x",
        "\n0: 1\n",
        "\n0: zz:zz 0 0A\n",
        "\n 0: 00:13C6 0:0 0A 0 0 0 0 0 4242\n",
        "\n 0: 00000000:13C6 0:0 01 0 0 0 0 0 4242\n",
    ):
        (proc / "self" / "net" / "tcp").write_text(text)
        assert ask(proc) == []
    (proc / "self" / "net" / "tcp").unlink()
    assert ask(proc) == []
