"""The wish to live through an outage."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.problem_error import MOST_PRICE, number


@dataclass(frozen=True, slots=True)
class Island:
    """How long the home should last on its own when the grid fails, and how likely that is.

    What is not in the batteries when it fails costs its value times the chance that it fails just then, so
    the plan keeps more when a storm is announced and little when outages are rare.

    :ivar hold_h: hours that critical loads should go on
    :ivar outages_per_hour: chance that an outage begins within an hour
    :ivar lost_load_value: what a kWh costs that critical loads lack in an outage
    :ivar solar: panels produce in an outage
    :raises ProblemError: a value is absurd
    """

    hold_h: float
    outages_per_hour: float = 1 / 8760
    lost_load_value: float = 20.0
    solar: bool = True

    def __post_init__(self) -> None:
        number("the time that an outage should be survived", self.hold_h, 0.0, 24.0 * 366)
        number("the chance of an outage", self.outages_per_hour, 0.0, 1.0)
        number("the value of lost load", self.lost_load_value, 0.0, MOST_PRICE**2)
