"""What people set while the hub runs.

The settings file says what holds otherwise. What is set here lies over it, value by value, and lives with the
state.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bridge.live_settings import AT_START, IN_THE_FILE, LiveSettings, judge_live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matter_node.storage import Storage

HIDDEN: Final = "********"
"""Stands for a token, which is never shown again."""
_KEPT: Final = "home/settings"
_DEEPEST: Final = 6
_MOST_BYTES: Final = 32 * 1024

_log = logging.getLogger(__name__)


class BadSettingsError(ValueError):
    """The settings cannot be used.

    :ivar problems: path and message of each thing that is wrong
    """

    def __init__(self, problems: list[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, path))} {message}" for path, message in problems))
        self.problems = problems


class SettingsBook:
    """What is set, over what the settings file says."""

    def __init__(
        self, storage: Storage, file: LiveSettings, told: Callable[[LiveSettings, LiveSettings], None]
    ) -> None:
        """Take up what a former run has left, but for tables that do not fit to the settings file any more.

        :param file: what the settings file says
        :param told: told the settings before and after a change, when they hold
        """
        self._storage = storage
        self._told = told
        self._base = json.loads(json.dumps(asdict(file), default=str))
        self.set: dict[str, Any] = {}
        """What was set, by table; what is not in it is as the settings file says."""
        self.now = file
        """What holds."""
        stored = storage.get(_KEPT)
        if stored is not None:
            try:
                self._take_up(json.loads(stored))
            except (ValueError, TypeError) as error:
                _log.error("what was set while the hub ran cannot be read: %s", error)
        self._started = self.now

    def _take_up(self, found: dict[str, Any]) -> None:
        try:
            self.now, self.set = self.judged(found), found
        except BadSettingsError as error:
            _log.error("what was set while the hub ran does not hold any more: %s", error)
            bad = {path[0] for path, _ in error.problems if path}
            fit = {name: table for name, table in found.items() if name not in bad}
            if fit and bad & found.keys():
                self._take_up(fit)

    def patched(self, change: dict[str, Any]) -> dict[str, Any]:
        """Return what would be set if something were changed; null stands for what the settings file says.

        :param change: values by table, as in the settings file. What comes back as it was shown, without the
            secret in it, changes nothing
        """
        found = _merged(self.set, _known(change, _merged(self._base, self.set)))
        assert isinstance(found, dict), "a table with changes is a table"
        return found

    def judged(self, wished: dict[str, Any]) -> LiveSettings:
        """Return the settings with what is wished over the settings file. Raise BadSettingsError."""
        if wished == self.set:
            return self.now
        from pydantic import TypeAdapter, ValidationError  # a hub where nothing is set so has no use for it

        if len(json.dumps(wished)) > _MOST_BYTES:
            raise BadSettingsError([((), "is more than anybody sets")])
        values = _merged(self._base, wished)
        try:
            settings = TypeAdapter(LiveSettings).validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            raise BadSettingsError(
                [(tuple(each["loc"]), _said(each["type"], each["msg"])) for each in error.errors()]
            ) from error
        problems: list[tuple[tuple[str | int, ...], str]] = [
            (path, "is set in the settings file only")
            for path in IN_THE_FILE
            if _at(values, path) not in {None, _at(self._base, path)}
        ]
        problems += judge_live(settings)
        if problems:
            raise BadSettingsError(problems)
        return settings

    def restart_required(self, settings: LiveSettings) -> tuple[str, ...]:
        """Return the keys, such as `api.names`, in which settings hold from the next start of the hub on."""
        held, wished = asdict(self._started), asdict(settings)
        return tuple(".".join(path) for path in AT_START if _at(held, path) != _at(wished, path))

    def put(self, wished: dict[str, Any]) -> None:
        """Store what is wished; it holds with `hold`. Raise BadSettingsError, StateError."""
        self.judged(wished)
        self._storage.put(_KEPT, json.dumps(wished, separators=(",", ":")).encode())

    def hold(self, wished: dict[str, Any]) -> None:
        """Let what is stored hold, and tell of it. Raise BadSettingsError."""
        before = self.now
        self.now, self.set = self.judged(wished), wished
        self._told(before, self.now)


def _said(kind: str, message: str) -> str:
    if kind == "unexpected_keyword_argument":
        return "is no key that can be set while the hub runs"
    return message[:1].lower() + message[1:]


def as_shown(settings: LiveSettings) -> Any:
    """Return settings in values that JSON has, by table, without secrets."""
    return without_secrets(json.loads(json.dumps(asdict(settings), default=str)))


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


def _known(change: Any, now: Any) -> Any:
    """Return a change without what only repeats what is shown in place of a secret."""
    if not isinstance(change, dict):
        return change
    present = now if isinstance(now, dict) else {}
    return {
        name: _known(value, present.get(name))
        for name, value in change.items()
        if value not in (HIDDEN, _shown(name, present.get(name))) or value in (None, present.get(name))
    }


def _at(found: Any, path: Sequence[str]) -> Any:
    """Return the value at a path, None if there is none."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


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
