# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canonical form of a definition: one text, whoever carried it.

The hashes of a definition do not cover all of its text: upper and lower case of addresses, ``0x``, an empty list or ``null``. A carrier
could give each node another text, and their results would differ. So every node goes by the canonical form. Source: the protocol's
"Parties and trust".
"""

import functools
from dataclasses import replace

from ..crypto.secp256k1 import one_spelling
from ..ethereum.address import ZERO, checksum_address
from .definition import Definition, address_bytes, with_hashes

_NO_SIGNATURE = bytes(65)


def canonical_form(definition: Definition, signatures: bool = False) -> Definition:
    """The canonical form of ``definition``, with the same hashes. Before v1.5 addresses are hashed as texts: it stays as it is.

    :param signatures: the signatures too, and the hashes that follow: of a definition that was made here, whose signatures are by keys
    """
    if definition.minor < 5:
        return definition

    def signature(value: bytes) -> bytes:
        if value == _NO_SIGNATURE and definition.minor < 11:
            return b""  # It is hashed as zeros.
        return one_spelling(value) if signatures else value

    canonical = replace(
        definition,
        creator=replace(
            definition.creator,
            address=_party_address(definition.creator.address),
            config_signature=signature(definition.creator.config_signature),
        ),
        operators=tuple(
            replace(
                operator,
                address=_party_address(operator.address),
                config_signature=signature(operator.config_signature),
                enr_signature=signature(operator.enr_signature),
            )
            for operator in definition.operators or ()
        )
        or None,
        validators=tuple(
            replace(
                validator,
                fee_recipient_address=_address(validator.fee_recipient_address),
                withdrawal_address=_address(validator.withdrawal_address),
            )
            for validator in definition.validators or ()
        )
        or None,
        deposit_amounts=definition.deposit_amounts or None,
    )
    return with_hashes(canonical) if signatures else canonical


def _party_address(text: str) -> str:
    """The address of a creator or operator: none is hashed as the zero address."""
    return "" if address_bytes(text) == ZERO else _address(text)


# A thousand validators may have two addresses in all.
@functools.lru_cache(maxsize=1024)
def _address(text: str) -> str:
    return checksum_address(address_bytes(text)) if text else ""
