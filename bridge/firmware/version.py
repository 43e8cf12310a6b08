"""Versions of firmware and their order, which is that of Semantic Versioning 2.0.0 section 11."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

_VERSION: Final = re.compile(
    r"v?(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,3})"
    r"(?:-(?P<before>[0-9A-Za-z-]{1,32}(?:\.[0-9A-Za-z-]{1,32}){0,7}))?"
    r"(?:\+[0-9A-Za-z.-]{1,64})?",
    re.ASCII,
)


@total_ordering
@dataclass(frozen=True, slots=True)
class FirmwareVersion:
    """One to four numbers; missing ones count as 0. What stands after `-` comes before the release itself.

    :ivar before: the parts after `-`; a number is less than a word
    """

    numbers: tuple[int, ...]
    before: tuple[tuple[int, int, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> FirmwareVersion:
        """Read `1.4`, `v1.4.2` or `2.0.0-rc.1+build`. Raise ValueError."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:64]!r} is no version such as 1.4.2")
        numbers = [int(number) for number in match["numbers"].split(".")]
        numbers += [0] * (4 - len(numbers))
        before = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in (match["before"] or "").split(".")
            if part
        )
        return cls(tuple(numbers), before)

    def __lt__(self, other: FirmwareVersion) -> bool:
        return (self.numbers, not self.before, self.before) < (other.numbers, not other.before, other.before)
