# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign programs that npm installs: once, whole or not at all; and what is missing for it is one clear error."""

import pytest
from ansible_collections.obol.dv.tests.support import npm_install

NODE = "#!/bin/sh\necho /opt/node/bin/node\n"
NPM = "#!/bin/sh\n/bin/echo $* >>%s\n/bin/mkdir -p node_modules/.bin\n: >node_modules/.bin/lodestar\n"


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """A function that makes an executable of a text, on a path that has nothing else."""
    monkeypatch.setattr(npm_install, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()

    def make(name, text):
        path = tmp_path / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    return make


def test_what_is_missing(programs):
    with pytest.raises(npm_install.NoNpm, match="there is no node on the PATH: install Node.js with npm"):
        npm_install.program("lodestar")
    programs("node", NODE)
    with pytest.raises(
        npm_install.NoNpm, match="lodestar-[0-9a-f]{16} is not there and there is no npm on the PATH: install Node.js with npm"
    ):
        npm_install.program("lodestar")


def test_whole_or_not_at_all(programs, tmp_path):
    programs("node", NODE)
    asked = tmp_path / "asked"
    programs("npm", NPM % asked + "echo no such version >&2\nexit 3\n")
    for _time in range(2):
        with pytest.raises(npm_install.InstallError, match="npm ci .* failed in .*\nno such version"):
            npm_install.program("lodestar")
    programs("npm", NPM % asked)
    path = npm_install.program("lodestar")
    assert path.is_file() and npm_install.program("lodestar") == path
    assert len(asked.read_text().splitlines()) == 3
    with pytest.raises(npm_install.InstallError, match="anvil-[0-9a-f]{16} has no @foundry-rs/anvil-.*: there is none for this machine"):
        npm_install.program("anvil")
    # Another Node has another interface for what is compiled.
    programs("node", NODE.replace("/opt", "/usr/local"))
    assert npm_install.program("lodestar") != path
