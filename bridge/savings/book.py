"""The days that were reckoned, in the state file: five years of them."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from bridge.savings.day import Reckoned

if TYPE_CHECKING:
    from matter_node.storage import Storage

KEPT_DAYS: Final = 5 * 366
_PREFIX: Final = "savings/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReckonedDay:
    """What a day came to.

    :ivar reckoned: when, UTC, seconds since 1970; of a day that goes on, up to about then
    """

    day: date
    reckoned: float
    figures: Reckoned


class SavingsBook:
    """Each day of the home, under its date."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, day: ReckonedDay) -> None:
        """Note what a day came to, and forget what is older than it is to be kept. Raise StateError."""
        values = {"reckoned": day.reckoned, "figures": asdict(day.figures)}
        self._storage.put(_PREFIX + day.day.isoformat(), json.dumps(values, separators=(",", ":")).encode())
        oldest = date.fromordinal(max(day.day.toordinal() - KEPT_DAYS, 1)).isoformat()
        for key, _ in self._storage.scan(_PREFIX):
            if key >= _PREFIX + oldest:
                break
            self._storage.delete(key)

    def get(self, day: date) -> ReckonedDay | None:
        """Return what a day came to, None if nobody reckoned it."""
        data = self._storage.get(_PREFIX + day.isoformat())
        return None if data is None else _read(day.isoformat(), data)

    def days(self, period: str = "") -> list[ReckonedDay]:
        """Return the days of a period in order.

        :param period: such as `2026` or `2026-06`; all that are kept by default
        """
        rows = self._storage.scan(_PREFIX + period)
        days = (_read(key.removeprefix(_PREFIX), data) for key, data in rows)
        return [each for each in days if each is not None]


def _read(name: str, data: bytes) -> ReckonedDay | None:
    try:
        values = json.loads(data)
        return ReckonedDay(
            date.fromisoformat(name), float(values["reckoned"]), Reckoned.from_values(values["figures"])
        )
    except (ValueError, TypeError, KeyError) as error:
        _log.warning("what %s came to cannot be read: %r", name, error)
        return None
