# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is particular to stores in a git repository."""

import contextlib
import multiprocessing
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.plugin_utils.stores import git as git_store
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from ansible_collections.obol.dv.tests.support.store_media import MEDIA, GitSshMedium, git, make_key

DKG = "dkg/%s/1" % ("ab" * 32)
NAME = DKG + "/deal/3.jws"


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """The home of a user who has set up nothing."""
    home = tmp_path / "user home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def medium(make_medium):
    return make_medium("git")


@pytest.fixture
def behind_ssh(make_medium, monkeypatch):
    monkeypatch.setitem(MEDIA, "git", GitSshMedium)
    return make_medium("git")


def log(medium, form, branch="main"):
    """What git log says of the branch, newest first."""
    return git(medium.repository, "log", "--format=" + form, branch).strip()


def refused(medium, *words, **options):
    """Put something, which is refused in one line that holds ``words``; the text."""
    with pytest.raises(DvError) as caught, medium.open(**options) as store:
        store.put({"approvals/9.json": "{}"})
    text = str(caught.value)
    assert all(word in text for word in words) and text.isprintable(), text
    return text


def commit_tree(medium, *entries):
    """Make main a commit of these raw entries (mode, name, hash), in the folder ``mine``."""
    tree = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(blob)) for mode, name, blob in sorted(entries, key=lambda e: e[1]))
    set_main(medium, "mine", write(medium, tree, "-t", "tree", "--literally"), b"40000")


def set_main(medium, name, blob, mode):
    """Make main a commit with one entry."""
    root = write(medium, b"%s %s\0%s" % (mode, name.encode(), bytes.fromhex(blob)), "-t", "tree", "--literally")
    commit = git(medium.repository, "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", "-m", "x", root).strip()
    git(medium.repository, "update-ref", "refs/heads/main", commit)


def write(medium, content, *options):
    """Write an object; its hash."""
    command = ["git", "-C", medium.repository, "hash-object", "-w", "--stdin", *options]
    return subprocess.run(command, input=content, check=True, stdout=subprocess.PIPE).stdout.decode().strip()


def test_commits_are_for_people(medium, user):
    with medium.open() as store:
        store.put({NAME: "text"})
        (user / ".gitconfig").write_text("[user]\nname = Alice\nemail = alice@example.org\n[commit]\ngpgSign = true\n")
        store.put({DKG + "/confirm/3.jws": "text", "approvals/2.json": "{}", NAME: "text"})
        store.put({NAME: "text", "approvals/2.json": "{}"})
    assert log(medium, "%an <%ae> %cn%n%B").split("\n") == [
        "Alice <alice@example.org> Alice",
        "mine: approval of operator 2 and 1 more",
        "",
        "approval of operator 2",
        "confirm of operator 3, attempt 1",
        "",
        "obol.dv <obol.dv@localhost> obol.dv",
        "mine: deal of operator 3, attempt 1",
    ]


def test_the_root_of_the_repository_is_a_store_too(medium):
    name = medium.name.removesuffix("/mine")
    with open_store(name) as store:
        assert store.put({"approvals/2.json": "{}"}) == ["approvals/2.json"]
        assert store.list() == ["approvals/2.json"]
    with medium.open() as store:
        assert store.list() == []
        store.put({"approvals/2.json": "other"})
    assert git(medium.repository, "ls-tree", "-r", "--name-only", "main").split() == ["approvals/2.json", "mine/approvals/2.json"]
    assert log(medium, "%s").split("\n") == ["mine: approval of operator 2", "approval of operator 2"]


def test_what_was_seen_is_not_asked_again(medium, tmp_path):
    with medium.open() as store:
        store.put({NAME: "text"})
        assert store.list() == [NAME]
        medium.repository.rename(tmp_path / "away")
        assert store.put({NAME: "text"}) == []
        assert store.get(NAME) == "text"


def _put(medium, home, number):
    git_store.constants.config.get_config_value = lambda _name: home
    with medium.open() as store:
        store.put({"approvals/%d.json" % number: str(number), "proposal.json": "{}"})


@pytest.mark.parametrize(("kind", "count"), [("medium", 5), ("behind_ssh", 3)])
def test_processes_at_once(request, tmp_path, kind, count):
    """Each has a home of its own, as on control nodes of different operators."""
    medium = request.getfixturevalue(kind)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_put, args=(medium, str(tmp_path / str(n)), n)) for n in range(1, count + 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
    with medium.open() as store:
        assert store.get_all(("",)) == {"proposal.json": "{}", **{"approvals/%d.json" % n: str(n) for n in range(1, count + 1)}}
    subjects = log(medium, "%s").split("\n")
    assert len(subjects) == count and sum("more" in subject for subject in subjects) == 1


def test_host_keys_are_known_beforehand(behind_ssh, tmp_path):
    known_hosts = tmp_path / "known_hosts"
    good = known_hosts.read_text()
    known_hosts.write_text("")
    refused(behind_ssh, "git ls-remote", "Host key verification failed")
    assert known_hosts.read_text() == ""
    make_key(tmp_path / "other")
    changed = "%s %s" % (good.split()[0], (tmp_path / "other.pub").read_text())
    known_hosts.write_text(changed)
    refused(behind_ssh, "Host key verification failed")
    assert known_hosts.read_text() == changed
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known_hosts], stderr=subprocess.DEVNULL, check=False)
    known_hosts.write_text(good)
    spaced = tmp_path / "known hosts"
    spaced.write_text(good)
    with behind_ssh.open(known_hosts_file=str(spaced)) as store:
        assert store.list() == []
    refused(behind_ssh, "Permission denied", ssh_key_file=str(tmp_path / "other"))


def test_signed_commits(medium, tmp_path, user):
    assert "user's git can sign" in refused(medium, "git commit-tree", sign_commits=True)
    with medium.open(sign_commits=True) as store, pytest.raises(DvError, match="git commit-tree .* can sign"):
        store.check()
    make_key(tmp_path / "signer")
    (tmp_path / "allowed").write_text("alice@example.org " + (tmp_path / "signer.pub").read_text())
    (user / ".gitconfig").write_text(
        "[user]\nname = Alice\nemail = alice@example.org\nsigningKey = %s\n[gpg]\nformat = ssh\n" % (tmp_path / "signer")
    )
    with medium.open(sign_commits=True) as store:
        store.check()
        store.put({NAME: "text"})
    verify = ["-c", "gpg.ssh.allowedSignersFile=%s" % (tmp_path / "allowed"), "verify-commit", "main"]
    git(medium.repository, *verify)
    with medium.open() as store:
        store.put({"proposal.json": "{}"})
    with pytest.raises(subprocess.CalledProcessError):
        git(medium.repository, *verify)


def merge(medium, *options):
    """What a person does who accepts a pull request."""
    clone = medium.place.parent
    git(clone.parent, "clone", "--quiet", "--branch=main", medium.repository, clone)
    git(clone, "-c", "user.name=x", "-c", "user.email=x@x", "merge", "--quiet", *options, "origin/ask")
    if "--squash" in options:
        git(clone, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--message=accepted")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    shutil.rmtree(clone)


@pytest.mark.parametrize(("how", "deleted"), [("--no-ff", True), ("--ff-only", False), ("--squash", False)])
def test_consent_by_pull_request(medium, how, deleted):
    medium.plant("approvals/1.json", b"{}")
    asking = {"push_branch": "ask"}
    with medium.open(**asking) as store:
        store.check()
        assert store.put({"approvals/2.json": "{}"}) == ["approvals/2.json"]
        assert store.list() == ["approvals/1.json"]
        assert store.put({"approvals/2.json": "{}", "approvals/1.json": "{}"}) == []
        with pytest.raises(DvError, match="another approval of operator 2"):
            store.put({"approvals/2.json": "other"})
        awaited = [store.awaited("approvals/%d.json" % n) for n in (1, 2, 3)]
        assert awaited == ["", "the merge of the branch ask into main", ""]
    assert log(medium, "%s", "main..ask") == "mine: approval of operator 2"
    merge(medium, how)
    if deleted:
        git(medium.repository, "branch", "--quiet", "-D", "ask")
    medium.plant("approvals/3.json", b"{}")
    with medium.open(**asking) as store:
        assert store.list() == ["approvals/%d.json" % n for n in (1, 2, 3)]
        assert not store.awaited("approvals/2.json")
        assert store.put({"approvals/2.json": "{}"}) == []
        assert store.put({"approvals/3.json": "{}"}) == []
        assert store.put({"approvals/4.json": "{}"}) == ["approvals/4.json"]
        assert store.list() == ["approvals/%d.json" % n for n in (1, 2, 3)]
    merge(medium, how if how == "--squash" else "--no-ff")
    with medium.open(**asking) as store:
        assert store.list() == ["approvals/%d.json" % n for n in (1, 2, 3, 4)]


def test_consent_in_an_empty_repository(medium):
    with medium.open(push_branch="ask") as store:
        store.check()
        assert store.put({"approvals/2.json": "{}"}) == ["approvals/2.json"]
        assert store.list() == []
        assert store.put({"approvals/2.json": "{}"}) == []


def write_hook(medium, command):
    """Write the hook that decides over pushes; its path."""
    hook = medium.repository / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n%s\n" % command)
    hook.chmod(0o755)
    return hook


def test_a_protected_branch(medium, tmp_path):
    hook = write_hook(medium, "echo tried >>%s; printf '\\033[31mmain is \\007protected\\n' >&2; exit 1" % (tmp_path / "tries"))
    refused(medium, "refuses the push to main", "hook declined", "main is  protected", "set push_branch")
    assert len((tmp_path / "tries").read_text().split()) <= git_store.REFUSALS
    hook.unlink()
    with medium.open() as store:
        assert store.put({"approvals/9.json": "{}"}) == ["approvals/9.json"]


def test_a_push_that_breaks_off_is_no_success(medium):
    """The remote dies in the middle of it."""
    write_hook(medium, "kill -9 $PPID")
    refused(medium, "git")
    assert git(medium.repository, "for-each-ref") == ""


def test_a_remote_that_is_not_there(medium, behind_ssh, tmp_path):
    behind_ssh.close()
    refused(behind_ssh, "git ls-remote", "Connection refused")
    shutil.rmtree(medium.repository)
    refused(medium, "git ls-remote", "does not appear to be a git repository")
    behind_ssh.close = lambda: None


def test_a_remote_that_says_nothing(medium, monkeypatch):
    monkeypatch.setattr(git_store, "_DEADLINE", 2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        medium.name = "git+ssh://127.0.0.1:%d/x.git" % port
        begun = time.monotonic()
        refused(medium, "git ls-remote", "took more than 2 seconds")
        # Neither git nor what it started is left.
        while any(b"\0%d\0" % port in command or b"127.0.0.1:%d/" % port in command for command in running()):
            assert time.monotonic() - begun < 20
            time.sleep(0.1)


def running():
    """The command lines of all processes."""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def test_no_git(medium, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    refused(medium, "there is no git on the control node", "install it")


def test_a_tree_of_a_stranger(medium, tmp_path):
    """Names and modes that git itself would not commit; nothing of it is seen or written."""
    blob, good = write(medium, b"/etc/passwd"), write(medium, b"{}")
    inner = write(medium, b"100644 1.json\0" + bytes.fromhex(blob), "-t", "tree")
    commit_tree(
        medium,
        (b"120000", b"proposal.json", blob),
        (b"160000", b"approvals", good),
        (b"40000", b"..", inner),
        (b"40000", b".git", inner),
        (b"40000", b"dkg", write(medium, b"160000 " + b"ab" * 32 + b"\0" + bytes.fromhex(good), "-t", "tree")),
        (b"100644", b"../../escaped", blob),
        (b"100644", b"\xff\x1b[31m.json", blob),
        (b"100755", b"cluster-definition.json", good),
    )
    with medium.open() as store:
        assert store.list() == ["cluster-definition.json"]
        assert store.get_all(("",)) == {"cluster-definition.json": "{}"}
        for name in ("proposal.json", "approvals"):
            with pytest.raises(DvError, match="no regular file"):
                store._read(name, 10)
        with pytest.raises(DvError, match="proposal.json in .* is no regular file"):
            store.put({"proposal.json": "{}"})
        # Git builds on no such tree.
        with pytest.raises(DvError, match="git read-tree .* invalid path"):
            store.put({"approvals/1.json": "{}"})
    assert not list(tmp_path.rglob("escaped"))


def test_something_in_the_place_of_our_folder(medium):
    set_main(medium, "mine", write(medium, b"a file"), b"100644")
    with medium.open() as store:
        assert store.list() == []
    refused(medium, "git update-index", "both a file and as a directory", "take away what is in their place")
    set_main(medium, "mine", write(medium, b"/etc"), b"120000")
    refused(medium, "git update-index")
    commit_tree(medium, (b"160000", b"approvals", write(medium, b"")))
    refused(medium, "git update-index")


def test_very_many_files(medium):
    blob = write(medium, b"{}")
    many = [(b"100644", b"%05d.json" % number, blob) for number in range(20_000)]
    commit_tree(medium, *many)
    with medium.open() as store, pytest.raises(DvError, match="more than 10000 files"):
        store.list()
    with open_store(medium.name.removesuffix("mine") + "other") as store:
        assert store.list() == []
        assert store.put({NAME: "text"}) == [NAME]
    assert len(git(medium.repository, "ls-tree", "-r", "--name-only", "main").splitlines()) == 20_001


def test_a_huge_blob(medium, monkeypatch):
    medium.plant("approvals/1.json", bytes(100 * 2**20))
    with medium.open() as store:
        assert store.list() == ["approvals/1.json"]
        with pytest.raises(DvError, match="approvals/1.json in .* has more than 65536 bytes"):
            store.get("approvals/1.json")
    # With less memory than it unpacks to git gives up, and says so.
    shutil.rmtree(store._repository)
    monkeypatch.setattr(git_store, "_LIMITED", 'ulimit -S -d 65536; exec git "$@"')
    refused(medium, "git fetch", "allocate")


def test_a_history_that_is_rewritten(medium):
    medium.plant("approvals/1.json", b"{}")
    with medium.open() as store:
        assert store.put({NAME: "text"}) == [NAME]
        blob = write(medium, b"new")
        commit_tree(medium, (b"100644", b"proposal.json", blob))
        assert store.list() == ["proposal.json"]
        assert store.put({NAME: "text"}) == [NAME]
        git(medium.repository, "update-ref", "-d", "refs/heads/main")
        assert store.list() == []
        assert store.put({NAME: "text"}) == [NAME]
    assert log(medium, "%s") == "mine: deal of operator 3, attempt 1"


def test_the_environment_of_the_caller_means_nothing(medium, tmp_path, monkeypatch):
    for name in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_PROXY_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "GIT_EXEC_PATH"):
        monkeypatch.setenv(name, "touch %s" % (tmp_path / "pwned"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES"):
        monkeypatch.setenv(name, str(tmp_path / "pwned"))
    with medium.open() as store:
        assert store.put({NAME: "text"}) == [NAME]
        assert store.get(NAME) == "text"
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("damage", ["gone", "half", "locked", "empty objects", "not ours"])
def test_our_copy_is_made_anew(medium, damage):
    medium.plant("proposal.json", b"{}")
    with medium.open() as store:
        store.put({NAME: "text"})
        copy = pathlib.Path(store._repository)
    if damage == "gone":
        shutil.rmtree(copy)
    elif damage == "half":
        (copy / "HEAD").unlink()
    elif damage == "locked":
        medium.plant("approvals/1.json", b"{}")
        (copy / "shallow.lock").write_text("")
    elif damage == "empty objects":
        for path in (copy / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(b"")
    else:
        shutil.rmtree(copy)
        git(copy.parent, "init", "--quiet", copy.parent)
    with medium.open() as store:
        assert store.get(NAME) == "text"
        assert store.put({"approvals/2.json": "{}"}) == ["approvals/2.json"]


def test_a_copy_of_another_user(medium, tmp_path):
    (tmp_path / "home" / "obol_dv").mkdir(parents=True)
    with medium.open() as store:
        pathlib.Path(store._repository + ".lock").mkdir()
        with pytest.raises(DvError, match="cannot write .*lock"):
            store.list()


BAD_NAMES = [
    "git+https://alice:hunter2@h/x.git", "git+https://hunter2@h/x.git", "git+ssh://alice:hunter2@h/x.git", "git+ssh://alice:hunter2/@h/x.git",
    "git+ssh://-oProxyCommand=hunter2/x.git", "git+ssh://-oX@h/x.git", "git+file://h/x.git", "git+file://../x.git", "git+ssh://h/x",
    "git+ssh://h/x.git/a/hunter2", "git+ssh://h/x.git/-a", "git+ssh://h/x.git/..", "git+ext://sh -c hunter2/x.git", "git+ssh://h/a\nb.git",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(name):
    with pytest.raises(DvError) as caught:
        open_store(name)
    assert "git+ssh://" in caught.value.wanted and "hunter2" not in str(caught.value)
    with pytest.raises(DvError) as caught:
        open_store(name, {"no_such": "option"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "branch", ["-x", "--upload-pack=x", "a..b", "a b", "a.lock", "a/", "/a", "a:b", "+a", "refs/../a", "a\nb", "@{-1}"]
)
@pytest.mark.parametrize("option", ["branch", "push_branch"])
def test_bad_branches(branch, option):
    with pytest.raises(DvError, match="no name of a branch"):
        open_store("git+ssh://h/x.git", {option: branch})
