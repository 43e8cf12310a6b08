"""`ores-bridge simulate` as a person runs it."""

import csv
import json
import logging
import sys
from datetime import UTC, datetime
from functools import partial

import pytest
from click.testing import CliRunner

from bridge.choices import POLICY_KEY
from bridge.cli import main
from bridge.record import ModuleRecord
from bridge.simulation import week
from bridge.simulation.watch import Watch
from bridge.state import SqliteStorage
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.reading import Reading

TARIFF = """
timezone = "Europe/Berlin"
[api]
enabled = false
[tariff]
import_price = 0.40
export_price = 0.05
currency = "CHF"
[[tariff.windows]]
start = "00:00"
end = "05:00"
import_price = 0.10
"""


@pytest.fixture
def place(tmp_path):
    """A directory with settings, and where a hub may have been."""
    (tmp_path / "home.toml").write_text(TARIFF)
    return tmp_path


@pytest.fixture
def run(place):
    """Run the command for a short time in January."""

    def run(*options, config="home.toml", days="3"):
        known = ["--config", str(place / config)] if config else []
        return CliRunner().invoke(
            main,
            ["simulate", *known, "--data-dir", str(place / "hub"), "--days", days, "--jobs", "0", *options],
        )

    return run


@pytest.fixture
def simulated(run):
    """Run it, and return what it says to programs."""

    def simulated(*options, **also):
        found = run("--json", *options, **also)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    return simulated


WINTER = ("--start", "2025-01-14")


def test_a_person_gets_a_table_by_month_and_what_it_means(run):
    found = run("--start", "2025-01-30", days="4")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    months = [line.split() for line in lines if line.strip().startswith(("2025-", "total"))]
    assert [month[0] for month in months] == ["2025-01", "2025-02", "total"]
    assert len({len(line) for line in lines if "%" in line and line.strip()[:4] in {"2025", "tota"}}) == 1
    assert "Against no battery the rule saves" in found.stdout
    assert "CHF" in found.stdout


def test_a_program_gets_everything_under_the_settings_of_the_hub(simulated):
    found = simulated(*WINTER)
    assert found["currency"] == "CHF"
    assert found["days"] == 3
    assert found["start"] == "2025-01-14T00:00:00+01:00"
    assert found["policy"] == "savings"
    assert found["battery"]["capacity_wh"] == 10_000
    assert found["battery"]["efficiency"] == pytest.approx(0.9)
    assert found["total"]["cost_perfect"] <= found["total"]["cost_plan"] < found["total"]["cost_none"]


def test_options_take_the_place_of_what_is_known(simulated):
    found = simulated(
        *WINTER,
        *("--battery-kwh", "4", "--battery-kw", "1", "--reserve", "25", "--policy", "self-consumption"),
        *("--solar-kwp", "0", "--load-kwh-per-year", "8766"),
        *("--import-price", "0.5", "--window", "00:00-12:00=0.3/0.1", "--seed", "3"),
    )
    assert found["battery"] == {
        "capacity_wh": 4000,
        "reserve_wh": 1000,
        "charge_w": 1000,
        "discharge_w": 1000,
        "efficiency": pytest.approx(0.9),
        "wear": 0.02,
        "grid_charging": False,
        "sell_stored": False,
    }
    assert found["total"]["solar_wh"] == 0
    assert found["total"]["load_wh"] == pytest.approx(72_000 * 1.18, rel=0.2), (
        "a kilowatt, and more in winter"
    )
    # Half of the time 0.5, half of it 0.3, and nothing to store.
    load = found["total"]["load_wh"] / 1000
    assert 0.3 * load < found["total"]["bill_none"] < 0.5 * load
    assert found["total"]["bill_plan"] == pytest.approx(found["total"]["bill_none"])


def test_without_a_tariff_an_example_is_taken_and_said(run):
    found = run(*WINTER, config=None)
    assert found.exit_code == 0
    assert "example" in found.stdout
    assert "--import-price" in found.stdout


def test_a_tariff_that_follows_the_market_is_not_known_for_a_year_and_said(run, place):
    (place / "market.toml").write_text('[tariff]\nfee = 0.1\n[tariff.source]\nformat = "awattar"\n')
    found = run(*WINTER, config="market.toml")
    assert found.exit_code == 0, found.output
    assert "follows the market" in found.stdout


def test_files_hold_every_step_and_the_picture(simulated, place):
    pytest.importorskip("matplotlib", reason="the picture takes matplotlib")
    found = simulated(*WINTER, "--output", str(place / "out"))
    assert [file.rpartition("/")[2] for file in found["files"]] == ["summary.json", "steps.csv", "plot.svg"]
    with (place / "out" / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 96
    assert rows[0]["time"] == "2025-01-14T00:00:00+01:00"
    imported = sum(max(float(row["grid_plan_w"]), 0) for row in rows) / 4
    assert imported == pytest.approx(found["total"]["imported_wh"])
    for row in rows:
        balance = float(row["load_w"]) - float(row["solar_w"]) + float(row["curtailed_plan_w"])
        assert float(row["grid_plan_w"]) == pytest.approx(balance + float(row["battery_plan_w"]), abs=1e-6)
    picture = (place / "out" / "plot.svg").read_text()
    assert picture.startswith("<?xml")
    assert len(picture) > 50_000
    assert json.loads((place / "out" / "summary.json").read_text())["total"] == found["total"]


def test_without_matplotlib_there_is_no_picture_but_what_to_install(run, place, monkeypatch):
    monkeypatch.delitem(sys.modules, "bridge.simulation.plot", raising=False)
    for name in ("matplotlib", *(name for name in sys.modules if name.startswith("matplotlib."))):
        monkeypatch.setitem(sys.modules, name, None)
    found = run(*WINTER, "--output", str(place / "out"))
    assert found.exit_code == 0
    assert "pip install 'ores-bridge[plot]'" in found.stdout
    assert sorted(file.name for file in (place / "out").iterdir()) == ["steps.csv", "summary.json"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--window", "22:00-06:00"), "is no window"),
        (("--window", "25:00-06:00=0.2"), "no time of day"),
        (("--data", "nowhere.csv"), "cannot be read"),
        (("--data", "nowhere.csv", "--from-telemetry"), "choose one of the two"),
        (("--data", "nowhere.csv", "--solar-kwp", "3"), "leave the options out"),
        (("--from-telemetry",), "nothing is recorded"),
        (("--battery-kwh", "-3"), "Invalid value"),
        (("--policy", "greed"), "Invalid value"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(run, place, options, complaint):
    found = run(*options, "--output", str(place / "out"))
    assert found.exit_code != 0
    assert complaint in found.output
    assert not (place / "out").exists()


def test_a_recorded_home_is_taken_from_a_table(simulated, place):
    begin = 1_736_798_400
    rows = [f"{begin + 3600 * n},500,0" for n in range(48)]
    (place / "mine.csv").write_text("\n".join(["time,load_w,solar_w", *rows]))
    found = simulated("--data", str(place / "mine.csv"))
    assert found["days"] == 2
    assert found["step_s"] == 3600
    assert found["total"]["load_wh"] == pytest.approx(24_000)


@pytest.fixture
def morning(monkeypatch):
    """Let a week be over on its first morning."""
    monkeypatch.setattr(week, "live_week", partial(week.live_week, seconds=11 * 3600.0))


def test_the_scenario_week_tells_what_happened_and_what_held(run, morning):
    found = run("--scenario", "week")
    assert found.exit_code == 0, found.output
    assert "day 1 10:00:00  somebody lets the battery charge with 1.5 kW for an hour" in found.stdout
    assert "held    a plan is in force, or it is said why none is" in found.stdout
    assert "BROKEN" not in found.stdout
    assert logging.getLogger("bridge").isEnabledFor(logging.WARNING), "it is silent for the week alone"


def test_the_scenario_week_ends_with_1_when_something_did_not_hold(run, morning, monkeypatch):
    monkeypatch.setattr(Watch, "_of_the_plan", lambda _: iter([("plan", "there is none")]))
    found = run("--scenario", "week", "--json")
    assert found.exit_code == 1
    assert [each["name"] for each in json.loads(found.stdout)["breaches"]] == ["plan"]


@pytest.fixture
def hub(place):
    """What a hub with a battery, panels and a meter has left."""
    directory = place / "hub"
    directory.mkdir()
    modules = {
        "meter": (ModuleKind.METER, Nameplate()),
        "roof": (ModuleKind.MICROINVERTER, Nameplate(power_w=3000)),
        "cellar": (ModuleKind.BATTERY, Nameplate(capacity_wh=7000, discharge_power_w=2000)),
    }
    storage = SqliteStorage(directory / "state.db")
    for serial, (kind, plate) in modules.items():
        identity = Identity("ACME", "Thing", serial)
        record = ModuleRecord(identity, kind, "sunspec", "10.0.0.1", serial, nameplate=plate)
        storage.put(f"module/{record.key}", record.to_json())
    storage.put(POLICY_KEY, b"self-consumption")
    storage.close()
    return directory


def test_what_the_hub_knows_of_its_home_is_where_it_begins(simulated, hub):
    found = simulated(*WINTER)
    assert found["battery"]["capacity_wh"] == 7000
    assert found["battery"]["discharge_w"] == 2000
    assert found["policy"] == "self-consumption"
    assert "3 kWp" in found["home"]


def test_what_the_hub_has_recorded_is_asked_what_another_battery_would_have_done(simulated, hub):
    now = int(datetime.now(UTC).timestamp()) // 900 * 900
    store = Store(hub / "telemetry.db", time_zone("Europe/Berlin"))
    for module, power in (("acme-meter", 400.0), ("acme-roof", -300.0), ("acme-cellar", 0.0)):
        maker = FrameMaker()
        for time in range(now - 50 * 3600, now, 900):
            reading = Reading(module=module, time=datetime.fromtimestamp(time, UTC), power_w=power)
            store.commit([maker.frame(reading, Capabilities())])
    store.close()
    found = simulated("--from-telemetry", "--battery-kwh", "20", days="366")
    assert found["days"] == 2
    assert found["total"]["load_wh"] == pytest.approx(48 * 700)
    assert found["total"]["solar_wh"] == pytest.approx(48 * 300)
    assert found["battery"]["capacity_wh"] == 20_000
