"""Keeps the process small: what is done with memory that nobody needs, by the C library and by Python.

glibc gives threads arenas of their own so that they need not wait for each other, and keeps what they free.
Python's threads take turns anyway; here the arenas are nothing but holes in the memory, 2.5 MB under load.
"""

from __future__ import annotations

import ctypes
import gc
import logging
from dataclasses import is_dataclass
from functools import cache
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX of glibc's mallopt(3)."""
_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD, the same."""
_LARGE: Final = 64 * 1024
"""Bytes."""

_log = logging.getLogger(__name__)


def share_one_arena() -> None:
    """Let all threads that come share one arena. Another C library than glibc is left alone."""
    library = _glibc()
    if library is not None and not library.mallopt(_ARENA_MAX, 1):
        _log.debug("the number of arenas cannot be set")


def map_large_blocks() -> None:
    """Let blocks as large as a plan have pages of their own, which the system has back when they are freed.

    By itself glibc raises that limit with each larger block that is freed, up to 32 MB, and leaves holes.
    """
    library = _glibc()
    if library is not None and not library.mallopt(_MMAP_THRESHOLD, _LARGE):
        _log.debug("it cannot be set which blocks are large")


def give_back() -> None:
    """Give the system back what is free: after a time in which much was loaded and let go of again."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(ctypes.c_size_t(0))


def forget_doubles() -> None:
    """Let go of the classes of which dataclasses with slots were made: 500 of them, 1.4 MB.

    A dataclass gets its slots by being made anew. Of a frozen one the first class stays for nothing: the
    methods that refuse changes were made for it, and hold on to it (`_frozen_get_del_attr` in CPython 3.11).
    They are given the class that is used. It takes 70 ms, and is worth most while more is to be loaded, which
    then fills the holes.
    """
    # isinstance would ask a proxy for its class.
    classes: list[type] = [each for each in gc.get_objects() if issubclass(type(each), type)]
    for made in classes:
        if not is_dataclass(made):
            continue
        for name in ("__setattr__", "__delattr__"):
            for cell in getattr(vars(made).get(name), "__closure__", None) or ():
                if _is_double(cell.cell_contents, made):
                    cell.cell_contents = made
    del classes
    gc.collect()


def _is_double(first: object, made: type) -> bool:
    """Tell whether a class is the one of which another one was made, with slots."""
    if not isinstance(first, type) or first is made:
        return False
    same = (first.__module__, first.__qualname__) == (made.__module__, made.__qualname__)
    return same and "__slots__" in vars(made) and "__slots__" not in vars(first)


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    has_both = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if has_both else None
