# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes README.md of every role from its argument spec: ``make readmes``. Ansible Galaxy takes no role without one."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
#: Whose variables every step of a ceremony takes.
CLUSTER = "cluster"
#: How a spec begins to tell what its role takes of them, and what the role registers.
TAKES, REGISTERS = "Takes, of the variables of the role C(obol.dv.cluster), ", "Registers "


def roles():
    """The names of all roles."""
    return sorted(path.name for path in (ROOT / "roles").iterdir())


def specs(role):
    """The entry points of a role: name to argument spec."""
    return yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]


def options(role):
    """The variables that a role declares itself: name to what the spec says of it."""
    return {name: option for spec in specs(role).values() for name, option in spec.get("options", {}).items()}


def named(spec, beginning):
    """The variables that a spec names where it begins to tell of them, in its order."""
    return [name for text in spec["description"] if text.startswith(beginning) for name in re.findall(r"C\((dv_\w+)\)", text)]


def readme(role):
    """The text of a role's README.md."""
    parts = ["<!-- Made from meta/argument_specs.yml by `make readmes`. -->", "# obol.dv.%s" % role]
    for entry, spec in specs(role).items():
        parts.append("%s." % spec["short_description"] if entry == "main" else "## %s" % entry)
        parts += [_plain(text) for text in spec["description"] if not text.startswith(TAKES)]
        if "options" in spec:
            parts.append(_table(dict(_whole(spec["options"]))))
        if taken := named(spec, TAKES):
            parts.append("Of the variables of the role `obol.dv.%s`:" % CLUSTER)
            parts.append(_table({name: _texts(options(CLUSTER)[name])[0] for name in taken}))
    parts.append("The same on the command line: `ansible-doc -t role obol.dv.%s`." % role)
    return "\n\n".join(parts) + "\n"


def _table(texts):
    """A table of variables: name to text."""
    return "\n".join(["| variable | |", "| --- | --- |", *("| `%s` | %s |" % (name, _plain(text)) for name, text in texts.items())])


def _whole(variables, above=""):
    """(name, text) of all that a spec says of its variables, and of the keys of those that are dictionaries."""
    for name, option in variables.items():
        yield above + name, " ".join([*_texts(option), *_notes(option)])
        yield from _whole(option.get("options", {}), "%s." % name)


def _texts(option):
    """The description of a variable, which is a text or a list of them."""
    return [option["description"]] if isinstance(option["description"], str) else option["description"]


def _notes(option):
    if option.get("required"):
        yield "Required."
    if "choices" in option:
        yield "One of %s." % ", ".join("V(%s)" % choice for choice in option["choices"])
    if option.get("default") not in (None, "", [], {}):
        yield "Default: V(%s)." % str(option["default"]).lower()


def _plain(text):
    """Ansible's markup of a documentation as Markdown."""
    return re.sub(r"\b[COVM]\(([^)]*)\)", r"`\1`", text)


if __name__ == "__main__":
    for each in roles():
        (ROOT / "roles" / each / "README.md").write_text(readme(each))
