# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate authority of a test, and what it signs."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates, which it writes into a ``directory``; ``path`` is its own one."""

    def __init__(self, directory, name="authority"):
        self._directory, self._key = directory, ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        now = datetime.datetime.now(datetime.timezone.utc)
        made = _builder(self._name, self._name, self._key, now - _DAY, now + _DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.path = directory / (name + ".pem")
        self.path.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, *names, days=1, itself=False):
        """Paths of a certificate for ``names``, hosts or addresses, and of its key.

        :param days: as long it is valid from now; less than none, it was
        :param itself: signed with its own key, not by the authority
        """
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
        subject = _named("server")
        made = _builder(subject, subject if itself else self._name, key, now - 9 * _DAY, now + days * _DAY)
        made = made.add_extension(x509.SubjectAlternativeName([*map(_alternative, names)]), critical=False)
        made = made.sign(key if itself else self._key, hashes.SHA256())
        paths = self._directory / "server.pem", self._directory / "server.key"
        paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return paths


def _named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject, issuer, key, begins, ends):
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return made.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
