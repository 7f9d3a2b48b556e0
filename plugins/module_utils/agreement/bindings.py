# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What binds the nodes of a definition to its operators: approvals with a binding signature, one for each place.

A node keeps the first one of each place that it verified, in ``<data dir>/ceremony/approvals/<share index>.json``. Until it has
accepted a definition it refuses another ENR there. Source: the protocol's "Parties and trust".
"""

import contextlib

from ..cluster.operators import describe
from ..data_dir.layout import APPROVALS
from ..errors import CarriedError, Collector, DvError
from ..storage import files
from . import approval


class Unbound(DvError):
    """A definition that nothing binds to some of its operators, and whose hash nobody confirmed.

    :param operators: their share indices
    """

    def __init__(self, operators, found, wanted, hint, details):
        super().__init__(found, wanted, hint, details)
        self.operators = tuple(operators)


def unbound(definition, operators):
    """The :class:`Unbound` error of the ``operators`` (share indices) of a ``definition`` or proposal."""
    return Unbound(
        operators,
        f"no approval binds the ENR of operator {', '.join(map(str, operators))} to this cluster",
        "an approval with a binding signature from every operator, or a definition hash confirmed for this node",
        "run obol.dv.definition with the store that has the approvals; if they have no binding signature, an older obol.dv made "
        "them: begin again with a new proposal, or compare the operators, and set dv_accept_definition_hash to the definition hash "
        "that the others tell you",
        describe(definition),
    )


def choose(data_dir, terms, inbox, network, accepted=False):
    """The approvals of ``terms`` to go by (share index -> text): the store's, or what this node kept where the store has none that
    is good.

    :param terms: a proposal or definition with right hashes
    :param inbox: name -> text of the store's files; nothing in it is trusted
    :param accepted: whether this node has accepted a definition of these terms: then only the ENRs that it kept count
    :raises CarriedError: an operator bound another ENR to its place than the one that this node met first
    """
    chosen, problems = approval.collect(terms, inbox), Collector()
    for index, kept in _read(data_dir, terms).items():
        first, other = approval.parse(kept), None
        with contextlib.suppress(DvError):
            other = approval.check(index, terms.operators[index - 1], chosen.get(index, ""), terms, network)
        if other is None or not other.binding_signature or accepted and other.enr != first.enr:
            chosen[index] = kept
        elif other.enr != first.enr:
            problems.errors.append(
                CarriedError(
                    index,
                    "binding_signature",
                    f"its wallet bound two ENRs to its place: {first.enr} in {data_dir.path(_file(index))}, and {other.enr} in the store",
                    "one, ever",
                    "ask that operator which node is its own, and begin again with a new proposal",
                )
            )
    problems.raise_any()
    return chosen


def keep(data_dir, terms, approvals, network):
    """Keep of the ``approvals`` (share index -> text) of the ``terms`` that this node approved the first good one with a binding
    signature for each place. True if one was new."""
    given, new = approval.read(data_dir), {}
    if given is None or given.config_hash != terms.config_hash:
        return False
    for index, text in approvals.items():
        name = _file(index)
        if not data_dir.holds(name):
            try:
                found = approval.check(index, terms.operators[index - 1], text, terms, network)
            except DvError:
                continue
            if found.binding_signature:
                new[data_dir.path(name)] = found.dump().encode()
    if not new:
        return False
    with data_dir.exclusive():
        files.make_directory(data_dir.path(APPROVALS))
        written = [files.write_if_absent(path, content) for path, content in new.items()]
    return any(written)


def missing(definition, approvals, network):
    """The share indices of the operators whose approval among ``approvals`` (share index -> text) does not bind the ENR that the
    ``definition`` has.

    :raises CarriedError: an approval is wrong, or is for another ENR
    """
    found, problems = [], Collector()
    for index, operator in enumerate(definition.operators, 1):
        with problems:
            if index not in approvals:
                found.append(index)
                continue
            given = approval.check(index, operator, approvals[index], definition, network)
            if given.enr != operator.enr:
                raise CarriedError(
                    index,
                    "enr",
                    f"the definition has the ENR {operator.enr} for it",
                    f"{given.enr}, which its approval is for",
                    "do not confirm this definition: ask that operator which node is its own",
                )
            if not given.binding_signature:
                found.append(index)
    problems.raise_any()
    return found


def without(approvals):
    """The share indices of those ``approvals`` (share index -> text) that have no binding signature."""
    found = []
    for index, text in approvals.items():
        # What is no approval at all, the run says that would use it.
        with contextlib.suppress(DvError):
            if not approval.parse(text).binding_signature:
                found.append(index)
    return found


def _read(data_dir, terms):
    """The approvals of ``terms`` that this node gave and kept, share index -> text."""
    given, found = approval.read(data_dir), {}
    for index in range(1, len(terms.operators or ()) + 1):
        name = _file(index)
        content = data_dir.read(name, approval.MAX_SIZE)
        if content is not None and approval.parse(content, data_dir.path(name)).config_hash == terms.config_hash:
            found[index] = content.decode()
    if given and given.config_hash == terms.config_hash:
        found[given.share_index] = given.dump()
    return found


def _file(share_index):
    """The file, relative to the data directory, of the approval that binds the operator with that share index."""
    return f"{APPROVALS}/{share_index}.json"
