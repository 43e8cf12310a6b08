"""What the planner says about itself to `ores-bridge plan`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bridge.control import ControlError
from bridge.planner.news import NotNowError, PlannerBusyError

if TYPE_CHECKING:
    from bridge.hub import Hub


def plan_status(hub: Hub, *, anew: bool = False) -> dict[str, object]:
    """Return the plan in force and how the planner is.

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
    return {
        "policy": hub.home.choices.policy.value,
        "made": state.made,
        "trigger": state.trigger.value,
        "carried_out": not state.waiting,
        "waiting": state.waiting,
        "failure": state.failure,
        "feeds": [asdict(state) for state in hub.economy.feeds.states()],
        "names": {module.key: module.record.name for module in hub.registry},
        "plan": None if state.plan is None else state.plan.values(),
    }
