"""The sun: what the home's panels are expected to produce."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.problem_error import MOST_POWER_W, in_order, length, series


@dataclass(frozen=True, slots=True)
class Solar:
    """Production of all panels together, one value a step. Magnitudes.

    :ivar production_w: expected (P50)
    :ivar cautious_w: exceeded nine times in ten (P10); what survival of an outage counts on. None: the same
        as expected
    :ivar high_w: nine times in ten it is less (P90); None when that is not known
    :ivar curtailable: it can be told to produce less. Without that, production that nothing takes is named
        as a violation
    :raises ProblemError: a value is absurd, or low, expected and high are not in order
    """

    production_w: tuple[float, ...]
    cautious_w: tuple[float, ...] | None = None
    curtailable: bool = True
    high_w: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "production_w", series("the production", self.production_w, 0.0, MOST_POWER_W))
        if self.cautious_w is not None:
            put(self, "cautious_w", series("the cautious production", self.cautious_w, 0.0, MOST_POWER_W))
            length("the cautious production", self.cautious_w, len(self.production_w))
        if self.high_w is not None:
            put(self, "high_w", series("the high production", self.high_w, 0.0, MOST_POWER_W))
            length("the high production", self.high_w, len(self.production_w))
        in_order("production", self.cautious_w, self.production_w)
        in_order("production", self.production_w, self.high_w)
