"""Posing the planning problem from what the hub knows of the home now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.choices import Policy
from bridge.doubts import doubted
from bridge.grid import GridState
from bridge.planner.held import held
from bridge.planner.news import NotBelievedError, NotNowError, SwitchedOffError
from bridge.planner.outlook import Outlook
from bridge.planner.question import AskedBattery, AskedBefore, Question, Recorded, steps_from
from bridge.record import OperatingMode
from hw.module import ModuleKind
from hw.reading import Quality
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.home import Home
    from bridge.planner.looking_out import LookingOut
    from bridge.planner.market_tariff import MarketTariff
    from bridge.planner.plan import HomePlan
    from bridge.planner.settings import PlannerSettings
    from bridge.planner.tariff import Tariff
    from bridge.registry import RegisteredModule

FRESH: Final = 90.0
"""Seconds after which a reading is too old to command by: the slowest polling is once a minute."""
COMMANDS: Final = frozenset({SetpointKind.CHARGE_W, SetpointKind.DISCHARGE_W, SetpointKind.HOLD})
"""What a battery must take to be planned."""
_ZONE_OF_UTC: Final = "UTC"


@dataclass(frozen=True, slots=True)
class PlannedModule:
    """A battery that follows the plan, and what it says now.

    :ivar charge_w: most that it charges with; `discharge_w` the same, a magnitude
    :ivar power_w: now, charging positive
    """

    module: RegisteredModule
    capacity_wh: float
    soc_percent: float
    reserve_percent: float
    charge_w: float
    discharge_w: float
    power_w: float


class Posing:
    """Asks what is to be planned."""

    def __init__(
        self,
        settings: PlannerSettings,
        tariff: Tariff | MarketTariff | None,
        home: Home,
        telemetry: Path | None,
        looking_out: LookingOut | None = None,
    ) -> None:
        """Ask about a home.

        :param telemetry: where its history is, None if nothing is recorded
        :param looking_out: what is known of the time to come besides, None for nothing
        """
        self._looking_out = looking_out
        self.recorded: Recorded | None = None
        """What the last question had planned from of what was measured."""
        self._settings = settings
        self._tariff = tariff
        self._home = home
        self._telemetry = telemetry

    def use(
        self,
        settings: PlannerSettings,
        tariff: Tariff | MarketTariff | None,
        looking_out: LookingOut | None,
    ) -> None:
        """Ask by other settings from now on."""
        self._settings, self._tariff, self._looking_out = settings, tariff, looking_out

    @property
    def import_limit_w(self) -> float | None:
        """Most that is to be drawn from the grid, None for no limit."""
        return None if self._looking_out is None else self._looking_out.grid.import_limit_w

    def batteries(self) -> list[PlannedModule]:
        """Return the batteries that follow a plan.

        They answer, can be believed, are not autonomous, take what a plan says, and tell what they hold.
        """
        planned = (_planned(module) for module in self._candidates() if not self.why_out(module))
        return [each for each in planned if each is not None]

    def producers(self) -> list[RegisteredModule]:
        """Return the panels of which sun is expected: those that answer or sleep, and can be believed."""
        return [each for each in self._of(ModuleKind.MICROINVERTER) if not self.why_out(each)]

    def left_out(self) -> list[str]:
        """Return the keys of the batteries and producers that a plan does without though it need not."""
        members = (*self._candidates(), *self._of(ModuleKind.MICROINVERTER))
        return [each.key for each in members if self.why_out(each)]

    def why_out(self, module: RegisteredModule) -> str:
        """Return why a plan does without a battery or a producer that could be in it, or nothing."""
        doubt = doubted(self._home.faults.active(module.key))
        if doubt is not None:
            return doubt.evidence
        if module.record.kind is ModuleKind.MICROINVERTER:
            return "it does not answer" if self._home.plausibility.lost_awake(module) else ""
        return "" if module.reachable else "it does not answer"

    def candidates(self) -> frozenset[str]:
        """Return the keys of the batteries that could follow a plan, whether they answer now or not."""
        return frozenset(module.key for module in self._candidates())

    def _candidates(self) -> Iterator[RegisteredModule]:
        for module in self._of(ModuleKind.BATTERY):
            record = module.record
            free = record.mode is OperatingMode.AUTONOMOUS or record.quarantined
            if not free and record.capabilities.setpoints >= COMMANDS:
                yield module

    def check(self, now: float) -> None:
        """Raise NotNowError when what is known of the home is not fit to command by.

        :param now: UTC, seconds since 1970
        """
        if self._home.choices.mode is OperatingMode.AUTONOMOUS:
            raise NotNowError("the home is autonomous")
        if self._home.grid.state is GridState.LOST:
            raise NotNowError("the grid is gone")
        if self._home.island.mode.apart:
            raise NotNowError("the home has not returned to the grid yet")
        if not self._settings.enabled:
            raise SwitchedOffError("planning is switched off")
        if self._tariff is None:
            raise SwitchedOffError("there is no tariff")
        if not self._tariff.is_known:
            raise NotNowError("no price is known yet")
        meter = self._home.grid.meter()
        if meter is None:
            raise NotNowError("there is no meter at the supply")
        for module in (self._home.registry[meter], *(each.module for each in self.batteries())):
            name, reading = module.record.name, module.reading
            if not module.reachable or reading is None:
                raise NotNowError(f"{name} does not answer")
            if reading.quality is Quality.STALE or now - reading.time.timestamp() > FRESH:
                raise NotNowError(f"what {name} says is older than {FRESH:.0f} s")
        self._check_meter(self._home.registry[meter])

    def _check_meter(self, meter: RegisteredModule) -> None:
        if meter.reading is None or meter.reading.power_w is None:
            raise NotNowError(f"{meter.record.name} does not say its power")
        doubt = doubted(self._home.faults.active(meter.key))
        if doubt is not None:
            raise NotBelievedError(meter.key, f"{meter.record.name} cannot be believed: {doubt.evidence}")

    def question(self, now: float, before: HomePlan | None = None) -> Question:
        """Return what is to be planned. Raise NotNowError.

        :param now: UTC, seconds since 1970
        :param before: the plan in force
        """
        self.check(now)
        assert self._tariff is not None, "without a tariff nothing is asked"
        flows, producers = self._home.flow_meter.balance(), self.producers()
        start, steps = steps_from(now)
        drawing, feeding = self._tariff.over(start, steps)
        outlook = Outlook() if self._looking_out is None else self._looking_out.outlook(now, start, steps)
        policy = self._home.choices.policy
        if policy is Policy.GREEN and not outlook.clean:
            policy = Policy.SELF_CONSUMPTION
        from bridge.loads.posing import planned_loads  # only for a hub that plans

        loads = planned_loads(
            self._home, now, (start, start + sum(steps)), learns=self._telemetry is not None
        )
        from bridge.loads.thermostats import planned_rooms  # the same

        rooms = planned_rooms(self._home, now, start, steps)
        self.recorded = self._of_past(loads.keys, rooms.keys)
        place = None
        if self._settings.latitude is not None and self._settings.longitude is not None:
            place = (self._settings.latitude, self._settings.longitude)
        return Question(
            start,
            steps,
            getattr(self._tariff.zone, "key", _ZONE_OF_UTC),
            drawing,
            feeding,
            self._tariff.currency,
            # The home's own sun is to stay in the home: fed in it counts nothing.
            policy not in {Policy.SELF_CONSUMPTION, Policy.GREEN},
            max(flows.load_w - loads.power_w - rooms.power_w, 0.0),
            max(-sum(map(_power_w, producers)), 0.0),
            sum(each.record.nameplate.power_w or 0.0 for each in producers),
            place,
            tuple(self._asked(each, policy, now) for each in self.batteries()),
            self._settings.backup_hours if policy is Policy.BACKUP else None,
            self.recorded,
            None if before is None else AskedBefore.of(before, now),
            outlook,
            loads.asked,
            loads.given,
            rooms.asked,
        )

    def _asked(self, battery: PlannedModule, policy: Policy, now: float) -> AskedBattery:
        settings, capacity = self._settings, battery.capacity_wh
        one_way = math.sqrt(settings.efficiency)
        # Under the other policies a battery holds the home's own sun alone.
        trades = policy in {Policy.SAVINGS, Policy.BACKUP}
        # Clean energy of the grid may be stored; what was stored displaces dirty energy at home.
        grid_charging = settings.grid_charging and (trades or policy is Policy.GREEN)
        return AskedBattery(
            battery.module.key,
            capacity,
            capacity * battery.soc_percent / 100,
            battery.charge_w,
            battery.discharge_w,
            capacity * battery.reserve_percent / 100,
            one_way,
            one_way,
            settings.wear,
            grid_charging=grid_charging,
            feed_in=settings.sell_stored and trades,
            held=held(self._home.arbiter.live(battery.module.key), now),
        )

    def _of_past(
        self, loads: tuple[tuple[str, float | None], ...], rooms: tuple[tuple[str, float | None], ...]
    ) -> Recorded | None:
        """Return where what was measured is, None if nothing is recorded.

        :param loads: that are planned, as `Recorded` has them; `rooms` the same
        """
        meter = self._home.grid.meter()
        if self._telemetry is None or meter is None:
            return None
        solar, storage = (
            tuple(each.key for each in self._of(kind))
            for kind in (ModuleKind.MICROINVERTER, ModuleKind.BATTERY)
        )
        expected = {each.key for each in self.producers()}
        left_out = tuple(key for key in solar if key not in expected)
        return Recorded(str(self._telemetry), (meter,), solar, storage, loads, left_out, rooms)

    def _of(self, kind: ModuleKind) -> list[RegisteredModule]:
        return [module for module in self._home.registry if module.record.kind is kind]


def _power_w(module: RegisteredModule) -> float:
    """Return what a module takes now; one that does not answer takes and gives nothing."""
    power = module.reading.power_w if module.reachable and module.reading is not None else None
    return power if power is not None and math.isfinite(power) else 0.0


def _planned(module: RegisteredModule) -> PlannedModule | None:
    """Return a battery with its figures, None if it does not tell them."""
    if module.reading is None or module.reading.battery is None:
        return None
    said, plate = module.reading.battery, module.record.nameplate
    capacity, soc = said.capacity_wh or plate.capacity_wh, said.soc_percent
    charge = plate.charge_power_w or plate.power_w
    discharge = plate.discharge_power_w or plate.power_w
    if capacity is None or soc is None or charge is None or discharge is None:
        return None
    figures = (capacity, soc, said.reserve_percent or 0.0, charge, discharge, module.reading.power_w or 0.0)
    if not all(map(math.isfinite, figures)) or min(capacity, charge, discharge) <= 0:
        return None
    soc, reserve = (min(max(share, 0.0), 100.0) for share in (soc, figures[2]))
    return PlannedModule(module, capacity, soc, reserve, charge, discharge, figures[5])
