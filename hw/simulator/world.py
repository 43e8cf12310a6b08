"""The simulated home as a whole: one clock, one sky, one household, its modules, and a meter that balances.

Time goes in steps of a fixed length, and everything random comes from the seed, so that the same seed, start
and commands give the same home to the last bit, however often it is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hw.simulator.car import Car
from hw.simulator.charging_point import ChargingPoint
from hw.simulator.household import Household
from hw.simulator.loads import WaterHeater
from hw.simulator.physics import Battery, GridMeter, SolarInverter
from hw.simulator.supply import HomeSupply, SupplyState
from hw.simulator.weather import Clouds, sun_at

DEFAULT_START = datetime(2026, 6, 15, 9, 30, tzinfo=UTC)
"""A morning in June: the sun is high enough, and rises."""
PLUG_PHASE = 1
"""The phase that plugs are on."""


@dataclass(frozen=True, slots=True)
class Home:
    """What the home is made of. The modules number four at least for a battery and a meter to make sense."""

    inverters: int = 2
    battery: bool = True
    meter: bool = True
    plugs: int = 0
    evse: int = 0

    @classmethod
    def of(cls, modules: int, plugs: int = 0, evse: int = 0) -> Home:
        """Return the home of so many modules: a meter, a battery, and for the rest inverters.

        One module is an inverter; two are an inverter and a meter. Raise ValueError below 1 and above 1000,
        and for too many plugs and charging points, which come besides.
        """
        if not 1 <= modules <= 1000:
            raise ValueError(f"a home has 1 to 1000 modules, not {modules}")
        if not 0 <= plugs <= 100:
            raise ValueError(f"a home has 0 to 100 plugs, not {plugs}")
        if not 0 <= evse <= 10:
            raise ValueError(f"a home has 0 to 10 charging points, not {evse}")
        return cls(max(1, modules - 2), battery=modules > 2, meter=modules > 1, plugs=plugs, evse=evse)


class World:
    """The home's physics."""

    def __init__(
        self,
        home: Home,
        *,
        seed: int = 1,
        start: datetime = DEFAULT_START,
        speed: float = 1.0,
        step_s: float | None = None,
    ) -> None:
        """`speed` is how many simulated seconds pass in one of the hub's; `step_s` how many in a step."""
        if not 0 < speed <= 86400:
            raise ValueError(f"speed is above 0 and at most 86400, not {speed}")
        self.start = start
        self.speed = speed
        self.step_s = max(1.0, speed / 4) if step_s is None else step_s
        """Four steps a second of the hub are plenty; below a second nothing changes that registers show. It
        can be changed while the home lives."""
        self.steps = 0
        """How many steps have begun."""
        self._next_s = 0.0
        """When the next one begins, in simulated seconds after the start."""
        self._began_s = 0.0
        self._clouds = Clouds(_chance(seed, "clouds"))
        self._household = Household(_chance(seed, "household"))
        self._grid_noise = _chance(seed, "grid")
        self.inverters = [
            _inverter(_chance(seed, f"inverter {index}"), index) for index in range(home.inverters)
        ]
        self.battery = Battery() if home.battery else None
        self.heaters = [WaterHeater(energy_wh=120_000.0 + 1000 * index) for index in range(home.plugs)]
        self.points = [
            ChargingPoint(Car(_chance(seed, f"car {index}")), 1_500_000.0 + 10_000 * index)
            for index in range(home.evse)
        ]
        self.meter = GridMeter()
        self.supply = HomeSupply()
        """What the modules are connected to; the meter is at the street's side of the main switch."""
        self.has_meter = home.meter
        self.load_phases_w = (0.0, 0.0, 0.0)
        self.wanted_w = 0.0
        """What the household would take if it had power."""
        self.transmittance = 1.0
        self.ambient_c = 20.0
        self._step()

    @property
    def time(self) -> datetime:
        """Simulated UTC at the beginning of the current step."""
        return self.start + timedelta(seconds=self._began_s)

    @property
    def solar_w(self) -> float:
        """What all inverters give together; negative."""
        return math.fsum(inverter.power_w for inverter in self.inverters)

    @property
    def load_w(self) -> float:
        """What the household takes, without what is behind the plugs."""
        return sum(self.load_phases_w)

    @property
    def plugs_w(self) -> float:
        """What the plugs and the loads behind them take together."""
        return math.fsum(heater.power_w for heater in self.heaters)

    @property
    def evse_w(self) -> float:
        """What the charging points and the cars at them take together."""
        return math.fsum(point.power_w for point in self.points)

    def advance(self, seconds: float) -> None:
        """Let the home live until so many simulated seconds after its start."""
        while self._next_s <= seconds:
            self._step()

    def _step(self) -> None:
        seconds = self.step_s
        self._began_s = self._next_s
        self._next_s += seconds
        self.steps += 1
        now = self.time
        sun = sun_at(now)
        self.transmittance = self._clouds.step(seconds)
        hour = now.hour + now.minute / 60
        self.ambient_c = 18 + 7 * math.sin((hour - 8) / 24 * 2 * math.pi)
        own_s, supply = seconds / self.speed, self.supply
        supply.pass_time(own_s, self.battery, math.fsum(each.available_w for each in self.inverters))
        phases = [0.0, 0.0, 0.0]
        for index, inverter in enumerate(self.inverters):
            inverter.supplied, inverter.share = supply.live, supply.share
            inverter.pass_time(own_s)
            inverter.step(seconds, sun, self.transmittance, self.ambient_c)
            phases[index % 3] += inverter.power_w
        wants = self._household.step(now, seconds)
        self.wanted_w = sum(wants)
        self.load_phases_w = wants if supply.live else (0.0, 0.0, 0.0)
        for index, watts in enumerate(self.load_phases_w):
            phases[index] += watts
        for heater in self.heaters:
            heater.supplied = supply.live
            heater.pass_time(own_s)
            heater.step(seconds, self.ambient_c)
            phases[PLUG_PHASE] += heater.power_w
        for point in self.points:
            point.supplied = supply.live
            point.pass_time(own_s)
            point.step(seconds, now, supply.voltages_v, self.ambient_c)
            phases[0] += point.standby_w
            for index, watts in enumerate(point.powers_w):
                phases[index] += watts
        self._balance(seconds, own_s, phases)

    def _balance(self, seconds: float, own_s: float, phases: list[float]) -> None:
        """Let the battery see to what is left, and the meter measure what the street gives."""
        supply, battery = self.supply, self.battery
        if battery is not None:
            battery.pass_time(own_s)
            if supply.state is SupplyState.GRID:
                battery.step(seconds, sum(phases), self.ambient_c)
                phases[0] += battery.power_w
            else:
                battery.warm(seconds, self.ambient_c)
                if supply.state is SupplyState.ISLAND:
                    supply.carry(battery, seconds, own_s, phases)
        a, b, c = phases if supply.state is SupplyState.GRID else (0.0, 0.0, 0.0)
        if supply.grid:
            self.meter.step(seconds, (a, b, c), self._grid_noise)
        else:
            self.meter.darken()
        if supply.state is SupplyState.GRID:
            supply.follow(self.meter.voltages_v, self.meter.frequency_hz)


def _chance(seed: int, what: str) -> Random:
    return Random(f"{seed} {what}")  # noqa: S311 - a repeatable sky is the point


def _inverter(random: Random, index: int) -> SolarInverter:
    strings = 2 if index % 2 else 1
    rated = 800.0 if strings == 2 else 400.0
    return SolarInverter(
        rated_w=rated,
        panel_w=rated * random.uniform(1.05, 1.15),
        strings=strings,
        tilt=math.radians(random.uniform(25, 40)),
        azimuth=math.radians(random.uniform(-25, 25)),
        soiling=random.uniform(0.95, 1.0),
        energy_wh=float(random.randrange(200_000, 900_000)),
        string_energy_wh=[float(random.randrange(100_000, 400_000)) for _ in range(strings)],
    )
