"""The node's time for others to see, and to correct: the Time Synchronization cluster (Matter Core 11.17).

The hub takes its time from the operating system. While the system is synchronized, an administrator's time is
refused; while it is not, an administrator's time is better than none and is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from clusters.definitions.time_synchronization import (
    GranularityEnum,
    SetUtcTimeRequest,
    TimeSourceEnum,
    TimeSynchronization,
)
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.status import Status, StatusError
from matter_node.system_clock import TimeQuality

if TYPE_CHECKING:
    from matter_node.clock import Timer
    from matter_node.model import Context

TIME_NOT_ACCEPTED = 0x02
"""Cluster status of a time that is no better than the node's own (Matter Core 11.17.5.3)."""

_LOOK_SECONDS = 60.0

_GRANULARITY = {
    TimeQuality.UNKNOWN: GranularityEnum.NO_TIME_GRANULARITY,
    TimeQuality.UNVERIFIED: GranularityEnum.SECONDS_GRANULARITY,
    TimeQuality.ADMINISTRATOR: GranularityEnum.SECONDS_GRANULARITY,
    TimeQuality.SYNCHRONIZED: GranularityEnum.MILLISECONDS_GRANULARITY,
}
_SOURCE = {
    TimeQuality.UNKNOWN: TimeSourceEnum.NONE,
    TimeQuality.UNVERIFIED: TimeSourceEnum.UNKNOWN,
    TimeQuality.ADMINISTRATOR: TimeSourceEnum.ADMIN,
    TimeQuality.SYNCHRONIZED: TimeSourceEnum.NON_MATTER_NTP,
}


class CorrectableClock(Protocol):
    """A clock that knows how good its time is; `matter_node.system_clock.SystemClock` is one."""

    @property
    def quality(self) -> TimeQuality:
        """How far `utc` can be trusted."""

    def utc(self) -> float | None:
        """Return seconds since 1970, or None."""

    def set_utc(self, utc: float) -> bool:
        """Take a time in seconds since 1970; return False to refuse it."""


class TimeSynchronizationServer(TimeSynchronization):
    """Shows the clock's time, granularity and source as they are at the moment of reading."""

    def __init__(self, clock: CorrectableClock) -> None:
        super().__init__()
        self._clock = clock
        self._granularity_limit = GranularityEnum.MICROSECONDS_GRANULARITY
        self._shown = TimeQuality.UNKNOWN
        self._timer: Timer | None = None

    def attached(self) -> None:
        """Report it if the node has no time, and begin to watch how good it is."""
        if self._clock.utc() is None:
            self.emit(TimeSynchronization.time_failure)
        self._shown = self._clock.quality
        self._watch()

    def detached(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read_utc_time(self, _: Context) -> int | None:
        """Microseconds since the Matter epoch, None while there is no time."""
        utc = self._clock.utc()
        return None if utc is None else int((utc - MATTER_EPOCH_OFFSET) * 1_000_000)

    def read_granularity(self, _: Context) -> GranularityEnum:
        """How fine the time is; an administrator's is as fine as they said."""
        quality = self._clock.quality
        if quality is TimeQuality.ADMINISTRATOR:
            return min(_GRANULARITY[quality], self._granularity_limit)
        return _GRANULARITY[quality]

    def read_time_source(self, _: Context) -> TimeSourceEnum:
        """Where the time comes from."""
        return _SOURCE[self._clock.quality]

    def handle_set_utc_time(self, _: Context, request: SetUtcTimeRequest) -> None:
        """Take an administrator's time, unless the node's own is better."""
        if request.granularity is GranularityEnum.NO_TIME_GRANULARITY:
            raise StatusError(Status.INVALID_COMMAND, "a time without granularity is no time")
        if not self._clock.set_utc(request.utc_time / 1_000_000 + MATTER_EPOCH_OFFSET):
            raise StatusError(
                Status.FAILURE, "the system's clock is synchronized", cluster_status=TIME_NOT_ACCEPTED
            )
        self._granularity_limit = request.granularity
        self._quality_changed()

    def _watch(self) -> None:
        """Tell subscribers when the system was synchronized, or lost that: the kernel tells nobody."""
        if self._clock.quality is not self._shown:
            self._quality_changed()
        if self.endpoint is not None and self.endpoint.tree is not None:
            self._timer = self.endpoint.tree.clock.call_later(_LOOK_SECONDS, self._watch)

    def _quality_changed(self) -> None:
        self._shown = self._clock.quality
        self.changed(TimeSynchronization.granularity)
        self.changed(TimeSynchronization.time_source)
