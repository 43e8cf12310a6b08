"""Between which temperatures something is to be kept, by the clock on the home's wall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.planner.window import minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

COLDEST_C: Final = 1.0
HOTTEST_C: Final = 95.0
"""What a band may lie between: cellars and hot water."""
MOST_BANDS: Final = 12
_LOOK_S: Final = 300
"""How finely a day is looked through for the next change of band."""
_MEMBERS: Final = frozenset({"lowest_c", "highest_c", "start", "end"})


class BandError(ValueError):
    """Bands that cannot be meant; the message is for a person."""


class Band(NamedTuple):
    """Lowest and highest temperature in °C."""

    lowest_c: float
    highest_c: float

    def within(self, lowest_c: float | None, highest_c: float | None) -> Band | None:
        """Return what of it a device can be set to, by its own limits; None for nothing."""
        low = self.lowest_c if lowest_c is None else max(self.lowest_c, lowest_c)
        high = self.highest_c if highest_c is None else min(self.highest_c, highest_c)
        return Band(low, high) if low <= high else None

    def nearest(self, temperature_c: float) -> float:
        """Return the temperature in it that is nearest to another one."""
        return min(max(temperature_c, self.lowest_c), self.highest_c)


@dataclass(frozen=True, slots=True)
class ComfortBand:
    """A band, and when it holds.

    :ivar start: local time such as `06:00`; None for whenever no other one holds
    :ivar end: local time; at or before `start`, it is on the next day
    :raises BandError: a value is absurd
    """

    lowest_c: float
    highest_c: float
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        for name in ("lowest_c", "highest_c"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise BandError(f"{name} is a temperature in °C, not {value!r}")
            if not COLDEST_C <= value <= HOTTEST_C:
                raise BandError(f"{name} is {COLDEST_C:g} to {HOTTEST_C:g} °C, not {value:g}")
        if self.lowest_c > self.highest_c:
            raise BandError(f"the lowest, {self.lowest_c:g} °C, is above the highest, {self.highest_c:g} °C")
        if (self.start is None) is not (self.end is None):
            raise BandError("start and end belong together")
        if self.start is not None and self.end is not None:
            try:
                same = minutes(str(self.start)) % 1440 == minutes(str(self.end)) % 1440
            except ValueError as error:
                raise BandError(str(error)) from None
            if same:
                raise BandError(f"it begins and ends at {self.start}: leave both out for the whole day")

    def holds(self, minute: int) -> bool:
        """Tell whether it holds at so many minutes after midnight."""
        if self.start is None or self.end is None:
            return True
        start, end = minutes(self.start) % 1440, minutes(self.end) % 1440
        return start <= minute < end if start < end else minute >= start or minute < end

    @property
    def band(self) -> Band:
        """The temperatures alone."""
        return Band(float(self.lowest_c), float(self.highest_c))


def bands_of(found: Any) -> tuple[ComfortBand, ...]:
    """Read bands from plain values. Raise BandError."""
    if not isinstance(found, list | tuple) or len(found) > MOST_BANDS:
        raise BandError(f"are a list of at most {MOST_BANDS}")
    bands = []
    for number, each in enumerate(found, 1):
        if isinstance(each, ComfortBand):
            bands.append(each)
            continue
        if not isinstance(each, dict) or not {"lowest_c", "highest_c"} <= each.keys() <= _MEMBERS:
            raise BandError(
                f"number {number} has lowest_c and highest_c, and start and end if it is not for all day"
            )
        try:
            bands.append(ComfortBand(**each))
        except BandError as error:
            raise BandError(f"number {number}: {error}") from None
    if bands and all(each.start is not None for each in bands):
        raise BandError("one of them is without a time: it says what holds else")
    return tuple(bands)


def band_at(bands: Sequence[ComfortBand], time: float, zone: tzinfo) -> Band | None:
    """Return what holds at an instant (UTC, seconds since 1970): the first that has a time and holds it."""
    local = datetime.fromtimestamp(time, UTC).astimezone(zone)
    minute = local.hour * 60 + local.minute
    timed = [each for each in bands if each.start is not None]
    usual = [each for each in bands if each.start is None]
    return next((each.band for each in (*timed, *usual) if each.holds(minute)), None)


def bands_over(
    bands: Sequence[ComfortBand], start: int, steps_s: Sequence[int], zone: tzinfo
) -> tuple[Band, ...]:
    """Return what holds at the end of each of a row of steps, for their temperature is that of their end.

    :param start: of the first, UTC in seconds since 1970
    """
    found = (band_at(bands, end - 1, zone) for end in accumulate(steps_s, initial=start))
    next(found)
    return tuple(each for each in found if each is not None)


def next_change(bands: Sequence[ComfortBand], now: float, zone: tzinfo) -> float | None:
    """Return when another band holds, UTC in seconds since 1970; None when it is the same all day."""
    held = band_at(bands, now, zone)
    first = int(now) // _LOOK_S * _LOOK_S + _LOOK_S
    times = range(first, first + 86_400 + _LOOK_S, _LOOK_S)
    return next((float(time) for time in times if band_at(bands, time, zone) != held), None)
