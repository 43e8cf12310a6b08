"""Telling people that the plan does without a module, or is not carried out; and when it is well again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.planner.change import PlanDifference

if TYPE_CHECKING:
    from bridge.home import Home
    from bridge.planner.plan import HomePlan
    from bridge.planner.posing import NotBelievedError, Posing

WITHOUT = "PLAN_WITHOUT_MODULE"
NOT_CARRIED_OUT = "PLAN_NOT_CARRIED_OUT"


@dataclass(frozen=True, slots=True)
class PlanAlert:
    """Something about the plan that people are to be told.

    :ivar module: key of the module that it is because of
    :ivar over: it is not so any more; then title and text tell of that
    """

    module: str
    code: str
    title: str
    text: str
    over: bool = False


class PlanAlerting:
    """Compares each plan with the one before."""

    def __init__(self, home: Home, posing: Posing) -> None:
        self._home = home
        self._posing = posing
        self._with: frozenset[str] | None = None
        """What the last plan was made with; None while there was none."""
        self._unbelieved = ""

    def members(self) -> frozenset[str]:
        """Return the keys of the modules that a plan that is made now counts on."""
        batteries = {each.module.key for each in self._posing.batteries()}
        return frozenset(batteries | {each.key for each in self._posing.producers()})

    def planned(self, before: HomePlan | None, after: HomePlan, members: frozenset[str], now: float) -> None:
        """Tell what has left the plan since the one before, or has come back.

        :param before: the plan that was in force, if it still was
        :param members: with which the new one was made
        """
        last, self._with = self._with, members
        told = {each.module for each in self._home.alerts.about_plan() if each.code == WITHOUT}
        left = (frozenset() if last is None else last - members) - told
        back = told & members
        gone = {key for key in told if key not in self._home.registry}
        what = "" if before is None else PlanDifference.between(before, after, now).sentence
        for key in sorted(left):
            self._tell_left(key, what)
        for key in sorted(back):
            name = self._home.registry[key].record.name
            text = f"{name} can be counted on again. {what}".strip()
            self._publish(PlanAlert(key, WITHOUT, f"{name} is in the plan again", text, over=True))
        for key in sorted(gone):
            self._publish(PlanAlert(key, WITHOUT, "", "", over=True))

    def waits(self, error: NotBelievedError) -> None:
        """Tell that the plan is not carried out because the meter cannot be believed."""
        if self._unbelieved:
            return
        self._unbelieved = error.module
        text = f"{error}. Batteries follow their own logic until it can be believed again."
        self._publish(PlanAlert(error.module, NOT_CARRIED_OUT, "The plan is not carried out", text))

    def goes_on(self) -> None:
        """Tell that the plan is carried out again, if people were told that it was not."""
        for each in self._home.alerts.about_plan():
            if each.code == NOT_CARRIED_OUT:
                title, text = (
                    "The plan is carried out again",
                    "The meter at the supply can be believed again.",
                )
                self._publish(PlanAlert(each.module, NOT_CARRIED_OUT, title, text, over=True))
        self._unbelieved = ""

    def _tell_left(self, key: str, what: str) -> None:
        registry = self._home.registry
        if key not in registry:
            return  # a person removed it
        module = registry[key]
        why = self._posing.why_out(module)
        if not why:
            return  # a person wanted that
        name = module.record.name
        text = f"{why[:1].upper()}{why[1:]}. {what}".strip()
        self._publish(PlanAlert(key, WITHOUT, f"The plan does without {name}", text))

    def _publish(self, alert: PlanAlert) -> None:
        self._home.bus.publish(alert)
