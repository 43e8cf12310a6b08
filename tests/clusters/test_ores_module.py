"""The Module cluster: who a module is, what is wrong with it, and who looks after it."""

from types import SimpleNamespace

import pytest

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
from clusters.ores.module import (
    ClearFaultRequest,
    DiagnosticCheckStruct,
    DiagnosticResultEnum,
    FaultSeverityEnum,
    FaultStruct,
    HealthEnum,
    LinkQualityStruct,
    LinkStruct,
    Module,
    RunDiagnosticsResponse,
    SetOperatingModeRequest,
    StartFirmwareUpdateRequest,
    TransportEnum,
    UpdateStateEnum,
)
from clusters.ores.module_server import ModuleServer, health_of
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint
from matter_node.status import Status, StatusError

LINK = LinkStruct(transport=TransportEnum.MODBUS_TCP, address="192.168.1.20:502:1", reachable=True)
FOUND = RunDiagnosticsResponse(
    result=DiagnosticResultEnum.PASSED,
    checks=(DiagnosticCheckStruct(name="relay", result=DiagnosticResultEnum.PASSED, detail="opens"),),
)


def fault(code, severity=FaultSeverityEnum.ERROR, source="103.Evt1", since=None):
    return FaultStruct(code=code, source=source, severity=severity, since=since)


class Keeper:
    """Does all that a module can be asked for, and remembers who asked."""

    def __init__(self):
        self.calls = []
        self.error = None

    def __getattr__(self, name):
        async def call(*arguments, fabric_index):
            if self.error is not None:
                raise self.error
            self.calls.append((name, *arguments, fabric_index))
            return FOUND

        return call

    def fabric_removed(self, fabric_index):
        self.calls.append(("gone", fabric_index))


@pytest.fixture
def keeper():
    return Keeper()


@pytest.fixture
def make_module(tree, keeper):
    def make(**more):
        server = ModuleServer(
            "sma-3005067415",
            ModuleKindEnum.MICROINVERTER,
            keeper,
            link=LINK,
            operating_mode=OperatingModeEnum.FEDERATED,
            **more,
        )
        tree.add(Endpoint(3, [DeviceType(0x0017, 1)], [server]))
        return server

    return make


@pytest.fixture
def module(make_module, keeper):
    return make_module(firmware_version="4.2", diagnostics=keeper, updater=keeper)


@pytest.fixture
def events(tree):
    def read():
        return [
            (record.event.name, record.event.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:])))
            for record in tree.events.since(0)
        ]

    return read


class TestWhatItSays:
    def test_who_it_is(self, module):
        assert module.module_id == "sma-3005067415"
        assert module.kind is ModuleKindEnum.MICROINVERTER
        assert module.operating_mode is OperatingModeEnum.FEDERATED
        assert (module.link, module.firmware_version) == (LINK, "4.2")
        assert module.health is HealthEnum.UNKNOWN

    def test_what_can_be_done_follows_from_who_does_it(self, make_module):
        module = make_module()
        assert module.features == 0
        assert not module.has(Module.update_state)
        assert sorted(module.shape.commands) == [0x00, 0x04]

    def test_a_fault_comes_and_goes(self, module, events, turned_clock):
        module.show_faults([fault("GROUND_FAULT")])
        (raised,) = module.active_faults
        assert raised.since == int(turned_clock.utc()) - 946_684_800
        turned_clock.advance(60)
        module.show_faults([fault("GROUND_FAULT"), fault("OVER_TEMP", FaultSeverityEnum.CRITICAL)])
        assert [each.code for each in module.active_faults] == ["OVER_TEMP", "GROUND_FAULT"]
        assert module.active_faults[1].since == raised.since
        module.show_faults([])
        assert module.active_faults == ()
        assert [(name, payload.fault.code) for name, payload in events()] == [
            ("fault_raised", "GROUND_FAULT"),
            ("fault_raised", "OVER_TEMP"),
            ("fault_cleared", "OVER_TEMP"),
            ("fault_cleared", "GROUND_FAULT"),
        ]

    def test_a_fault_that_is_told_again_is_no_news(self, module, events, reports):
        for _ in range(3):
            module.show_faults([fault("GROUND_FAULT"), fault("GROUND_FAULT")])
        assert len(events()) == 1
        assert len(reports.of("active_faults")) == 1

    def test_the_same_code_in_two_places_is_two_faults(self, module):
        module.show_faults([fault("HOT", source="strings.1"), fault("HOT", source="strings.2")])
        assert [each.source for each in module.active_faults] == ["strings.1", "strings.2"]

    def test_without_a_clock_nobody_knows_since_when(self, module, turned_clock):
        turned_clock.epoch = None
        module.show_faults([fault("GROUND_FAULT")])
        assert module.active_faults[0].since is None

    def test_the_sixteen_worst_are_shown(self, module):
        module.show_faults(
            [fault(f"INFO_{n}", FaultSeverityEnum.INFO) for n in range(20)]
            + [fault("DANGER", FaultSeverityEnum.CRITICAL)]
        )
        assert len(module.active_faults) == 16
        assert module.active_faults[0].code == "DANGER"

    def test_what_a_device_says_too_long_is_cut(self, module):
        module.show_faults([fault("X" * 40, source="é" * 40)])
        module.show_firmware_version("v" * 100)
        module.show_link(LinkStruct(transport=TransportEnum.HTTP, address="a" * 200, reachable=False))
        (shown,) = module.active_faults
        assert (len(shown.code), shown.source) == (32, "é" * 32)
        assert len(module.firmware_version) == 64
        assert len(module.link.address) == 128

    def test_another_mode_is_an_event(self, module, events):
        module.show_operating_mode(OperatingModeEnum.FEDERATED)
        assert events() == []
        module.show_operating_mode(OperatingModeEnum.ISLAND)
        ((name, payload),) = events()
        assert name == "operating_mode_changed"
        assert payload.previous is OperatingModeEnum.FEDERATED
        assert payload.current is OperatingModeEnum.ISLAND

    def test_its_registration_is_an_event(self, module, events):
        module.tell_registration(RegistrationChangeEnum.ADDED, "Roof 1")
        ((name, payload),) = events()
        assert (name, payload.change, payload.name) == ("registration_changed", 0, "Roof 1")

    def test_the_link_is_read_and_never_reported(self, module, reports, context, turned_clock):
        version = module.data_version
        quality = LinkQualityStruct(reads_ok=10, reads_failed=1, round_trip=12)
        module.show_link_quality(quality, turned_clock.utc())
        assert module.read(Module.link_quality, context) == quality
        assert module.read(Module.last_seen, context) == int(turned_clock.utc()) - 946_684_800
        assert reports.seen == []
        assert module.data_version == version

    def test_an_update_shows_how_far_it_is(self, module):
        module.show_update(UpdateStateEnum.DOWNLOADING, 40)
        assert (module.update_state, module.update_progress) == (UpdateStateEnum.DOWNLOADING, 40)
        module.show_update(UpdateStateEnum.IDLE)
        assert module.update_progress is None

    def test_health_is_that_of_the_worst_fault(self):
        def health(*severities, reachable=True):
            return health_of([fault("X", severity) for severity in severities], reachable=reachable)

        assert health() is HealthEnum.OK
        assert health(FaultSeverityEnum.INFO) is HealthEnum.OK
        assert health(FaultSeverityEnum.WARNING, FaultSeverityEnum.INFO) is HealthEnum.DEGRADED
        assert health(FaultSeverityEnum.ERROR) is HealthEnum.DEGRADED
        assert health(FaultSeverityEnum.CRITICAL) is HealthEnum.FAILED
        assert health(reachable=False) is HealthEnum.UNKNOWN


class TestWhatItTakes:
    async def test_another_mode(self, module, keeper, context, events):
        request = SetOperatingModeRequest(mode=OperatingModeEnum.AUTONOMOUS)
        await module.invoke(Module.set_operating_mode, context, request)
        assert keeper.calls == [("set_operating_mode", OperatingModeEnum.AUTONOMOUS, 1)]
        assert module.operating_mode is OperatingModeEnum.AUTONOMOUS
        assert [name for name, _ in events()] == ["operating_mode_changed"]

    async def test_a_mode_that_is_refused_is_not_shown(self, module, keeper, context, events):
        keeper.error = StatusError(Status.INVALID_IN_STATE, "the grid is gone")
        with pytest.raises(StatusError, match="grid"):
            await module.invoke(
                Module.set_operating_mode, context, SetOperatingModeRequest(mode=OperatingModeEnum.AUTONOMOUS)
            )
        assert module.operating_mode is OperatingModeEnum.FEDERATED
        assert events() == []

    async def test_diagnostics_say_what_they_found(self, module, keeper, context):
        assert await module.invoke(Module.run_diagnostics, context, None) == FOUND
        assert keeper.calls == [("run_diagnostics", 1)]

    async def test_a_firmware_update(self, module, keeper, context):
        await module.invoke(Module.start_firmware_update, context, StartFirmwareUpdateRequest(version="4.3"))
        await module.invoke(Module.start_firmware_update, context, StartFirmwareUpdateRequest())
        assert keeper.calls == [("start_firmware_update", "4.3", 1), ("start_firmware_update", None, 1)]

    async def test_a_fault_is_acknowledged(self, module, keeper, context):
        module.show_faults([fault("HOT", source="a"), fault("HOT", source="b"), fault("COLD")])
        await module.invoke(Module.clear_fault, context, ClearFaultRequest(code="HOT", source="b"))
        assert [(call, each.source) for call, each, _ in keeper.calls] == [("clear_fault", "b")]
        keeper.calls.clear()
        await module.invoke(Module.clear_fault, context, ClearFaultRequest(code="HOT"))
        assert [each.source for _, each, _ in keeper.calls] == ["a", "b"]
        assert len(module.active_faults) == 3  # until the device says otherwise

    async def test_there_has_to_be_such_a_fault(self, module, keeper, context):
        module.show_faults([fault("HOT", source="a")])
        for request in (ClearFaultRequest(code="COLD"), ClearFaultRequest(code="HOT", source="b")):
            with pytest.raises(StatusError) as error:
                await module.invoke(Module.clear_fault, context, request)
            assert error.value.status is Status.NOT_FOUND
        assert keeper.calls == []

    def test_a_fabric_that_is_gone_wants_nothing_any_more(self, tree, module, keeper):
        tree.fabric_removed(1)
        assert keeper.calls == [("gone", 1)]

    async def test_a_commissioner_has_no_fabric(self, module, keeper):
        commissioner = SimpleNamespace(fabric_index=0)
        await module.handle_run_diagnostics(commissioner)
        assert keeper.calls == [("run_diagnostics", 0)]
