# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keccak-256."""

from __future__ import annotations

import functools
import sys
from types import ModuleType


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256 (Ethereum's hash, not SHA3-256) of ``data``."""
    return _keccak().new(data=data, digest_bits=256).digest()


@functools.cache
def _keccak() -> ModuleType:
    """That of pycryptodome: C code, and eth-account needs it anyway. It is imported where it is needed, and with ctypes in the place of
    cffi: to load that takes a tenth of a second, more than all else. With ctypes it would start a program to ask of what kind the Python
    is, so it is told."""
    hidden = "cffi" not in sys.modules
    if hidden:
        sys.modules["cffi"] = None  # type: ignore[assignment]
    try:
        from Crypto.Util import _raw_api

        getattr(_raw_api, "cached_architecture", [])[:] = ["", "ELF"]
        from Crypto.Hash import keccak
    finally:
        if hidden:
            del sys.modules["cffi"]
    return keccak
