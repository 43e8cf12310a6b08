"""Tariffs that plans are made by."""

from bridge.planner.settings import PriceWindowSettings, TariffSettings
from bridge.planner.tariff import Tariff
from bridge.time_zone import time_zone


def night_tariff():
    """Return one that is cheap from midnight to six and dear from six to midnight, in UTC."""
    night = PriceWindowSettings(start="00:00", end="06:00", import_price=0.10)
    found = Tariff.of(TariffSettings(import_price=0.40, windows=(night,)), time_zone("UTC"))
    assert found is not None
    return found
