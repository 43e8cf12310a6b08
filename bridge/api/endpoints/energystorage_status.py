"""GET /energystorage/status: how the home's batteries are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey, Moment
from bridge.api.module_view import Fault, ModuleView, about, faults, quality
from bridge.api.operation import operation
from bridge.api.problems import UNKNOWN_MODULE
from bridge.command import Aspect, CommandState
from hw.module import ModuleKind
from hw.reading import ChargeState, OperatingState, Quality

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.registry import RegisteredModule
    from hw.reading import Reading


class BatteryQuery(Model):
    """Which batteries."""

    module: ModuleKey | None = None
    """Key of the only one to tell of; all of them without it."""


class BatteryMeasurements(Model):
    """What the battery last said."""

    time: Moment
    quality: Quality
    """`stale` when it has not answered since."""
    state: OperatingState
    charge_state: ChargeState
    power_w: float | None
    """Active power at the AC terminals; charging is positive."""
    voltage_v: float | None
    frequency_hz: float | None
    dc_voltage_v: float | None
    dc_current_a: float | None
    """Charging is positive."""
    soc_percent: float | None
    soh_percent: float | None
    capacity_wh: float | None
    """Usable energy when full."""
    available_wh: float | None
    """Energy that can be taken out now."""
    reserve_percent: float | None
    """State of charge that it keeps back."""
    charge_limit_w: float | None
    """Most that it may charge with now."""
    discharge_limit_w: float | None
    """Most that it may discharge with now, a magnitude."""
    cycles: int | None
    cell_voltage_min_v: float | None
    cell_voltage_max_v: float | None
    temperature_c: float | None
    energy_imported_wh: float | None
    """Charged since the device was made."""
    energy_exported_wh: float | None
    """Discharged since the device was made."""
    faults: list[Fault]


class EnergyStorage(ModuleView):
    """One battery."""

    rated_charge_power_w: float | None
    rated_discharge_power_w: float | None
    rated_capacity_wh: float | None
    mode: str
    """What it is told: `auto`, `charge`, `discharge`, `hold`, or `no-charging`."""
    mode_origin: str | None
    """Who told it so; null for `auto`."""
    measurements: BatteryMeasurements | None
    """Null when it has not been read since the hub started."""


class EnergyStorageStatus(Model):
    """All that were asked for."""

    batteries: list[EnergyStorage]


_MODES = {"charge_w": "charge", "discharge_w": "discharge", "hold": "hold", "charge_limit_w": "no-charging"}


@operation(
    "GET",
    "/energystorage/status",
    summary="How the batteries are",
    description="One of them, or all: identity, charge, health, temperature, mode, limits and faults.",
    least=Role.GUEST,
    modules=True,
    query=BatteryQuery,
    answer=EnergyStorageStatus,
    problems=(UNKNOWN_MODULE,),
)
async def read_status(context: Context[BatteryQuery, None]) -> EnergyStorageStatus:
    """Tell what the registry knows; no device is asked for it."""
    if context.query.module is not None:
        modules = [context.module(context.query.module, ModuleKind.BATTERY)]
    else:
        modules = context.modules(ModuleKind.BATTERY)
    return EnergyStorageStatus(batteries=[_battery(context, each) for each in modules])


def _battery(context: Context[BatteryQuery, None], module: RegisteredModule) -> EnergyStorage:
    reading, plate = module.reading, module.record.nameplate
    mode, origin = "auto", None
    for command in context.hub.arbiter.live(module.key):
        if command.aspect is Aspect.STORAGE and command.state is CommandState.APPLIED:
            mode, origin = _MODES.get(command.kind.value, "auto"), command.origin.name.lower()
            break
    return EnergyStorage(
        **about(module),
        rated_charge_power_w=plate.charge_power_w,
        rated_discharge_power_w=plate.discharge_power_w,
        rated_capacity_wh=plate.capacity_wh,
        mode=mode,
        mode_origin=origin,
        measurements=None if reading is None else _measurements(reading, quality(reading, module)),
    )


def _measurements(reading: Reading, known: Quality) -> BatteryMeasurements:
    battery = reading.battery
    return BatteryMeasurements(
        time=reading.time,
        quality=known,
        state=reading.state,
        charge_state=battery.charge_state if battery else ChargeState.UNKNOWN,
        power_w=reading.power_w,
        voltage_v=reading.voltage_v,
        frequency_hz=reading.frequency_hz,
        dc_voltage_v=battery.voltage_v if battery else None,
        dc_current_a=battery.current_a if battery else None,
        soc_percent=battery.soc_percent if battery else None,
        soh_percent=battery.soh_percent if battery else None,
        capacity_wh=battery.capacity_wh if battery else None,
        available_wh=battery.available_wh if battery else None,
        reserve_percent=battery.reserve_percent if battery else None,
        charge_limit_w=battery.charge_limit_w if battery else None,
        discharge_limit_w=battery.discharge_limit_w if battery else None,
        cycles=battery.cycles if battery else None,
        cell_voltage_min_v=battery.cell_voltage_min_v if battery else None,
        cell_voltage_max_v=battery.cell_voltage_max_v if battery else None,
        temperature_c=reading.temperature_c,
        energy_imported_wh=reading.energy_imported_wh,
        energy_exported_wh=reading.energy_exported_wh,
        faults=faults(reading),
    )
