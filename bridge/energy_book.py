"""What people set of tariff, grid, weather, emissions and planner while the hub runs.

The settings file says what holds otherwise. What is set here lies over it, value by value, and lives with the
state.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.planner.settings import EnergySettings, judge_plan

if TYPE_CHECKING:
    from bridge.events import EventBus
    from bridge.feeds.settings import Problems
    from matter_node.storage import Storage

HIDDEN: Final = "********"
"""Stands for a token, which is never shown again."""
_KEPT: Final = "home/energy"
_DEEPEST: Final = 6
_MOST_BYTES: Final = 32 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EnergySettingsChanged:
    """Plans are to be made by other settings."""

    settings: EnergySettings


class EnergySettingsError(ValueError):
    """The settings cannot be used.

    :ivar problems: path and message of each thing that is wrong
    """

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, path))} {message}" for path, message in problems))
        self.problems = problems


class EnergyBook:
    """What is set, over what the settings file says."""

    def __init__(self, storage: Storage, bus: EventBus, file: EnergySettings) -> None:
        """Take up what a former run has left; what does not fit to the settings file any more is dropped.

        :param file: what the settings file says
        """
        self._storage = storage
        self._bus = bus
        self._base = json.loads(json.dumps(asdict(file), default=str))
        self.set: dict[str, Any] = {}
        """What was set, by table; what is not in it is as the settings file says."""
        self.now = file
        """What holds."""
        stored = storage.get(_KEPT)
        if stored is None:
            return
        try:
            found = json.loads(stored)
            self.now, self.set = self.judged(found), found
        except (EnergySettingsError, ValueError, TypeError) as error:
            _log.error("what was set of the tariff and the like does not hold any more: %s", error)

    def patched(self, change: dict[str, Any]) -> dict[str, Any]:
        """Return what would be set if something were changed; null stands for what the settings file says.

        :param change: values by table, as in the settings file
        """
        found = _merged(self.set, change)
        assert isinstance(found, dict), "a table with changes is a table"
        return found

    def judged(self, wished: dict[str, Any]) -> EnergySettings:
        """Return the settings with what is wished over the settings file. Raise EnergySettingsError."""
        from pydantic import TypeAdapter, ValidationError  # a hub where nothing is set so has no use for it

        if len(json.dumps(wished)) > _MOST_BYTES:
            raise EnergySettingsError([((), "is more than anybody sets")])
        text = json.dumps(_merged(self._base, wished))
        try:
            settings = TypeAdapter(EnergySettings).validate_json(text, strict=True)
        except ValidationError as error:
            raise EnergySettingsError(
                [(tuple(each["loc"]), each["msg"][:1].lower() + each["msg"][1:]) for each in error.errors()]
            ) from error
        file = (settings.tariff.source.file, settings.carbon.source.file)
        known = (self._base["tariff"]["source"]["file"], self._base["carbon"]["source"]["file"])
        problems: Problems = [
            ((section, "source", "file"), "is set in the settings file only: nobody else has files read")
            for section, wanted, said in zip(("tariff", "carbon"), file, known, strict=True)
            if wanted is not None and wanted != (None if said is None else Path(said))
        ]
        problems += judge_plan(settings.tariff, settings.planner, settings.carbon, settings.weather)
        if problems:
            raise EnergySettingsError(problems)
        return settings

    def put(self, wished: dict[str, Any]) -> None:
        """Store what is wished; it holds with `hold`. Raise EnergySettingsError, StateError."""
        self.judged(wished)
        self._storage.put(_KEPT, json.dumps(wished, separators=(",", ":")).encode())

    def hold(self, wished: dict[str, Any]) -> None:
        """Let what is stored hold, and tell of it. Raise EnergySettingsError."""
        self.now, self.set = self.judged(wished), wished
        self._bus.publish(EnergySettingsChanged(self.now))


def without_secrets(found: Any) -> Any:
    """Return settings without tokens, and without what stands behind the question mark of an address."""
    if not isinstance(found, dict):
        return found
    return {name: _shown(name, value) for name, value in found.items()}


def _shown(name: str, value: Any) -> Any:
    if name == "token" and value:
        return HIDDEN
    if name == "url" and isinstance(value, str):
        return value.partition("?")[0]
    return without_secrets(value)


def _merged(below: Any, above: Any, depth: int = 0) -> Any:
    """Return one table over another (RFC 7396, JSON Merge Patch)."""
    if not isinstance(above, dict) or depth > _DEEPEST:
        return above
    found = dict(below) if isinstance(below, dict) else {}
    for name, value in above.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = _merged(found.get(name), value, depth + 1)
    return found
