"""What must hold in a home at every instant, looked at again and again while it lives in virtual time.

The hub is judged by the truth: by what flows and by what stands in the devices' registers, not by what it
says of them. Where physics and the way to the devices need a moment, a condition may be broken for so long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, Origin
from bridge.loads.times import periods
from bridge.planner.planner import OLDEST
from hw.setpoint import SetpointKind
from hw.simulator.in_process import BatteryModule, InverterModule, PlugModule
from hw.simulator.supply import SURGE, SupplyState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulation.house import VirtualHouse
    from hw.simulator.in_process import SimulatedModule
    from hw.simulator.physics import Battery
    from matter_node.clock import Timer

TICK: Final = 10.0
"""Seconds from one look to the next."""
SETTLING: Final = 120.0
"""Seconds for which a plan may be followed that does not know of the outage yet: a hub reads its meter every
second, the simulated one more seldom."""
_SMALL_W: Final = 1.0
_SMALL_PERCENT: Final = 0.2
_ENOUGH: Final = 0.95
"""Share of what is wanted that is enough: it is looked at every ten seconds only."""
_SOLD_W: Final = 100.0
"""What may flow out of a battery into the grid while it follows the home."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold.

    :ivar lasts_s: for so long it may be broken
    """

    name: str
    says: str
    lasts_s: float


CONDITIONS: Final = {
    each.name: each
    for each in (
        Condition("charge", "batteries hold between nothing and all", 0.0),
        Condition("power", "batteries have no more power than they are rated for", 0.0),
        Condition("reserve", "once the home is on the grid, nothing is taken out of the reserve", 60.0),
        Condition("sale", "what batteries hold is not sold, unless a person wants it", 90.0),
        Condition("limit", "producers keep the grid operator's limit", 60.0),
        Condition("export", "no more is fed in than may be, unless the meter lies", 90.0),
        Condition("outage", "nothing is fed into a grid that is gone", TICK),
        Condition("origin", "what devices are told has an origin that lives", 70.0),
        Condition("plan", "a plan is in force, or it is said why none is", 30.0),
        Condition("safe", "without a plan nothing is told in its name", 30.0),
        Condition("blind", "no plan is carried out in an outage", SETTLING),
        Condition("wish", "a load has by its deadline what is wanted of it", 0.0),
    )
}


@dataclass(slots=True)
class Breach:
    """A condition that was broken for longer than it may be.

    :ivar since: virtual seconds after the start; `until` the last time that it was seen
    """

    name: str
    since: float
    until: float
    detail: str


@dataclass(frozen=True, slots=True)
class Instant:
    """The truth at one look in an outage.

    :ivar wanted_w: what the household would take; `sun_w` what panels could give, `plugs_w` what plugs take
    :ivar live: whether the household has power
    """

    time: float
    wanted_w: float
    sun_w: float
    plugs_w: float
    stored_wh: float
    live: bool


class Watch:
    """Looks.

    :ivar breaches: what was broken
    :ivar looks: how often it was looked
    :ivar outages: every look while the street had no power
    """

    def __init__(self, house: VirtualHouse) -> None:
        """Watch a house."""
        self._house = house
        self._open: dict[str, Breach] = {}
        self._timer: Timer | None = None
        self._reserve = self._battery().reserve_percent
        self._wanted_since: dict[str, tuple[float, float]] = {}
        """Of each load the deadline that comes, and what its counter said since when that was wanted."""
        self.breaches: list[Breach] = []
        self.looks = 0
        self.outages: list[Instant] = []

    def start(self) -> None:
        """Begin to look."""
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._house.clock.call_later(TICK, self._look)
        now, world = self._house.clock.monotonic(), self._house.physics.world
        self.looks += 1
        broken = dict(self._broken())
        for name in CONDITIONS:
            detail = broken.get(name)
            if detail is None:
                self._open.pop(name, None)
                continue
            breach = self._open.setdefault(name, Breach(name, now, now, detail))
            breach.until = now
            if now - breach.since >= CONDITIONS[name].lasts_s and breach not in self.breaches:
                self.breaches.append(breach)
        if not world.supply.grid:
            self.outages.append(
                Instant(
                    now,
                    world.wanted_w,
                    sum(each.available_w for each in world.inverters),
                    world.plugs_w,
                    self._battery().energy_wh,
                    world.supply.live,
                )
            )

    def _broken(self) -> Iterator[tuple[str, str]]:
        yield from self._of_the_battery()
        yield from self._of_the_grid()
        yield from self._of_the_registers()
        yield from self._of_the_plan()
        yield from self._of_the_wishes()

    def _battery(self) -> Battery:
        battery = self._house.physics.world.battery
        assert battery is not None
        return battery

    def _of_the_battery(self) -> Iterator[tuple[str, str]]:
        it, supply = self._battery(), self._house.physics.world.supply
        if not 0 <= it.soc_percent <= 100 + 1e-9:
            yield "charge", f"{it.soc_percent:.2f} %"
        most = it.power_max_w * (SURGE if supply.state is SupplyState.ISLAND else 1.0)
        if abs(it.power_w) > most + _SMALL_W:
            yield "power", f"{it.power_w:.0f} W of {most:.0f} W"
        if supply.state is SupplyState.GRID:
            # Until the grid has proved itself, the battery is as free as without it.
            returned = not self._house.home.island.mode.apart
            taken = it.power_w < -_SMALL_W and it.soc_percent < self._reserve - _SMALL_PERCENT
            if taken and returned:
                yield "reserve", f"{it.soc_percent:.1f} % of {self._reserve:g} %"
            # What the home uses may come from the battery while the sun is fed in.
            world = self._house.physics.world
            sold = min(-it.power_w - world.load_w - world.plugs_w, -world.meter.power_w)
            if sold > _SOLD_W and not self._wanted(SetpointKind.DISCHARGE_W):
                yield "sale", f"{sold:.0f} W"

    def _wanted(self, kind: SetpointKind) -> bool:
        """Tell whether a person wants so."""
        registry, arbiter = self._house.home.registry, self._house.home.arbiter
        live = (command for module in registry for command in arbiter.live(module.key))
        return any(command.origin is Origin.USER and command.kind is kind for command in live)

    def _of_the_grid(self) -> Iterator[tuple[str, str]]:
        world = self._house.physics.world
        if not world.supply.grid and world.meter.power_w:
            yield "outage", f"{world.meter.power_w:.0f} W"
        most_fed = self._house.economy.settings.grid.export_limit_w
        # Of what flows at a meter that lies nobody can know.
        honest = all(each.distortion is None for each in self._house.physics.modules.values())
        if honest and most_fed is not None and -world.meter.power_w > most_fed + _SOLD_W:
            yield "export", f"{-world.meter.power_w:.0f} W of {most_fed:.0f} W"
        limits = [
            command.value
            for module in self._house.home.registry
            for command in self._house.home.arbiter.live(module.key)
            if command.origin is Origin.GRID_OPERATOR and command.kind is SetpointKind.POWER_LIMIT_PERCENT
        ]
        if limits:
            most = sum(each.rated_w for each in world.inverters) * max(filter(None, limits)) / 100
            if -world.solar_w > most + _SMALL_W:
                yield "limit", f"{-world.solar_w:.0f} W of {most:.0f} W"

    def _of_the_registers(self) -> Iterator[tuple[str, str]]:
        for module in self._house.physics.modules.values():
            told = {each.aspect for each in self._house.home.arbiter.live(module.identity.key)}
            for aspect in self._in_force(module):
                if aspect not in told:
                    yield "origin", f"{module.identity.serial} is under a {aspect.value} of nobody"

    def _in_force(self, module: SimulatedModule) -> Iterator[Aspect]:
        """Yield what of a device is not as it is of itself."""
        match module:
            case BatteryModule(battery=it):
                if (it.charge_rate, it.discharge_rate) != (None, None):
                    yield Aspect.STORAGE
                if it.reserve_percent != self._reserve:
                    yield Aspect.RESERVE
            case InverterModule(inverter=inverter):
                if inverter.limited:
                    yield Aspect.OUTPUT
                if not inverter.connected:
                    yield Aspect.CONNECTION
            case PlugModule(heater=heater):
                if not heater.output and heater.supplied:
                    yield Aspect.CONNECTION

    def _of_the_plan(self) -> Iterator[tuple[str, str]]:
        house = self._house
        state, now = house.planner.state, house.clock.utc() or 0.0
        if state.waiting:
            for module in house.home.registry:
                for command in house.home.arbiter.live(module.key):
                    if command.origin is Origin.PLAN:
                        yield "safe", f"{command.kind.value} although {state.waiting}"
            return
        fresh = state.plan is not None and state.made is not None and now - state.made < OLDEST
        if not fresh or state.plan is None or state.plan.step(now) is None:
            yield "plan", "no plan, and nobody says why"
        if not house.physics.world.supply.grid:
            yield "blind", "a plan is in force"

    def _of_the_wishes(self) -> Iterator[tuple[str, str]]:
        home, now = self._house.home, self._house.clock.utc() or 0.0
        for module in self._house.physics.modules.values():
            if not isinstance(module, PlugModule) or module.identity.key not in home.registry:
                continue
            key, counted = module.identity.key, module.heater.energy_wh
            wish = home.registry[key].record.wish
            by, before = self._wanted_since.get(key, (math.inf, 0.0))
            if by <= now:
                del self._wanted_since[key]
                got = counted - before
                if got < _ENOUGH * (wish.need_wh or 0.0):
                    yield "wish", f"{module.identity.serial} got {got:.0f} Wh of {wish.need_wh:.0f} Wh"
            current = next(
                (each for each in periods(wish, now, home.zone, now + 1) if each.start <= now), None
            )
            if current is not None and wish.is_planned:
                self._wanted_since.setdefault(key, (current.by, counted))
