"""Strict reading of what came over a network: each thing is what it must be, or it is refused in words."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Never

from bridge.feeds.series import Series, SeriesError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from bridge.feeds.series import Span


class FormatError(ValueError):
    """The answer is not what the format says; the message is for a person."""


def loaded(body: bytes) -> dict[str, Any]:
    """Return the object that JSON in UTF-8 says. Raise FormatError."""
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise FormatError("the answer is not UTF-8") from error
    except RecursionError as error:
        raise FormatError("the answer is nested too deeply") from error
    except ValueError as error:
        raise FormatError(f"the answer is no JSON ({str(error)[:80]})") from error
    if not isinstance(found, dict):
        raise FormatError(f"the answer is a {type(found).__name__}, where an object belongs")
    return found


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number of JSON")


def member(found: dict[str, Any], name: str, kind: type) -> Any:
    """Return a member of the right kind. Raise FormatError."""
    value = found.get(name)
    if not isinstance(value, kind):
        what = "is missing" if name not in found else f"is a {type(value).__name__}"
        raise FormatError(f"{name} {what}; it must be a {kind.__name__}")
    return value


def number(what: str, value: object, lowest: float = -1e9, highest: float = 1e9) -> float:
    """Return a finite number within bounds. Raise FormatError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{what} is {_brief(value)}, which is no number")
    try:
        found = float(value)
    except OverflowError as error:
        raise FormatError(f"{what} is beyond all numbers") from error
    if not math.isfinite(found) or not lowest <= found <= highest:
        raise FormatError(f"{what} is {found:g}; {lowest:g} to {highest:g} can be meant")
    return found


def seconds(what: str, value: object, *, per: int = 1) -> int:
    """Return a whole number of seconds since 1970.

    :param per: how many of the unit there are in a second
    :raises FormatError: it is none
    """
    if isinstance(value, bool) or not isinstance(value, int) or value % per:
        raise FormatError(f"{what} is {_brief(value)}, which is no time")
    return value // per


def instant(what: str, value: object, zone: tzinfo | None = None) -> int:
    """Return the seconds since 1970 of a time in RFC 3339, or of one on the clocks of a zone.

    :param zone: whose clocks are meant where the time says no offset; None where it must say one
    :raises FormatError: it is no time, or no clock of the zone ever shows it
    """
    if not isinstance(value, str) or len(value) > 40:
        raise FormatError(f"{what} is {_brief(value)}, which is no time")
    try:
        found = datetime.fromisoformat(value.strip())
        if found.tzinfo is None:
            if zone is None:
                raise FormatError(f"{what} is {value}, without an offset from UTC")
            found = found.replace(tzinfo=zone)
            if found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != found.replace(tzinfo=None):
                raise FormatError(f"{what} is {value}, which clocks in {zone} never show: they jump over it")
        return int(found.timestamp())
    except (ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{what} is {_brief(value)}, which is no time") from error


def later(time: int, zone: tzinfo) -> int:
    """Return when clocks of a zone show the same time for the second time. Raise FormatError if they do not.

    On the day on which they are put back they show an hour twice.
    """
    local = datetime.fromtimestamp(time, zone)
    again = int(local.replace(fold=1).timestamp())
    if again == time:
        raise FormatError(f"there are two values for {local:%Y-%m-%d %H:%M}")
    return again


def series(spans: Iterable[Span]) -> Series:
    """Return a series that says something. Raise FormatError."""
    try:
        found = Series.of(spans)
    except SeriesError as error:
        raise FormatError(str(error)) from error
    if not len(found):
        raise FormatError("the answer holds no values")
    return found


def held(what: str, rows: Iterable[tuple[int, float | None]], *, longest: int = 3600) -> list[Span]:
    """Return the spans of values that each hold until the next begins, the last as long as the one before.

    :param rows: begin and value; None for what is not known
    :param longest: seconds after which a value holds no more: a gap is a gap
    :raises FormatError: two begin at the same time
    """
    ordered = sorted(rows, key=itemgetter(0))
    spans: list[Span] = []
    length = longest
    for index, (start, value) in enumerate(ordered):
        if index + 1 < len(ordered):
            length = min(ordered[index + 1][0] - start, longest)
            if length <= 0:
                raise FormatError(f"there are two values of {what} for one time")
        if value is not None:
            spans.append((start, start + length, value))
    return spans


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
