"""What each person wants to see, and when to be told: units, language, currency, tariffs, notifications."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from bridge.faults import Severity

if TYPE_CHECKING:
    from bridge.access.accounts import User
    from matter_node.storage import Storage

_PREFIX: Final = "preferences/"

_log = logging.getLogger(__name__)


class Units(StrEnum):
    """In what lengths and temperatures are shown; power and energy are in watts and watt-hours for all."""

    METRIC = "metric"
    IMPERIAL = "imperial"


class Tariff(StrEnum):
    """A course of prices or of the grid's carbon intensity."""

    IMPORT = "import"
    """What energy from the grid costs."""
    EXPORT = "export"
    """What is paid for energy that is fed in."""
    CARBON = "carbon"
    """How much CO2 a kilowatt-hour from the grid stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """When somebody is told of an alert on their channels."""

    enabled: bool = True
    least: Severity = Severity.WARNING
    """Only of what matters as much."""
    over_least: Severity | None = Severity.CRITICAL
    """Also when an alert is over that matters as much; None: never."""
    quiet_from: time | None = None
    """Local time of the home; None: there are no quiet hours. They may go over midnight."""
    quiet_until: time | None = None
    critical_in_quiet: bool = True
    """Whether what is critical is told all the same; the rest waits until the quiet hours are over."""

    def is_quiet(self, local: time) -> bool:
        """Tell whether a local time of day is in the quiet hours."""
        begin, end = self.quiet_from, self.quiet_until
        if begin is None or end is None:
            return False
        return begin <= local < end if begin <= end else local >= begin or local < end


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What one person chose."""

    units: Units = Units.METRIC
    language: str = "en"
    """BCP 47."""
    currency: str = "EUR"
    """ISO 4217."""
    tariffs_shown: tuple[Tariff, ...] = (Tariff.IMPORT, Tariff.EXPORT)
    notifications: Notifications = field(default_factory=Notifications)

    def to_json(self) -> dict[str, Any]:
        """Return them as they are stored."""
        values = dataclasses.asdict(self)
        for name in ("quiet_from", "quiet_until"):
            at = values["notifications"][name]
            values["notifications"][name] = None if at is None else at.isoformat()
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Preferences:
        """Read stored ones. Raise ValueError, KeyError or TypeError."""
        told = values["notifications"]
        hours = {
            name: None if told[name] is None else time.fromisoformat(told[name])
            for name in ("quiet_from", "quiet_until")
        }
        over = told.get("over_least", Severity.CRITICAL)
        severities = {
            "least": Severity(told["least"]),
            "over_least": None if over is None else Severity(over),
        }
        notifications = Notifications(**told | hours | severities)
        tariffs = tuple(Tariff(each) for each in values["tariffs_shown"])
        units = Units(values["units"])
        return cls(**values | {"units": units, "tariffs_shown": tariffs, "notifications": notifications})


class PreferenceBook:
    """Everybody's preferences. They go with the account: a later one of the same name starts anew."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def of(self, user: User) -> Preferences:
        """Return what somebody chose, or what holds until then."""
        stored = self._storage.get(_PREFIX + user.name)
        if stored is None:
            return Preferences()
        try:
            values = json.loads(stored)
            if values["account"] == user.created:
                return Preferences.from_json(values["chosen"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("the preferences of %s cannot be read: %r", user.name, error)
        return Preferences()

    def choose(self, user: User, chosen: Preferences) -> None:
        """Keep what somebody chose. Raise StateError."""
        values = {"account": user.created, "chosen": chosen.to_json()}
        self._storage.put(_PREFIX + user.name, json.dumps(values).encode())
