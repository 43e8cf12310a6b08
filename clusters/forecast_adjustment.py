"""What adjustments make of a forecast, and which there may be (Application Clusters 9.2.9.3 to 9.2.9.7).

Each function raises StatusError: FAILURE for what cannot be, CONSTRAINT_ERROR for what is out of bounds. Now
is UTC in seconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.energy_adjusters import PowerConstraint
from clusters.forecast_run import whole_seconds
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.definitions.device_energy_management import ConstraintsStruct, SlotAdjustmentStruct
    from clusters.forecast_run import ForecastRun
    from clusters.power_forecast import ForecastSlot, PowerForecast


def moved(run: ForecastRun, now: float, start: int) -> PowerForecast:
    """Return the forecast with another start.

    :param start: as the request says it, in seconds since 2000
    """
    forecast, start = run.forecast, start + MATTER_EPOCH_OFFSET
    if run.passed_s(now) >= 0:
        raise StatusError(Status.FAILURE, "it has begun")
    if start < max(forecast.earliest, whole_seconds(now)):
        raise StatusError(Status.CONSTRAINT_ERROR, f"{start} is before {forecast.earliest} or past")
    if start + forecast.duration_s > forecast.latest:
        raise StatusError(Status.CONSTRAINT_ERROR, f"it would not be over by {forecast.latest}")
    return forecast.moved_to(start)


def judge_pause(run: ForecastRun, now: float, duration: int, paused_s: float) -> None:
    """Judge a pause from now on.

    :param paused_s: how long the pause that it goes on with has lasted, 0 for a new one
    """
    active = run.active(now)
    bounds = None if active is None else run.forecast.slots[active].pause_s
    if bounds is None:
        raise StatusError(Status.FAILURE, f"slot {active} is not pausable")
    shortest, longest = bounds
    if not shortest <= duration <= longest - paused_s:
        raise StatusError(Status.CONSTRAINT_ERROR, f"a pause lasts {shortest} to {longest} s")
    _judge_end(run.forecast, now + duration + run.remaining_s(now))


def modified(
    run: ForecastRun, now: float, adjustments: Iterable[SlotAdjustmentStruct], limits: tuple[int, int]
) -> PowerForecast:
    """Return the forecast with other powers and durations of slots.

    :param limits: the least and the most power that the device can have, in mW
    """
    slots = list(run.forecast.slots)
    active = run.active(now) or 0
    seen = set()
    for adjustment in adjustments:
        index = adjustment.slot_index
        if index >= len(slots):
            raise StatusError(Status.FAILURE, f"there is no slot {index}")
        if index < active or index in seen:
            raise StatusError(Status.CONSTRAINT_ERROR, f"slot {index} is over, or in the request twice")
        seen.add(index)
        slots[index] = _adjusted(slots[index], adjustment, limits)
        if index == active and adjustment.duration < run.elapsed_s(now):
            raise StatusError(Status.CONSTRAINT_ERROR, f"slot {index} has lasted longer already")
    if not seen:
        raise StatusError(Status.CONSTRAINT_ERROR, "no slot is adjusted")
    forecast = run.forecast.with_slots(tuple(slots))
    _judge_end(run.forecast, run.end + forecast.duration_s - run.forecast.duration_s)
    return forecast


def _adjusted(slot: ForecastSlot, adjustment: SlotAdjustmentStruct, limits: tuple[int, int]) -> ForecastSlot:
    power = adjustment.nominal_power
    low, high = (round(bound * 1000) for bound in slot.adjustable_w)
    if power is None or not max(low, limits[0]) <= power <= min(high, limits[1]):
        raise StatusError(Status.CONSTRAINT_ERROR, f"{power} mW in slot {adjustment.slot_index}")
    shortest, longest = slot.adjustable_s
    if not shortest <= adjustment.duration <= longest:
        raise StatusError(Status.CONSTRAINT_ERROR, f"{adjustment.duration} s in slot {adjustment.slot_index}")
    return slot.adjusted(power / 1000, adjustment.duration)


def _judge_end(forecast: PowerForecast, end: float) -> None:
    """Refuse what would be over too late; whole seconds count."""
    if forecast.latest_end is not None and whole_seconds(end) > forecast.latest_end:
        raise StatusError(Status.CONSTRAINT_ERROR, f"it would not be over by {forecast.latest_end}")


def constraints(
    wanted: Iterable[ConstraintsStruct], now: float, limits: tuple[int, int]
) -> tuple[PowerConstraint, ...]:
    """Return what a plan is asked to keep to.

    :param limits: the least and the most power that the device can have, in mW
    :raises StatusError: also INVALID_COMMAND for a constraint without power or energy
    """
    taken: list[PowerConstraint] = []
    free = now
    for constraint in wanted:
        start = constraint.start_time + MATTER_EPOCH_OFFSET
        if start < whole_seconds(free):
            raise StatusError(Status.CONSTRAINT_ERROR, f"a constraint from {start} on is past, or overlaps")
        free = start + constraint.duration
        power, energy = constraint.nominal_power, constraint.maximum_energy
        if power is None or energy is None:
            raise StatusError(Status.INVALID_COMMAND, "a constraint without power or energy")
        if not limits[0] <= power <= limits[1]:
            raise StatusError(Status.CONSTRAINT_ERROR, f"{power} mW is beyond the device")
        taken.append(PowerConstraint(start, constraint.duration, power / 1000, energy / 1000))
    if not taken:
        raise StatusError(Status.CONSTRAINT_ERROR, "no constraint")
    return tuple(taken)
