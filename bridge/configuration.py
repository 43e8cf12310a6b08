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
    from bridge.settings_book import SettingsBook
    from matter_node.clock import Clock
    from matter_node.storage import Storage

_PREFIX: Final = "configuration/"


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured."""

    policy: Policy
    operating_mode: OperatingMode
    savings_percent: int
    settings: dict[str, Any] = field(default_factory=dict)
    """What is set of `LiveSettings`, over what the settings file says."""


class Configuration:
    """The hub's configuration with its history. What is changed elsewhere, as through Matter, is seen too."""

    def __init__(
        self, choices: HomeChoices, storage: Storage, clock: Clock, book: SettingsBook | None = None
    ) -> None:
        self._choices = choices
        self._book = book
        self._storage = storage
        self._revisions = Revisions(storage, _PREFIX, _read, clock)

    @property
    def now(self) -> Configured:
        """What is configured."""
        chosen = self._choices
        settings = {} if self._book is None else self._book.set
        return Configured(chosen.policy, chosen.mode, chosen.savings_percent, settings)

    def change(self, by: str, **values: Any) -> Revision[Configured] | None:
        """Change what is named; return the revision, or None if it was so already.

        :raises ValueError: a value cannot be
        :raises StateError: it cannot be kept; then nothing was changed
        """
        before, after = self.now, self.judged(**values)
        if after == before:
            return None
        with self._revisions.adding(by, before, after) as revision:
            if self._book is not None and after.settings != before.settings:
                self._book.put(after.settings)
        self._choices.choose(
            policy=after.policy, mode=after.operating_mode, savings_percent=after.savings_percent
        )
        if self._book is not None and after.settings != before.settings:
            self._storage.flush()
            self._book.hold(after.settings)
        return revision

    def judged(self, **values: Any) -> Configured:
        """Return what would be configured if these were changed. Raise ValueError for what cannot be."""
        wished = asdict(self.now) | {name: value for name, value in values.items() if value is not None}
        if not 0 <= wished["savings_percent"] <= 100:
            raise ValueError(f"savings before comfort are 0 to 100 percent, not {wished['savings_percent']}")
        if self._book is not None:
            self._book.judged(wished["settings"])
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
        stored.get("settings", {}),
    )
