"""How far a load is with what is wanted of it: what it has taken, whether it runs, who switched it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hw.reading import Reading

RESTING_W: Final = 10.0
"""A load with less is at rest."""
QUIET_S: Final = 1800.0
"""Seconds at rest after which a program is over: a machine that dries rests, too, but not for so long."""
BUSY_S: Final = 300.0
"""Seconds of taking power after which a machine is in the middle of a program. One that has just been set and
started is still made to wait when its owner says that it is wanted by some time."""
_SETTING_S: Final = 60.0
"""Seconds after that in which it may still be set and started."""
PERSON_S: Final = 4 * 3600.0
"""Seconds for which the plan leaves a load as a person has switched it, at most until its deadline."""
OVERDUE: Final = 2.0
"""How many times its usual length a run may take, before it is taken for over whatever it draws."""
_LONGEST_GAP: Final = 120.0
"""Seconds between two readings for which a power is taken to have gone on."""
_MOST_WH: Final = 100_000.0
"""A counter that has grown by more was another one."""


class LoadState(StrEnum):
    """How far a load is."""

    IDLE = "idle"
    """Nothing is wanted of it."""
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LoadRun:
    """Times are UTC, seconds since 1970.

    :ivar by: deadline of what is wanted now; 0 for nothing
    :ivar since: since when that is wanted
    :ivar need_wh: what is wanted; 0 when nobody knows yet
    :ivar taken_wh: since this was wanted
    :ivar counter_wh: what its counter said last; `seen` when that was
    :ivar started: when its program began; `ended` when it was over
    :ivar run_s: how long the program takes
    :ivar drawing: whether it takes power; `drawing_since` since when it does or does not
    :ivar on: whether it is switched on; `switched` since when
    :ivar person_on: what a person has switched it to; that stands until `person_until`
    :ivar told: people know what it lacked at its deadline
    :ivar full: it is a car that is to be full: what is wanted is only assumed
    """

    by: float = 0.0
    since: float = 0.0
    need_wh: float = 0.0
    taken_wh: float = 0.0
    counter_wh: float | None = None
    seen: float = 0.0
    started: float | None = None
    ended: float | None = None
    run_s: float | None = None
    drawing: bool = False
    drawing_since: float | None = None
    on: bool | None = None
    switched: float | None = None
    person_on: bool = False
    person_until: float = 0.0
    told: bool = False
    full: bool = False

    @property
    def state(self) -> LoadState:
        """How far it is."""
        if not self.by:
            return LoadState.IDLE
        enough = 0 < self.need_wh <= self.taken_wh and not self.full
        if self.ended is not None or (self.started is None and enough):
            return LoadState.DONE
        if self.started is not None:
            return LoadState.RUNNING
        return LoadState.WAITING

    def is_busy(self, now: float) -> bool:
        """Tell whether it is in the middle of a program that it was not started for by the plan.

        One that was set and started when it was said to be wanted is not: it is to wait.
        """
        if not self.drawing or self.drawing_since is None:
            return False
        return now - self.drawing_since >= BUSY_S or self.drawing_since >= self.since + _SETTING_S

    def left_s(self, now: float) -> float:
        """Return how long a running program is expected to go on; 0 when none runs."""
        if self.started is None or self.ended is not None:
            return 0.0
        return max((self.run_s or 0.0) - (now - self.started), 60.0)

    def wanted(
        self, by: float, need_wh: float | None, run_s: float | None, now: float, *, full: bool = False
    ) -> LoadRun:
        """Return it for what is wanted now; what is wanted by another time begins anew.

        Whoever wants it says so after what was switched before: that does not hold any more.
        """
        known = replace(self, need_wh=need_wh or 0.0, run_s=run_s or self.run_s, full=full)
        if by == self.by:
            return known
        fresh = replace(known, by=by, since=now, taken_wh=0.0, person_until=0.0, told=False)
        running = self.started is not None and self.ended is None
        return fresh if running else replace(fresh, started=None, ended=None)

    def idle(self) -> LoadRun:
        """Return it with nothing wanted."""
        return replace(
            self, by=0.0, need_wh=0.0, taken_wh=0.0, started=None, ended=None, told=False, full=False
        )

    def began(self, now: float, run_s: float | None) -> LoadRun:
        """Return it with its program running."""
        return replace(self, started=now, ended=None, run_s=run_s or self.run_s)

    def taken_by_hand(self, now: float, *, on: bool) -> LoadRun:
        """Return it after a person switched it: the plan leaves it so for a while."""
        until = now + PERSON_S
        return replace(self, person_on=on, person_until=min(until, self.by) if self.by > now else until)

    def read(self, reading: Reading, rated_w: float | None = None) -> LoadRun:
        """Return it after a reading: what was taken, whether it is on, whether its program is over.

        :param rated_w: what a load that measures nothing is taken to take while it is on
        """
        now, power = reading.time.timestamp(), power_w(reading, rated_w)
        run = replace(
            self,
            taken_wh=self.taken_wh + (_gained(self, reading, power, now) if self.by else 0.0),
            counter_wh=self.counter_wh if reading.energy_imported_wh is None else reading.energy_imported_wh,
            seen=now,
        )
        if reading.connected is not None and reading.connected is not run.on:
            run = replace(run, on=reading.connected, switched=None if run.on is None else now)
        if reading.power_w is not None and (power >= RESTING_W) is not run.drawing:
            # What it began while nobody looked it may have begun at any time since it was last seen.
            unseen = not run.drawing and self.seen and now - self.seen > _LONGEST_GAP
            run = replace(run, drawing=not run.drawing, drawing_since=self.seen if unseen else now)
        running = run.started is not None and run.ended is None
        stopped = self.on is True and reading.connected is False
        return replace(run, ended=now) if running and (stopped or _is_over(run, now)) else run

    def to_json(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> LoadRun:
        """Read a stored one; what a newer version added is left out. Raise ValueError or TypeError."""
        values = json.loads(data)
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})


def power_w(reading: Reading | None, rated_w: float | None) -> float:
    """Return what a load takes; of one that measures nothing what it is rated for while it is on."""
    if reading is None:
        return 0.0
    if reading.power_w is None:
        return (rated_w or 0.0) if reading.connected else 0.0
    return max(reading.power_w, 0.0)


def _gained(run: LoadRun, reading: Reading, power: float, now: float) -> float:
    """Return the energy since the last reading: by the counter, else by the power."""
    counter = reading.energy_imported_wh
    if counter is not None and run.counter_wh is not None and 0 <= counter - run.counter_wh < _MOST_WH:
        return counter - run.counter_wh
    if not run.seen:
        return 0.0
    return power * min(max(now - run.seen, 0.0), _LONGEST_GAP) / 3600


def _is_over(run: LoadRun, now: float) -> bool:
    """Tell whether a program is over: its time has passed and it rests, or it has rested for long."""
    assert run.started is not None
    lasted, usual = now - run.started, run.run_s or 0.0
    rests_since = max(run.drawing_since or 0.0, run.started)
    if not run.drawing and run.taken_wh > 0 and now - rests_since >= QUIET_S:
        return True
    return bool(usual) and lasted >= (OVERDUE if run.drawing else 1.0) * usual
