"""The project's own clusters on the node: what modules say in them, and what apps do through them."""

import json
from datetime import UTC, datetime

import pytest

from bridge import examination
from bridge.choices import Policy
from bridge.command import CommandState, Origin
from bridge.command_queue import SPACING
from bridge.discovery import Discovery
from bridge.faces import Faces
from bridge.ores.hub import HubCluster
from bridge.pace import Pace
from bridge.poller import Poller
from bridge.record import ModuleRecord, OperatingMode
from bridge.telemetry.energy import EnergyTotal
from clusters.descriptor import DescriptorServer
from clusters.ores.common import ModuleKindEnum, OperatingModeEnum
from clusters.ores.energy_storage import (
    ChargeRequest,
    DischargeRequest,
    EnergyStorage,
    HoldRequest,
    SetReserveRequest,
    StorageModeEnum,
)
from clusters.ores.hub import (
    DiscoverDevicesRequest,
    GridStateEnum,
    Hub,
    NetFlowsStruct,
    PolicyEnum,
    RegisterDeviceRequest,
    SetModeRequest,
    SetPolicyRequest,
)
from clusters.ores.microinverter import (
    InverterStateEnum,
    Microinverter,
    SetEnabledRequest,
    SetPowerLimitRequest,
)
from clusters.ores.module import (
    ClearFaultRequest,
    DiagnosticResultEnum,
    HealthEnum,
    Module,
    SetOperatingModeRequest,
)
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from hw.module import ModuleKind, ModuleUnreachable, Nameplate, NotSupported
from hw.reading import BatteryReading, DcString, Fault, OperatingState, Reading
from hw.setpoint import SetpointKind as Kind
from hw.sighting import Sighting
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject
from matter_node.transport.browser import FoundService

KEY = "acme-1001"
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
APP, OTHER_APP = (Context(Subject(AuthMode.CASE, fabric, 5), None) for fabric in (1, 2))
SOLAR, BATTERY, METER = ModuleKind.MICROINVERTER, ModuleKind.BATTERY, ModuleKind.METER


class Driver:
    """Finds devices that a test puts at addresses."""

    def __init__(self):
        self.at = {}
        self.silent = False
        """Whether devices take a connection and say nothing in it."""

    async def discover(self, address, *, serial=""):
        if address not in self.at:
            raise ModuleUnreachable(f"nobody answers at {address}")
        return [self.at[address]]

    async def look(self, address):
        if self.silent:
            raise NotSupported("no answer")
        return [Sighting(each.identity, each.kind, each.address) for each in await self.discover(address)]

    def link(self, address):
        if "/" in address:
            raise ValueError(f"{address} is no address")
        return address


class Bridge:
    """The node's tree with the faces of a home's modules, and the hub's own cluster."""

    def __init__(self, home):
        self.home = home
        self.driver = Driver()
        drivers = {"sunspec": self.driver}
        self.poller = Poller(home.registry, drivers, Pace(1.0, 1.0, lambda: 0.0), home.clock)
        self.discovery = Discovery(home.registry, drivers, self.poller, home.bus, home.clock, home.storage)
        self.hub_cluster = HubCluster(home, self.discovery, lambda: None)
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None, clusters=[self.hub_cluster.server])
        self.tree.add(root, top)
        self.faces = Faces(self.tree, home.stage(top), EventTriggers())
        home.start()
        self.faces.start()
        self.hub_cluster.start()

    def cluster(self, kind, key=KEY):
        return self.tree.endpoints[self.home.registry.endpoints.number(key, "energy")].cluster(kind)

    @property
    def hub(self):
        return self.tree.endpoints[1].cluster(Hub)

    def events(self, declared):
        return [record for record in self.tree.events.since(0) if record.event is declared]


@pytest.fixture
async def bridge(home):
    return Bridge(home)


@pytest.fixture
def add(home, bridge):
    """Add a module that answers; its device, and what says its readings."""

    def add(kind=BATTERY, serial="1001", **options):
        device = home.add(serial, kind=kind, **options)
        says(home, device.identity.key)
        return device

    return add


def says(home, key=KEY, *, power=0.0, **more):
    home.registry.took(home.registry[key], Reading(module=key, time=NOON, power_w=power, **more))


# ---------------------------------------------------------------------- Module


async def test_a_module_says_who_it_is_and_how_it_is_reached(bridge, add, home):
    add(BATTERY)
    module = bridge.cluster(Module)
    assert (module.module_id, module.kind) == (KEY, ModuleKindEnum.BATTERY)
    assert module.link.address == home.registry[KEY].record.address
    assert module.link.reachable
    assert module.health is HealthEnum.OK
    home.registry.lost(home.registry[KEY], "unplugged")
    assert not module.link.reachable
    assert module.health is HealthEnum.UNKNOWN


async def test_what_the_hub_sees_is_shown_at_once_and_goes_when_somebody_has_looked(bridge, add, home, clock):
    add(SOLAR)
    module = bridge.cluster(Module)
    says(home, faults=(Fault("GROUND_FAULT", "103.Evt1"),))
    assert {each.source for each in module.active_faults} == {"103.Evt1", "hub.isolation_faults"}
    says(home)
    await module.handle_clear_fault(APP, ClearFaultRequest(code="ISOLATION_FAULT"))
    says(home)
    await clock.pass_(61)
    says(home)
    assert module.active_faults == ()


async def test_faults_come_and_go_with_the_readings_and_are_events(bridge, add, home):
    add(SOLAR)
    module = bridge.cluster(Module)
    says(home, faults=(Fault("OVER_TEMP", "103.Evt1"),))
    assert [(each.code, each.source) for each in module.active_faults] == [("OVER_TEMP", "103.Evt1")]
    assert module.health is HealthEnum.DEGRADED
    with pytest.raises(StatusError) as refusal:
        await module.handle_clear_fault(APP, ClearFaultRequest(code="OVER_TEMP"))
    assert refusal.value.status is Status.INVALID_IN_STATE
    says(home, faults=(Fault("DC_OVER_VOLT", "103.Evt1"),), state=OperatingState.FAULT)
    assert module.health in {HealthEnum.FAILED, HealthEnum.DEGRADED}
    says(home)
    assert (module.active_faults, module.health) == ((), HealthEnum.OK)
    assert len(bridge.events(Module.fault_raised)) == len(bridge.events(Module.fault_cleared)) == 2


async def test_a_new_module_is_announced_and_a_known_one_is_not(bridge, add, home, another_home):
    add(SOLAR)
    assert len(bridge.events(Module.registration_changed)) == 1
    home.registry.rename(KEY, name="Barn")
    assert len(bridge.events(Module.registration_changed)) == 2
    again = Bridge(another_home(home.storage, home.clock))
    assert again.events(Module.registration_changed) == []


async def test_the_operating_mode_is_kept_and_lets_go_of_plans(bridge, add, home, another_home, clock):
    add(BATTERY)
    module = bridge.cluster(Module)
    plan = home.arbiter.submit(KEY, Kind.HOLD, origin=Origin.PLAN, source="plan")
    await module.handle_set_operating_mode(APP, SetOperatingModeRequest(mode=OperatingModeEnum.AUTONOMOUS))
    assert home.registry[KEY].record.mode is OperatingMode.AUTONOMOUS
    assert home.arbiter.command(plan.id).state is CommandState.WITHDRAWN
    assert len(bridge.events(Module.operating_mode_changed)) == 1
    with pytest.raises(StatusError):
        await module.handle_set_operating_mode(APP, SetOperatingModeRequest(mode=OperatingModeEnum.ISLAND))
    again = Bridge(another_home(home.storage, clock))
    assert again.cluster(Module).operating_mode is OperatingModeEnum.AUTONOMOUS


async def test_diagnostics_say_what_was_found(bridge, add, home, monkeypatch):
    monkeypatch.setattr(examination, "PAUSE", 0)
    device = add(SOLAR)
    found = await bridge.cluster(Module).handle_run_diagnostics(APP)
    assert found.result is DiagnosticResultEnum.PASSED
    assert {check.name for check in found.checks} == {"read", "plausible"}
    device.broken = "unplugged"
    found = await bridge.cluster(Module).handle_run_diagnostics(APP)
    assert found.result is DiagnosticResultEnum.FAILED


# ---------------------------------------------------------------------- EnergyStorage


async def test_a_battery_says_what_it_holds(bridge, add, home):
    add(BATTERY)
    battery = BatteryReading(
        soc_percent=61.5,
        soh_percent=98.0,
        available_wh=3100.0,
        capacity_wh=5000.0,
        cycles=12,
        reserve_percent=20.0,
    )
    says(home, battery=battery, temperature_c=24.5)
    cluster = bridge.cluster(EnergyStorage)
    assert (cluster.state_of_charge, cluster.state_of_health, cluster.temperature) == (6150, 9800, 2450)
    assert (cluster.available_energy, cluster.capacity, cluster.cycles) == (3_100_000, 5_000_000, 12)
    assert (cluster.reserve, cluster.mode) == (20, StorageModeEnum.AUTO)
    home.registry.lost(home.registry[KEY], "unplugged")
    assert cluster.state_of_charge is None


@pytest.mark.parametrize(
    ("wish", "told", "mode", "power"),
    [
        (
            ("charge", ChargeRequest(power=1_500_000)),
            (Kind.CHARGE_W, 1500),
            StorageModeEnum.CHARGING,
            1_500_000,
        ),
        (
            ("discharge", DischargeRequest(power=800_000)),
            (Kind.DISCHARGE_W, 800),
            StorageModeEnum.DISCHARGING,
            -800_000,
        ),
        (("hold", HoldRequest()), (Kind.HOLD, None), StorageModeEnum.HOLDING, None),
        (("charge", ChargeRequest()), (Kind.CHARGE_W, 5000), StorageModeEnum.CHARGING, 5_000_000),
    ],
)
async def test_a_battery_is_told_what_an_app_wants(bridge, add, clock, wish, told, mode, power):
    device = add(BATTERY)
    command, request = wish
    cluster = bridge.cluster(EnergyStorage)
    await getattr(cluster, f"handle_{command}")(APP, request)
    await clock.pass_(1)
    assert device.values == [told]
    assert (cluster.mode, cluster.setpoint.power) == (mode, power)
    await cluster.handle_auto(APP)
    await clock.pass_(SPACING + 1)
    assert device.values[-1] == (Kind.AUTO, None)
    assert (cluster.mode, cluster.setpoint) == (StorageModeEnum.AUTO, None)


async def test_charging_to_a_target_ends_there(bridge, add, home, clock):
    add(BATTERY)
    says(home, battery=BatteryReading(soc_percent=50.0))
    cluster = bridge.cluster(EnergyStorage)
    await cluster.handle_charge(APP, ChargeRequest(power=1_000_000, target_soc=60))
    await clock.pass_(1)
    assert cluster.setpoint.target_soc == 60
    says(home, battery=BatteryReading(soc_percent=60.0))
    await clock.pass_(SPACING + 1)
    assert cluster.mode is StorageModeEnum.AUTO


async def test_whoever_is_removed_wants_nothing_any_more(bridge, add, clock, home):
    device = add(BATTERY)
    cluster = bridge.cluster(EnergyStorage)
    await cluster.handle_charge(OTHER_APP, ChargeRequest(power=1_000_000))
    await clock.pass_(1)
    bridge.tree.fabric_removed(1)
    await clock.pass_(SPACING + 1)
    assert cluster.mode is StorageModeEnum.CHARGING
    bridge.tree.fabric_removed(2)
    await clock.pass_(SPACING + 1)
    assert device.values[-1] == (Kind.AUTO, None)


async def test_a_reserve_is_set_in_percent(bridge, add, clock):
    device = add(BATTERY)
    await bridge.cluster(EnergyStorage).handle_set_reserve(APP, SetReserveRequest(percent=35))
    await clock.pass_(1)
    assert device.values == [(Kind.RESERVE_PERCENT, 35)]


async def test_a_battery_that_cannot_be_told_has_no_commands_for_it(bridge, add):
    add(BATTERY, kinds=())
    assert bridge.cluster(EnergyStorage).features == EnergyStorage.Feature.HLTH


# ---------------------------------------------------------------------- Microinverter


async def test_an_inverter_says_what_its_strings_do(bridge, home):
    device = home.add(kind=SOLAR)
    home.registry.remove(KEY)
    device.nameplate = Nameplate(power_w=400, dc_strings=1)
    home.registry.found([device], "sunspec")
    string = DcString("A", power_w=210.0, voltage_v=41.0, current_a=5.1, energy_wh=1234.0)
    says(home, power=-200.0, state=OperatingState.RUNNING, strings=(string,), energy_exported_wh=900_000.0)
    cluster = bridge.cluster(Microinverter)
    assert (cluster.state, cluster.rated_power) == (InverterStateEnum.PRODUCING, 400_000)
    assert cluster.energy_lifetime == 900_000_000
    (shown,) = cluster.dc_strings
    assert (shown.name, shown.power, shown.voltage, shown.current) == ("A", 210_000, 41_000, 5100)


async def test_an_inverter_says_what_it_produced_today(bridge, add, home, clock):
    class Store:
        async def energy(self, _):
            return [EnergyTotal("energy_exported_wh", "Wh", False, 1200.0, 90_000.0)]

    add(SOLAR)
    cluster = bridge.cluster(Microinverter)
    assert cluster.energy_today is None
    home.energy_today.start(Store())
    for energy in (90_000.0, 90_050.0, 90_050.0):
        time = datetime.fromtimestamp(clock.utc(), UTC)
        home.registry.took(home.registry[KEY], Reading(module=KEY, time=time, energy_exported_wh=energy))
        await clock.pass_(30)
    await home.energy_today.stop()
    assert cluster.energy_today == 1_250_000


async def test_a_limit_is_set_shown_and_taken_back(bridge, add, home, clock):
    device = add(SOLAR)
    cluster = bridge.cluster(Microinverter)
    await cluster.handle_set_power_limit(APP, SetPowerLimitRequest(percent=5000, duration=600))
    await clock.pass_(1)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 50)]
    says(home, power_limit_percent=50.0, power_limit_w=2500.0)
    assert (cluster.power_limit, cluster.power_limit_percent) == (2_500_000, 5000)
    assert cluster.power_limit_end is not None
    await cluster.handle_set_power_limit(OTHER_APP, SetPowerLimitRequest())
    await clock.pass_(SPACING + 1)
    assert device.values[-1] == (Kind.AUTO, None)
    says(home, power_limit_percent=100.0, power_limit_w=5000.0)
    assert (cluster.power_limit, cluster.power_limit_percent) == (None, None)


async def test_it_is_switched_off_and_on(bridge, add, home, clock):
    device = add(SOLAR)
    cluster = bridge.cluster(Microinverter)
    await cluster.handle_set_enabled(APP, SetEnabledRequest(enabled=False))
    await clock.pass_(1)
    assert device.values == [(Kind.CONNECT, 0)]
    says(home, connected=False)
    assert cluster.enabled is False
    await cluster.handle_set_enabled(APP, SetEnabledRequest(enabled=True))
    await clock.pass_(SPACING + 1)
    assert device.values[-1] == (Kind.AUTO, None)


# ---------------------------------------------------------------------- Hub


async def test_the_hub_shows_the_balance(bridge, add, home, clock):
    add(METER, "1001")
    add(SOLAR, "1002")
    await clock.pass_(1)
    says(home, "acme-1002", power=-3000.0)
    await clock.pass_(1)
    says(home, "acme-1001", power=-1000.0)
    assert bridge.hub.net_flows == NetFlowsStruct(
        grid=-1_000_000, solar=-3_000_000, storage=0, load=2_000_000
    )


async def test_the_grid_s_going_and_coming_are_events(bridge, add, home, clock):
    add(METER)
    says(home, voltage_v=230.0)
    says(home, voltage_v=0.0)
    assert bridge.hub.grid_state is GridStateEnum.CONNECTED
    says(home, voltage_v=0.0)
    assert bridge.hub.grid_state is GridStateEnum.LOST
    await clock.pass_(90)
    says(home, voltage_v=230.0)
    assert bridge.hub.grid_state is GridStateEnum.CONNECTED
    assert len(bridge.events(Hub.grid_lost)) == len(bridge.events(Hub.grid_restored)) == 1


async def test_what_the_residents_choose_is_kept(bridge, home, another_home, clock):
    await bridge.hub.handle_set_policy(APP, SetPolicyRequest(policy=PolicyEnum.BACKUP))
    await bridge.hub.handle_set_mode(APP, SetModeRequest(mode=OperatingModeEnum.AUTONOMOUS))
    assert (home.choices.policy, home.choices.mode) == (Policy.BACKUP, OperatingMode.AUTONOMOUS)
    again = Bridge(another_home(home.storage, clock))
    assert (again.hub.policy, again.hub.mode) == (PolicyEnum.BACKUP, OperatingModeEnum.AUTONOMOUS)
    with pytest.raises(StatusError) as refusal:
        await bridge.hub.handle_set_mode(APP, SetModeRequest(mode=OperatingModeEnum.ISLAND))
    assert refusal.value.status is Status.INVALID_IN_STATE


async def test_in_an_autonomous_home_plans_command_nobody(bridge, add, home):
    add(BATTERY)
    plan = home.arbiter.submit(KEY, Kind.HOLD, origin=Origin.PLAN, source="plan")
    home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    assert home.arbiter.command(plan.id).state is CommandState.WITHDRAWN
    refused = home.arbiter.submit(KEY, Kind.HOLD, origin=Origin.PLAN, source="plan")
    assert refused.state is CommandState.REFUSED


async def test_a_device_that_is_looked_for_becomes_a_candidate_and_then_a_module(
    bridge, home, make_device, clock
):
    device = bridge.driver.at["10.0.0.9"] = make_device("7001", kind=SOLAR)
    device.address = "10.0.0.9"
    await bridge.hub.handle_discover_devices(APP, DiscoverDevicesRequest(address="10.0.0.9"))
    assert bridge.hub.discovering
    with pytest.raises(StatusError) as busy:
        await bridge.hub.handle_discover_devices(APP, DiscoverDevicesRequest(address="10.0.0.9"))
    assert busy.value.status is Status.BUSY
    await clock.pass_(1)
    (candidate,) = bridge.hub.candidates
    assert (candidate.candidate_id, candidate.kind) == ("acme-7001", ModuleKindEnum.MICROINVERTER)
    assert not bridge.hub.discovering
    assert "acme-7001" not in home.registry, "looking registers nothing"
    answer = await bridge.hub.handle_register_device(
        APP, RegisterDeviceRequest(candidate_id="acme-7001", name="Shed")
    )
    assert answer.module_id == "acme-7001"
    assert home.registry["acme-7001"].record.name == "Shed"
    assert answer.endpoint in bridge.tree.endpoints
    with pytest.raises(StatusError) as twice:
        await bridge.hub.handle_register_device(APP, RegisterDeviceRequest(address="10.0.0.9"))
    assert twice.value.status is Status.ALREADY_EXISTS
    await bridge.poller.stop()


async def test_without_an_address_what_announces_itself_is_a_candidate(bridge, clock):
    plug = FoundService(
        "shellyplusplugs-a8032ab12345", "_shelly._tcp", "plug.local.", 80, {}, ("192.168.1.30",)
    )
    foreign = FoundService("thing", "_ship._tcp", "thing.local.", 4712, {}, ("192.168.1.31",))
    await bridge.hub.handle_discover_devices(APP, DiscoverDevicesRequest(address=None))
    for service in (plug, foreign):
        bridge.discovery._announcements.found(service)
    await clock.pass_(5)
    (candidate,) = bridge.hub.candidates  # one without a kind is for the HTTP API alone
    assert (candidate.candidate_id, candidate.driver) == ("shelly-a8032ab12345", "shelly")
    assert not bridge.hub.discovering


async def test_nobody_is_asked_twice_a_day_nor_commissioned_without_a_matter_server(bridge, clock):
    with pytest.raises(StatusError) as refused:
        await bridge.hub.handle_register_device(APP, RegisterDeviceRequest(address="34970112332"))
    assert refused.value.status is Status.INVALID_IN_STATE
    bridge.driver.silent = True
    await bridge.hub.handle_discover_devices(APP, DiscoverDevicesRequest(address="10.0.0.9"))
    await clock.pass_(1)
    with pytest.raises(StatusError) as again:
        await bridge.hub.handle_discover_devices(APP, DiscoverDevicesRequest(address="10.0.0.9"))
    assert again.value.status is Status.INVALID_IN_STATE


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"address": "10.0.0.77"}, Status.NOT_FOUND),
        ({"address": "no/address"}, Status.CONSTRAINT_ERROR),
        ({"address": "10.0.0.77", "driver": "abacus"}, Status.CONSTRAINT_ERROR),
        ({"candidate_id": "acme-9"}, Status.NOT_FOUND),
    ],
)
async def test_what_is_not_there_is_not_registered(bridge, home, request_, status):
    with pytest.raises(StatusError) as refusal:
        await bridge.hub.handle_register_device(APP, RegisterDeviceRequest(**request_))
    assert refusal.value.status is status
    assert len(home.registry) == 0


async def test_a_record_of_before_modes_and_faces_is_read(home):
    home.add()
    record = home.registry[KEY].record
    stored = json.loads(record.to_json())
    for newer in ("mode", "faces", "labels"):
        del stored[newer]
    assert ModuleRecord.from_json(json.dumps(stored).encode()) == record
