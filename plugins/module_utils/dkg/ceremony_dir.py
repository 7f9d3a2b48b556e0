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
        derived/<name>                the cache: results kept to save time, some of them secret; each says what it belongs to

Directories are 0700, files 0600. Every file is written whole, made durable before anything that depends on it, and
never written again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping

from ..cluster.node_status import changed_at
from ..data_dir.layout import DataDir
from ..storage import files
from .protocol.derivation import SEED_SIZE
from .protocol.messages import KINDS

# The name of a ceremony's directory.
_HASH = re.compile("[0-9a-f]{64}")

#: The directories of an attempt, from the top down.
_DIRECTORIES = ("", "out", "in", *(f"in/{round_name}" for round_name in KINDS), "evidence", "keys", "derived")


class CeremonyDir:
    """The ceremony of one definition on one node. ``changed`` says whether anything was written or erased."""

    def __init__(self, data_dir: DataDir, definition_hash: bytes):
        self.data_dir, self.definition_hash, self.changed = data_dir, definition_hash, False
        self.directory = data_dir.ceremony(definition_hash)

    def attempt(self, number: int) -> "AttemptDir":
        """The attempt of that number; it need not exist yet."""
        return AttemptDir(self, number)

    def attempts(self) -> list["AttemptDir"]:
        """All attempts of which there is anything, ascending."""
        names = files.names(self.directory)
        return [self.attempt(number) for number in sorted(int(name) for name in names if name.isdecimal())]

    def siblings(self) -> list["CeremonyDir"]:
        """The ceremonies of other definitions in the same data directory."""
        directory, own = os.path.split(self.directory)
        hashes = [name for name in files.names(directory) if _HASH.fullmatch(name) and name != own]
        return [CeremonyDir(self.data_dir, bytes.fromhex(name)) for name in hashes if files.is_directory(os.path.join(directory, name))]

    def has_sent(self) -> bool:
        """Whether there is a message of ours in any attempt."""
        return any(attempt.sent_rounds() for attempt in self.attempts())

    def recover(self) -> None:
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

    def read(self, path: str) -> bytes | None:
        """The content of the file ``path``."""
        return files.read_if_exists(path)

    def exists(self, path: str) -> bool:
        return files.exists(path)

    def write(self, path: str, content: bytes) -> None:
        """Write the new file ``path`` durably, its directories too."""
        self.write_all({path: content})

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """The same for several files of one directory, by their paths."""
        for directory in {os.path.dirname(path) for path in contents}:
            files.make_directory(directory)
        files.write_all_new(contents)
        self.changed |= bool(contents)

    def replace(self, path: str, content: bytes) -> None:
        """The same for a file that may be there."""
        files.make_directory(os.path.dirname(path))
        files.replace(path, content)
        self.changed = True


class AttemptDir:
    """One attempt's files. Messages are JWS texts, ``operator`` is a share index."""

    def __init__(self, ceremony_dir: CeremonyDir, number: int):
        self._ceremony_dir, self.number = ceremony_dir, number
        self.directory = os.path.join(ceremony_dir.directory, str(number))
        self.keys = os.path.join(self.directory, "keys")

    def seed(self) -> bytes | None:
        """The seed (32 bytes): of another length it is none."""
        content = files.read_if_exists(self._path("seed"))
        return content if content is not None and len(content) == SEED_SIZE else None

    def has_seed(self) -> bool:
        """Whether there is something that should be the seed."""
        return os.path.lexists(self._path("seed"))

    def write_seed(self, seed: bytes) -> None:
        """Link the new ``seed`` (32 bytes) into place; never over another."""
        self._ceremony_dir.write(self._path("seed"), seed)

    # Messages

    def sent(self, round_name: str) -> str | None:
        """Our message of that round."""
        return self._text(self._sent_path(round_name))

    def write_sent(self, round_name: str, text: str) -> None:
        """Write our message of that round: from now on it counts as sent."""
        self._ceremony_dir.write(self._sent_path(round_name), text.encode())

    def sent_rounds(self) -> list[str]:
        """The rounds of which there is a message of ours, an abort among them."""
        return [round_name for round_name in KINDS if self._ceremony_dir.exists(self._sent_path(round_name))]

    def last_sent(self) -> float | None:
        """When we last sent something (Unix seconds)."""
        return changed_at(*map(self._sent_path, KINDS))

    def received(self, round_name: str, operator: int) -> str | None:
        """The good message of ``operator`` in that round."""
        return self._text(self.received_path(round_name, operator))

    def received_path(self, round_name: str, operator: int) -> str:
        return self._path("in", round_name, f"{operator}.jws")

    def write_received(self, round_name: str, texts: Mapping[int, str]) -> None:
        """Keep the first good messages of that round, by their operators."""
        self._ceremony_dir.write_all({self.received_path(round_name, operator): text.encode() for operator, text in texts.items()})

    def publishable(self, operators: Iterable[int]) -> Iterator[tuple[str, int, str]]:
        """(round, operator, text) of the confirms, seals and aborts of others that we hold: hosts hand them on."""
        for round_name in ("confirm", "seal", "abort"):
            for operator in operators:
                text = self.received(round_name, operator)
                if text is not None:
                    yield round_name, operator, text

    # What is wrong

    def accusation_path(self, round_name: str, operator: int) -> str:
        return self._path("evidence", f"{round_name}-{operator}.json")

    def accusations(self, operators: Iterable[int]) -> list[tuple[str, int, str]]:
        """(round, operator, path) of every accusation, in the order of the rounds."""
        each = ((round_name, operator, self.accusation_path(round_name, operator)) for round_name in KINDS for operator in operators)
        return [accusation for accusation in each if self._ceremony_dir.exists(accusation[2])]

    def write_accusation(self, round_name: str, operator: int, accusation: bytes) -> bool:
        """Keep the first accusation of ``operator`` in that round. False if there is one."""
        path = self.accusation_path(round_name, operator)
        if self._ceremony_dir.exists(path):
            return False
        self._ceremony_dir.write(path, accusation)
        return True

    def refused(self, round_name: str, operator: int) -> set[bytes]:
        """The digests (32 bytes) of the signing inputs of more messages that are wrong."""
        name = _refused(round_name, operator)
        content = self.cache_get(name, name.encode()) or b""
        return {content[i : i + 32] for i in range(0, len(content), 32)}

    def write_refused(self, round_name: str, operator: int, digest: bytes) -> None:
        """Keep one more of them, where the evidence is of another one. If this is lost, it is only checked again."""
        name = _refused(round_name, operator)
        self.cache_put(name, name.encode(), (self.cache_get(name, name.encode()) or b"") + digest)

    def contradictions(self) -> list[str]:
        """The paths of messages under our own key that contradict ours."""
        return [path for path in map(self._contradiction_path, KINDS) if self._ceremony_dir.exists(path)]

    def write_contradiction(self, round_name: str, text: str) -> None:
        """Keep a message under our own key that contradicts ours: this attempt is over for us."""
        path = self._contradiction_path(round_name)
        if not self._ceremony_dir.exists(path):
            self._ceremony_dir.write(path, text.encode())

    # What can be computed again, and what is erased in the end

    def cache_get(self, name: str, binding: bytes) -> bytes | None:
        """What :meth:`cache_put` got under ``name`` with the same ``binding``."""
        content = self._ceremony_dir.read(self._path("derived", name)) or b""
        checksum, value = content[:32], content[32:]
        return value if checksum == hashlib.sha256(binding + value).digest() else None

    def cache_put(self, name: str, binding: bytes, value: bytes) -> None:
        """Keep ``value``, with the ``binding`` (32 bytes) that says what it belongs to."""
        self._ceremony_dir.replace(self._path("derived", name), hashlib.sha256(binding + value).digest() + value)

    def erase_secrets(self, keys: bool = True) -> None:
        """Erase the seed, the key shares that were not moved away (unless ``keys`` is False), and the cache. The messages stay."""
        self._ceremony_dir.changed |= files.erase(self._path("seed"))
        for directory in (*([self.keys] if keys else []), self._path("derived")):
            self._ceremony_dir.changed |= files.erase_directory(directory)

    def _sent_path(self, round_name):
        return self._path("out", f"{round_name}.jws")

    def _contradiction_path(self, round_name):
        return self._path("evidence", f"own-{round_name}.jws")

    def _text(self, path):
        content = self._ceremony_dir.read(path)
        return None if content is None else content.decode("ascii", "replace")

    def _path(self, *names):
        return os.path.join(self.directory, *names)


def _refused(round_name, operator):
    return f"refused-{round_name}-{operator}"
