# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wallets: made whole or not at all, opened with their own password only, hostile files refused at once."""

import hashlib
import json
import os
import stat
import time

import pytest
from ansible_collections.obol.dv.plugins.module_utils.crypto.keccak import keccak256
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError
from ansible_collections.obol.dv.plugins.module_utils.ethereum import eip712
from ansible_collections.obol.dv.plugins.module_utils.signers import key_file_wallet
from ansible_collections.obol.dv.plugins.module_utils.signers.signer import sign_as
from ansible_collections.obol.dv.plugins.module_utils.storage import files
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PASSWORD = "correct horse battery staple"
TYPED_DATA = eip712.terms_and_conditions()


def key_file(person, kdf="scrypt", iterations=2):
    return Account.encrypt(person.private_key, PASSWORD, kdf=kdf, iterations=iterations)


@pytest.fixture
def paths(tmp_path):
    return str(tmp_path / "wallet.json"), str(tmp_path / "password.txt")


@pytest.fixture
def write(paths):
    def write(value, password=PASSWORD):
        path, password_file = paths
        with open(path, "wb") as file:
            file.write(value if isinstance(value, bytes) else json.dumps(value).encode())
        with open(password_file, "wb") as file:
            file.write(password if isinstance(password, bytes) else password.encode())
        return paths

    return write


def test_create(paths, tmp_path):
    address = key_file_wallet.create(*paths)
    assert sorted(os.listdir(tmp_path)) == ["password.txt", "wallet.json"]
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in paths] == [0o600, 0o600]
    assert len(key_file_wallet.read_password(paths[1])) == 32
    with open(paths[0]) as file:
        made = json.load(file)
    assert (made["crypto"]["kdf"], made["crypto"]["kdfparams"]["n"]) == ("scrypt", 2**12)
    assert key_file_wallet.address(paths[0]) == address
    # A stranger opens it too.
    private_key = Account.decrypt(made, key_file_wallet.read_password(paths[1]))
    assert Account.from_key(private_key).address == address
    assert key_file_wallet.unlock(*paths) == private_key


def test_create_with_a_password_of_ones_own_is_as_slow_as_geth(paths):
    files.write_new(paths[1], b"hunter2\n")
    address = key_file_wallet.create(*paths)
    with open(paths[0]) as file:
        assert json.load(file)["crypto"]["kdfparams"]["n"] == 2**18
    assert Account.from_key(key_file_wallet.unlock(*paths)).address == address


def test_never_over_an_existing_wallet(write, people, tmp_path, tree):
    paths = write(key_file(people[0]))
    before = tree(tmp_path)
    with pytest.raises(DvError, match="there is a wallet at .* already"):
        key_file_wallet.create(*paths)
    assert tree(tmp_path) == before


def test_create_goes_on_after_a_crash_between_password_and_key(paths, monkeypatch, tmp_path):
    written = []

    def crash(path, content, mode=0o600):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        return real(path, content, mode)

    real = files.write_new
    with monkeypatch.context() as patched:
        patched.setattr(files, "write_new", crash)
        with pytest.raises(KeyboardInterrupt):
            key_file_wallet.create(*paths)
    assert os.listdir(tmp_path) == ["password.txt"]
    password = key_file_wallet.read_password(paths[1])
    key_file_wallet.create(*paths)
    assert key_file_wallet.read_password(paths[1]) == password
    assert len(key_file_wallet.unlock(*paths)) == 32


@pytest.mark.parametrize("kdf, iterations", [("scrypt", 2), ("pbkdf2", 1)])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nthe second line is not read\n"])
def test_unlock_foreign_wallets(kdf, iterations, ending, write, people):
    paths = write(key_file(people[1], kdf, iterations), PASSWORD + ending)
    assert key_file_wallet.unlock(*paths) == people[1].private_key
    assert key_file_wallet.address(paths[0]) == people[1].address


def test_capital_keys_as_some_wallets_write_them(write, people):
    value = key_file(people[0])
    value["Crypto"] = value.pop("crypto")
    assert key_file_wallet.unlock(*write(value)) == people[0].private_key


def test_signer_unlocks_once(write, people, monkeypatch):
    paths, unlocked = write(key_file(people[0])), []
    real = key_file_wallet.unlock
    monkeypatch.setattr(key_file_wallet, "unlock", lambda *args: unlocked.append(args) or real(*args))
    wallet = key_file_wallet.KeyFileWallet(*paths)
    assert wallet.address == people[0].address
    assert unlocked == []
    assert wallet.sign(TYPED_DATA) == wallet.sign(TYPED_DATA) == people[0].sign(TYPED_DATA)
    assert len(unlocked) == 1


def test_sign_as_refuses_the_wallet_of_another(people):
    assert sign_as(people[0], people[0].address, TYPED_DATA) == people[0].sign(TYPED_DATA)
    with pytest.raises(DvError, match="the wallet signs for %s; wanted: the wallet of %s" % (people[1].address, people[0].address)):
        sign_as(people[1], people[0].address, TYPED_DATA)


def test_wrong_password(write, people):
    paths = write(key_file(people[0]), "password of another")
    with pytest.raises(DvError) as error:
        key_file_wallet.unlock(*paths)
    assert all(path in str(error.value) for path in paths)
    assert "password of another" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond line", b"\xff\xfe"])
def test_no_password(content, write, people):
    paths = write(key_file(people[0]), content)
    with pytest.raises(DvError, match="password.txt holds no password"):
        key_file_wallet.unlock(*paths)


def test_missing_files(paths):
    for step in (
        lambda: key_file_wallet.unlock(*paths),
        lambda: key_file_wallet.address(paths[0]),
        lambda: key_file_wallet.read_password(paths[1]),
    ):
        with pytest.raises(DvError, match="No such file"):
            step()


def test_wallet_that_does_not_state_its_address(write, people):
    value = key_file(people[0])
    del value["address"]
    path, _password_file = write(value)
    assert key_file_wallet.address(path, default=people[0].address) == people[0].address
    with pytest.raises(DvError, match="dv_operator_address"):
        key_file_wallet.address(path)


def changed(value, *path, to):
    for key in path[:-1]:
        value = value[key]
    if to is None:
        del value[path[-1]]
    else:
        value[path[-1]] = to


# Where the key file is changed, to what, and what the error names.
HOSTILE = {
    "version": (("version",), 4, "version"),
    "no crypto": (("crypto",), None, "crypto"),
    "cipher": (("crypto", "cipher"), "aes-256-gcm", "crypto.cipher"),
    "iv": (("crypto", "cipherparams", "iv"), "00", "crypto.cipherparams.iv"),
    "ciphertext": (("crypto", "ciphertext"), "5eed", "crypto.ciphertext"),
    "mac": (("crypto", "mac"), 7, "crypto.mac"),
    "kdf": (("crypto", "kdf"), "argon2", "crypto.kdf"),
    "no salt": (("crypto", "kdfparams", "salt"), None, "crypto.kdfparams.salt"),
    "n": (("crypto", "kdfparams", "n"), 3, "crypto.kdfparams.n"),
    "n of gigabytes": (("crypto", "kdfparams", "n"), 2**30, "too long"),
    "p of hours": (("crypto", "kdfparams", "p"), 2**30, "too long"),
    "r of gigabytes": (("crypto", "kdfparams", "r"), 2**24, "too long"),
    "dklen": (("crypto", "kdfparams", "dklen"), 2**30, "crypto.kdfparams.dklen"),
    "address": (("address",), "0x12", "does not state its address"),
}


@pytest.mark.parametrize("path, to, fragment", HOSTILE.values(), ids=HOSTILE)
def test_hostile_wallets_cost_nothing(path, to, fragment, write, people):
    value = key_file(people[0])
    changed(value, *path, to=to)
    paths = write(value)
    started = time.monotonic()
    with pytest.raises(DvError) as error:
        key_file_wallet.address(paths[0])
        key_file_wallet.unlock(*paths)
    assert fragment in str(error.value) and paths[0] in str(error.value)
    assert "5eed" not in str(error.value)
    assert time.monotonic() - started < 2


def test_pbkdf2_of_hours(write, people):
    value = key_file(people[0], "pbkdf2", 1)
    value["crypto"]["kdfparams"]["c"] = 2**31 - 1
    with pytest.raises(DvError, match="too long"):
        key_file_wallet.unlock(*write(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["version", "crypto", "kdf", "kdfparams"]), inner),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON | st.binary(max_size=50), st.binary(max_size=20))
def test_only_own_errors_escape(write, content, password):
    paths = write(content, password)
    for step in (lambda: key_file_wallet.address(paths[0]), lambda: key_file_wallet.unlock(*paths)):
        with pytest.raises(DvError):
            step()


# n, r, p as they may stand in a file: legal and cheap enough, or not.
SCRYPT = [
    (2**16, 1, 1),
    (2**17, 1, 1),
    (2**22, 1, 1),
    (2**20, 1, 4),
    (2**31, 1, 1),
    (2**15, 1, 1),
    (2, 1, 1),
    (2, 1, 2**21),
    (2, 2**20, 1),
    (2**17, 2, 1),
    (2**10, 8, 16),
]


@pytest.mark.parametrize("n, r, p", SCRYPT)
def test_scrypt_of_any_size_opens_or_is_one_clear_error(write, people, n, r, p):
    """What RFC 7914 allows and is cheap enough opens; OpenSSL takes the rest for a lack of memory."""
    value = key_file(people[0])
    parameters = value["crypto"]["kdfparams"]
    parameters.update(n=n, r=r, p=p)
    salt = bytes.fromhex(parameters["salt"])
    if n < 2 ** (16 * r) and n * r * p <= 2**22:
        # hashlib, so that the file is not made by what opens it.
        key = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=n, r=r, p=p, dklen=32, maxmem=2**31 - 1)
        cipher = Cipher(algorithms.AES(key[:16]), modes.CTR(bytes.fromhex(value["crypto"]["cipherparams"]["iv"]))).encryptor()
        ciphertext = cipher.update(people[0].private_key)
        value["crypto"].update(ciphertext=ciphertext.hex(), mac=keccak256(key[16:] + ciphertext).hex())
        assert key_file_wallet.unlock(*write(value)) == people[0].private_key
    else:
        with pytest.raises(DvError, match=r"kdfparams.n is missing or wrong; wanted: less than 2\^\(16·r\)|would take too long"):
            key_file_wallet.unlock(*write(value))


@pytest.mark.parametrize("error", [MemoryError, ValueError])
def test_what_the_library_refuses(write, people, monkeypatch, error):
    """A machine with less memory than the file asks for."""

    def refuse(*_arguments):
        raise error(PASSWORD)

    monkeypatch.setattr("ansible_collections.obol.dv.plugins.module_utils.crypto.kdf.Scrypt", refuse)
    with pytest.raises(DvError, match="^the key of the wallet .* cannot be derived; wanted: parameters that this machine can serve$"):
        key_file_wallet.unlock(*write(key_file(people[0])))
