"""The simulated modules without a network obey setpoints as their faces on the network do."""

from datetime import UTC, datetime

import pytest

from hw.module import Module, ModuleKind, ModuleUnreachable
from hw.reading import ChargeState, OperatingState
from hw.setpoint import AppliedState, Setpoint, SetpointKind
from hw.simulator.in_process import InProcessHome
from hw.simulator.physics import Health
from hw.simulator.world import Home, World

NOON = datetime(2026, 6, 15, 11, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 15, tzinfo=UTC)


class Time:
    def __init__(self):
        self.elapsed = 0.0

    def __call__(self):
        return self.elapsed


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def simulated(time):
    return InProcessHome(World(Home(inverters=2, plugs=1), start=NOON), time)


def test_every_device_of_the_world_is_a_module_with_a_name_of_its_own(simulated):
    modules = list(simulated.modules.values())
    assert all(isinstance(module, Module) for module in modules)
    assert [module.kind for module in modules] == [
        ModuleKind.MICROINVERTER,
        ModuleKind.MICROINVERTER,
        ModuleKind.BATTERY,
        ModuleKind.METER,
        ModuleKind.LOAD,
    ]
    assert len({module.identity.key for module in modules}) == len(modules)


async def test_readings_balance_and_carry_the_present(simulated, time):
    time.elapsed = 600.0
    readings = {serial: await module.read() for serial, module in simulated.modules.items()}
    powers = {serial: reading.power_w for serial, reading in readings.items()}
    meter = powers.pop("G000001")
    assert meter == pytest.approx(sum(powers.values()) + simulated.world.load_w)
    assert readings["G000001"].time == datetime(2026, 6, 15, 11, 10, tzinfo=UTC)
    assert readings["M000001"].power_w < 0
    assert readings["B000001"].battery.soc_percent == pytest.approx(simulated.world.battery.soc_percent)


@pytest.mark.parametrize(
    ("kind", "value", "low", "high"),
    [
        (SetpointKind.CHARGE_W, 1000.0, 1000.0, 1000.0),
        (SetpointKind.DISCHARGE_W, 700.0, -700.0, -700.0),
        (SetpointKind.HOLD, None, 0.0, 0.0),
        (SetpointKind.CHARGE_LIMIT_W, 100.0, -2500.0, 100.0),
    ],
)
async def test_a_battery_does_what_it_is_told_until_its_timer_runs_out(
    simulated, time, kind, value, low, high
):
    battery = simulated.modules["B000001"]
    applied = await battery.apply(Setpoint(kind, value, 60.0))
    assert applied.state is AppliedState.APPLIED
    assert applied.value == value
    assert applied.expires_in == 60.0
    time.elapsed = 30.0
    assert low <= (await battery.read()).power_w <= high
    time.elapsed = 90.0
    await battery.read()
    assert simulated.world.battery.charge_rate is None
    assert simulated.world.battery.discharge_rate is None


async def test_auto_takes_everything_back_at_once(simulated, time):
    battery, inverter = simulated.modules["B000001"], simulated.modules["M000001"]
    await battery.apply(Setpoint(SetpointKind.HOLD))
    await inverter.apply(Setpoint(SetpointKind.POWER_LIMIT_PERCENT, 10.0))
    await inverter.apply(Setpoint(SetpointKind.CONNECT, 0.0))
    time.elapsed = 10.0
    assert (await inverter.read()).state is OperatingState.OFF
    for module in (battery, inverter):
        await module.apply(Setpoint(SetpointKind.AUTO))
    time.elapsed = 20.0
    reading = await inverter.read()
    assert reading.connected
    assert reading.power_limit_percent == 100.0
    assert reading.power_w < -0.1 * inverter.nameplate.power_w
    assert simulated.world.battery.charge_rate is None


async def test_a_limit_in_watts_reads_back_in_watts(simulated, time):
    inverter = simulated.modules["M000002"]
    applied = await inverter.apply(Setpoint(SetpointKind.POWER_LIMIT_W, 80.0))
    assert applied.value == pytest.approx(80.0)
    time.elapsed = 10.0
    reading = await inverter.read()
    assert reading.state is OperatingState.THROTTLED
    assert reading.power_w == pytest.approx(-80.0)
    assert reading.power_limit_w == pytest.approx(80.0)


async def test_a_plug_flips_back_by_itself_unless_it_was_so_before(simulated, time):
    plug = simulated.modules["P000001"]
    await plug.apply(Setpoint(SetpointKind.CONNECT, 1.0, 60.0))
    time.elapsed = 70.0
    assert (await plug.read()).connected, "it was on of itself: nothing to flip back"
    await plug.apply(Setpoint(SetpointKind.CONNECT, 0.0, 60.0))
    time.elapsed = 80.0
    assert not (await plug.read()).connected
    time.elapsed = 150.0
    assert (await plug.read()).connected


async def test_a_reserve_has_no_timer(simulated, time):
    battery = simulated.modules["B000001"]
    await battery.apply(Setpoint(SetpointKind.RESERVE_PERCENT, 40.0, None))
    time.elapsed = 3600.0
    assert (await battery.read()).battery.reserve_percent == 40.0


async def test_what_a_module_cannot_do_is_refused(simulated):
    applied = await simulated.modules["G000001"].apply(Setpoint(SetpointKind.HOLD))
    assert applied.state is AppliedState.REFUSED


async def test_a_silent_module_neither_reads_nor_obeys_and_its_timer_runs_on(simulated, time):
    battery = simulated.modules["B000001"]
    await battery.apply(Setpoint(SetpointKind.CHARGE_W, 500.0, 60.0))
    battery.silent = "the cable is out"
    with pytest.raises(ModuleUnreachable, match="cable"):
        await battery.read()
    assert (await battery.apply(Setpoint(SetpointKind.AUTO))).state is AppliedState.FAILED
    time.elapsed = 70.0
    battery.silent = ""
    assert (await battery.read()).battery.charge_state is not ChargeState.UNKNOWN
    assert simulated.world.battery.charge_rate is None


async def test_a_dead_panel_says_so_by_day(simulated, time):
    simulated.modules["M000001"].inverter.health = Health.DEAD
    time.elapsed = 10.0
    reading = await simulated.modules["M000001"].read()
    assert reading.power_w == 0
    assert [fault.code for fault in reading.faults] == ["DC_OVER_VOLT"]


async def test_a_panel_sleeps_by_night(time):
    home = InProcessHome(World(Home(inverters=1), start=MIDNIGHT), time)
    reading = await home.modules["M000001"].read()
    assert reading.state is OperatingState.SLEEPING
    assert reading.power_w is None


async def test_a_lying_module_lies_in_its_readings_alone(simulated, time):
    meter = simulated.modules["G000001"]
    true = await meter.read()
    meter.distortion = lambda _: true
    time.elapsed = 3600.0
    assert await meter.read() == true
    meter.distortion = None
    assert (await meter.read()).time > true.time


async def test_with_a_charging_limit_that_is_none_an_island_pushes_back_the_sun_that_is_too_much(time):
    world = World(Home(inverters=12), start=datetime(2026, 6, 15, 10, tzinfo=UTC))
    home = InProcessHome(world, time)
    battery = home.modules["B000001"]
    world.supply.grid = False
    time.elapsed = 10.0
    assert (await battery.read()).grid_forming
    limit = battery.nameplate.charge_power_w
    assert (await battery.apply(Setpoint(SetpointKind.CHARGE_LIMIT_W, limit, 600.0))).value == limit
    time.elapsed = 300.0
    reading = await battery.read()
    assert sum(each.available_w for each in world.inverters) > limit + 1000
    assert reading.grid_forming
    assert reading.frequency_hz > 50.2
    assert world.supply.blackouts == 0
