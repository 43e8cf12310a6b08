"""What is asked of a simulation, joined with the hub's settings and what it knows of its home."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from bridge.choices import Policy
from bridge.data_dir import DataDirectory
from bridge.planner.settings import PriceWindowSettings, TariffSettings, judge_plan
from bridge.planner.tariff import Tariff
from bridge.simulation.comparison import Case
from bridge.simulation.errands import car_errands, grid_there, machine_errands
from bridge.simulation.forecasting import HORIZON_S
from bridge.simulation.known_home import KnownHome
from bridge.simulation.profile import made_up
from bridge.simulation.recorded import from_past, from_table
from bridge.time_zone import time_zone
from optimizer.battery import Battery
from optimizer.forecast.clear_sky import Site

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from bridge.settings import Settings
    from bridge.simulation.profile import Profile
    from optimizer.formulation.program import Floats

T = TypeVar("T")

YEAR: Final = 365
LEAD_DAYS: Final = 35
"""Days that the hub of a made-up home has seen before: as many as forecasts look back."""
_BATTERY_KWH: Final = 10.0
_SOLAR_KWP: Final = 6.0
_LOAD_KWH: Final = 4000.0
_HOURS_FULL: Final = 2.0
"""How long a battery takes to be filled of which nobody says how strong it is."""
_EXAMPLE: Final = TariffSettings(
    import_price=0.32,
    export_price=0.08,
    windows=(PriceWindowSettings(start="22:00", end="06:00", import_price=0.22),),
)
_GUESSED_LATITUDE: Final = 45.0
_WINDOW: Final = re.compile(r"(\d{1,2}:\d{2})-(\d{1,2}:\d{2})=(-?\d+(?:\.\d+)?)(?:/(-?\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person says of the simulation; None for what the hub knows, or else for the usual.

    :ivar start: a day, without a time zone
    :ivar reserve: percent that the battery keeps back
    :ivar windows: such as `22:00-06:00=0.20/0.05`
    :ivar car: there is a commuter's car; `dishwasher` the same
    :ivar outages: how often the grid is gone
    """

    days: int | None = None
    start: datetime | None = None
    seed: int = 1
    battery_kwh: float | None = None
    battery_kw: float | None = None
    reserve: float = 10.0
    solar_kwp: float | None = None
    load_kwh_per_year: float | None = None
    policy: Policy | None = None
    import_price: float | None = None
    export_price: float | None = None
    windows: tuple[str, ...] = ()
    data: Path | None = None
    from_telemetry: bool = False
    car: bool = False
    dishwasher: bool = False
    outages: int = 0


@dataclass(slots=True)
class Answer:
    """The case, and what a person should know of it."""

    case: Case
    currency: str
    notes: list[str] = field(default_factory=list)


def case(asked: Asked, settings: Settings) -> Answer:
    """Return what is to be simulated.

    :raises ValueError: it cannot be; the message is for a person
    :raises StateError: what the hub keeps cannot be read
    """
    zone, notes = time_zone(settings.timezone), list[str]()
    directory = DataDirectory(settings.data_dir)
    known = KnownHome.read(directory.state) if directory.exists() else KnownHome((), None)
    site = _site(settings, zone)
    solar_kwp = _first(asked.solar_kwp, known.solar_kwp, _SOLAR_KWP)
    if asked.data is None and not asked.from_telemetry:
        start = _midnight(asked.start, zone)
        before = _midnight(start - timedelta(days=LEAD_DAYS), zone)
        days = (asked.days or YEAR) + LEAD_DAYS
        load = _first(asked.load_kwh_per_year, _LOAD_KWH)
        profile = made_up(before, days, site, solar_kwp=solar_kwp, kwh_per_year=load, seed=asked.seed)
        lead = round(start.timestamp() - before.timestamp()) // profile.step_s
    else:
        profile = _recorded(asked, known, settings, directory, zone)
        solar_kwp, lead = float(profile.sun_w.max()) / 1000, 0
    priced: list[str] = []
    tariff = _tariff(asked, settings, zone, priced)
    drawing, feeding = _prices(profile, tariff)
    notes += priced if profile.import_price is None else ["The prices are those of the recorded home."]
    policy = _first(asked.policy, known.policy, Policy.SAVINGS)
    built = Case(
        profile,
        lead,
        site,
        _battery(asked, known, settings, policy),
        policy,
        drawing,
        feeding,
        profile.import_price is not None,
        settings.planner.backup_hours,
        solar_kwp * 1000,
    )
    world = built.world
    errands = car_errands(world, asked.seed) if asked.car else iter(())
    machines = machine_errands(world, asked.seed) if asked.dishwasher else iter(())
    built = replace(
        built,
        errands=tuple(chain(errands, machines)),
        connected=grid_there(world, asked.outages, asked.seed),
    )
    return Answer(built, tariff.currency, notes)


def _recorded(
    asked: Asked, known: KnownHome, settings: Settings, directory: DataDirectory, zone: tzinfo
) -> Profile:
    if asked.data is not None and asked.from_telemetry:
        raise ValueError("a home is recorded in a file or by this hub: choose one of the two")
    if asked.solar_kwp is not None or asked.start is not None:
        raise ValueError("panels and beginning are those of the recorded home: leave the options out")
    if asked.data is not None:
        profile = from_table(asked.data, zone)
    else:
        telemetry = settings.telemetry.path or directory.telemetry
        days = asked.days or 10 * YEAR
        profile = from_past(known.past(telemetry, round(datetime.now(UTC).timestamp()), days), zone)
    if asked.days is not None:
        profile = profile.first(asked.days)
    return profile.scaled(kwh_per_year=asked.load_kwh_per_year)


def _midnight(day: datetime | None, zone: tzinfo) -> datetime:
    if day is None:
        day = datetime(datetime.now(zone).year, 1, 1)  # noqa: DTZ001 - it gets its zone below
    return day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=zone)


def _site(settings: Settings, zone: tzinfo) -> Site:
    """Return where the home is; if nobody said, what its clocks tell of it, as the planner has it."""
    planner = settings.planner
    if planner.latitude is not None and planner.longitude is not None:
        return Site(planner.latitude, planner.longitude)
    offset = datetime.now(zone).utcoffset() or timedelta()
    return Site(_GUESSED_LATITUDE, max(-180.0, min(180.0, 15 * offset.total_seconds() / 3600)))


def _battery(asked: Asked, known: KnownHome, settings: Settings, policy: Policy) -> Battery:
    kwh = _first(asked.battery_kwh, known.battery_kwh, _BATTERY_KWH)
    kw = _first(asked.battery_kw, known.battery_kw if asked.battery_kwh is None else None, kwh / _HOURS_FULL)
    reserve_wh = kwh * 1000 * asked.reserve / 100
    one_way = math.sqrt(settings.planner.efficiency)
    # Under the other policies a battery holds the home's own sun alone.
    trades = policy in {Policy.SAVINGS, Policy.BACKUP}
    return Battery(
        "battery",
        kwh * 1000,
        reserve_wh,
        kw * 1000,
        kw * 1000,
        minimum_wh=reserve_wh,
        charge_efficiency=one_way,
        discharge_efficiency=one_way,
        wear=settings.planner.wear,
        grid_charging=settings.planner.grid_charging and trades,
        feed_in=settings.planner.sell_stored and trades,
    )


def _tariff(asked: Asked, settings: Settings, zone: tzinfo, notes: list[str]) -> Tariff:
    wanted = settings.tariff
    if asked.import_price is not None:
        wanted = TariffSettings(import_price=asked.import_price, currency=wanted.currency)
    elif wanted.source.format or wanted.import_price is None:
        why = "The tariff follows the market" if wanted.source.format else "The settings have no tariff"
        wanted = replace(_EXAMPLE, currency=wanted.currency)
        notes.append(
            f"{why}, so one is taken for an example: 0.32 for a kWh, 0.22 from 22:00 to 06:00, 0.08 for one "
            "that is fed in. Yours: --import-price, --export-price, --window, or --data with prices."
        )
    if asked.export_price is not None:
        wanted = replace(wanted, export_price=asked.export_price)
    if asked.windows:
        wanted = replace(wanted, windows=tuple(_window(text) for text in asked.windows))
    problems = judge_plan(wanted, settings.planner)
    if problems:
        raise ValueError("; ".join(f"{'.'.join(map(str, path))} {message}" for path, message in problems))
    tariff = Tariff.of(wanted, zone)
    assert tariff is not None
    return tariff


def _window(text: str) -> PriceWindowSettings:
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text!r} is no window; write one such as 22:00-06:00=0.20 or 22:00-06:00=0.20/0.05"
        )
    start, end, drawing, feeding = found.groups()
    return PriceWindowSettings(
        start=start,
        end=end,
        import_price=float(drawing),
        export_price=None if feeding is None else float(feeding),
    )


def _prices(profile: Profile, tariff: Tariff) -> tuple[Floats, Floats]:
    """Return prices of each step, and of as many more as plans look ahead where they are known for ever."""
    if profile.import_price is not None and profile.export_price is not None:
        return profile.import_price, profile.export_price
    ahead = HORIZON_S // profile.step_s + 1
    steps = (profile.step_s,) * (len(profile) + ahead)
    drawing, feeding = tariff.over(round(profile.start.timestamp()), steps)
    return np.array(drawing), np.array(feeding)


def _first(*values: T | None) -> T:
    """Return the first that is given."""
    return next(value for value in values if value is not None)
