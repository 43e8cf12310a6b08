"""What the hub asks its planning process: plain values that travel as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from bridge.loads.asked import AskedLoad, GivenLoad
from bridge.loads.asked_room import AskedRoom
from bridge.planner.held import Held
from bridge.planner.outlook import Outlook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.planner.plan import HomePlan

_QUARTER: Final = 900
_HOUR: Final = 3600
_FINE_S: Final = 300
_FINE_COUNT: Final = 12
_QUARTERS_UNTIL: Final = 36 * _HOUR
_HORIZON: Final = 48 * _HOUR


@dataclass(frozen=True, slots=True)
class AskedBattery:
    """A battery to plan; the members mean what those of `optimizer.battery.Battery` do.

    :ivar held: what somebody weightier than the plan has it do; None for nothing
    """

    name: str
    capacity_wh: float
    stored_wh: float
    charge_w: float
    discharge_w: float
    reserve_wh: float
    charge_efficiency: float
    discharge_efficiency: float
    wear: float
    grid_charging: bool
    feed_in: bool
    held: Held | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> AskedBattery:
        """Read plain values. Raise TypeError."""
        told = values["held"]
        return cls(**values | {"held": None if told is None else Held(**told)})


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where what was measured is, and whose power it is.

    :ivar path: of `telemetry.db`
    :ivar grid: keys of the meters at the supply; without one there is no history of the load
    :ivar loads: of the loads that the plan commands, whose part is none of the load that just happens; each
        with the power that it is taken to have had while it was on, if it measures nothing
    :ivar rooms: of the thermostats that the plan sets, the same; of one that measures nothing, while it ran
    :ivar left_out: producers of which no sun is expected now; the load was what it was with them
    """

    path: str
    grid: tuple[str, ...]
    solar: tuple[str, ...]
    storage: tuple[str, ...]
    loads: tuple[tuple[str, float | None], ...] = ()
    left_out: tuple[str, ...] = ()
    rooms: tuple[tuple[str, float | None], ...] = ()

    @classmethod
    def of(cls, values: dict[str, Any] | None) -> Recorded | None:
        """Read the members' plain values; None stays None. Raise KeyError or TypeError."""
        if values is None:
            return None
        return cls(
            values["path"],
            tuple(values["grid"]),
            tuple(values["solar"]),
            tuple(values["storage"]),
            tuple((key, rated_w) for key, rated_w in values["loads"]),
            tuple(values["left_out"]),
            tuple((key, rated_w) for key, rated_w in values.get("rooms", ())),
        )


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """What the plan in force says from now on; the new one departs from it only for a reason.

    :ivar start: of its first step that counts, UTC, seconds since 1970
    :ivar power_w: of each battery by its name, one value a step, charging positive
    """

    start: int
    steps_s: tuple[int, ...]
    power_w: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, plan: HomePlan, now: float) -> AskedBefore | None:
        """Return what a plan says from now on; None when that is nothing, or not of one set of batteries."""
        steps = [each for each in plan.steps if each.start + each.duration > now]
        names = steps[0].batteries.keys() if steps else set()
        if not names or any(each.batteries.keys() != names for each in steps):
            return None
        return cls(
            steps[0].start,
            tuple(each.duration for each in steps),
            {name: tuple(each.batteries[name].power_w for each in steps) for name in names},
        )


@dataclass(frozen=True, slots=True)
class Question:
    """All that a plan is made from.

    :ivar start: UTC, seconds since 1970
    :ivar zone: IANA name of the home's time zone
    :ivar import_price: of each step, per kWh; `export_price` the same
    :ivar feed_in_counts: what feeding in brings counts; else only what it costs does
    :ivar load_w: what the home takes now without batteries, production and the loads that are planned
    :ivar production_w: of all panels now, a magnitude
    :ivar peak_w: what all panels are rated for
    :ivar place: latitude and longitude, None if nobody said
    :ivar backup_hours: how long the home should last without the grid, None for no such wish
    :ivar outlook: what else is known of the time to come
    :ivar loads: what loads and cars are to get
    :ivar given: loads that run whatever the plan is
    :ivar rooms: what thermostats are to keep
    """

    start: int
    steps_s: tuple[int, ...]
    zone: str
    import_price: tuple[float, ...]
    export_price: tuple[float, ...]
    currency: str
    feed_in_counts: bool
    load_w: float
    production_w: float
    peak_w: float
    place: tuple[float, float] | None
    batteries: tuple[AskedBattery, ...]
    backup_hours: float | None
    recorded: Recorded | None
    before: AskedBefore | None = None
    outlook: Outlook = field(default_factory=Outlook)
    loads: tuple[AskedLoad, ...] = ()
    given: tuple[GivenLoad, ...] = ()
    rooms: tuple[AskedRoom, ...] = ()

    def with_modules_of(self, other: Question) -> Question:
        """Return the same question for the batteries and panels of another one."""
        known = {each.name: each for each in self.batteries}
        # What the same panels give now is known better here.
        same = (self.peak_w, self.recorded) == (other.peak_w, other.recorded)
        panels = self if same else other
        return replace(
            self,
            batteries=tuple(known.get(each.name, each) for each in other.batteries),
            production_w=panels.production_w,
            peak_w=panels.peak_w,
            recorded=panels.recorded,
        )

    def to_json(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> Question:
        """Read what `to_json` wrote. Raise ValueError, KeyError or TypeError."""
        return cls.from_values(json.loads(line))

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Question:
        """Read the members' plain values. Raise ValueError, KeyError or TypeError."""
        before = values["before"]
        return cls(
            **values
            | {
                "steps_s": tuple(values["steps_s"]),
                "import_price": tuple(values["import_price"]),
                "export_price": tuple(values["export_price"]),
                "place": None if values["place"] is None else tuple(values["place"]),
                "batteries": tuple(AskedBattery.of(each) for each in values["batteries"]),
                "outlook": Outlook.from_values(values["outlook"]),
                "recorded": Recorded.of(values["recorded"]),
                "loads": tuple(AskedLoad.of(each) for each in values["loads"]),
                "given": tuple(GivenLoad(**each) for each in values["given"]),
                "rooms": tuple(AskedRoom.of(each) for each in values["rooms"]),
                "before": None
                if before is None
                else AskedBefore(
                    before["start"],
                    tuple(before["steps_s"]),
                    {name: tuple(row) for name, row in before["power_w"].items()},
                ),
            }
        )


def steps_from(now: float) -> tuple[int, tuple[int, ...]]:
    """Return when a plan begins that is made now, and its steps, in seconds.

    It begins with the five minutes that hold `now`. About an hour of those is followed by quarters of an
    hour until 36 h, and by hours until 48 h; the longer ones begin where clocks have them begin.
    """
    start = int(now) // _FINE_S * _FINE_S
    return start, tuple(_steps(start))


def _steps(start: int) -> Iterator[int]:
    time = start
    while time < start + _FINE_COUNT * _FINE_S or time % _QUARTER:
        yield _FINE_S
        time += _FINE_S
    while time < start + _QUARTERS_UNTIL or time % _HOUR:
        yield _QUARTER
        time += _QUARTER
    while time + _HOUR <= start + _HORIZON:
        yield _HOUR
        time += _HOUR
