"""The project's own clusters behind the interaction model: who may do what, and what goes over the wire."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interaction_lab.client import (
    Client,
    attribute_path,
    command_path,
    event_path,
    reported,
    reported_events,
    responses,
)
from interaction_lab.wire import Session, Wire

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum
from clusters.ores.energy_storage import EnergyStorage
from clusters.ores.energy_storage_server import EnergyStorageServer, StorageValues
from clusters.ores.hub import Hub, PlanReasonEnum, PlanStepStruct, PlanTriggerEnum, PolicyEnum
from clusters.ores.hub_server import HubServer, RegisteredDevice
from clusters.ores.microinverter import Microinverter
from clusters.ores.microinverter_server import MicroinverterServer
from clusters.ores.module import (
    DiagnosticResultEnum,
    FaultSeverityEnum,
    FaultStruct,
    LinkStruct,
    Module,
    RunDiagnosticsResponse,
    TransportEnum,
)
from clusters.ores.module_server import ModuleServer
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.served_node import ServedNode
from matter_node.model import DeviceType, Endpoint, Privilege
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

ANSWERS = {
    "run_diagnostics": RunDiagnosticsResponse(result=DiagnosticResultEnum.PASSED, checks=()),
    "register_device": RegisteredDevice("shelly-a8032ab1", endpoint=9),
}
HOT = FaultStruct(code="HOT", source="x", severity=FaultSeverityEnum.ERROR, since=None)
GLOBALS = [0xFFF8, 0xFFF9, 0xFFFB, 0xFFFC, 0xFFFD]


class Home:
    """Does whatever it is asked for, and remembers for whom."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        async def call(*arguments, **more):
            self.calls.append((name, *arguments, *more.values()))
            return ANSWERS.get(name)

        return call

    def fabric_removed(self, fabric_index):
        self.calls.append(("gone", fabric_index))


class Lab:
    """A hub with an inverter and a battery, and people with every privilege on fabric 1."""

    def __init__(self, tree):
        self.home = Home()
        link = LinkStruct(transport=TransportEnum.MODBUS_TCP, address="192.168.1.20:502:1", reachable=True)
        mode = OperatingModeEnum.FEDERATED
        self.hub = HubServer(
            self.home,
            mode=mode,
            policy=PolicyEnum.SAVINGS,
            planner=self.home,
            discovery=self.home,
            island=True,
        )
        self.module = ModuleServer(
            "sma-1",
            ModuleKindEnum.MICROINVERTER,
            self.home,
            link=link,
            operating_mode=mode,
            diagnostics=self.home,
            updater=self.home,
        )
        self.inverter = MicroinverterServer(
            400_000, limiter=self.home, switch=self.home, strings=True, peers=True
        )
        self.battery = EnergyStorageServer(control=self.home, reserve=self.home, health=True)
        tree.add(Endpoint(0, [DeviceType(0x16, 3)], []))
        tree.add(Endpoint(1, [DeviceType(0x0E, 2)], [self.hub]))
        tree.add(Endpoint(2, [DeviceType(0x17, 1)], [self.module, self.inverter]))
        tree.add(Endpoint(3, [DeviceType(0x18, 1)], [self.battery]))
        self.tree = tree
        self.clock = tree.clock
        grants = {10 + privilege: privilege for privilege in Privilege}
        access = AccessControl(
            AccessEntry(1, privilege, AuthMode.CASE, (node,)) for node, privilege in grants.items()
        )
        groups = SimpleNamespace(endpoints=lambda *_: ())
        self.wire = Wire()
        self.engine = InteractionEngine(
            ServedNode(tree, access, {1: SimpleNamespace(node_id=1)}, groups), self.wire
        )

    def client(self, privilege):
        session = Session(Subject(AuthMode.CASE, 1, 10 + privilege))
        self.wire.sessions.add(session)
        return Client(self.engine, session)


@pytest.fixture
async def lab(tree):
    made = Lab(tree)
    yield made
    await made.engine.close()


def calls():
    """Yield every command with its endpoint and fields that are right."""
    fields = {
        Module.set_operating_mode: {0: 0},
        Module.clear_fault: {0: "HOT"},
        Microinverter.set_enabled: {0: True},
        EnergyStorage.set_reserve: {0: 20},
        Hub.set_policy: {0: 1},
        Hub.set_mode: {0: 1},
        Hub.register_device: {1: "192.168.1.30"},
    }
    for endpoint, cluster in ((2, Module), (2, Microinverter), (3, EnergyStorage), (1, Hub)):
        for command in cluster.COMMANDS.values():
            yield pytest.param(
                endpoint,
                cluster,
                command,
                fields.get(command, {} if command.request else None),
                id=f"{cluster.__name__}.{command.name}",
            )


@pytest.mark.parametrize(("endpoint", "cluster", "command", "fields"), list(calls()))
async def test_a_command_needs_its_privilege_and_no_more(lab, endpoint, cluster, command, fields):
    lab.module.show_faults([HOT])
    needed = command.access.write
    path = command_path(endpoint, cluster.ID, command.id)
    for privilege in Privilege:
        if privilege < needed:
            exchange = await lab.client(privilege).invoke((path, fields))
            assert responses(exchange)[0][1] is Status.UNSUPPORTED_ACCESS
    assert lab.home.calls == []
    ((_, answer, _),) = responses(await lab.client(needed).invoke((path, fields)))
    assert answer == (command.response_id or Status.SUCCESS)
    ((_, *_, fabric),) = lab.home.calls
    assert fabric == 1


async def test_a_wildcard_read_gives_what_the_attribute_list_says(lab):
    found = lab.client(Privilege.VIEW).get(attribute_path())
    for endpoint, server in ((1, lab.hub), (2, lab.module), (2, lab.inverter), (3, lab.battery)):
        values = {a: value for e, c, a, value in found if (e, c) == (endpoint, server.ID)}
        assert not any(isinstance(value, Status) for value in values.values())
        assert values[0xFFFB] == list(values)
        assert [id_ for id_ in values if id_ >= 0xF000] == GLOBALS
        assert set(values) - set(GLOBALS) == set(server.ATTRIBUTES)  # it has all features
        assert values[0xFFFC] == sum(server.Feature)
        assert values[0xFFFD] == 1
        assert values[0xFFF9] == sorted(server.COMMANDS)


async def test_a_long_plan_comes_in_pieces(lab):
    most = 2**62
    step = PlanStepStruct(
        start=800_000_000,
        duration=900,
        grid=-most,
        solar=-most,
        storage=most,
        load=most,
        reason=PlanReasonEnum.SOLAR_SURPLUS,
        text="x" * 96,
    )
    lab.hub.show_plan([step] * 48, PlanTriggerEnum.SCHEDULE, None)
    exchange = lab.client(Privilege.VIEW).read(attribute_path(1, Hub.ID, Hub.plan.id))
    messages = 1
    while exchange.last[1].get(3):
        exchange.confirm()
        messages += 1
    ((_, _, _, plan),) = reported(exchange)
    assert (len(plan), plan[47][7]) == (48, "x" * 96)
    assert 6 <= messages <= 10


async def test_what_a_client_sends_wrong_has_its_status(lab):
    client = lab.client(Privilege.ADMINISTER)

    async def status(endpoint, cluster, command, fields):
        path = command_path(endpoint, cluster.ID, command.id)
        return responses(await client.invoke((path, fields)))[0][1]

    limit = Microinverter.set_power_limit
    assert await status(2, Microinverter, limit, {1: 10_001}) is Status.CONSTRAINT_ERROR
    assert await status(2, Microinverter, limit, {0: 1, 1: 1}) is Status.INVALID_COMMAND
    assert await status(3, EnergyStorage, EnergyStorage.set_reserve, {}) is Status.INVALID_COMMAND
    assert await status(2, Module, Module.set_operating_mode, {0: 9}) is Status.CONSTRAINT_ERROR
    assert await status(1, Hub, Hub.register_device, {0: "nobody"}) is Status.NOT_FOUND
    assert lab.home.calls == []


async def test_a_battery_is_told_of_every_ten_seconds(lab):
    client = lab.client(Privilege.VIEW)
    lab.battery.measure(StorageValues(state_of_charge=50.0))
    client.subscribed(attribute_path(3, EnergyStorage.ID), low=0, high=600)

    def told(seconds):
        """Let time pass; return the states of charge that were reported meanwhile."""
        lab.clock.advance(seconds)
        opened, lab.wire.opened = lab.wire.opened, []
        rows = []
        for exchange in opened:
            rows += reported(exchange)
            exchange.confirm()
        return [value for _, _, attribute, value in rows if attribute == EnergyStorage.state_of_charge.id]

    told(60)
    lab.battery.measure(StorageValues(state_of_charge=51.0))
    assert told(1) == [5100]
    lab.battery.measure(StorageValues(state_of_charge=52.0))
    assert told(5) == []
    assert told(5) == [5200]
    lab.battery.measure(StorageValues(state_of_charge=52.1))  # too little to matter
    assert told(30) == []
    assert told(31) == [5210]


async def test_a_fault_is_an_event_on_the_wire(lab):
    lab.module.show_faults([HOT])
    exchange = lab.client(Privilege.VIEW).read(events=[event_path(2, Module.ID)])
    ((endpoint, cluster, event, _, data),) = reported_events(exchange)
    assert (endpoint, cluster, event) == (2, Module.ID, Module.fault_raised.id)
    assert data[0][0] == "HOT"


async def test_a_fabric_that_is_gone_is_told_to_all(lab):
    lab.tree.fabric_removed(1)
    assert lab.home.calls == [("gone", 1)] * 4


WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.integers(0, 200),
    st.text(max_size=150),
    st.binary(max_size=8),
    st.floats(),
    st.lists(st.integers(0, 5), max_size=3),
)
COMMANDS = [
    (name, command)
    for name, cluster in (
        ("module", Module),
        ("inverter", Microinverter),
        ("battery", EnergyStorage),
        ("hub", Hub),
    )
    for command in cluster.COMMANDS.values()
    if command.request is not None
]


@given(st.sampled_from(COMMANDS), st.dictionaries(st.integers(0, 5), WILD))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
async def test_whatever_a_client_sends_is_done_or_refused(lab, context, which, fields):
    name, command = which
    lab.home.calls.clear()
    try:
        request = command.request.from_tlv(fields)
        await getattr(lab, name).invoke(command, context, request)
    except StatusError:
        assert lab.home.calls == []
    else:
        assert len(lab.home.calls) == 1
