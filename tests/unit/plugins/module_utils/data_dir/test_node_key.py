# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's private key and charon's lock file beside it."""

import json
import os

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import secp256k1
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEY = bytes(range(32))
# 2026-01-02T03:04:05Z
NOW = 1767323045


def test_create(tmp_path):
    assert not node_key.exists(DataDir(tmp_path))
    key = node_key.create(DataDir(tmp_path))
    path = tmp_path / "charon-enr-private-key"
    assert node_key.exists(DataDir(tmp_path))
    assert path.read_text() == key.hex()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [path.name]
    assert node_key.read(DataDir(tmp_path)) == key
    secp256k1.check_private_key(key)
    with pytest.raises(DvError, match="exists already"):
        node_key.create(DataDir(tmp_path))
    assert node_key.read(DataDir(tmp_path)) == key


@pytest.mark.parametrize("name", ["cluster-lock.json", "cluster-definition.json", "ceremony/approval.json"])
def test_no_other_key_where_one_was(tmp_path, name):
    """It was lost, or a restoring was cut off: another key there would be in its way."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(DvError, match="has no charon-enr-private-key, but it took part in a cluster; .*restore it from a backup"):
        node_key.create(DataDir(tmp_path))
    assert not (tmp_path / "charon-enr-private-key").exists()


def test_keys_differ(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    assert node_key.create(DataDir(tmp_path / "a")) != node_key.create(DataDir(tmp_path / "b"))


@pytest.mark.parametrize("content", [KEY.hex(), KEY.hex() + "\n", "\t %s \r\n" % KEY.hex().upper()])
def test_read(tmp_path, content):
    (tmp_path / layout.NODE_KEY).write_text(content)
    assert node_key.read(DataDir(tmp_path)) == KEY


@pytest.mark.parametrize(
    "content",
    [b"", KEY, b"0x" + KEY.hex().encode(), KEY.hex().encode()[:-1], b"0" * 64, b"f" * 64, b"\xff" * 64, b" " * 5000],
)
def test_no_key(tmp_path, content):
    (tmp_path / layout.NODE_KEY).write_bytes(content)
    with pytest.raises(DvError, match=layout.NODE_KEY) as raised:
        node_key.read(DataDir(tmp_path))
    assert KEY.hex()[:-1] not in str(raised.value)


def test_absent(tmp_path):
    with pytest.raises(DvError, match="cannot read"):
        node_key.read(DataDir(tmp_path))
    assert node_key.in_use(DataDir(tmp_path), NOW) is None


def lock_file(tmp_path, timestamp="2026-01-02T03:04:05Z", **more):
    (tmp_path / node_key.LOCK_FILE).write_text(json.dumps({"command": "charon run", "timestamp": timestamp, **more}))


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.123456789Z",
        "2026-01-02T04:04:05.5+01:00",
        "2026-01-02T00:04:05-03:00",
    ],
)
def test_fresh_or_stale(tmp_path, timestamp):
    lock_file(tmp_path, timestamp)
    assert "charon run" in node_key.in_use(DataDir(tmp_path), NOW)
    assert "charon run" in node_key.in_use(DataDir(tmp_path), NOW + 4)
    assert "is running" in node_key.in_use(DataDir(tmp_path), NOW - 4)
    assert node_key.in_use(DataDir(tmp_path), NOW + 6) is None


def test_dated_ahead(tmp_path):
    """By a clock that was set back since, or by another one: charon would not start, so neither do we, but we say why."""
    lock_file(tmp_path)
    told = node_key.in_use(DataDir(tmp_path), NOW - 86400)
    assert "dated 86400 s ahead of this node's clock" in told and "running" not in told


def test_another_cluster_lock(tmp_path):
    lock_file(tmp_path, cluster_lock_hash="0xAB")
    assert "another cluster lock 700 s ago" in node_key.in_use(DataDir(tmp_path), NOW + 700)
    assert node_key.in_use(DataDir(tmp_path), NOW + 768) is None
    (tmp_path / "cluster-lock.json").write_text('{"lock_hash": "0xcd"}')
    assert "another cluster lock" in node_key.in_use(DataDir(tmp_path), NOW + 700)
    (tmp_path / "cluster-lock.json").write_text('{"lock_hash": "0xab"}')
    assert node_key.in_use(DataDir(tmp_path), NOW + 700) is None
    assert "running" in node_key.in_use(DataDir(tmp_path), NOW + 1)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.binary(max_size=50)
    | st.dictionaries(
        st.sampled_from(["command", "timestamp", "cluster_lock_hash"]),
        st.none() | st.integers() | st.text() | st.lists(st.none()) | st.just("2026-01-02T03:04:05Z"),
    ).map(lambda value: json.dumps(value).encode())
    | st.lists(st.none()).map(lambda value: json.dumps(value).encode())
)
def test_any_lock_file(tmp_path, content):
    (tmp_path / node_key.LOCK_FILE).write_bytes(content)
    assert isinstance(node_key.in_use(DataDir(tmp_path), NOW), str)
