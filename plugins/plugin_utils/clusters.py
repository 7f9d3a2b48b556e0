# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters in the inventory: each is a group directly below ``dv_nodes``, whose name its hosts have as ``dv_cluster``."""

from ansible_collections.obol.dv.plugins.module_utils.errors import DvError


def check_cluster(task_vars):
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
            "%s is in several groups directly below dv_nodes: %s" % (name, ", ".join(sorted(clusters))),
            "one of them, its cluster: variables of the others would count for it",
            "give a machine that serves several clusters a name of its own in each, with the same ansible_host; keep groups of another "
            "kind elsewhere",
        )
    if clusters and clusters != [cluster]:
        raise DvError(
            "dv_cluster of %s is %s" % (name, cluster),
            "%s, its group below dv_nodes" % clusters[0],
            "correct dv_cluster: the files of a cluster meet under that name",
        )
