"""Where a device's power comes from: the Power Source cluster (Matter Core 11.7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clusters.deadband import Deadband, Deadbands
from clusters.definitions.power_source import (
    BatChargeFaultChangeEvent,
    BatChargeFaultEnum,
    BatChargeLevelEnum,
    BatChargeStateEnum,
    BatFaultChangeEvent,
    BatFaultEnum,
    BatReplaceabilityEnum,
    PowerSource,
    PowerSourceStatusEnum,
    WiredCurrentTypeEnum,
    WiredFaultChangeEvent,
    WiredFaultEnum,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from matter_node.model import Attribute, Urgency

HALF_PERCENTS = 200
"""BatPercentRemaining of a full battery."""
WARNING_PERCENT = 20
"""Charge below which a battery has little left."""
CRITICAL_PERCENT = 5
_TOLERANCE_PERCENT = 1.0
"""How far below its reserve a battery may be that rests at it."""
_ASSESSED = {
    "voltage": PowerSource.wired_assessed_input_voltage,
    "frequency": PowerSource.wired_assessed_input_frequency,
    "current": PowerSource.wired_assessed_current,
}
_BANDS = {
    PowerSource.bat_percent_remaining.id: Deadband(1),
    PowerSource.bat_time_remaining.id: Deadband(60, 0.05),
    PowerSource.bat_time_to_full_charge.id: Deadband(60, 0.05),
}


class PowerSourceServer(PowerSource):
    """What wired and battery sources share: the endpoints that they supply."""

    QUIET_SECONDS = 10.0

    def attached(self) -> None:
        """List the endpoint and what is below it."""
        self.restore(PowerSource.endpoint_list.id, self._supplied())

    def tree_changed(self) -> None:
        """List the endpoints anew."""
        self.endpoint_list = self._supplied()

    def _supplied(self) -> tuple[int, ...]:
        """Return the endpoint and all below it: a bridged device's source supplies its parts (11.7.7.32)."""
        endpoint = self.endpoint
        if endpoint is None:
            return ()
        return tuple(sorted((endpoint.number, *(part.number for part in endpoint.descendants()))))


class WiredPowerSourceServer(PowerSourceServer):
    """A wired source of alternating current.

    :param description: what the user calls it, at most 60 characters
    :param order: preference among the sources of the node, lower first
    :param nominal_voltage: mV as on the device's label, None if it is not known
    :param maximum_current: mA as on the device's label, None if it is not known
    :param assesses: which of ``voltage``, ``frequency`` and ``current`` are measured
    """

    OPTIONAL_EVENTS = frozenset({PowerSource.wired_fault_change})

    def __init__(
        self,
        description: str,
        *,
        order: int = 0,
        nominal_voltage: int | None = None,
        maximum_current: int | None = None,
        assesses: Collection[str] = (),
    ) -> None:
        known: dict[str, Any] = {
            "wired_nominal_voltage": nominal_voltage,
            "wired_maximum_current": maximum_current,
        }
        super().__init__(
            features=PowerSource.Feature.WIRED,
            status=PowerSourceStatusEnum.UNAVAILABLE,
            order=order,
            description=description,
            wired_current_type=WiredCurrentTypeEnum.AC,
            wired_present=False,
            active_wired_faults=(),
            **{name: value for name, value in known.items() if value is not None},
            **{_ASSESSED[name].name: None for name in assesses},
        )

    def set_status(self, status: PowerSourceStatusEnum, *, present: bool | None = None) -> None:
        """Say what the source does now.

        :param present: the device is connected to it; None if that follows from the status
        """
        self.status = status
        self.wired_present = status is not PowerSourceStatusEnum.UNAVAILABLE if present is None else present

    def assess(
        self, *, voltage: int | None = None, frequency: int | None = None, current: int | None = None
    ) -> None:
        """Show what the source provides now, as far as that is measured; None for what is not known.

        :param voltage: mV
        :param frequency: Hz
        :param current: mA that the device draws
        """
        for name, value in (("voltage", voltage), ("frequency", frequency), ("current", current)):
            attribute = _ASSESSED[name]
            if self.has(attribute):
                self.set_value(attribute, value)

    def set_faults(self, faults: tuple[WiredFaultEnum, ...]) -> None:
        """Say what is wrong now; a change is an event too."""
        previous = self.active_wired_faults
        if faults != previous:
            self.active_wired_faults = faults
            self.emit(self.wired_fault_change, WiredFaultChangeEvent(current=faults, previous=previous))


class BatteryPowerSourceServer(PowerSourceServer):
    """A rechargeable battery that the user does not replace.

    :param description: what the user calls it, at most 60 characters
    :param capacity: mAh
    :param order: preference among the sources of the node, lower first
    """

    OPTIONAL_EVENTS = frozenset({PowerSource.bat_fault_change, PowerSource.bat_charge_fault_change})

    def __init__(self, description: str, *, capacity: int, order: int = 1) -> None:
        super().__init__(
            features=PowerSource.Feature.BAT | PowerSource.Feature.RECHG,
            status=PowerSourceStatusEnum.UNAVAILABLE,
            order=order,
            description=description,
            bat_voltage=None,
            bat_percent_remaining=None,
            bat_time_remaining=None,
            bat_charge_level=BatChargeLevelEnum.OK,
            bat_replacement_needed=False,
            bat_replaceability=BatReplaceabilityEnum.NOT_REPLACEABLE,
            bat_present=True,
            active_bat_faults=(),
            bat_capacity=capacity,
            bat_charge_state=BatChargeStateEnum.UNKNOWN,
            bat_time_to_full_charge=None,
            bat_functional_while_charging=True,
            bat_charging_current=None,
            active_bat_charge_faults=(),
        )
        self._deadbands = Deadbands(_BANDS)

    def set_charge(self, percent: float | None, reserve: float | None = None) -> None:
        """Say how full the battery is, 0 to 100, None if it is not known; the charge level follows.

        :param reserve: what it keeps back, 0 to 100. A battery that rests at its reserve is as it should be
            and needs nobody; one that eats it up may.
        """
        if percent is None or math.isnan(percent):
            self.bat_percent_remaining = None
            return
        percent = min(max(percent, 0.0), 100.0)
        self.bat_percent_remaining = round(percent / 100 * HALF_PERCENTS)
        resting = bool(reserve) and percent >= (reserve or 0.0) - _TOLERANCE_PERCENT
        if resting or percent > WARNING_PERCENT:
            self.bat_charge_level = BatChargeLevelEnum.OK
        elif percent <= CRITICAL_PERCENT:
            self.bat_charge_level = BatChargeLevelEnum.CRITICAL
        else:
            self.bat_charge_level = BatChargeLevelEnum.WARNING

    def set_faults(
        self, faults: tuple[BatFaultEnum, ...], charge_faults: tuple[BatChargeFaultEnum, ...] = ()
    ) -> None:
        """Say what is wrong now; a change is an event too."""
        previous, previous_charge = self.active_bat_faults, self.active_bat_charge_faults
        if faults != previous:
            self.active_bat_faults = faults
            self.emit(self.bat_fault_change, BatFaultChangeEvent(current=faults, previous=previous))
        if charge_faults != previous_charge:
            self.active_bat_charge_faults = charge_faults
            self.emit(
                self.bat_charge_fault_change,
                BatChargeFaultChangeEvent(current=charge_faults, previous=previous_charge),
            )

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes of charge and times wait."""
        if attribute.id in _BANDS:
            return self._deadbands.urgency(attribute.id, old, new)
        return super().urgency(attribute, old, new)
