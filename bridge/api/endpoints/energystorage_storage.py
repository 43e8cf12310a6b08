"""GET /energystorage/storage: what is in the home's batteries, and what went through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.access.role import Role
from bridge.api.models import Model, Moment
from bridge.api.module_history import ModuleHistory, ModuleHistoryQuery
from bridge.api.operation import CSV, JSON, operation
from bridge.api.problems import UNKNOWN_MODULE
from bridge.api.recorded import counted, extremes, figures, mean
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.api.context import Context
    from bridge.api.module_history import Points
    from bridge.api.streams import Document, Rows
    from bridge.hub import Hub
    from bridge.registry import RegisteredModule


class Levels(Model):
    """What is in a battery, as it last said."""

    time: Moment | None
    """When it said so; null when it has not been read since the hub started."""
    soc_percent: float | None
    available_wh: float | None
    """Energy that can be taken out now."""
    capacity_wh: float | None
    """Usable energy when full."""
    reserve_percent: float | None
    """State of charge that it keeps back."""


class Throughput(Model):
    """What went through a battery, all magnitudes, from its counters."""

    charged_today_wh: float | None
    """Since midnight in the home's time zone."""
    discharged_today_wh: float | None
    charged_lifetime_wh: float | None
    """In its life; a counter that was reset goes on from where it was."""
    discharged_lifetime_wh: float | None
    estimated: bool
    """Whether the hub integrated the power, because the device does not count."""
    cycles: int | None
    """As the battery counts them."""
    equivalent_cycles: float | None
    """Discharged in its life, in full batteries."""


class Storage(Model):
    """One battery."""

    module: str
    name: str
    reachable: bool
    levels: Levels
    throughput: Throughput


class StorageRow(Model):
    """What one battery did in a span of time."""

    module: str
    start: Moment
    end: Moment
    soc_percent: float | None
    """Mean."""
    soc_min_percent: float | None
    soc_max_percent: float | None
    charged_wh: float | None
    """In the span, a magnitude."""
    discharged_wh: float | None
    power_w: float | None
    """Mean at the AC terminals; charging is positive."""


class EnergyStorageLevels(Model):
    """What was asked for."""

    batteries: list[Storage]
    resolution: str | None
    """What `auto` came to; null without a history."""
    history: list[StorageRow]
    """One battery after the other, each from the oldest row on. Spans without a measurement are left out."""


def _values(points: Points) -> Sequence[Any]:
    soc = points.get("soc_percent")
    return (
        mean(soc),
        *extremes(soc),
        counted(points.get("energy_imported_wh")),
        counted(points.get("energy_exported_wh")),
        mean(points.get("power_w")),
    )


_HISTORY: Final = ModuleHistory(
    ModuleKind.BATTERY,
    StorageRow,
    ("soc_percent", "energy_imported_wh", "energy_exported_wh", "power_w"),
    _values,
    "storage.csv",
)


@operation(
    "GET",
    "/energystorage/storage",
    summary="What is in the batteries and went through them",
    description=(
        "Levels, energy charged and discharged today and in a lifetime, cycles; with `from`, the history in "
        "rows from a second to a month. A history is sent while it is read, as JSON or CSV."
    ),
    least=Role.GUEST,
    modules=True,
    query=ModuleHistoryQuery,
    answer=EnergyStorageLevels,
    media=(JSON, CSV),
    event=StorageRow,
    problems=(UNKNOWN_MODULE,),
)
async def read_storage(context: Context[ModuleHistoryQuery, None]) -> Model | Document | Rows:
    """Tell what is stored."""

    async def head(modules: Sequence[RegisteredModule], resolution: str | None) -> EnergyStorageLevels:
        told = [await _storage(context.hub, each) for each in modules]
        return EnergyStorageLevels(batteries=told, resolution=resolution, history=[])

    return await _HISTORY.answer(context, head)


async def _storage(hub: Hub, module: RegisteredModule) -> Storage:
    known = await figures(hub, module.key)
    reading = module.reading
    battery = None if reading is None else reading.battery
    capacity = (battery.capacity_wh if battery else None) or module.record.nameplate.capacity_wh
    discharged = known.exported_lifetime_wh
    full = round(discharged / capacity, 2) if discharged is not None and capacity else None
    return Storage(
        module=module.key,
        name=module.record.name,
        reachable=module.reachable,
        levels=Levels(
            time=None if reading is None else reading.time,
            soc_percent=battery.soc_percent if battery else None,
            available_wh=battery.available_wh if battery else None,
            capacity_wh=capacity,
            reserve_percent=battery.reserve_percent if battery else None,
        ),
        throughput=Throughput(
            charged_today_wh=known.imported_today_wh,
            discharged_today_wh=known.exported_today_wh,
            charged_lifetime_wh=known.imported_lifetime_wh,
            discharged_lifetime_wh=discharged,
            estimated=known.estimated,
            cycles=battery.cycles if battery else None,
            equivalent_cycles=full,
        ),
    )
