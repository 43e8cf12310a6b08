"""What a person can set: from a TOML file, the environment and the command line, in that order of weight.

The command line wins over the environment, the environment over the file, the file over the defaults. A key
has one name everywhere: `log_level` in the file is `ORES_BRIDGE_LOG_LEVEL` in the environment and
`--log-level` on the command line; `interval` in `[polling]` is `ORES_BRIDGE_POLLING__INTERVAL`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - pydantic resolves the field's type
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen, MinLen

from bridge.feeds.settings import CarbonSettings, WeatherSettings
from bridge.island.settings import IslandSettings, judge_island
from bridge.planner.settings import (
    GridSettings,
    PlannerSettings,
    TariffSettings,
    judge_plan,
)
from bridge.retention import MOST_DAYS, too_short
from bridge.time_zone import time_zone
from matter_node.codec.onboarding import MAX_DISCRIMINATOR, MAX_PASSCODE, is_valid_passcode

LogLevel = Literal["debug", "info", "warning", "error"]

_STRICT = {"extra": "forbid"}
_Days = Annotated[int, Interval(ge=0, le=MOST_DAYS)]
_LAYERS = ("second_days", "minute_days", "quarter_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleSettings:
    """One address with modules behind it."""

    __pydantic_config__ = _STRICT

    address: Annotated[str, MinLen(1), MaxLen(255)]
    """`host`, `host:port`, for SunSpec `host:port:unit`, for a Matter server its URL; IPv6 in brackets.

    SunSpec is looked for at port 502 and every usual unit by default, what speaks HTTP at port 80, a Matter
    server at port 5580.
    """
    driver: Literal["sunspec", "shelly", "goe", "matter", "bench"] = "sunspec"
    """What is spoken there: SunSpec over Modbus TCP, the RPC of Shelly relays, generation 2 or later, the API
    v2 of go-eChargers, the WebSocket API of a Matter server, or that of the simulated bench module."""
    serial: Annotated[str, MaxLen(64)] = ""
    """Names a device that has no serial number of its own."""
    name: Annotated[str, MaxLen(32)] = ""
    """What apps show at first; the device's model and serial by default."""
    room: Annotated[str, MaxLen(32)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingSettings:
    """How often modules are read."""

    __pydantic_config__ = _STRICT

    interval: Annotated[float, Interval(ge=0.2, le=60)] = 1.0
    """Seconds from one reading of a module to the next, while the processor allows it."""
    cpu: Annotated[float, Interval(ge=0.05, le=1)] = 0.5
    """Share of one processor core that the hub may use before it reads less often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacesSettings:
    """Which voice faces modules have unless a person chose otherwise for one of them."""

    __pydantic_config__ = _STRICT

    charging: bool = True
    """A plug for each battery and each charger: whether it may charge."""
    reserve: bool = False
    """A level for each battery: how much it keeps back."""
    full: bool = False
    """A contact for each battery: open when it is full."""
    outage: bool = False
    """A contact for the grid: open when it is gone."""
    production: bool = False
    """A plug for each solar module: whether it may produce."""
    switch: bool = False
    """A second plug for each load, without measurements, for assistants that stumble over those."""
    reserve_as: Literal["plug", "light"] = "plug"
    """What the level is: a dimmable plug, or a light, which more assistants set in percent."""
    reserve_floor: Annotated[int, Interval(ge=0, le=100)] = 10
    """Percent below which no voice sets the reserve: "turn everything down" must not empty the battery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The HTTP API."""

    __pydantic_config__ = _STRICT

    enabled: bool = True
    host: Annotated[str, MaxLen(64)] = ""
    """The only address to listen on; by default every one, or those of `interface` if that is set."""
    port: Annotated[int, Interval(ge=0, le=65535)] = 8443
    """TCP port of https; 0 for any that is free."""
    http: bool = True
    """Whether `http_port` is served: how to trust the hub, and the way to https."""
    http_port: Annotated[int, Interval(ge=0, le=65535)] = 8080
    """TCP port without TLS; 0 for any that is free."""
    names: tuple[Annotated[str, MinLen(1), MaxLen(253)], ...] = ()
    """Further host names under which the hub is asked; its own name, with and without .local, is known."""
    origins: tuple[Annotated[str, MinLen(1), MaxLen(255)], ...] = ()
    """Origins of web pages elsewhere that may use the API, such as `https://panel.example.org`."""
    certificate: Path | None = None
    """File of a certificate chain in PEM, in place of one from the hub's own authority."""
    key: Path | None = None
    """File of that certificate's key in PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareSettings:
    """Where firmware of modules comes from."""

    __pydantic_config__ = _STRICT

    url: Annotated[str, MaxLen(500)] = ""
    """The repository: `metadata/` and `targets/` of The Update Framework are below it. None by default, and
    then no firmware is updated."""
    root: Path | None = None
    """File with the repository's root metadata, which the home trusts from then on."""
    rollout_percent: Annotated[float, Interval(ge=0, le=100)] = 100.0
    """Share of the modules that a release reaches here at most, whatever its maker says."""
    back_s: Annotated[float, Interval(ge=1, le=3600)] = 300.0
    """Seconds in which a module has to be back after its restart."""
    observe_s: Annotated[float, Interval(ge=0, le=86400)] = 600.0
    """Seconds for which it has to do well before it is told to keep the new firmware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """What is recorded of the modules, and for how many days; 0 is for ever."""

    __pydantic_config__ = _STRICT

    enabled: bool = True
    """Whether readings are recorded. Events and the audit trail always are."""
    path: Path | None = None
    """Where `telemetry.db` is; in the data directory by default."""
    second_days: _Days = 30
    """Days for which every second is kept."""
    minute_days: _Days = 365
    """Days for which the mean, least and most of each minute are kept."""
    quarter_days: _Days = 0
    """Days for which those of each quarter of an hour are kept."""
    event_days: _Days = 365
    """Days for which events are kept. The audit trail stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """The simulated home of `ores-bridge demo`."""

    __pydantic_config__ = _STRICT

    modules: Annotated[int, Interval(ge=1, le=1000)] = 4
    """Without the plugs."""
    plugs: Annotated[int, Interval(ge=0, le=100)] = 0
    """Plugs with a load behind each."""
    chargers: Annotated[int, Interval(ge=0, le=10)] = 0
    """Chargers with a car that comes and goes."""
    seed: Annotated[int, Interval(ge=0, le=2**32 - 1)] = 1
    speed: Annotated[float, Interval(ge=0, le=86400)] = 1.0
    """Simulated seconds per second."""
    outage_after: Annotated[float, Interval(ge=0)] | None = None
    """Seconds after which the home loses its grid; never by default."""
    outage_for: Annotated[float, Interval(gt=0)] | None = None
    """Seconds after which it has it again; for good without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set."""

    __pydantic_config__ = _STRICT

    data_dir: Path
    """Where the hub keeps what it must not forget."""
    port: Annotated[int, Interval(ge=1, le=65535)] = 5540
    """UDP port of the Matter node. Alexa finds bridges on 5540 only."""
    interface: Annotated[str, MaxLen(15)] | None = None
    """The network interface to be found on, such as `eth0`; every suitable one by default."""
    passcode: Annotated[int, Interval(ge=1, le=MAX_PASSCODE)] | None = None
    """Setup passcode; by default random at first start and kept."""
    discriminator: Annotated[int, Interval(ge=0, le=MAX_DISCRIMINATOR)] | None = None
    """Tells devices apart while pairing; by default random at first start and kept."""
    enable_key: Annotated[str, MaxLen(32)] | None = None
    """Key of the test event triggers, 32 hexadecimal digits; without one there are none."""
    provisional: bool = False
    """Show what Matter 1.4.2 still marks as provisional: Energy Preference. Certification refuses it."""
    log_level: LogLevel = "info"
    timezone: Annotated[str, MaxLen(64)] | None = None
    """IANA name of the home's time zone, such as `Europe/Berlin`; the computer's own by default."""
    polling: PollingSettings = field(default_factory=PollingSettings)
    faces: FacesSettings = field(default_factory=FacesSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    firmware: FirmwareSettings = field(default_factory=FirmwareSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    tariff: TariffSettings = field(default_factory=TariffSettings)
    grid: GridSettings = field(default_factory=GridSettings)
    weather: WeatherSettings = field(default_factory=WeatherSettings)
    carbon: CarbonSettings = field(default_factory=CarbonSettings)
    planner: PlannerSettings = field(default_factory=PlannerSettings)
    island: IslandSettings = field(default_factory=IslandSettings)
    demo: DemoSettings = field(default_factory=DemoSettings)
    modules: tuple[ModuleSettings, ...] = ()


def judge(settings: Settings) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what types and ranges cannot say: the path of each bad value, and what to do about it."""
    from bridge.drivers import driver  # what it loads is needed only where modules are listed

    problems: list[tuple[tuple[str | int, ...], str]] = []
    if settings.passcode is not None and not is_valid_passcode(settings.passcode):
        problems.append(
            (("passcode",), f"{settings.passcode:08} is too easy to guess and not allowed; choose another")
        )
    key = settings.enable_key
    if key is not None and (len(key) != 32 or not set(key) <= set("0123456789abcdefABCDEF")):
        problems.append((("enable_key",), "needs 32 hexadecimal digits"))
    elif key is not None and not int(key, 16):
        problems.append((("enable_key",), "all zero opens nothing; choose another"))
    problems += judge_api(settings.api)
    problems += _judge_firmware(settings.firmware)
    if settings.timezone is not None:
        try:
            time_zone(settings.timezone)
        except ValueError as error:
            problems.append((("timezone",), str(error)))
    kept = {name: getattr(settings.telemetry, name) for name in _LAYERS}
    problems += [(("telemetry", name), message) for name, message in too_short(kept)]
    problems += judge_plan(settings.tariff, settings.planner, settings.carbon, settings.weather)
    problems += judge_island(settings.island)
    seen: set[str] = set()
    for index, module in enumerate(settings.modules):
        try:
            driver(module.driver).link(module.address)
        except ValueError as error:
            problems.append((("modules", index, "address"), str(error)))
        if module.address in seen:
            problems.append((("modules", index, "address"), f"{module.address} is listed twice"))
        seen.add(module.address)
    return problems


def _judge_firmware(firmware: FirmwareSettings) -> list[tuple[tuple[str | int, ...], str]]:
    problems: list[tuple[tuple[str | int, ...], str]] = []
    if firmware.url and not re.fullmatch(r"https?://[^\s?#]+", firmware.url):
        problems.append((("firmware", "url"), "is like https://firmware.example.org/acme"))
    if bool(firmware.url) != (firmware.root is not None):
        missing = "root" if firmware.url else "url"
        problems.append((("firmware", missing), "is missing: a repository and its root belong together"))
    return problems


def judge_api(api: ApiSettings) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what types and ranges cannot say of the HTTP API, as `judge` does."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    if api.host:
        try:
            ip_address(api.host)
        except ValueError:
            problems.append((("api", "host"), "is an address of this machine, such as 192.168.1.10"))
    if api.port and api.http and api.port == api.http_port:
        problems.append((("api", "http_port"), "is the same as port; give them different numbers"))
    if (api.certificate is None) != (api.key is None):
        missing = "key" if api.key is None else "certificate"
        problems.append((("api", missing), "is missing: certificate and key belong together"))
    for index, origin in enumerate(api.origins):
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            problems.append((("api", "origins", index), "is like https://panel.example.org, without a path"))
    return problems
