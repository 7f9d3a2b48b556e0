# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one spelling of a definition, whoever carried it.

A definition's hashes do not tell everything apart that can stand in its file: upper and lower case of addresses, ``0x``, an
empty list and ``null``. A carrier could give each node another text, and their results would differ. So every node goes by one
spelling. Source: the protocol's "Parties and trust".
"""

import functools
from dataclasses import replace

from ..crypto.secp256k1 import one_spelling
from ..ethereum.address import ZERO, checksum_address
from .definition import with_hashes

_NO_SIGNATURE = bytes(65)


def spelled(definition):
    """The ``definition`` in its one spelling: both hashes are what they were, and so are the signatures.

    Before v1.5 addresses are hashed as texts, so they stay.
    """
    if definition.minor < 5:
        return definition
    return replace(
        definition,
        creator=_party(definition.creator, definition.minor, "config_signature"),
        operators=tuple(_party(operator, definition.minor, "config_signature", "enr_signature") for operator in definition.operators or ())
        or None,
        validators=tuple(
            replace(
                each,
                fee_recipient_address=_address(each.fee_recipient_address),
                withdrawal_address=_address(each.withdrawal_address),
            )
            for each in definition.validators or ()
        )
        or None,
        deposit_amounts=definition.deposit_amounts or None,
    )


def spelled_as_ours(definition):
    """The same of a definition that was made here: its signatures, which are by keys, have one spelling too, and the hashes
    follow."""
    definition = spelled(definition)
    return with_hashes(
        replace(
            definition,
            creator=replace(definition.creator, config_signature=one_spelling(definition.creator.config_signature)),
            operators=tuple(
                replace(
                    operator,
                    config_signature=one_spelling(operator.config_signature),
                    enr_signature=one_spelling(operator.enr_signature),
                )
                for operator in definition.operators or ()
            )
            or None,
        )
    )


def _party(party, minor, *signatures):
    """A creator or operator: nobody's address, and up to v1.10 no signature, are hashed as zeros."""
    values = {"address": "" if _bytes(party.address) == ZERO else _address(party.address)}
    if minor < 11:
        values.update({name: getattr(party, name) for name in signatures})
        values.update({name: b"" for name in signatures if values[name] == _NO_SIGNATURE})
    return replace(party, **values)


# A thousand validators may have two addresses in all.
@functools.lru_cache(maxsize=1024)
def _address(text):
    return checksum_address(_bytes(text)) if text else ""


def _bytes(text):
    return bytes.fromhex(text.removeprefix("0x"))
