# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""age, the format of encrypted files (age-encryption.org/v1): who can open one, and how it is made. Nothing else imports pyrage.

A recipient is a public key as text: one of age itself (X25519, ``age1...``), or an SSH key (``ssh-ed25519`` or ``ssh-rsa``)
as in a ``.pub`` file. Its owner opens the file with the private key: ``age --decrypt --identity KEY``.
"""

import re
from collections.abc import Iterable
from typing import Any

from ..errors import Collector, DvError

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


def encrypt(content: bytes, recipients: Iterable[str]) -> str:
    """The armored age file (ASCII) of ``content``: each of ``recipients``, as parsed, can open it."""
    import pyrage

    return pyrage.encrypt(content, [_recipient(text) for text in recipients], armored=True).decode()


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
