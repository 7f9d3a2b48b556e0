# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the ceremony, as a page shows it: who takes part, which hashes it has, and where the money comes from and goes to."""

from __future__ import annotations

import collections
from typing import NamedTuple

from . import values
from .figures import moment, plain

#: Most addresses, validators and statuses of validators that are listed.
_ADDRESSES, _VALIDATORS, _STATUSES = 20, 100, 20

_LARGEST_CLUSTER = 255


class Operator(NamedTuple):
    """``measured``: when, or nothing if it did not."""

    share_index: int
    node: str
    address: str
    peer_id: str
    measured: str

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"operator {self.share_index}" + (f" ({self.node})" if self.node else "")


class Account(NamedTuple):
    address: str
    kind: str


class Validators(NamedTuple):
    """``listed``: (position, public key, status) of the first ones; ``statuses``: (status, how many) of all of them, the most frequent first."""

    total: int
    listed: list[tuple[str, str, str]]
    statuses: list[tuple[str, int]]


class Facts(NamedTuple):
    """``rows``: (title, its values, whether they are hexadecimal); ``withdrawal``, ``depositor``: where the money goes to, and comes from;
    ``same_account``: True if that is one account"""

    rows: list[tuple[str, list[str], bool]]
    withdrawal: list[Account]
    depositor: str
    same_account: bool
    validators: Validators


def operators(judgement: dict, cluster: dict) -> list[Operator]:
    """All operators that the ceremony or the judgement names, by share index; what the ceremony knows of one goes first."""
    found: dict[int, dict] = {}
    for source in (cluster, judgement):
        for each in values.records(source.get("operators"), _LARGEST_CLUSTER):
            index = values.share_index(each.get("share_index"))
            if index:
                found[index] = {**each, **found.get(index, {})}
    return [
        Operator(
            index,
            node=values.text(told.get("node")),
            address=values.text(told.get("address")),
            peer_id=values.text(told.get("peer_id")),
            measured=moment(told.get("measured")),
        )
        for index, told in sorted(found.items())
    ]


def facts(judgement: dict, cluster: dict) -> Facts:
    """The facts that are known."""
    both = {**judgement, **{name: value for name, value in cluster.items() if value is not None}}
    withdrawal = [
        Account(values.text(each.get("address")), values.text(each.get("kind")))
        for each in values.records(cluster.get("withdrawal"), _ADDRESSES)
    ]
    depositor = values.text(cluster.get("deposits"))
    rows = [
        ("network", [values.text(both.get("network"))], False),
        ("threshold", [_threshold(cluster)], False),
        *((name.replace("_", " "), [values.text(both.get(name))], True) for name in ("config_hash", "definition_hash", "lock_hash")),
        ("creator", [values.text(cluster.get("creator"))], True),
        ("fees to", _addresses(cluster.get("fee_recipients")), True),
        ("versions", _versions(cluster.get("versions")), False),
    ]
    shown = [(title, [each for each in found if each], is_hex) for title, found, is_hex in rows]
    same = [each.address.lower() for each in withdrawal] == [depositor.lower()]
    return Facts([row for row in shown if row[1]], withdrawal, depositor, same, _validators(cluster.get("validators")))


def _threshold(cluster):
    threshold, count = values.share_index(cluster.get("threshold")), values.length(cluster.get("operators"))
    return f"{threshold} of {count} operators" if threshold and count else str(threshold or "")


def _addresses(told):
    more = values.length(told) - _ADDRESSES
    addresses = [values.text(each) for each in values.items(told, _ADDRESSES)]
    return addresses + ([f"and {more} more"] if more > 0 else [])


def _versions(told):
    versions = values.record(told)
    return [f"{values.text(name, 30)} {values.text(versions[name], 60)}" for name in list(versions)[:_ADDRESSES]]


def _validators(told):
    all_of_them = [
        (plain(values.duration(each.get("position"))), values.text(each.get("pubkey")), values.text(each.get("status"), 60))
        for each in values.records(told, values.length(told))
    ]
    statuses = collections.Counter(status or "of no known status" for _position, _pubkey, status in all_of_them)
    return Validators(len(all_of_them), all_of_them[:_VALIDATORS], statuses.most_common(_STATUSES))
