# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""age, the format of encrypted files (age-encryption.org/v1): who can open one, how it is made and opened. Nothing else imports pyrage.

A recipient is a public key as text: one of age itself (X25519, ``age1...``), or an SSH key (``ssh-ed25519`` or ``ssh-rsa``)
as in a ``.pub`` file. Its owner opens the file with the private key: ``age --decrypt --identity KEY``. A file that a passphrase
opens, opens by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import Collector, DvError

#: Stands for a passphrase in a list of recipients, as the format calls it.
PASSPHRASE = "scrypt"
#: Fewest characters of a passphrase: who has the file tries shorter ones out.
MIN_PASSPHRASE = 12

# What pyrage says of a file that it does not open, unless that is damaged.
_REASONS = {"No matching keys found": "it is for others", "Decryption failed": "it has another passphrase, or is damaged"}

#: What is part of the text of a secret key, of age or of SSH.
SECRET = re.compile("SECRET-KEY|PRIVATE KEY|AGE-PLUGIN-", re.IGNORECASE)


def parse_recipients(texts: Iterable[str], what: str) -> list[str]:
    """The recipients of ``texts``, each in its only spelling, without comments, sorted and once.

    :param what: the list's name in errors
    :raises DvError: there is none, or some are no recipients; no text of them is shown, since it may be a secret
    """
    problems, recipients = Collector(), set()
    for position, text in enumerate(texts):
        with problems:
            recipients.add(_spelled(text, f"{what}[{position}]"))
    problems.raise_any()
    if not recipients:
        raise DvError(f"{what} is empty", "recipients of age", "name at least one, e.g. the public key that age-keygen tells")
    return sorted(recipients)


def encrypt(content: bytes, recipients: Iterable[str]) -> bytes:
    """The armored age file (ASCII) of ``content``: each of ``recipients``, as parsed, can open it."""
    import pyrage

    return bytes(pyrage.encrypt(content, [_recipient(text) for text in recipients], armored=True))


def encrypt_with_passphrase(content: bytes, passphrase: str) -> bytes:
    """The same for whoever knows ``passphrase``. To derive its key takes a second, here and for each who tries to open it."""
    import pyrage

    return bytes(pyrage.passphrase.encrypt(content, passphrase, armored=True))


class Opener:
    """What opens age files: identities, which are private keys, or a passphrase."""

    def __init__(self, decrypt: Callable[[bytes], bytes], wanted: str) -> None:
        self._decrypt, self._wanted = decrypt, wanted

    @classmethod
    def of_identities(cls, content: bytes, what: str) -> Opener:
        """That of an identity file as ``age-keygen`` writes it, or of an SSH private key without a passphrase of its own.

        :param what: the file's name in errors
        :raises DvError: there is no identity in it; nothing of it is shown
        """
        import pyrage

        identities = _identities(content, what)
        return cls(lambda encrypted: pyrage.decrypt(encrypted, identities), f"one that an identity in {what} opens")

    @classmethod
    def of_passphrase(cls, content: bytes, what: str) -> Opener:
        """That of the passphrase in a file with that ``content``; errors as of :func:`parse_passphrase`."""
        import pyrage

        passphrase = parse_passphrase(content, what)
        return cls(lambda encrypted: pyrage.passphrase.decrypt(encrypted, passphrase), f"one that the passphrase in {what} opens")

    def open(self, encrypted: bytes, what: str) -> bytes:
        """The content of the age file ``encrypted``, called ``what`` in errors.

        :raises DvError: it is damaged, or for others
        """
        import pyrage

        try:
            return self._decrypt(encrypted)
        except pyrage.DecryptError as error:
            reason = _REASONS.get(str(error), "it is damaged")
            hint = "see that it is whole, and for whom it is: that stands in its record, the .json beside it"
            raise DvError(f"{what} does not open: {reason}", self._wanted, hint) from None


def parse_passphrase(content: bytes, what: str) -> str:
    """The passphrase in the first line of a file with that ``content``, called ``what`` in errors, which do not show it.

    :raises DvError: there is none, or a short one
    """
    try:
        passphrase = content.decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        passphrase = ""
    if len(passphrase) < MIN_PASSPHRASE:
        raise DvError(
            f"{what} holds a passphrase of {len(passphrase)} characters",
            f"one of at least {MIN_PASSPHRASE} characters in its first line, in UTF-8",
            "who gets the backup can try passphrases without end: take several random words",
        )
    return passphrase


def _identities(content: bytes, what: str) -> Sequence[Any]:
    """The identities, as pyrage has them, of a file with that ``content``."""
    import pyrage

    wanted = "lines AGE-SECRET-KEY-1..., as age-keygen writes them, or an SSH private key without a passphrase"
    hint = "name the file that belongs to a recipient; one that is encrypted itself is decrypted first, those of plugins are not taken"
    try:
        if content.lstrip().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----") or b" PRIVATE KEY-----" in content[:64]:
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except BaseException as error:  # pylint: disable=broad-exception-caught
        # pyrage panics over some damaged SSH keys.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        found = []
    if not found:
        raise DvError(f"{what} holds no identity of age", wanted, hint)
    return found


def _spelled(text: str, what: str) -> str:
    """One recipient in its only spelling."""
    if SECRET.search(text):
        raise DvError(
            f"{what} is a secret key",
            "its public key",
            "whoever has seen it here can open what is encrypted for it: make a new one, with age-keygen",
        )
    try:
        (line,) = text.strip().splitlines()
        if not line.startswith(("ssh-ed25519 ", "ssh-rsa ")):
            return str(_recipient(line))
        # pyrage panics over some damaged SSH keys.
        from cryptography.hazmat.primitives.serialization import load_ssh_public_key

        without_comment = " ".join(line.split()[:2])
        load_ssh_public_key(without_comment.encode())
        _recipient(without_comment)
        return without_comment
    except Exception:  # pylint: disable=broad-exception-caught
        raise DvError(
            f"{what} is no recipient",
            "an age public key (age1..., X25519), or an SSH public key of the type ssh-ed25519 or ssh-rsa",
            "copy it once more; others, as the post-quantum ones of age, are not taken",
        ) from None


def _recipient(text: str) -> Any:
    import pyrage

    # ``age1...`` or ``ssh-...``
    return (pyrage.ssh if text.startswith("ssh-") else pyrage.x25519).Recipient.from_str(text)
