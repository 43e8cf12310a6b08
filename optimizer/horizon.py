"""The time that a plan is made for: steps that need not be equally long, and windows in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final, Self

from optimizer.problem_error import ProblemError, moment

MOST_STEPS: Final = 40_000
"""A year of quarters of an hour, and some more."""
_LONGEST_STEP_S: Final = 86_400
_STANDARD: Final = ((300, 12), (900, 140), (3600, 132))
"""5 min for the first hour, 15 min until 36 h, 60 min until 7 days: what is near is seen sharply."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time.

    :raises ProblemError: it ends before it starts, or has no time zone
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        moment("the start of a window", self.start)
        moment("the end of a window", self.end)
        if self.end < self.start:
            raise ProblemError(f"a window ends at {self.end}, before it starts at {self.start}")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The steps of a plan.

    :ivar start: when the first step begins; its time zone is the one in which reasons tell the time
    :ivar steps_s: how long each step is
    :raises ProblemError: there is no step, one is not positive, or the start has no time zone
    """

    start: datetime
    steps_s: tuple[int, ...]

    def __post_init__(self) -> None:
        moment("the start of the horizon", self.start)
        object.__setattr__(self, "steps_s", tuple(self.steps_s))
        if not 1 <= len(self.steps_s) <= MOST_STEPS:
            raise ProblemError(f"the horizon has {len(self.steps_s)} steps; it must have 1 to {MOST_STEPS}")
        for step, seconds in enumerate(self.steps_s):
            if isinstance(seconds, bool) or not isinstance(seconds, int):
                raise ProblemError(f"step {step} lasts {seconds!r}, which is no whole number of seconds")
            if not 1 <= seconds <= _LONGEST_STEP_S:
                raise ProblemError(f"step {step} lasts {seconds} s; it must last 1 to {_LONGEST_STEP_S} s")

    @classmethod
    def standard(cls, start: datetime) -> Self:
        """Return a week: 5 min steps for the first hour, 15 min until 36 h, 60 min to the end."""
        return cls(start, tuple(seconds for seconds, count in _STANDARD for _ in range(count)))

    @classmethod
    def uniform(cls, start: datetime, step_s: int, count: int) -> Self:
        """Return equal steps."""
        return cls(start, (step_s,) * count)

    def __len__(self) -> int:
        return len(self.steps_s)

    @property
    def hours(self) -> tuple[float, ...]:
        """How long each step is, in hours."""
        return tuple(seconds / 3600 for seconds in self.steps_s)

    @property
    def offsets_s(self) -> tuple[int, ...]:
        """When each step begins, and when the last one ends, in seconds after the start."""
        return tuple(accumulate(self.steps_s, initial=0))

    @property
    def end(self) -> datetime:
        """When the last step ends."""
        return self.time(len(self))

    def time(self, step: int) -> datetime:
        """Return when a step begins, in the start's time zone; `len(horizon)` is the end."""
        # By way of UTC: adding to a local time would add to what the clock shows, and err when that is moved.
        later = self.start.astimezone(UTC) + timedelta(seconds=sum(self.steps_s[:step]))
        return later.astimezone(self.start.tzinfo)

    def seconds(self, when: datetime) -> float:
        """Return how long after the start a moment is; negative before it."""
        return (when - self.start.astimezone(UTC)).total_seconds()

    def step(self, when: datetime) -> int | None:
        """Return the step that a moment is in, None before the start and from the end on."""
        offset = self.seconds(when)
        if not 0 <= offset < sum(self.steps_s):
            return None
        return bisect_right(self.offsets_s, offset) - 1

    def shares(self, *windows: Window) -> tuple[float, ...]:
        """Return what share of each step lies in one of the windows, 0 to 1; they must not overlap."""
        spans = [(self.seconds(each.start), self.seconds(each.end)) for each in windows]
        return tuple(
            min(
                sum(max(min(end, until) - max(start, since), 0.0) for since, until in spans) / (end - start),
                1,
            )
            for start, end in pairwise(self.offsets_s)
        )

    def constant(self, value: float) -> tuple[float, ...]:
        """Return the same value for each step."""
        return (value,) * len(self)
