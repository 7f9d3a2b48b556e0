# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests do where this machine lacks something that they need."""

import os

import pytest


def skip_or_fail(reason):
    """Skip the test, ``reason`` being what this machine lacks; in CI (``CI=true``) fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
