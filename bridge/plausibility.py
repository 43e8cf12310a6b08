"""Whether modules can be believed: what each says, held against its neighbours and against its own past.

The protection (`bridge.protection`) judges what one reading says alone. Here a producer that gives nothing
while the others do, a meter that contradicts what the modules do, a value that stands still, a charge that
does not follow the energy and a meter out of step with the modules (`bridge.step_judge`) are faults of the
hub's own, source `hub.`; who plans leaves such modules out.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.doubts import CHARGE_WRONG, CONTRADICTED, GIVES_NOTHING, STANDS_STILL, DoubtBook
from bridge.events import ModuleRemoved, ReadingTaken
from bridge.step_judge import StepJudge
from hw.accuracy import USUAL, Quantity
from hw.module import ModuleKind
from hw.reading import OperatingState, Quality
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.arbiter import Arbiter
    from bridge.events import EventBus
    from bridge.faults import FaultBook
    from bridge.grid import GridWatch
    from bridge.registry import RegisteredModule, Registry
    from hw.reading import Reading
    from matter_node.clock import Clock, Timer

TICK: Final = 5.0
"""Seconds from one look to the next."""
FRESH: Final = 15.0
"""Seconds after which a reading is not held against those of others any more."""
KNOWN: Final = 75.0
"""Seconds after which nobody knows what a producer gives, or what went into a battery."""
LIT: Final = 0.10
"""Share of their rating that the others give when one that gives nothing is dead."""
NOTHING: Final = 0.005
"""Share of its rating below which a producer gives nothing."""
AWAKE: Final = 0.10
"""Share of its rating above which a producer that is not heard any more did not fall asleep."""
SKEW_W: Final = 150.0
"""What powers may be apart for not having been read at one instant."""
MOVED_W: Final = 300.0
"""By how much the others change while a value that stands still is stuck."""
IDLE_W: Final = 50.0
"""A meter below this may stand still: batteries keep it at zero."""
CHARGE_SHARE: Final = 0.10
"""Of the capacity, by how much the charge may be off what the energy makes of it."""
LOSSES: Final = 0.15
"""Of the energy, for what is lost in a battery."""
ANCHOR_S: Final = 3600.0
"""Seconds after which charge and energy are compared from the present charge on."""


@dataclass(slots=True)
class _Still:
    """A power that stands still, and where the others stood when it began to."""

    power_w: float
    since: float
    lowest_w: float
    highest_w: float
    readings: int = 0


@dataclass(slots=True)
class _Charge:
    """A battery's charge at some time, and the energy since.

    :ivar counters: what its counters showed last, of charging and of discharging
    """

    since: float
    soc_percent: float
    time: float
    counters: tuple[float, float] | None
    energy_wh: float = 0.0
    moved_wh: float = 0.0

    def count(self, reading: Reading) -> bool:
        """Add what went in and out, as counted, else as power makes it; False if that cannot be told."""
        time, counters = reading.time.timestamp(), _counters(reading)
        elapsed, self.time = time - self.time, time
        before, self.counters = self.counters, counters
        if not 0 <= elapsed <= KNOWN or reading.power_w is None:
            return False
        if before is not None and counters is not None:
            charged, discharged = counters[0] - before[0], counters[1] - before[1]
            if min(charged, discharged) < 0:
                return False
        else:
            energy = reading.power_w * elapsed / 3600
            charged, discharged = max(energy, 0.0), max(-energy, 0.0)
        self.energy_wh += charged - discharged
        self.moved_wh += charged + discharged
        return True


class Plausibility:
    """Looks at the modules together, every few seconds."""

    def __init__(
        self,
        registry: Registry,
        arbiter: Arbiter,
        bus: EventBus,
        clock: Clock,
        faults: FaultBook,
        grid: GridWatch,
        *,
        haste: float = 1.0,
    ) -> None:
        """Take the parts.

        :param haste: by how much sooner than in earnest doubts begin and end, for tests in real time
        """
        self._registry = registry
        self._arbiter = arbiter
        self._bus = bus
        self._clock = clock
        self._grid = grid
        self._haste = haste
        self._doubts = DoubtBook(faults, clock, haste=haste)
        self._steps = StepJudge(registry, bus, clock, grid, self._doubts)
        self._still: dict[str, _Still] = {}
        self._charges: dict[str, _Charge] = {}
        self._shares: dict[str, float] = {}
        """What producers gave at the last look, of their rating."""
        self._sorted: list[float] = []
        self._lost: set[str] = set()
        self._timer: Timer | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        """Take up what a former run doubted, and look."""
        self._doubts.start()
        self._steps.start()
        self._unsubscribe = [
            self._bus.subscribe(ReadingTaken, lambda event: self._read(event.reading)),
            self._bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key)),
        ]
        self._timer = self._clock.call_later(TICK / self._haste, self._tick)

    def stop(self) -> None:
        """Look no more."""
        self._steps.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    def lost_awake(self, module: RegisteredModule) -> bool:
        """Tell whether a producer that does not answer should: the others give, or it gave when it was lost.

        It is so until it answers again.
        """
        if module.reachable:
            self._lost.discard(module.key)
            return False
        said, rating = module.reading, module.record.nameplate.power_w
        if module.key in self._lost:
            return True
        if said is not None and said.state is OperatingState.SLEEPING:
            return False
        others = self._others(module)
        if others is None:
            awake = bool(said and said.power_w and rating and abs(said.power_w) >= AWAKE * rating)
        else:
            awake = others > LIT
        if awake:
            self._lost.add(module.key)
        return awake

    # ------------------------------------------------------------------ looking

    def _tick(self) -> None:
        self._timer = self._clock.call_later(TICK / self._haste, self._tick)
        producers = [each for each in self._registry if each.record.kind is ModuleKind.MICROINVERTER]
        self._shares = {each.key: share for each in producers if (share := self._share(each)) is not None}
        self._sorted = sorted(self._shares.values())
        for module in producers:
            self._look_at_producer(module)
        meter = self._grid.meter()
        if meter is not None:
            self._look_at_meter(self._registry[meter])

    def _look_at_producer(self, module: RegisteredModule) -> None:
        said, share = module.reading, self._shares.get(module.key)
        others = self._others(module)
        if said is None or share is None or self._allowed(module, said) <= LIT:
            self._doubts.judge(module.key, GIVES_NOTHING, beyond=None)
        elif share >= NOTHING:
            self._doubts.judge(module.key, GIVES_NOTHING, beyond=False)
        elif others is not None and others > LIT:
            evidence = f"it gives nothing while the others give {100 * others:.0f} % of their rating"
            self._doubts.judge(module.key, GIVES_NOTHING, beyond=True, evidence=evidence)
        else:
            self._doubts.judge(module.key, GIVES_NOTHING, beyond=None)

    def _look_at_meter(self, meter: RegisteredModule) -> None:
        said = self._fresh(meter)
        others = [each for each in self._registry if each.record.kind in _SIDES]
        heard = [(each, self._fresh(each)) for each in others]
        # Of what is silent nobody knows what it does; panels that sleep give nothing.
        silent = [each for each, reading in heard if reading is None and not _is_asleep(each)]
        lying = any(self._doubts.is_doubted(each.key) for each in others)
        if said is None or said.power_w is None or silent or lying:
            self._doubts.judge(meter.key, CONTRADICTED, beyond=None)
            self._doubts.judge(meter.key, STANDS_STILL, beyond=None)
            self._still.pop(meter.key, None)
            return
        told = [(each, reading.power_w) for each, reading in heard if reading is not None and reading.power_w]
        sum_w = sum(power for _, power in told)
        margin = SKEW_W + _margin(meter, said.power_w) + sum(_margin(each, power) for each, power in told)
        load = said.power_w - sum_w
        evidence = (
            f"it reads {said.power_w:.0f} W while panels and batteries take {sum_w:.0f} W, so the home would "
            f"use {load:.0f} W; {margin:.0f} W of that may be inaccuracy. Something may also feed in that is "
            "no module of the hub"
        )
        self._doubts.judge(meter.key, CONTRADICTED, beyond=load < -margin, evidence=evidence)
        self._look_if_still(meter, said.power_w, sum_w, margin)

    def _look_if_still(self, meter: RegisteredModule, power_w: float, others_w: float, margin: float) -> None:
        now = self._clock.monotonic()
        still = self._still.get(meter.key)
        if still is None or still.power_w != power_w or abs(power_w) < IDLE_W:
            self._still[meter.key] = _Still(power_w, now, others_w, others_w)
            self._doubts.judge(meter.key, STANDS_STILL, beyond=False)
            return
        still.lowest_w, still.highest_w = min(still.lowest_w, others_w), max(still.highest_w, others_w)
        moved = still.highest_w - still.lowest_w
        if moved <= max(MOVED_W, margin):
            return
        evidence = (
            f"it reads {power_w:.0f} W since {now - still.since:.0f} s while what panels and batteries take "
            f"changed by {moved:.0f} W"
        )
        self._doubts.judge(meter.key, STANDS_STILL, beyond=True, evidence=evidence)

    def _read(self, reading: Reading) -> None:
        """Hold a battery's charge against the energy that went in and out."""
        said = reading.battery
        if said is None or reading.module not in self._registry or reading.quality is Quality.STALE:
            return
        module = self._registry[reading.module]
        capacity = said.capacity_wh or module.record.nameplate.capacity_wh
        if said.soc_percent is None or reading.power_w is None or not capacity:
            return
        now, time = self._clock.monotonic(), reading.time.timestamp()
        kept = self._charges.get(module.key)
        if kept is None or not kept.count(reading):
            self._charges[module.key] = _Charge(now, said.soc_percent, time, _counters(reading))
            return
        gained = (said.soc_percent - kept.soc_percent) / 100 * capacity
        off = abs(gained - kept.energy_wh)
        beyond = off > CHARGE_SHARE * capacity + LOSSES * kept.moved_wh
        evidence = (
            f"its charge changed by {gained:.0f} Wh in {now - kept.since:.0f} s, in which it took "
            f"{kept.energy_wh:.0f} Wh"
        )
        self._doubts.judge(module.key, CHARGE_WRONG, beyond=beyond, evidence=evidence)
        if now - kept.since > ANCHOR_S or (beyond and self._doubts.is_raised(module.key, CHARGE_WRONG)):
            # From here on it may be right: the time that it takes to be believed again will show.
            self._charges[module.key] = _Charge(now, said.soc_percent, time, _counters(reading))

    def _forget(self, module: str) -> None:
        self._still.pop(module, None)
        self._charges.pop(module, None)
        self._lost.discard(module)
        self._doubts.forget(module)
        self._steps.forget(module)

    # ------------------------------------------------------------------ what is said now

    def _fresh(self, module: RegisteredModule, longest: float = FRESH) -> Reading | None:
        said = module.reading
        if said is None or not module.reachable or said.quality is Quality.STALE:
            return None
        age = (self._clock.utc() or 0.0) - said.time.timestamp()
        return said if age <= longest else None

    def _share(self, module: RegisteredModule) -> float | None:
        """Return what a producer gives of its rating, None when that is not known."""
        said, rating = self._fresh(module, KNOWN), module.record.nameplate.power_w
        return None if said is None or said.power_w is None or not rating else abs(said.power_w) / rating

    def _others(self, module: RegisteredModule) -> float | None:
        """Return what the other producers give of their rating, the median; None when there is none."""
        share, rows = self._shares.get(module.key), self._sorted
        count = len(rows) - (share is not None)
        if count < 1:
            return None
        own = len(rows) if share is None else bisect_left(rows, share)

        def at(index: int) -> float:
            return rows[index + (index >= own)]

        return (at((count - 1) // 2) + at(count // 2)) / 2

    def _allowed(self, module: RegisteredModule, said: Reading) -> float:
        """Return the share of its rating that a producer may give, by what it says and by what it is told."""
        rating = module.record.nameplate.power_w or 0.0
        if said.connected is False or not rating:
            return 0.0
        allowed = 1.0
        if said.power_limit_percent is not None:
            allowed = min(allowed, said.power_limit_percent / 100)
        if said.power_limit_w is not None:
            allowed = min(allowed, said.power_limit_w / rating)
        for command in self._arbiter.live(module.key):
            match command.kind:
                case SetpointKind.POWER_LIMIT_W:
                    allowed = min(allowed, (command.value or 0.0) / rating)
                case SetpointKind.POWER_LIMIT_PERCENT:
                    allowed = min(allowed, (command.value or 0.0) / 100)
                case SetpointKind.CONNECT:
                    allowed = min(allowed, command.value or 0.0)
        return allowed


_SIDES: Final = frozenset({ModuleKind.MICROINVERTER, ModuleKind.BATTERY})
"""What stands beside the load behind the meter."""


def _is_asleep(module: RegisteredModule) -> bool:
    """Tell whether a silent module gives nothing: a producer that gave nothing when it was last heard."""
    said, rating = module.reading, module.record.nameplate.power_w
    if module.record.kind is not ModuleKind.MICROINVERTER or said is None:
        return False
    return said.state is OperatingState.SLEEPING or bool(rating and abs(said.power_w or 0.0) < AWAKE * rating)


def _counters(reading: Reading) -> tuple[float, float] | None:
    charged, discharged = reading.energy_imported_wh, reading.energy_exported_wh
    return None if charged is None or discharged is None else (charged, discharged)


def _margin(module: RegisteredModule, power_w: float) -> float:
    """Return how far a module's power may be off, in W."""
    known = module.record.capabilities.measures.get(Quantity.POWER, USUAL[Quantity.POWER])
    return known.percent / 100 * abs(power_w) + known.fixed
