# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where the core's errors become a module's failures: every module fails in the same way, and no traceback reaches a user."""

from __future__ import annotations

import contextlib
import gc
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..errors import DvError, printable
from ..storage.as_owner import as_owner_of

#: How deep an answer may nest: more than any of ours does.
_LEVELS = 50

#: What a module could not import.
_missing: list[ImportError] = []


@contextlib.contextmanager
def packages() -> Iterator[None]:
    """Around a module's imports of the core: a package that this Python lacks becomes a failure of the module, by :func:`answer`."""
    # What is imported stays. To search it for garbage, now and at the end, takes 0.03 s, a tenth of a small task.
    gc.disable()
    try:
        yield
    except ImportError as error:
        _missing.append(error)
    finally:
        gc.freeze()
        gc.enable()


class Module(AnsibleModule):
    """AnsibleModule for modules of ours."""

    def _log_invocation(self) -> None:
        """Tell the node's system log nothing: an inbox holds megabytes of messages, and a recipient may be a secret key, named by
        mistake. The parameter no_log does not do it: the task's value takes its place."""

    def fail_json(self, msg: str, **result: Any) -> None:
        super().fail_json(deliverable(msg), **_deliverable_result(result))


def deliverable(value: Any, levels: int = _LEVELS) -> Any:
    """``value``, of dicts, lists and texts, with each text :func:`.errors.printable`: Ansible refuses an answer whole that holds a file
    name in Latin-1, and shows the rest as it is.

    :raises DvError: it nests in more than so many ``levels``
    """
    if isinstance(value, str):
        return printable(value, lines=True)
    if not isinstance(value, (dict, list, tuple)):
        return value
    if not levels:
        raise DvError(
            "the answer of this node nests in more than %d levels" % _LEVELS,
            "an answer of one of our modules",
            "see what runs in the place of this collection on that node",
        )
    if isinstance(value, dict):
        return {deliverable(key): deliverable(each, levels - 1) for key, each in value.items()}
    return [deliverable(each, levels - 1) for each in value]


def _deliverable_result(result: dict[str, Any]) -> dict[str, Any]:
    # What goes to the store stays as it is, and is shown to nobody.
    exact = {name: value for name, value in result.items() if name == "outbox"}
    return {**deliverable({name: value for name, value in result.items() if name not in exact}), **exact}


def failure(msg: str, **result: Any) -> dict[str, Any]:
    """The result of a module that fails for ``msg``, with what else it found (``result``)."""
    return dict(result, failed=True, msg=deliverable(msg))


def answer(module: AnsibleModule, function: Callable[[AnsibleModule], dict[str, Any]]) -> dict[str, Any]:
    """What ``function(module)`` returns (dict), fit to be shown; or the :func:`failure` that it ends with. What it makes
    in the option ``data_dir`` belongs to the owner of that directory.

    :param function: raises :class:`DvError` where it cannot do its work
    """
    try:
        if _missing:
            raise _missing[0]
        with as_owner_of(module.params.get("data_dir")):
            result = _deliverable_result(function(module))
    except DvError as error:
        result = failure(str(error))
    except ImportError as error:
        lacks = missing_required_lib(error.name or str(error))
        result = failure(f"{lacks} Or set ansible_python_interpreter to a Python that has the packages of requirements-node.txt.")
    except Exception as error:  # pylint: disable=broad-exception-caught
        # The text of an unforeseen error may hold anything, so only its kind and place are told.
        frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
        result = failure(
            f"unforeseen {type(error).__name__} at {frame.f_code.co_name} line {line} of {frame.f_globals['__name__']}: "
            "this is a bug in obol.dv, please report it"
        )
    return result
