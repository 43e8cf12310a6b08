"""GET /microinverter/energy: what the home's microinverters produce and have produced."""

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


class Production(Model):
    """What one microinverter produces and has produced."""

    module: str
    name: str
    time: Moment | None
    """When it last said how much it produces."""
    power_w: float | None
    """Now, at the AC terminals; production is negative. Null while it does not answer."""
    today_wh: float | None
    """Produced since midnight in the home's time zone, a magnitude."""
    lifetime_wh: float | None
    """Produced in its life, a magnitude; a counter that was reset goes on from where it was."""
    estimated: bool
    """Whether the hub integrated the power, because the device does not count."""


class ProductionRow(Model):
    """What one microinverter did in a span of time."""

    module: str
    start: Moment
    end: Moment
    energy_wh: float | None
    """Produced in the span, a magnitude."""
    power_w: float | None
    """Mean; production is negative."""
    power_min_w: float | None
    power_max_w: float | None


class MicroinverterEnergy(Model):
    """What was asked for."""

    microinverters: list[Production]
    resolution: str | None
    """What `auto` came to; null without a history."""
    history: list[ProductionRow]
    """One module after the other, each from the oldest row on. Spans without a measurement are left out."""


def _values(points: Points) -> Sequence[Any]:
    power = points.get("power_w")
    return counted(points.get("energy_exported_wh")), mean(power), *extremes(power)


_HISTORY: Final = ModuleHistory(
    ModuleKind.MICROINVERTER, ProductionRow, ("power_w", "energy_exported_wh"), _values, "production.csv"
)


@operation(
    "GET",
    "/microinverter/energy",
    summary="What the microinverters have produced",
    description=(
        "Power now, energy today and in a lifetime; with `from`, the history in rows from a second to a "
        "month. Energies come from the devices' counters. A history is sent while it is read, as JSON or CSV."
    ),
    least=Role.GUEST,
    modules=True,
    query=ModuleHistoryQuery,
    answer=MicroinverterEnergy,
    media=(JSON, CSV),
    event=ProductionRow,
    problems=(UNKNOWN_MODULE,),
)
async def read_energy(context: Context[ModuleHistoryQuery, None]) -> Model | Document | Rows:
    """Tell what is counted."""

    async def head(modules: Sequence[RegisteredModule], resolution: str | None) -> MicroinverterEnergy:
        told = [await _production(context.hub, each) for each in modules]
        return MicroinverterEnergy(microinverters=told, resolution=resolution, history=[])

    return await _HISTORY.answer(context, head)


async def _production(hub: Hub, module: RegisteredModule) -> Production:
    known = await figures(hub, module.key)
    reading = module.reading
    return Production(
        module=module.key,
        name=module.record.name,
        time=None if reading is None else reading.time,
        power_w=reading.power_w if module.reachable and reading is not None else None,
        today_wh=known.exported_today_wh,
        lifetime_wh=known.exported_lifetime_wh,
        estimated=known.estimated,
    )
