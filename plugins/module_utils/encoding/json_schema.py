# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shape checks by JSON Schema (draft 2020-12) with messages made for people.

A schema's ``description`` says what is wanted of its field; a message shows what was found beside it. Our schemas
keep to keywords about one value: ``type``, ``enum``, ``pattern``, bounds, ``properties``, ``items``.
"""

import difflib
import numbers

from ..errors import DvError, kind_of, raise_all, show


def shape_problems(value, schema, name):
    """Every way in which ``value`` misses ``schema``: a list of (path, :class:`DvError`), in the order of the value.

    :param schema: the schema, each part of it with a ``description``
    :param name: function that gives a path (tuple of keys and list indices) the name that the user knows it by
    """
    problems = {}
    try:
        errors = sorted(_validator(schema).iter_errors(value), key=lambda error: _order(error.absolute_path))
    except (ValueError, RecursionError):
        # The library puts what it found into texts of its own, which fails for numbers of thousands of digits.
        return [((), DvError("%s holds a value that is too large to show" % name(()), schema["description"]))]
    for error in errors:
        path = tuple(error.absolute_path)
        for place, problem in _EXPLAIN.get(error.validator, _value)(error, path, name):
            problems.setdefault(place, problem)
    return list(problems.items())


def check_shape(value, schema, what):
    """Refuse a ``value``, called ``what``, that misses ``schema``: all its :func:`shape_problems` are raised."""

    def name(path):
        return "%s: %s" % (what, dotted(path)) if path else what

    raise_all([problem for _path, problem in shape_problems(value, schema, name)])


def dotted(path):
    """``a.b[0]`` for the path ``("a", "b", 0)``."""
    return "".join("[%d]" % part if isinstance(part, int) else ".%s" % (part,) for part in path).removeprefix(".")


def _value(error, path, name):
    """A value of the wrong kind or out of bounds."""
    if error.validator in ("minItems", "maxItems"):
        found = "has %d entries" % len(error.instance)
    else:
        # The top is shown by its kind alone: whatever file was read by mistake, its content stays out of the message.
        found = "is %s" % (show if path else kind_of)(error.instance)
    yield path, DvError("%s %s" % (name(path), found), error.schema["description"])


def _missing(error, path, name):
    """Fields that must be there and are not: all of them, while JSON Schema's own error names one."""
    for field in error.validator_value:
        if field not in error.instance:
            wanted = error.schema["properties"][field]["description"]
            yield (*path, field), DvError("%s is not set" % name((*path, field)), wanted)


def _unknown(error, path, name):
    """Fields that nobody knows, with the one that was probably meant."""
    known = error.schema["properties"]
    for field in error.instance:
        if field not in known:
            label = field if isinstance(field, str) and len(field) <= 42 else show(field)
            near = difflib.get_close_matches(label, known, n=1)
            hint = "did you mean %s?" % name((*path, near[0])) if near else "remove it"
            wanted = "one of %s" % ", ".join(name((*path, other)) for other in known)
            yield (*path, field), DvError("%s is unknown" % name((*path, label)), "" if near else wanted, hint)


_EXPLAIN = {"required": _missing, "additionalProperties": _unknown}


def _order(path):
    return [(part, "") if isinstance(part, int) else (-1, str(part)) for part in path]


def _validator(schema):
    import jsonschema  # takes a quarter of a second to import

    # JSON Schema calls 1.0 an integer; here a whole number is written without a point.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _checker, value: isinstance(value, numbers.Integral) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)(schema)
