# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification found: errors and warnings, each with the short name of its check."""

import contextlib
from dataclasses import dataclass

from ..errors import DvError, Problems, printable


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (``level`` ``"error"``) or doubtful (``"warning"``).

    :param check: short name of the check, e.g. ``lock_hash``
    :param text: what was found, what was wanted
    """

    level: str
    check: str
    text: str


class Report:
    """The findings of a verification, and in ``cluster`` what the files say (empty if there was nothing to read)."""

    def __init__(self):
        self.findings, self.cluster = [], {}

    @property
    def ok(self):
        """Whether there is no error; there may be warnings."""
        return not any(finding.level == "error" for finding in self.findings)

    def error(self, check, text):
        """Add an error."""
        self.findings.append(Finding("error", check, printable(text)))

    def warning(self, check, text):
        """Add a warning."""
        self.findings.append(Finding("warning", check, printable(text)))

    def by_cause(self, level, check, found):
        """Add one finding for each cause, however many things it hit: the first of them, and how many more there are.

        :param level: ``"error"`` or ``"warning"``
        :param found: pairs of a cause (anything that can be compared) and a :class:`.errors.DvError`
        """
        causes = {}
        for cause, error in found:
            causes.setdefault(cause, []).append(error)
        for first, *others in causes.values():
            more = f" (and {len(others)} more like it)" if others else ""
            self.findings.append(Finding(level, check, f"{first}{more}"))

    @contextlib.contextmanager
    def errors_of(self, check):
        """Make errors of every :class:`.errors.DvError` that is raised within."""
        try:
            yield
        except Problems as problems:
            self.findings += [Finding("error", check, str(error)) for error in problems.errors]
        except DvError as error:
            self.findings.append(Finding("error", check, str(error)))

    def raise_errors(self):
        """Raise all errors as one :class:`.errors.Problems`, if there are any."""
        errors = [DvError(f"{finding.check}: {finding.text}") for finding in self.findings if finding.level == "error"]
        if errors:
            raise Problems(errors)
