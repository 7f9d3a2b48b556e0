# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error that one operator is to blame for, with what proves it."""

from collections.abc import Iterable

from ...errors import OperatorError


class Fault(OperatorError):
    """A message that only its signer can have made wrong (an honest host never signs one).

    :param share_index: the operator to blame, from 1
    :param round_name: the round of the message
    :param check_name: short name of the check that failed
    :param found: the fact, for people
    :param messages: the signed messages (JWS texts) that prove it, in the order that :mod:`abort` names
    :param key: for a bad share, the HPKE private key (96 bytes) that opens it and nothing else
    """

    def __init__(self, share_index: int, round_name: str, check_name: str, found: str, messages: Iterable[str] = (), key: bytes = b""):
        super().__init__(share_index, f"{round_name}.{check_name}", found)
        self.round, self.check_name = round_name, check_name
        self.messages, self.key = tuple(messages), key

    def proven_by(self, messages: Iterable[str], key: bytes = b"") -> "Fault":
        """The same fault with its evidence."""
        return Fault(self.share_index, self.round, self.check_name, self.found.split(": ", 1)[1], messages, key)
