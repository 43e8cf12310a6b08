"""What the control socket answers about plans: to `ores-bridge plan`, `forecast` and `savings`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.control import JsonText
from bridge.planner.told import plan_status
from bridge.savings.told import savings_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.hub import Hub


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return what is answered."""

    async def plan(params: dict[str, Any]) -> object:
        return JsonText(plan_status(hub, anew=params.get("anew") is True))

    async def forecast(_: dict[str, Any]) -> object:
        from bridge.planner.forecast_told import forecast_status  # few ask for it

        return forecast_status(hub)

    async def savings(_: dict[str, Any]) -> object:
        return savings_status(await hub.savings.fresh())

    return {"plan": plan, "forecast": forecast, "savings": savings}
