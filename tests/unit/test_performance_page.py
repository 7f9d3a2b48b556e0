# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/performance.md has the figures of docs/performance.json and no others, and so has its chart."""

import configparser
import re

from ansible_collections.obol.dv.tests.bench import chart, page
from ansible_collections.obol.dv.tests.support.playbook import ROOT


def test_tables():
    text = page.PAGE.read_text()
    assert page.with_tables(text, page.read()) == text, "make bench ARGS=--draw"


def test_chart():
    assert page.CHART.read_text() == chart.draw(page.read()), "make bench ARGS=--draw"


def test_settings_are_those_of_the_clone():
    told, ours = configparser.ConfigParser(), configparser.ConfigParser()
    told.read_string(re.search(r"```ini\n(.*?)```", page.PAGE.read_text(), re.DOTALL)[1])
    ours.read(ROOT / "ansible.cfg")
    assert all(ours[section][name] == value for section in told.sections() for name, value in told[section].items())
