# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's modules answered, before the control node uses it. A node that is broken into, or only broken, answers anything."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

# What it takes for the answer, Ansible takes too.
from ansible.module_utils.json_utils import _filter_non_json_lines
from ansible_collections.obol.dv.plugins.module_utils.ansible_module.runner import deliverable
from ansible_collections.obol.dv.plugins.module_utils.encoding.utc import from_utc
from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

_HINT = "nothing of it was used: see what runs in the place of this collection on that node"


def _text(value):
    return isinstance(value, str)


def _path(value):
    # What is longer is no path, and may be more than a command line holds.
    return _text(value) and value.startswith("/") and len(value) < 4096


def _number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _truth(value):
    return isinstance(value, bool)


def _list_of(fits):
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _optional(fits):
    return lambda value: value is None or fits(value)


def _record(**fields):
    return lambda value: isinstance(value, dict) and all(name in value and fits(value[name]) for name, fits in fields.items())


def _amount(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**64


def _moment(value):
    # A file is called by it.
    with contextlib.suppress(ValueError, TypeError):
        return bool(from_utc(value))
    return False


def _exactly(**fields):
    fits = _record(**fields)
    return lambda value: fits(value) and value.keys() == fields.keys()


#: See :func:`.cluster.summary.summarize_config`.
_TERMS = _exactly(
    **dict.fromkeys(("name", "network", "consensus_protocol", "creator"), _text),
    **dict.fromkeys(("num_validators", "threshold", "target_gas_limit"), _amount),
    **dict.fromkeys(("withdrawal_addresses", "fee_recipient_addresses", "operators"), _list_of(_text)),
    deposit_amounts=_list_of(_amount),
    compounding=_truth,
)
#: See the module activate.
_LINE, _GUARD = _exactly(line=_text, state=_text, transaction=_optional(_text)), _exactly(guard=_text, state=_text, text=_text)
_VALIDATOR, _WITHDRAWAL = _exactly(position=_number, pubkey=_text, status=_text), _exactly(address=_text, kind=_text)
_COUNT, _OFFSET = _optional(_amount), _optional(lambda value: isinstance(value, int) and _amount(abs(value)))
#: See the module test_cluster, and docs/readiness.md.
_CHECK = dict(check=_text, about=_text, text=_text, value=_COUNT)
_LINK = dict(
    **dict.fromkeys(("by", "way", "text", "version"), _text),
    **dict.fromkeys(("sent", "lost"), _amount),
    to=_number,
    **dict.fromkeys(("median", "p95", "p99", "jitter"), _COUNT),
    reached=_truth,
    times=_list_of(_amount),
    clock_offset=_OFFSET,
)
_JUDGEMENT = _exactly(
    **dict.fromkeys(("cluster", "network", "lock_hash", "score"), _text),
    made=_moment,
    passed=_truth,
    operators=_list_of(_exactly(share_index=_number, measured=_optional(_text))),
    links=_list_of(_exactly(**_LINK, verdict=_text, **{"from": _number})),
    checks=_list_of(_exactly(**_CHECK, verdict=_text, share_index=_number, title=_text, unit=_text, hint=_text)),
    problems=_list_of(_exactly(verdict=_text, about=_text, text=_text, hint=_text)),
)
_OPERATORS = _list_of(_record(share_index=_number, address=_optional(_text), peer_id=_optional(_text)))
#: See :func:`.backup.status.evaluate`.
_BACKUP = _exactly(path=_text, created=_optional(_text), holds=_list_of(_text), current=_truth, copied=_truth, drilled=_optional(_text))
#: See :meth:`.opened.Opened.facts`.
_DRILL = _exactly(
    **dict.fromkeys(("archive", "archive_sha256", "manifest_sha256", "peer_id"), _text),
    **dict.fromkeys(("statement", "cluster", "definition_hash", "lock_hash"), _optional(_text)),
    share_index=_optional(_number),
    holds=_list_of(_text),
    key_shares=_number,
)

#: All that our modules answer: name -> (check, what is wanted).
FIELDS = {
    **dict.fromkeys(("changed", "has_definition", "ready"), (_truth, "true or false")),
    "can_propose": (_optional(_truth), "true or false, or nothing"),
    **dict.fromkeys(("detail", "state"), (_text, "a text")),
    **dict.fromkeys(
        ("attempt", "epochs_left", "loaded", "next_attempt", "share_index", "without_history"), (_optional(_number), "a number, or nothing")
    ),
    **dict.fromkeys(
        (
            *("address", "amount", "config_hash", "contract", "copy", "created", "definition_hash", "enr", "evidence", "network"),
            *("key_path", "path", "payer", "peer_id", "place", "plan", "sha256", "since", "step", "unpaid"),
        ),
        (_optional(_text), "a text, or nothing"),
    ),
    **dict.fromkeys(
        (
            "accepted",
            "handed_on",
            "parts",
            "problems",
            "recipients",
            "remarks",
            "restored",
            "sent",
            "settings",
            "settled",
            "stored",
            "taken",
        ),
        (_list_of(_text), "a list of texts"),
    ),
    "waiting_for": (_list_of(_number), "a list of numbers"),
    **dict.fromkeys(("keys_loaded", "proven"), (_optional(_list_of(_number)), "a list of numbers, or nothing")),
    "accused": (
        _list_of(_record(operator=_number, check=_text, evidence=_optional(_text))),
        "a list of operators, with check and evidence",
    ),
    "terms": (_optional(_TERMS), "the terms of a cluster, or nothing"),
    "operators": (_OPERATORS, "a list of operators, with share_index, address and peer_id"),
    "backup": (_optional(_BACKUP), "a backup, or nothing"),
    "drills": (_list_of(_DRILL), "a list of drills"),
    "keys": (_optional(_exactly(place=_text, state=_text, since=_optional(_text))), "place, state and since, or nothing"),
    "cluster": (_optional(lambda value: isinstance(value, dict)), "a cluster, or nothing"),
    "findings": (_list_of(_record(level=_text, check=_text, text=_text)), "a list of findings, with level, check and text"),
    "lines": (_list_of(_LINE), "a list of lines, with line, state and transaction"),
    "guards": (_list_of(_GUARD), "a list of guards, with guard, state and text"),
    "validators": (_optional(_list_of(_VALIDATOR)), "a list of validators, with position, pubkey and status, or nothing"),
    "withdrawal": (_list_of(_WITHDRAWAL), "a list of accounts, with address and kind"),
    **dict.fromkeys(("listens", "p2p_address"), (_text, "a text")),
    "passed": (_truth, "true or false"),
    "checks": (_list_of(_exactly(**_CHECK, state=_text)), "a list of checks, with check, about, state, value and text"),
    "links": (_list_of(_exactly(**_LINK)), "a list of links"),
    "judgement": (_JUDGEMENT, "the verdicts about a cluster"),
    "diff": (_record(before=_text, after=_text), "two texts, before and after"),
    "process": (_optional(_exactly(socket=_path, python=_path)), "a process, with the paths of socket and python, or nothing"),
}

#: What Ansible itself says of a task, and only shows.
_SHOWN = {"failed", "module_stderr", "module_stdout", "msg", "rc", "skip_reason", "skipped", "unreachable", "warnings"}

#: What Ansible takes of an answer before we are asked: where it is of another kind it fails, or shows it as it is (since 2.21).
_TAKEN = {
    **dict.fromkeys(("failed", "finished", "skipped", "unreachable"), bool),
    "ansible_facts": dict,
    "ansible_job_id": str,
    "rc": int,
}

#: What is used of a cluster that the module verify returns.
_CLUSTER = _record(
    name=_text,
    network=_optional(_text),
    threshold=_number,
    terms=_TERMS,
    config_hash=_text,
    definition_hash=_text,
    lock_hash=_optional(_text),
    validators=_list_of(_text),
    operators=_OPERATORS,
)


def only_answer(printed: str) -> str:
    """Of what a module ``printed`` the answer alone, fit to be taken apart by Ansible, which shows what stands behind it as it is. Where
    there is none Ansible says so.

    :raises DvError: Ansible would take a field for what it is not
    """
    try:
        text = _filter_non_json_lines(printed, objects_only=True)[0]
    except ValueError:
        return printed
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    if not _truth(answer.get("changed", False)):
        raise _wrong("changed", FIELDS["changed"][1])
    for name, value in answer.items():
        if not isinstance(value, bool if name.startswith("_ansible_") else _TAKEN.get(name, object)):
            raise unreadable()
    return text


def check(answer: dict) -> dict:
    """The ``answer`` of a module (dict), fit to be shown; its ``outbox`` is as it was.

    Nothing else than the fields of our modules is left in it, and what Ansible only shows: it obeys others, for ``ansible_facts`` are
    variables of the host that outrank the inventory.

    :raises DvError: a field is not as our modules have it
    """
    for name, (is_right, wanted) in FIELDS.items():
        if name in answer and not is_right(answer[name]):
            raise _wrong(name, wanted)
    shown = {name: value for name, value in answer.items() if name in FIELDS or name in _SHOWN}
    if "warnings" in shown:
        shown["warnings"] = list(map(_warning, shown["warnings"] if isinstance(shown["warnings"], list) else ()))
    shown = deliverable(shown)
    return {**shown, **{name: answer[name] for name in answer if name == "outbox"}}


def _warning(warning):
    """The text of a warning: Ansible may have made an object of it, and shows what that holds as it is."""
    return str(getattr(getattr(warning, "event", None), "msg", warning))


def cluster(verified: dict) -> dict | None:
    """The cluster in the answer of the module verify (dict), or None where it has none that is complete.

    :raises DvError: it is none
    """
    report = verified.get("cluster")
    if verified.get("failed") or not report:
        return None
    if not _CLUSTER(report):
        raise _wrong("cluster", "the fields that the module verify tells of one")
    return deliverable(report) if report["lock_hash"] else None


def outbox(answer: dict, may_send: Callable[[str], bool]) -> dict[str, str]:
    """Take the files out of an ``answer``: name -> text.

    :param may_send: function that says whether the node may send a file of that name in this step
    :raises DvError: they are no files, or others
    """
    sent = answer.pop("outbox", None) or {}
    if not isinstance(sent, dict) or not all(isinstance(each, str) for item in sent.items() for each in item):
        raise _wrong("outbox", "file names, each with a text")
    for name, text in sent.items():
        if not may_send(name):
            raise DvError(f"the node sent a file {ascii(name[:200])}", "one of this step", _HINT)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DvError(f"the node sent a {name} that UTF-8 cannot hold", "a text", _HINT) from None
    return sent


def unreadable() -> DvError:
    """The error about an answer that Ansible cannot take apart."""
    return DvError("the answer of this node cannot be read", "an answer of one of our modules", _HINT)


def _wrong(name, wanted):
    return DvError(f"the answer of this node has a wrong {name}", wanted, _HINT)
