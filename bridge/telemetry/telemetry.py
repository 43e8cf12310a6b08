"""What the hub remembers of its home over time: the part that others hold.

Everything here may be called on the event loop; files are read and written in threads of their own. What is
wrong with a question is a ValueError or a StoreError with a message for a person.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bridge.state_file import StateError, StateFullError
from bridge.telemetry.backlog import Backlog
from bridge.telemetry.database import DamagedReadError, StoreError
from bridge.telemetry.event_log import (
    AuditEntry,
    Event,
    EventLog,
    read_audit,
    read_events,
    reading,
    verify,
)
from bridge.telemetry.event_queue import EventQueue
from bridge.telemetry.recorder import Recorder
from bridge.telemetry.retention import DAY, Keeping, begin_erasure
from bridge.telemetry.store import Store
from bridge.telemetry.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import date, tzinfo

    from bridge.data_dir import DataDirectory
    from bridge.events import EventBus
    from bridge.registry import Registry
    from bridge.retention import Retention
    from bridge.settings import TelemetrySettings
    from bridge.telemetry.analytics import HourOfDay
    from bridge.telemetry.answers import Answers, OpenHistory
    from bridge.telemetry.audit_head import AuditHead, AuditHeads, AuditTrailCut
    from bridge.telemetry.energy import EnergyDay, EnergyTotal
    from bridge.telemetry.history import Row
    from bridge.telemetry.ingest import Ingested
    from bridge.telemetry.latest import Latest
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.pages import HistoryQuestion

READERS: Final = 2
"""Questions that are answered at the same time; others wait."""
_FIRST: Final = 946_684_800
"""2000-01-01: no module has logged before."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class HistoryStream:
    """The rows of a history, to be read with `async for`, a list of some at a time."""

    def __init__(self, history: OpenHistory, run: Callable[[Callable[[], T]], Awaitable[T]]) -> None:
        """Read `history` with `run`, which calls a function in a thread."""
        self.specs = history.specs
        """The metrics, in the order of the rows' points."""
        self.resolution = history.resolution
        """What `auto` came to. Where a layer has been removed, rows are longer."""
        self._history = history
        self._run: Callable[[Callable[[], Any]], Awaitable[Any]] = run

    async def __aiter__(self) -> AsyncIterator[list[Row]]:
        """Yield the rows. Raise StoreError. At most a few thousand points are in memory at a time."""
        rows = []
        try:
            while (rows := await self._run(self._history.more)) is not None:
                yield rows
        finally:
            if rows is not None:
                self.close()

    def close(self) -> None:
        """Let go of the file; harmless when that was done. Whoever reads to the end need not call it."""
        # In a thread of its own: what was broken off may still be reading there.
        threading.Thread(target=self._history.close, name="telemetry-close", daemon=True).start()


class Telemetry:
    """Records the home, and answers what it has recorded. Whoever makes it starts and stops it."""

    def __init__(
        self,
        settings: TelemetrySettings,
        directory: DataDirectory,
        zone: tzinfo,
        registry: Registry,
        bus: EventBus,
        heads: AuditHeads | None = None,
    ) -> None:
        """Record a home.

        :param heads: where it is kept how far the audit trail has come; None: its end is not watched
        """
        self.zone = zone
        """The home's time zone."""
        self.path = settings.path or directory.telemetry
        self._events_path = directory.events
        self._registry = registry
        self._keeping = Keeping(settings.second_days, settings.minute_days, settings.quarter_days)
        self._backlog = Backlog()
        self._store = Store(self.path, zone)
        self._recording = settings.enabled
        self._bus = bus
        self._heads = heads
        self._log = EventLog(directory.events)
        self._writer = Writer(
            self._store,
            self._log,
            self._backlog,
            self._keeping,
            settings.event_days,
            recording=settings.enabled,
        )
        self._events = EventQueue(directory.event_journal, self._writer.wake)
        self._recorder = Recorder(bus, registry, self._backlog, self._events, samples=settings.enabled)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="telemetry-reader")

    def start(self, version: str = "") -> None:
        """Begin to record. Files are opened in the background: a slow disk delays nobody.

        :param version: of the hub, for the audit trail
        """
        if self._heads is not None:
            self._watch_trail(self._heads)
        self._writer.begin(self._events)
        self._recorder.start()
        self._events.deed("hub", "start", data={"version": version})

    async def stop(self) -> None:
        """Record no longer, and write everything down."""
        self._recorder.stop()
        self._events.deed("hub", "stop")
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._writer.stop()
        await asyncio.wrap_future(self._writer.ended)
        self._events.close()

    def keep(self, retention: Retention) -> None:
        """Keep what was recorded for other times than the settings say."""
        self._keeping = Keeping(retention.seconds_days, retention.minutes_days, retention.quarters_days)
        self._writer.keep(self._keeping, retention.events_days)

    @property
    def trouble(self) -> list[str]:
        """Why something cannot be stored now, for a person; empty when all is well."""
        return self._writer.trouble

    # What others record

    def event(self, kind: str, module: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Note that something happened. A killed hub does not lose it."""
        self._events.event(kind, module, data)

    def audit(
        self, actor: str, action: str, subject: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        """Note in the audit trail that somebody did something: `audit("user/anna", "erase", "sma-1")`.

        When this returns, a killed process does not lose it. Raise StateError when it cannot be stored: then
        it was not noted, and what it tells of should not happen.
        """
        try:
            self._events.deed(actor, action, subject, data, surely=True)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StateFullError(self._events_path) from error
            raise StateError(f"cannot note this for {self._events_path}: {error.strerror}") from error

    async def ingest(self, module: str, body: Any) -> Ingested:
        """Store what a module logged itself; it is stored when this returns.

        :param module: key of a registered module
        :param body: decoded JSON, see `bridge.telemetry.ingest`
        :raises UnknownModuleError: there is no such module
        :raises BatchError: the batch is not in order (a ValueError)
        :raises StoreError: it cannot be stored now
        """
        self._registry[module]  # raises when there is none
        if not self._recording:
            raise StoreError("recording is switched off: see [telemetry] in the settings")

        def job() -> Ingested:
            from bridge.telemetry.ingest import ingest, parse_batch  # few modules log on their own

            now = time.time()
            cut = self._store.noted("cut.block")
            oldest = now - self._keeping.block * DAY if self._keeping.block else _FIRST
            oldest = max(oldest, cut if isinstance(cut, int) else 0)
            return ingest(self._store, module, parse_batch(body, now=now, oldest=oldest))

        return await asyncio.wrap_future(self._writer.submit(job))

    async def erase(self, module: str) -> bool:
        """Forget all samples of a module; return whether there were any. Events and the audit trail stay.

        Nothing of it is found any more when this returns; it is removed and overwritten in the background,
        and that goes on after a restart. A module that is read on begins anew. Raise StoreError.
        """

        def job() -> bool:
            waiting = bool(self._backlog.of(module))
            self._backlog.forget(module)
            return (self.path.exists() and begin_erasure(self._store, module)) or waiting

        return await asyncio.wrap_future(self._writer.submit(job))

    async def flush(self) -> None:
        """Store now what would be stored within a minute."""
        await asyncio.wrap_future(self._writer.flush())

    # What was recorded

    async def metrics(self, module: str) -> list[MetricSpec]:
        """Return the metrics that there is history of; none for a module that is not known."""
        return await self._run(lambda: self._answers.metrics(module))

    async def latest(self, module: str) -> list[Latest]:
        """Return the newest value of each metric of a module."""
        return await self._run(lambda: self._answers.latest(module))

    async def history(
        self, module: str, metrics: Sequence[str], start: int, end: int, resolution: str = "auto"
    ) -> HistoryStream:
        """Return what metrics of a module did from `start` to `end` (UTC, seconds since 1970).

        :param module: its key
        :param metrics: their names; none for all
        :param resolution: `1s` to `1h`, `1d`, `1w`, `1mo`, or `auto`
        :raises UnknownMetricError: there is no history of that module or metric (a StoreError)
        :raises ValueError: the range or the resolution is none
        """
        opened = await self._run(lambda: self._answers.history(module, metrics, start, end, resolution))
        return HistoryStream(opened, self._run)

    async def page(self, question: HistoryQuestion) -> dict[str, Any]:
        """Return a part of a history in plain values, and from where on to ask for the next."""
        return await self._run(lambda: self._answers.page(question))

    async def hours_of_day(self, module: str, metric: str, start: int, end: int) -> list[HourOfDay]:
        """Return how a metric is spread over each hour of the day, in a range (UTC, seconds since 1970)."""
        return await self._run(lambda: self._answers.hours_of_day(module, metric, start, end))

    async def energy(self, module: str) -> list[EnergyTotal]:
        """Return today's and the lifetime figure of each energy counter of a module."""
        return await self._run(lambda: self._answers.energy(module))

    async def energy_days(self, module: str, metric: str, start: date, end: date) -> list[EnergyDay]:
        """Return what a counter counted on each day of the home from `start` to `end`, both included."""
        return await self._run(lambda: self._answers.energy_days(module, metric, start, end))

    async def events(
        self, *, module: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Event]:
        """Return events, the newest first; `before` an event's id, to read on."""

        def read() -> list[Event]:
            with reading(self._events_path) as connection:
                return read_events(connection, module=module, before=before, limit=limit)

        return await self._run(read)

    async def audit_trail(self, *, after: int = 0, limit: int = 100) -> list[AuditEntry]:
        """Return entries of the audit trail, the oldest first, from the one after number `after`."""

        def read() -> list[AuditEntry]:
            with reading(self._events_path) as connection:
                return read_audit(connection, after=after, limit=limit)

        return await self._run(read)

    async def verify_audit_trail(self) -> int | None:
        """Return the number of the first entry that was changed or is missing; None if all is well.

        What is missing at the end shows while it is not known yet: once it was found, people have been told,
        the trail itself says so, and its end is watched anew.
        """
        head = None if self._heads is None else self._heads.kept()

        def read() -> int | None:
            with reading(self._events_path) as connection:
                return verify(connection, head)

        return await self._run(read)

    # Inside

    def _watch_trail(self, heads: AuditHeads) -> None:
        """Let the thread that writes the trail tell the loop, to which the state file belongs."""
        loop = asyncio.get_running_loop()

        def moved(head: AuditHead) -> None:
            with contextlib.suppress(RuntimeError):  # a loop that has ended keeps nothing any more
                loop.call_soon_threadsafe(heads.keep, head)

        def cut(found: AuditTrailCut) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._found_cut, found)

        self._log.watch(heads.kept(), moved, cut)

    def _found_cut(self, cut: AuditTrailCut) -> None:
        _log.error("the audit trail was cut off: entry %d is gone, %d is the last", cut.head.number, cut.left)
        self._bus.publish(cut)

    @cached_property
    def _answers(self) -> Answers:
        from bridge.telemetry.answers import Answers  # half of the store's code: not before somebody asks

        return Answers(self.path, self._backlog.of, lambda: self._store.database.changes, self.zone)

    async def _run(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, question)
        except DamagedReadError as error:
            _log.error("%s; it is examined", error)
            self._writer.examine()
            raise
