"""What users want to be in the car by when, and which is next (Matter Application Clusters 9.3.7, 9.3.9).

Targets are told in the clock time of the place, by days of the week.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.energy_evse import (
    ChargingTargetScheduleStruct,
    ChargingTargetStruct,
    GetTargetsResponse,
    TargetDayOfWeekBitmap,
)
from matter_node.model import Bitmap, ListOf, Struct, StructOf, member, struct
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_A_DAY = 10
FULL_PERCENT = 100
_LONGEST = 1130
"""Octets that GetTargetsResponse may have: it travels in one message."""
_DAY_S = 86_400
_FIRST_SUNDAY = 3
"""1970-01-01 was a Thursday, three days before one."""

Schedules = tuple[ChargingTargetScheduleStruct, ...]


@struct
class DayTargets(Struct):
    """A ChargingTargetScheduleStruct as a client sends it, with however many targets."""

    day_of_week_for_sequence: TargetDayOfWeekBitmap = member(0, Bitmap(TargetDayOfWeekBitmap))
    charging_targets: tuple[ChargingTargetStruct, ...] = member(1, ListOf(StructOf(ChargingTargetStruct)))


@struct
class SetTargetsFields(Struct):
    """The fields of SetTargets as a client sends them."""

    charging_target_schedules: tuple[DayTargets, ...] = member(0, ListOf(StructOf(DayTargets)))


def judge(schedules: tuple[DayTargets, ...]) -> Schedules:
    """Return schedules as they are kept.

    :raises StatusError: a day is named twice or none is, a state of charge that nobody can know
        (CONSTRAINT_ERROR), a target of nothing (FAILURE), more than ten on a day (RESOURCE_EXHAUSTED)
    """
    seen = TargetDayOfWeekBitmap(0)
    for schedule in schedules:
        days = schedule.day_of_week_for_sequence
        if not days or days & seen:
            raise StatusError(Status.CONSTRAINT_ERROR, f"days {int(days):#x} after {int(seen):#x}")
        seen |= days
        if len(schedule.charging_targets) > MOST_A_DAY:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"more than {MOST_A_DAY} targets on a day")
        for target in schedule.charging_targets:
            if target.target_soc not in {None, FULL_PERCENT}:
                raise StatusError(Status.CONSTRAINT_ERROR, "the car does not tell its state of charge")
            if target.target_soc is None and target.added_energy is None:
                raise StatusError(Status.FAILURE, "neither a state of charge nor an energy")
    return tuple(
        ChargingTargetScheduleStruct(
            day_of_week_for_sequence=schedule.day_of_week_for_sequence,
            charging_targets=schedule.charging_targets,
        )
        for schedule in schedules
    )


def merged(kept: Schedules, new: Schedules) -> Schedules:
    """Return the schedules after SetTargets: days that it names get its targets, the others keep theirs.

    :raises StatusError: RESOURCE_EXHAUSTED if GetTargets could not tell them all
    """
    named = TargetDayOfWeekBitmap(0)
    for schedule in new:
        named |= schedule.day_of_week_for_sequence
    left = (
        ChargingTargetScheduleStruct(
            day_of_week_for_sequence=schedule.day_of_week_for_sequence & ~named,
            charging_targets=schedule.charging_targets,
        )
        for schedule in kept
        if schedule.day_of_week_for_sequence & ~named
    )
    all_of_them = (*left, *new)
    if len(GetTargetsResponse(charging_target_schedules=all_of_them).to_tlv(1)) > _LONGEST:
        raise StatusError(Status.RESOURCE_EXHAUSTED, "more targets than a response can tell")
    return all_of_them


def next_target(
    schedules: Schedules, now: float, local: Callable[[float], float]
) -> tuple[float, ChargingTargetStruct] | None:
    """Return the next target and its time, None if there is none.

    :param now: seconds since 1970, UTC; so is the time of the target
    :param local: gives the seconds that local time is ahead of UTC at such a time
    """
    midnight = (now + local(now)) // _DAY_S * _DAY_S
    for ahead in range(8):
        day = midnight + ahead * _DAY_S
        weekday = TargetDayOfWeekBitmap(1 << int(day // _DAY_S - _FIRST_SUNDAY) % 7)
        found = [
            (_utc(day + 60 * target.target_time_minutes_past_midnight, local), target)
            for schedule in schedules
            if weekday & schedule.day_of_week_for_sequence
            for target in schedule.charging_targets
        ]
        coming = [(time, target) for time, target in found if time > now]
        if coming:
            return min(coming, key=lambda each: each[0])
    return None


def _utc(clock_time: float, local: Callable[[float], float]) -> float:
    """Return the UTC of a local time; the offset is that of the time itself, not that of now."""
    return clock_time - local(clock_time - local(clock_time))
