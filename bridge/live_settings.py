"""The settings that people can change while the hub runs, over HTTP and on the command line.

The others are about how the hub is reached and where it keeps what it knows, or have a path of their own:
what is recorded (`/device/data/logging`), and modules (`/device/register`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, Literal, Self

from bridge.island.settings import IslandSettings, judge_island
from bridge.planner.settings import (
    EnergySettings,
    judge_plan,
)
from bridge.settings import ApiSettings, FacesSettings, FirmwareSettings, LogLevel, PollingSettings, judge_api

if TYPE_CHECKING:
    from bridge.settings import Settings

_STRICT = {"extra": "forbid"}

Section = Literal[
    "tariff",
    "grid",
    "weather",
    "carbon",
    "planner",
    "island",
    "polling",
    "faces",
    "firmware",
    "api",
    "log_level",
]

IN_THE_FILE: Final = (
    ("tariff", "source", "file"),
    ("carbon", "source", "file"),
    ("firmware", "url"),
    ("firmware", "root"),
    ("api", "enabled"),
    ("api", "host"),
    ("api", "port"),
    ("api", "http"),
    ("api", "http_port"),
    ("api", "certificate"),
    ("api", "key"),
)
"""Keys of those tables that the settings file alone sets. Nobody else has files read, says whom the home
trusts for firmware, or shuts the door that they came in by."""
AT_START: Final = (("api", "names"), ("api", "origins"))
"""Keys that hold from the next start on: certificate and listeners are made with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings(EnergySettings):
    """Tables of the settings, and the log level."""

    __pydantic_config__ = _STRICT

    island: IslandSettings = field(default_factory=IslandSettings)
    polling: PollingSettings = field(default_factory=PollingSettings)
    faces: FacesSettings = field(default_factory=FacesSettings)
    firmware: FirmwareSettings = field(default_factory=FirmwareSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    log_level: LogLevel = "info"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings file says."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    @property
    def energy(self) -> EnergySettings:
        """What plans are made by."""
        return EnergySettings(**{each.name: getattr(self, each.name) for each in fields(EnergySettings)})


def judge_live(settings: LiveSettings) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what types and ranges cannot say: the path of each bad value, and what to do about it."""
    return [
        *judge_plan(settings.tariff, settings.planner, settings.carbon, settings.weather),
        *judge_island(settings.island),
        *judge_api(settings.api),
    ]
