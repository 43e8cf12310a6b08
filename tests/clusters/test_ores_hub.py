"""The Hub cluster: the home as a whole, its plan, and how modules come into it."""

import pytest

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum
from clusters.ores.hub import (
    CandidateStruct,
    DiscoverDevicesRequest,
    GridStateEnum,
    Hub,
    NetFlowsStruct,
    PlanReasonEnum,
    PlanStepStruct,
    PlanTriggerEnum,
    PolicyEnum,
    RegisterDeviceRequest,
    RegisterDeviceResponse,
    SavingsStruct,
    SetModeRequest,
    SetPolicyRequest,
)
from clusters.ores.hub_server import HubServer, RegisteredDevice
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint, Urgency
from matter_node.status import Status, StatusError

CANDIDATE = CandidateStruct(
    candidate_id="c1",
    driver="sunspec",
    name="SMA STP10",
    address="192.168.1.20:502:1",
    kind=ModuleKindEnum.MICROINVERTER,
)
EURO = 978


class Home:
    """Does what the hub is asked for."""

    def __init__(self):
        self.calls = []
        self.error = None

    def __getattr__(self, name):
        async def call(*arguments, **more):
            if self.error is not None:
                raise self.error
            self.calls.append((name, *arguments, *more.values()))
            return RegisteredDevice("sma-3005067415", endpoint=12)

        return call

    def fabric_removed(self, fabric_index):
        self.calls.append(("gone", fabric_index))


@pytest.fixture
def home():
    return Home()


@pytest.fixture
def make_hub(tree, home):
    def make(**more):
        server = HubServer(home, mode=OperatingModeEnum.FEDERATED, policy=PolicyEnum.SELF_CONSUMPTION, **more)
        tree.add(Endpoint(1, [DeviceType(0x000E, 2)], [server]))
        return server

    return make


@pytest.fixture
def hub(make_hub, home):
    return make_hub(planner=home, discovery=home, island=True)


@pytest.fixture
def events(tree):
    def read():
        return [
            (record.event.name, record.event.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:])))
            for record in tree.events.since(0)
        ]

    return read


@pytest.fixture
def register(hub, context):
    async def register(**fields):
        return await hub.invoke(Hub.register_device, context, RegisterDeviceRequest(**fields))

    return register


def flows(grid=1_000_000, solar=-2_000_000, storage=500_000, load=500_000):
    return NetFlowsStruct(grid=grid, solar=solar, storage=storage, load=load)


def step(number=0, text=""):
    return PlanStepStruct(
        start=800_000_000 + 900 * number,
        duration=900,
        grid=None,
        solar=-2_000_000,
        storage=1_000_000,
        load=500_000,
        reason=PlanReasonEnum.SOLAR_SURPLUS,
        text=text,
    )


class TestWhatItSays:
    def test_a_hub_that_has_just_started(self, hub):
        assert (hub.mode, hub.policy) == (OperatingModeEnum.FEDERATED, PolicyEnum.SELF_CONSUMPTION)
        assert hub.grid_state is GridStateEnum.UNKNOWN
        assert hub.net_flows == NetFlowsStruct(grid=None, solar=None, storage=None, load=None)
        assert (hub.plan, hub.planned_at, hub.savings, hub.candidates) == ((), None, None, ())

    def test_one_that_only_watches(self, make_hub):
        hub = make_hub()
        assert hub.features == 0
        assert sorted(hub.shape.commands) == [0, 1]
        assert sorted(hub.shape.events) == [0, 1, 4]
        for attribute in (Hub.plan, Hub.candidates, Hub.backup_time):
            assert not hub.has(attribute)
        hub.show_grid_state(GridStateEnum.CONNECTED)
        hub.show_grid_state(GridStateEnum.LOST)

    def test_the_grid_goes_and_comes_back(self, hub, events, turned_clock):
        hub.show_backup_time(7200.4)
        hub.show_grid_state(GridStateEnum.CONNECTED)
        assert events() == []
        hub.show_grid_state(GridStateEnum.LOST)
        hub.show_grid_state(GridStateEnum.LOST)
        turned_clock.advance(90)
        hub.show_grid_state(GridStateEnum.UNKNOWN)
        turned_clock.advance(30)
        hub.show_grid_state(GridStateEnum.CONNECTED)
        (lost, how_long), (restored, outage) = events()
        assert (lost, how_long.backup_time) == ("grid_lost", 7200)
        assert (restored, outage.outage) == ("grid_restored", 120)

    def test_an_outage_that_the_hub_did_not_see_begin(self, hub, events, turned_clock):
        hub.show_grid_state(GridStateEnum.LOST)
        turned_clock.advance(60)
        hub.show_grid_state(GridStateEnum.CONNECTED)
        assert [(name, getattr(payload, "outage", 0)) for name, payload in events()] == [
            ("grid_lost", 0),
            ("grid_restored", None),
        ]

    def test_a_plan(self, hub, events, turned_clock):
        hub.show_plan([step(n) for n in range(60)], PlanTriggerEnum.FORECAST, turned_clock.utc())
        assert len(hub.plan) == 48
        assert hub.plan[47] == step(47)
        assert hub.planned_at == int(turned_clock.utc()) - 946_684_800
        ((name, payload),) = events()
        assert (name, payload.trigger, payload.steps) == ("plan_changed", PlanTriggerEnum.FORECAST, 48)

    def test_a_reason_that_is_too_long_is_cut_between_characters(self, hub):
        hub.show_plan([step(text="a" * 95 + "€")], PlanTriggerEnum.SCHEDULE, None)
        assert hub.plan[0].text == "a" * 95

    def test_savings_go_along_when_something_else_is_told(self, hub, reports):
        def save(today):
            hub.show_savings(SavingsStruct(currency=EURO, decimal_points=2, today=today, month=4321))

        save(100)
        save(101)
        assert hub.savings.today == 101
        assert reports.of("savings") == [Urgency.NOW, Urgency.LAZY]

    def test_candidates(self, hub):
        hub.show_candidates([CANDIDATE] * 20, discovering=True)
        assert (len(hub.candidates), hub.discovering) == (16, True)

    def test_load_shed(self, hub, events):
        hub.tell_load_shed("shelly-a8032ab1", shed=True, power=2_000_000)
        ((name, payload),) = events()
        assert (name, payload.module_id, payload.shed, payload.power) == (
            "load_shed",
            "shelly-a8032ab1",
            True,
            2_000_000,
        )

    def test_flows_are_told_when_one_of_them_matters(self, hub, reports):
        def show(*arguments, **more):
            hub.show_net_flows(flows(*arguments, **more))
            return reports.of("net_flows")[-1]

        assert show() is Urgency.NOW
        assert show(grid=1_005_000) is Urgency.LAZY
        assert show(grid=1_011_000) is Urgency.QUIET
        assert show(grid=1_011_000, load=480_000) is Urgency.QUIET
        assert show(grid=None) is Urgency.NOW

    def test_backup_for_ever_is_the_longest_there_is(self, hub):
        hub.show_backup_time(float("inf"))
        assert hub.backup_time == 0xFFFF_FFFE
        hub.show_backup_time(None)
        assert hub.backup_time is None


class TestWhatItTakes:
    async def test_a_policy(self, hub, home, context):
        await hub.invoke(Hub.set_policy, context, SetPolicyRequest(policy=PolicyEnum.BACKUP))
        assert home.calls == [("set_policy", PolicyEnum.BACKUP, 1)]
        assert hub.policy is PolicyEnum.BACKUP

    async def test_a_mode(self, hub, home, context):
        await hub.invoke(Hub.set_mode, context, SetModeRequest(mode=OperatingModeEnum.ISLAND))
        assert home.calls == [("set_mode", OperatingModeEnum.ISLAND, 1)]
        assert hub.mode is OperatingModeEnum.ISLAND

    async def test_what_is_refused_is_not_shown(self, hub, home, context):
        home.error = StatusError(Status.INVALID_IN_STATE, "the grid is there")
        for command, request in (
            (Hub.set_mode, SetModeRequest(mode=OperatingModeEnum.ISLAND)),
            (Hub.set_policy, SetPolicyRequest(policy=PolicyEnum.GREEN)),
        ):
            with pytest.raises(StatusError, match="grid"):
                await hub.invoke(command, context, request)
        assert (hub.mode, hub.policy) == (OperatingModeEnum.FEDERATED, PolicyEnum.SELF_CONSUMPTION)

    async def test_planning_and_looking(self, hub, home, context):
        await hub.invoke(Hub.replan, context, None)
        await hub.invoke(Hub.discover_devices, context, DiscoverDevicesRequest(address="192.168.1.20"))
        await hub.invoke(Hub.discover_devices, context, DiscoverDevicesRequest())
        assert home.calls == [
            ("replan", 1),
            ("discover_devices", "192.168.1.20", 1),
            ("discover_devices", None, 1),
        ]

    async def test_registering_a_candidate(self, hub, home, register):
        hub.show_candidates([CANDIDATE], discovering=False)
        response = await register(candidate_id="c1", name="Roof 1")
        assert response == RegisterDeviceResponse(module_id="sma-3005067415", endpoint=12)
        assert home.calls == [("register_device", "c1", None, None, "Roof 1", 1)]

    async def test_registering_what_is_at_an_address(self, home, register):
        await register(address="MT:Y.K9042C00KA0648G00")
        await register(address="192.168.1.30", driver="shelly")
        assert [call[2:4] for call in home.calls] == [
            ("MT:Y.K9042C00KA0648G00", None),
            ("192.168.1.30", "shelly"),
        ]

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({}, Status.INVALID_COMMAND),
            ({"candidate_id": "c1", "address": "192.168.1.20"}, Status.INVALID_COMMAND),
            ({"candidate_id": "c1", "driver": "shelly"}, Status.INVALID_COMMAND),
            ({"candidate_id": "c2"}, Status.NOT_FOUND),
        ],
    )
    async def test_which_device_has_to_be_clear(self, hub, home, register, fields, status):
        hub.show_candidates([CANDIDATE], discovering=False)
        with pytest.raises(StatusError) as error:
            await register(**fields)
        assert error.value.status is status
        assert home.calls == []

    @pytest.mark.parametrize(
        ("request_type", "fields"),
        [
            (SetPolicyRequest, {0: 4}),
            (SetModeRequest, {0: 3}),
            (DiscoverDevicesRequest, {0: ""}),
            (DiscoverDevicesRequest, {0: "a" * 129}),
            (RegisterDeviceRequest, {3: "n" * 65}),
        ],
    )
    def test_what_cannot_be_meant(self, request_type, fields):
        with pytest.raises(StatusError) as error:
            request_type.from_tlv(fields)
        assert error.value.status is Status.CONSTRAINT_ERROR

    def test_a_fabric_that_is_gone_is_told_once(self, tree, hub, home):
        tree.fabric_removed(1)
        assert home.calls == [("gone", 1)]
