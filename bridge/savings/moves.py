"""Which loads the plan could move, and since when they were wanted: noted while it is so."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.loads.run import LoadState
from bridge.loads.wish import LoadKind
from hw.accuracy import Quantity
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.home import Home
    from bridge.registry import RegisteredModule

KEPT_S: Final = 40 * 86_400
"""Seconds for which it is kept, as prices are."""
_PREFIX: Final = "moves/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Move:
    """A load of which it is known since when it was wanted. Times are UTC, seconds since 1970.

    :ivar since: when it would have run of itself: the car was plugged in, or somebody wanted it done once
    :ivar until: when it was done; of one that goes on, its deadline
    :ivar rated_w: what it takes while it is on, if it measures nothing
    :ivar program: it goes through one program; else it may pause
    """

    module: str
    since: int
    until: int
    rated_w: float | None
    program: bool


class MoveBook:
    """The moves, in the state file."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._open: dict[str, Move] = {}

    def note(self, now: float) -> None:
        """Note what has begun to be wanted, and what is done. Raise StateError."""
        for key in [key for key in self._open if key not in self._home.registry]:
            self._end(key, now)
        for module in self._home.registry:
            move = self._wanted(module, now)
            known = self._open.get(module.key)
            if known is not None and (move is None or move.since != known.since):
                self._end(module.key, now)
                known = None
            if move is not None and known is None:
                self._forget(now)
                self._put(move)
                self._open[module.key] = move

    def over(self, start: float, end: float, now: float) -> list[Move]:
        """Return the moves that are done by now and reach into a span of time."""
        going_on = set(self._open.values())
        return [
            each
            for each in self._all()
            if each.since < end and each.until > start and each.until <= now and each not in going_on
        ]

    # Inside

    def _wanted(self, module: RegisteredModule, now: float) -> Move | None:
        """Return what is wanted of a load of which is known since when; None if nothing is."""
        run, wish = self._home.runs.run(module.key), module.record.wish
        since = None
        if module.record.kind is ModuleKind.EVSE:
            session = self._home.sessions.of(module.key).now
            since = None if session is None else max(session.since, run.since)
        elif wish.once_by is not None and run.by == wish.once_by:
            since = wish.once_from
        known = self._open.get(module.key)
        if known is not None and run.by and since is None and run.by == known.until:
            # A wish is forgotten as soon as it is done; its run may go on for a moment.
            since = known.since
        if since is None or not now < run.by or run.state is LoadState.DONE:
            return None
        measures = Quantity.POWER in module.record.capabilities.measures
        rated_w = None if measures else wish.power_w
        program = wish.kind is LoadKind.MACHINE
        return Move(module.key, int(since), int(run.by), rated_w, program)

    def _end(self, key: str, now: float) -> None:
        self._put(replace(self._open.pop(key), until=int(now)))

    def _put(self, move: Move) -> None:
        data = json.dumps(asdict(move), separators=(",", ":")).encode()
        self._home.storage.put(f"{_PREFIX}{move.since:011}/{move.module}", data)

    def _forget(self, now: float) -> None:
        oldest = f"{_PREFIX}{max(int(now - KEPT_S), 0):011}"
        for key, _ in self._home.storage.scan(_PREFIX):
            if key >= oldest:
                break
            self._home.storage.delete(key)

    def _all(self) -> Iterator[Move]:
        for key, data in self._home.storage.scan(_PREFIX):
            try:
                yield Move(**json.loads(data))
            except (ValueError, TypeError) as error:
                _log.warning("%s cannot be read: %r", key, error)
