"""What the control socket is asked about loads: what is wanted of them, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.control import ControlError
from bridge.loads.changing import changed
from bridge.loads.wish import LoadKind, WishError
from bridge.registry import UnknownModuleError
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.hub import Hub
    from bridge.registry import RegisteredModule


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about loads that the control socket answers to."""

    async def loads(_: dict[str, Any]) -> object:
        kinds = {ModuleKind.LOAD, ModuleKind.EVSE}
        return [load_status(hub, module) for module in hub.registry if module.record.kind in kinds]

    async def load(params: dict[str, Any]) -> object:
        name, changes = params.get("module"), params.get("changes", {})
        if not isinstance(name, str) or not isinstance(changes, dict):
            raise ControlError("invalid", "module is text, changes an object")
        try:
            module = hub.registry.find(name)
        except UnknownModuleError as error:
            raise ControlError("not-found", str(error)) from error
        try:
            wish = changed(module.record, changes, hub.clock.utc() or 0.0, hub.home.zone)
        except (WishError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error
        hub.registry.set_wish(module.key, wish)
        return load_status(hub, module)

    return {"loads": loads, "load": load}


def load_status(hub: Hub, module: RegisteredModule) -> dict[str, object]:
    """Return what is wanted of a load, and how far it is."""
    record, run = module.record, hub.home.runs.run(module.key)
    wish = {name: value for name, value in record.wish.values().items() if name != "once_from"}
    return {
        "key": record.key,
        "name": record.name,
        "priority": record.priority,
        **wish,
        "thermostat": _thermostat(hub, module),
        "taken_wh": round(run.taken_wh, 1),
        "state": run.state.value,
        "next": _next(hub, module.key),
        "trouble": ""
        if hub.planner is not None or not record.wish.is_planned
        else "nothing is planned without a tariff: set import_price in [tariff]",
    }


def _thermostat(hub: Hub, module: RegisteredModule) -> dict[str, object] | None:
    """Return how a thermostat is of which a band is wanted; None of another load."""
    if module.record.wish.kind is not LoadKind.COMFORT:
        return None
    from bridge.loads.thermostats import thermostat_now  # few homes have one

    return thermostat_now(hub, module)


def _next(hub: Hub, module: str) -> dict[str, object] | None:
    """Return when the plan next lets a load run, and why; None if it does not, or there is no plan."""
    planner = hub.planner
    if planner is None or planner.state.plan is None or planner.state.waiting:
        return None
    now = hub.clock.utc() or 0.0
    for step in planner.state.plan.steps:
        load = step.loads.get(module)
        if load is not None and load.on and step.start + step.duration > now:
            return {"start": step.start, "power_w": round(load.power_w), "why": load.sentence}
    return None
