# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters in the inventory: each is a group directly below ``dv_nodes``, whose name its hosts have as ``dv_cluster``."""

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError

#: How many names an error lists.
MOST = 20


def check_cluster(task_vars: dict) -> None:
    """Refuse a host in two clusters, and a ``dv_cluster`` that is none of the host's groups.

    :param task_vars: the variables of a task on that host
    :raises DvError: variables of one cluster would count in another, or a cluster would not be seen
    """
    name, groups, cluster = (task_vars[each] for each in ("inventory_hostname", "groups", "dv_cluster"))
    # Which group is below which no variable tells. HostVars has no public way to the inventory that it is made of.
    nodes = task_vars["hostvars"]._inventory.groups.get("dv_nodes")  # pylint: disable=protected-access
    clusters = [group.name for group in (nodes.child_groups if nodes else ()) if name in groups[group.name]]
    if len(clusters) > 1:
        raise DvError(
            f"{name} is in several groups directly below dv_nodes: {', '.join(sorted(clusters))}",
            "one of them, its cluster: variables of the others would count for it",
            "give a machine that serves several clusters a name of its own in each, with the same ansible_host; keep groups of another "
            "kind elsewhere",
        )
    if clusters and clusters != [cluster]:
        raise DvError(
            f"dv_cluster of {name} is {cluster}",
            f"{clusters[0]}, its group below dv_nodes",
            "correct dv_cluster: the files of a cluster meet under that name",
        )


def check_group(name: str, groups: dict, hosts: list, arguments: dict) -> None:
    """Refuse a run with no host of a group.

    :param groups: of the inventory: name -> hosts, with Ansible's own groups
    :param hosts: the hosts of the run
    :param arguments: what the user gave ``ansible-playbook`` (``context.CLIARGS``): ``inventory`` or its default, ``subset``
    :raises DvError: nothing would be done
    """
    members = groups.get(name) or []
    if not members:
        sources = ", ".join(map(str, arguments.get("inventory") or ())) or "none was named, which"
        raise DvError(
            f"the inventory has no hosts in the group {name}",
            f"the nodes of each cluster in a group of its own below {name}",
            f"name the inventory with -i, or correct it: {sources} has the groups {_listed(set(groups) - {'all', 'ungrouped'})} "
            f"and the hosts {_listed(groups.get('all') or ())}",
        )
    if not set(members) & set(hosts):
        raise DvError(
            f"--limit {arguments.get('subset')} leaves no host of the group {name}",
            f"some of {_listed(members)}",
            "correct --limit",
        )


def _listed(names):
    """Some names for people, not thousands."""
    names = sorted(names)
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return ", ".join(names[:MOST] + more) or "(none)"
