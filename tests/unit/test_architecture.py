# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rooms of the core stand in one order: what is in one imports from those below it only, and a node is sent no more than it needs."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.obol.dv."
CORE_NAME = "plugins.module_utils"

#: From the bottom to the top. Those of one row do not import each other.
ORDER = (
    ("errors",),
    ("storage", "encoding"),
    ("crypto",),
    ("ethereum", "clients"),
    ("cluster",),
    ("data_dir", "signers"),
    ("agreement", "verify"),
    ("backup",),
    ("key_loading", "activation"),
    ("dkg.protocol",),
    ("dkg",),
    ("charon_cli",),
    ("node", "readiness"),
    ("module_backends",),
)
#: What computes, and touches no file: nothing of it imports storage, though that stands below.
WITHOUT_FILES = {"errors", "encoding", "crypto", "ethereum", "clients", "cluster"}
#: The one that knows Ansible: what it may import, and who alone imports it.
ANSIBLE, BELOW_ANSIBLE = "ansible_module", {"errors", "storage", "ethereum"}
ABOVE_ANSIBLE = ("plugins.plugin_utils.", CORE_NAME + ".module_backends.")

#: How many files of the core, and how many KiB, a node is sent once in a run: they may become fewer.
SENT = (205, 1043)
#: Module -> how many of them it imports there.
CEILINGS = {
    "activate": (89, 486),
    "approval": (47, 231),
    "backup": (37, 178),
    "definition": (46, 225),
    "demo_operator": (34, 174),
    "dkg": (79, 413),
    "drill": (65, 339),
    "enr": (17, 79),
    "load_keys": (83, 439),
    "preflight": (91, 511),
    "proposal": (41, 191),
    "restore": (67, 356),
    "status": (87, 455),
    "test_cluster": (98, 495),
    "unload_keys": (75, 388),
    "verify": (48, 259),
    "wallet": (37, 172),
}


def name_of(path):
    """The dotted name of a file of the collection, from its root."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


FILES = {name_of(path): path for path in sorted(ROOT.glob("plugins/**/*.py")) if path.name != "__init__.py"}


def imports(name):
    """The files of the collection that one imports, wherever in its text."""
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*name.split(".")[: -node.level], *filter(None, [node.module])])
            base = base.removeprefix(PREFIX)
            for alias in node.names:
                yield from (each for each in ("%s.%s" % (base, alias.name), base) if each in FILES)


def room(name):
    """The room of a file of the core."""
    parts = name.removeprefix(CORE_NAME + ".").split(".")
    return ".".join(parts[:2]) if ".".join(parts[:2]) in {each for row in ORDER for each in row} else parts[0]


def closure(name):
    """The files of the core that one file of the collection needs."""
    found, new = set(), {name}
    while new:
        found |= new
        new = {each for name in new for each in imports(name)} - found
    return {name for name in found if name.startswith(CORE_NAME)}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(CORE_NAME) and room(name) != ANSIBLE])
def test_a_room_imports_only_what_stands_below_it(name):
    floor = {each: number for number, row in enumerate(ORDER) for each in row}
    others = {other for other in imports(name) if room(other) not in (room(name), ANSIBLE)}
    above = {other for other in others if floor.get(room(other), 99) >= floor[room(name)]}
    assert not above


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(CORE_NAME) and room(name) in WITHOUT_FILES])
def test_what_computes_touches_no_file(name):
    assert "storage" not in {room(other) for other in imports(name)}


def test_what_knows_ansible_stands_apart():
    for name in FILES:
        if name.startswith(CORE_NAME) and room(name) == ANSIBLE:
            assert {room(other) for other in imports(name)} <= BELOW_ANSIBLE | {ANSIBLE}
        elif any(room(other) == ANSIBLE for other in imports(name) if other.startswith(CORE_NAME)):
            assert name.startswith(ABOVE_ANSIBLE)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("plugins.modules.")])
def test_a_module_imports_the_core_alone(name):
    """Ansible sends a node nothing else."""
    assert not [other for other in imports(name) if not other.startswith(CORE_NAME)]


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/**/__init__.py")), ids=name_of)
def test_a_room_begins_with_what_it_is_for(path):
    (docstring,) = ast.parse(path.read_text()).body
    text, place = docstring.value.value, path.parent.relative_to(ROOT / "plugins")
    if place.parts[0] == "module_utils":
        line = "| `%s/` | %s |\n" % (place.relative_to("module_utils"), text)
        assert line in (ROOT / "docs" / "architecture.md").read_text()


BACKENDS = sorted(name.rpartition(".")[2] for name in FILES if name.startswith(CORE_NAME + ".module_backends."))


def weight(names):
    return len(names), sum(FILES[name].stat().st_size for name in names) / 1024


@pytest.mark.parametrize("module", sorted(set(BACKENDS) - {"registry"}))
def test_a_node_imports_no_more_than_before(module):
    files, size = weight(closure(CORE_NAME + ".module_backends." + module))
    most_files, most_size = CEILINGS[module]
    assert files <= most_files and size <= most_size


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")))
def test_a_node_is_sent_once_what_all_modules_need(module):
    """Ansible finds what a module needs by its imports: those that run on nodes share one process, which needs all of them."""
    sent = closure("plugins.modules." + module)
    assert sent in (set(), closure(CORE_NAME + ".module_backends.registry"))
    files, size = weight(sent)
    assert files <= SENT[0] and size <= SENT[1]
