"""What the residents configured of the hub while it runs, what it was before, and the way back.

The settings file says what the hub is started with; this is what people change in apps, and it lives with the
state. Every change is a revision, which can be gone back to.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.choices import Policy
from bridge.record import OperatingMode

if TYPE_CHECKING:
    from bridge.choices import HomeChoices
    from bridge.energy_book import EnergyBook
    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 100
"""Revisions that are remembered."""
_PREFIX: Final = "configuration/"


class UnknownRevisionError(LookupError):
    """There is no revision of that number, or it was forgotten."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured."""

    policy: Policy
    operating_mode: OperatingMode
    savings_percent: int
    energy: dict[str, Any] = field(default_factory=dict)
    """What is set of tariff, grid, weather, carbon and planner, over what the settings file says."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One change.

    :ivar number: counts from 1
    :ivar time: UTC, seconds since 1970
    :ivar by: who changed it
    :ivar before: what was configured then
    """

    number: int
    time: float
    by: str
    before: Configured
    after: Configured


class Configuration:
    """The hub's configuration with its history. What is changed elsewhere, as through Matter, is seen too."""

    def __init__(
        self, choices: HomeChoices, storage: Storage, clock: Clock, energy: EnergyBook | None = None
    ) -> None:
        self._choices = choices
        self._energy = energy
        self._storage = storage
        self._clock = clock
        self._revisions = [_read(value) for _, value in storage.scan(_PREFIX)]

    @property
    def now(self) -> Configured:
        """What is configured."""
        chosen = self._choices
        energy = {} if self._energy is None else self._energy.set
        return Configured(chosen.policy, chosen.mode, chosen.savings_percent, energy)

    def change(self, by: str, **values: Any) -> Revision | None:
        """Change what is named; return the revision, or None if it was so already.

        :raises ValueError: a value cannot be
        :raises StateError: it cannot be kept; then nothing was changed
        """
        before, after = self.now, self.judged(**values)
        if after == before:
            return None
        number = self._revisions[-1].number + 1 if self._revisions else 1
        revision = Revision(number, self._clock.utc() or 0.0, by, before, after)
        with self._storage.transaction():
            self._storage.put(f"{_PREFIX}{number:08}", json.dumps(asdict(revision)).encode())
            if self._energy is not None and after.energy != before.energy:
                self._energy.put(after.energy)
            for old in self._revisions[: -KEPT + 1]:
                self._storage.delete(f"{_PREFIX}{old.number:08}")
        self._revisions = [*self._revisions, revision][-KEPT:]
        self._choices.choose(
            policy=after.policy, mode=after.operating_mode, savings_percent=after.savings_percent
        )
        if self._energy is not None and after.energy != before.energy:
            self._storage.flush()
            self._energy.tell()
        return revision

    def judged(self, **values: Any) -> Configured:
        """Return what would be configured if these were changed. Raise ValueError for what cannot be."""
        wished = asdict(self.now) | {name: value for name, value in values.items() if value is not None}
        if not 0 <= wished["savings_percent"] <= 100:
            raise ValueError(f"savings before comfort are 0 to 100 percent, not {wished['savings_percent']}")
        if self._energy is not None:
            self._energy.judged(wished["energy"])
        return Configured(**wished)

    def history(self) -> tuple[Revision, ...]:
        """Return the revisions that are remembered, the newest last."""
        return tuple(self._revisions)

    def back_to(self, number: int, by: str) -> Revision | None:
        """Configure what was so before a revision. Raise UnknownRevisionError, StateError."""
        for revision in self._revisions:
            if revision.number == number:
                return self.change(by, **asdict(revision.before))
        raise UnknownRevisionError(f"there is no revision {number}")


def _read(stored: bytes) -> Revision:
    values = json.loads(stored)
    for side in ("before", "after"):
        found = values[side]
        values[side] = Configured(
            Policy(found["policy"]),
            OperatingMode(found["operating_mode"]),
            found["savings_percent"],
            found.get("energy", {}),
        )
    return Revision(**values)
