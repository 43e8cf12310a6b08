"""Diagnostic runs: started, followed by their ids, remembered over a restart."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.diagnostic_checks import (
    HUB_CHECKS,
    MODULE_CHECKS,
    Check,
    CheckName,
    Result,
    check_hub,
    check_module,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.hub import Hub

KEPT: Final = 50
"""Runs that are remembered."""
AT_ONCE: Final = 2
"""Runs that may go on at one time."""
LONGEST: Final = 60.0
"""Seconds after which a run is ended."""
_PREFIX: Final = "diagnostic/"

_log = logging.getLogger(__name__)


class UnknownRunError(KeyError):
    """There is no run of that id, or it was forgotten."""

    def __str__(self) -> str:
        return str(self.args[0])


class DiagnosticsBusyError(RuntimeError):
    """That module is being looked at, or too many are."""


class RunState(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    DONE = "done"
    BROKEN_OFF = "broken-off"
    """It took too long, or the hub ended meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One diagnostic run. Times are UTC, seconds since 1970.

    :ivar module: key of the module, empty for the hub itself
    :ivar checks: what came of those that are done
    """

    id: str
    module: str
    wanted: tuple[CheckName, ...]
    by: str
    started: float
    ended: float | None = None
    state: RunState = RunState.RUNNING
    checks: tuple[Check, ...] = ()

    def to_json(self) -> bytes:
        """Return the run as it is stored."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Run:
        """Read a stored run. Raise ValueError, KeyError or TypeError."""
        values = json.loads(data)
        checks = tuple(
            Check(CheckName(each["name"]), Result(each["result"]), each["detail"], each["value_ms"])
            for each in values["checks"]
        )
        wanted = tuple(CheckName(each) for each in values["wanted"])
        return cls(**values | {"checks": checks, "wanted": wanted, "state": RunState(values["state"])})


class Diagnostics:
    """All runs that are remembered."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        for key, value in hub.storage.scan(_PREFIX):
            try:
                run = Run.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the diagnostic run %s cannot be read and is dropped: %r", key, error)
                hub.storage.delete(key)
                continue
            if run.state is RunState.RUNNING:
                run = dataclasses.replace(run, state=RunState.BROKEN_OFF, ended=run.started)
            self._runs[run.id] = run

    def __getitem__(self, run: str) -> Run:
        """Return the run of an id. Raise UnknownRunError."""
        try:
            return self._runs[run]
        except KeyError:
            raise UnknownRunError(f"there is no diagnostic run {run!r}") from None

    def runs(self) -> list[Run]:
        """Return all that are remembered, the newest first."""
        return sorted(self._runs.values(), key=lambda run: run.id, reverse=True)

    def begin(self, module: str, wanted: Iterable[CheckName], by: str) -> Run:
        """Begin a run; what came of it is told by its id.

        :param module: key of a registered module, empty for the hub itself
        :param wanted: which checks; all that there are when it is empty
        :raises UnknownModuleError: there is no such module
        :raises ValueError: a check is none of the hub's
        :raises DiagnosticsBusyError: the module is being looked at, or too many are
        :raises StateError: it cannot be stored; then nothing was begun
        """
        if module:
            self._hub.registry[module]  # an unknown one is an error
        possible = MODULE_CHECKS if module else HUB_CHECKS
        chosen = tuple(dict.fromkeys(wanted)) or possible
        for name in chosen:
            if name not in possible:
                raise ValueError(f"{name.value} is no check of the hub itself")
        if len(self._tasks) >= AT_ONCE or any(self._runs[each].module == module for each in self._tasks):
            raise DiagnosticsBusyError("it is being looked at, or too much is at this time")
        now = self._hub.clock.utc() or 0.0
        run = Run(
            id=f"{int(now * 1000):012x}{secrets.token_hex(2)}",
            module=module,
            wanted=chosen,
            by=by,
            started=now,
        )
        self._hub.storage.put(_PREFIX + run.id, run.to_json())
        self._runs[run.id] = run
        self._forget_old()
        self._tasks[run.id] = asyncio.create_task(self._perform(run), name=f"diagnostics {run.id}")
        return run

    async def finished(self, run: str) -> Run:
        """Wait for a run's end. Raise UnknownRunError."""
        task = self._tasks.get(run)
        if task is not None:
            await asyncio.wait([task])
        return self[run]

    async def stop(self) -> None:
        """Break off what goes on."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _perform(self, run: Run) -> None:
        state = RunState.BROKEN_OFF
        try:
            async with asyncio.timeout(LONGEST):
                for name in run.wanted:
                    run = dataclasses.replace(run, checks=(*run.checks, *await self._check(run, name)))
                    self._runs[run.id] = run
            state = RunState.DONE
        except TimeoutError:
            _log.warning("the diagnostic run %s took too long", run.id)
        finally:
            del self._tasks[run.id]
            self._end(dataclasses.replace(run, state=state, ended=self._hub.clock.utc() or run.started))

    async def _check(self, run: Run, name: CheckName) -> list[Check]:
        try:
            if not run.module:
                return await check_hub(self._hub, name)
            return await check_module(self._hub, self._hub.registry[run.module], name)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - a driver's bug is a finding, too
            _log.exception("the check %s failed", name.value)
            return [Check(name, Result.FAILED, f"the check itself failed: {error}")]

    def _end(self, run: Run) -> None:
        self._runs[run.id] = run
        try:
            self._hub.storage.put(_PREFIX + run.id, run.to_json())
        except OSError as error:
            _log.error("cannot store the diagnostic run %s: %s", run.id, error)

    def _forget_old(self) -> None:
        over = [run for run in sorted(self._runs) if run not in self._tasks]
        for run in over[: max(0, len(self._runs) - KEPT)]:
            del self._runs[run]
            try:
                self._hub.storage.delete(_PREFIX + run)
            except OSError as error:
                _log.error("cannot forget the diagnostic run %s: %s", run, error)
