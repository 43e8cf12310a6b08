"""What cars took in their last sessions, and whether the one that is there is full."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bridge.events import ModuleRemoved, ReadingTaken
from bridge.loads.events import LoadChanged
from bridge.state import StateError
from hw.module import ModuleKind
from hw.reading import PlugState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.home import Home
    from hw.reading import Reading

KEPT: Final = 12
"""Sessions that are remembered of each charging point: the newest."""
LEAST_WH: Final = 500.0
"""Who takes less was full already, or did not come to charge."""
CAUTIOUS: Final = 0.85
"""Share of the sessions that took no more than what room is kept for."""
ENOUGH_FULL: Final = 3
"""From so many sessions on that ended with a full car, those that somebody ended before count no more."""
PATIENCE_S: Final = 180.0
"""Seconds that a car may take to begin after it may: it has to wake up."""
LIKELY_H: Final = 2.0
"""Of a charging point at which nobody has charged yet a car is taken to need so many hours of its power."""
MOST_H: Final = 4.0
"""And so many at most."""
MORE_H: Final = 0.5
"""A car that takes more than any before is taken to need so many hours more, again and again."""
SOON_H: Final = 0.25
"""So many hours before it has taken what was expected more is expected: no plan has it stop for that."""
_PREFIX: Final = "car-sessions/"
_THERE: Final = frozenset({PlugState.DEMAND, PlugState.CHARGING, PlugState.NO_DEMAND})

_log = logging.getLogger(__name__)


class Usual(NamedTuple):
    """What a car is taken to need from when it came until it is full.

    :ivar likely_wh: what half of them took; `most_wh` what hardly one took more than
    :ivar of: of how many sessions that is known; 0 if nobody knows
    """

    likely_wh: float
    most_wh: float
    of: int


class UntilFull(NamedTuple):
    """What a car still is to get.

    :ivar left_wh: what it is expected to take
    :ivar spare_wh: what it may take beyond, before it is full
    """

    left_wh: float
    spare_wh: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that is over.

    :ivar full: the car stopped by itself
    """

    taken_wh: float
    full: bool


@dataclass(frozen=True, slots=True)
class Session:
    """The session of the car that is there. Times are UTC, seconds since 1970.

    :ivar counter_wh: what the charging point had counted in its life when the car came, if it does
    :ivar charging: it charges; `charged` it did at some time
    :ivar idle_since: since when it may charge and does not
    :ivar full: it takes nothing any more
    """

    since: float
    counter_wh: float | None = None
    taken_wh: float = 0.0
    charging: bool = False
    charged: bool = False
    idle_since: float | None = None
    full: bool = False

    def read(self, reading: Reading) -> Session:
        """Return it after a reading with the car."""
        assert reading.evse is not None
        now, plug = reading.time.timestamp(), reading.evse.plug
        session = replace(self, taken_wh=_taken(self, reading))
        if plug is PlugState.CHARGING:
            return replace(session, charging=True, charged=True, idle_since=None, full=False)
        if plug is not PlugState.NO_DEMAND:
            return replace(session, charging=False, idle_since=None)
        # A car that stops in the middle of charging has done so itself; one that may begin needs a moment.
        since = session.idle_since or now
        full = session.full or session.charging or now - since >= PATIENCE_S
        return replace(session, charging=False, idle_since=since, full=full)

    def is_another(self, reading: Reading) -> bool:
        """Tell whether another car has come since: the charging point counts from nothing again."""
        told = None if reading.evse is None else reading.evse.session_energy_wh
        return self.charged and told is not None and told < self.taken_wh - 1


def usual(past: Sequence[Ended], power_w: float) -> Usual:
    """Return what a car is taken to need.

    :param power_w: of the charging point: what is assumed where nobody has charged yet
    """
    full = [each for each in past if each.full]
    counted = sorted(each.taken_wh for each in (full if len(full) >= ENOUGH_FULL else past))
    if not counted:
        return Usual(LIKELY_H * power_w, MOST_H * power_w, 0)
    count = len(counted)
    middle = (counted[(count - 1) // 2] + counted[count // 2]) / 2
    return Usual(middle, counted[math.ceil(CAUTIOUS * count) - 1], count)


def until_full(taken_wh: float, known: Usual, power_w: float) -> UntilFull:
    """Return what a car is taken to need that has taken something, and is not full yet.

    :param power_w: of the charging point
    """
    soon = taken_wh + SOON_H * power_w
    if soon < known.likely_wh:
        return UntilFull(known.likely_wh - taken_wh, known.most_wh - known.likely_wh)
    if soon < known.most_wh:
        return UntilFull(known.most_wh - taken_wh, 0.0)
    more = MORE_H * power_w
    return UntilFull(soon - taken_wh + more - (soon - known.most_wh) % more, 0.0)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of one charging point: those that are over, the newest last, and the one that goes on."""

    past: tuple[Ended, ...] = ()
    now: Session | None = None

    def read(self, reading: Reading) -> Sessions:
        """Return them after a reading."""
        if reading.evse is None or reading.evse.plug in {PlugState.UNKNOWN, PlugState.FAULT}:
            return self
        if reading.evse.plug not in _THERE:
            # Without a car it still tells what the last one took.
            return self._ended(reading.evse.session_energy_wh or 0.0)
        sessions = self._ended() if self.now is not None and self.now.is_another(reading) else self
        session = sessions.now or Session(reading.time.timestamp(), reading.energy_imported_wh)
        return replace(sessions, now=session.read(reading))

    def _ended(self, told_wh: float = 0.0) -> Sessions:
        if self.now is None:
            return self
        taken = max(self.now.taken_wh, told_wh)
        ended = (Ended(taken, self.now.full),) if taken >= LEAST_WH else ()
        return Sessions((*self.past, *ended)[-KEPT:])

    def to_json(self) -> bytes:
        """Return them as they are stored."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read stored ones. Raise ValueError, KeyError or TypeError."""
        values: dict[str, Any] = json.loads(data)
        now = values["now"]
        past = tuple(Ended(float(each["taken_wh"]), bool(each["full"])) for each in values["past"])
        return cls(past, None if now is None else Session(**now))


class SessionBook:
    """The sessions of all charging points, kept over restarts."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, Sessions] = {}

    def start(self) -> None:
        """Take up what a former run of the hub has left, and follow the charging points."""
        for key, value in self._home.storage.scan(_PREFIX):
            module = key.removeprefix(_PREFIX)
            try:
                self._known[module] = Sessions.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("what cars took at %s cannot be read and is forgotten: %r", module, error)
        self._home.bus.subscribe(ReadingTaken, lambda event: self._read(event.reading))
        self._home.bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key))

    def of(self, module: str) -> Sessions:
        """Return the sessions of a charging point."""
        return self._known.get(module, Sessions())

    def is_full(self, module: str) -> bool:
        """Tell whether the car that is there takes nothing any more."""
        now = self.of(module).now
        return now is not None and now.full

    def _read(self, reading: Reading) -> None:
        registry = self._home.registry
        if reading.evse is None or reading.module not in registry:
            return
        if registry[reading.module].record.kind is not ModuleKind.EVSE:
            return
        before = self.of(reading.module)
        after = self._known[reading.module] = before.read(reading)
        if _lasting(before) == _lasting(after):
            return
        try:
            self._home.storage.put(_PREFIX + reading.module, after.to_json())
        except StateError as error:
            _log.error("what cars took at %s cannot be stored: %s", reading.module, error)
        was, is_ = (each.now is not None and each.now.full for each in (before, after))
        if was is not is_ and after.now is not None:
            why = "the car is full" if is_ else "the car charges again"
            self._home.bus.publish(LoadChanged(reading.module, why))

    def _forget(self, module: str) -> None:
        if self._known.pop(module, None) is not None:
            self._home.storage.delete(_PREFIX + module)


def _taken(session: Session, reading: Reading) -> float:
    """Return what the car has taken since it came: as the charging point says, else by its counter."""
    assert reading.evse is not None
    told, counter = reading.evse.session_energy_wh, reading.energy_imported_wh
    if told is not None:
        return told
    if counter is None or session.counter_wh is None:
        return session.taken_wh
    return max(counter - session.counter_wh, session.taken_wh)


def _lasting(sessions: Sessions) -> tuple[object, ...]:
    """Return what is stored as soon as it changes; how much a car has taken its charging point knows."""
    now = sessions.now
    return sessions.past, None if now is None else (now.since, now.charged, now.full)
