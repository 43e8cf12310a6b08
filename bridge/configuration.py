"""What the residents configured of the hub while it runs, what it was before, and the way back.

The settings file says what the hub is started with; this is what people change in apps, and it lives with the
state. Every change is a revision, which can be gone back to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.choices import Policy
from bridge.record import OperatingMode
from bridge.revisions import Revision, Revisions

if TYPE_CHECKING:
    from bridge.choices import HomeChoices
    from bridge.energy_book import EnergyBook
    from matter_node.clock import Clock
    from matter_node.storage import Storage

_PREFIX: Final = "configuration/"


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured."""

    policy: Policy
    operating_mode: OperatingMode
    savings_percent: int
    energy: dict[str, Any] = field(default_factory=dict)
    """What is set of tariff, grid, weather, carbon and planner, over what the settings file says."""


class Configuration:
    """The hub's configuration with its history. What is changed elsewhere, as through Matter, is seen too."""

    def __init__(
        self, choices: HomeChoices, storage: Storage, clock: Clock, energy: EnergyBook | None = None
    ) -> None:
        self._choices = choices
        self._energy = energy
        self._storage = storage
        self._revisions = Revisions(storage, _PREFIX, _read, clock)

    @property
    def now(self) -> Configured:
        """What is configured."""
        chosen = self._choices
        energy = {} if self._energy is None else self._energy.set
        return Configured(chosen.policy, chosen.mode, chosen.savings_percent, energy)

    def change(self, by: str, **values: Any) -> Revision[Configured] | None:
        """Change what is named; return the revision, or None if it was so already.

        :raises ValueError: a value cannot be
        :raises StateError: it cannot be kept; then nothing was changed
        """
        before, after = self.now, self.judged(**values)
        if after == before:
            return None
        with self._revisions.adding(by, before, after) as revision:
            if self._energy is not None and after.energy != before.energy:
                self._energy.put(after.energy)
        self._choices.choose(
            policy=after.policy, mode=after.operating_mode, savings_percent=after.savings_percent
        )
        if self._energy is not None and after.energy != before.energy:
            self._storage.flush()
            self._energy.hold(after.energy)
        return revision

    def judged(self, **values: Any) -> Configured:
        """Return what would be configured if these were changed. Raise ValueError for what cannot be."""
        wished = asdict(self.now) | {name: value for name, value in values.items() if value is not None}
        if not 0 <= wished["savings_percent"] <= 100:
            raise ValueError(f"savings before comfort are 0 to 100 percent, not {wished['savings_percent']}")
        if self._energy is not None:
            self._energy.judged(wished["energy"])
        return Configured(**wished)

    def before(self, number: int) -> dict[str, Any]:
        """Return the values that were configured before a revision. Raise UnknownRevisionError."""
        return asdict(self._revisions[number].before)

    def history(self) -> tuple[Revision[Configured], ...]:
        """Return the revisions that are remembered, the newest last."""
        return self._revisions.all()


def _read(stored: dict[str, Any]) -> Configured:
    return Configured(
        Policy(stored["policy"]),
        OperatingMode(stored["operating_mode"]),
        stored["savings_percent"],
        stored.get("energy", {}),
    )
