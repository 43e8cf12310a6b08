"""GET /app/monitor: the home now, its plan and what was saved, once or as it changes."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Literal

from bridge.access.role import Role
from bridge.api.feed import Feed
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import EVENTS, JSON, WEBSOCKET, operation
from bridge.api.plan_view import (
    PlanNow,
    PlanStepView,
    PlanView,
    SavingsView,
    plan_now,
    plan_view,
    savings_view,
)
from bridge.api.streams import Broadcast, Event, EventStream
from bridge.choices import ChoicesChanged, Policy
from bridge.flows import FlowsChanged
from bridge.grid import GridChanged
from bridge.island.keeper import LoadShed
from bridge.island.mode import HomeMode, ModeChanged
from bridge.planner.news import PlanChanged
from bridge.record import OperatingMode
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.api.context import Context
    from bridge.flows import Flows
    from bridge.hub import Hub
    from bridge.island.keeper import IslandKeeper


class FlowsView(Model):
    """Where power comes from and goes to. It adds up exactly: grid = load + solar + storage."""

    grid_w: int
    """Positive while the home draws from the grid."""
    solar_w: int
    """Of all producers, negative while they produce."""
    storage_w: int
    """Of all batteries, positive while they charge."""
    load_w: int
    """Of everything else."""
    measured: bool
    """Whether a meter measures the grid; else the loads that can be measured are all that is known."""


class ModuleNow(Model):
    """One module in a line."""

    module: str
    name: str
    room: str
    kind: ModuleKind
    reachable: bool
    power_w: float | None
    """Null while it does not answer."""
    soc_percent: float | None
    faults: int
    """How many things are wrong with it."""


class OffView(Model):
    """A load that is off because of an outage."""

    module: str
    name: str
    since: Moment
    power_w: float
    """What it is expected to take."""
    because: str


class IslandView(Model):
    """The home without the grid."""

    since: Moment
    off: list[OffView]
    """In the order in which they went off."""
    solar_limit_w: float | None
    """What all producers together may give; null for all that they can."""


class Monitor(Model):
    """The home at one instant."""

    time: Moment
    grid: str
    """`connected`, `lost` or `unknown`."""
    operating_mode: OperatingMode
    """What the residents chose."""
    mode: HomeMode
    """How the home works now: as they chose, or `island`, `returning` and `restoring` around an outage."""
    backup_s: float | None
    """Seconds for which the batteries carry the present critical load; null for ever, or if nobody knows."""
    island: IslandView | None
    """Null while the grid is there and all is as ever."""
    policy: Policy
    flows: FlowsView | None
    """Null until a module was read."""
    plan: PlanNow | None
    """In short; null where nothing is planned: without a tariff, or when planning is switched off."""
    modules: list[ModuleNow]
    steps: list[PlanStepView] | None = None
    """Of the plan, with `view=plan`; empty while there is no plan."""
    savings: SavingsView | None = None
    """With `view=savings`."""


class MonitorQuery(Model):
    """How much of it."""

    view: Literal["now", "plan", "savings"] = "now"
    """`plan` adds the plan in full, in a stream as events `plan` of their own; `savings` what was saved."""


_CHANGES = (FlowsChanged, GridChanged, ChoicesChanged, ModeChanged, LoadShed, PlanChanged)


@operation(
    "GET",
    "/app/monitor",
    summary="The home now",
    description=(
        "The balance of powers, the grid, the plan, and every module in a line: once, or as server-sent "
        "events or on a WebSocket whenever the balance is struck anew, at most once a second. Every event is "
        "whole: one that was missed is not needed, so a stream that is taken up again with Last-Event-ID "
        "begins with what is now, under the next number. With `view=plan` the plan is there in full, step by "
        "step with its reasons; in a stream it is an event `plan` at the beginning and whenever another plan "
        "is carried out, or none any more. With `view=savings` there is what batteries and plan saved today, "
        "this month and this year."
    ),
    least=Role.GUEST,
    query=MonitorQuery,
    answer=Monitor,
    media=(JSON, EVENTS, WEBSOCKET),
    event=Monitor | PlanView,
)
async def monitor(context: Context[MonitorQuery, None]) -> Monitor | EventStream | Broadcast:
    """Tell how the home is."""
    hub, view = context.hub, context.query.view
    if context.media == EVENTS:
        seen = context.last_event_id
        return EventStream(_events(hub, int(seen) + 1 if seen.isdigit() else 1, planned=view == "plan"))
    if context.media == WEBSOCKET:
        return Broadcast(_events(hub, 1, planned=view == "plan"))
    now = _now(hub)
    if view == "plan":
        return now.model_copy(update={"steps": plan_view(hub).steps})
    if view == "savings":
        return now.model_copy(update={"savings": savings_view(await hub.savings.fresh())})
    return now


async def _events(hub: Hub, number: int, *, planned: bool) -> AsyncIterator[Event]:
    feed: Feed[object] = Feed(hub.bus, _CHANGES, lambda event: event, limit=64)
    numbers = itertools.count(number)
    try:
        yield Event(_now(hub), id=str(next(numbers)), name="monitor")
        if planned:
            yield Event(plan_view(hub), id=str(next(numbers)), name="plan")
        async for happened in feed:
            yield Event(_now(hub), id=str(next(numbers)), name="monitor")
            if planned and isinstance(happened, PlanChanged):
                yield Event(plan_view(hub), id=str(next(numbers)), name="plan")
    finally:
        await feed.aclose()


def _now(hub: Hub) -> Monitor:
    home = hub.home
    flows, backup = home.flow_meter.flows, home.island.backup_s
    return Monitor(
        time=moment(home.clock.utc() or 0.0),
        grid=home.grid.state.name.lower(),
        operating_mode=home.choices.mode,
        mode=home.island.mode,
        backup_s=backup if backup is not None and math.isfinite(backup) else None,
        island=_island(home.island),
        policy=home.choices.policy,
        flows=None if flows is None else _flows(flows),
        plan=plan_now(hub),
        modules=[
            ModuleNow(
                module=each.key,
                name=each.record.name,
                room=each.record.room,
                kind=each.record.kind,
                reachable=each.reachable,
                power_w=each.reading.power_w if each.reachable and each.reading is not None else None,
                soc_percent=(
                    each.reading.battery.soc_percent
                    if each.reading is not None and each.reading.battery is not None
                    else None
                ),
                faults=len(home.faults.active(each.key)),
            )
            for each in home.registry
        ],
    )


def _island(keeper: IslandKeeper) -> IslandView | None:
    if keeper.lost_at is None:
        return None
    return IslandView(
        since=moment(keeper.lost_at),
        off=[
            OffView(
                module=each.module,
                name=each.name,
                since=moment(each.since),
                power_w=each.power_w,
                because=each.because,
            )
            for each in keeper.off()
        ],
        solar_limit_w=keeper.solar_limit_w,
    )


def _flows(flows: Flows) -> FlowsView:
    return FlowsView(
        grid_w=flows.grid_w,
        solar_w=flows.solar_w,
        storage_w=flows.storage_w,
        load_w=flows.load_w,
        measured=flows.measured,
    )
