"""A battery that does as somebody told it, in the planning process: what it holds when it is free again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from optimizer.battery import Battery
from optimizer.horizon import Window
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from bridge.planner.plan import BatteryStep
    from bridge.planner.question import AskedBattery
    from optimizer.horizon import Horizon


class HeldBattery(NamedTuple):
    """A battery as the problem has it, and what it does besides.

    :ivar power_w: of what it is told, in each step; charging positive
    :ivar held_s: for how long the plan does not move it
    """

    battery: Battery
    power_w: tuple[float, ...]
    held_s: float


_A_LITTLE_S: Final = 150.0
"""Of a step that may be over before it ends and is still told as if it went on."""
_OWN: Final = frozenset(Battery.__dataclass_fields__)


def foreseen(asked: AskedBattery, horizon: Horizon, wear: float) -> HeldBattery:
    """Return a battery with what it will hold once it is free.

    :param wear: price of it, as the plan counts it
    """
    values = {name: getattr(asked, name) for name in asked.__dataclass_fields__ if name in _OWN}
    values["wear"] = wear
    held = asked.held
    if held is None:
        return HeldBattery(Battery(**values), horizon.constant(0.0), 0.0)
    moves_s, stored = _moved(asked, held.left_s)
    reached = held.target_percent is not None and moves_s < held.left_s
    held_s = moves_s if reached else held.left_s
    shares = horizon.shares(Window(horizon.start, horizon.start + timedelta(seconds=moves_s)))
    idle = Window(horizon.start, horizon.start + timedelta(seconds=held_s))
    battery = Battery(**values | {"stored_wh": stored, "idle": idle})
    return HeldBattery(battery, tuple(held.power_w * share for share in shares), held_s)


def as_told(
    step: BatteryStep, asked: AskedBattery, power_w: float, ends_s: float, held_s: float
) -> BatteryStep:
    """Return a step of a battery's plan as it will be while it does what it is told.

    :param power_w: of what it is told, in this step
    :param ends_s: when the step ends, in seconds from the start of the plan
    """
    if asked.held is None or ends_s > held_s + _A_LITTLE_S:
        return replace(step, power_w=step.power_w + power_w)
    _, stored = _moved(asked, ends_s)
    return replace(
        step,
        power_w=step.power_w + power_w,
        soc_percent=100 * stored / asked.capacity_wh,
        code=ReasonCode.GIVEN,
        sentence=f"Does what it was told: to {_deed(power_w)}.",
    )


def _deed(power_w: float) -> str:
    if power_w == 0:
        return "rest"
    return f"charge with {power_w:.0f} W" if power_w > 0 else f"give {-power_w:.0f} W"


def _moved(asked: AskedBattery, seconds: float) -> tuple[float, float]:
    """Return how long a battery moves energy within a time, and what it holds then."""
    held = asked.held
    assert held is not None
    if held.power_w == 0:
        return 0.0, asked.stored_wh
    target = None if held.target_percent is None else asked.capacity_wh * held.target_percent / 100
    if held.power_w > 0:
        stores_w = held.power_w * asked.charge_efficiency
        room = (asked.capacity_wh if target is None else target) - asked.stored_wh
    else:
        stores_w = held.power_w / asked.discharge_efficiency
        room = asked.stored_wh - (asked.reserve_wh if target is None else target)
    moves_s = min(seconds, max(room, 0.0) / abs(stores_w) * 3600)
    return moves_s, min(max(asked.stored_wh + stores_w * moves_s / 3600, 0.0), asked.capacity_wh)
