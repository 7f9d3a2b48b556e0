# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""base64url without padding (RFC 4648 §5), strictly: there is one spelling for every value."""

import base64

from ..errors import DvError


def to_base64(data: bytes) -> str:
    """``data`` in base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    """The bytes that :func:`to_base64` gives ``text`` for.

    :raises DvError: another spelling: padding, a foreign character, unused bits that are not zero
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = None
    if data is None or to_base64(data) != text:
        raise DvError("a text that is not unpadded base64url", "its only spelling")
    return data
