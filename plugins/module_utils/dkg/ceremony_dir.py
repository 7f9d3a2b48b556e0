# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a ceremony on one node. They are all the state there is: progress is what they say.

::

    <data dir>/ceremony/<definition hash>/<attempt>/
        seed                          32 random bytes: everything secret is derived from them
        out/<round>.jws               our messages, as they were sent
        in/<round>/<operator>.jws     the first message of another operator that passed its checks
        evidence/<round>-<operator>.json    an accusation: the first wrong message, with what proves it
        evidence/own-<round>.jws      a message under our own key that contradicts ours
        keys/                         our key shares, until they move to validator_keys/
        derived/<name>                results kept to save time, some of them secret; each says what it belongs to

Directories are 0700, files 0600. Every file is written whole, made durable before anything that depends on it, and
never written again.
"""

import hashlib
import os
import re

from ..cluster.node_status import changed_at
from ..data_dir.layout import KEYS, LOCK
from ..errors import DvError
from ..storage import files
from .protocol.derivation import SEED_SIZE
from .protocol.messages import KINDS

# The name of a home.
_HASH = re.compile("[0-9a-f]{64}")

#: The directories of an attempt, from the top down.
_DIRECTORIES = ("", "out", "in", *("in/%s" % round for round in KINDS), "evidence", "keys", "derived")


class Home:
    """The ceremony of one definition on one node. ``changed`` says whether anything was written or erased."""

    def __init__(self, data_dir, definition_hash):
        self.data_dir, self.changed = data_dir, False
        self.directory = data_dir.ceremony(definition_hash)

    def attempt(self, number):
        """The :class:`Attempt` of that number; it need not exist yet."""
        return Attempt(self, number)

    def attempts(self):
        """All attempts of which there is anything, ascending."""
        names = files.names(self.directory)
        return [self.attempt(number) for number in sorted(int(name) for name in names if name.isdecimal())]

    def siblings(self):
        """The homes of other definitions in the same data directory."""
        directory, own = os.path.split(self.directory)
        hashes = [name for name in files.names(directory) if _HASH.fullmatch(name) and name != own]
        return [Home(self.data_dir, bytes.fromhex(name)) for name in hashes if files.is_directory(os.path.join(directory, name))]

    def has_sent(self):
        """Whether there is a message of ours in any attempt."""
        return any(attempt.sent() for attempt in self.attempts())

    def recover(self):
        """Finish what an interrupted run left: its temporary files (they may be secret) go, its names become
        durable."""
        attempts = self.attempts()
        # The whole list first: a link among them is refused before anything is touched.
        for directory in [each for each in self._directories(attempts) if files.is_directory(each)]:
            files.remove_temporary_files(directory)
            files.sync_directory(directory)
        for attempt in attempts:
            files.remove_temporary_directory_of(attempt.keys)

    def _directories(self, attempts):
        """Every directory that there can be: files are made nowhere else."""
        yield self.directory
        for attempt in attempts:
            for name in _DIRECTORIES:
                yield os.path.join(attempt.directory, name)

    def read(self, path):
        """The content of the file ``path`` (bytes), or None."""
        return files.read_if_exists(path)

    def exists(self, path):
        """Whether there is a file ``path``."""
        return files.exists(path)

    def write(self, path, content):
        """Write the new file ``path`` durably, its directories too."""
        files.make_directory(os.path.dirname(path))
        files.write_new(path, content)
        self.changed = True

    def replace(self, path, content):
        """The same for a file that may be there."""
        files.make_directory(os.path.dirname(path))
        files.replace(path, content)
        self.changed = True


class Attempt:
    """One attempt's files."""

    def __init__(self, home, number):
        self._home, self.number = home, number
        self.directory = os.path.join(home.directory, str(number))
        self.keys = os.path.join(self.directory, "keys")

    def seed(self):
        """The seed (32 bytes), or None: of another length it is none."""
        content = files.read_if_exists(self._path("seed"))
        return content if content is not None and len(content) == SEED_SIZE else None

    def has_seed(self):
        """Whether there is something that should be the seed."""
        return os.path.lexists(self._path("seed"))

    def plant(self, seed):
        """Link the new ``seed`` (32 bytes) into place; never over another."""
        self._home.write(self._path("seed"), seed)

    def out(self, round):
        """Our message (text) of ``round``, or None."""
        return self._text("out", "%s.jws" % round)

    def send(self, round, text):
        """Write our message of ``round``: from now on it counts as sent."""
        self._home.write(self._path("out", "%s.jws" % round), text.encode())

    def sent(self):
        """The rounds of which there is a message of ours, an abort among them."""
        return [round for round in KINDS if self._home.exists(self._path("out", "%s.jws" % round))]

    def kept(self, round, operator):
        """The good message (text) of ``operator`` in ``round``, or None."""
        return self._text("in", round, "%d.jws" % operator)

    def kept_path(self, round, operator):
        """Where that message lies."""
        return self._path("in", round, "%d.jws" % operator)

    def keep(self, round, operator, text):
        """Keep the first good message of ``operator`` in ``round``."""
        self._home.write(self._path("in", round, "%d.jws" % operator), text.encode())

    def accuse(self, round, operator, accusation):
        """Keep the first accusation (bytes) of ``operator`` in ``round``. False if there is one."""
        path = self.evidence_path(round, operator)
        if self._home.exists(path):
            return False
        self._home.write(path, accusation)
        return True

    def evidence_path(self, round, operator):
        """Where the accusation of ``operator`` in ``round`` lies."""
        return self._path("evidence", "%s-%d.json" % (round, operator))

    def accusations(self, operators):
        """(round, operator, path) of every accusation, in the order of the rounds."""
        paths = ((round, operator, self.evidence_path(round, operator)) for round in KINDS for operator in operators)
        return [place for place in paths if self._home.exists(place[2])]

    def refuse(self, round, operator, digest):
        """Remember one more message that is wrong, by the ``digest`` (32 bytes) of its signing input, where the evidence is of
        another one. If this is lost, it is only checked again."""
        name = _refused(round, operator)
        self.remember(name, name.encode(), (self.recall(name, name.encode()) or b"") + digest)

    def refused(self, round, operator):
        """The digests of those messages."""
        name = _refused(round, operator)
        content = self.recall(name, name.encode()) or b""
        return {content[i : i + 32] for i in range(0, len(content), 32)}

    def contradict(self, round, text):
        """Keep a message under our own key that contradicts ours: this attempt is over for us."""
        path = self._path("evidence", "own-%s.jws" % round)
        if not self._home.exists(path):
            self._home.write(path, text.encode())

    def contradictions(self):
        """The paths of messages under our own key that contradict ours."""
        paths = (self._path("evidence", "own-%s.jws" % round) for round in KINDS)
        return [path for path in paths if self._home.exists(path)]

    def recall(self, name, binding):
        """What :meth:`remember` got under ``name`` with the same ``binding``, or None."""
        content = self._home.read(self._path("derived", name)) or b""
        checksum, value = content[:32], content[32:]
        return value if checksum == hashlib.sha256(binding + value).digest() else None

    def remember(self, name, binding, value):
        """Keep ``value`` (bytes), which can be computed again, with the 32 bytes ``binding`` that say what it
        belongs to."""
        self._home.replace(self._path("derived", name), hashlib.sha256(binding + value).digest() + value)

    def since(self):
        """When we last sent something (Unix seconds), or None."""
        return changed_at(*(self._path("out", "%s.jws" % round) for round in KINDS))

    def clear(self, keys=True):
        """Erase the seed, the key shares that were not moved away (unless ``keys`` is False), and what was kept to save time. The
        messages stay."""
        self._home.changed |= files.erase(self._path("seed"))
        for directory in (*([self.keys] if keys else []), self._path("derived")):
            self._home.changed |= files.erase_directory(directory)

    def held(self, operators):
        """(round, operator, text) of the confirms, seals and aborts of others that we hold: hosts hand them on."""
        for round in ("confirm", "seal", "abort"):
            for operator in operators:
                text = self.kept(round, operator)
                if text is not None:
                    yield round, operator, text

    def _text(self, *names):
        content = self._home.read(self._path(*names))
        return None if content is None else content.decode("ascii", "replace")

    def _path(self, *names):
        return os.path.join(self.directory, *names)


def _refused(round, operator):
    return "refused-%s-%d" % (round, operator)


def check_no_results(data_dir):
    """Refuse to begin where there are results of a ceremony.

    :raises DvError: there are; it names one
    """
    for name in files.names(data_dir.root):
        path = data_dir.path(name)
        filled = files.names(path) if name == KEYS else name == LOCK or name.startswith("deposit-data")
        if filled:
            raise DvError(
                "%s exists, and does not come from this ceremony" % path,
                "a data directory without lock, deposit data and validator keys",
                "give the new cluster a data directory of its own; keep the old one: its keys may be in use",
            )
