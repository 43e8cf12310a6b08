"""A linear program that grows part by part: what excludes each other, what is off or enough."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Floats: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.intp]
"""Of columns or rows."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one kind: equations, or rows whose left side is at most the right."""

    equal: bool
    numbers: Numbers

    def __getitem__(self, which: Any) -> Rows:
        return Rows(self.equal, np.atleast_1d(self.numbers[which]))


@dataclass(frozen=True, slots=True)
class Arrays:
    """The program as the solver takes it: minimise `cost @ x` with `equal @ x == equal_right`, and so on."""

    cost: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    equal: sparse.csr_array
    equal_right: Floats
    most: sparse.csr_array
    most_right: Floats


class _Matrix:
    """Entries of a sparse matrix, and its right side."""

    def __init__(self) -> None:
        self.rows: list[Numbers] = []
        self.columns: list[Numbers] = []
        self.values: list[Floats] = []
        self.right: list[Floats] = []
        self.count = 0

    def build(self, width: int) -> tuple[sparse.csr_array, Floats]:
        if not self.count:
            return sparse.csr_array((0, width)), np.empty(0)
        entries = (np.concatenate(self.values), (np.concatenate(self.rows), np.concatenate(self.columns)))
        return sparse.csr_array(entries, shape=(self.count, width)), np.concatenate(self.right)


class LinearProgram:
    """Columns with bounds and costs, rows, and the two kinds of yes-or-no that a home has.

    :ivar exclusive: pairs of columns of which one must be zero
    :ivar semicontinuous: columns that are zero or at least as much
    """

    def __init__(self) -> None:
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._integer: list[NDArray[np.bool_]] = []
        self._width = 0
        self._costs: defaultdict[str, list[tuple[Numbers, Floats]]] = defaultdict(list)
        self._equal = _Matrix()
        self._most = _Matrix()
        self._exclusive: list[tuple[Numbers, Numbers]] = []
        self._semicontinuous: list[tuple[Numbers, Floats]] = []

    def columns(
        self, count: int, lower: ArrayLike = 0.0, upper: ArrayLike = np.inf, *, integer: bool = False
    ) -> Numbers:
        """Add columns and return their numbers."""
        self._lower.append(np.broadcast_to(np.asarray(lower, float), count))
        self._upper.append(np.broadcast_to(np.asarray(upper, float), count))
        self._integer.append(np.full(count, integer))
        numbers = np.arange(self._width, self._width + count)
        self._width += count
        return numbers

    def cost(self, part: str, columns: Numbers, prices: ArrayLike) -> None:
        """Add to what columns cost, under the name of a field of `Costs`."""
        self._costs[part].append((columns, np.broadcast_to(np.asarray(prices, float), columns.shape)))

    def equal(self, right: Floats) -> Rows:
        """Add rows that equal their right sides."""
        return Rows(equal=True, numbers=self._rows(self._equal, right))

    def at_most(self, right: Floats) -> Rows:
        """Add rows that are at most their right sides."""
        return Rows(equal=False, numbers=self._rows(self._most, right))

    @staticmethod
    def _rows(matrix: _Matrix, right: Floats) -> Numbers:
        numbers = np.arange(matrix.count, matrix.count + len(right))
        matrix.right.append(right)
        matrix.count += len(right)
        return numbers

    def put(self, rows: Rows, columns: Numbers, values: ArrayLike) -> None:
        """Put values where rows and columns meet, one after the other; values in one place add up."""
        matrix = self._equal if rows.equal else self._most
        numbers, columns = np.broadcast_arrays(rows.numbers, columns)
        matrix.rows.append(numbers)
        matrix.columns.append(columns)
        matrix.values.append(np.broadcast_to(np.asarray(values, float), numbers.shape))

    def exclude(self, one: Numbers, other: Numbers) -> None:
        """Of each pair of columns, one must be zero. The first can always be the other one: it is safe."""
        self._exclusive.append((one, other))

    def off_or_enough(self, columns: Numbers, least: Floats) -> None:
        """Columns are zero or at least as much."""
        self._semicontinuous.append((columns, least))

    @property
    def exclusive(self) -> tuple[Numbers, Numbers]:
        """All pairs of which one must be zero."""
        if not self._exclusive:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        ones, others = zip(*self._exclusive, strict=True)
        return np.concatenate(ones), np.concatenate(others)

    @property
    def semicontinuous(self) -> tuple[Numbers, Floats]:
        """All columns that are off or enough, with what is enough."""
        if not self._semicontinuous:
            return np.empty(0, np.intp), np.empty(0)
        columns, least = zip(*self._semicontinuous, strict=True)
        return np.concatenate(columns), np.concatenate(least)

    def costs(self, values: Floats) -> dict[str, float]:
        """Return what a solution costs, by part."""
        return {
            part: float(sum(prices @ values[columns] for columns, prices in entries))
            for part, entries in self._costs.items()
        }

    def arrays(self) -> Arrays:
        """Return the program as it stands."""
        cost = np.zeros(self._width)
        for entries in self._costs.values():
            for columns, prices in entries:
                np.add.at(cost, columns, prices)
        equal, equal_right = self._equal.build(self._width)
        most, most_right = self._most.build(self._width)
        return Arrays(
            cost,
            np.concatenate(self._lower),
            np.concatenate(self._upper),
            np.concatenate(self._integer),
            equal,
            equal_right,
            most,
            most_right,
        )
