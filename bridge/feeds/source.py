"""Where a feed comes from: how it is asked, and how often that may be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.feeds.formats.asked import Asked

DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of a service.

    :ivar url: where it is, by default
    :ivar period: seconds from one request to the next
    :ivar least: seconds between two requests that it asks everybody to keep, whatever happens
    :ivar token_header: how a token is sent; a bearer token when it is Authorization
    """

    url: str
    period: float
    least: float
    token_header: str = "Authorization"  # noqa: S105 - the name of a header


SERVICES: Final = {
    "table": Service("", 3600.0, 60.0),
    # 100 requests a day.
    "awattar": Service("https://api.awattar.de/v1/marketdata", 3600.0, 900.0),
    "energy-charts": Service("https://api.energy-charts.info", 3600.0, 900.0),
    "electricity-maps": Service(
        "https://api.electricitymaps.com/v3/carbon-intensity/forecast", 3600.0, 900.0, "auth-token"
    ),
    # 10,000 requests a day; the models behind it are run every few hours.
    "open-meteo": Service("https://api.open-meteo.com/v1/forecast", 3600.0, 900.0),
    # 10 requests a day for homes.
    "solcast": Service("https://api.solcast.com.au", 3 * 3600.0, 8_640.0),
    # 12 requests an hour, and none sooner than a quarter of an hour after the one before.
    "forecast-solar": Service("https://api.forecast.solar", 3600.0, 900.0),
}


@dataclass(frozen=True, slots=True)
class Source:
    """One source.

    :ivar name: of the feed: `price`, `co2` or `sun`
    :ivar format: one of SERVICES
    :ivar url: where it is asked; empty for a file
    :ivar file: where it is on this machine; None for a service
    :ivar token: for services that want one; a secret
    :ivar asked: what is wanted of it, but for the time
    :ivar days_back: how many days are wanted that are past already, at first
    """

    name: str
    format: str
    asked: Asked
    url: str = ""
    file: Path | None = None
    token: str = field(default="", repr=False)
    site: str = ""
    days_back: int = 0

    @property
    def service(self) -> Service:
        """What is known of it."""
        return SERVICES[self.format]

    @property
    def pictured(self) -> str:
        """What a person calls it; without anything secret."""
        return str(self.file) if self.file is not None else self.url.partition("?")[0]

    @property
    def mark(self) -> str:
        """What tells it from others, so that one does not pass for another's."""
        asked = self.asked
        where = (self.format, self.url, str(self.file), self.site)
        return repr((*where, asked.row, asked.area, asked.place, asked.plane, asked.currency))

    def request(self, begin: int, end: int, seen: dict[str, str]) -> dict[str, Any]:
        """Return what the asking process is told.

        :param begin: from when on something is wanted, UTC in seconds since 1970
        :param seen: what the service said about the last answer: `etag`, `last-modified`
        """
        return {
            "format": self.format,
            "url": self.url,
            "file": None if self.file is None else str(self.file),
            "site": self.site,
            "token": self.token,
            "token_header": self.service.token_header,
            "seen": seen,
            "asked": replace(self.asked, begin=begin, end=end).plain(),
        }
