"""The home's time zone: where its days begin and end."""

from __future__ import annotations

import os
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from datetime import date

_MACHINE: Final = Path("/etc/localtime")
_DATABASE: Final = "zoneinfo/"


def time_zone(name: str | None = None) -> tzinfo:
    """Return the zone of an IANA name such as `Europe/Berlin`, or the machine's own. Raise ValueError.

    A machine that does not say where it is, or has no time zone database, lives in UTC.
    """
    if name is not None:
        return _zone(name)
    for guess in (os.environ.get("TZ", "").lstrip(":"), _machine_zone()):
        if guess:
            try:
                return _zone(guess)
            except ValueError:
                continue
    return UTC


def midnight(day: date, zone: tzinfo) -> int:
    """Return when a day begins in a zone: UTC, seconds since 1970.

    Where clocks are put forward at midnight, it is the instant at which they are.
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def local_day(time: float, zone: tzinfo) -> date:
    """Return the day on which an instant (UTC, seconds since 1970) falls in a zone."""
    return datetime.fromtimestamp(time, zone).date()


def _zone(name: str) -> tzinfo:
    if name in {"UTC", "Etc/UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Berlin") from None


def _machine_zone() -> str:
    """Return the IANA name that /etc/localtime leads to, or nothing."""
    try:
        target = str(_MACHINE.resolve(strict=True))
    except OSError:
        return ""
    return target.partition(_DATABASE)[2]
