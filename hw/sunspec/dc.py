"""The DC side of a solar inverter: the inputs of models 160 and 714, or the one side of 101-113."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hw.accuracy import Quantity
from hw.reading import DcString
from hw.sunspec.accuracy import direct_accuracies, modulus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hw.accuracy import Accuracy
    from hw.sunspec.accuracy import Points
    from hw.sunspec.codec import View
    from hw.sunspec.module import Views

_BATTERY_PORTS = ("ESS", "EV", "BIDIR")
_WHOLE_SIDE = {Quantity.DC_POWER: "DCW", Quantity.DC_VOLTAGE: "DCV", Quantity.DC_CURRENT: "DCA"}
_MODULE = _WHOLE_SIDE | {Quantity.DC_ENERGY: "DCWH"}
_PORT = _WHOLE_SIDE | {Quantity.DC_ENERGY: "DCWhInj"}


@dataclass(frozen=True, slots=True)
class DcInput:
    """Where one DC input is told.

    :ivar name: for a person, if the device gives it none
    """

    name: str
    view: View
    points: Points

    def read(self) -> DcString:
        """Return what the input says now."""
        view = self.view
        energy = self.points.get(Quantity.DC_ENERGY)
        return DcString(
            name=(view.text("IDStr") if "IDStr" in view else None) or self.name,
            power_w=view.number(self.points[Quantity.DC_POWER]),
            voltage_v=view.number(self.points[Quantity.DC_VOLTAGE]),
            current_a=view.number(self.points[Quantity.DC_CURRENT]),
            energy_wh=view.number(energy) if energy else None,
            temperature_c=view.number("Tmp") if "Tmp" in view else None,
        )

    def measured(self) -> set[Quantity]:
        """Return what the input measures."""
        return {quantity for quantity, name in self.points.items() if self.view.number(name) is not None}


def dc_inputs(views: Views, model: int | None) -> list[DcInput]:
    """Return the DC inputs that measure anything; batteries among the ports are left out.

    :param model: the inverter model whose DC points tell of the whole DC side where no model lists the
        inputs; None if there is none, or it tells of something else too
    """
    return [each for each in _listed(views, model) if each.measured() - {Quantity.DC_ENERGY}]


def dc_strings(views: Views, model: int | None) -> tuple[DcString, ...]:
    """Return what the same inputs say now."""
    return tuple(
        string
        for string in (each.read() for each in _listed(views, model))
        if (string.power_w, string.voltage_v, string.current_a) != (None, None, None)
    )


def _listed(views: Views, model: int | None) -> Iterator[DcInput]:
    if 714 in views:
        for index, port in enumerate(views[714].groups("Prt"), 1):
            if port.symbol("PrtTyp") not in _BATTERY_PORTS:
                yield DcInput(f"{index}", port, _PORT)
    elif 160 in views:
        for index, module in enumerate(views[160].groups("module"), 1):
            yield DcInput(f"{index}", module, _MODULE)
    elif model is not None and "DCW" in views[model]:
        yield DcInput("DC", views[model], _WHOLE_SIDE)


def dc_measures(
    inputs: Sequence[DcInput], rating_w: float | None
) -> tuple[dict[Quantity, Accuracy], float | None]:
    """Return what all inputs together measure and how well, and what their counters begin anew at.

    What not every input measures cannot be told of all.
    """
    if not inputs:
        return {}, None
    every = set.intersection(*(each.measured() for each in inputs))
    view = inputs[0].view
    points = {quantity: name for quantity, name in inputs[0].points.items() if quantity in every}
    energy = points.get(Quantity.DC_ENERGY)
    measures = direct_accuracies(view, points, rating_w, inputs=len(inputs))
    return measures, modulus(view, energy) if energy else None
