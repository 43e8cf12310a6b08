"""GET /microinverter/status: how the home's microinverters are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey, Moment
from bridge.api.module_view import Fault, ModuleView, about, faults, quality
from bridge.api.operation import operation
from bridge.api.problems import UNKNOWN_MODULE
from hw.module import ModuleKind
from hw.reading import OperatingState, Quality

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.registry import RegisteredModule
    from hw.reading import Reading


class MicroinverterQuery(Model):
    """Which microinverters."""

    module: ModuleKey | None = None
    """Key of the only one to tell of; all of them without it."""


class DcString(Model):
    """One DC input."""

    name: str
    power_w: float | None
    """What the panel gives, a magnitude."""
    voltage_v: float | None
    current_a: float | None
    energy_wh: float | None
    """Given since the device was made."""
    temperature_c: float | None


class MicroinverterMeasurements(Model):
    """What the microinverter last said."""

    time: Moment
    quality: Quality
    """`stale` when it has not answered since."""
    state: OperatingState
    power_w: float | None
    """Active power at the AC terminals; production is negative."""
    voltage_v: float | None
    current_a: float | None
    frequency_hz: float | None
    energy_exported_wh: float | None
    """Produced since the device was made."""
    temperature_c: float | None
    on: bool | None
    """Whether it may produce; null when it cannot be switched."""
    power_limit_percent: float | None
    """Limit in force, of the rated power; 100 when there is none."""
    power_limit_w: float | None
    isolation_ohm: float | None
    """Resistance between the DC inputs and earth as the device last measured it; few do."""
    strings: list[DcString]
    faults: list[Fault]


class Microinverter(ModuleView):
    """One microinverter."""

    measurements: MicroinverterMeasurements | None
    """Null when it has not been read since the hub started."""


class MicroinverterStatus(Model):
    """All that were asked for."""

    microinverters: list[Microinverter]


@operation(
    "GET",
    "/microinverter/status",
    summary="How the microinverters are",
    description="One of them, or all: identity, state, power, limit, DC inputs, reachability and faults.",
    least=Role.GUEST,
    modules=True,
    query=MicroinverterQuery,
    answer=MicroinverterStatus,
    problems=(UNKNOWN_MODULE,),
)
async def read_status(context: Context[MicroinverterQuery, None]) -> MicroinverterStatus:
    """Tell what the registry knows; no device is asked for it."""
    if context.query.module is not None:
        modules = [context.module(context.query.module, ModuleKind.MICROINVERTER)]
    else:
        modules = context.modules(ModuleKind.MICROINVERTER)
    return MicroinverterStatus(microinverters=[_microinverter(each) for each in modules])


def _microinverter(module: RegisteredModule) -> Microinverter:
    reading = module.reading
    measured = None if reading is None else _measurements(reading, quality(reading, module))
    return Microinverter(**about(module), measurements=measured)


def _measurements(reading: Reading, known: Quality) -> MicroinverterMeasurements:
    return MicroinverterMeasurements(
        time=reading.time,
        quality=known,
        state=reading.state,
        power_w=reading.power_w,
        voltage_v=reading.voltage_v,
        current_a=reading.current_a,
        frequency_hz=reading.frequency_hz,
        energy_exported_wh=reading.energy_exported_wh,
        temperature_c=reading.temperature_c,
        on=reading.connected,
        power_limit_percent=reading.power_limit_percent,
        power_limit_w=reading.power_limit_w,
        isolation_ohm=reading.isolation_ohm,
        strings=[
            DcString(
                name=each.name,
                power_w=each.power_w,
                voltage_v=each.voltage_v,
                current_a=each.current_a,
                energy_wh=each.energy_wh,
                temperature_c=each.temperature_c,
            )
            for each in reading.strings
        ],
        faults=faults(reading),
    )
