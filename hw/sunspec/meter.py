"""A meter: models 201-204 (integers) and 211-214 (floats), single, split and three-phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.accuracy import Quantity
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import OperatingState, Phase, Reading
from hw.sunspec.ac import factor, faults_of, magnitude, mean, negated
from hw.sunspec.accuracy import implemented, meter_accuracies, modulus
from hw.sunspec.module import SunSpecModule, first

if TYPE_CHECKING:
    from datetime import datetime

    from hw.sunspec.codec import View
    from hw.sunspec.module import Views

METER_MODELS = (201, 202, 203, 204, 211, 212, 213, 214)
_ALWAYS = {
    Quantity.POWER: "W",
    Quantity.VOLTAGE: "PhV",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.ENERGY: "TotWhImp",
}
"""What every meter measures."""
_PERHAPS = {
    Quantity.APPARENT_POWER: "VA",
    Quantity.REACTIVE_POWER: "VAR",
    Quantity.POWER_FACTOR: "PF",
}
_PHASES = {1: "A", 2: "AB", 3: "ABC", 4: "ABC"}


class Meter(SunSpecModule):
    """Reads one meter. Its power is positive while the home imports."""

    KIND = ModuleKind.METER
    READ = METER_MODELS
    PREPARE = METER_MODELS

    def _prepare(self, views: Views) -> None:
        model, view = next(iter(views.items()))
        self._headers = [header for header in self._headers if header.id == model]
        phases = len(_PHASES[model % 10])
        self._nameplate = Nameplate(phases=phases)
        found = set(implemented(view, _PERHAPS, asleep=False))
        points = _ALWAYS | {quantity: name for quantity, name in _PERHAPS.items() if quantity in found}
        self._capabilities = Capabilities(
            imported_energy=True,
            exported_energy=True,
            energy_modulus_wh=modulus(view, "TotWhImp"),
            measures=meter_accuracies(view, points, phases),
        )

    def _reading(self, views: Views, now: datetime) -> Reading:
        model, view = next(iter(views.items()))
        sign = negated if self.quirks.meter_export_positive else _same
        letters = _PHASES[model % 10]
        volts = [v for letter in letters if (v := view.number(f"PhVph{letter}")) is not None]
        phases = tuple(
            Phase(
                letter,
                sign(view.number(f"Wph{letter}")),
                view.number(f"PhVph{letter}"),
                magnitude(view.number(f"Aph{letter}")),
            )
            for letter in letters
        )
        return Reading(
            module=self.key,
            time=now,
            state=OperatingState.RUNNING,
            power_w=sign(view.number("W")),
            voltage_v=first(view.number("PhV"), mean(volts)),
            current_a=magnitude(view.number("A")),
            frequency_hz=view.number("Hz"),
            apparent_power_va=magnitude(view.number("VA")),
            reactive_power_var=sign(view.number("VAR")),
            power_factor=factor(view.number("PF")),
            phases=phases if len(letters) > 1 else (),
            energy_imported_wh=_counter(view, "TotWhImp", "TotWhExp"),
            energy_exported_wh=_counter(view, "TotWhExp", "TotWhImp"),
            faults=faults_of(model, view, "Evt"),
        )


def _same(value: float | None) -> float | None:
    return value


def _counter(view: View, name: str, other: str) -> float | None:
    """Return a counter. 0 says "not accumulated" (section 4.2.3), unless its twin counts: then it is 0 Wh."""
    value = view.number(name)
    if value is None and view.octets(name) == bytes(4) and view.number(other):
        return 0.0
    return value
