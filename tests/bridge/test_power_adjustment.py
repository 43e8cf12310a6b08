"""Energy managers' adjustments, from Matter's command through the arbiter to the module."""

import asyncio

import pytest

from bridge.command import CommandState, Origin
from bridge.command_queue import SPACING
from bridge.drivers import driver
from bridge.faces import Faces
from bridge.home import Home
from bridge.module_face import Stage
from bridge.pace import Pace
from bridge.poller import Poller, Source
from bridge.power_adjustment import SOURCE, end_leftovers
from bridge.settings import FacesSettings
from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    PowerAdjustEndEvent,
    PowerAdjustRequest,
)
from clusters.descriptor import DescriptorServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from hw.module import ModuleKind
from hw.setpoint import SetpointKind as Kind
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

KEY = "acme-1001"
LOCAL, GRID = AdjustmentCauseEnum.LOCAL_OPTIMIZATION, AdjustmentCauseEnum.GRID_OPTIMIZATION
MANAGER = Context(Subject(AuthMode.CASE, 1, 5), None)


class Bridge:
    """The node's tree with the faces of a registry's modules, and an energy manager at it."""

    def __init__(self, home):
        self.arbiter = home.arbiter
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None)
        self.tree.add(root, top)
        self.faces = Faces(self.tree, Stage(top, home, FacesSettings(), None), EventTriggers())
        self.faces.start()
        self.arbiter.start()
        end_leftovers(self.arbiter)
        self.registry = home.registry

    def management(self, key=KEY):
        number = self.registry.endpoints.number(key, "energy")
        return self.tree.endpoints[number].cluster(DeviceEnergyManagement)

    async def ask(self, watts, seconds=60, cause=LOCAL, key=KEY):
        request = PowerAdjustRequest(power=round(watts * 1000), duration=seconds, cause=cause)
        await self.management(key).handle_power_adjust_request(MANAGER, request)

    def cancel(self, key=KEY):
        self.management(key).handle_cancel_power_adjust_request(MANAGER)

    def ends(self):
        """What every adjustment that ended came to."""
        return [
            PowerAdjustEndEvent.from_tlv(tlv.decode(b"\x15" + record.data + b"\x18")[7])
            for record in self.tree.events.since(0)
            if record.event is DeviceEnergyManagement.power_adjust_end
        ]

    def starts(self):
        events = [record.event for record in self.tree.events.since(0)]
        return events.count(DeviceEnergyManagement.power_adjust_start)


@pytest.fixture
def make_bridge(home, clock):
    """Make the bridge of a home of one module; its device."""

    def make(kind=ModuleKind.BATTERY, **options):
        device = home.add(kind=kind, **options)
        bridge = Bridge(home)
        home.answers(home.registry[KEY])
        return bridge, device

    return make


@pytest.mark.parametrize(
    ("kind", "watts", "told"),
    [
        (ModuleKind.BATTERY, 1500, (Kind.CHARGE_W, 1500)),
        (ModuleKind.BATTERY, -800, (Kind.DISCHARGE_W, 800)),
        (ModuleKind.BATTERY, 0, (Kind.HOLD, None)),
        (ModuleKind.MICROINVERTER, -120, (Kind.POWER_LIMIT_W, 120)),
        (ModuleKind.MICROINVERTER, 0, (Kind.POWER_LIMIT_W, 0)),
    ],
)
async def test_an_adjustment_is_a_command_for_its_time(make_bridge, clock, kind, watts, told):
    bridge, device = make_bridge(kind)
    await bridge.ask(watts, 40)
    await clock.pass_(1)
    assert device.values == [told]
    assert bridge.management().esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE
    assert bridge.starts() == 1
    await clock.pass_(40)
    assert device.values[-1] == (Kind.AUTO, None)
    assert bridge.management().esa_state is ESAStateEnum.ONLINE
    (end,) = bridge.ends()
    assert (end.cause, end.duration) == (CauseEnum.NORMAL_COMPLETION, 40)
    assert bridge.arbiter.live(KEY) == ()


async def test_the_one_who_asks_decides_how_much_it_weighs(make_bridge, clock):
    bridge, _ = make_bridge()
    await bridge.ask(1000, cause=GRID)
    assert [command.origin for command in bridge.arbiter.live(KEY)] == [Origin.DEMAND_RESPONSE]
    await bridge.ask(500, cause=LOCAL)
    await clock.pass_(10)
    assert [(c.origin, c.value) for c in bridge.arbiter.live(KEY)] == [(Origin.USER, 500)]
    await bridge.ask(700, cause=GRID)
    await clock.pass_(10)
    assert [(c.origin, c.value) for c in bridge.arbiter.live(KEY)] == [(Origin.DEMAND_RESPONSE, 700)]
    assert bridge.ends() == []


async def test_from_one_adjustment_to_the_next_the_module_is_not_let_go(make_bridge, clock):
    bridge, device = make_bridge()
    for watts, cause in ((1000, LOCAL), (2000, LOCAL), (3000, GRID), (1500, LOCAL)):
        await bridge.ask(watts, cause=cause)
        await clock.pass_(2 * SPACING)
    assert device.values == [(Kind.CHARGE_W, watts) for watts in (1000, 2000, 3000, 1500)]
    assert (bridge.starts(), bridge.ends()) == (1, [])


async def test_cancelling_gives_the_module_back_at_once(make_bridge, clock):
    bridge, device = make_bridge()
    await bridge.ask(1000, 3600)
    await clock.pass_(2 * SPACING)
    bridge.cancel()
    await clock.pass_(0)
    assert device.values == [(Kind.CHARGE_W, 1000), (Kind.AUTO, None)]
    assert [end.cause for end in bridge.ends()] == [CauseEnum.CANCELLED]


async def test_opting_out_gives_the_module_back(make_bridge, clock):
    bridge, device = make_bridge()
    await bridge.ask(1000, 3600, GRID)
    await clock.pass_(2 * SPACING)
    bridge.management().set_opt_out(local=False, grid=True)
    await clock.pass_(0)
    assert device.values[-1] == (Kind.AUTO, None)
    assert [end.cause for end in bridge.ends()] == [CauseEnum.USER_OPT_OUT]
    with pytest.raises(StatusError) as refused:
        await bridge.ask(1000, cause=GRID)
    assert refused.value.status is Status.CONSTRAINT_ERROR
    await bridge.ask(1000, cause=LOCAL)


async def test_a_module_that_cannot_do_it_ends_it_as_a_fault(make_bridge, clock):
    bridge, device = make_bridge()
    device.broken = "no"
    await bridge.ask(1000, 3600)
    await clock.pass_(120)
    assert [end.cause for end in bridge.ends()] == [CauseEnum.FAULT]
    assert bridge.management().esa_state is ESAStateEnum.ONLINE


async def test_a_refusal_leaves_the_adjustment_before_it(make_bridge, clock):
    bridge, device = make_bridge(kinds=(Kind.CHARGE_W, Kind.DISCHARGE_W, Kind.AUTO))
    await bridge.ask(1000, 3600)
    await clock.pass_(10)
    with pytest.raises(StatusError) as refused:
        await bridge.ask(0, 3600)
    assert refused.value.status is Status.FAILURE
    await clock.pass_(10)
    assert set(device.values) == {(Kind.CHARGE_W, 1000)}
    assert bridge.management().esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE
    bridge.cancel()
    await clock.pass_(10)
    assert device.values[-1] == (Kind.AUTO, None)


async def test_a_person_who_commands_otherwise_ends_it(make_bridge, clock):
    bridge, device = make_bridge()
    await bridge.ask(1000, 3600, LOCAL)
    await clock.pass_(10)
    bridge.arbiter.submit(KEY, Kind.DISCHARGE_W, 300, origin=Origin.USER, source="cli")
    await clock.pass_(10)
    assert device.values[-1] == (Kind.DISCHARGE_W, 300)
    assert [end.cause for end in bridge.ends()] == [CauseEnum.CANCELLED]


async def test_protection_suspends_it_and_it_goes_on_afterwards(make_bridge, clock):
    bridge, device = make_bridge()
    await bridge.ask(1000, 3600, LOCAL)
    await clock.pass_(10)
    hot = bridge.arbiter.submit(KEY, Kind.HOLD, origin=Origin.SAFETY, source="too hot")
    await clock.pass_(10)
    assert device.values[-1] == (Kind.HOLD, None)
    assert bridge.ends() == []
    bridge.arbiter.withdraw(hot.id)
    await clock.pass_(10)
    assert device.values[-1] == (Kind.CHARGE_W, 1000)


async def test_a_module_that_is_lost_ends_it_and_takes_no_new_one(make_bridge, clock, home):
    bridge, _ = make_bridge()
    await bridge.ask(1000, 3600)
    await clock.pass_(10)
    home.registry.lost(home.registry[KEY], "unplugged")
    assert [end.cause for end in bridge.ends()] == [CauseEnum.OFFLINE]
    assert bridge.management().esa_state is ESAStateEnum.OFFLINE
    async with asyncio.timeout(5):  # of real time: the answer does not wait for the module
        with pytest.raises(StatusError) as refused:
            await bridge.ask(1000)
    assert refused.value.status is Status.INVALID_IN_STATE
    assert bridge.arbiter.live(KEY) == ()


@pytest.mark.parametrize("cause", [LOCAL, GRID])
async def test_a_restart_ends_it_and_the_module_is_given_back(make_bridge, clock, home, another_home, cause):
    bridge, device = make_bridge()
    await bridge.ask(1000, 3600, cause)
    await clock.pass_(10)
    (command,) = bridge.arbiter.live(KEY)
    after = another_home(home.storage, clock)  # the hub was killed: nothing was told to anyone
    again = Bridge(after)
    device.told.clear()
    after.registry.found([device], "sunspec")
    after.answers(after.registry[KEY])
    await clock.pass_(10)
    assert again.arbiter.command(command.id).state is CommandState.WITHDRAWN
    assert device.values == [(Kind.AUTO, None)]
    assert again.management().esa_state is ESAStateEnum.ONLINE
    await again.ask(500)
    assert [each.source for each in again.arbiter.live(KEY)] == [SOURCE]


async def test_a_module_that_takes_no_power_is_offered_none(make_bridge):
    bridge, _ = make_bridge(kinds=(Kind.AUTO,))
    assert bridge.management().power_adjustment_capability is None
    with pytest.raises(StatusError) as refused:
        await bridge.ask(1000)
    assert refused.value.status is Status.CONSTRAINT_ERROR


# ---------------------------------------------------------------------- with real registers


@pytest.fixture
async def simulated():
    """A bridge on the simulated home, polled over Modbus TCP."""
    async with SimulatedHome(4, seed=7) as running:
        clock = AsyncioClock()
        home = Home(MemoryStorage(), clock)
        bridge = Bridge(home)
        poller = Poller(home.registry, {"sunspec": driver("sunspec")}, Pace(0.2, 1.0, lambda: 0.0), clock)
        poller.start([Source("sunspec", device.address) for device in running.devices])
        await poller.first_look(10.0)
        yield bridge
        await bridge.arbiter.close()
        await poller.stop()


def find(bridge, kind):
    return next(module for module in bridge.registry if module.record.kind is kind)


async def until(condition, seconds=15.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


async def test_the_simulated_battery_follows(simulated):
    battery = find(simulated, ModuleKind.BATTERY)
    await until(lambda: battery.reachable)
    await simulated.ask(400, 60, key=battery.key)
    await until(lambda: battery.reading.power_w == pytest.approx(400, abs=20))
    await asyncio.sleep(1.5)
    simulated.cancel(battery.key)
    (end,) = simulated.ends()
    assert end.cause is CauseEnum.CANCELLED
    assert 50 < end.energy_use < 1000, "mWh; 400 W for a second are 111"
    await until(lambda: battery.reading.power_w != pytest.approx(400, abs=20))


async def test_the_simulated_inverter_is_held_back(simulated):
    inverter = find(simulated, ModuleKind.MICROINVERTER)
    await until(lambda: inverter.reachable and inverter.reading.power_w < -60)
    await simulated.ask(-50, 60, key=inverter.key)
    await until(lambda: inverter.reading.power_w == pytest.approx(-50, abs=2))
    simulated.cancel(inverter.key)
    await until(lambda: inverter.reading.power_w < -60)
