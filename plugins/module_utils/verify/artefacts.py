# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification of what lies at a path: a data directory, a lock or a definition, made here or by charon."""

import os

from ..cluster.definition import Definition
from ..cluster.lock import ClusterLock
from ..data_dir.layout import DataDir
from ..encoding.json_fields import lookup
from ..errors import DvError
from ..ethereum.networks import KNOWN, Networks
from ..storage import files
from .data_dir import check_data_dir, load, read_artefact
from .definition import check_definition, cluster_summary
from .lock import check_lock
from .report import Report


def verify_path(path: str, networks: Networks = KNOWN) -> Report:
    """Verify the data directory, lock file or definition file at ``path``; which it is, its content says.

    :param networks: those that count
    :returns: whatever is wrong with what is there is a finding
    :raises DvError: there is nothing at ``path``
    """
    if not os.path.exists(path):
        raise DvError(f"there is no {path}", "a charon data directory, a lock or a definition", "check the path")
    report = Report()
    if os.path.isdir(path):
        check_data_dir(report, DataDir(path), networks)
    else:
        with report.errors_of("file"):
            _check_file(report, path, networks)
    return report


def _check_file(report: Report, path: str, networks: Networks) -> None:
    value = load(report, "file", files.read(path), path)
    if lookup(value, "cluster_definition", path) is not None:
        lock = read_artefact(report, "lock", value, path, ClusterLock)
        if lock:
            check_lock(report, lock, networks)
        return
    definition = read_artefact(report, "definition", value, path, Definition)
    if definition:
        network = check_definition(report, definition, networks)
        report.cluster = cluster_summary(definition, network)
