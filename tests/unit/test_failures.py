# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every failure text of the code stands on one page of docs/failures, and the pages tell of no other."""

import ast
import pathlib
import re
from collections import Counter, defaultdict

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "failures"

#: What is called with a text that an operator reads: its place among the arguments, or the keyword.
SPEAKERS = {
    "DvError": 0,
    "StateError": 0,
    "NoAnswer": 0,
    "NoFacts": 0,
    "Refused": 0,
    "kind": 0,
    "OperatorError": 2,
    "CarriedError": 2,
    "SignedByAnother": 0,
    "Unbound": 1,
    "super().__init__": 0,
    "Fault": 3,
    "_bad": 4,
    "report.error": 1,
    "report.warning": 1,
    "complain": 1,
    "fail": 1,
    "_creator_error": 1,
    "failure": 0,
    "NodeStatus": "detail",
    "dict": "detail",
}

#: Lists of texts that become the detail of a node status.
NOTES = ("notes.append", "texts.append")

#: Where in an expression its texts are.
INSIDE = {
    ast.BinOp: ("left",),
    ast.Dict: ("values",),
    ast.GeneratorExp: ("elt",),
    ast.IfExp: ("body", "orelse"),
    ast.List: ("elts",),
    ast.ListComp: ("elt",),
    ast.Starred: ("value",),
    ast.Subscript: ("value",),
    ast.Tuple: ("elts",),
}

#: Details of a node that waits for its turn, and of one that has all it wants.
NO_FAILURES = {"%: run again", "it is this node's turn: run again", "% is in %", "nothing to do", "would take part in the ceremony"}

#: Expressions that hand on the text of another error, which is found where it is made.
HANDED_ON = {
    "'; '.join([*verdicts, *run.notes, *notes])",
    "'; '.join(problems)",
    "_text(result)",
    "error.found",
    "found",
    "outcome.detail",
    "self.detail",
    "self.found.split(': ', 1)[1]",
    "str(error)",
    "str(files.os_error(error, error.filename or data_dir.root, 'read'))",
    "str(Problems(problems.errors))",
    "text",
}


class Texts(ast.NodeVisitor):
    """The texts of one file of the code: ``found``, and expressions that are no texts: ``unknown``.

    :param returned: function name -> what the code's functions of that name return
    """

    def __init__(self, returned):
        self.returned, self.found, self.unknown, self.scopes = returned, set(), set(), []

    def visit_Module(self, node):
        self._enter(node)

    def visit_FunctionDef(self, node):
        self._enter(node)

    def _enter(self, node):
        self.scopes.append(_assigned(node))
        self.generic_visit(node)
        self.scopes.pop()

    def visit_Call(self, node):
        names = [node.func.body, node.func.orelse] if isinstance(node.func, ast.IfExp) else [node.func]
        for name in map(_called, names):
            where = SPEAKERS.get(name)
            if isinstance(where, int) and len(node.args) > where:
                self._say(node.args[where])
            elif isinstance(where, str):
                for keyword in node.keywords:
                    if keyword.arg == where:
                        self._say(keyword.value)
            elif name in NOTES and not isinstance(node.args[0], ast.Call):
                self._say(node.args[0])
        self.generic_visit(node)

    def visit_Yield(self, node):
        if isinstance(node.value, (ast.Constant, ast.BinOp, ast.JoinedStr)):
            self._say(node.value)
        self.generic_visit(node)

    def _say(self, expression):
        texts = list(self._texts(expression))
        self.found.update(texts)
        if not texts:
            self.unknown.add(ast.unparse(expression))

    def _texts(self, node, seen=()):
        """The texts that the expression ``node`` can be."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
            return
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "%s" for part in node.values)
            return
        inside, name = [getattr(node, field) for field in INSIDE.get(type(node), ())], _name(getattr(node, "func", node))
        if isinstance(node, ast.Call) and name == "join":
            inside, name = node.args, None
        elif isinstance(node, (ast.Name, ast.Call)) and name not in seen:
            inside = self.returned[name] if isinstance(node, ast.Call) else [value for scope in self.scopes for value in scope[name]]
        for each in inside:
            for part in each if isinstance(each, list) else [each]:
                yield from self._texts(part, (*seen, name))


def _name(node):
    return getattr(node, "id", None) or getattr(node, "attr", None)


def _called(function):
    """The name that is called; with its object, where that is one of those in the tables above."""
    method = "%s.%s" % (_name(getattr(function, "value", None)), _name(function))
    return method if method in (*SPEAKERS, *NOTES) else _name(function)


def _assigned(scope):
    """Name -> expressions that it is assigned in ``scope``, or that its loops are over."""
    found = defaultdict(list)
    for node in ast.walk(scope) if isinstance(scope, ast.FunctionDef) else scope.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts):
                        found[_name(one)].append(value)
                else:
                    found[_name(target)].append(node.value)
        elif isinstance(node, ast.comprehension):
            found[_name(node.target)].append(node.iter)
    return found


def texts_of_plugins():
    """(texts, expressions that are none) of all that plugins/ says."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "plugins").rglob("*.py"))]
    returned = defaultdict(list)
    for tree in trees:
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                returned[function.name] += [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    found, unknown = set(), set()
    for tree in trees:
        texts = Texts(returned)
        texts.visit(tree)
        found |= texts.found
        unknown |= texts.unknown
    return found, unknown


def texts_of_roles():
    """What the templates of problems and the tasks that fail say."""
    for template in ROOT.glob("roles/*/templates/problem*.j2"):
        for line in re.sub("{%.*?%}", "", template.read_text()).splitlines():
            if "; wanted:" in line:
                yield line.removeprefix("- ")
    for path in (*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")):
        yield from (task["msg"] for task in _tasks(yaml.safe_load(path.read_text())) if not task["msg"].startswith("{{"))


def _tasks(value):
    """The arguments of all tasks that fail, at any depth."""
    if isinstance(value, dict):
        if "ansible.builtin.fail" in value:
            yield value["ansible.builtin.fail"]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _tasks(each)


def normal(text):
    """What a text of the code found, with % for each thing that differs; empty where there is nothing else."""
    text = re.sub(r"{{.*?}}|(0x)?%[-.\d]*[a-z]", "%", text)
    text = re.sub(r"(?<=[a-z])%", " %", text).split("; ")[0].partition(":\n")[0]
    return text if re.search("[A-Za-z]{2}", text) else ""


def told():
    """Normal text -> pages that tell of it. An entry stands at the beginning of a row or an item; its capitals are in the table
    of the first page."""
    words = re.findall(r"^\| `([A-Z]+)` \|", (PAGES / "README.md").read_text(), re.MULTILINE)
    pages = defaultdict(list)
    for page in sorted(PAGES.glob("*.md")):
        for text in re.findall(r"^(?:- |\| )`([^`]+)`", page.read_text(), re.MULTILINE):
            if text not in words:
                pages[re.sub(r"\b(%s)\b" % "|".join(words), "%", text)].append(page.name)
    return pages


def test_every_failure_text_is_on_one_page_and_no_other_is():
    plugins, unknown = texts_of_plugins()
    assert unknown == HANDED_ON, "what says these texts?"
    said = {normal(text) for text in (*plugins, *texts_of_roles())} - NO_FAILURES - {""}
    pages = told()
    wrong = {
        "no page of docs/failures has": said - pages.keys(),
        "no code says any more": pages.keys() - said,
        "stand twice": {text for text, names in pages.items() if len(names) > 1},
    }
    assert not any(wrong.values()), "".join(
        "\nfailure texts that %s (%% is what differs):\n  %s"
        % (which, "\n  ".join("%s  %s" % (text, pages.get(text, "")) for text in sorted(texts)))
        for which, texts in wrong.items()
        if texts
    )


def test_every_page_is_in_the_index():
    linked = Counter(re.findall(r"\]\(([a-z-]+\.md)", (PAGES / "README.md").read_text()))
    assert set(linked) == {page.name for page in PAGES.glob("*.md")} - {"README.md"}
