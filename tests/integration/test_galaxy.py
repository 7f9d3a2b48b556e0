# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as others get it: packed, installed elsewhere, run by name from another directory, in an execution environment."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest
import yaml
from ansible_collections.obol.dv.tests.support import playbook

#: What people have in a clone beside what is ours.
OWN = """
    inventory.yml hosts hosts.ini group_vars/all.yml host_vars/alice/vault.yml vault.yml .vault-pass vault-password.txt .env ansible-vault.cfg
    inventories/mine/hosts.yml inventories/mine/group_vars/dv_nodes/vault.yml inventories/mine.yml inventories/london/hosts.yml
    inventories/example/store/north/proposal.json inventories/example/backups/north/north-bob/1.age inventories/example/host_vars/north-bob.yml
    inventories/example/group_vars/east.yml inventories/local/store/local/proposal.json
    local/node1/.charon/charon-enr-private-key local/node1/.charon/validator_keys/keystore-0.json local/node1/wallet.json local/node1/wallet-password.txt
    store/north/proposal.json ceremonies/north/approval-1.json backups/north/alice.age wheelhouse/ckzg.whl dist/obol-dv-0.0.9.tar.gz obol-dv-0.1.0.tar.gz
    charon-enr-private-key cluster-lock.json keystore-0.json keystore-0.txt validator_keys/keystore-0.json .charon/charon-enr-private-key node1/wallet.json
    playbooks/group_vars/all.yml playbooks/host_vars/alice.yml playbooks/alice.age playbooks/.vault-pass roles/group_vars/all.yml
    docs/backups/alice.age docs/wallet.json docs/.notes tests/keystore-0.json tests/store/north/proposal.json tests/wallet-password.txt
    tests/lodestar/node_modules/lockfile/lockfile.js
""".split()

#: What a user of the installed collection needs, whatever else is packed.
WANTED = ("COPYING", "README.md", "meta/", "plugins/", "playbooks/", "roles/", "requirements-node.txt")


def run(directory, *command):
    """Run a command of ansible in ``directory``, with no collection but the installed one; what it printed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", *map(str, command)],
        cwd=directory,
        env={**clean, "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"), "ANSIBLE_HOME": str(directory / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def listed(*arguments):
    """The files of the clone that git lists and that are there."""
    done = subprocess.run(["git", "ls-files", *arguments], cwd=playbook.ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (playbook.ROOT / name).is_file()}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The tarball."""
    directory = tmp_path_factory.mktemp("package")
    run(directory, "galaxy", "collection", "build", "--output-path", directory, playbook.ROOT)
    (path,) = directory.glob("obol-dv-*.tar.gz")
    return path


def files_of(path):
    """The names of the files in a tarball, which has no links."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members), "links"
    return {member.name for member in members if member.isfile()} - {"MANIFEST.json", "FILES.json"}


def test_package_holds_the_project_and_nothing_else(package):
    packed = files_of(package)
    assert packed <= listed("--cached", "--others", "--exclude-standard"), "stray files"
    assert {name for name in listed() if name.startswith(WANTED)} <= packed


def test_nothing_of_ones_own_is_packed(package, tmp_path):
    clone = tmp_path / "clone"
    for name in listed() - {"collections/ansible_collections/obol/dv"}:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(playbook.ROOT / name, clone / name)
    for name in OWN:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("mine")
    run(tmp_path, "galaxy", "collection", "build", "--output-path", tmp_path, clone)
    assert files_of(tmp_path / package.name) == files_of(package)


def pack(*arguments):
    """Run what `make release` runs, with the tools of this environment."""
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    command = [playbook.ROOT / ".ci" / "package", *arguments]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300, check=False)


def test_a_release_says_where_it_comes_from(package, tmp_path):
    before = (playbook.ROOT / "galaxy.yml").read_bytes()
    done = pack("https://example.org/obol.dv", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (playbook.ROOT / "galaxy.yml").read_bytes() == before
    with tarfile.open(tmp_path / package.name) as release, tarfile.open(package) as plain:
        assert set(release.getnames()) <= set(plain.getnames())
        told, untold = (json.load(archive.extractfile("MANIFEST.json"))["collection_info"] for archive in (release, plain))
    assert told == {**untold, "repository": "https://example.org/obol.dv"}


@pytest.mark.parametrize(
    "repository", ["", "http://example.org/obol.dv", "git@example.org:obol.dv", "https://", "https://a b", 'https://a"']
)
def test_no_release_without_it(repository, tmp_path):
    done = pack(repository, tmp_path / "dist")
    assert done.returncode == 1
    assert 'the repository is "%s"; wanted: the https address' % repository in done.stderr
    assert not (tmp_path / "dist").exists()


def test_installed_elsewhere_it_runs_by_name(package, tmp_path):
    run(tmp_path, "galaxy", "collection", "install", "--offline", "-p", tmp_path / "collections", package)
    arguments = ("-i", playbook.LOCAL, "-e", "dv_local_dir=%s" % (tmp_path / "nodes"), "-e", "dv_num_validators=1")
    run(tmp_path, "playbook", *arguments, "obol.dv.create_cluster")
    locks = {(directory / "cluster-lock.json").read_bytes() for directory in playbook.data_dirs(tmp_path / "nodes")}
    assert len(locks) == 1
    assert "changed=0" in run(tmp_path, "playbook", *arguments, "obol.dv.create_cluster")


def test_execution_environment(package, tmp_path):
    """ansible-builder makes the context of an image with the collection, and finds in it what a control node needs, and no more."""
    run(tmp_path, "galaxy", "collection", "install", "--offline", "-p", tmp_path / "collections", package)
    definition = {
        "version": 3,
        "images": {"base_image": {"name": "docker.io/library/python:3.12"}},
        "dependencies": {
            "ansible_core": {"package_pip": "ansible-core"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "galaxy": {"collections": [{"name": package.name, "type": "file"}]},
        },
        "additional_build_files": [{"src": str(package), "dest": "collections"}],
    }
    (tmp_path / "definition.yml").write_text(yaml.safe_dump(definition))
    for arguments in ("create --file definition.yml --context context", "introspect collections --write-pip pip --write-bindep bindep"):
        builder = pathlib.Path(sys.executable).with_name("ansible-builder")
        subprocess.run([builder, *arguments.split()], cwd=tmp_path, capture_output=True, check=True, timeout=300)
    assert (tmp_path / "context" / "_build" / "collections" / package.name).read_bytes() == package.read_bytes()
    assert list((tmp_path / "context").glob("*file"))

    needs = [line.split()[0] for name in ("pip", "bindep") for line in (tmp_path / name).read_text().splitlines() if line]
    control = (playbook.ROOT / "requirements.in").read_text().splitlines()
    assert needs == [line.split()[0] for line in control if line.startswith("paramiko")] + ["git"]
