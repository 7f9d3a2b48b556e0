# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of one check on a node: a number, a failure, or nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import DvError

#: The largest number that any reader of JSON takes as it is.
LARGEST = 2**53 - 1
#: What came of it.
MEASURED, FAILED, NOT_MEASURED = "measured", "failed", "not measured"


class Finding(NamedTuple):
    """What came of a check.

    :param check: one of :data:`.checks.CHECKS`
    :param about: what was asked, where there may be several, a URL without its path for example
    :param value: in the unit of the check, if it was measured
    :param text: why there is no value, or what else is to know
    """

    check: str
    about: str
    state: str
    value: int | None
    text: str

    def json(self) -> dict[str, Any]:
        """As a statement has it."""
        return self._asdict()


def measured(check: str, value: float, about: object = "", text: str = "") -> Finding:
    """That a ``check`` gave a ``value``, of which whole units count, and none beyond :data:`LARGEST`."""
    return Finding(check, str(about), MEASURED, min(max(round(value), 0), LARGEST), text)


def failed(check: str, why: DvError | str, about: object = "") -> Finding:
    """That a ``check`` found nothing where there has to be something: ``why``, of an error what it found."""
    return Finding(check, str(about), FAILED, None, why.found if isinstance(why, DvError) else why)


def not_measured(check: str, why: str, about: object = "") -> Finding:
    """That nobody can say, and ``why``."""
    return Finding(check, str(about), NOT_MEASURED, None, why)
