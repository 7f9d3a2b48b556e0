# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accepting a definition: what a node checks by itself before it runs a DKG for it, whoever brought the file.

A definition that all operators signed is accepted if it follows from this node's own approval. Any other one (solo,
unsigned, or approved elsewhere) is accepted only if somebody confirmed its hash for this node: wallet signatures do not
bind the set of ENRs, and there may be none. What was accepted is kept in ``<data dir>/ceremony/accepted.json``, so that
the signatures are verified once, and a confirmed hash is asked for once.
"""

import os

from . import accepted, files, gojson
from .data_dir import DEFINITION, one_run
from .definition import dump, parse
from .definition_checks import check_hashes, operator_of
from .errors import DvError


def accept_definition(data_dir, definition, public_key, accepted_definition_hash=None, custom=()):
    """Check ``definition`` and put it into ``data_dir``. True if anything was written.

    The arguments and errors are those of :func:`review`.
    """
    review(data_dir, definition, public_key, accepted_definition_hash, custom)
    path = os.path.join(data_dir, DEFINITION)
    if os.path.lexists(path) and accepted.read(data_dir) == definition.definition_hash:
        return False
    with one_run(data_dir):
        written = accepted.write(data_dir, definition.definition_hash)
        if not os.path.lexists(path):
            written = files.write_same(path, dump(definition))
    return written


def accepted_definition(data_dir, public_key, accepted_definition_hash=None, custom=()):
    """The :class:`~.definition.Definition` in ``data_dir``, for which this node may run a DKG.

    The arguments and errors are those of :func:`review`.
    """
    path = os.path.join(data_dir, DEFINITION)
    definition = parse(files.read(path), path)
    accept_definition(data_dir, definition, public_key, accepted_definition_hash, custom)
    return definition


def review(data_dir, definition, public_key, accepted_definition_hash=None, custom=()):
    """Check that this node may run a DKG for ``definition``; nothing is written.

    Of a definition that was accepted before, only its hashes and the node's own ENR are checked again.

    :param definition: the :class:`~.definition.Definition`
    :param public_key: that of the node's own ENR (33 bytes)
    :param accepted_definition_hash: 32 bytes, the definition that somebody confirmed for this node
    :param custom: networks of one's own that count too
    :raises DvError: it may not; :class:`.errors.Problems` with all reasons
    """
    check_hashes(definition)
    found, confirmed = gojson.to_hex(definition.definition_hash), accepted_definition_hash
    if confirmed not in (None, definition.definition_hash):
        raise DvError(
            "the definition's hash is %s" % found,
            "%s, as dv_accept_definition_hash says" % gojson.to_hex(confirmed),
            "compare the definition with the other operators before you confirm another hash",
        )
    if accepted.read(data_dir) == definition.definition_hash:
        operator_of(definition, public_key)
        return
    # Imported for the first time only: the rounds of the DKG come here too, and this needs half of the core.
    from .review import review_in_full

    review_in_full(data_dir, definition, public_key, confirmed is not None, custom)
