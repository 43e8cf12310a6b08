"""How often a subscriber hears of a module: real faces, the real interaction model, and time turned by hand.

Measured values come once a second at most, and none that changed is older than a minute (Matter Application
Clusters 2.12.6, 2.13.6).
"""

import asyncio
import itertools
import random
from collections import defaultdict

import pytest
from interaction_lab.client import Client, attribute_path
from interaction_lab.wire import ManualClock, Session, Wire

from clusters.definitions.device_energy_management import DeviceEnergyManagement
from clusters.definitions.electrical_energy_measurement import ElectricalEnergyMeasurement
from clusters.definitions.electrical_power_measurement import ElectricalPowerMeasurement
from clusters.definitions.level_control import LevelControl, MoveToLevelRequest, OptionsBitmap
from clusters.definitions.power_source import PowerSource
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from device_types.aggregator import aggregator
from device_types.battery_storage import BatteryRating, BatteryState, battery_storage
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.dimmable import dimmable
from device_types.electrical_sensor import ElectricalRating, ElectricalReading
from device_types.solar_power import solar_power
from matter_node.commissioning.fabrics import FabricTable
from matter_node.commissioning.group_keys import GroupKeys
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.served_node import ServedNode
from matter_node.model import Context, DeviceType, Endpoint, NodeTree, Privilege
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

EPM, EEM = ElectricalPowerMeasurement.ID, ElectricalEnergyMeasurement.ID
POWER = (EPM, ElectricalPowerMeasurement.active_power.id)
VOLTAGE = (EPM, ElectricalPowerMeasurement.voltage.id)
CURRENT = (EPM, ElectricalPowerMeasurement.active_current.id)
FREQUENCY = (EPM, ElectricalPowerMeasurement.frequency.id)
EXPORTED = (EEM, ElectricalEnergyMeasurement.cumulative_energy_exported.id)
MEASURED = (POWER, VOLTAGE, CURRENT, FREQUENCY)
LEVEL = (LevelControl.ID, LevelControl.current_level.id)
REMAINING = (LevelControl.ID, LevelControl.remaining_time.id)


class Adjuster:
    async def adjust_power(self, power_w, duration_s, *, grid):
        """Nobody asks."""

    def release_power(self):
        """Nothing is held."""


class Subscriber:
    """Takes every report at once and notes when each attribute came, and with what value."""

    def __init__(self, engine, wire, clock, node_id):
        self.session = session = Session(Subject(AuthMode.CASE, 1, node_id))
        wire.sessions.add(session)
        self.client = Client(engine, session)
        self.wire, self.clock = wire, clock
        self.heard = defaultdict(list)
        self.reports = []
        self.events = []

    def listen(self):
        """Confirm what came since the last call."""
        for exchange in [item for item in self.wire.opened if item.session is self.session]:
            self.wire.opened.remove(exchange)
            while True:
                message = exchange.last[1]
                if message.get(1):
                    self.reports.append(self.clock.now)
                for report in message.get(1, ()):
                    path = dict(report[1][1])
                    self.heard[path[2], path[3], path[4]].append((self.clock.now, report[1][2]))
                self.events += message.get(2, ())
                if message.get(4):
                    exchange.acknowledge()
                    break
                exchange.confirm()
                if not message.get(3):
                    break


class Bench:
    def __init__(self):
        self.clock = ManualClock()
        self.node_ids = itertools.count(0xA11CE)
        self.tree = NodeTree(MemoryStorage(), self.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        bridge = aggregator(root, blink=lambda _: None)
        self.tree.add(root, bridge)
        numbers = itertools.count(2)
        self.place = Place(bridge, lambda _: next(numbers))
        access = AccessControl([AccessEntry(1, Privilege.ADMINISTER, AuthMode.CASE)])
        self.wire = Wire()
        self.engine = InteractionEngine(ServedNode(self.tree, access, {}), self.wire)

    def subscriber(self, *, high=300):
        """Somebody who subscribed to everything and has the first report."""
        self.clock.advance(0)
        made = Subscriber(self.engine, self.wire, self.clock, next(self.node_ids))
        made.client.subscribed(attribute_path(), high=high)
        return made

    def solar(self):
        face = solar_power(
            BridgedDevice("roof", "Roof"), ElectricalRating(400), self.place, Delegates(adjuster=Adjuster())
        )
        face.join(self.tree)
        return face

    def battery(self):
        face = battery_storage(
            BridgedDevice("cellar", "Cellar"),
            BatteryRating(3000, 3000, 10_000),
            self.place,
            Delegates(adjuster=Adjuster()),
        )
        face.join(self.tree)
        return face

    def run(self, seconds, step, act, *subscribers):
        """Let time pass in steps; call `act(time since the start)` before each."""
        begin = self.clock.now
        for tick in range(round(seconds / step)):
            act(tick * step)
            # the loop's next turn, and the answers to what it sent
            for _ in range(3):
                self.clock.advance(0)
                for subscriber in subscribers:
                    subscriber.listen()
            self.clock.advance(begin + (tick + 1) * step - self.clock.now)
            for subscriber in subscribers:
                subscriber.listen()


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    await made.engine.close()


def sun(power_w, *, voltage_v=230.0, frequency_hz=50.0, exported_wh=1000.0):
    return ElectricalReading(
        power_w=power_w,
        voltage_v=voltage_v,
        current_a=abs(power_w) / voltage_v,
        frequency_hz=frequency_hz,
        energy_imported_wh=0.0,
        energy_exported_wh=exported_wh,
    )


def gaps(heard):
    times = [time for time, _ in heard]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


async def test_a_flapping_value_is_reported_once_a_second(bench):
    roof = bench.solar()
    roof.update(sun(-100))
    apps = [bench.subscriber() for _ in range(3)]
    values = itertools.cycle((-100, -300))
    bench.run(30, 0.2, lambda _: roof.update(sun(next(values))), *apps)
    bench.run(3, 0.2, lambda _: roof.update(sun(-222)), *apps)
    for app in apps:
        assert min(gaps([(time, None) for time in app.reports])) > 0.99
        power = app.heard[(roof.endpoint.number, *POWER)]
        assert 25 <= len(power) <= 34
        assert min(gaps(power)) > 0.99
        assert power[-1][1] == -222_000


async def test_a_change_too_small_to_matter_comes_within_a_minute(bench):
    roof = bench.solar()
    roof.update(sun(-200))
    app = bench.subscriber()
    begin = bench.clock.now
    bench.run(70, 1.0, lambda _: roof.update(sun(-201)), app)
    ((time, value),) = app.heard[(roof.endpoint.number, *POWER)]
    assert value == -201_000
    assert 50 < time - begin <= 61


async def test_a_slow_drift_is_reported_when_it_adds_up(bench):
    roof = bench.solar()
    roof.update(sun(-200))
    app = bench.subscriber()
    begin = bench.clock.now
    bench.run(30, 1.0, lambda time: roof.update(sun(-200 - time)), app)
    heard = app.heard[(roof.endpoint.number, *POWER)]
    assert 4 <= len(heard) <= 15
    known = -200_000
    for second in range(30):
        known = next((value for time, value in reversed(heard) if time <= begin + second), known)
        assert abs(known - (-200_000 - 1000 * second)) <= 6000


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_a_module_measures_the_pace_is_kept(bench, seed):
    roof, chance = bench.solar(), random.Random(seed)
    roof.update(sun(-100))
    app = bench.subscriber()
    number = roof.endpoint.number
    power = roof.endpoint.clusters[EPM]
    truth = defaultdict(list)

    def act(_):
        roof.update(
            sun(
                chance.choice((-100, -101, -103, chance.uniform(-400, 0))),
                voltage_v=chance.uniform(229, 231),
                frequency_hz=chance.choice((50.0, 50.01, 50.3)),
            )
        )
        for key in MEASURED:
            truth[key].append((bench.clock.now, power.value(key[1])))

    bench.run(200, 0.5, act, app)
    for key in MEASURED:
        heard = app.heard[(number, *key)]
        assert min(gaps(heard)) > 0.99
        assert max(gaps(heard)) <= 61
        for time, value in heard:
            assert value in {now for when, now in truth[key] if abs(when - time) <= 1.01}


async def test_unknown_is_told_at_once(bench):
    roof = bench.solar()
    roof.update(sun(-200))
    app = bench.subscriber()
    bench.run(3, 0.5, lambda _: None, app)
    lost = bench.clock.now
    bench.run(1, 0.5, lambda time: roof.lost() if time == 0 else None, app)
    assert app.heard[(roof.endpoint.number, *POWER)] == [(lost, None)]


async def test_energy_is_told_every_half_minute_while_it_grows(bench):
    roof = bench.solar()
    energy = itertools.count(1000)
    roof.update(sun(-200, exported_wh=next(energy)))
    app = bench.subscriber()
    bench.run(200, 1.0, lambda _: roof.update(sun(-200, exported_wh=next(energy))), app)
    heard = app.heard[(roof.endpoint.number, *EXPORTED)]
    assert set(map(round, gaps(heard))) == {30}
    assert len(heard) >= 6
    grown = [value[0] for _, value in heard]
    assert grown == sorted(set(grown))


async def test_energy_that_grew_once_is_told_within_a_minute(bench):
    roof = bench.solar()
    roof.update(sun(-200, exported_wh=1000))
    app = bench.subscriber()
    begin = bench.clock.now
    bench.run(100, 1.0, lambda _: roof.update(sun(-200, exported_wh=1001)), app)
    ((time, value),) = app.heard[(roof.endpoint.number, *EXPORTED)]
    assert value[0] == 1_001_000
    assert time - begin <= 60


async def test_a_batterys_charge_and_what_it_offers_come_every_ten_seconds_at_most(bench):
    battery = bench.battery()
    flapping = itertools.cycle((50.0, 60.0))

    def act(_):
        percent = next(flapping)
        battery.update(
            sun(1000),
            BatteryState(
                percent=percent,
                voltage_v=51.0,
                current_a=20.0,
                available_wh=percent * 100,
                charge_limit_w=percent * 40,
                discharge_limit_w=percent * 30,
            ),
        )

    act(0)
    app = bench.subscriber()
    bench.run(60, 0.5, act, app)
    main, dc = (endpoint.number for endpoint in battery.endpoints[:2])
    for key in (
        (dc, PowerSource.ID, PowerSource.bat_percent_remaining.id),
        (main, DeviceEnergyManagement.ID, DeviceEnergyManagement.power_adjustment_capability.id),
    ):
        assert 5 <= len(app.heard[key]) <= 6
        assert min(gaps(app.heard[key])) > 9.9


class Reserve:
    async def set_percent(self, percent):
        """Obey at once."""


async def test_a_level_on_its_way_comes_once_a_second_and_its_time_at_the_start_and_the_end(bench):
    """What a subscriber may hear of a movement of ten seconds (Application Clusters 1.6.6.2, 1.6.6.3)."""
    storage = bench.tree.storage
    grouping = Grouping(GroupTable(storage), GroupKeys(storage, FabricTable(storage)))
    face = dimmable(BridgedDevice("cellar", "Reserve"), bench.place, Reserve(), grouping, percent=0)
    face.join(bench.tree)
    app = bench.subscriber()
    context = Context(app.session.subject, app.session)

    async def to(level, tenths, seconds):
        request = MoveToLevelRequest(
            level=level,
            transition_time=tenths,
            options_mask=OptionsBitmap(0),
            options_override=OptionsBitmap(0),
        )
        await face.level.handle_move_to_level_with_on_off(context, request)
        for _ in range(seconds * 10):
            bench.run(0.1, 0.1, lambda _: None, app)
            for _ in range(5):
                await asyncio.sleep(0)

    await to(254, 100, 30)
    levels = [value for _, value in app.heard[(face.endpoint.number, *LEVEL)]]
    assert len(levels) <= 12
    assert levels == sorted(levels)
    assert levels[-1] == 254
    app.heard.clear()
    await to(2, 100, 5)
    await to(2, 150, 20)
    times = [value for _, value in app.heard[(face.endpoint.number, *REMAINING)]]
    assert len(times) == 3
    assert 95 <= times[0] <= 100
    assert 145 <= times[1] <= 150
    assert times[2] == 0
