# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command that goes on."""

import os

import pytest
from ansible_collections.obol.dv.plugins.plugin_utils.rerun_command import CommandLine

HOSTS = ["node1", "node2", "node3"]


def again(given, hosts=("node3",), step=None, **variables):
    given = {"args": ["obol.dv.create_cluster"], "inventory": ["/default"], "extra_vars": [], "subset": None, **given}
    return CommandLine(given, ["/default"], HOSTS).again(hosts, step, **variables)


@pytest.mark.parametrize(
    "playbooks, step, wanted",
    [
        (["obol.dv.create_cluster"], "deal", "obol.dv.create_cluster"),
        (["obol.dv.create_cluster"], "verify", "obol.dv.create_cluster"),
        (["create-cluster.yml"], None, "create-cluster.yml"),
        (["site.yml"], "sign", "site.yml"),
        (["obol.dv.dkg"], "sign", "obol.dv.dkg"),
        (["obol.dv.dkg"], "approval", "obol.dv.create_cluster"),
        (["playbooks/dkg.yml"], "definition", "playbooks/create_cluster.yml"),
        (["playbooks/status.yml"], "sign", "playbooks/create_cluster.yml"),
        (["obol.dv.status"], None, "obol.dv.create_cluster"),
        (["preflight.yml", "enr.yml", "definition.yml"], "approval", "preflight.yml enr.yml definition.yml"),
        (["preflight.yml", "enr.yml", "definition.yml"], "commit", "create_cluster.yml"),
        (["demo.yml", "enr.yml", "definition.yml"], "commit", "create_cluster.yml"),
        (["obol.dv.backup"], "approval", "obol.dv.create_cluster"),
        (["obol.dv.import"], "deal", "obol.dv.create_cluster"),
        ([], None, "obol.dv.create_cluster"),
    ],
)
def test_playbook(playbooks, step, wanted):
    assert again({"args": playbooks}, step=step) == "ansible-playbook %s --limit node3" % wanted


def test_ad_hoc():
    assert again({"args": "all", "module_name": "obol.dv.summary"}) == "ansible-playbook obol.dv.create_cluster --limit node3"


def test_inventory():
    given = [os.path.join(os.getcwd(), "my hosts.yml"), "/etc/hosts.yml", "a,b"]
    assert again({"inventory": given}).partition(" --limit")[0].endswith("-i 'my hosts.yml' -i /etc/hosts.yml -i a,b")


@pytest.mark.parametrize(
    "hosts, subset, wanted",
    [
        (HOSTS, None, ""),
        (HOSTS, "my_cluster", " --limit my_cluster"),
        (["node3", "node1"], "my_cluster", " --limit node3,node1"),
    ],
)
def test_limit(hosts, subset, wanted):
    assert again({"subset": subset}, hosts) == "ansible-playbook obol.dv.create_cluster" + wanted


def test_variables_of_ours_stay_and_others_may_be_secret():
    given = ["dv_num_validators=10 ansible_become_password=hunter2", '{"dv_name": "my cluster", "token": "hunter2"}', "@vars.yml"]
    given.append('{"dv_backup_recipients": ["AGE-SECRET-KEY-1hunter2"]}')
    given += ["dv_old_machine_is_dead=bob", "dv_restore_identity_file=/dev/shm/key.txt"]
    told = again({"extra_vars": [*given, "dv_dkg_attempt=2"]}, HOSTS, dv_dkg_attempt=3)
    assert told == (
        'ansible-playbook obol.dv.create_cluster -e dv_num_validators=10 -e \'{"dv_name": "my cluster"}\' -e @vars.yml -e dv_dkg_attempt=3'
    )


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("{dv_x: 2026-01-02}", """ -e '{"dv_x": "2026-01-02"}'"""),
        ("{dv_x: !unsafe x}", ""),
        ("{1: 2, dv_x: y}", " -e dv_x=y"),
        ("[dv_x]", ""),
        ("{", ""),
    ],
)
def test_what_yaml_makes_of_variables(given, wanted):
    assert again({"extra_vars": [given]}, HOSTS) == "ansible-playbook obol.dv.create_cluster" + wanted
