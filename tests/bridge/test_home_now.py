"""The home's balance, the grid's state and the faults, from the modules' readings."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.faults import FaultBook, FaultCleared, FaultRaised, Severity
from bridge.flows import FlowMeter, Flows, FlowsChanged
from bridge.grid import GridChanged, GridState, GridWatch
from bridge.home import Home
from hw.module import ModuleKind
from hw.reading import Fault, OperatingState, Reading
from matter_node.storage import MemoryStorage

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
METER, SOLAR, BATTERY, LOAD = ModuleKind.METER, ModuleKind.MICROINVERTER, ModuleKind.BATTERY, ModuleKind.LOAD
NUMBERS = iter(range(2001, 9000))


def test_a_home_has_the_time_of_its_zone_in_summer_and_in_winter(clock):
    home = Home(MemoryStorage(), clock, ZoneInfo("Europe/Berlin"))
    assert home.utc_offset(NOON.timestamp()) == 7200
    assert home.utc_offset((NOON - timedelta(days=180)).timestamp()) == 3600


@pytest.fixture
def add(home):
    """Add a module; what says its readings."""

    def add(kind, role=""):
        serial = str(next(NUMBERS))
        home.add(serial, kind=kind)
        key = f"acme-{serial}"
        home.registry.rename(key, role=role)

        def say(power=None, **more):
            home.registry.took(home.registry[key], Reading(module=key, time=NOON, power_w=power, **more))

        say.key = key
        return say

    return add


@pytest.fixture
def heard(home):
    """What was said on the bus, by type."""
    said = []
    for kind in (FlowsChanged, GridChanged, FaultRaised, FaultCleared):
        home.bus.subscribe(kind, said.append)
    return said


# ---------------------------------------------------------------------- flows


async def test_the_meter_and_the_modules_tell_what_the_home_takes(home, add, clock):
    meter, solar, battery = add(METER), add(SOLAR), add(BATTERY)
    flow_meter = FlowMeter(home.registry, home.bus, clock)
    meter(-1200.0)
    solar(-3000.0)
    battery(500.0)
    assert flow_meter.balance() == Flows(-1200, -3000, 500, 1300, measured=True)
    home.registry.lost(home.registry[solar.key], "dark")
    assert flow_meter.balance() == Flows(-1200, 0, 500, -1700, measured=True)


async def test_without_a_meter_what_can_be_measured_is_all_that_is_known(home, add, clock):
    solar, plug = add(SOLAR), add(LOAD)
    solar(-800.0)
    plug(2000.0)
    flows = FlowMeter(home.registry, home.bus, clock).balance()
    assert flows == Flows(1200, -800, 0, 2000, measured=False)


async def test_a_meter_that_is_not_at_the_supply_does_not_count_as_the_grid(home, add, clock):
    supply, garage = add(METER, "grid"), add(METER, "garage")
    supply(900.0)
    garage(300.0)
    assert FlowMeter(home.registry, home.bus, clock).balance().grid_w == 900


async def test_the_balance_is_told_once_a_second(home, add, clock, heard):
    meter = add(METER)
    flow_meter = FlowMeter(home.registry, home.bus, clock)
    flow_meter.start()
    for power in (100.0, 200.0, 300.0):
        meter(power)
    await clock.pass_(1)
    meter(400.0)
    assert [event.flows.grid_w for event in heard] == [100, 400]
    flow_meter.stop()
    await clock.pass_(5)
    meter(500.0)
    assert len(heard) == 2


async def test_whatever_modules_say_the_balance_adds_up(home, add, clock):
    flow_meter = FlowMeter(home.registry, home.bus, clock)
    says = [add(kind) for kind in (METER, SOLAR, SOLAR, BATTERY)]

    @given(st.lists(st.none() | st.floats(), min_size=4, max_size=4))
    def adds_up(powers):
        for say, power in zip(says, powers, strict=True):
            say(power)
        flows = flow_meter.balance()
        assert flows.grid_w == flows.load_w + flows.solar_w + flows.storage_w

    adds_up()


# ---------------------------------------------------------------------- grid


async def test_the_grid_is_gone_when_the_meter_has_no_voltage_and_back_when_it_has(home, add, heard):
    meter = add(METER)
    watch = GridWatch(home.registry, home.bus)
    watch.start()
    assert watch.state is GridState.UNKNOWN
    for volts in (231.0, 229.0, 0.0, 228.0, 40.0, 0.0, 150.0, 215.0):
        meter(0.0, voltage_v=volts)
    assert [event.state for event in heard] == [GridState.CONNECTED, GridState.LOST, GridState.CONNECTED]


async def test_a_sagging_grid_of_either_kind_is_not_gone(home, add):
    watch = GridWatch(home.registry, home.bus)
    watch.start()
    meter = add(METER)
    for volts, state in ((120.0, GridState.CONNECTED), (70.0, GridState.CONNECTED), (55.0, GridState.LOST)):
        meter(0.0, voltage_v=volts)
        meter(0.0, voltage_v=volts)
        assert watch.state is state


async def test_nobody_knows_of_the_grid_without_its_meter(home, add, heard):
    meter, garage = add(METER, "grid"), add(METER, "garage")
    watch = GridWatch(home.registry, home.bus)
    watch.start()
    garage(0.0, voltage_v=0.0)
    assert watch.state is GridState.UNKNOWN
    meter(0.0, voltage_v=230.0)
    home.registry.lost(home.registry[garage.key], "gone")
    assert watch.state is GridState.CONNECTED
    home.registry.lost(home.registry[meter.key], "gone")
    assert watch.state is GridState.UNKNOWN
    meter(0.0, voltage_v=230.0)
    home.registry.remove(meter.key)
    assert watch.state is GridState.UNKNOWN


# ---------------------------------------------------------------------- faults


async def test_a_fault_is_raised_once_and_cleared_once(home, add, heard):
    solar = add(SOLAR)
    book = FaultBook(home.bus)
    book.start()
    hot, ground = Fault("OVER_TEMP", "103.Evt1"), Fault("GROUND_FAULT", "103.Evt1")
    solar(-500.0, faults=(hot,))
    solar(-500.0, faults=(hot,))
    solar(0.0, faults=(hot, ground), state=OperatingState.FAULT)
    assert [(fault.code, fault.severity) for fault in book.active(solar.key)] == [
        ("GROUND_FAULT", Severity.CRITICAL),
        ("OVER_TEMP", Severity.WARNING),
    ]
    solar(-500.0)
    assert list(book.everywhere()) == []
    assert [type(event) for event in heard] == [FaultRaised, FaultRaised, FaultCleared, FaultCleared]


async def test_a_module_that_cannot_be_read_keeps_its_faults_until_it_is_removed(home, add):
    solar = add(SOLAR)
    book = FaultBook(home.bus)
    book.start()
    solar(0.0, faults=(Fault("OVER_TEMP", "103.Evt1"),))
    home.registry.lost(home.registry[solar.key], "silent")
    assert len(book.active(solar.key)) == 1
    assert book.active(solar.key)[0].since - NOON == timedelta(0)
    home.registry.remove(solar.key)
    assert book.active(solar.key) == ()
