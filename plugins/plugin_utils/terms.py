# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The terms of a cluster as people compare them, before they approve and afterwards."""

#: Most addresses that are listed.
ADDRESSES = 10

#: Title, and the text of it in terms.
_TERMS = {
    "validators": lambda terms: str(terms["num_validators"]),
    "threshold": lambda terms: _threshold(terms["threshold"], len(terms["operators"])),
    "withdrawal to": lambda terms: _some(terms["withdrawal_addresses"]),
    "fees to": lambda terms: _some(terms["fee_recipient_addresses"]),
    "deposit data": lambda terms: f"for {', '.join(format(amount, '.12g') for amount in terms['deposit_amounts'])} ETH",
    "compounding": lambda terms: "yes" if terms["compounding"] else "no",
    "gas limit": lambda terms: str(int(terms["target_gas_limit"])),
    "creator": lambda terms: terms["creator"] or "-",
}


def rows(terms: dict) -> list[tuple[str, str]]:
    """(Title, text) of each of the ``terms`` (a dict, see :func:`.cluster.summary.summarize_config`), but name, network and operators."""
    return [(title, text_of(terms)) for title, text_of in _TERMS.items()]


def _threshold(threshold, operators):
    """Wallets that the run makes are not known before."""
    return f"{int(threshold)} of {operators} operators" if operators else str(int(threshold))


def _some(addresses):
    more = len(addresses) - ADDRESSES
    return ", ".join(addresses[:ADDRESSES]) + (f" and {more} more" if more > 0 else "")
