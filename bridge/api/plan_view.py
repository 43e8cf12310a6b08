"""The plan and what was saved, as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bridge.api.models import Model, Moment, moment
from bridge.planner.news import Trigger
from bridge.savings.told import savings_status
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from bridge.hub import Hub
    from bridge.planner.plan import PlanStep
    from bridge.savings.savings import SavingsNow

_Share = Annotated[float, Field(ge=0, le=1)]


class PlanNow(Model):
    """The plan in force, in short, and how the planner is."""

    carried_out: bool
    waiting: str
    """Why nothing is carried out now, for a person; empty if the plan is."""
    failure: str
    """Why the last attempt brought no plan; empty if it did."""
    made: Moment | None
    """Null while there is no plan; then everything below is, too."""
    trigger: Trigger
    """What made the hub plan anew."""
    until: Moment | None
    bill: float | None
    """What the supplier will ask for its time, in `currency`."""
    currency: str | None
    backup_h: float | None
    """How long the home would last if the grid failed now; null without batteries."""
    violations: list[str]
    """Wishes that cannot be met, for a person."""
    without: list[str]
    """Modules that could be in the plan and are not, for they are lost, dead or not to be believed."""
    exact: bool | None
    """Proved to be the best for its forecasts."""
    history_days: float | None
    """How much history its forecasts are made from."""


class PlannedBatteryView(Model):
    """What a battery does in a step."""

    module: str
    power_w: float
    """Charging positive."""
    soc_percent: float
    """At the step's end."""
    mode: BatteryMode
    lowest_w: float
    """It follows the meter with a power from this to `highest_w`."""
    highest_w: float
    reason: ReasonCode
    text: str
    """Why, for a person."""


class PlanStepView(Model):
    """One step: grid_w = load_w + solar_w + what the batteries take."""

    start: Moment
    duration_s: int
    import_price: float
    """Of a kWh."""
    export_price: float
    load_w: float
    solar_w: float
    """Negative while panels produce."""
    grid_w: float
    """Drawing positive."""
    batteries: list[PlannedBatteryView]


class PlanView(Model):
    """The plan in full."""

    plan: PlanNow | None
    """Null where nothing is planned: without a tariff, or when planning is switched off."""
    steps: list[PlanStepView]
    """Empty while there is no plan."""


class ReckonedView(Model):
    """What some time came to, of the part of it that is known in full."""

    coverage: _Share
    """How much of the time that is."""
    seconds: float
    """How long the time is."""
    known_s: float
    currency: str | None
    """Null without prices; then all amounts are."""
    bill: float | None
    """What the supplier asks."""
    bill_without_battery: float | None
    bill_with_rule: float | None
    """With the same batteries, storing what is left over and covering what is missing."""
    bill_without_sun: float | None
    saved_by_battery: float | None
    """Against having none; wear, and what batteries hold more or less, counted."""
    saved_by_plan: float | None
    """Against the same batteries without a plan."""
    bill_at_once: float | None
    """As `bill_with_rule`, and cars and machines had run as soon as they were wanted, where that is known."""
    saved_by_moving: float | None
    """What moving them brought, between the two; it is in none of the other amounts."""
    produced_wh: float
    used_wh: float
    imported_wh: float
    exported_wh: float
    self_consumption: _Share | None
    """Share of what the panels produced that stayed in the home."""
    self_sufficiency: _Share | None
    """Share of what the home used that did not come from the grid."""
    co2_kg: float | None
    """Of what was drawn; null when nobody says how clean the grid is."""
    co2_saved_kg: float | None
    """Against drawing everything."""


class SavingsView(Model):
    """What batteries and plan saved; null where nothing is known."""

    reckoned: Moment | None
    today: ReckonedView | None
    month: ReckonedView | None
    year: ReckonedView | None


def plan_now(hub: Hub) -> PlanNow | None:
    """Return the plan in short; None where nothing is planned."""
    if hub.planner is None:
        return None
    state, plan = hub.planner.state, hub.planner.state.plan
    return PlanNow(
        carried_out=plan is not None and not state.waiting,
        waiting=state.waiting,
        failure=state.failure,
        made=None if state.made is None else moment(state.made),
        trigger=state.trigger,
        until=None if plan is None else moment(plan.end),
        bill=None if plan is None else plan.bill,
        currency=None if plan is None else plan.currency,
        backup_h=None if plan is None else plan.backup_hours,
        violations=[] if plan is None else list(plan.violations),
        without=hub.planner.without(),
        exact=None if plan is None else plan.exact,
        history_days=None if plan is None else plan.history_days,
    )


def plan_view(hub: Hub) -> PlanView:
    """Return the plan in full."""
    plan = None if hub.planner is None else hub.planner.state.plan
    return PlanView(plan=plan_now(hub), steps=[] if plan is None else [_step(each) for each in plan.steps])


def savings_view(now: SavingsNow) -> SavingsView:
    """Return what was saved."""
    values = savings_status(now)
    reckoned = values.pop("reckoned")
    return SavingsView.model_validate(values | {"reckoned": None if reckoned is None else moment(reckoned)})


def _step(step: PlanStep) -> PlanStepView:
    return PlanStepView(
        start=moment(step.start),
        duration_s=step.duration,
        import_price=step.import_price,
        export_price=step.export_price,
        load_w=step.load_w,
        solar_w=step.solar_w,
        grid_w=step.grid_w,
        batteries=[
            PlannedBatteryView(
                module=module,
                power_w=each.power_w,
                soc_percent=each.soc_percent,
                mode=each.mode,
                lowest_w=each.lowest_w,
                highest_w=each.highest_w,
                reason=each.code,
                text=each.sentence,
            )
            for module, each in step.batteries.items()
        ],
    )
