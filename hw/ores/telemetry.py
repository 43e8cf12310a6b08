"""What counts of what a module sends: the order of its messages, and the times of its measurements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

AHEAD: Final = 5.0
"""Seconds that a module's clock may be ahead of the hub's."""
LATE: Final = 10.0
"""Seconds after which a measurement says nothing of the present any more."""
OLDEST: Final = 7 * 86_400.0
"""Seconds after which a measurement is of no use."""


class Verdict(StrEnum):
    """What a measurement is good for."""

    CURRENT = "current"
    """It tells how the module is now."""
    LATE = "late"
    """It tells how the module was while it was not heard."""
    REPEATED = "repeated"
    """One as new or newer is known."""
    AHEAD = "ahead"
    """Its time has not come yet: the module's clock is wrong."""
    TOO_OLD = "too-old"


def judge_time(time: float, now: float | None, newest: float | None) -> Verdict:
    """Judge the time of a measurement. Times are UTC, in seconds since 1970.

    :param now: the hub's time; None while it does not know it, and then only the order counts
    :param newest: time of the newest measurement of the module, None if there is none
    """
    if now is not None and time > now + AHEAD:
        return Verdict.AHEAD
    if newest is not None and time <= newest:
        return Verdict.REPEATED
    if now is not None and time < now - OLDEST:
        return Verdict.TOO_OLD
    if now is not None and time < now - LATE:
        return Verdict.LATE
    return Verdict.CURRENT


class Order(StrEnum):
    """Where a message stands among those of its module."""

    NEXT = "next"
    REPEATED = "repeated"
    """It was taken before."""
    GAP = "gap"
    """Others are missing before it."""


@dataclass(slots=True)
class Inbox:
    """Which messages of a module were taken: those up to `last` of its present run.

    :ivar boot: names the module's run; its numbers begin anew with each
    """

    boot: str = ""
    last: int = 0

    def greet(self, boot: str, oldest: int) -> int:
        """Note how a module begins; return the number of the message that is expected next.

        :param oldest: number of the oldest message that the module can still send
        """
        if boot != self.boot:
            self.boot, self.last = boot, 0
        self.last = max(self.last, oldest - 1)
        return self.last + 1

    def take(self, number: int) -> Order:
        """Judge a message's number, and count it if it is the next."""
        if number <= self.last:
            return Order.REPEATED
        if number > self.last + 1:
            return Order.GAP
        self.last = number
        return Order.NEXT
