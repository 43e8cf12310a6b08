"""From file, environment and command line to `Settings`, or to errors that say where and what."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

from bridge.settings import Settings, judge
from bridge.toml_positions import positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT_PREFIX: Final = "ORES_BRIDGE_"
CONFIG_VARIABLE: Final = "ORES_BRIDGE_CONFIG"
SYSTEM_CONFIG: Final = Path("/etc/ores-bridge/ores-bridge.toml")
SYSTEM_DATA: Final = Path("/var/lib/ores-bridge")

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings."""

    origin: str
    """`file:line:column`, the environment variable, or the option."""
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.key}: {self.message}" if self.key else f"{self.origin}: {self.message}"


class SettingsError(ValueError):
    """The settings cannot be used. Every problem that was found is in it, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """Return the system's directory for root and for the service, one in the home directory for others."""
    if os.geteuid() == 0 or os.access(SYSTEM_DATA, os.W_OK):
        return SYSTEM_DATA
    home = environment.get("XDG_DATA_HOME") or os.path.join(environment.get("HOME", "/"), ".local/share")  # noqa: PTH118 - a string from the environment
    return Path(home) / "ores-bridge"


def config_path(environment: Mapping[str, str], given: Path | None = None) -> Path | None:
    """Return the settings file to use: the given one, the environment's, the system's if there is one."""
    if given is not None:
        return given
    if environment.get(CONFIG_VARIABLE):
        return Path(environment[CONFIG_VARIABLE])
    return SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None


def load(
    *,
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    data_dir: Path | None = None,
) -> Settings:
    """Return the settings. Raise SettingsError with every problem found.

    `options` are the command line's, by dotted key (`demo.modules`); None means not given. `data_dir` is the
    directory where none is set; the usual one by default.
    """
    environment = os.environ if environment is None else environment
    layers = _Layers()
    layers.put(("data_dir",), str(data_dir or default_data_dir(environment)), "default")
    file = config_path(environment, path)
    if file is not None:
        layers.read_file(file)
    layers.read_environment(environment)
    for key, value in (options or {}).items():
        if value is not None:
            layers.put(
                tuple(key.split(".")),
                str(value) if isinstance(value, Path) else value,
                "--" + key.rpartition(".")[2].replace("_", "-"),
            )
    if layers.problems:
        raise SettingsError(layers.problems)
    return layers.validated()


class _Layers:
    """The values given so far, each with where it came from."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[Location, str] = {}
        self.problems: list[Problem] = []

    def put(self, location: tuple[str, ...], value: object, origin: str) -> None:
        table = self.values
        for key in location[:-1]:
            inner = table.setdefault(key, {})
            if not isinstance(inner, dict):
                return  # the file has a plain value where a table belongs; validation says so
            table = inner
        table[location[-1]] = value
        self.origins[location] = origin

    def read_file(self, file: Path) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            self.problems.append(Problem(str(file), "", f"is not UTF-8 text (byte {error.start})"))
            return
        except OSError as error:
            self.problems.append(Problem(str(file), "", f"cannot be read: {error.strerror}"))
            return
        try:
            self.values |= tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(_syntax_problem(file, text, str(error)))
            return
        except (RecursionError, ValueError):
            self.problems.append(Problem(str(file), "", "is nested too deeply, or has numbers beyond reason"))
            return
        for location, (line, column) in positions(text).items():
            self.origins[location] = f"{file}:{line}:{column}"

    def read_environment(self, environment: Mapping[str, str]) -> None:
        known = dict(_leaves(Settings))
        for variable in sorted(environment):
            if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
                continue
            location = tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            if location not in known:
                names = [ENVIRONMENT_PREFIX + "__".join(path).upper() for path in known]
                self.problems.append(Problem(variable, "", _unknown("variable", variable, names)))
                continue
            self.put(location, _from_text(environment[variable], known[location]), variable)

    def validated(self) -> Settings:
        # pydantic costs 0.1 s and 10 MB: it is here and nowhere else on the way to a running hub.
        from pydantic import TypeAdapter, ValidationError

        adapter = TypeAdapter(Settings)
        try:
            # JSON is strict about types and still takes text for a path and a list for a tuple.
            settings = adapter.validate_json(json.dumps(self.values, default=str), strict=True)
        except ValidationError as error:
            raise SettingsError(
                [self._problem(found["loc"], found["type"], found["msg"]) for found in error.errors()]
            ) from error
        if problems := judge(settings):
            raise SettingsError(
                [
                    Problem(self._origin(location), _dotted(location), message)
                    for location, message in problems
                ]
            )
        return settings

    def _problem(self, location: Location, kind: str, message: str) -> Problem:
        # pydantic names the member of a union last; the file has no such key.
        while (
            location and location not in self.origins and location[:-1] in self.origins and kind != "missing"
        ):
            location = location[:-1]
        if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
            message = _unknown("key", str(location[-1]), _names_at(location[:-1]))
        elif kind == "missing":
            message = f"is missing: give the {location[-1]}"
        else:
            message = message[0].lower() + message[1:]
        return Problem(self._origin(location), _dotted(location), message)

    def _origin(self, location: Location) -> str:
        while location:
            if location in self.origins:
                return self.origins[location]
            location = location[:-1]
        return "settings"


def _syntax_problem(file: Path, text: str, message: str) -> Problem:
    position = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if position is None:
        return Problem(str(file), "", message)
    line, column = position.groups()
    if line is None:
        line, column = str(text.count("\n") + 1), str(len(text) - text.rfind("\n"))
    reason = message[: position.start()]
    return Problem(f"{file}:{line}:{column}", "", reason[0].lower() + reason[1:])


def _leaves(table: type, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the location and type of every key that holds one value."""
    hints = get_type_hints(table, include_extras=False)
    for field in dataclasses.fields(table):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _leaves(hint, (*above, field.name))
        elif field.name != "modules" or above:
            yield (*above, field.name), hint


def _from_text(text: str, hint: Any) -> object:
    """Read an environment variable as its key's type; what cannot be read so is left to validation."""
    types = get_args(hint) or (hint,)
    if bool in types and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for reader in (int, float):
        if reader in types:
            try:
                return reader(text)
            except ValueError:
                return text
    return text


def _names_at(location: Location) -> list[str]:
    """Return the keys of the table at `location`."""
    table: Any = Settings
    for key in location:
        if isinstance(key, int):
            continue
        hint = get_type_hints(table).get(key)
        table = next((each for each in (hint, *get_args(hint)) if dataclasses.is_dataclass(each)), None)
        if table is None:
            return []
    return [field.name for field in dataclasses.fields(table)]


def _unknown(what: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"there is no such {what}; did you mean {close[0]}?"
    return f"there is no such {what}; there are {', '.join(sorted(known))}"


def _dotted(location: Location) -> str:
    text = ""
    for key in location:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text
