"""A charger and its car: what apps and energy managers want of it, through the arbiter, and what is shown."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.charging_point import APPS, PAUSE_SOURCE, START_SOURCE
from bridge.command import Origin
from bridge.command_queue import SPACING
from bridge.drivers import driver
from bridge.faces import Faces
from bridge.home import Home
from bridge.module_face import Stage
from bridge.pace import Pace
from bridge.poller import Poller, Source
from bridge.settings import FacesSettings
from clusters.charging_plan import NextCharge
from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    PauseRequest,
    PowerAdjustRequest,
    StartTimeAdjustRequest,
)
from clusters.definitions.energy_evse import EnableChargingRequest, EnergyEvse, StateEnum, SupplyStateEnum
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.on_off import OnOffServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from hw.module import ModuleKind, Nameplate
from hw.reading import EvseReading, PlugState, Reading
from hw.setpoint import SetpointKind as Kind
from hw.simulator.process import SimulatedHome
from matter_node.clock import MATTER_EPOCH_OFFSET, AsyncioClock
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

KEY = "acme-1001"
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
MANAGER = Context(Subject(AuthMode.CASE, 1, 5), None)
LOCAL = AdjustmentCauseEnum.LOCAL_OPTIMIZATION
TOLD = (Kind.CONNECT, Kind.CHARGE_CURRENT_A, Kind.AUTO)


class Sessions:
    on_closed = ()


class Bridge:
    """The node's tree with the faces of a home's modules."""

    def __init__(self, home):
        self.home = home
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None)
        self.tree.add(root, top)
        state = Commissioning.restore(home.storage, home.clock, SystemEntropy(), Sessions(), max_fabrics=5)
        grouping = Grouping(GroupTable(home.storage), state.group_keys)
        self.faces = Faces(self.tree, Stage(top, home, FacesSettings(), grouping), EventTriggers())
        home.start()
        self.faces.start()

    def cluster(self, kind, key=KEY, part="energy"):
        return self.tree.endpoints[self.home.registry.endpoints.number(key, part)].cluster(kind)

    def evse(self, key=KEY):
        return self.cluster(EnergyEvse, key)

    def management(self, key=KEY):
        return self.cluster(DeviceEnergyManagement, key)


@pytest.fixture
def charger(home):
    device = home.add(kind=ModuleKind.EVSE, kinds=TOLD)
    home.registry.remove(KEY)
    device.nameplate = Nameplate(power_w=11_000, voltage_v=230, current_a=16, phases=3)
    home.registry.found([device], "goe")
    return device


@pytest.fixture
async def bridge(home, charger):
    bridge = Bridge(home)
    says(home)
    return bridge


def says(home, plug=PlugState.CHARGING, *, power=6900.0, connected=True):
    evse = EvseReading(
        plug=plug,
        session_energy_wh=1200.0,
        current_offered_a=10.0,
        current_min_a=6.0,
        current_max_a=16.0,
        phases=3 if power else None,
    )
    reading = Reading(module=KEY, time=NOON, power_w=power, voltage_v=230.0, connected=connected, evse=evse)
    home.registry.took(home.registry[KEY], reading)


# ---------------------------------------------------------------------- what is shown


async def test_a_charging_car_is_shown(bridge):
    evse = bridge.evse()
    assert (evse.state, evse.supply_state) == (
        StateEnum.PLUGGED_IN_CHARGING,
        SupplyStateEnum.CHARGING_ENABLED,
    )
    assert (evse.circuit_capacity, evse.minimum_charge_current) == (16_000, 6_000)
    assert bridge.management().esa_state is ESAStateEnum.ONLINE


# ---------------------------------------------------------------------- what apps want


async def test_an_app_enables_charging_for_a_time_with_a_current(bridge, charger, home, clock):
    request = EnableChargingRequest(
        charging_enabled_until=round(clock.utc()) + 600 - MATTER_EPOCH_OFFSET,
        minimum_charge_current=6_000,
        maximum_charge_current=10_000,
    )
    task = asyncio.ensure_future(bridge.evse().handle_enable_charging(MANAGER, request))
    await clock.pass_(5)
    await task
    assert sorted(charger.values) == [(Kind.CHARGE_CURRENT_A, 10), (Kind.CONNECT, 1)]
    assert all(command.expires == clock.utc() + 595 for command in home.arbiter.live(KEY))


async def test_an_app_disables_it(bridge, charger):
    await bridge.evse().handle_disable(MANAGER)
    assert charger.values == [(Kind.CONNECT, 0)]


async def test_car_charging_is_switched_by_voice(bridge, charger, clock):
    plug = bridge.cluster(OnOffServer, part="voice-charging")
    assert plug.on_off
    await plug.handle_off(MANAGER)
    assert charger.values == [(Kind.CONNECT, 0)]
    assert not plug.on_off
    await plug.handle_on(MANAGER)
    await clock.pass_(SPACING + 1)
    assert charger.values[-1] == (Kind.AUTO, None)


async def test_a_charger_that_may_charge_again_is_not_forced_to(bridge, charger, home, clock):
    home.actions.limit_current(KEY, 8, APPS)
    off = home.actions.connect(KEY, APPS, on=False)
    await clock.pass_(SPACING)
    home.actions.withdraw(off, "over")
    await clock.pass_(3 * SPACING)
    assert (Kind.CONNECT, 1) not in charger.values
    assert charger.values[-2:] == [(Kind.AUTO, None), (Kind.CHARGE_CURRENT_A, 8)]


# ---------------------------------------------------------------------- what energy managers want


async def test_a_power_is_a_current_on_all_phases(bridge, charger, clock):
    request = PowerAdjustRequest(power=5_520_000, duration=60, cause=LOCAL)
    await bridge.management().handle_power_adjust_request(MANAGER, request)
    await clock.pass_(1)
    assert charger.values == [(Kind.CHARGE_CURRENT_A, 8)]


@pytest.fixture
def planned(bridge, home, clock):
    """Let the users want 11 kWh in six hours."""
    now = round(clock.utc())
    point = next(iter(bridge.faces._faces[KEY].values()))._point
    point.planned(NextCharge(start=now + 3600, target=now + 6 * 3600, energy_wh=11_040.0))
    says(home, PlugState.DEMAND, power=0.0)
    return now


async def test_a_target_is_a_forecast_that_can_be_moved_and_paused(bridge, planned):
    forecast = bridge.management().forecast
    (slot,) = forecast.slots
    assert forecast.start_time == planned + 3600 - MATTER_EPOCH_OFFSET
    assert forecast.latest_end_time == planned + 6 * 3600 - MATTER_EPOCH_OFFSET
    assert (slot.default_duration, slot.nominal_power, slot.nominal_energy) == (3600, 11_040_000, 11_040_000)
    assert slot.slot_is_pausable
    assert forecast.is_pausable


async def test_another_start_keeps_the_car_from_charging_until_then(bridge, charger, planned, clock, home):
    later = planned + 4 * 3600
    request = StartTimeAdjustRequest(requested_start_time=later - MATTER_EPOCH_OFFSET, cause=LOCAL)
    await bridge.management().handle_start_time_adjust_request(MANAGER, request)
    assert charger.values == [(Kind.CONNECT, 0)]
    (command,) = home.arbiter.live(KEY)
    assert (command.source, command.expires) == (START_SOURCE, later)
    says(home, PlugState.DEMAND, power=0.0, connected=False)
    assert bridge.evse().supply_state is not SupplyStateEnum.DISABLED, "no person disabled it"
    assert bridge.management().forecast.start_time == later - MATTER_EPOCH_OFFSET
    bridge.management().handle_cancel_request(MANAGER)
    await clock.pass_(SPACING + 1)
    assert home.arbiter.live(KEY) == ()
    assert bridge.management().forecast.start_time == planned + 3600 - MATTER_EPOCH_OFFSET


async def test_a_pause_ends_by_itself(bridge, charger, planned, clock, home):
    await clock.pass_(3600)
    says(home)
    await bridge.management().handle_pause_request(MANAGER, PauseRequest(duration=120, cause=LOCAL))
    assert charger.values == [(Kind.CONNECT, 0)]
    assert bridge.management().esa_state is ESAStateEnum.PAUSED
    assert [command.source for command in home.arbiter.live(KEY)] == [PAUSE_SOURCE]
    await clock.pass_(130)
    assert bridge.management().esa_state is ESAStateEnum.ONLINE
    assert charger.values[-1] == (Kind.AUTO, None)


async def test_a_person_who_charges_now_does_not_wait_for_the_manager(bridge, charger, planned, clock, home):
    request = StartTimeAdjustRequest(requested_start_time=planned + 7200 - MATTER_EPOCH_OFFSET, cause=LOCAL)
    await bridge.management().handle_start_time_adjust_request(MANAGER, request)
    await clock.pass_(2)
    home.actions.connect(KEY, APPS, on=True)
    await clock.pass_(2)
    assert charger.values[-1] == (Kind.CONNECT, 1)
    assert [command.origin for command in home.arbiter.live(KEY)] == [Origin.USER]


async def test_nothing_is_planned_for_a_car_that_is_away(bridge, planned, home):
    says(home, PlugState.NOT_CONNECTED, power=0.0)
    assert bridge.management().forecast is None


# ---------------------------------------------------------------------- the simulated charger


@pytest.fixture
async def simulated():
    """A bridge on the simulated home, with a charger over HTTP and a car that wants to charge."""
    async with SimulatedHome(2, evse=1, seed=7) as running:
        home = Home(MemoryStorage(), AsyncioClock())
        bridge = Bridge(home)
        address = running.device("evse")
        await running.car(address.serial, plugged=True, needs_wh=20_000)
        poller = Poller(home.registry, {"goe": driver("goe")}, Pace(0.2, 1.0, lambda: 0.0), home.clock)
        poller.start([Source("goe", address.address)])
        await poller.first_look(10.0)
        yield bridge, running
        await home.arbiter.close()
        await poller.stop()


async def until(condition, seconds=15.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


async def test_the_simulated_car_charges_as_it_is_told(simulated):
    bridge, _ = simulated
    (module,) = tuple(bridge.home.registry)
    await until(lambda: module.reachable and (module.reading.power_w or 0) > 1000)
    evse = bridge.evse(module.key)
    assert evse.state is StateEnum.PLUGGED_IN_CHARGING
    full = module.reading.power_w
    await evse.handle_enable_charging(
        MANAGER,
        EnableChargingRequest(
            charging_enabled_until=None, minimum_charge_current=6_000, maximum_charge_current=8_000
        ),
    )
    await until(lambda: module.reading.power_w < 0.7 * full)
    await evse.handle_disable(MANAGER)
    await until(lambda: module.reading.power_w < 10)
    await until(lambda: evse.supply_state is SupplyStateEnum.DISABLED)
