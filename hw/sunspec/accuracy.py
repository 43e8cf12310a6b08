"""How well SunSpec devices measure. No model says it; what is known comes from standards and vendors.

* An inverter is no measuring instrument. IEEE 1547-2018 (table 3) asks 5 % of the rating for active and
  reactive power, 1 % of the nominal voltage, and 10 mHz; devices with model 701 are made after it. Others
  state no more: CPS (SCA series manual, 10.2) 5 % of the power while it is small, 2 % of the current, 0.5 %
  of the frequency, 4 % of the energy. So these hold for all of them.
* A meter that is good for any bill is off by 2 % at most: ANSI C12.1, and class 2 (IEC 62053-21) or A (EN
  50470-3) elsewhere, which need not start below 0.5 % of the basic current of 10 A. Many are better; which,
  the map does not tell. Voltage, current and power factor are twice what is stated of a meter of class 1
  (Eastron SDM630: 0.5 % of nominal and 1 % of unity), reactive power is class 3 (IEC 62053-23).
* What a battery's management system states of its DC side, nobody publishes: it is taken for an inverter.

And nothing can be known better than the step in which it is told: a power with the scale factor 2 is a number
of hundreds of watts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.accuracy import Accuracy, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hw.module import Nameplate
    from hw.sunspec.codec import View

MAINS_V: Final = 230.0
"""Taken for the nominal voltage where the device tells none."""
Points = dict[Quantity, str]

_DER_POINT: Final = "LNV"
"""A point of model 701 alone, whose power factor is a number of 1 and not of 100."""
_OF_RATING: Final = 0.05
_INVERTER_ENERGY: Final = Accuracy(5)
_START_A: Final = 0.05
"""0.5 % of 10 A."""


def step(view: View, name: str) -> float:
    """Return the least difference between two values of a point, in its unit; 0 if it is negligible."""
    if view.group.points[name].type.startswith("float"):
        return 0.0
    exponent = view.exponent(name)
    return 0.0 if exponent is None else 10.0**exponent


def modulus(view: View, name: str) -> float | None:
    """Return what a counter begins anew at, in its unit; None for one that is too large to."""
    unit = step(view, name)
    return 2.0**32 * unit if view.group.points[name].type == "acc32" and unit else None


def implemented(view: View, points: Points, *, asleep: bool) -> Iterable[Quantity]:
    """Yield what the points measure.

    A device that sleeps may know no value; one that has a scale factor for it knew one by day.
    """
    for quantity, name in points.items():
        point = view.group.points[name]
        scaled = isinstance(point.scale, str) and view.exponent(name) is not None
        if view.number(name) is not None or (asleep and scaled):
            yield quantity


def inverter_accuracies(view: View, points: Points, plate: Nameplate) -> dict[Quantity, Accuracy]:
    """Return how well an inverter or the inverter of a battery measures its AC side.

    :param points: what it measures, and where
    """
    volts = plate.voltage_v or MAINS_V
    power = Accuracy(0, _OF_RATING * plate.power_w) if plate.power_w else Accuracy(5)
    amperes = plate.current_a or (plate.power_w / volts if plate.power_w else None)
    known = {
        Quantity.POWER: power,
        Quantity.APPARENT_POWER: power,
        Quantity.REACTIVE_POWER: power,
        # The quotient of two powers that are each off by 5 % of the rating, at half of the rating.
        Quantity.POWER_FACTOR: Accuracy(0, 0.2),
        Quantity.VOLTAGE: Accuracy(0, 0.01 * volts),
        Quantity.CURRENT: Accuracy(0, _OF_RATING * amperes) if amperes else Accuracy(5),
        Quantity.FREQUENCY: Accuracy(0, 0.01) if _DER_POINT in view else Accuracy(0.5),
        Quantity.ENERGY: _INVERTER_ENERGY,
    }
    return _stepped(view, points, known)


def direct_accuracies(
    view: View, points: Points, rating_w: float | None, *, inputs: int = 1
) -> dict[Quantity, Accuracy]:
    """Return how well an inverter's DC inputs or a battery are measured.

    :param inputs: how many are added up, each with a step of its own
    """
    known = {
        Quantity.DC_POWER: Accuracy(0, _OF_RATING * rating_w) if rating_w else Accuracy(5),
        Quantity.DC_VOLTAGE: Accuracy(2),
        Quantity.DC_CURRENT: Accuracy(5),
        Quantity.DC_ENERGY: _INVERTER_ENERGY,
    }
    return _stepped(view, points, known, steps=inputs)


def meter_accuracies(view: View, points: Points, phases: int) -> dict[Quantity, Accuracy]:
    """Return how well a meter measures."""
    start_a = _START_A * phases
    power = _START_A * MAINS_V * phases
    known = {
        Quantity.POWER: Accuracy(2, power),
        Quantity.APPARENT_POWER: Accuracy(3, power),
        Quantity.REACTIVE_POWER: Accuracy(3, power),
        Quantity.POWER_FACTOR: Accuracy(0, 0.02),
        Quantity.VOLTAGE: Accuracy(1),
        Quantity.CURRENT: Accuracy(1, start_a),
        Quantity.FREQUENCY: Accuracy(0.5),
        Quantity.ENERGY: Accuracy(2),
    }
    return _stepped(view, points, known)


def _stepped(
    view: View, points: Points, known: Mapping[Quantity, Accuracy], *, steps: int = 1
) -> dict[Quantity, Accuracy]:
    return {
        quantity: Accuracy(
            known[quantity].percent, known[quantity].fixed + steps * _unit_step(view, quantity, name)
        )
        for quantity, name in points.items()
    }


def _unit_step(view: View, quantity: Quantity, name: str) -> float:
    """Return the step in the quantity's unit: a power factor in percent becomes one of 1."""
    percent = quantity is Quantity.POWER_FACTOR and _DER_POINT not in view
    return step(view, name) / 100 if percent else step(view, name)
