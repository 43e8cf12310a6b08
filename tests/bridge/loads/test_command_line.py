"""`ores-bridge load` against a hub that runs with a simulated home and is killed."""

import json
import time
from datetime import UTC

import pytest
from plan_lab import SETTINGS, TARIFF, hubs

LOADS = """
[demo]
plugs = 1
chargers = 1
"""


HOME = SETTINGS + TARIFF + LOADS


@pytest.fixture
def start(tmp_path):
    with hubs(tmp_path) as start:
        yield lambda: start(HOME)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with hubs(tmp_path_factory.mktemp("hub")) as start:
        yield start(HOME)


def load(hub, *words):
    found = hub.ask("load", *words, "--json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_what_is_wanted_of_loads(start):
    hub = start()
    loads = {each["name"]: each for each in load(hub, "list")}
    assert {each["kind"] for each in loads.values()} == {"fixed"}
    plug = next(name for name in loads if name.startswith("Plus"))
    said = load(hub, "set", plug, "interruptible", "--energy", "4kWh", "--power", "2kW", "--by", "18:00",
                    "--days", "weekdays", "--hours", "off-peak", "--min-on", "15m")  # fmt: skip
    assert (said["energy_wh"], said["power_w"], said["min_on_minutes"]) == (4000, 2000, 15)
    assert (said["done_by"], said["days"]) == ("18:00", ["mon", "tue", "wed", "thu", "fri"])
    once = load(hub, "run", plug, "--by", "07:00")
    assert 0 < once["once_by"] - time.time() <= 86_400

    # Killed without warning, it still knows.
    hub.kill()
    hub = start()
    (kept,) = (each for each in load(hub, "list") if each["name"] == plug)
    assert {name: kept[name] for name in ("kind", "energy_wh", "days", "once_by")} == {
        name: once[name] for name in ("kind", "energy_wh", "days", "once_by")
    }

    deadline = time.monotonic() + 60
    while True:
        (kept,) = (each for each in load(hub, "list") if each["name"] == plug)
        if kept["next"] is not None:
            break
        assert time.monotonic() < deadline, "the load came into no plan"
        time.sleep(0.5)
    assert kept["next"]["why"]
    shown = hub.ask("plan").stdout
    assert f"{plug}: " in shown
    listed = hub.ask("load", "list").stdout
    assert f"{plug}: interruptible, 4 kWh, 2000 W, by 18:00 on mon" in listed
    cancelled = load(hub, "cancel", plug)
    assert cancelled["once_by"] is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("set", "Charger", "machine"), "kind: "),
        (("run", "Charger", "--by", "07:00"), "kind: say first what kind of load it is"),
        (("set", "Plus", "--energy", "much"), "--energy is an amount such as 4kWh"),
        (("set", "Plus"), "say what is wanted"),
        (("set", "Nobody", "machine"), "Nobody"),
        (("set", "Plus", "machine", "--days", "someday"), "days: 'someday' is no day of the week"),
    ],
)
def test_what_cannot_be_meant_ends_with_a_word_about_it(hub, words, complaint):
    names = [each["name"] for each in load(hub, "list")]
    known = [next((name for name in names if word in name), word) for word in words]
    found = hub.ask("load", *known)
    assert found.returncode != 0
    assert complaint in found.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--band", "20-22"), "has no thermostat that can be set"),
        (("--band", "warm"), "--band is one such as `20-22 06:00-22:00`"),
        (("--band", "22-20"), "the lowest, 22 °C, is above the highest, 20 °C"),
        (("--band", "20-22 06:00-22:00"), "one of them is without a time"),
        ((), "bands: are missing"),
    ],
)
def test_only_a_thermostat_keeps_a_temperature(hub, words, complaint):
    plug = next(each["name"] for each in load(hub, "list") if each["name"].startswith("Plus"))
    found = hub.ask("load", "set", plug, "comfort", *words)
    assert found.returncode != 0
    assert complaint in found.stderr


def test_a_thermostat_is_shown_with_its_band():
    from bridge.cli_load import _parts

    bands = [
        {"lowest_c": 20, "highest_c": 22, "start": "06:00", "end": "22:00"},
        {"lowest_c": 17, "highest_c": 17, "start": None, "end": None},
    ]
    now = {
        "temperature_c": 20.62, "setpoint_c": 22.0, "lowest_c": 20.0, "highest_c": 22.0, "own_c": 21.0,
        "planned_c": 20.9, "person_until": None, "why_not": "",
    }  # fmt: skip
    found = {
        "kind": "comfort", "planned": True, "energy_wh": None, "run_minutes": None, "power_w": 1500.0,
        "bands": bands, "thermostat": now,
    }  # fmt: skip
    assert list(_parts(found, UTC)) == [
        "comfort", "1500 W", "20 to 22 °C from 06:00 to 22:00", "17 °C else", "now 20.6 °C",
        "set to 22 °C by the plan, 21 °C without it", "planned 20.9 °C",
    ]  # fmt: skip
    by_hand = found | {"thermostat": now | {"person_until": 0.0, "own_c": None}}
    assert list(_parts(by_hand, UTC))[-1] == "set by a person: stays so until Thu 00:00"
