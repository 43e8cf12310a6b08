"""For how long what was recorded is kept: as the settings say, or as the residents chose since.

What somebody chose goes before the settings file, over restarts, until it is taken back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Self

from bridge.revisions import Revision, Revisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.settings import TelemetrySettings
    from bridge.telemetry.telemetry import Telemetry
    from matter_node.clock import Clock
    from matter_node.storage import Storage

MOST_DAYS: Final = 36_500
DAY: Final = 86_400
_CHOSEN: Final = "retention/chosen"
_REVISIONS: Final = "retention/revision/"
_LAYERS: Final = ("seconds_days", "minutes_days", "quarters_days")
"""The finest first: what is coarser stands in for what is gone, so it is kept as long at least."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days what is kept; 0 is for ever."""

    seconds_days: int
    minutes_days: int
    quarters_days: int
    events_days: int

    @classmethod
    def of(cls, settings: TelemetrySettings) -> Self:
        """Return what the settings say."""
        return cls(settings.second_days, settings.minute_days, settings.quarter_days, settings.event_days)

    def removed(self, before: Retention, now: float) -> dict[str, int]:
        """Return what goes when this follows another retention: until when, by field; UTC, whole days.

        What is recorded from that time on stays. A field that is not there loses nothing.
        """
        old, new = asdict(before), asdict(self)
        return {
            name: int(now - days * DAY) // DAY * DAY
            for name, days in new.items()
            if days and (days < old[name] or not old[name])
        }


class RetentionBook:
    """What is chosen, with its history."""

    def __init__(
        self, settings: TelemetrySettings, telemetry: Telemetry, storage: Storage, clock: Clock
    ) -> None:
        """Let the store of telemetry keep what was chosen before."""
        self.settings: Final = Retention.of(settings)
        """What the settings file says."""
        self._telemetry = telemetry
        self._storage = storage
        self._revisions = Revisions(storage, _REVISIONS, lambda values: Retention(**values), clock)
        stored = storage.get(_CHOSEN)
        self._chosen = None if stored is None else Retention(**json.loads(stored))
        telemetry.keep(self.now)

    @property
    def now(self) -> Retention:
        """What is in force."""
        return self._chosen or self.settings

    @property
    def chosen(self) -> bool:
        """Whether somebody chose it, in place of the settings file."""
        return self._chosen is not None

    def history(self) -> tuple[Revision[Retention], ...]:
        """Return the changes that are remembered, the newest last."""
        return self._revisions.all()

    def before(self, number: int) -> Retention:
        """Return what was in force before a revision. Raise UnknownRevisionError."""
        return self._revisions[number].before

    def judged(self, days: Mapping[str, int]) -> Retention:
        """Return what would be in force if these fields were changed. Raise ValueError for what cannot be."""
        wished = asdict(self.now) | dict(days)
        for name, value in wished.items():
            if not 0 <= value <= MOST_DAYS:
                raise ValueError(f"{name} are 0, for ever, to {MOST_DAYS}, not {value}")
        problems = too_short({name: wished[name] for name in _LAYERS})
        if problems:
            raise ValueError("; ".join(f"{name}: {problem}" for name, problem in problems))
        return Retention(**wished)

    def choose(self, by: str, wished: Retention | None) -> None:
        """Keep what was recorded for so long from now on; None is what the settings file says.

        What is older is removed within the next hours and does not come back.

        :raises StateError: it cannot be kept; then nothing was changed
        """
        before, after = self.now, wished or self.settings
        if wished == before or (wished is None and not self.chosen):
            return
        with self._revisions.adding(by, before, after):
            if wished is None:
                self._storage.delete(_CHOSEN)
            else:
                self._storage.put(_CHOSEN, json.dumps(asdict(wished)).encode())
        self._storage.flush()
        self._chosen = wished
        self._telemetry.keep(after)


def too_short(days: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return what keeps less than the finer one before it: its name, and what is wrong; 0 is for ever.

    :param days: by name, the finest first
    """
    return [
        (coarser, f"{days[coarser]} is less than {finer}, which is {days[finer] or 'for ever'}")
        for finer, coarser in pairwise(days)
        if days[coarser] and (days[coarser] < days[finer] or not days[finer])
    ]
