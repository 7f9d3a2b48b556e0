# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipients: whoever age knows, in one spelling; all others named by their place, never shown. The real age: test_backup_enr_key.py."""

import pyrage
import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto import age
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError, Problems
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

SSH = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
}
IDENTITY = pyrage.x25519.Identity.generate()
AGE = str(IDENTITY.to_public())


def public(name):
    return SSH[name].public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def private(name):
    return SSH[name].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode()


def test_each_recipient_opens_it():
    recipients = age.parse_recipients([AGE, public("ed25519"), public("rsa")], "them")
    text = age.encrypt(b"secret", recipients).decode()
    assert text.startswith("-----BEGIN AGE ENCRYPTED FILE-----\n") and text.endswith("-----END AGE ENCRYPTED FILE-----\n")
    for identity in (IDENTITY, *(pyrage.ssh.Identity.from_buffer(private(name).encode()) for name in ("ed25519", "rsa"))):
        assert pyrage.decrypt(text.encode(), [identity]) == b"secret"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(text.encode(), [pyrage.x25519.Identity.generate()])


def test_one_spelling():
    wanted = sorted([AGE, public("ed25519")])
    assert age.parse_recipients([public("ed25519") + " alice@laptop\n", " %s\n" % AGE, AGE.upper(), AGE], "them") == wanted


# What is given, and what is told of it.
BAD = {
    "empty": ("", "is no recipient"),
    "cut": (AGE[:-1], "is no recipient"),
    "one letter is wrong": (AGE[:-1] + ("q" if AGE[-1] != "q" else "p"), "is no recipient"),
    "something else": ("correct horse battery staple", "is no recipient"),
    "post-quantum": ("age1pq1" + 100 * "q", "is no recipient"),
    "SSH key of another type": (public("ecdsa"), "wanted: an age public key (age1..., X25519), or an SSH public key"),
    "SSH key without its key": ("ssh-ed25519", "is no recipient"),
    "SSH key that is cut": (public("rsa")[:-40], "is no recipient"),
    "SSH key in two, over which pyrage stumbles": (public("rsa")[:80] + " " + public("rsa")[80:], "is no recipient"),
    "two SSH keys in one": (public("ed25519") + "\n" + public("rsa"), "is no recipient"),
    "SSH key with options": ("restrict " + public("ed25519"), "is no recipient"),
    "secret key of age": (str(IDENTITY), "is a secret key; wanted: its public key; whoever has seen it"),
    "in lower case": (str(IDENTITY).lower(), "is a secret key"),
    "post-quantum secret key": ("AGE-SECRET-KEY-PQ-1QQQQ", "is a secret key"),
    "secret key of SSH": (private("ed25519"), "is a secret key"),
}


@pytest.mark.parametrize("text, fragment", BAD.values(), ids=BAD)
def test_what_is_no_recipient(text, fragment):
    with pytest.raises(DvError) as caught:
        age.parse_recipients([AGE, text], "dv_backup_recipients")
    told = str(caught.value)
    assert told.startswith("dv_backup_recipients[1] ") and fragment in told
    for word in {*text.split()} - {"ssh-ed25519", "ssh-rsa"}:
        assert len(word) < 8 or word not in told


def test_all_of_them_are_told():
    with pytest.raises(Problems) as caught:
        age.parse_recipients(["x", AGE, str(IDENTITY)], "them")
    assert [str(error).partition(";")[0] for error in caught.value.errors] == ["them[0] is no recipient", "them[2] is a secret key"]


def test_nobody():
    with pytest.raises(DvError, match="them is empty"):
        age.parse_recipients([], "them")


def test_whoever_opens_it():
    """Identities of age and of SSH, and a passphrase; each nothing else."""
    encrypted = age.encrypt(b"secret", age.parse_recipients([AGE, public("ed25519"), public("rsa")], "them"))
    openers = [age.Opener.of_identities(text.encode(), "key") for text in (f"# me\n{IDENTITY}\n", private("ed25519"), private("rsa"))]
    for opener in openers:
        assert opener.open(encrypted, "it") == b"secret"
    by_passphrase = age.Opener.of_passphrase(b"correct horse battery\r\nstaple", "words")
    locked = age.encrypt_with_passphrase(b"secret", "correct horse battery")
    assert by_passphrase.open(locked, "it") == b"secret"
    for opener, other in ((by_passphrase, encrypted), (openers[0], locked), (age.Opener.of_passphrase(b"another passphrase", "w"), locked)):
        with pytest.raises(DvError, match="it does not open: it "):
            opener.open(other, "it")
    with pytest.raises(DvError, match="it does not open: it is damaged"):
        openers[0].open(encrypted[:-50], "it")


NO_IDENTITY = {
    "empty": b"",
    "comments": b"# nothing\n",
    "recipient": AGE.encode(),
    "words": b"correct horse",
    "no text": b"\xff\xfe",
    "cut": str(IDENTITY).encode()[:-1],
    "more lines": str(IDENTITY).encode() + b"\nx",
    "plugin": b"AGE-PLUGIN-YUBIKEY-1XYZ",
    "public SSH key": public("ed25519").encode(),
    "cut SSH key": private("ed25519").encode()[:-200],
    "SSH key of another type": private("ecdsa").encode(),
    "encrypted": age.encrypt(str(IDENTITY).encode(), [AGE]),
}


@pytest.mark.parametrize("content", NO_IDENTITY.values(), ids=NO_IDENTITY)
def test_no_identity(content):
    with pytest.raises(DvError, match="^key.txt holds no identity of age; wanted: ") as caught:
        age.Opener.of_identities(content, "key.txt")
    assert str(IDENTITY)[:20] not in str(caught.value) and "horse" not in str(caught.value)


@pytest.mark.parametrize(
    "content, length", [(b"", 0), (b"\n", 0), (b"short\nlonger than that", 5), (b"\xff" * 20, 0), (b"12345678901\r\n", 11)]
)
def test_no_passphrase(content, length):
    with pytest.raises(DvError, match="^words.txt holds a passphrase of %d characters; wanted: one of at least 12" % length):
        age.Opener.of_passphrase(content, "words.txt")
