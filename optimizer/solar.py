"""The sun: what the home's panels are expected to produce."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.problem_error import MOST_POWER_W, ProblemError, length, series


@dataclass(frozen=True, slots=True)
class Solar:
    """Production of all panels together, one value a step. Magnitudes.

    :ivar production_w: expected (P50)
    :ivar cautious_w: exceeded nine times in ten (P10); what survival of an outage counts on. None: the same
        as expected
    :ivar curtailable: it can be told to produce less. Without that, production that nothing takes is named
        as a violation
    :raises ProblemError: a value is absurd, or the cautious forecast is above the expected one
    """

    production_w: tuple[float, ...]
    cautious_w: tuple[float, ...] | None = None
    curtailable: bool = True

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "production_w", series("the production", self.production_w, 0.0, MOST_POWER_W))
        if self.cautious_w is not None:
            put(self, "cautious_w", series("the cautious production", self.cautious_w, 0.0, MOST_POWER_W))
            length("the cautious production", self.cautious_w, len(self.production_w))
            for step, (low, high) in enumerate(zip(self.cautious_w, self.production_w, strict=True)):
                if low > high + 1e-6:
                    raise ProblemError(
                        f"the cautious production of step {step} is {low:g} W, above the expected {high:g} W"
                    )
