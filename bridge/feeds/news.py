"""What feeds tell the rest of the hub: that there is something new, that one is lost or back."""

from __future__ import annotations

from typing import Final, NamedTuple

PRICE: Final = "price"
CARBON: Final = "co2"
SUN: Final = "sun"
AIR: Final = "temperature"
"""A row of the feed of weather: the temperature outside."""


class FeedChanged(NamedTuple):
    """A feed says something else about what is to come, or is lost, or is back."""

    name: str


class FeedAlert(NamedTuple):
    """A feed is lost, or is back; `detail` says what is wrong, and is empty when all is well."""

    name: str
    detail: str
