"""Solving a home's program: linear where that is exact, with yes-or-no only where it must be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.formulation.program import Arrays, Floats, LinearProgram, Numbers

TOLERANCE: Final = 1e-6
"""kW that do not count."""
_PATIENCE: Final = 3
"""Rounds in which only what went wrong is decided; then all that could go wrong is."""


_SAME: Final = 1e-7
"""Relative difference of costs that rounding explains."""


class SolverError(RuntimeError):
    """The solver found no solution to a program that has one: numbers too far apart, or a defect."""


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how closely to look.

    :ivar time_limit_s: for all rounds together; a plan comes in any case, with its gap
    :ivar gap: relative; what is closer counts as the best
    """

    time_limit_s: float = 20.0
    gap: float = 1e-6


@dataclass(frozen=True, slots=True)
class Solution:
    """A solution with its duals.

    :ivar equal_duals: what one more on the right of each equation costs
    :ivar most_duals: what one more on the right of each other row costs; never positive
    :ivar reduced: what forcing a column up by one costs
    :ivar gap: relative distance to the proved bound
    """

    values: Floats
    cost: float
    equal_duals: Floats
    most_duals: Floats
    reduced: Floats
    rounds: int
    columns: int
    binaries: int
    gap: float
    seconds: float


@dataclass(slots=True)
class _Decisions:
    """Which of the program's yes-or-no are decided: of exclusive pairs, and of columns off or enough."""

    pairs: NDArray[np.bool_]
    levels: NDArray[np.bool_]

    @property
    def count(self) -> int:
        return int(self.pairs.sum() + self.levels.sum())


class Solver:
    """Solves one program."""

    def __init__(self, program: LinearProgram, options: Options) -> None:
        self._arrays = program.arrays()
        self._one, self._other = program.exclusive
        self._level, self._least = program.semicontinuous
        self._options = options
        self._started = time.perf_counter()
        self._rounds = 0
        self._relaxed: Any = None

    def solve(self) -> Solution:
        """Return the best solution, or a good one with its gap when time runs out.

        The linear program is solved first. Where its solution does two things at once that exclude each
        other, or something by halves, a decision is added and all is solved again, until none is missing.
        """
        decided = _Decisions(np.zeros(len(self._one), bool), np.zeros(len(self._level), bool))
        bound = -np.inf
        while True:
            values, bound, in_time = self._round(decided, bound)
            wrong = self._wrong(values)
            wrong.pairs &= ~decided.pairs
            wrong.levels &= ~decided.levels
            if not wrong.count or not in_time:
                break
            if self._rounds >= _PATIENCE and wrong.levels.any():
                wrong.levels[:] = True
            if self._rounds >= 2 * _PATIENCE and wrong.pairs.any():
                wrong.pairs[:] = True
            decided = _Decisions(decided.pairs | wrong.pairs, decided.levels | wrong.levels)
        return self._finish(values, decided, bound)

    def _left(self) -> float:
        return self._options.time_limit_s - (time.perf_counter() - self._started)

    def _wrong(self, values: Floats) -> _Decisions:
        level = values[self._level]
        return _Decisions(
            (values[self._one] > TOLERANCE) & (values[self._other] > TOLERANCE),
            (level > TOLERANCE) & (level < self._least - TOLERANCE),
        )

    def _round(self, decided: _Decisions, bound: float) -> tuple[Floats, float, bool]:
        """Solve with the decisions so far; return values, the proved bound, and whether it was in time."""
        self._rounds += 1
        if not decided.count and not self._arrays.integer.any():
            self._relaxed = _linear(self._arrays, self._arrays.lower, self._arrays.upper)
            return self._relaxed.x, max(bound, float(self._relaxed.fun)), True
        values, proved = self._integer(decided)
        if values is None:
            relaxed = _linear(self._arrays, self._arrays.lower, self._arrays.upper)
            self._relaxed = None
            return relaxed.x, max(bound, float(relaxed.fun)), False
        self._relaxed = None
        return values, max(bound, proved), self._left() > 0

    def _integer(self, decided: _Decisions) -> tuple[Floats | None, float]:
        """Solve the integer program; None when time ran out before a solution was found."""
        arrays = self._arrays
        width, pairs, levels = len(arrays.cost), np.flatnonzero(decided.pairs), np.flatnonzero(decided.levels)
        one, other, level = self._one[pairs], self._other[pairs], self._level[levels]
        first, second = width + np.arange(len(pairs)), width + len(pairs) + np.arange(len(levels))
        extra = len(pairs) + len(levels)
        # Of a pair: the one at most (1 - yes) times its bound, the other at most yes times. Of a level: at
        # most yes times its bound, at least yes times what is enough.
        blocks = [
            (one, 1.0, first, arrays.upper[one], arrays.upper[one]),
            (other, 1.0, first, -arrays.upper[other], np.zeros(len(pairs))),
            (level, 1.0, second, -arrays.upper[level], np.zeros(len(levels))),
            (level, -1.0, second, self._least[levels], np.zeros(len(levels))),
        ]
        rows = [_rows(width + extra, *block) for block in blocks]
        matrix = sparse.vstack([*(block for block, _ in rows), _widened(arrays.most, extra)], format="csc")
        right = np.concatenate([*(limit for _, limit in rows), arrays.most_right])
        constraints = [LinearConstraint(matrix, -np.inf, right)]
        if len(arrays.equal_right):
            equal = sparse.csc_matrix(_widened(arrays.equal, extra))
            constraints.append(LinearConstraint(equal, arrays.equal_right, arrays.equal_right))
        result = milp(
            np.concatenate((arrays.cost, np.zeros(extra))),
            integrality=np.concatenate((arrays.integer, np.ones(extra))),
            bounds=Bounds(
                np.concatenate((arrays.lower, np.zeros(extra))),
                np.concatenate((arrays.upper, np.ones(extra))),
            ),
            constraints=constraints,
            options={"time_limit": max(self._left(), 0.05), "mip_rel_gap": self._options.gap},
        )
        if result.x is None:
            if result.status != 1:
                raise SolverError(result.message)
            return None, -np.inf
        proved = result.mip_dual_bound
        return result.x[:width], -np.inf if proved is None else float(proved)

    def _finish(self, values: Floats, decided: _Decisions, bound: float) -> Solution:
        """Fix all decisions as they fell, and solve what is left, for exact values and duals.

        Where the rest then does something wrong anew (time ran out, or another solution is as good), that is
        decided as it fell, too, and all is solved again.
        """
        arrays = self._arrays
        lower, upper = arrays.lower.copy(), arrays.upper.copy()
        whole = np.flatnonzero(arrays.integer)
        lower[whole] = upper[whole] = np.round(values[whole])
        open_ = _Decisions(~decided.pairs, ~decided.levels)
        wrong = self._wrong(values)
        fixing = _Decisions(decided.pairs | wrong.pairs, decided.levels | wrong.levels)
        result = self._relaxed
        while fixing.count or result is None:
            self._fix(values, fixing, lower, upper)
            open_ = _Decisions(open_.pairs & ~fixing.pairs, open_.levels & ~fixing.levels)
            result = self._fixed(lower, upper)
            values, fixing = result.x, self._wrong(result.x)
            fixing = _Decisions(fixing.pairs & open_.pairs, fixing.levels & open_.levels)
        cost = float(result.fun)
        distance = max(cost - bound, 0.0)
        gap = 0.0 if distance <= _SAME * max(1.0, abs(cost)) else distance / max(abs(cost), _SAME)
        return Solution(
            np.clip(result.x, arrays.lower, arrays.upper),
            cost,
            np.asarray(result.eqlin.marginals),
            np.asarray(result.ineqlin.marginals),
            np.asarray(result.lower.marginals) + np.asarray(result.upper.marginals),
            self._rounds,
            len(arrays.cost) + decided.count,
            decided.count + int(arrays.integer.sum()),
            gap,
            time.perf_counter() - self._started,
        )

    def _fix(self, values: Floats, fixing: _Decisions, lower: Floats, upper: Floats) -> None:
        """Narrow bounds so that decisions stay as values have them."""
        keeps_one = values[self._one] >= values[self._other]
        upper[self._other[fixing.pairs & keeps_one]] = 0.0
        upper[self._one[fixing.pairs & ~keeps_one]] = 0.0
        enough = values[self._level] >= self._least - TOLERANCE
        running = fixing.levels & enough
        lower[self._level[running]] = np.minimum(self._least[running], upper[self._level[running]])
        upper[self._level[fixing.levels & ~enough]] = 0.0

    def _fixed(self, lower: Floats, upper: Floats) -> Any:
        """Solve with decisions fixed; where they do not go together, take those that always do."""
        try:
            return _linear(self._arrays, lower, upper)
        except SolverError:
            upper[self._one] = self._arrays.upper[self._one]
            upper[self._other] = 0.0
            lower[self._level] = upper[self._level] = 0.0
            whole = np.flatnonzero(self._arrays.integer)
            lower[whole] = upper[whole] = 0.0
            return _linear(self._arrays, lower, upper)


def _rows(
    width: int, columns: Numbers, factor: float, decisions: Numbers, by: Floats, right: Floats
) -> tuple[Any, Floats]:
    """Return rows `factor * column + by * decision <= right`."""
    rows = np.arange(len(columns))
    entries = (
        np.concatenate((np.full(len(columns), factor), by)),
        (np.concatenate((rows, rows)), np.concatenate((columns, decisions))),
    )
    return sparse.csr_matrix(entries, shape=(len(columns), width)), right


def _widened(matrix: Any, extra: int) -> Any:
    return sparse.hstack([matrix, sparse.csr_matrix((matrix.shape[0], extra))], format="csr")


def _linear(arrays: Arrays, lower: Floats, upper: Floats) -> Any:
    """Solve the linear program, by another algorithm when the first fails.

    :raises SolverError: none succeeds
    """
    result = None
    for method, presolve in (("highs", True), ("highs-ds", False), ("highs-ipm", True)):
        result = linprog(
            arrays.cost,
            arrays.most if len(arrays.most_right) else None,
            arrays.most_right if len(arrays.most_right) else None,
            arrays.equal if len(arrays.equal_right) else None,
            arrays.equal_right if len(arrays.equal_right) else None,
            bounds=np.column_stack((lower, upper)),
            method=method,
            options={"presolve": presolve},
        )
        if result.status == 0:
            return result
    assert result is not None
    raise SolverError(result.message)
