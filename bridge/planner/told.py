"""What the planner says about itself to `ores-bridge plan`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bridge.control import ControlError
from bridge.planner.news import NotNowError, PlannerBusyError
from bridge.planner.plan import with_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.hub import Hub


def plan_status(hub: Hub, *, anew: bool = False) -> Iterator[str]:
    """Return the plan in force and how the planner is, as pieces of JSON.

    :param anew: begin to plan anew
    :raises ControlError: there is no planner, or it cannot plan anew now
    """
    planner = hub.planner
    if planner is None:
        why = (
            "planning is switched off: [planner] enabled is false"
            if not hub.book.now.planner.enabled
            else "there is no plan without a tariff: set import_price or a source in [tariff]"
        )
        raise ControlError("unavailable", why)
    if anew:
        try:
            planner.replan()
        except PlannerBusyError as error:
            raise ControlError("busy", str(error)) from error
        except NotNowError as error:
            raise ControlError("conflict", str(error)) from error
    state = planner.state
    values = {
        "policy": hub.home.choices.policy.value,
        "made": state.made,
        "trigger": state.trigger.value,
        "carried_out": not state.waiting,
        "waiting": state.waiting,
        "failure": state.failure,
        "feeds": [asdict(state) for state in hub.economy.feeds.states()],
        "names": {module.key: module.record.name for module in hub.registry},
    }
    return with_plan(values, state.plan)
