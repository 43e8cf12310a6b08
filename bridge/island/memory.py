"""What an island must not forget, also when the hub is killed in the middle of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from bridge.island.mode import HomeMode


class Cause(StrEnum):
    """Why a load is off, for a person."""

    OVERLOAD = "the batteries cannot carry it"
    CHARGE = "the batteries hold too little for it"
    FLOOR = "the batteries are at their floor"
    DARK = "the home has no power"


@dataclass(frozen=True, slots=True)
class Shed:
    """A load that is off because of the island.

    :ivar since: when it was switched off
    :ivar power_w: what it took then
    :ivar expected_w: what it takes when it runs, as far as is known
    :ivar was_on: whether it is to be on again afterwards
    :ivar times: how often it went off in this island
    """

    load: str
    since: float
    power_w: float
    expected_w: float
    cause: Cause
    was_on: bool = True
    times: int = 1


@dataclass(frozen=True, slots=True)
class Back:
    """A load that was given power again: when, and what it may take.

    :ivar times: how often it was off in this island
    """

    at: float
    expected_w: float
    times: int


@dataclass(frozen=True, slots=True)
class Throttle:
    """What a car may take.

    :ivar current_a: amperes per phase
    :ivar since: when that was changed last
    :ivar relief_w: what it took more before
    """

    current_a: int
    since: float
    relief_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """The island so far. Times are those of `Situation`.

    :ivar mode: how the home works
    :ivar lost_at: when the grid went, None while it is there
    :ivar off: the loads that are off, in the order in which they went
    :ivar back: the loads that came back in this island, by key
    :ivar back_at: when the last one did
    :ivar net_w: what the batteries carry, smoothed; None before they were read
    :ivar net_at: when it was smoothed last
    :ivar giving: the loads that are being switched on again, until they say that they are
    :ivar solar_limit_w: what all producers together may give; None for all that they can
    :ivar limited_at: when that was changed last
    :ivar throttles: what cars may take, by charging point, also of one that is off: for when it comes back
    :ivar filled: the batteries have been nearly full, and are not far from it yet
    """

    mode: HomeMode = HomeMode.FEDERATED
    lost_at: float | None = None
    off: tuple[Shed, ...] = ()
    back: dict[str, Back] = field(default_factory=dict)
    back_at: float | None = None
    giving: tuple[str, ...] = ()
    net_w: float | None = None
    net_at: float = 0.0
    solar_limit_w: float | None = None
    limited_at: float = 0.0
    throttles: dict[str, Throttle] = field(default_factory=dict)
    filled: bool = False

    def shed(self, load: str) -> Shed | None:
        """Return how a load is off, None if it is not."""
        return next((each for each in self.off if each.load == load), None)

    def moved(self, seconds: float) -> Memory:
        """Return the same island by a clock that is so far ahead, with nothing smoothed or throttled yet."""
        return replace(
            self,
            lost_at=None if self.lost_at is None else self.lost_at + seconds,
            off=tuple(replace(each, since=each.since + seconds) for each in self.off),
            back={key: replace(each, at=each.at + seconds) for key, each in self.back.items()},
            back_at=None if self.back_at is None else self.back_at + seconds,
            net_w=None,
            limited_at=self.limited_at + seconds,
            throttles={},
        )

    def to_json(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Memory:
        """Read what was stored. Raise ValueError, KeyError or TypeError."""
        values: dict[str, Any] = json.loads(data)
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(
            **known
            | {
                "mode": HomeMode(values["mode"]),
                "off": tuple(Shed(**each | {"cause": Cause(each["cause"])}) for each in values["off"]),
                "back": {key: Back(**each) for key, each in values["back"].items()},
                "giving": tuple(values.get("giving", ())),
                "throttles": {key: Throttle(**each) for key, each in values.get("throttles", {}).items()},
            }
        )
