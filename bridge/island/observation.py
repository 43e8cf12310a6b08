"""What the modules of the home say, as far as an island needs it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bridge.charging_current import SMALLEST_A, is_charging_point, watts_per_ampere
from bridge.flows import is_at_the_supply
from bridge.grid import LOST_BELOW, NOMINAL_VOLTAGES
from bridge.island.situation import CRITICAL, Currents, Load, Situation, Source, Store
from bridge.protection import NOMINAL_FREQUENCIES
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule, Registry
    from hw.reading import Reading

FRESH: Final = 90.0
"""Seconds after which a reading tells nothing any more: the slowest polling is once a minute."""
USUAL_W: Final = 1000.0
"""What a load is expected to take of which nobody knows anything."""
USUAL_HOURS: Final = 2.0
"""How long a battery of unknown capacity is taken to last at its full power."""
BEGUN_S: Final = 1.0
"""Seconds before an outage is noticed in which readings show it already."""
_LIMITS: Final = frozenset({SetpointKind.POWER_LIMIT_PERCENT, SetpointKind.POWER_LIMIT_W})
_SWITCHED: Final = frozenset({ModuleKind.LOAD, ModuleKind.EVSE})


class Observation:
    """Sees the home.

    :ivar read_at: when each module was last read, monotonic
    :ivar most_w: the most that each load was seen to take
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.read_at: dict[str, float] = {}
        self.most_w: dict[str, float] = {}

    def note(self, reading: Reading, now: float) -> None:
        """Note that a module was read at a time."""
        self.read_at[reading.module] = now
        if reading.module in self._registry:
            kind, power = self._registry[reading.module].record.kind, _finite(reading.power_w)
            if kind in _SWITCHED and power > self.most_w.get(reading.module, 0.0):
                self.most_w[reading.module] = power

    def forget(self, module: str) -> None:
        """Forget a module that was removed."""
        self.read_at.pop(module, None)
        self.most_w.pop(module, None)

    def situation(self, now: float, lost_at: float, import_w: float) -> Situation:
        """Return what is known of the home.

        :param import_w: what it drew from the grid when that was last there
        """
        stores = tuple(self._stores(now))
        seen = any(store.time >= lost_at - BEGUN_S for store in stores)
        return Situation(
            now,
            lost_at,
            stores,
            tuple(load for module in self._registry if (load := self._load(module, now)) is not None),
            tuple(self._sources(now)),
            0.0 if seen or not stores else import_w,
            self._export_w(lost_at),
            self._frequency_off_hz(now),
        )

    def critical_w(self, load_w: float, now: float) -> float:
        """Return what of the home's load is critical: all but the loads that would go off in an outage.

        Modules are read one after the other, so that a single value may even be negative.
        """
        loads = (load for module in self._registry if (load := self._load(module, now)) is not None)
        return load_w - sum(load.power_w or 0.0 for load in loads if load.priority < CRITICAL)

    # ------------------------------------------------------------------ inside

    def _fresh(self, module: RegisteredModule, now: float) -> Reading | None:
        fresh = module.reachable and now - self.read_at.get(module.key, -math.inf) <= FRESH
        return module.reading if fresh else None

    def _of(self, kind: ModuleKind, now: float) -> list[tuple[RegisteredModule, Reading]]:
        modules = (module for module in self._registry if module.record.kind is kind)
        return [(module, said) for module in modules if (said := self._fresh(module, now)) is not None]

    def _stores(self, now: float) -> list[Store]:
        stores = []
        for module, reading in self._of(ModuleKind.BATTERY, now):
            said, plate = reading.battery, module.record.nameplate
            if said is None or said.soc_percent is None or not math.isfinite(said.soc_percent):
                continue
            discharge = plate.discharge_power_w or plate.power_w or math.inf
            charge = plate.charge_power_w or plate.power_w or discharge
            known = said.capacity_wh or plate.capacity_wh
            capacity = known or (discharge if math.isfinite(discharge) else USUAL_W) * USUAL_HOURS
            stores.append(
                Store(
                    module.key,
                    self.read_at[module.key],
                    min(max(said.soc_percent, 0.0), 100.0),
                    capacity,
                    _finite(reading.power_w),
                    charge,
                    discharge,
                    _is_dark(reading),
                )
            )
        return stores

    def _load(self, module: RegisteredModule, now: float) -> Load | None:
        record = module.record
        if not can_be_shed(record):
            return None
        reading = self._fresh(module, now)
        power = None if reading is None else reading.power_w
        if power is not None and not math.isfinite(power):
            power = None
        # A relay that fell silent with the power is as it was.
        on = None if module.reading is None else module.reading.connected
        plate = record.nameplate
        expected = self.most_w.get(record.key) or plate.charge_power_w or plate.power_w or USUAL_W
        return Load(record.key, record.priority, power, expected, on, _currents(module))

    def _sources(self, now: float) -> list[Source]:
        return [
            Source(
                module.key,
                _finite(reading.power_w),
                module.record.nameplate.power_w or 0.0,
                limitable=can_be_limited(module.record),
            )
            for module, reading in self._of(ModuleKind.MICROINVERTER, now)
        ]

    def _export_w(self, lost_at: float) -> float:
        watts = 0.0
        for module in self._registry:
            supply = is_at_the_supply(module)
            if supply and module.reading is not None and self.read_at.get(module.key, -math.inf) > lost_at:
                watts -= _finite(module.reading.power_w)
        return max(0.0, watts)

    def _frequency_off_hz(self, now: float) -> float | None:
        for kind in (ModuleKind.BATTERY, ModuleKind.MICROINVERTER):
            for _, reading in self._of(kind, now):
                if reading.frequency_hz and math.isfinite(reading.frequency_hz):
                    hertz = reading.frequency_hz
                    return hertz - min(NOMINAL_FREQUENCIES, key=lambda each: abs(each - hertz))
        return None


def can_be_shed(record: ModuleRecord) -> bool:
    """Tell whether a module is a load or a charging point that the hub can switch off."""
    able = SetpointKind.CONNECT in record.capabilities.setpoints
    return record.kind in _SWITCHED and able and not record.quarantined


def _currents(module: RegisteredModule) -> Currents | None:
    """Return what a charging point can offer that takes a current."""
    record, reading = module.record, module.reading
    if not is_charging_point(record):
        return None
    evse = None if reading is None else reading.evse
    limits = (record.nameplate.current_a, None if evse is None else evse.current_max_a)
    least = math.ceil((evse.current_min_a if evse is not None else None) or SMALLEST_A)
    most = math.floor(min((each for each in limits if each is not None), default=least))
    return Currents(watts_per_ampere(module), least, most) if most >= least else None


def can_be_limited(record: ModuleRecord) -> bool:
    """Tell whether a module is a producer that can be told how much it may give."""
    able = bool(_LIMITS & record.capabilities.setpoints) and bool(record.nameplate.power_w)
    return record.kind is ModuleKind.MICROINVERTER and able and not record.quarantined


def _is_dark(reading: Reading) -> bool:
    volts = reading.voltage_v
    return volts is not None and volts < LOST_BELOW * NOMINAL_VOLTAGES[0]


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else 0.0
