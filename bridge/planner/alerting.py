"""Telling people that the plan does without a module, or is not carried out; and when it is well again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.faults import Severity
from bridge.planner.change import PlanDifference

if TYPE_CHECKING:
    from bridge.alerts import AlertBook
    from bridge.home import Home
    from bridge.planner.news import NotBelievedError
    from bridge.planner.plan import HomePlan
    from bridge.planner.posing import Posing

GOOD_NEWS_S: Final = 3600.0
"""Seconds for which the alert that all is well again stays unresolved: long enough to be told."""
_WITHOUT: Final = "plan-without/"
_AGAIN: Final = "plan-again/"
_MEANWHILE: Final = "plan-waits"


def no_plan(alerts: AlertBook) -> None:
    """Settle what former runs told of the plan: there is none any more."""
    for each in (*alerts.about(_WITHOUT), *alerts.about(_AGAIN), *alerts.about(_MEANWHILE)):
        alerts.settle(each.subject)


class PlanAlerting:
    """Compares each plan with the one before, and tells people through the alerts."""

    def __init__(self, home: Home, posing: Posing) -> None:
        self._home = home
        self._alerts = home.alerts
        self._posing = posing
        self._with: frozenset[str] | None = None
        """What the last plan was made with; None while there was none."""

    def start(self) -> None:
        """Settle the good news of a former run; what it had to do without may still be so."""
        for each in self._alerts.about(_AGAIN):
            self._alerts.settle(each.subject)

    def members(self) -> frozenset[str]:
        """Return the keys of the modules that a plan that is made now counts on."""
        batteries = {each.module.key for each in self._posing.batteries()}
        return frozenset(batteries | {each.key for each in self._posing.producers()})

    def is_news(self, members: frozenset[str]) -> bool:
        """Tell whether anything left the plan, or came back, if the next one is made with these modules."""
        told = {each.module for each in self._alerts.about(_WITHOUT)}
        return bool((frozenset() if self._with is None else self._with - members) - told or told & members)

    def planned(self, before: HomePlan | None, after: HomePlan, members: frozenset[str], now: float) -> None:
        """Tell what has left the plan since the one before, or has come back.

        :param before: what the plan would be with the modules of the one before, None if that is not known
        :param members: with which the new one was made
        """
        last, self._with = self._with, members
        told = {each.module for each in self._alerts.about(_WITHOUT)}
        left = (frozenset() if last is None else last - members) - told
        what = "" if before is None else PlanDifference.between(before, after, now).sentence
        for key in sorted(left):
            self._tell_left(key, what)
        for key in sorted(told):
            if key not in self._home.registry:
                self._alerts.settle(_WITHOUT + key)
            elif key in members:
                name = self._home.registry[key].record.name
                self._alerts.settle(_WITHOUT + key)
                text = f"{name} can be counted on again. {what}".strip()
                self._tell_again(key, f"{name} is in the plan again", text, "PLAN_WITH_MODULE")

    def waits(self, error: NotBelievedError) -> None:
        """Tell that the plan is not carried out because the meter cannot be believed."""
        if self._alerts.about(_MEANWHILE):
            return
        text = f"{error}. Batteries follow their own logic until it can be believed again."
        self._alerts.tell(
            _MEANWHILE,
            Severity.WARNING,
            "The plan is not carried out",
            text,
            "PLAN_NOT_CARRIED_OUT",
            module=error.module,
        )

    def goes_on(self) -> None:
        """Tell that the plan is carried out again, if people were told that it was not."""
        for each in self._alerts.about(_MEANWHILE):
            self._alerts.settle(each.subject)
            text = "The meter at the supply can be believed again."
            self._tell_again(each.module, "The plan is carried out again", text, "PLAN_CARRIED_OUT")

    def _tell_left(self, key: str, what: str) -> None:
        registry = self._home.registry
        if key not in registry:
            return  # a person removed it
        module = registry[key]
        why = self._posing.why_out(module)
        if not why:
            return  # a person wanted that
        title = f"The plan does without {module.record.name}"
        text = f"{why[:1].upper()}{why[1:]}. {what}".strip()
        self._alerts.settle(_AGAIN + key)
        self._alerts.tell(_WITHOUT + key, Severity.WARNING, title, text, "PLAN_WITHOUT_MODULE", module=key)

    def _tell_again(self, key: str, title: str, text: str, code: str) -> None:
        subject = _AGAIN + key
        self._alerts.tell(subject, Severity.INFO, title, text, code, module=key)
        self._home.clock.call_later(GOOD_NEWS_S, lambda: self._alerts.settle(subject))
