# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preflight: everything that would fail later is said at once, and nothing is written. Bad terms: agreement/test_config.py."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback
from dataclasses import replace

import pytest
from ansible_collections.obol.dv.plugins.module_utils.agreement import acceptance, approval, hazards, policy, proposal
from ansible_collections.obol.dv.plugins.module_utils.agreement.approve import approve
from ansible_collections.obol.dv.plugins.module_utils.agreement.assembly import assemble
from ansible_collections.obol.dv.plugins.module_utils.agreement.config import parse_config
from ansible_collections.obol.dv.plugins.module_utils.cluster.definition import with_hashes
from ansible_collections.obol.dv.plugins.module_utils.cluster.store_names import approval_name
from ansible_collections.obol.dv.plugins.module_utils.data_dir import layout, node_key
from ansible_collections.obol.dv.plugins.module_utils.data_dir.layout import DataDir
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712, enr
from ansible_collections.obol.dv.plugins.module_utils.ethereum.networks import KNOWN
from ansible_collections.obol.dv.plugins.module_utils.node import preflight
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from eth_account import Account

HOODI = KNOWN.by_name("hoodi")

NOW = 1_800_000_000
NOBODY = 65534
DEAD = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture
def place(tmp_path):
    """The directory around operator 1's data directory."""
    path = tmp_path / "node"
    path.mkdir()
    return path


@pytest.fixture
def node(place, terms, people):
    """Operator 1's node as it should be: a wallet, its password, a policy, no data directory yet."""
    key_file = Account.encrypt(people[0].private_key, "secret-5eed", kdf="scrypt", iterations=2)
    (place / "wallet.json").write_text(json.dumps(key_file))
    (place / "password.txt").write_text("secret-5eed\n")
    (place / "policy.yml").write_text(policy.allowing(parse_config(terms)))
    (place / "policy.yml").chmod(0o600)
    return preflight.Node(
        data_dir=DataDir(place / ".charon"),
        wallet_file=str(place / "wallet.json"),
        password_file=str(place / "password.txt"),
        policy_file=str(place / "policy.yml"),
    )


def texts(node, terms, inbox=None):
    return [str(problem) for problem in preflight.check(node, terms, NOW, inbox=inbox)]


def test_good_node(node, terms, tmp_path, tree):
    before = tree(tmp_path)
    assert texts(node, terms) == []
    assert tree(tmp_path) == before


def test_empty_machine_that_makes_its_own(node, terms, place, tmp_path, tree):
    for name in ("wallet.json", "password.txt", "policy.yml"):
        (place / name).unlink()
    place.rmdir()
    terms["operators"] = ["", "", "", ""]
    assert texts(replace(node, wallet_create=True, demo=True), terms) == []
    assert tree(tmp_path) == {}


def test_all_at_once(node, terms, place, tree, tmp_path):
    data_dir = place / ".charon"
    data_dir.mkdir()
    (data_dir / layout.NODE_KEY).write_text("5eed")
    (place / "password.txt").write_text("wrong")
    (place / "policy.yml").write_text("networks: [mainnet]\n")
    terms.update(num_validators=0, network="hodi")
    before = tree(tmp_path)
    found = texts(node, terms)
    assert len(found) == 6, found
    for fragment in (
        "dv_num_validators",
        "dv_network",
        layout.NODE_KEY,
        "does not unlock",
        "withdrawal_addresses is not set",
    ):
        assert any(fragment in text for text in found), fragment
    assert not any("5eed" in text for text in found)
    assert tree(tmp_path) == before


def absent(name):
    return lambda place: (place / name).unlink()


def text(name, content):
    def write(place):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)

    return write


def directory(name):
    return lambda place: (place / name).mkdir(parents=True)


def in_use(**more):
    """A node key, and the lock file of a charon that used it a moment ago."""

    def write(place):
        text(".charon/" + layout.NODE_KEY, "11" * 32)(place)
        stamp = datetime.datetime.fromtimestamp(NOW - 1, datetime.timezone.utc).isoformat()
        text(".charon/" + node_key.LOCK_FILE, json.dumps({"command": "run", "timestamp": stamp, **more}))(place)

    return write


def nothing(place):
    pass


# What is done to the good node's files, how the inventory changes, and what is said.
BAD = {
    "no wallet": (absent("wallet.json"), {}, ["there is no wallet at", "dv_wallet_create"]),
    "no password": (absent("password.txt"), {}, ["password.txt", "No such file"]),
    "empty password": (text("password.txt", "\n"), {}, ["password.txt holds no password"]),
    "wrong password": (text("password.txt", "guess"), {}, ["does not unlock", "wallet.json", "password.txt"]),
    "wallet is no JSON": (text("wallet.json", "5eed"), {}, ["wallet.json is not JSON"]),
    "wallet is something else": (text("wallet.json", "{}"), {}, ["wallet.json: version is missing"]),
    "wallet of another operator": (
        nothing,
        {"address": DEAD},
        ["wallet.json has the address", DEAD, "dv_operator_address"],
    ),
    "no policy": (absent("policy.yml"), {}, ["there is no policy at", "dv_accept_config_hash"]),
    "bad policy": (text("policy.yml", "networks: [hoodi"), {}, ["policy.yml is not a plain YAML text"]),
    "policy that others can write": (lambda place: (place / "policy.yml").chmod(0o666), {}, ["others can write it"]),
    "data directory is a file": (text(".charon", ""), {}, [".charon is not a directory"]),
    "key does not parse": (
        text(".charon/" + layout.NODE_KEY, "5eed" * 15),
        {},
        [layout.NODE_KEY, "64 hex digits", "backup"],
    ),
    "key is zero": (text(".charon/" + layout.NODE_KEY, "00" * 32), {}, [layout.NODE_KEY, "group order"]),
    "key is in use": (in_use(), {}, [node_key.LOCK_FILE, "charon", "stop that charon"]),
    "key served another cluster": (in_use(cluster_lock_hash="ab"), {}, [node_key.LOCK_FILE]),
    "definition is no JSON": (
        text(".charon/cluster-definition.json", "{"),
        {},
        ["cluster-definition.json is not JSON"],
    ),
    "definition lacks fields": (
        text(".charon/cluster-definition.json", "{}"),
        {},
        ["cluster-definition.json", "version"],
    ),
    "lock is no JSON": (text(".charon/cluster-lock.json", "["), {}, ["cluster-lock.json is not JSON"]),
    "keys of an unknown cluster": (
        directory(".charon/validator_keys"),
        {},
        ["validator_keys, but neither definition nor lock"],
    ),
    "damaged approval": (text(".charon/" + approval.FILE, "{}"), {}, [approval.FILE, "is not set"]),
    "damaged proposal": (text(".charon/" + proposal.FILE, "{}"), {}, [proposal.FILE, "version"]),
}


@pytest.mark.parametrize("do, changes, fragments", BAD.values(), ids=BAD)
def test_bad_nodes(do, changes, fragments, node, terms, place, tmp_path, tree):
    do(place)
    before = tree(tmp_path)
    found = "\n".join(texts(replace(node, **changes), terms))
    assert [fragment for fragment in fragments if fragment not in found] == []
    assert "5eed" not in found
    assert tree(tmp_path) == before


def test_recipients_of_the_backup(node, terms, place):
    text(".backups", "")(place)
    changes = {"backup_recipients": ["age1xyz"], "backup_dir": str(place / ".backups" / "node")}
    found = texts(replace(node, **changes), terms)
    assert len(found) == 2
    assert found[0].startswith("dv_backup_recipients[0] is no recipient")
    assert found[1].startswith("%s is not a directory" % (place / ".backups"))


def test_address_without_a_place(node, terms):
    terms["operators"][0] = DEAD
    found = "\n".join(texts(node, terms))
    assert "is not in dv_operators" in found and DEAD in found


def test_shared_address_needs_a_share_index(node, terms, place):
    terms["operators"][2] = terms["operators"][0]
    terms["allow_shared_operator_address"] = True
    assert "operator 3 is %s, once more" % terms["operators"][0] in "\n".join(texts(replace(node, share_index=1), terms))
    (place / "policy.yml").write_text(policy.allowing(parse_config(terms)))
    assert "dv_share_index is not set; wanted: one of 1, 3" in "\n".join(texts(node, terms))
    assert texts(replace(node, share_index=3), terms) == []


def test_policy_that_forbids_the_terms(node, terms):
    terms.update(threshold=4, withdrawal_addresses=[terms["operators"][3]])
    found = "\n".join(texts(node, terms))
    assert "withdrawal address of validator 0 is %s" % terms["operators"][3] in found
    assert "the threshold is 4" in found and "change the policy by hand" in found


def test_wallet_that_states_another_address(node, terms, people, place):
    value = json.loads((place / "wallet.json").read_text())
    value["address"] = people[1].address[2:]
    (place / "wallet.json").write_text(json.dumps(value))
    assert "holds the key of %s; wanted: the key of %s" % (people[0].address, people[1].address) in "\n".join(texts(node, terms))


@pytest.fixture
def accepted(node, place, proposed, approved, people):
    """The same node, after its operator signed and the definition was accepted."""
    (place / ".charon").mkdir()
    (place / ".charon" / layout.NODE_KEY).write_text(people[0].node_key.hex())
    _directories, approvals = approved
    definition = assemble(proposed, {index: given.dump() for index, given in approvals.items()}, HOODI)
    approve(people[0].approver(node.data_dir.root, confirmed_config_hash=proposed.config_hash), proposed, HOODI, people[0], {})
    inbox = {approval_name(index): given.dump() for index, given in approvals.items()}
    acceptance.accept_definition(node.data_dir, definition, enr.parse(people[0].enr).public_key, inbox=inbox)
    return definition


def test_after_the_signature_neither_wallet_nor_policy_is_needed(accepted, node, terms, place):
    for name in ("wallet.json", "password.txt", "policy.yml"):
        (place / name).unlink()
    assert texts(node, terms) == []


def test_finished_cluster_whose_charon_runs_on_a_full_disk(accepted, node, terms, people, place, monkeypatch):
    (place / ".charon" / "cluster-lock.json").write_bytes(b'{"cluster_definition": %s}' % accepted.dump())
    in_use()(place)
    (place / ".charon" / layout.NODE_KEY).write_text(people[0].node_key.hex())
    monkeypatch.setattr(os, "statvfs", lambda path: pytest.fail("asked for the free space"))
    assert texts(node, terms) == []


def test_changed_terms_after_signatures(accepted, node, terms, tmp_path, tree):
    before = tree(tmp_path)
    found = "\n".join(texts(node, {**terms, "threshold": 4, "network": "mainnet"}))
    assert "dv_threshold: the definition has 3, the terms say 4" in found
    assert 'dv_network: the definition has "hoodi", the terms say "mainnet"' in found
    assert "set the variables back, or choose a new data directory" in found
    assert tree(tmp_path) == before


def test_changed_terms_on_the_creators_node(node, terms, people):
    proposal.propose(node.data_dir, parse_config(terms), people[0], "A", "now")
    assert "dv_name: the definition has" in "\n".join(texts(node, {**terms, "name": "other"}))


def test_lost_node_key(accepted, node, terms, place):
    (place / ".charon" / layout.NODE_KEY).unlink()
    assert "has no %s, but it took part in a cluster" % layout.NODE_KEY in "\n".join(texts(node, terms))


def test_changed_node_key(accepted, node, terms, place):
    (place / ".charon" / layout.NODE_KEY).write_text("42" * 32)
    assert "is not the key of any operator" in "\n".join(texts(node, terms))


def in_store(proposed, approvals):
    """The proposal and the approvals as a store holds them."""
    return {"proposal.json": proposed.dump().decode(), **{approval_name(index): given.dump() for index, given in approvals.items()}}


def test_lost_data_directory_after_the_approval(proposed, approved, node, terms, people, place):
    """The others would make a definition with a key that nobody has."""
    approvals = in_store(proposed, approved[1])
    (found,) = texts(node, terms, approvals)
    assert "approvals/1.json, for the ENR %s, is signed by this operator's wallet" % people[0].enr in found
    (place / ".charon").mkdir()
    (place / ".charon" / layout.NODE_KEY).write_text("42" * 32)
    (found,) = texts(node, terms, approvals)
    assert "this node has no record of it" in found and "from its backup" in found and "new proposal" in found
    del approvals["approvals/1.json"]
    assert texts(node, terms, approvals) == []


def test_lost_record_of_the_approval(proposed, approved, node, terms, people, place):
    """With the same key the approval counts as given."""
    (place / ".charon").mkdir()
    (place / ".charon" / layout.NODE_KEY).write_text(people[0].node_key.hex())
    assert texts(node, terms, in_store(proposed, approved[1])) == []


def test_approvals_of_an_address_with_several_places(node, terms, people, tmp_path):
    shared = [people[0].address, people[0].address, *terms["operators"][2:]]
    terms = {**terms, "operators": shared, "allow_shared_operator_address": True}
    made, _new = proposal.propose(DataDir(tmp_path / "shared"), parse_config(terms), people[0], "A", "now")
    approver = people[0].approver(tmp_path / "first", confirmed_config_hash=made.config_hash, share_index=1)
    given, _new = approve(approver, made, HOODI, people[0], {})
    approvals = in_store(made, {1: given, 2: given})
    assert "approvals/1.json, for the ENR" in "\n".join(texts(replace(node, share_index=1), terms, approvals))
    # What is of the first place, copied to the second one by whoever carried it, says nothing of that.
    assert "approvals/2.json" not in "\n".join(texts(replace(node, share_index=2), terms, approvals))


def test_a_proposal_of_other_terms_is_told_before_it_is_signed(proposed, node, terms, place):
    others = {**terms, "num_validators": 3, "fee_recipient_addresses": terms["fee_recipient_addresses"][:1], "threshold": 4}
    (place / "policy.yml").write_text(policy.allowing(parse_config(others)))
    (found,) = texts(node, others, in_store(proposed, {}))
    assert found.startswith("the creator's proposal has other terms than this node's variables:\n")
    assert "dv_num_validators: the definition has 2, the terms say 3\n" in found
    assert "dv_threshold: the definition has 3, the terms say 4\n" in found


def test_addresses_are_compared_whatever_their_letters(node, terms, people):
    """Who wrote one in lower case has the same place, and is the same creator."""
    agreed = {**terms, "creator": people[0].address}
    for address in (None, people[0].address, people[0].address.lower()):
        assert texts(replace(node, address=address), terms) == []
        assert preflight.summarize(replace(node, address=address), agreed, {})["can_propose"] is True
    assert preflight.summarize(node, {**terms, "creator": DEAD}, {})["can_propose"] is False


@pytest.mark.parametrize("variable, field", preflight.PATHS.items())
def test_relative_paths(variable, field, node, terms):
    path = DataDir("charon/x") if field == "data_dir" else "charon/x"
    (found, *_consequences) = texts(replace(node, **{field: path}), terms)
    assert found.startswith("%s is the relative path charon/x; wanted: one that begins with / or ~" % variable)


#: On a network with real value: how terms or node differ, and the text that is told.
HAZARDS = {
    "demo_operators": ({}, {"demo": True}, "the operators are made up (dv_demo)"),
    "dead_withdrawal_address": (
        {"withdrawal_addresses": [DEAD]},
        {},
        "dv_withdrawal_addresses[0] is %s, which is nobody's own: what is withdrawn" % DEAD,
    ),
    "dead_fee_recipient_address": (
        {"fee_recipient_addresses": [DEAD]},
        {},
        "dv_fee_recipient_addresses[0] is %s, which is nobody's own: fees" % DEAD,
    ),
    "threshold": ({"threshold": 2}, {}, "dv_threshold is 2 of 4 operators, fewer than two thirds"),
}


def test_every_hazard_is_tested():
    assert HAZARDS.keys() == hazards.HAZARDS.keys()


@pytest.mark.parametrize("name", HAZARDS)
def test_hazards_are_accepted_by_name(name, node, terms, place):
    more, about_node, text = HAZARDS[name]
    node = replace(node, **about_node)
    for network, told in {"hoodi": [], "mainnet": [text]}.items():
        own = dict.fromkeys(("withdrawal_addresses", "fee_recipient_addresses"), terms["operators"][:1])
        wanted = {**terms, **own, "network": network, **more}
        (place / "policy.yml").write_text(policy.allowing(parse_config(wanted)))
        found = texts(node, wanted)
        assert [each.partition(text)[1] for each in found] == told
        assert not found or found[0].endswith("wanted: something else on mainnet; if it is meant, add %s to the list dv_accept" % name)
        assert texts(replace(node, accept=(name,)), wanted) == []
        accepted = preflight.summarize(replace(node, accept=(name,)), wanted, {})["accepted"]
        assert len(accepted) == len(told) and all(each.startswith(text) for each in accepted)
    (found,) = texts(replace(node, accept=(name, "everything")), wanted)
    assert found.startswith(
        'dv_accept has "everything"; wanted: some of demo_operators, dead_withdrawal_address, dead_fee_recipient_address, threshold'
    )


@pytest.mark.parametrize(
    "address",
    [
        "0x0000000000000000000000000000000000000001",
        "0x1111111111111111111111111111111111111111",
        "0xdEAD000000000000000042069420694206942069",
        "0x00000000219ab540356cBB839Cbe05303d7705Fa",
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    ],
)
def test_addresses_that_are_nobodys_own(terms, address):
    wanted = parse_config(
        {**terms, "network": "mainnet", "withdrawal_addresses": terms["operators"][:1], "fee_recipient_addresses": [address]}
    )
    assert list(hazards.of(wanted, False)) == ["dead_fee_recipient_address"]


def test_another_hash_confirmed_than_the_proposals(proposed, node, terms):
    node = replace(node, confirmed_config_hash=b"\x01" * 32)
    assert any("other terms than those that were confirmed" in text for text in texts(node, terms, inbox=in_store(proposed, {})))


def test_terms_are_told_though_something_is_wrong(node, terms):
    told = preflight.summarize(replace(node, policy_file="/none", wallet_file="/none", address=None), {**terms, "threshold": 2}, {})
    assert told["terms"]["threshold"] == 2 and told["terms"]["operators"] == terms["operators"]
    assert preflight.summarize(node, {**terms, "threshold": 9}, {})["terms"] is None


def test_who_can_propose_is_no_question_where_a_proposal_is(proposed, accepted, node, terms):
    assert preflight.summarize(node, terms, in_store(proposed, {}))["can_propose"] is None
    assert preflight.summarize(node, terms, {})["can_propose"] is None


@pytest.mark.parametrize("carried", ["{}", "", "[]", "another ENR", "another cluster", "another wallet"])
def test_what_the_wallet_did_not_sign_stops_nobody(carried, proposed, approved, node, terms, people):
    given = approved[1][1]
    forged = {
        "another ENR": replace(given, enr=people[1].enr, config_signature=b"\1" * 65),
        "another cluster": replace(
            given,
            config_hash=b"\7" * 32,
            config_signature=people[0].sign(eip712.operator_config(b"\7" * 32, HOODI.chain_id)),
            binding_signature=b"",
        ),
        "another wallet": replace(given, **{name: people[1].sign(made(given, HOODI.chain_id)) for name, made in approval.SIGNED.items()}),
    }
    text = forged[carried].dump() if carried in forged else carried
    assert texts(node, terms, {**in_store(proposed, {}), "approvals/1.json": text}) == []


def test_lock_of_another_definition(accepted, node, terms, place):
    other = with_hashes(replace(accepted, uuid="B"))
    (place / ".charon" / "cluster-lock.json").write_bytes(b'{"cluster_definition": %s}' % other.dump())
    found = "\n".join(texts(node, terms))
    assert other.definition_hash.hex() in found and accepted.definition_hash.hex() in found


def test_damaged_lock_without_a_definition_beside_it(accepted, node, terms, place):
    lock = b'{"cluster_definition": %s, "distributed_validators": "rubbish"}' % accepted.dump()
    (place / ".charon" / "cluster-definition.json").unlink()
    (place / ".charon" / "cluster-lock.json").write_bytes(lock)
    assert "distributed_validators" in "\n".join(texts(node, terms))


@pytest.mark.parametrize("name", preflight.LIBRARIES)
@pytest.mark.parametrize("version", [None, "0.0.1"])
def test_missing_and_old_libraries(name, version, node, terms, monkeypatch):
    real = importlib.metadata.version

    def find(asked):
        if asked == name and version is None:
            raise importlib.metadata.PackageNotFoundError(asked)
        return version if asked == name else real(asked)

    monkeypatch.setattr(importlib.metadata, "version", find)
    found = texts(node, terms)
    assert len(found) == 1
    assert name in found[0] and "requirements-node.txt" in found[0]


def test_old_python(node, terms, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 1))
    assert texts(node, terms) == [
        "%s is Python 3.8; wanted: Python 3.11 or newer; set ansible_python_interpreter of this node to a newer one" % sys.executable
    ]


# Bytes and files that are free, the number of validators, and what is said.
FULL = {
    "few bytes": (200_000, 10**6, 2, "0.2 MB of free space; wanted: 8.4 MB for 2 validators and 4 operators"),
    "few files": (10**12, 90, 2, "room for 90 files; wanted: 504 for 2 validators"),
    "many validators": (10**9, 10**6, 65536, "1000.0 MB of free space; wanted: 1619.0 MB for 65536 validators"),
}


@pytest.mark.parametrize("free, free_files, validators, fragment", FULL.values(), ids=FULL)
def test_full_disk(free, free_files, validators, fragment, node, terms, monkeypatch):
    monkeypatch.setattr(
        os,
        "statvfs",
        lambda path: os.statvfs_result((4096, 1, 10**12, free + 5, free, 10**9, free_files + 5, free_files, 0, 255)),
    )
    terms.update(num_validators=validators, fee_recipient_addresses=[DEAD])
    assert fragment in "\n".join(texts(node, terms))


@pytest.fixture
def open_place():
    """A directory that other users may enter, which pytest's own is not."""
    path = pathlib.Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    for each in path.rglob("*"):
        if each.is_dir():
            each.chmod(0o700)
    shutil.rmtree(path)


def unprivileged(deed):
    """What ``deed`` returns (a JSON value) when it runs as a user who is not root, in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            with os.fdopen(writer, "w") as file:
                json.dump(deed(), file)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        answer = file.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def moved(node, place):
    """The node with its files in ``place``, owned by the unprivileged user."""
    made = {}
    for field in ("wallet_file", "password_file", "policy_file"):
        path = place / os.path.basename(getattr(node, field))
        shutil.copy(getattr(node, field), path)
        path.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        made[field] = str(path)
    return replace(node, data_dir=DataDir(place / ".charon"), **made)


# Which directory or file loses its permissions, its mode, and what is said.
CLOSED = {
    "parent not writable": (".", 0o555, "cannot make"),
    "data directory not writable": (".charon", 0o555, "cannot use"),
    "data directory not readable": (".charon", 0o000, "cannot use"),
    "wallet not readable": ("wallet.json", 0o000, "cannot read"),
    "password not readable": ("password.txt", 0o000, "cannot read"),
    "policy not readable": ("policy.yml", 0o000, "cannot read"),
    "key not readable": (".charon/" + layout.NODE_KEY, 0o000, "cannot read"),
    "definition not readable": (".charon/cluster-definition.json", 0o000, "cannot read"),
}


@pytest.mark.parametrize("name, mode, fragment", CLOSED.values(), ids=CLOSED)
def test_without_permission(name, mode, fragment, node, terms, open_place):
    assert texts(node, terms) == []  # and every library is loaded
    node = moved(node, open_place)
    if name.startswith(".charon"):
        (open_place / ".charon").mkdir()
        if "/" in name:
            (open_place / name).write_text("{}")
    for path in (open_place, open_place / ".charon", open_place / name):
        if path.exists() and os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    assert unprivileged(os.geteuid) != 0
    before = sorted(open_place.rglob("*"))
    (open_place / name).chmod(mode)
    found = "\n".join(unprivileged(lambda: texts(node, terms)))
    assert fragment in found and "give the user" in found
    (open_place / name).chmod(0o700)
    assert sorted(open_place.rglob("*")) == before


def test_good_node_as_unprivileged_user(node, terms, open_place):
    assert texts(node, terms) == []
    node = moved(node, open_place)
    if os.geteuid() == 0:
        os.chown(open_place, NOBODY, NOBODY)
    assert unprivileged(lambda: texts(node, terms)) == []


def test_owner_that_only_root_can_give_files_to(node, terms, open_place):
    assert texts(node, terms) == []
    node = replace(node, owner="54321:65432")
    if os.geteuid() == 0:
        assert texts(node, terms) == []
        os.chown(open_place, NOBODY, NOBODY)
    node = moved(node, open_place)
    found = unprivileged(lambda: texts(node, terms))
    assert len(found) == 1 and found[0].startswith("dv_data_owner is 54321:65432, but the user of this task is ")
    assert list(open_place.glob(".charon")) == []


def test_policy_of_another_user(node, terms, open_place):
    assert texts(node, terms) == []
    node = moved(node, open_place)
    os.chmod(node.policy_file, 0o644)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(node.policy_file, NOBODY - 1, NOBODY)
    os.chown(open_place, NOBODY, NOBODY)
    found = unprivileged(lambda: texts(node, terms))
    assert len(found) == 1 and "belongs to the user with number %d" % (NOBODY - 1) in found[0]


def test_small_tmpfs(node, terms, place):
    """A real file system that is too small, and a step that runs into its end."""
    small = place / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small tmpfs")
    try:
        node = replace(node, data_dir=DataDir(small / ".charon"))
        assert "free space; wanted: 8.4 MB" in "\n".join(texts(node, terms))
        (small / "filler").write_bytes(bytes(os.statvfs(small).f_bavail * 4096))
        assert list(small.iterdir()) == [small / "filler"]
        with pytest.raises(DvError, match="No space left on device; free some space, then run again"):
            files.write_new(str(small / "file"), b"x")
        assert list(small.iterdir()) == [small / "filler"]
    finally:
        subprocess.run(["umount", str(small)], check=True)
