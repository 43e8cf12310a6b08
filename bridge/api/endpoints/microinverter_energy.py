"""GET /microinverter/energy: what the home's microinverters produce and have produced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey, Moment
from bridge.api.operation import CSV, JSON, operation
from bridge.api.problems import UNKNOWN_MODULE
from bridge.api.recorded import (
    HistoryQuery,
    as_objects,
    by_name,
    counted,
    extremes,
    figures,
    mean,
    opened,
    rfc3339,
    span,
    spans,
)
from bridge.api.streams import Document, Rows
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.api.context import Context
    from bridge.api.recorded import Span
    from bridge.hub import Hub
    from bridge.registry import RegisteredModule


class EnergyQuery(HistoryQuery):
    """Which microinverters, and how far back."""

    module: ModuleKey | None = None
    """Key of the only one to tell of; all of them without it."""


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


_COLUMNS: Final = tuple(ProductionRow.__annotations__)


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
    query=EnergyQuery,
    answer=MicroinverterEnergy,
    media=(JSON, CSV),
    event=ProductionRow,
    problems=(UNKNOWN_MODULE,),
)
async def read_energy(context: Context[EnergyQuery, None]) -> MicroinverterEnergy | Document | Rows:
    """Tell what is counted."""
    hub, query = context.hub, context.query
    asked = span(hub, query, table=context.media == CSV)
    if query.module is not None:
        modules = [context.module(query.module, ModuleKind.MICROINVERTER)]
    else:
        modules = context.modules(ModuleKind.MICROINVERTER)
    if asked is not None and context.media == CSV:
        return Rows(CSV, _COLUMNS, _rows(hub, modules, asked), file="production.csv")
    head = MicroinverterEnergy(
        microinverters=[await _production(hub, each) for each in modules],
        resolution=None if asked is None else asked.resolution,
        history=[],
    )
    return head if asked is None else Document(head, as_objects(_COLUMNS, _rows(hub, modules, asked)))


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


async def _rows(hub: Hub, modules: Sequence[RegisteredModule], asked: Span) -> AsyncIterator[Sequence[Any]]:
    for module in modules:
        stream = await opened(hub, module.key, ("power_w", "energy_exported_wh"), asked)
        if stream is None:
            continue
        async for row in spans(stream):
            points = by_name(stream, row)
            power = points.get("power_w")
            yield (
                module.key,
                rfc3339(row.start),
                rfc3339(row.end),
                counted(points.get("energy_exported_wh")),
                mean(power),
                *extremes(power),
            )
