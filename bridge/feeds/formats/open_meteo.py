"""Weather as Open-Meteo gives it (`GET /v1/forecast`): irradiance, in means of the hour before each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.feeds.formats.strict import FormatError, loaded, member, number, seconds, series

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series

HOUR: Final = 3600
BRIGHTEST: Final = 1_500.0
"""W/m2: more than the sun gives above the air, on any day."""
DAYS: Final = 4


def parse(body: bytes, _: Asked) -> dict[str, Series]:
    """Return `irradiance` in W/m2 and, where it is told, `temperature` in °C. Raise FormatError."""
    found = loaded(body)
    units, hourly = member(found, "hourly_units", dict), member(found, "hourly", dict)
    for name, unit in (("time", "unixtime"), ("shortwave_radiation", "W/m²")):
        if units.get(name) != unit:
            raise FormatError(f"{name} is in {str(units.get(name))[:20]!r}, where {unit} belongs")
    times = [seconds("a time", each) for each in member(hourly, "time", list)]
    light = _row(hourly, "shortwave_radiation", times)
    told = {
        # A mean of the hour before; never below nothing, whatever the model's rounding says.
        "irradiance": series(
            (time - HOUR, time, max(number("the irradiance", value, -5.0, BRIGHTEST), 0.0))
            for time, value in zip(times, light, strict=True)
            if value is not None
        )
    }
    if "temperature_2m" in hourly:
        air = _row(hourly, "temperature_2m", times)
        told["temperature"] = series(
            (time, time + HOUR, number("the temperature", value, -100.0, 70.0))
            for time, value in zip(times, air, strict=True)
            if value is not None
        )
    return told


def _row(hourly: dict[str, Any], name: str, times: list[int]) -> list[Any]:
    values: list[Any] = member(hourly, name, list)
    if len(values) != len(times):
        raise FormatError(f"{name} has {len(values)} values for {len(times)} times")
    return values


def query(asked: Asked) -> dict[str, str]:
    """Return what is asked for: today and the next days at a place."""
    latitude, longitude = asked.place or (0.0, 0.0)
    return {
        "latitude": f"{latitude:.4f}",
        "longitude": f"{longitude:.4f}",
        "hourly": "shortwave_radiation,temperature_2m",
        "timeformat": "unixtime",
        "timezone": "UTC",
        "forecast_days": str(DAYS),
    }
