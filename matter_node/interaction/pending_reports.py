"""What a subscription still has to report, and when that is due (Matter Core 8.5.2, 7.7.8)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from matter_node.model.cluster import LAZY_SECONDS, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable

AttributeKey = tuple[int, int, int]
"""Endpoint, cluster and attribute."""

QUIET_REPORT_SECONDS = 1.0
"""Reports that quieter attributes cause come this far apart at least, so that many of them share one."""
TOLERANCE = 0.0005
"""Seconds that a timer may be early."""


class _Due(NamedTuple):
    earliest: float
    latest: float
    quiet_seconds: float


class PendingReports:
    """Changed attributes that wait for a report.

    Times are those of one monotonic clock, in seconds.

    :param now: when everything was reported last
    :ivar soonest: when a report is due, infinite if there is nothing to report
    """

    __slots__ = ("_due", "_last_quiet", "_reported", "_started", "soonest")

    def __init__(self, now: float) -> None:
        self._started = self._last_quiet = now
        self._due: dict[AttributeKey, _Due] = {}
        self._reported: dict[AttributeKey, float] = {}
        self.soonest = inf

    def __len__(self) -> int:
        return len(self._due)

    def mark(self, key: AttributeKey, urgency: Urgency, now: float, quiet_seconds: float = 0.0) -> None:
        """Note a change.

        :param quiet_seconds: `Cluster.QUIET_SECONDS` for a quieter attribute, 0 for others
        """
        if urgency is Urgency.NOW:
            due = _Due(-inf, now, quiet_seconds)
        else:
            quiet_until = self._quiet_until(key, quiet_seconds)
            if urgency is Urgency.QUIET:
                latest = max(now, quiet_until, self._last_quiet + QUIET_REPORT_SECONDS)
            else:
                latest = max(now + LAZY_SECONDS, quiet_until)
            due = _Due(quiet_until, latest, quiet_seconds)
        known = self._due.get(key)
        if known is not None:
            earliest, latest = min(known.earliest, due.earliest), min(known.latest, due.latest)
            if earliest > -inf:
                latest = max(latest, self._last_quiet + QUIET_REPORT_SECONDS)
            due = _Due(earliest, latest, quiet_seconds)
        self._due[key] = due
        self.soonest = min(self.soonest, due.latest)

    def _quiet_until(self, key: AttributeKey, quiet_seconds: float) -> float:
        if quiet_seconds <= QUIET_REPORT_SECONDS:
            # Not remembered for each attribute: no report of any of them was later than the last of all.
            return self._last_quiet + quiet_seconds
        return self._reported.get(key, self._started) + quiet_seconds

    def take(self, now: float) -> list[AttributeKey]:
        """Remove and return what may be reported now, by endpoint, cluster and attribute."""
        limit = now + TOLERANCE
        taken = [key for key, due in self._due.items() if due.earliest <= limit]
        for key in taken:
            quiet_seconds = self._due.pop(key).quiet_seconds
            if quiet_seconds:
                self._last_quiet = now
                if quiet_seconds > QUIET_REPORT_SECONDS:
                    self._reported[key] = now
        # What is left is quieter: it keeps its distance to what was taken, too.
        soonest = min((due.latest for due in self._due.values()), default=inf)
        self.soonest = max(soonest, self._last_quiet + QUIET_REPORT_SECONDS)
        taken.sort()
        return taken

    def restore(self, keys: Iterable[AttributeKey], now: float) -> None:
        """Put back what was taken and did not arrive."""
        for key in keys:
            self.mark(key, Urgency.NOW, now)
