# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terms of a cluster as people compare them, before they approve and afterwards."""

#: So many different addresses are told in full.
ADDRESSES = 10

#: Title, and the text of the terms (a dict, see :func:`.terms.told`) and the number of operators, 0 where it is not known.
_TERMS = {
    "validators": lambda terms, operators: str(terms["num_validators"]),
    "threshold": lambda terms, operators: "%d%s" % (terms["threshold"], " of %d operators" % operators if operators else ""),
    "withdrawal to": lambda terms, operators: _some(terms["withdrawal_addresses"]),
    "fees to": lambda terms, operators: _some(terms["fee_recipient_addresses"]),
    "deposit data": lambda terms, operators: "for %s ETH" % ", ".join("%.12g" % amount for amount in terms["deposit_amounts"]),
    "compounding": lambda terms, operators: "yes" if terms["compounding"] else "no",
    "gas limit": lambda terms, operators: "%d" % terms["target_gas_limit"],
    "creator": lambda terms, operators: terms["creator"] or "-",
}


def rows(terms, operators):
    """(Title, text) of each of the ``terms`` but name and network.

    :param terms: a dict, see :func:`.terms.told`
    :param operators: their number, 0 where it is not known
    """
    return [(title, tell(terms, operators)) for title, tell in _TERMS.items()]


def _some(addresses):
    more = len(addresses) - ADDRESSES
    return ", ".join(addresses[:ADDRESSES]) + (" and %d more" % more if more > 0 else "")
