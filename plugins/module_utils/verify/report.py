# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification findings: errors and warnings, each with the short name of its check."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import DvError, Problems, printable


@dataclass(frozen=True)
class Finding:
    """A finding.

    :param level: ``"error"``: what charon refuses or nobody can use; ``"warning"``: what is doubtful
    :param check: short name of the check, e.g. ``lock_hash``
    :param text: what was found, what was wanted
    """

    level: str
    check: str
    text: str


class Report:
    """The ``findings`` of a verification, the summary of the ``cluster``, empty if there was nothing to read, and how many different
    ``key_shares`` of the node there are."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.cluster: dict[str, Any] = {}
        self.key_shares = 0

    @property
    def ok(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(finding.level == "error" for finding in self.findings)

    def error(self, check: str, text: str) -> None:
        """Add an error."""
        self.findings.append(Finding("error", check, printable(text)))

    def warning(self, check: str, text: str) -> None:
        """Add a warning."""
        self.findings.append(Finding("warning", check, printable(text)))

    def add_by_cause(self, level: str, check: str, errors: Iterable[tuple[Hashable, DvError]]) -> None:
        """Add one finding for each cause, however many errors it has: the first of them, and how many more there are.

        :param level: ``"error"`` or ``"warning"``
        :param errors: pairs of a cause and its error
        """
        causes: dict[Hashable, list[DvError]] = {}
        for cause, error in errors:
            causes.setdefault(cause, []).append(error)
        for first, *others in causes.values():
            more = f" (and {len(others)} more like it)" if others else ""
            self.findings.append(Finding(level, check, f"{first}{more}"))

    @contextlib.contextmanager
    def errors_of(self, check: str) -> Iterator[None]:
        """Add what is raised within as errors of ``check``: a :class:`~.errors.DvError`, or each of :class:`~.errors.Problems`."""
        try:
            yield
        except Problems as problems:
            self.findings += [Finding("error", check, str(error)) for error in problems.errors]
        except DvError as error:
            self.findings.append(Finding("error", check, str(error)))

    def raise_errors(self) -> None:
        """Raise all errors as one :class:`~.errors.Problems`, if there are any."""
        errors = [DvError(f"{finding.check}: {finding.text}") for finding in self.findings if finding.level == "error"]
        if errors:
            raise Problems(errors)
