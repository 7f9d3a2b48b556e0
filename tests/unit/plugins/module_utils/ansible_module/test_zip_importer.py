# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The importer of zips: what it brings is what Python's own brings, compiled once."""

import json
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.obol.dv.plugins.module_utils.ansible_module import zip_importer

#: Imports from a zip, and says how often each of its files was compiled, and what Python says of the modules.
PROGRAM = """
import json, sys
compiled = []
sys.addaudithook(lambda event, args: compiled.append(args[1]) if event == "compile" else None)
sys.path.insert(0, sys.argv[1])
import house
from house import zipped
zipped.install()
zipped.install()
from house.rooms import kitchen
import house.hall
print(json.dumps({
    "compiled": {name: sum(name in str(each) for each in compiled) for name in ("rooms/__init__", "kitchen", "hall")},
    "files": [module.__file__ for module in (house.rooms, kitchen, house.hall)],
    "path": list(house.rooms.__path__),
    "hooks": sum(hook is zipped.Importer for hook in sys.path_hooks),
}))
try:
    import house.cellar
except ModuleNotFoundError as error:
    assert error.name == "house.cellar"
else:
    raise SystemExit("found what is not there")
"""


@pytest.fixture
def archive(tmp_path):
    """A package as Ansible brings one, with the importer in it."""
    path = tmp_path / "house.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with open(zip_importer.__file__, encoding="utf-8") as source:
            archive.writestr("house/zipped.py", source.read())
        for name in ("house/__init__.py", "house/rooms/__init__.py", "house/rooms/kitchen.py", "house/hall.py"):
            archive.writestr(name, "")
    return path


def test_each_file_is_compiled_once(archive):
    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM, archive], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["compiled"] == {"rooms/__init__": 1, "kitchen": 1, "hall": 1}
    files = ("rooms/__init__.py", "rooms/kitchen.py", "hall.py")
    assert found["files"] == ["%s/house/%s" % (archive, name) for name in files]
    assert found["path"] == ["%s/house/rooms" % archive]
    assert found["hooks"] == 1


def test_outside_of_a_zip_nothing_changes():
    zip_importer.install()
    assert zip_importer.Importer not in sys.path_hooks
