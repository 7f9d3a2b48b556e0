# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people put into the first line of a file: a password, a passphrase."""


def first_line(content: bytes) -> str:
    """The first line of ``content``, without its end; empty where it is not UTF-8."""
    try:
        return content.decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        return ""
