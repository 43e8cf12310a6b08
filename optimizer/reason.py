"""Why a plan does what it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ReasonCode(StrEnum):
    """What decides over a part of the home in a step. Each flips when its cause is taken away."""

    CHARGE_SUN = "charge_sun"
    """The battery stores sun that would bring less now than it saves later."""
    CHARGE_CHEAP = "charge_cheap"
    """It charges from the grid because energy is dearer later."""
    CHARGE_PAID = "charge_paid"
    """It charges because taking energy is paid for."""
    CHARGE_RESERVE = "charge_reserve"
    """It fills up to the reserve or to its minimum."""
    CHARGE_BACKUP = "charge_backup"
    """It fills up to live through an outage."""
    DISCHARGE_LOAD = "discharge_load"
    """The battery feeds the home: importing costs more than what is stored is worth later."""
    DISCHARGE_SELL = "discharge_sell"
    """It sells: the grid pays more than what is stored is worth later."""
    DISCHARGE_PEAK = "discharge_peak"
    """It keeps the import below a peak that would cost, or below a cap."""
    DISCHARGE_OUTAGE = "discharge_outage"
    """It feeds the home in an outage."""
    HOLD_LATER = "hold_later"
    """It keeps its energy for a dearer hour."""
    HOLD_RESERVE = "hold_reserve"
    """It keeps its energy for the reserve."""
    HOLD_BACKUP = "hold_backup"
    """It keeps its energy for an outage."""
    HOLD_ROOM = "hold_room"
    """It leaves room for sun that comes."""
    HOLD_NO_GAIN = "hold_no_gain"
    """What it could gain does not pay for losses and wear."""
    HOLD_FULL = "hold_full"
    """It is full."""
    HOLD_EMPTY = "hold_empty"
    """It is empty."""
    HOLD_NOT_ALLOWED = "hold_not_allowed"
    """It would act, but charging from the grid, selling or feeding a vehicle is forbidden."""
    KEEP_PLAN = "keep_plan"
    """It does what the previous plan said: doing otherwise would bring too little to change it."""
    RUN_SUN = "run_sun"
    """The load runs on sun that is left over."""
    RUN_CHEAP = "run_cheap"
    """The load runs when energy costs least in its time."""
    RUN_STORED = "run_stored"
    """The load runs on stored energy."""
    RUN_DEADLINE = "run_deadline"
    """The load must run now to be done in time, or cannot be done in time."""
    RUN_COMFORT = "run_comfort"
    """Heating or cooling keeps the comfort."""
    RUN_AHEAD = "run_ahead"
    """Heating or cooling stores heat or cold while energy is cheap."""
    WAIT_CHEAPER = "wait_cheaper"
    """The load waits for cheaper energy."""
    WAIT_SUN = "wait_sun"
    """The load waits for sun."""
    WAIT_COMFORT = "wait_comfort"
    """Heating or cooling is not needed yet."""
    WAIT_NOT_WORTH = "wait_not_worth"
    """What the load would cost is more than it is worth."""
    DONE = "done"
    """The load has what it needs."""
    HEDGE = "hedge"
    """The battery is told otherwise than the forecast would have it: load and sun may differ from it."""
    UNAVAILABLE = "unavailable"
    """The part is not there: not plugged in, outside its time, no power."""
    IMPOSSIBLE = "impossible"
    """The load does not run at all: its time is too short."""
    GIVEN = "given"
    """What the part does is not the plan's to decide: a person has switched it, or its program goes on."""
    PRODUCE = "produce"
    """The panels produce what they can."""
    CURTAIL_CAP = "curtail_cap"
    """The panels produce less: more must not be fed in."""
    CURTAIL_PRICE = "curtail_price"
    """The panels produce less: feeding in costs."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for one part in one step.

    :ivar sentence: in English, with its numbers
    :ivar price: what a kWh at the home's bus costs or brings in this step
    :ivar value: what a kWh is worth to the part at another time; to a battery whose energy has no use yet,
        what it is worth stored
    :ivar when: that time; None when there is none
    """

    code: ReasonCode
    sentence: str
    price: float | None = None
    value: float | None = None
    when: datetime | None = None
