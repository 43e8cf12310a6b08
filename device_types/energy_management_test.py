"""The test event triggers of Device Energy Management (Matter test plan of DEM)."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import DeviceEnergyManagement, PowerAdjustStruct
from clusters.energy_adjusters import ForecastAdjusters
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.device_energy_management import DeviceEnergyManagementServer

_RANGES = (
    PowerAdjustStruct(min_power=1_000_000, max_power=2_000_000, min_duration=10, max_duration=20),
    PowerAdjustStruct(min_power=500_000, max_power=2_500_000, min_duration=15, max_duration=60),
)
"""What the power adjustment test pretends: 1..2 kW for 10..20 s, or 0.5..2.5 kW for 15..60 s."""
_HOUR_S = 3600
_SLOT_S = 1800
_STRETCH_S = (900, 3600)
"""Between which durations a slot may be set to last."""
_PAUSE_S = (10, 60)
"""The test sleeps through the shortest pause, and sends several commands within it."""


class _Trigger(IntEnum):
    POWER_ADJUSTMENT = 0x00
    POWER_ADJUSTMENT_CLEAR = 0x01
    LOCAL_OPT_OUT = 0x02
    GRID_OPT_OUT = 0x03
    OPT_OUT_CLEAR = 0x04
    START_TIME_ADJUSTMENT = 0x05
    START_TIME_ADJUSTMENT_CLEAR = 0x06
    PAUSABLE = 0x07
    PAUSABLE_NEXT_SLOT = 0x08
    PAUSABLE_CLEAR = 0x09
    FORECAST_ADJUSTMENT = 0x0A
    FORECAST_ADJUSTMENT_NEXT_SLOT = 0x0B
    FORECAST_ADJUSTMENT_CLEAR = 0x0C
    CONSTRAINTS = 0x0D
    CONSTRAINTS_CLEAR = 0x0E
    FORECAST = 0x0F
    FORECAST_CLEAR = 0x10


_Feature = DeviceEnergyManagement.Feature
_FEATURES = {
    _Feature.PA: (_Trigger.POWER_ADJUSTMENT, _Trigger.POWER_ADJUSTMENT_CLEAR),
    _Feature.PFR: (_Trigger.FORECAST, _Trigger.FORECAST_CLEAR),
    _Feature.STA: (_Trigger.START_TIME_ADJUSTMENT, _Trigger.START_TIME_ADJUSTMENT_CLEAR),
    _Feature.PAU: (_Trigger.PAUSABLE, _Trigger.PAUSABLE_NEXT_SLOT, _Trigger.PAUSABLE_CLEAR),
    _Feature.FA: (
        _Trigger.FORECAST_ADJUSTMENT,
        _Trigger.FORECAST_ADJUSTMENT_NEXT_SLOT,
        _Trigger.FORECAST_ADJUSTMENT_CLEAR,
    ),
    _Feature.CON: (_Trigger.CONSTRAINTS, _Trigger.CONSTRAINTS_CLEAR),
}
"""The triggers that a feature needs; those of opting out are always there."""
_OPT_OUTS = {_Trigger.LOCAL_OPT_OUT, _Trigger.GRID_OPT_OUT, _Trigger.OPT_OUT_CLEAR}
_NEXT_SLOT = {_Trigger.PAUSABLE_NEXT_SLOT, _Trigger.FORECAST_ADJUSTMENT_NEXT_SLOT}
_BEGUN = {_Trigger.PAUSABLE, _Trigger.FORECAST_ADJUSTMENT, _Trigger.FORECAST}
_PLANNED = {_Trigger.START_TIME_ADJUSTMENT, _Trigger.CONSTRAINTS}


class _Nobody:
    """Takes whatever a test asks for; no device hears of it.

    :param forecast: what is planned within any constraints
    """

    def __init__(self, forecast: PowerForecast) -> None:
        self._forecast = forecast

    async def plan_within(self, *_: object, **__: object) -> PowerForecast:
        return self._forecast

    async def adjust_power(self, *_: object, **__: object) -> None:
        """Take it."""

    start_at = follow = pause = adjust_power

    def release_power(self) -> None:
        """Nothing is held."""

    release_forecast = resume = release_power


class EnergyManagementTest:
    """Pretends that a device can be adjusted, and that its users opt out, for as long as a test wants.

    :param opt_out: shows what the users opted out of, as ``opt_out(local, grid)``; without words what they
        really did
    """

    __slots__ = ("_cluster", "_opt_out", "_opted_out")

    def __init__(
        self, cluster: DeviceEnergyManagementServer, opt_out: Callable[[tuple[bool, bool] | None], None]
    ) -> None:
        self._cluster = cluster
        self._opt_out = opt_out
        self._opted_out = (False, False)

    def trigger(self, code: int) -> None:
        """Run a trigger; StatusError(INVALID_COMMAND) for a code that there is none of, or no feature for."""
        features = _Feature(self._cluster.features)
        known = _OPT_OUTS.union(*(_FEATURES.get(feature, ()) for feature in features))
        if code not in known:
            raise StatusError(Status.INVALID_COMMAND, f"no energy management test {code:#x}")
        trigger = _Trigger(code)
        if trigger in _OPT_OUTS:
            local, grid = self._opted_out
            self._opted_out = (
                trigger is _Trigger.LOCAL_OPT_OUT or (local and trigger is not _Trigger.OPT_OUT_CLEAR),
                trigger is _Trigger.GRID_OPT_OUT or (grid and trigger is not _Trigger.OPT_OUT_CLEAR),
            )
            self._opt_out(self._opted_out)
        elif trigger in _NEXT_SLOT:
            self._cluster.skip_slot()
        elif trigger is _Trigger.POWER_ADJUSTMENT:
            self._cluster.pretend(_Nobody(self._forecast(0)), ForecastAdjusters(), ranges=_RANGES)
        elif trigger in _BEGUN:
            self._pretend(self._forecast(0))
        elif trigger in _PLANNED:
            self._pretend(self._forecast(_HOUR_S))
        else:
            self._cluster.stop_pretending()
            self._opted_out = (False, False)
            self._opt_out(None)

    def _pretend(self, forecast: PowerForecast) -> None:
        nobody = _Nobody(forecast)
        adjusters = ForecastAdjusters(start=nobody, pause=nobody, slots=nobody, plan=nobody)
        self._cluster.pretend(nobody, adjusters, forecast=forecast)

    def _forecast(self, delay_s: int) -> PowerForecast:
        """Return a forecast of two slots, the second one not pausable, within what the device can do.

        :param delay_s: when it begins; it could begin half as late, and may be put off by an hour
        """
        endpoint = self._cluster.endpoint
        now = None if endpoint is None or endpoint.tree is None else endpoint.tree.clock.utc()
        if now is None:
            raise StatusError(Status.INVALID_COMMAND, "there is no forecast while the time is not known")
        low, high = self._cluster.abs_min_power / 1000, self._cluster.abs_max_power / 1000
        if high > 0:
            low = max(low, 0)  # a device that can do both is taken for one that consumes
        quarter = (high - low) / 4
        slot = ForecastSlot(
            _SLOT_S,
            low + 2 * quarter,
            low + quarter,
            high - quarter,
            pause_s=_PAUSE_S,
            adjust_w=(low + quarter, high - quarter),
            adjust_s=_STRETCH_S,
        )
        start = int(now) + delay_s
        return PowerForecast(
            start,
            (slot, replace(slot, pause_s=None)),
            earliest_start=start - delay_s // 2,
            latest_end=start + 2 * _SLOT_S + _HOUR_S,
        )
