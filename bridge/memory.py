"""Keeps the process small: what the C library's allocator does with memory that Python has let go of.

glibc gives threads arenas of their own so that they need not wait for each other, and keeps what they free.
Python's threads take turns anyway; here the arenas are nothing but holes in the memory, 2.5 MB under load.
"""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX of glibc's mallopt(3)."""

_log = logging.getLogger(__name__)


def share_one_arena() -> None:
    """Let all threads that come share one arena. Another C library than glibc is left alone."""
    library = _glibc()
    if library is not None and not library.mallopt(_ARENA_MAX, 1):
        _log.debug("the number of arenas cannot be set")


def give_back() -> None:
    """Give the system back what is free: after a time in which much was loaded and let go of again."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    has_both = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if has_both else None
