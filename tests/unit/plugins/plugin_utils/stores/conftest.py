# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A medium of each kind. What a kind needs is told, and in CI (``CI=true``) may not be missing."""

import os
import shutil

import pytest
from ansible_collections.obol.dv.tests.support.require import skip_or_fail
from ansible_collections.obol.dv.tests.support.store_media import MEDIA

NEEDS = {"git": "git", "sftp": "sshd"}


@pytest.fixture
def make_medium(tmp_path, monkeypatch):
    """A function from a kind to its medium."""
    monkeypatch.setattr("ansible.constants.config.get_config_value", lambda _name: str(tmp_path / "home"))
    made = []

    def make(kind):
        program = NEEDS.get(kind)
        if program and not shutil.which(program, path="%s:/usr/sbin:/sbin" % os.environ["PATH"]):
            skip_or_fail("no %s on the PATH" % program)
        made.append(MEDIA[kind](tmp_path))
        return made[-1]

    yield make
    for medium in made:
        medium.close()


@pytest.fixture(params=sorted(MEDIA))
def medium(request, make_medium):
    return make_medium(request.param)
