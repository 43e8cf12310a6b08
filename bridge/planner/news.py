"""What the planner tells others: that there is another plan, how it is, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.planner.plan import HomePlan
    from bridge.planner.settings import EnergySettings


class Trigger(StrEnum):
    """What made the hub plan anew."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    POLICY = "policy"
    MODULE = "module"
    GRID = "grid"
    PRICE = "price"
    FORECAST = "forecast"


@dataclass(frozen=True, slots=True)
class EnergySettingsChanged:
    """Plans are to be made by other settings."""

    settings: EnergySettings


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """Another plan is carried out, or none any more."""

    plan: HomePlan | None
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class PlannerState:
    """How the planner is.

    :ivar plan: in force, None if there is none
    :ivar made: when it was made, UTC in seconds since 1970
    :ivar trigger: why
    :ivar waiting: why nothing is carried out now, empty if the plan is
    :ivar failure: why the last attempt brought no plan, empty if it did
    """

    plan: HomePlan | None
    made: float | None
    trigger: Trigger
    waiting: str
    failure: str


class PlannerBusyError(Exception):
    """A plan is being made."""


class NotNowError(Exception):
    """Nothing can be planned or carried out now; the message says why."""


class SwitchedOffError(NotNowError):
    """Nobody wants plans: planning is switched off, or there is no tariff any more."""


class NotBelievedError(NotNowError):
    """The meter at the supply cannot be believed.

    :ivar module: its key
    """

    def __init__(self, module: str, message: str) -> None:
        super().__init__(message)
        self.module = module
