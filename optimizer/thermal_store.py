"""Something that is kept warm or cool: a house, a hot-water tank, a freezer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.problem_error import MOST_POWER_W, MOST_PRICE, ProblemError, length, name, number, series

if TYPE_CHECKING:
    from optimizer.horizon import Horizon


@dataclass(frozen=True, slots=True)
class ThermalStore:
    """One heat capacity behind one resistance (1R1C), heated or cooled electrically.

    :ivar temperature_c: now
    :ivar minimum_c: comfort, one value a step; what cannot be kept is named as a violation
    :ivar maximum_c: the same from above
    :ivar outside_c: temperature on the other side of the resistance, one value a step
    :ivar capacity_wh_per_k: energy that warms it by one kelvin
    :ivar resistance_k_per_w: difference of temperature that one watt of loss needs
    :ivar max_w: highest electric power
    :ivar min_w: less than this is off
    :ivar heat_per_w: heat for each watt of electricity: 1 for a heating element, a heat pump's coefficient of
        performance, negative for cooling
    :ivar gain_w: heat from elsewhere, one value a step (sun through windows); negative when it is taken out
        (hot water drawn); None for none
    :ivar available: whether it may run in each step; None for always
    :ivar firm: it is never run beyond the far end of its comfort (too hot when it heats), whatever that is
        good for: its own control does not
    :ivar price: what a kelvin of discomfort costs for an hour; None for the problem's price of a wish
    :raises ProblemError: a value is absurd
    """

    name: str
    temperature_c: float
    minimum_c: tuple[float, ...]
    maximum_c: tuple[float, ...]
    outside_c: tuple[float, ...]
    capacity_wh_per_k: float
    resistance_k_per_w: float
    max_w: float
    min_w: float = 0.0
    heat_per_w: float = 1.0
    gain_w: tuple[float, ...] | None = None
    price: float | None = None
    available: tuple[bool, ...] | None = None
    firm: bool = False

    def __post_init__(self) -> None:
        name("a thermal store", self.name)
        put = object.__setattr__
        for what in ("minimum_c", "maximum_c", "outside_c"):
            label = f"the {what.removesuffix('_c')} temperature of {self.name!r}"
            put(self, what, series(label, getattr(self, what), -273.15, 1000.0))
        for step, (low, high) in enumerate(zip(self.minimum_c, self.maximum_c, strict=False)):
            if low > high:
                raise ProblemError(
                    f"{self.name!r} is to be above {low:g} and below {high:g} C in step {step}"
                )
        number(f"the temperature of {self.name!r}", self.temperature_c, -273.15, 1000.0)
        number(f"the heat capacity of {self.name!r}", self.capacity_wh_per_k, 0.1, 1e6)
        number(f"the thermal resistance of {self.name!r}", self.resistance_k_per_w, 1e-4, 100.0)
        number(f"the highest power of {self.name!r}", self.max_w, 0.0, MOST_POWER_W)
        number(f"the lowest power of {self.name!r}", self.min_w, 0.0, self.max_w)
        number(f"the heat per watt of {self.name!r}", self.heat_per_w, -20.0, 20.0)
        if self.heat_per_w == 0:
            raise ProblemError(f"{self.name!r} neither heats nor cools")
        if self.gain_w is not None:
            put(
                self, "gain_w", series(f"the gain of {self.name!r}", self.gain_w, -MOST_POWER_W, MOST_POWER_W)
            )
        if self.available is not None:
            put(self, "available", tuple(map(bool, self.available)))
        if self.price is not None:
            number(f"the price of discomfort in {self.name!r}", self.price, 0.0, MOST_PRICE**2)

    def check(self, horizon: Horizon) -> None:
        """Raise ProblemError when there is not one value a step."""
        for what in ("minimum_c", "maximum_c", "outside_c", "gain_w", "available"):
            values = getattr(self, what)
            if values is not None:
                length(f"the {what} of {self.name!r}", values, len(horizon))
