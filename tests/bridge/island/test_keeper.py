"""The keeper of the island: modes, commands, memory and what people hear, by a clock that a test moves."""

import json
from dataclasses import replace

import pytest
from island_lab.scene import BATTERY, METER, ROOF, Scene

from bridge.alerts import AlertState
from bridge.command import CommandState, Origin
from bridge.firmware.preflight import check_preflight
from bridge.firmware.refusal import FirmwareError
from bridge.flows import Flows, FlowsChanged
from bridge.island.keeper import BackupChanged, LoadShed
from bridge.island.settings import IslandSettings
from bridge.record import OperatingMode
from hw.setpoint import SetpointKind as Kind


@pytest.fixture
async def scene(home, clock):
    scene = Scene(home, clock, dryer=2000.0, fridge=150.0)
    home.registry.set_priority(scene.loads["fridge"], 9)
    home.start()
    await scene.pass_(20)
    return scene


def told(scene, key):
    return {each.kind: each.value for each in scene.home.arbiter.live(key) if each.origin is Origin.ISLAND}


async def test_an_outage_runs_through_every_mode_with_one_event_each(scene):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    assert (scene.modes, scene.off, scene.on("dryer"), scene.on("fridge")) == (
        ["island"],
        ["Dryer"],
        False,
        True,
    )
    scene.grid = True
    await scene.pass_(100)
    assert scene.modes == ["island", "returning"]
    await scene.pass_(205)
    assert scene.modes == ["island", "returning", "restoring", "federated"]
    assert (scene.off, scene.on("dryer")) == ([], True)
    shed = [(each.module, each.shed) for each in scene.heard if isinstance(each, LoadShed)]
    assert shed == [(scene.loads["dryer"], True), (scene.loads["dryer"], False)]


async def test_a_load_is_off_in_the_same_moment_in_which_the_outage_is_known(scene, clock):
    scene.grid, scene.base_w = False, 1500.0
    scene.read()
    await clock.pass_(1)
    scene.read()
    known = clock.monotonic()
    await clock.pass_(0)
    (time, kind, value, _) = scene.devices[scene.loads["dryer"]].told[-1]
    assert (kind, value) == (Kind.CONNECT, 0)
    assert time - known <= 1.0


async def test_the_battery_is_told_to_follow_its_own_logic_and_to_use_what_it_kept(scene):
    scene.grid = False
    await scene.pass_(3)
    assert told(scene, BATTERY) == {Kind.CHARGE_LIMIT_W: 3000, Kind.RESERVE_PERCENT: 10}
    scene.grid = True
    await scene.pass_(310)
    assert told(scene, BATTERY) == {}
    values = scene.devices[BATTERY].values
    assert values.index((Kind.RESERVE_PERCENT, 30.0)) > values.index((Kind.RESERVE_PERCENT, 10.0))
    assert (Kind.AUTO, None) in values


async def test_a_battery_without_such_a_limit_is_freed_of_what_others_told_it(home, clock):
    scene = Scene(home, clock, storage=(Kind.CHARGE_W, Kind.HOLD, Kind.AUTO))
    home.start()
    await scene.pass_(5)
    held = home.arbiter.submit(BATTERY, Kind.HOLD, origin=Origin.PLAN, source="planner")
    scene.grid = False
    await scene.pass_(3)
    assert home.arbiter.command(held.id).state is CommandState.WITHDRAWN
    person = home.arbiter.submit(BATTERY, Kind.CHARGE_W, 2000.0, origin=Origin.USER, source="cli")
    await scene.pass_(2)
    assert home.arbiter.command(person.id).reason == "the grid is gone: the battery carries the home"


async def test_nobody_s_limit_stays_on_the_sun(scene):
    scene.grid, scene.sun_w, scene.soc, scene.takes = False, 3500.0, 98.0, {"dryer": 0.0, "fridge": 150.0}
    await scene.pass_(4)
    assert told(scene, ROOF) == {Kind.POWER_LIMIT_PERCENT: 9}
    scene.grid = True
    await scene.pass_(310)
    assert told(scene, ROOF) == {}


async def test_a_killed_hub_knows_what_is_off_and_gives_it_back(scene, another_home, clock):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(5)
    assert scene.off == ["Dryer"]
    home = another_home(scene.home.storage, clock)
    scene = scene.again(home)
    assert (home.island.mode.value, scene.off) == ("island", ["Dryer"])
    home.start()
    await scene.pass_(5)
    assert (scene.modes, scene.off, scene.on("dryer")) == ([], ["Dryer"], False)
    # It is killed again, and the grid is back when the next one starts.
    home = another_home(home.storage, clock)
    scene = scene.again(home)
    scene.grid = True
    home.start()
    await scene.pass_(310)
    assert scene.modes == ["returning", "restoring", "federated"]
    assert (scene.off, scene.on("dryer")) == ([], True)


async def test_a_load_that_does_not_answer_has_power_again_as_soon_as_it_does(scene, another_home, clock):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(5)
    dryer = scene.loads["dryer"]
    scene.silent = {dryer}
    scene.home.registry.lost(scene.home.registry[dryer], "no answer")
    scene.grid = True
    await scene.pass_(320)
    assert (scene.modes[-1], scene.on("dryer")) == ("federated", False)
    home = another_home(scene.home.storage, clock)
    scene = scene.again(home)
    home.start()
    await scene.pass_(5)
    assert not scene.on("dryer")
    scene.silent = set()
    await scene.pass_(15)
    assert scene.on("dryer")


async def test_a_load_that_a_person_had_switched_off_stays_off(scene):
    home, dryer = scene.home, scene.loads["dryer"]
    home.arbiter.submit(dryer, Kind.CONNECT, 0.0, origin=Origin.USER, source="cli")
    await scene.pass_(2)
    scene.grid, scene.base_w = False, 4000.0
    await scene.pass_(4)
    assert scene.off == ["Fridge"]
    scene.grid = True
    await scene.pass_(320)
    assert (scene.on("fridge"), scene.on("dryer")) == (True, False)


async def test_a_person_s_word_that_holds_for_a_time_comes_back_after_the_outage(scene):
    home, dryer = scene.home, scene.loads["dryer"]
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(4)
    later = home.arbiter.submit(dryer, Kind.CONNECT, 0.0, origin=Origin.USER, source="cli", duration=3600)
    assert home.arbiter.command(later.id).state is CommandState.SUPERSEDED
    scene.grid = True
    await scene.pass_(320)
    assert (home.arbiter.command(later.id).state, scene.on("dryer")) == (CommandState.APPLIED, False)


async def test_a_meter_that_nobody_can_ask_keeps_the_home_in_the_island(scene):
    scene.grid = False
    await scene.pass_(3)
    scene.silent = {METER}
    scene.home.registry.lost(scene.home.registry[METER], "no answer")
    await scene.pass_(60)
    assert scene.modes == ["island"]


async def test_what_the_residents_choose_meanwhile_holds_afterwards(scene):
    scene.grid = False
    await scene.pass_(3)
    scene.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await scene.pass_(3)
    assert scene.modes == ["island"]
    scene.grid = True
    await scene.pass_(310)
    assert scene.modes[-1] == "autonomous"


async def test_how_long_the_home_would_last_is_worked_out_all_the_time(scene):
    await scene.pass_(60)
    # 70 % of 10 kWh above the floor, for the household's 200 W and the fridge's 150 W.
    assert scene.home.island.backup_s == pytest.approx(7000 / 350 * 3600, rel=0.1)
    said = [each.seconds for each in scene.heard if isinstance(each, BackupChanged)]
    assert said[-1] == scene.home.island.backup_s


async def test_people_hear_of_the_loads_that_are_off_by_name_and_of_the_return(scene):
    alerts = scene.home.alerts
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    lost, loads = alerts.unresolved()
    assert (lost.code, lost.text) == ("GRID_LOST", "The meter at the supply measures no voltage.")
    assert (loads.code, loads.title) == ("LOADS_SHED", "Dryer is off")
    assert "Dryer: the batteries cannot carry it" in loads.text
    scene.base_w = 3500.0
    await scene.pass_(4)
    assert alerts.unresolved()[1].title == "2 loads are off"
    scene.grid = True
    await scene.pass_(330)
    (back,) = alerts.unresolved()
    assert (back.code, back.title) == ("GRID_RESTORED", "The grid is back")
    assert back.text.startswith("After 5 min the home lives from the grid again")
    await scene.clock.pass_(3700)
    assert back.number not in [each.number for each in alerts.unresolved()]
    assert alerts[loads.number].state(alerts.now) is AlertState.RESOLVED


async def test_no_firmware_is_updated_before_the_home_has_returned(scene):
    module = scene.home.registry[ROOF]
    check_preflight(module, scene.home)
    for grid, reason in ((False, "the grid is gone"), (True, "has not returned to the grid yet")):
        scene.grid = grid
        await scene.pass_(3)
        with pytest.raises(FirmwareError, match=reason):
            check_preflight(module, scene.home)
    await scene.pass_(310)
    check_preflight(module, scene.home)


async def test_a_memory_that_cannot_be_read_is_forgotten(scene, another_home, clock):
    scene.home.storage.put("island/memory", json.dumps({"at": 0, "memory": {"mode": "on the moon"}}).encode())
    assert another_home(scene.home.storage, clock).island.mode.value == "federated"


async def test_a_disk_that_is_full_keeps_no_load_on(scene, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(scene.home.storage, "put", full)
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    assert (scene.modes, scene.off) == (["island"], ["Dryer"])


async def test_a_module_that_is_removed_is_forgotten(scene):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(4)
    del scene.takes["dryer"]
    scene.home.registry.remove(scene.loads.pop("dryer"))
    assert scene.off == []


async def test_readings_from_before_and_after_an_outage_are_not_mixed(scene):
    await scene.pass_(3)
    before = scene.home.island.backup_s
    scene.grid = False
    mixed = Flows(grid_w=0, solar_w=-3000, storage_w=3500, load_w=-500, measured=True)
    scene.home.bus.publish(FlowsChanged(mixed))
    await scene.pass_(2)
    for _ in range(50):
        scene.home.bus.publish(FlowsChanged(mixed))
    await scene.pass_(1)
    after = scene.home.island.backup_s
    assert scene.modes == ["island"]
    assert after is not None
    assert before / 2 < after < 3 * before


async def test_whoever_switches_the_island_off_in_an_outage_has_all_loads_back(scene):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    assert scene.off == ["Dryer"]
    keeper = scene.home.island
    keeper.use(replace(keeper.settings, enabled=False))
    await scene.pass_(3)
    assert (scene.modes, scene.off, scene.on("dryer")) == (["island", "federated"], [], True)
    assert told(scene, BATTERY) == {}
    keeper.use(replace(keeper.settings, enabled=True))
    await scene.pass_(3)
    assert (scene.modes[-1], scene.off) == ("island", ["Dryer"])


async def test_a_hub_that_starts_with_the_island_switched_off_gives_back_what_a_former_one_took(
    scene, another_home, clock
):
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    after = scene.again(another_home(scene.home.storage, clock, IslandSettings(enabled=False)))
    after.home.start()
    await after.pass_(3)
    assert (after.home.island.mode, after.off, after.on("dryer")) == ("federated", [], True)


async def test_other_limits_hold_at_once(scene):
    keeper = scene.home.island
    scene.grid, scene.soc, scene.base_w = False, 45.0, 500.0
    keeper.use(replace(keeper.settings, comfort_percent=30.0, hours=0.0))
    await scene.pass_(3)
    assert scene.off == []
    keeper.use(replace(keeper.settings, comfort_percent=90.0, hours=100.0))
    await scene.pass_(3)
    assert scene.off == ["Dryer"]
    assert told(scene, BATTERY)[Kind.RESERVE_PERCENT] == 10
    keeper.use(replace(keeper.settings, floor_percent=15.0))
    await scene.pass_(3)
    assert told(scene, BATTERY)[Kind.RESERVE_PERCENT] == 15
