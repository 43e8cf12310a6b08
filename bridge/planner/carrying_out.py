"""Carrying out the plan: what its bands tell batteries, as setpoints through the arbiter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.command import Origin
from hw.setpoint import SetpointKind
from optimizer.plan import BatteryMode

if TYPE_CHECKING:
    from bridge.arbiter import Arbiter
    from bridge.command import Command
    from bridge.planner.plan import BatteryStep, PlanStep
    from bridge.planner.posing import PlannedModule
    from matter_node.clock import Clock

SOURCE: Final = "planner"
LIFE: Final = 600.0
"""Seconds that a setpoint lives: somewhat more than two plans, so that a hub that hangs lets go by itself."""
RENEWED: Final = 300.0
"""Seconds before its end from which on a setpoint is renewed."""
SMALL_W: Final = 50.0
"""A power that follows the meter is changed when it is off by more than this and by `SMALL_SHARE`."""
SMALL_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Told:
    """What a battery is told; `kind` None lets it follow its own logic, which keeps the meter at zero."""

    kind: SetpointKind | None
    value: float | None = None


OWN_LOGIC: Final = Told(None)
_HOLD: Final = Told(SetpointKind.HOLD)


@dataclass(frozen=True, slots=True)
class Ability:
    """What a battery can do.

    :ivar kinds: what it takes
    :ivar charge_w: most that it charges with; `discharge_w` the same, a magnitude
    """

    kinds: frozenset[SetpointKind]
    charge_w: float
    discharge_w: float


def told(step: BatteryStep, ability: Ability, battery_w: float, grid_w: float, cars_w: float = 0.0) -> Told:
    """Return what a battery is told in a step.

    What leaves both directions open is the battery's own logic. A battery has no command for serving one
    direction only, but for "charge with at most"; the other cases follow the meter from here.

    :param battery_w: its power now, charging positive
    :param grid_w: what the meter reads now for this battery's share, drawing positive
    :param cars_w: what cars take now that batteries must not feed, for this battery's share
    """
    if step.mode is BatteryMode.CHARGE:
        return Told(SetpointKind.CHARGE_W, round(step.lowest_w))
    if step.mode is BatteryMode.DISCHARGE:
        return Told(SetpointKind.DISCHARGE_W, round(-step.highest_w))
    serves = step.mode in {BatteryMode.BALANCE, BatteryMode.COVER}
    if cars_w <= SMALL_W and serves and _open(-step.lowest_w, ability.discharge_w):
        if _open(step.highest_w, ability.charge_w):
            return OWN_LOGIC
        if SetpointKind.CHARGE_LIMIT_W in ability.kinds:
            return Told(SetpointKind.CHARGE_LIMIT_W, round(max(step.highest_w, 0.0)))
    lowest_w = step.lowest_w
    if cars_w > SMALL_W:
        # It discharges for what else the home takes; what is left of the sun is for all.
        lowest_w = max(lowest_w, min(battery_w - grid_w + cars_w, 0.0))
    return _following(min(max(battery_w - grid_w, lowest_w), step.highest_w))


def _open(allowed_w: float, most_w: float) -> bool:
    return allowed_w >= most_w * (1 - SMALL_SHARE)


def _following(power_w: float) -> Told:
    if power_w > SMALL_W:
        return Told(SetpointKind.CHARGE_W, round(power_w))
    if power_w < -SMALL_W:
        return Told(SetpointKind.DISCHARGE_W, round(-power_w))
    return _HOLD


class CarryingOut:
    """Keeps the setpoints of the plan's current step in force."""

    def __init__(self, arbiter: Arbiter, clock: Clock) -> None:
        self._arbiter = arbiter
        self._clock = clock
        self._told: set[str] = set()
        """Batteries that the last step was for."""

    def step(
        self, step: PlanStep, batteries: list[PlannedModule], grid_w: float, cars_w: float = 0.0
    ) -> None:
        """Tell the batteries what the step wants of them; what is told already is left alone.

        :param cars_w: what cars take that batteries must not feed
        :raises StateError: it cannot be kept
        """
        planned = [battery for battery in batteries if battery.module.key in step.batteries]
        keys = {battery.module.key for battery in planned}
        for key in self._told - keys:
            self._let_go(key, "it is not in the plan any more")
        self._told = keys
        for battery in planned:
            key = battery.module.key
            ability = Ability(
                battery.module.record.capabilities.setpoints, battery.charge_w, battery.discharge_w
            )
            shares = grid_w / len(planned), cars_w / len(planned)
            self._tell(key, told(step.batteries[key], ability, battery.power_w, *shares))

    def release(self, reason: str) -> int:
        """Take back everything that the plan told; return how much that was."""
        return self._arbiter.vanish(Origin.PLAN, SOURCE, reason)

    def _tell(self, module: str, wanted: Told) -> None:
        now = self._clock.utc() or 0.0
        if wanted.kind is None:
            self._let_go(module, "the plan leaves it to its own logic")
            return
        live = self._live(module)
        if any(_says(each, wanted, now) for each in live):
            return
        self._arbiter.submit(
            module, wanted.kind, wanted.value, origin=Origin.PLAN, source=SOURCE, duration=LIFE
        )

    def _let_go(self, module: str, reason: str) -> None:
        for command in self._live(module):
            self._arbiter.withdraw(command.id, reason)

    def _live(self, module: str) -> list[Command]:
        found = (each for each in self._arbiter.live(module) if each.source == SOURCE)
        return [each for each in found if each.origin is Origin.PLAN]


def _says(command: Command, wanted: Told, now: float) -> bool:
    """Tell whether a command says near enough what is wanted, and for long enough."""
    if command.kind is not wanted.kind or (command.expires or 0.0) - now < RENEWED:
        return False
    if command.value is None or wanted.value is None:
        return command.value == wanted.value
    return abs(command.value - wanted.value) <= max(SMALL_W, SMALL_SHARE * wanted.value)
