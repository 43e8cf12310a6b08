"""Values over time: one for each of a row of spans, with gaps where nothing is known."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

EARLIEST: Final = 1_500_000_000
"""Nobody means a time before this one, in 2017: it is a time in another unit."""
LATEST: Final = 4_102_444_800
"""Nor one after this, in 2100."""
SHORTEST: Final = 60
LONGEST: Final = 86_400 + 3600
"""A day with 25 hours."""
MOST_SPANS: Final = 6_000
"""Quarters of an hour of two months."""

Span = tuple[int, int, float]
"""Begin and end, UTC in seconds since 1970, and the value in between."""


class SeriesError(ValueError):
    """What was given is no series; the message is for a person."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values of spans, in order, none of which overlap.

    :ivar starts: UTC, seconds since 1970; `ends` the same
    """

    starts: array[int]
    ends: array[int]
    values: array[float]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Self:
        """Return the series of spans in any order. Raise SeriesError."""
        ordered = sorted(spans)
        if len(ordered) > MOST_SPANS:
            raise SeriesError(f"{len(ordered)} values are more than anybody needs ({MOST_SPANS})")
        before = 0
        for start, end, value in ordered:
            if not EARLIEST <= start < end <= LATEST:
                raise SeriesError(f"{start} to {end} is no time that can be meant, in seconds since 1970")
            if not SHORTEST <= end - start <= LONGEST:
                raise SeriesError(f"a value holds for {end - start} s; a minute to a day can be meant")
            if start < before:
                raise SeriesError(f"there are two values for {moment(start)}")
            if not math.isfinite(value):
                raise SeriesError(f"the value of {moment(start)} is {value}")
            before = end
        return cls(
            array("q", (each[0] for each in ordered)),
            array("q", (each[1] for each in ordered)),
            array("d", (each[2] for each in ordered)),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Span]:
        return zip(self.starts, self.ends, self.values, strict=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # its arrays could change

    def at(self, time: float) -> float | None:
        """Return the value of an instant, None where there is none."""
        index = bisect_right(self.starts, time) - 1
        return self.values[index] if index >= 0 and time < self.ends[index] else None

    def until(self, time: float) -> int | None:
        """Return up to when everything is known from an instant on, None when not even that is."""
        index = bisect_right(self.starts, time) - 1
        if index < 0 or time >= self.ends[index]:
            return None
        while index + 1 < len(self) and self.starts[index + 1] == self.ends[index]:
            index += 1
        return self.ends[index]

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the mean of each of a row of steps, None where less than half of one is known.

        :param start: of the first, UTC in seconds since 1970
        """
        begins = accumulate(steps_s[:-1], initial=start)
        return tuple(self._mean(begin, begin + length) for begin, length in zip(begins, steps_s, strict=True))

    def _mean(self, begin: int, end: int) -> float | None:
        index = max(bisect_right(self.starts, begin) - 1, 0)
        total, known = 0.0, 0
        while index < len(self) and self.starts[index] < end:
            seconds = min(self.ends[index], end) - max(self.starts[index], begin)
            if seconds > 0:
                total += self.values[index] * seconds
                known += seconds
            index += 1
        # Rounded, so that equal values stay equal.
        return round(total / known, 9) if 2 * known >= end - begin else None

    def updated(self, newer: Series) -> Series:
        """Return this series with another one in the place of what it says about the same time."""
        if not len(newer):
            return self
        kept: list[Span] = []
        for start, end, value in self:
            # Whole spans of the newer one win; what sticks out of them on either side stays.
            for left, right in newer.gaps(start, end):
                if right - left >= SHORTEST:
                    kept.append((left, right, value))
        return Series.of([*kept, *newer])

    def gaps(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a span about which nothing is said here."""
        index = max(bisect_right(self.starts, begin) - 1, 0)
        while begin < end:
            while index < len(self) and self.ends[index] <= begin:
                index += 1
            if index == len(self) or self.starts[index] >= end:
                yield begin, end
                return
            if self.starts[index] > begin:
                yield begin, self.starts[index]
            begin = self.ends[index]

    def since(self, time: float) -> Series:
        """Return what is said about the time from an instant on."""
        index = bisect_right(self.ends, time)
        return Series(self.starts[index:], self.ends[index:], self.values[index:])

    def mapped(self, factor: float, offset: float = 0.0) -> Series:
        """Return the same with other values: each times `factor` and more by `offset`."""
        return Series(
            self.starts, self.ends, array("d", (round(each * factor + offset, 9) for each in self.values))
        )

    def plain(self) -> list[list[float]]:
        """Return it as it is stored and travels."""
        return [list(span) for span in self]

    @classmethod
    def from_plain(cls, found: Any) -> Self:
        """Read what `plain` gave. Raise SeriesError."""
        if not isinstance(found, list):
            raise SeriesError("a series is a list of spans")
        return cls.of(_span(each) for each in found)


EMPTY: Final = Series.of(())


def _span(found: Any) -> Span:
    match found:
        case [int(start), int(end), int() | float() as value] if not isinstance(value, bool):
            return start, end, float(value)
    raise SeriesError(f"{str(found)[:80]} is no span")


def moment(time: int) -> str:
    """Return an instant as a person reads it, in UTC."""
    from datetime import UTC, datetime  # where an error is told

    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
