"""The scenario week: outages, dead and lying devices, people and a grid operator, and the hub's own brain."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.choices import Policy
from bridge.doubts import DOUBTS
from bridge.faults import FaultCleared, FaultRaised
from bridge.feeds.news import FeedAlert
from bridge.feeds.settings import PriceSourceSettings
from bridge.island.keeper import LoadShed
from bridge.island.mode import ModeChanged
from bridge.loads.wish import LoadKind, LoadWish
from bridge.planner.news import PlanChanged
from bridge.planner.settings import EnergySettings, GridSettings, PlannerSettings, TariffSettings
from bridge.planner.window import DAYS
from bridge.simulation.happenings import DAY, EXPORT_W, HOUR, LIES, OUTAGES, WEEK, Happening, happenings
from bridge.simulation.house import VirtualHouse
from bridge.simulation.virtual_time import VirtualClock, run_virtually
from bridge.simulation.watch import CONDITIONS, TICK, Watch
from hw.simulator.loads import Pump
from hw.simulator.world import Home, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulation.watch import Breach, Instant

START: Final = datetime(2026, 9, 13, 22, tzinfo=UTC)
"""A Monday begins in Berlin."""
BEFORE, AFTER = 120.0, 420.0
"""Seconds before and after an outage that are looked at closely."""
PROVING: Final = HOUR
"""Seconds after a lie that are looked at as closely: a meter that was put right proves it by steps."""
COMPARABLE: Final = 10.0
"""Seconds from one reading to the next with which the hub can hold modules against each other."""
_SETTINGS: Final = EnergySettings(
    tariff=TariffSettings(
        source=PriceSourceSettings(format="awattar"),
        fee=0.14,
        vat_percent=19.0,
        export_price=0.08,
    ),
    grid=GridSettings(export_limit_w=EXPORT_W),
    planner=PlannerSettings(latitude=48.0, longitude=11.0, backup_hours=6.0),
)
"""Market prices, a limit on what is fed in, and a home that wants to last for six hours."""
_BERLIN: Final = "Europe/Berlin"
_PUMP: Final = LoadWish(
    LoadKind.INTERRUPTIBLE, energy_wh=120.0, power_w=60.0, earliest="11:00", done_by="17:00", days=DAYS
)
"""What is wanted of the pump: two hours of every day."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How finely the home lives. Around outages batteries give up within seconds, so all is finer there.

    :ivar interval: seconds from one reading of a module to the next; `close_interval` around outages
    :ivar step_s: over which nothing changes in the home's physics; `close_step_s` around outages
    :ivar period: seconds from one plan to the next
    """

    interval: float
    step_s: float
    close_interval: float
    close_step_s: float
    period: float


COARSE: Final = Pacing(30.0, 10.0, 3.0, 2.0, 3600.0)
"""For a first look: a week in a minute."""
FINE: Final = Pacing(1.0, 1.0, 1.0, 1.0, 300.0)
"""As a hub lives."""


@dataclass(frozen=True, slots=True)
class WeekReport:
    """What came of a week.

    :ivar told: what happened and what the hub did, with virtual seconds after the start
    :ivar breaches: of what must hold
    :ivar looks: how often that was looked at
    :ivar outages: the truth at each look in an outage
    :ivar plans: how many were made
    """

    seconds: float
    told: tuple[tuple[float, str], ...]
    breaches: tuple[Breach, ...]
    looks: int
    outages: tuple[Instant, ...]
    plans: int
    blackouts: int
    unserved_s: float

    def values(self) -> dict[str, Any]:
        """Return it in plain values, without the looks at the outages."""
        found = asdict(self)
        del found["outages"]
        return found | {"conditions": {each.name: each.says for each in CONDITIONS.values()}}

    def lines(self) -> Iterator[str]:
        """Yield it as a person reads it."""
        yield from (f"{_clock(time)}  {what}" for time, what in self.told)
        yield ""
        broken = {each.name: each for each in self.breaches}
        for name, condition in CONDITIONS.items():
            breach = broken.get(name)
            yield f"{'held' if breach is None else 'BROKEN':8}{condition.says}"
            if breach is not None:
                yield f"{'':8}{_clock(breach.since)} to {_clock(breach.until)}: {breach.detail}"
        yield ""
        yield (
            f"{self.seconds / DAY:.1f} days, {self.looks} looks, {self.plans} plans; without the grid for "
            f"{len(self.outages) * TICK / HOUR:.1f} h, without power for {self.unserved_s:.0f} s "
            f"({self.blackouts} blackouts)"
        )


def _clock(time: float) -> str:
    """Return virtual seconds as a day and a time of it."""
    minutes = int(time) // 60
    return f"day {minutes // 1440 + 1} {minutes % 1440 // 60:02}:{minutes % 60:02}:{int(time) % 60:02}"


def live_week(*, seconds: float = WEEK, seed: int = 1, pacing: Pacing = COARSE) -> WeekReport:
    """Let the home live through the week, in virtual time.

    :param seconds: so much of it
    """
    return run_virtually(_live(seconds, seed, pacing))


def _world(seed: int, step_s: float) -> World:
    """Return a home with 4.8 kW of sun, 7 kWh of battery, and two water heaters and a pump behind plugs."""
    world = World(Home(inverters=3, plugs=3), seed=seed, start=START, step_s=step_s)
    world.heaters[2] = Pump(world.heaters[2].energy_wh)
    for inverter in world.inverters:
        inverter.rated_w, inverter.panel_w = 3 * inverter.rated_w, 3 * inverter.panel_w
    assert world.battery is not None
    world.battery.capacity_wh, world.battery.power_max_w, world.battery.energy_wh = 7000.0, 3000.0, 3500.0
    world.battery.reserve_percent = 20.0
    return world


async def _live(seconds: float, seed: int, pacing: Pacing) -> WeekReport:
    clock = VirtualClock(START)
    world = _world(seed, pacing.step_s)
    house = VirtualHouse(
        world, clock, _SETTINGS, _BERLIN, interval=pacing.interval, period=pacing.period, seed=seed
    )
    told: list[tuple[float, str]] = []
    plans = _follow(house, told)
    await house.start(Policy.BACKUP)
    house.home.registry.set_priority(house.physics.modules["P000002"].identity.key, 2)
    house.home.registry.set_wish(house.physics.modules["P000003"].identity.key, _PUMP)
    watch = Watch(house)
    watch.start()
    for each in happenings():
        clock.call_later(each.at - clock.monotonic(), partial(_happen, house, each, told))
    lies = min(pacing.interval, COMPARABLE)
    windows = [(*each, pacing.close_interval, pacing.close_step_s) for each in OUTAGES]
    windows += [(begin, end + PROVING, lies, pacing.step_s) for begin, end in LIES]
    for begin, end, interval, step_s in windows:
        clock.call_later(begin - BEFORE - clock.monotonic(), partial(_look, house, interval, step_s))
        away = partial(_look, house, pacing.interval, pacing.step_s)
        clock.call_later(end + AFTER - clock.monotonic(), away)
    await asyncio.sleep(seconds - clock.monotonic())
    watch.stop()
    await house.stop()
    unserved = sum(0.0 if each.live else TICK for each in watch.outages)
    return WeekReport(
        seconds,
        tuple(told),
        tuple(watch.breaches),
        watch.looks,
        tuple(watch.outages),
        len(plans),
        world.supply.blackouts,
        unserved,
    )


def _follow(house: VirtualHouse, told: list[tuple[float, str]]) -> list[float]:
    """Write down what the hub says; return when plans were made, which goes on."""
    plans: list[float] = []
    now, bus = house.clock.monotonic, house.home.bus

    def planned(event: PlanChanged) -> None:
        if event.plan is None:
            told.append((now(), f"no plan is carried out: {house.planner.state.waiting}"))
        plans.append(now())

    def mode(event: ModeChanged) -> None:
        told.append((now(), f"the home is {event.mode.value}: {event.because}"))

    def shed(event: LoadShed) -> None:
        name = house.home.registry[event.module].record.name
        told.append((now(), f"{name} goes off: {event.because}" if event.shed else f"{name} has power again"))

    def feed(event: FeedAlert) -> None:
        if event.detail or any("is lost" in what for _, what in told):
            state = f"is lost: {event.detail}" if event.detail else "is well"
            told.append((now(), f"the feed of {event.name} {state}"))

    def doubted(event: FaultRaised | FaultCleared) -> None:
        fault = event.fault
        if fault.code in DOUBTS:
            word = "is doubted" if isinstance(event, FaultRaised) else "is believed again"
            told.append((now(), f"{house.home.registry[fault.module].record.name} {word}: {fault.code}"))

    bus.subscribe(FaultRaised, doubted)
    bus.subscribe(FaultCleared, doubted)
    bus.subscribe(FeedAlert, feed)
    bus.subscribe(PlanChanged, planned)
    bus.subscribe(ModeChanged, mode)
    bus.subscribe(LoadShed, shed)
    return plans


def _happen(house: VirtualHouse, happening: Happening, told: list[tuple[float, str]]) -> None:
    house.physics.now()
    told.append((house.clock.monotonic(), happening.what))
    happening.do(house)


def _look(house: VirtualHouse, interval: float, step_s: float) -> None:
    house.pace.interval, house.physics.world.step_s = interval, step_s
