"""The grid really goes and comes: parts of the hub on a simulated home, over Modbus TCP and HTTP."""

import asyncio
import time
from dataclasses import replace

import pytest
from island_lab.living import QUICK

from bridge.command import CommandState, Origin
from bridge.events import CommandChanged
from bridge.grid import GridChanged, GridState
from bridge.island import throttling
from bridge.island.mode import HomeMode
from bridge.record import OperatingMode
from hw.setpoint import SetpointKind
from hw.simulator.supply import RECONNECT_S

FEDERATED, ISLAND, RETURNING, RESTORING = (
    HomeMode.FEDERATED,
    HomeMode.ISLAND,
    HomeMode.RETURNING,
    HomeMode.RESTORING,
)
pytestmark = pytest.mark.timeout(180)


async def test_an_outage_from_the_first_second_to_the_last(live):
    home = await live(plugs=2, evse=1)
    assert home.mode is FEDERATED
    before = await home.simulated.state()
    assert before["plugs"] == [True, True]
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    # 4 kW of water heaters and a household are more than 2.5 kW; one heater is not.
    truth = await home.truly(lambda state: -state["battery_w"] < 2500 and state["plugs"].count(True) == 1)
    assert (truth["supply"], truth["grid_w"], truth["blackouts"]) == ("island", 0, 0)
    await home.until(lambda: home.home.flow_meter.flows.grid_w == 0)
    switched = time.monotonic()
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    assert home.modes == [ISLAND, RETURNING, RESTORING, FEDERATED]
    (restoring,) = [t for t, event in home.heard if getattr(event, "mode", None) is RESTORING]
    assert restoring - switched > RECONNECT_S, "the battery had not returned to the grid"
    truth = await home.truly(lambda state: state["plugs"] == [True, True])
    assert (truth["supply"], truth["blackouts"]) == ("grid", 0)
    await home.until(lambda: not any(home.home.arbiter.live(each.key) for each in home.registry))


async def test_loads_are_off_within_a_second_of_the_reading_that_tells(live):
    home = await live(plugs=2)
    await home.simulated.outage()

    def off():
        """When loads said that they are off."""
        return [
            t
            for t, event in home.heard
            if isinstance(event, CommandChanged)
            and (event.command.kind, event.command.state) == (SetpointKind.CONNECT, CommandState.APPLIED)
        ]

    await home.until(off)
    lost = [t for t, event in home.heard if isinstance(event, GridChanged) and event.state is GridState.LOST]
    assert max(off()) - lost[0] < 1.0


async def test_a_meter_that_falls_silent_alone_is_no_outage(live):
    home = await live(plugs=1)
    await home.simulated.fault(home.simulated.device("meter").serial, "link")
    await home.until(lambda: home.home.grid.state is GridState.UNKNOWN)
    await asyncio.sleep(2)
    assert home.modes == []
    assert (await home.simulated.state())["plugs"] == [True]
    await home.simulated.heal(home.simulated.device("meter").serial)
    await home.until(lambda: home.home.grid.state is GridState.CONNECTED)


async def test_a_meter_that_falls_silent_with_the_grid_is_one(live):
    home = await live(plugs=2)
    await home.simulated.outage(meter_silent=True)
    await home.until(lambda: home.mode is ISLAND, 10)
    await home.truly(lambda state: state["plugs"].count(True) == 1)
    meter = home.of("meter")
    await home.until(lambda: not meter.reachable)
    assert home.mode is ISLAND
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED, 60)
    await home.truly(lambda state: state["plugs"] == [True, True])


async def test_an_outage_of_a_home_that_is_autonomous_ends_there(live):
    home = await live(plugs=2)
    home.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    battery = home.of("battery")
    refused = home.home.arbiter.submit(
        battery.key, SetpointKind.CHARGE_W, 500.0, origin=Origin.PLAN, source="planner"
    )
    assert refused.state is CommandState.REFUSED
    # Each module follows its own rule: the panels give what they can, the battery serves the home.
    await home.truly(lambda state: state["solar_w"] < -500 and state["battery_w"] < -500)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    await home.truly(lambda state: state["plugs"].count(True) == 1)
    await home.simulated.grid()
    await home.until(lambda: home.mode is HomeMode.AUTONOMOUS)
    assert home.modes == [HomeMode.AUTONOMOUS, ISLAND, RETURNING, RESTORING, HomeMode.AUTONOMOUS]


async def test_a_second_outage_in_the_middle_of_the_return_is_an_island_again(live):
    home = await live(plugs=2)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    await home.simulated.grid()
    await home.until(lambda: home.mode is RETURNING)
    off = home.off
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    assert home.modes == [ISLAND, RETURNING, ISLAND]
    assert set(home.off) >= set(off)


async def test_a_return_begins_anew_when_the_grid_weakens_and_ends_when_it_goes(live):
    home = await live(plugs=2, settings=replace(QUICK, spacing_s=120))
    await home.simulated.charge(15)
    await home.simulated.outage()
    await home.until(lambda: len(home.off) == 2)
    await home.simulated.grid()
    await home.until(lambda: home.mode is RESTORING)
    # 170 V are no outage, and no grid to give loads back to.
    await home.simulated.grid(sag_v=60)
    await home.until(lambda: home.mode is RETURNING)
    await home.simulated.grid()
    await home.until(lambda: home.mode is RESTORING)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    assert home.modes == [ISLAND, RETURNING, RESTORING, RETURNING, RESTORING, ISLAND]
    await home.until(lambda: len(home.off) == 2)


async def test_the_residents_choose_and_choose_again(live):
    home = await live(plugs=1)
    home.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await home.until(lambda: home.mode is HomeMode.AUTONOMOUS)
    home.home.choices.choose(mode=OperatingMode.FEDERATED)
    await home.until(lambda: home.mode is FEDERATED)
    assert home.modes == [HomeMode.AUTONOMOUS, FEDERATED]


async def test_what_plan_and_people_told_the_battery_is_held_back_and_taken_up_again(live):
    home = await live(plugs=1)
    arbiter, battery = home.home.arbiter, home.of("battery")
    plan = arbiter.submit(battery.key, SetpointKind.HOLD, origin=Origin.PLAN, source="planner", duration=600)
    await home.until(lambda: arbiter.command(plan.id).state is CommandState.APPLIED)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    person = arbiter.submit(
        battery.key, SetpointKind.CHARGE_W, 2000.0, origin=Origin.USER, source="cli", duration=600
    )
    assert arbiter.command(person.id).state is CommandState.SUPERSEDED
    assert "what keeps the home alive comes first" in arbiter.command(person.id).reason
    await asyncio.sleep(3)
    state = await home.simulated.state()
    assert (state["supply"], state["blackouts"]) == ("island", 0)
    assert state["battery_w"] < 0
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await home.until(lambda: arbiter.command(person.id).state is CommandState.APPLIED)
    await home.truly(lambda state: state["battery_w"] == pytest.approx(2000, abs=30))


async def test_what_the_battery_kept_back_is_for_now(live):
    home = await live()
    arbiter, battery = home.home.arbiter, home.of("battery")
    kept = arbiter.submit(battery.key, SetpointKind.RESERVE_PERCENT, 45.0, origin=Origin.USER, source="cli")
    await home.until(lambda: arbiter.command(kept.id).state is CommandState.APPLIED)
    await home.simulated.charge(47)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    await home.until(lambda: battery.reading.battery.reserve_percent == QUICK.floor_percent)
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await home.until(lambda: battery.reading.battery.reserve_percent == 45)


async def test_a_person_does_not_switch_a_shed_load_on_but_makes_it_more_important(live):
    home = await live(plugs=2)
    first, second = home.of("load"), home.of("load", 1)
    home.registry.set_priority(second.key, 7)
    await home.simulated.outage()
    await home.until(lambda: home.off == [first.key])
    person = home.home.arbiter.submit(first.key, SetpointKind.CONNECT, 1.0, origin=Origin.USER, source="cli")
    assert home.home.arbiter.command(person.id).state is CommandState.SUPERSEDED
    home.home.arbiter.withdraw(person.id)
    home.registry.set_priority(first.key, 8)
    # The other one makes room for it only when there is not enough: here somebody switches it off.
    home.home.arbiter.submit(second.key, SetpointKind.CONNECT, 0.0, origin=Origin.USER, source="cli")
    await home.until(lambda: home.off == [])
    await home.truly(lambda state: state["plugs"] == [True, False])
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await asyncio.sleep(1)
    assert (await home.simulated.state())["plugs"] == [True, False]


async def test_a_car_that_darkens_the_home_is_kept_from_doing_so_again(live):
    home = await live(plugs=1, evse=1, car=True)
    await home.truly(lambda state: state["evse_w"] > 9000)
    await home.simulated.outage()
    await home.truly(lambda state: state["supply"] == "dark")
    await home.until(lambda: set(home.off) == {home.of("evse").key, home.of("load").key})
    truth = await home.truly(lambda state: state["supply"] == "island", 60)
    assert truth["dark_because"] == "far too much load"
    # The heater is back at once; the car would begin after twenty seconds, and is told not to.
    await asyncio.sleep(25)
    truth = await home.simulated.state()
    assert (truth["supply"], truth["blackouts"], truth["evse"][0]["allowed"]) == ("island", 1, False)
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await home.truly(lambda state: state["evse_w"] > 9000, 60)


async def test_a_car_takes_what_can_be_carried_and_then_the_sun(live, monkeypatch):
    monkeypatch.setattr(throttling, "SETTLED_S", 2.0)
    monkeypatch.setattr(throttling, "RAISED_S", 3.0)
    home = await live(30, evse=1, car=True, battery_kw=6)
    await home.truly(lambda state: state["evse_w"] > 9000)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    # 11 kW are more than 6 kW: it has the six amperes that a car needs at least, and stays on.
    truth = await home.truly(lambda state: 3500 < state["evse_w"] < 4800)
    assert (truth["supply"], truth["blackouts"], home.off) == ("island", 0, [])
    await asyncio.sleep(4)
    assert (await home.simulated.state())["evse_w"] < 4800
    # With full batteries it has what the panels would have been kept from giving.
    await home.simulated.charge(99)
    truth = await home.truly(lambda state: state["evse_w"] > 5000, 60)
    assert (truth["supply"], truth["blackouts"], home.off) == ("island", 0, [])
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await home.truly(lambda state: state["evse_w"] > 9000, 60)
    await home.until(lambda: not any(home.home.arbiter.live(each.key) for each in home.registry))


async def test_the_frequency_does_what_it_can_and_the_hub_does_nothing(live):
    home = await live(12)
    await home.simulated.charge(99)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    await home.truly(lambda state: 50.2 < state["frequency_hz"] < 51.25)
    await asyncio.sleep(3)
    assert home.home.island.solar_limit_w is None
    assert (await home.simulated.state())["blackouts"] == 0


async def test_inverters_that_heed_no_frequency_are_limited(live):
    home = await live(12)
    for device in home.simulated.devices:
        if device.kind == "microinverter":
            await home.simulated.fault(device.serial, "deaf")
    await home.simulated.charge(99)
    await home.simulated.outage()
    await home.until(lambda: home.mode is ISLAND)
    await home.truly(lambda state: state["solar_w"] > -1500 and state["battery_w"] < 300)
    await asyncio.sleep(12)
    assert (await home.simulated.state())["blackouts"] == 0
    await home.simulated.grid()
    await home.until(lambda: home.mode is FEDERATED)
    await home.truly(lambda state: state["solar_w"] < -3000)


async def test_below_the_black_start_reserve_only_what_is_critical_is_on(live):
    home = await live(plugs=2)
    critical = home.of("load", 1)
    home.registry.set_priority(critical.key, 9)
    await home.simulated.charge(19)
    await home.until(lambda: home.of("battery").reading.battery.soc_percent < 20)
    await home.simulated.outage()
    await home.truly(lambda state: state["plugs"] == [False, True])
    assert (await home.simulated.state())["blackouts"] == 0
    await home.simulated.charge(9.5)
    await home.until(lambda: len(home.off) == 2)


async def test_a_hub_that_ends_in_order_leaves_loads_off(live):
    home = await live(plugs=2)
    await home.simulated.outage()
    await home.until(lambda: len(home.off) == 1)
    await home.truly(lambda state: state["plugs"].count(True) == 1)
    await home.stop()
    await asyncio.sleep(1)
    assert (await home.simulated.state())["plugs"].count(True) == 1
