# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a node stands, in whatever step it is. Nothing is written, and no signature of a finished cluster is verified:
``verify`` does that."""

from __future__ import annotations

from typing import Any, cast

from ..agreement import acceptance, approval
from ..agreement.bindings import Unbound
from ..agreement.status import evaluate_agreement, evaluate_without_key
from ..cluster.canonical import canonical_form
from ..cluster.node_status import NodeStatus, changed_at
from ..cluster.summary import summarize
from ..crypto import secp256k1
from ..data_dir import accepted_definition, layout, node_key, stored_definition
from ..data_dir.layout import CEREMONY, DEFINITION, LOCK, DataDir
from ..dkg.ceremony_dir import CeremonyDir
from ..dkg.dry_run import dry_run
from ..dkg.inbox import select
from ..dkg.status import complete, note_other_definitions
from ..errors import DvError
from ..ethereum import enr
from ..ethereum.networks import KNOWN, Networks
from ..storage import files


def evaluate_node(
    data_dir: DataDir,
    inbox: dict[str, str],
    store: str,
    attempt: int = 1,
    networks: Networks = KNOWN,
    address: str | None = None,
    share_index: int | None = None,
    creator: str | None = None,
) -> tuple[NodeStatus, dict[str, Any]]:
    """Where the node stands, whatever step of the ceremony it is in, and what is known of it.

    Files that no run can go on with are no error here: they are what the node waits for its own operator for.

    :param data_dir: the :class:`~.layout.DataDir` of the node; it need not exist
    :param inbox: name -> text of all files of the store; nothing in it is trusted
    :param store: what the store is called in texts
    :param attempt: the attempt that the inventory asks for
    :param networks: the :class:`~.networks.Networks` that count
    :param address: the address (text) of the node's operator, if it is known; ``share_index`` its share index, where it has several
    :param creator: the address (text) of who has to make the proposal, if it is known
    :returns: a :class:`~.node_status.NodeStatus`; and a dict, :func:`.cluster.summary.summarize` of its cluster with the node's ``enr`` and
        ``peer_id`` (``None`` as long as it has no key)
    """
    known = dict(summarize(), enr=None, peer_id=None)
    try:
        return _evaluate(data_dir, inbox, store, attempt, networks, (address, share_index, creator), known), known
    except Unbound as error:
        return NodeStatus(state="waiting", step="approval", waiting_for=error.operators, detail=str(error)), known
    except DvError as error:
        return NodeStatus(state="waiting", detail=str(error)), known
    except OSError as error:
        return NodeStatus(state="waiting", detail=str(files.os_error(error, error.filename or data_dir.root, "read"))), known


def _evaluate(
    data_dir: DataDir,
    inbox: dict[str, str],
    store: str,
    attempt: int,
    networks: Networks,
    operator: tuple[str | None, int | None, str | None],
    known: dict[str, Any],
) -> NodeStatus:
    """Where the node of the ``operator`` (address, share index, creator) stands; what is known of it comes into ``known``."""
    key = node_key.read(data_dir) if node_key.exists(data_dir) else None
    public_key = secp256k1.public_key(key) if key else None
    if key and public_key:
        known.update(enr=enr.encode(key), peer_id=enr.peer_id(public_key))
    locked = stored_definition.locked_definition(data_dir)
    if locked:
        known.update(summarize(locked, public_key))
        return _evaluate_locked(data_dir)
    if not key or not public_key:
        if data_dir.holds(DEFINITION) or approval.read(data_dir):
            return _without_its_key(data_dir)
        return evaluate_without_key(inbox, store, known, networks, *operator[:2])
    definition = stored_definition.definition(data_dir)
    if not definition:
        node_status, cluster = evaluate_agreement(data_dir, inbox, store, networks, *operator)
        known.update(cluster)
        return node_status
    definition = canonical_form(definition)
    known.update(summarize(definition, public_key))
    record = accepted_definition.read(data_dir)
    if not record or record.definition_hash != definition.definition_hash:
        since = changed_at(data_dir.path(DEFINITION))
        return NodeStatus(state="waiting", step="definition", ready=True, since=since, detail=NOT_ACCEPTED)
    acceptance.check_acceptable(data_dir, definition, public_key, networks=networks, inbox=inbox)
    network = networks.of(definition)
    messages = select(definition.definition_hash, inbox)
    node_status = dry_run(data_dir, definition, key, messages, attempt, network=network)
    return note_other_definitions(node_status, definition, key, inbox)


def _evaluate_locked(data_dir: DataDir) -> NodeStatus:
    """Of a node that has its lock."""
    record, path = accepted_definition.read(data_dir), data_dir.path(LOCK)
    if record is None:
        return NodeStatus(state="complete", since=changed_at(path), detail=NO_RECORD % path)
    return cast(NodeStatus, complete(CeremonyDir(data_dir, record.definition_hash)))


def _without_its_key(data_dir: DataDir) -> NodeStatus:
    """Of a node that took part, and lost its key since."""
    since = changed_at(data_dir.path(CEREMONY), data_dir.path(DEFINITION))
    return NodeStatus(state="stopped", step="enr", since=since, detail=LOST_KEY % (layout.NODE_KEY, data_dir))


NO_RECORD = "%s is there, without a record of its ceremony: it was made elsewhere, by charon for example"
LOST_KEY = (
    "%s is gone from %s, but this node took part with it; its operator puts it back from a backup and runs again; "
    "if there is none, all operators begin a new cluster, with a new data directory on every node"
)
NOT_ACCEPTED = "this node has a definition that it has not accepted yet: run again, with dv_accept_definition_hash if it is asked for"
