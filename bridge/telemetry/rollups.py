"""A cell: what a metric did over a span of time; and how samples become cells, and cells larger ones.

Numbers here are in steps of the metric's scale, so what a counter counted is a whole number and adds up
exactly over any spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DIP: Final = 10
"""A counter that fell by less than a tenth was rounded or corrected; by more, it was reset."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a metric did over a span of time."""

    n: int
    """How many samples there are."""
    mean: float
    """Each sample weighs the same."""
    minimum: float
    maximum: float
    delta: int | None = None
    """What a counter counted; None for any other metric."""

    def merged(self, other: Cell) -> Cell:
        """Return the cell of both spans."""
        n = self.n + other.n
        minimum, maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        mean = self.mean + (other.mean - self.mean) * (other.n / n)
        delta = None if self.delta is None or other.delta is None else self.delta + other.delta
        # A rounded mean may lie a hair outside.
        return Cell(n, min(max(mean, minimum), maximum), minimum, maximum, delta)


def increases(readings: Iterable[int], before: int | None) -> list[int]:
    """Return what a counter had counted at each of its readings since the reading before it.

    `before` is its last reading before the first of these, None when there is none. A fall by a tenth or more
    is a reset: what it shows then was counted since. A smaller fall is taken back from what was counted. A
    zero after more than zero says nothing: devices answer so while they start, and show the old number after.
    """
    counted = []
    for reading in readings:
        if before is None:
            counted.append(0)
        elif reading == 0 and before > 0:
            counted.append(0)
            continue
        elif reading >= before or (before - reading) * DIP < before:
            counted.append(reading - before)
        else:
            counted.append(reading)
        before = reading
    return counted


def last_reading(readings: Sequence[int], before: int | None) -> int | None:
    """Return the reading that a counter goes on from, as `increases` sees it."""
    for reading in reversed(readings):
        if reading > 0:
            return reading
    return before if before is not None or not readings else 0


def cells(
    times: Sequence[int], quantities: Sequence[int], step: int, counted: Sequence[int] | None = None
) -> dict[int, Cell]:
    """Return the cells of samples, by the time at which each begins.

    :param times: UTC, seconds since 1970, ascending
    :param quantities: as many, in steps of the metric's scale
    :param step: length of a cell in seconds; cells begin at its multiples
    :param counted: of a counter, `increases`
    """
    found: dict[int, Cell] = {}
    first = 0
    while first < len(times):
        start = times[first] - times[first] % step
        last = first + 1
        while last < len(times) and times[last] < start + step:
            last += 1
        found[start] = cell(quantities[first:last], None if counted is None else counted[first:last])
        first = last
    return found


def cell(quantities: Sequence[int], counted: Sequence[int] | None = None) -> Cell:
    """Return the cell of one or more samples."""
    return Cell(
        len(quantities),
        sum(quantities) / len(quantities),
        min(quantities),
        max(quantities),
        None if counted is None else sum(counted),
    )
