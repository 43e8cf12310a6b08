"""Measured power, evenly spaced, with gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import numpy as np

from optimizer.problem_error import ProblemError, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from optimizer.formulation.program import Floats, Numbers
    from optimizer.horizon import Horizon

DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Mean power of each of a row of equal intervals.

    :ivar start: of the first interval
    :ivar step_s: of each; a day is a whole number of them
    :ivar power_w: a magnitude; NaN where nothing was measured
    :raises ProblemError: the start has no time zone, the step does not divide a day, a power is infinite
    """

    start: datetime
    step_s: int
    power_w: Floats

    def __post_init__(self) -> None:
        moment("the start of a history", self.start)
        if self.step_s < 1 or DAY_S % self.step_s:
            raise ProblemError(f"a step of {self.step_s} s does not divide a day")
        power = np.asarray(self.power_w, float)
        if power.ndim != 1 or np.isinf(power).any():
            raise ProblemError("a history is one row of finite powers")
        object.__setattr__(self, "power_w", power)

    @classmethod
    def of(cls, start: datetime, step_s: int, power_w: Sequence[float | None]) -> Self:
        """Return a history from a list in which None stands for a gap."""
        return cls(start, step_s, np.array([np.nan if each is None else each for each in power_w], float))

    def __len__(self) -> int:
        return len(self.power_w)

    @property
    def end(self) -> datetime:
        """When the last interval ends."""
        return self.start.astimezone(UTC) + timedelta(seconds=self.step_s * len(self))

    @property
    def times_s(self) -> Numbers:
        """When each interval begins, in seconds since 1970."""
        first = round(self.start.timestamp())
        return first + self.step_s * np.arange(len(self))

    def until(self, when: datetime) -> History:
        """Return what was measured before a moment."""
        count = int(max((when - self.start.astimezone(UTC)).total_seconds(), 0) // self.step_s)
        return History(self.start, self.step_s, self.power_w[:count])

    def last(self, days: float) -> History:
        """Return the last days."""
        count = min(int(days * DAY_S // self.step_s), len(self))
        later = timedelta(seconds=self.step_s * (len(self) - count))
        start = (self.start.astimezone(UTC) + later).astimezone(self.start.tzinfo)
        return History(start, self.step_s, self.power_w[len(self) - count :])


def local_seconds(times_s: Numbers, zone: tzinfo) -> Numbers:
    """Return what a clock in a zone shows at each time, as seconds since 1970 as if that were UTC.

    :param times_s: ascending seconds since 1970
    """
    if not len(times_s):
        return times_s

    def offset(time_s: int) -> int:
        shift = datetime.fromtimestamp(time_s, UTC).astimezone(zone).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    first, last = offset(int(times_s[0])), offset(int(times_s[-1]))
    if first == last and times_s[-1] - times_s[0] < 90 * DAY_S:
        return np.add(times_s, first)
    return np.add(times_s, [offset(int(each)) for each in times_s])


def grid(horizon: Horizon, step_s: int) -> Numbers:
    """Return when even intervals begin that cover a horizon, in seconds since 1970; their days are whole."""
    first = round(horizon.start.timestamp())
    begin = first - first % step_s
    return np.arange(begin, first + horizon.offsets_s[-1], step_s)


def over(horizon: Horizon, times_s: Numbers, step_s: int, values: Floats) -> Floats:
    """Return means of evenly spaced values over the steps of a horizon that they cover."""
    edges = np.append(times_s, times_s[-1] + step_s)
    energy = np.concatenate(([0.0], np.cumsum(values * step_s)))
    at = round(horizon.start.timestamp()) + np.array(horizon.offsets_s)
    means: Floats = np.diff(np.interp(at, edges, energy)) / np.diff(at)
    return means
