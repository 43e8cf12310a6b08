"""From settings to sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.feeds.formats.asked import Asked
from bridge.feeds.news import CARBON, PRICE, SUN
from bridge.feeds.source import SERVICES, Source

if TYPE_CHECKING:
    from bridge.feeds.settings import CarbonSettings, PriceSourceSettings, WeatherSettings

DAYS_BACK: Final = 14
"""Days of past prices that are wanted at first: what is usual is told from two weeks."""


def price_source(settings: PriceSourceSettings, zone: str, currency: str) -> Source | None:
    """Return where prices come from, None if they do not change.

    :param zone: IANA name of the home's time zone
    """
    if not settings.format:
        return None
    return Source(
        PRICE,
        settings.format,
        Asked(PRICE, zone, highest=settings.highest, currency=currency, area=settings.area),
        url=settings.url or SERVICES[settings.format].url,
        file=settings.file,
        token=settings.token,
        days_back=DAYS_BACK,
    )


def carbon_source(settings: CarbonSettings, zone: str) -> Source | None:
    """Return where emissions come from, None if nobody says or they are always the same."""
    source = settings.source
    if not source.format:
        return None
    return Source(
        CARBON,
        source.format,
        Asked(CARBON, zone, area=source.area),
        url=source.url or SERVICES[source.format].url,
        file=source.file,
        token=source.token,
        # Whoever says what is to come says little of what was.
        days_back=1,
    )


def sun_source(
    settings: WeatherSettings, zone: str, place: tuple[float, float] | None, peak_w: float
) -> Source | None:
    """Return where forecasts of the sun come from, None if nobody is asked.

    :param peak_w: what the home's inverters are rated for
    """
    if not settings.service:
        return None
    peak_kw = settings.peak_kw if settings.peak_kw is not None else peak_w / 1000
    if settings.service == "forecast-solar" and not peak_kw:
        return None  # nothing is known yet of what it is to forecast
    plane = (settings.declination, settings.azimuth, round(peak_kw, 3))
    return Source(
        SUN,
        settings.service,
        Asked(SUN, zone, place=place, plane=plane if settings.service == "forecast-solar" else None),
        url=settings.url or SERVICES[settings.service].url,
        token=settings.token,
        site=settings.site,
    )
