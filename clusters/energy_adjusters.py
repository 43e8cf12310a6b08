"""Who carries out what energy managers want of a device: each is a feature (Application Clusters 9.2.4).

A method that raises StatusError refuses, and what held before it still holds. Letting go cannot be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from clusters.definitions.device_energy_management import DeviceEnergyManagement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.power_forecast import PowerForecast


class PowerAdjuster(Protocol):
    """Who carries a power adjustment out: the arbiter of the module's setpoints."""

    async def adjust_power(self, power_w: float, duration_s: float, *, grid: bool) -> None:
        """Bring the device to a power for a time.

        It returns when the device took it, or soon when it will; a later call replaces an earlier one.

        :param power_w: watts, positive into the device
        :param duration_s: after this the adjustment ends by itself, and `release_power` is called
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: it cannot be done now
        """

    def release_power(self) -> None:
        """Let go: the adjustment ran out, was cancelled, or the device is gone."""


class Pauser(Protocol):
    """Who holds up what the device does."""

    async def pause(self, duration_s: int, *, grid: bool) -> None:
        """Hold it up for a time; a later call replaces an earlier one.

        :param duration_s: after this the pause ends by itself, and `resume` is called
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: it cannot be done now
        """

    def resume(self) -> None:
        """Go on: the pause ran out, was cancelled, or the device is gone."""


class ForecastAdjuster(Protocol):
    """Who lets a device follow another plan than its own.

    While it does, the forecasts that the device's owner gives are with the adjustment; the owner may give the
    first one while it is asked.
    """

    def release_forecast(self) -> None:
        """Go back to the device's own plan: the adjustment was cancelled, is over, or the device is gone.

        The owner may give that plan meanwhile; else the one from before the adjustment shows again. It is
        harmless if nothing is held.
        """


class StartTimeAdjuster(ForecastAdjuster, Protocol):
    """Who starts a plan at another time."""

    async def start_at(self, start: int, *, grid: bool) -> None:
        """Start the plan that has not started yet at another time; a later call replaces an earlier one.

        :param start: UTC in seconds since 1970, within the forecast's limits
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: it cannot be done now
        """


class SlotAdjuster(ForecastAdjuster, Protocol):
    """Who follows a plan with other powers and durations."""

    async def follow(self, forecast: PowerForecast, *, grid: bool) -> None:
        """Follow the plan, whose slots are within what they may be adjusted to; it replaces an earlier one.

        :param forecast: the present one with other powers and durations of slots that are not over
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: it cannot be done now
        """


@dataclass(frozen=True, slots=True)
class PowerConstraint:
    """What a plan is to keep to for a time.

    :ivar start: UTC in seconds since 1970
    :ivar duration_s: a day at most
    :ivar nominal_w: the power wanted meanwhile, positive into the device
    :ivar most_wh: the most energy that may go into the device meanwhile, or if negative out of it
    """

    start: int
    duration_s: int
    nominal_w: float
    most_wh: float


class ConstraintPlanner(ForecastAdjuster, Protocol):
    """Who makes another plan."""

    async def plan_within(self, constraints: tuple[PowerConstraint, ...], *, grid: bool) -> PowerForecast:
        """Make a plan that keeps to constraints, follow it, and return it; it replaces an earlier one.

        :param constraints: in the order of their times, which don't overlap
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: there is no such plan
        """


@dataclass(frozen=True, slots=True)
class ForecastAdjusters:
    """Who carries out adjustments of a device's forecast; None for what it does not take.

    :ivar start: makes the feature StartTimeAdjustment
    :ivar pause: makes the feature Pausable; certification tests it together with StartTimeAdjustment only
    :ivar slots: makes the feature ForecastAdjustment
    :ivar plan: makes the feature ConstraintBasedAdjustment
    """

    start: StartTimeAdjuster | None = None
    pause: Pauser | None = None
    slots: SlotAdjuster | None = None
    plan: ConstraintPlanner | None = None

    @property
    def features(self) -> DeviceEnergyManagement.Feature:
        """The features that they make."""
        feature = DeviceEnergyManagement.Feature
        made = feature(0)
        for adjuster, flag in (
            (self.start, feature.STA),
            (self.pause, feature.PAU),
            (self.slots, feature.FA),
            (self.plan, feature.CON),
        ):
            if adjuster is not None:
                made |= flag
        return made

    def holders(self) -> Iterator[ForecastAdjuster]:
        """Yield each one that can hold another plan, once."""
        seen: list[ForecastAdjuster] = []
        for adjuster in (self.start, self.slots, self.plan):
            if adjuster is not None and not any(adjuster is other for other in seen):
                seen.append(adjuster)
                yield adjuster
