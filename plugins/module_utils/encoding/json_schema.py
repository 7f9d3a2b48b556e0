# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shape checks by JSON Schema (draft 2020-12) with messages made for people.

A schema's ``description`` says what is wanted of its field; a message shows what was found beside it. Our schemas
keep to keywords about one value: ``type``, ``enum``, ``pattern``, bounds, ``properties``, ``items``.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import LONGEST_SHOWN, DvError, kind_of, raise_all, show

# Keys and list indices.
Path = tuple["str | int", ...]
Name = Callable[[Path], str]


def shape_problems(value: Any, schema: dict[str, Any], name: Name) -> list[tuple[Path, DvError]]:
    """Every way in which ``value`` misses ``schema``, in the order of the value.

    :param schema: the schema, each part of it with a ``description``
    :param name: gives a path the name that the user knows it by
    """
    problems: dict[Path, DvError] = {}
    try:
        errors = sorted(_validator(schema).iter_errors(value), key=lambda error: _order(error.absolute_path))
    except (ValueError, RecursionError):
        # The library puts what it found into texts of its own, which fails for numbers of thousands of digits.
        return [((), DvError(f"{name(())} holds a value that is too large to show", schema["description"]))]
    for error in errors:
        path = tuple(error.absolute_path)
        for problem_path, problem in _EXPLAIN.get(error.validator, _value)(error, path, name):
            problems.setdefault(problem_path, problem)
    return list(problems.items())


def check_shape(value: Any, schema: dict[str, Any], what: str) -> None:
    """Refuse a ``value``, called ``what``, that misses ``schema``: all its :func:`shape_problems` are raised."""

    def name(path: Path) -> str:
        return f"{what}: {dotted(path)}" if path else what

    raise_all([problem for _path, problem in shape_problems(value, schema, name)])


def dotted(path: Iterable[str | int]) -> str:
    """``a.b[0]`` for the path ``("a", "b", 0)``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _value(error: Any, path: Path, name: Name) -> Iterator[tuple[Path, DvError]]:
    """A value of the wrong kind or out of bounds."""
    if error.validator in ("minItems", "maxItems"):
        problem = f"has {len(error.instance)} entries"
    else:
        # The top is shown by its kind alone: whatever file was read by mistake, its content stays out of the message.
        problem = f"is {(show if path else kind_of)(error.instance)}"
    yield path, DvError(f"{name(path)} {problem}", error.schema["description"])


def _missing(error: Any, path: Path, name: Name) -> Iterator[tuple[Path, DvError]]:
    """Fields that must be there and are not: all of them, while JSON Schema's own error names one."""
    for field in error.validator_value:
        if field not in error.instance:
            wanted = error.schema["properties"][field]["description"]
            yield (*path, field), DvError(f"{name((*path, field))} is not set", wanted)


def _unknown(error: Any, path: Path, name: Name) -> Iterator[tuple[Path, DvError]]:
    """Fields that nobody knows, with the one that was probably meant."""
    properties = error.schema["properties"]
    for field in error.instance:
        if field not in properties:
            label = field if isinstance(field, str) and len(field) <= LONGEST_SHOWN else show(field)
            near = difflib.get_close_matches(label, properties, n=1)
            hint = f"did you mean {name((*path, near[0]))}?" if near else "remove it"
            wanted = f"one of {', '.join(name((*path, other)) for other in properties)}"
            yield (*path, field), DvError(f"{name((*path, label))} is unknown", "" if near else wanted, hint)


_EXPLAIN: dict[str, Callable[[Any, Path, Name], Iterator[tuple[Path, DvError]]]] = {"required": _missing, "additionalProperties": _unknown}


def _order(path: Iterable[str | int]) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, str(part)) for part in path]


def _validator(schema: dict[str, Any]) -> Any:
    import jsonschema  # takes a quarter of a second to import

    # JSON Schema calls 1.0 an integer; here a whole number is written without a point.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _checker, value: isinstance(value, numbers.Integral) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)(schema)
