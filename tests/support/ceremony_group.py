# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four nodes and their store. Their modules run one at a time, as Ansible runs them, and are given and give what the carrier
would carry."""

import contextlib
import importlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from ansible.module_utils.testing import patch_module_args
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.plugins.module_utils.verify.artefacts import verify_path
from ansible_collections.obol.dv.plugins.plugin_utils.stores.registry import open_store
from ansible_collections.obol.dv.tests.support import playbook, strace
from ansible_collections.obol.dv.tests.support.inventory import DEAD

COLLECTION = "ansible_collections.obol.dv.plugins"
ROUNDS = ("commit", "deal", "confirm", "sign", "seal", "finish")

#: The whole way of the cluster: (module, node), one after the other. The last operator is made up.
STEPS = (
    *(("wallet", node) for node in range(1, 4)),
    ("demo_operator", 4),
    # Its policy, once all operators have a wallet.
    ("demo_operator", 4),
    *(("enr", node) for node in range(1, 5)),
    ("proposal", 1),
    *(("approval", node) for node in range(1, 5)),
    *(("definition", node) for node in range(1, 5)),
    *(("dkg", node) for _round in ROUNDS for node in range(1, 5)),
)


def step_of_round(round, node):
    """The place in ``STEPS`` of the run of the dkg module at ``node`` that sends its message of ``round``."""
    return len(STEPS) - 4 * (len(ROUNDS) - ROUNDS.index(round)) + node - 1


#: Where faults are met. Before the DKG one node stands for all. In the DKG the first of a run has a round for each run, the
#: last often two.
PLACES = [
    *map(STEPS.index, (("wallet", 2), ("demo_operator", 4), ("enr", 2), ("proposal", 1), ("approval", 2), ("definition", 2))),
    STEPS.index(("demo_operator", 4)) + 1,
    *(step_of_round(round, node) for node in (1, 4) for round in ROUNDS),
]


def name_of_place(place):
    """The name of a test at ``place``."""
    return "%d-%s-%d" % (place, *STEPS[place])


class Run:
    """What a module printed: ``result`` (dict), or None if it was killed."""

    def __init__(self, returncode, stdout, stderr):
        self.killed = returncode in (-9, 137)
        assert self.killed or not stderr, stderr
        self.result = None if self.killed else json.loads(stdout)
        self.failed = bool(self.result and self.result.get("failed"))
        self.msg = self.result.get("msg", "") if self.result else ""


def start_module(name, arguments, tracer=()):
    """The process of the module ``name`` with these ``arguments`` (dict), for :func:`end_module`.

    :param tracer: a command line that runs another one
    """
    with tempfile.TemporaryFile("w+") as given:
        json.dump({"ANSIBLE_MODULE_ARGS": arguments}, given)
        given.seek(0)
        return subprocess.Popen(
            [*tracer, sys.executable, "-B", "-m", "%s.modules.%s" % (COLLECTION, name)],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path)), "PYTHONHASHSEED": "0"},
        )


def end_module(process):
    """Wait for a module that was started; its :class:`Run`."""
    stdout, stderr = process.communicate(timeout=300)
    return Run(process.returncode, stdout, stderr)


class CeremonyGroup:
    """A cluster below ``directory``: ``node1`` ... ``node4``, each with wallet, policy and ``.charon``, and ``store``."""

    def __init__(self, directory, store="store"):
        self.directory = pathlib.Path(directory)
        self.nodes = [self.directory / ("node%d" % node) for node in range(1, 5)]
        self.data_dirs = playbook.data_dirs(self.directory)
        self.store = open_store(str(self.directory / store))

    def begin(self):
        """Make the directories around the data directories."""
        for node in self.nodes:
            node.mkdir(parents=True)
        return self

    def _write_policy(self, node):
        """Write the policy of an operator who is not made up: the only thing that no module writes."""
        path, terms = self.nodes[node - 1] / "policy.yml", self.terms()
        if not path.exists():
            rules = ("withdrawal_addresses", "fee_recipient_addresses", "operators")
            path.write_text(json.dumps(dict(networks=["hoodi"], **{rule: terms[rule] for rule in rules})))
            path.chmod(0o600)

    def copy(self, directory):
        """All of it as it is now, in the place of whatever is at ``directory``."""
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(self.directory, directory)
        return CeremonyGroup(directory)

    def run(self, name, node, /, *arguments, **options):
        """Run the module ``name`` for a node in a process of its own; what it gives goes to the store.

        The parameters are those of :meth:`start`.

        :returns: a :class:`Run`
        """
        return self.end(self.start(name, node, *arguments, **options))

    def start(self, name, node, /, tracer=(), inbox=None, **arguments):
        """The process of such a run, for :meth:`end`.

        :param tracer: a command line that runs another one
        :param inbox: what the carrier brings (dict) instead of what is in the store
        """
        return start_module(name, self.arguments(name, node, inbox, **arguments), tracer)

    def end(self, process):
        """Wait for a run that was started; its :class:`Run`."""
        return self._deliver(end_module(process))

    def run_here(self, name, node, /, inbox=None, deliver=True, **arguments):
        """The same in this process, which spares its start.

        :param deliver: whether what it gives goes to the store
        """
        printed, code = io.StringIO(), 0
        with patch_module_args(self.arguments(name, node, inbox, **arguments)), contextlib.redirect_stdout(printed):
            try:
                _plugin("modules", name).main()
            except SystemExit as end:
                code = end.code
        run = Run(code, printed.getvalue(), "")
        return self._deliver(run) if deliver else run

    def finish(self, steps=STEPS):
        """Go through ``steps``; all must succeed."""
        for name, node in steps:
            done = self.run_here(name, node)
            assert not done.failed, (name, node, done.msg)

    def arguments(self, name, node, /, inbox=None, **more):
        """The arguments (dict) of the module ``name`` for a node, those of its specification."""
        own = self.nodes[node - 1]
        wallet_file, password_file = str(own / "wallet.json"), str(own / "wallet-password.txt")
        spec = _plugin("module_utils.module_backends", name).ARGUMENT_SPEC
        values = dict(
            data_dir=str(self.data_dirs[node - 1]),
            store=str(self.store),
            policy_file=str(own / "policy.yml"),
            wallet_file=wallet_file,
            wallet_password_file=password_file,
            path=wallet_file,
            password_file=password_file,
            create=True,
            backup_dir=str(own / "backups"),
        )
        if "terms" in spec:
            values["terms"] = self.terms()
        if name == "demo_operator" and "" not in values["terms"]["operators"]:
            for each in range(1, 4):
                self._write_policy(each)
        if "inbox" in spec:
            brings = getattr(_plugin("action", name).ActionModule, "BRINGS", ())
            values["inbox"] = self.inbox(brings) if inbox is None else inbox
        return {**{key: value for key, value in values.items() if key in spec}, **more}

    def inbox(self, brings=("dkg/",)):
        """What the carrier brings of the store."""
        return self.store.get_all(brings)

    def terms(self):
        wallets = [node / "wallet.json" for node in self.nodes]
        # As long as one is not made, its address is not known.
        addresses = [key_file_wallet.address(str(path)) if path.exists() else "" for path in wallets]
        return dict(
            name="tested",
            network="hoodi",
            num_validators=1,
            withdrawal_addresses=[DEAD],
            fee_recipient_addresses=[DEAD],
            operators=addresses,
            creator=addresses[0],
        )

    def _deliver(self, run):
        # Raises where another text is in the store under one of the names.
        self.store.put((run.result or {}).get("outbox") or {})
        return run

    def changes(self, place, log):
        """The calls (:class:`strace.Call`) by which the step at ``place`` changes something of its node, found by a run of it."""
        name, node = STEPS[place]
        assert not self.run(name, node, strace.record(log)).failed
        return [call for call in strace.read(log) if call.changes and call.below(self.nodes[node - 1])]

    # What is looked at

    def artefacts(self, node):
        """Path -> content of all that a node has written for good, but for where it loads key shares. A key share is told where it will
        lie in the end."""
        own, found = self.nodes[node - 1], {}
        for path in own.rglob("*"):
            name = str(path.relative_to(own))
            passing = path.name in ("seed", "lock") or {"derived", "loading"} & {*path.parts} or ".tmp" in [path.suffix, path.parent.suffix]
            if path.is_file() and not passing:
                place = ".charon/validator_keys/" + path.name if path.parent.name == "keys" else name
                found[place] = path.read_bytes()
        return found

    def check_kept(self, node, files):
        """That a node still has all of its ``files``, artefacts that it had before."""
        found = self.artefacts(node)
        assert {path: found.get(path) for path in files} == files

    def messages(self, node):
        """Name in the store -> text of all that a node has written of its own messages."""
        paths = self.data_dirs[node - 1].glob("ceremony/*/*/out/*.jws")
        return {"dkg/%s/%s/%s/%d.jws" % (*path.parts[-4:-2], path.stem, node): path.read_text() for path in paths}

    def check_complete(self):
        """One lock, every data directory verified, nothing left of the way, every message in the store as it was written."""
        assert len({(data_dir / "cluster-lock.json").read_bytes() for data_dir in self.data_dirs}) == 1
        for number, data_dir in enumerate(self.data_dirs, 1):
            report = verify_path(str(data_dir))
            assert report.ok, report.findings
            left = [path for path in data_dir.parent.rglob("*") if path.name in ("seed", "keys", "derived") or path.suffix == ".tmp"]
            assert left == []
            sent = self.messages(number)
            assert len(sent) >= 5 and {name: self.store.get(name) for name in sent} == sent


def _plugin(kind, name):
    return importlib.import_module("%s.%s.%s" % (COLLECTION, kind, name))
