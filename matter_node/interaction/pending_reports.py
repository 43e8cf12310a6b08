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
    quieter: bool


class PendingReports:
    """Changed attributes that wait for a report.

    Times are those of one monotonic clock, in seconds.

    :param now: when everything was reported last
    """

    __slots__ = ("_due", "_last_quiet", "_reported", "_started", "soonest")

    def __init__(self, now: float) -> None:
        self._started = self._last_quiet = now
        self._due: dict[AttributeKey, _Due] = {}
        self._reported: dict[AttributeKey, float] = {}
        self.soonest = inf
        """When a report is due, infinite if there is nothing to report."""

    def __len__(self) -> int:
        return len(self._due)

    def mark(
        self,
        key: AttributeKey,
        urgency: Urgency,
        now: float,
        *,
        quiet_seconds: float = 0.0,
        quieter: bool = False,
    ) -> None:
        """Note a change.

        :param quiet_seconds: `Cluster.QUIET_SECONDS`
        :param quieter: the attribute has quality Q
        """
        if urgency is Urgency.NOW:
            due = _Due(-inf, now, quieter)
        else:
            quiet_until = self._reported.get(key, self._started) + quiet_seconds
            if urgency is Urgency.QUIET:
                latest = max(now, quiet_until, self._last_quiet + QUIET_REPORT_SECONDS)
            else:
                latest = max(now + LAZY_SECONDS, quiet_until)
            due = _Due(quiet_until, latest, quieter=True)
        known = self._due.get(key)
        if known is not None:
            due = _Due(
                min(known.earliest, due.earliest), min(known.latest, due.latest), known.quieter or due.quieter
            )
        self._due[key] = due
        self.soonest = min(self.soonest, due.latest)

    def take(self, now: float) -> list[AttributeKey]:
        """Remove and return what may be reported now, by endpoint, cluster and attribute."""
        limit = now + TOLERANCE
        taken = [key for key, due in self._due.items() if due.earliest <= limit]
        for key in taken:
            if self._due.pop(key).quieter:
                self._reported[key] = self._last_quiet = now
        self.soonest = min((due.latest for due in self._due.values()), default=inf)
        taken.sort()
        return taken

    def restore(self, keys: Iterable[AttributeKey], now: float) -> None:
        """Put back what was taken and did not arrive."""
        for key in keys:
            self.mark(key, Urgency.NOW, now)
