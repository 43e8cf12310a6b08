"""The one thread that writes: events at once, frames every minute, and in between what makes history of them.

Nothing that goes wrong here ends it. While a file cannot be written, what belongs there waits in memory, the
newest of it at least; a damaged file is set aside and a new one begun.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.telemetry.compaction import compact, rebuild_days
from bridge.telemetry.database import DamagedError, StoreError
from bridge.telemetry.outage import Outage
from bridge.telemetry.retention import Keeping, erase, retain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.telemetry.backlog import Backlog
    from bridge.telemetry.event_log import EventLog
    from bridge.telemetry.event_queue import EventQueue
    from bridge.telemetry.store import Store

COMMIT: Final = 60.0
"""Seconds between two commits of frames: as much of one-second history a killed hub loses at most."""
MANY: Final = 5000
"""Frames that are not kept waiting for that."""
GATHER: Final = 0.02
"""Seconds in which events are gathered for one commit, since each waits for the disk."""
RETRY: Final = 10.0
"""Seconds between two attempts at a file that cannot be written."""
PAUSE: Final = 0.02
"""Seconds between two steps of the work that nobody waits for, so that it never crowds out the event loop."""
RETENTION: Final = 3600.0
DAY: Final = 86_400

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Writer(threading.Thread):
    """Owns `telemetry.db` and `events.db`."""

    def __init__(
        self,
        store: Store,
        log: EventLog,
        backlog: Backlog,
        keeping: Keeping,
        event_days: int,
        *,
        recording: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep events for `event_days`, 0 is for ever; `clock` gives UTC, seconds since 1970.

        Without `recording`, no `telemetry.db` is begun.
        """
        super().__init__(name="telemetry", daemon=True)
        self.ended: Future[None] = Future()
        """Done when everything is written and closed."""
        self._store = store
        self._log = log
        self._backlog = backlog
        self._keeping = keeping
        self._event_days = event_days
        self._recording = recording
        self._clock = clock
        self._events: EventQueue | None = None
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._frame_outage = Outage("readings", "readings wait in memory, the newest at least")
        self._event_outage = Outage("events", "events wait in memory, the newest at least")
        self._history_outage = Outage("rollups", "seconds stay as they are")
        self._work: Iterator[None] | None = None
        now = time.monotonic()
        self._commit_at = now + COMMIT
        self._events_at = now
        self._retain_at = now + COMMIT

    @property
    def trouble(self) -> list[str]:
        """Why something cannot be stored now; empty when all is well."""
        outages = (self._frame_outage, self._event_outage, self._history_outage)
        return sorted({each.reason for each in outages if each.reason})

    def begin(self, events: EventQueue) -> None:
        """Start the thread, which stores what comes into the queue."""
        self._events = events
        self.ended.set_running_or_notify_cancel()  # nobody who waits in vain cancels it
        self.start()

    def keep(self, keeping: Keeping, event_days: int) -> None:
        """Keep history and events for other times from the next look on; 0 is for ever."""
        self._keeping, self._event_days = keeping, event_days

    def wake(self) -> None:
        """Say that there is something to do."""
        self._wake.set()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Let the thread do something with its files; the future has what comes of it."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - whoever waits hears of it
                future.set_exception(error)

        self._jobs.append(run)
        self.wake()
        return future

    def flush(self) -> Future[None]:
        """Store the events and frames that wait, now."""

        def store() -> None:
            self._store_events()
            self._commit()

        return self.submit(store)

    def examine(self) -> Future[None]:
        """Look whether `telemetry.db` is damaged, as a reader said, and begin a new one if it is."""

        def look() -> None:
            try:
                self._store.examine()
            except DamagedError as error:
                self._replaced(error)

        return self.submit(look)

    def stop(self) -> None:
        """Write everything and end; `ended` says when."""
        self._stopping = True
        self.wake()

    def run(self) -> None:
        """Do what is due, until `stop`."""
        try:
            while True:
                self._wake.wait(PAUSE if self._work else max(0.0, self._due() - time.monotonic()))
                self._wake.clear()
                stopping = self._stopping
                if self._events and not stopping:
                    time.sleep(GATHER)
                try:
                    self._turn(stopping=stopping)
                except Exception:  # noqa: BLE001 - whatever it was, the next minute is recorded
                    _log.exception("recording failed and goes on")
                    time.sleep(GATHER)
                if stopping:
                    break
        finally:
            self._store.close()
            self._log.close()
            self.ended.set_result(None)

    def _due(self) -> float:
        return min(self._commit_at, self._events_at) if self._events else self._commit_at

    def _turn(self, *, stopping: bool) -> None:
        now = time.monotonic()
        if self._events and (now >= self._events_at or stopping or not self._event_outage.reason):
            self._store_events()
        while self._jobs:
            self._jobs.popleft()()
        full = len(self._backlog) >= MANY and not self._frame_outage.reason
        if now >= self._commit_at or full or stopping:
            self._commit()
            if self._work is None and not self._frame_outage.reason and not stopping:
                self._work = self._housekeeping(self._clock())
        if self._work is not None and not stopping:
            self._step()

    def _store_events(self) -> None:
        if self._events is None:
            return
        entries = self._events.take()
        if self._attempt(lambda: self._log.append(entries), self._event_outage, self._events.lost):
            self._events.stored()
            self._events.lost = 0
        else:
            self._events_at = time.monotonic() + RETRY

    def _commit(self) -> None:
        frames, probe = self._backlog.take(), bool(self._frame_outage.reason)
        if self._attempt(
            lambda: self._store.commit(frames, probe=probe), self._frame_outage, self._backlog.lost
        ):
            self._backlog.stored()
            self._backlog.lost = 0
            self._commit_at = time.monotonic() + COMMIT
        else:
            self._backlog.give_back()
            self._commit_at = time.monotonic() + RETRY

    def _attempt(self, store: Callable[[], None], outage: Outage, lost: int) -> bool:
        """Try to store something; return whether it needs no further attempt."""
        for _ in range(2):  # a damaged file is replaced, and the new one tried at once
            try:
                store()
            except DamagedError as error:
                self._replaced(error)
                reason: StoreError = error
            except StoreError as error:
                reason = error
                break
            except Exception:  # noqa: BLE001 - a bug here must not end the recording
                _log.exception("some %s cannot be stored and are dropped", outage.what)
                return True
            else:
                seconds = outage.ended(lost)
                if seconds is not None:
                    data = {"what": outage.what, "seconds": round(seconds), "lost": lost}
                    self._note("stored again", data)
                return True
        if outage.begun(reason):
            self._note("not stored", {"what": outage.what, "reason": str(reason)})
        return False

    def _housekeeping(self, now: float) -> Iterator[None]:
        """Everything that is due and that nobody waits for, in small steps."""
        has_history = self._recording or self._store.database.path.exists()
        if has_history:
            yield from rebuild_days(self._store)
            yield from compact(self._store, now)
            yield from erase(self._store)
        if time.monotonic() >= self._retain_at:
            self._retain_at = time.monotonic() + RETENTION
            if has_history:
                yield from retain(self._store, self._keeping, now)
            if self._event_days:
                yield from self._log.retain(now - self._event_days * DAY)

    def _step(self) -> None:
        assert self._work is not None
        try:
            next(self._work)
        except StopIteration:
            self._work = None
            self._history_outage.ended()
        except DamagedError as error:
            self._work = None
            self._replaced(error)
        except StoreError as error:
            self._work = None
            self._history_outage.begun(error)
        except Exception:  # noqa: BLE001 - the same
            self._work = None
            _log.exception("making history of readings failed; it is tried again in a minute")

    def _replaced(self, error: DamagedError) -> None:
        _log.error("%s", error)
        self._note("damaged", {"reason": str(error)})
        if error.path == self._log.database.path and self._events is not None:
            self._events.deed("hub", "begin a new audit trail", data={"set_aside": error.aside.name})

    def _note(self, what: str, data: dict[str, object]) -> None:
        if self._events is not None:
            self._events.event("storage", "", {"state": what, **data})
