"""Starts and hours counted, interfaces shown, and test event triggers behind their key."""

import pytest

from clusters.definitions import general_diagnostics as definitions
from clusters.definitions.general_diagnostics import (
    BootReasonEnum,
    BootReasonEvent,
    GeneralDiagnostics,
    InterfaceTypeEnum,
    NetworkInterface,
    PayloadTestRequest,
)
from clusters.general_diagnostics import GeneralDiagnosticsServer, boot_reason
from clusters.test_event_triggers import EventTriggers
from matter_node import host
from matter_node.codec import tlv
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.model import Endpoint, NodeTree, Urgency
from matter_node.status import Status, StatusError

KEY = bytes(range(16))
NOTHING = 0xFFFF_FFFF_FFF1_0000
HOUR = 3600


def interface(name="eth0"):
    return NetworkInterface(
        name=name,
        is_operational=True,
        off_premise_services_reachable_ipv4=None,
        off_premise_services_reachable_ipv6=None,
        hardware_address=bytes(6),
        ipv4_addresses=(bytes(4),),
        ipv6_addresses=(bytes(16),),
        type=InterfaceTypeEnum.ETHERNET,
    )


@pytest.fixture
def start(memory, turned_clock, tree):
    """Start a node on the same storage; its General Diagnostics."""

    def start(reason=BootReasonEnum.SOFTWARE_RESET, interfaces=lambda: (interface(),), **options):
        server = GeneralDiagnosticsServer(interfaces, reason, **options)
        NodeTree(memory, turned_clock, tree.entropy).add(Endpoint(0, [], [server]))
        return server

    return start


def refusal(call, *arguments):
    with pytest.raises(StatusError) as refused:
        call(*arguments)
    return refused.value.status


# ---------------------------------------------------------------------- life


def test_every_start_counts(start):
    assert [start().reboot_count for _ in range(3)] == [1, 2, 3]


def test_the_count_of_starts_stays_at_its_end(start):
    start().reboot_count = 0xFFFF
    assert start().reboot_count == 0xFFFF


def test_hours_count_from_start_to_start(start, turned_clock):
    first = start()
    turned_clock.advance(2.5 * HOUR)
    assert first.total_operational_hours == 2
    first.detached()
    second = start()
    assert second.total_operational_hours == 2
    turned_clock.advance(HOUR)
    assert second.total_operational_hours == 3
    assert first.total_operational_hours == 2, "a node that has stopped counts no more"


def test_hours_cause_no_reports(start, turned_clock):
    server = start()
    heard = []
    server.changed = lambda attribute, urgency: heard.append((attribute.name, urgency))
    turned_clock.advance(HOUR)
    assert heard == [("total_operational_hours", Urgency.NEVER)]


def test_the_time_since_the_start(start, turned_clock, context):
    server = start()
    assert server.read(GeneralDiagnostics.up_time, context) == 1
    turned_clock.advance(90.9)
    assert server.read(GeneralDiagnostics.up_time, context) == 90
    snapshot = server.handle_time_snapshot(context)
    assert snapshot.system_time_ms == 90_900
    assert snapshot.posix_time_ms == int(turned_clock.utc() * 1000)
    turned_clock.epoch = None
    assert server.handle_time_snapshot(context).posix_time_ms is None


def test_why_it_started_is_an_attribute_and_an_event(start):
    server = start(BootReasonEnum.SOFTWARE_UPDATE_COMPLETED)
    assert server.boot_reason is BootReasonEnum.SOFTWARE_UPDATE_COMPLETED
    (record,) = server.endpoint.tree.events.since(0)
    assert record.event is GeneralDiagnostics.boot_reason_event
    assert record.event.priority.name == "CRITICAL"
    payload = BootReasonEvent.from_tlv(tlv.decode(b"\x15" + record.data + b"\x18")[7])
    assert payload.boot_reason is BootReasonEnum.SOFTWARE_UPDATE_COMPLETED


@pytest.mark.parametrize(
    ("updated", "uptime", "reason"),
    [
        (True, 10.0, BootReasonEnum.SOFTWARE_UPDATE_COMPLETED),
        (False, 10.0, BootReasonEnum.POWER_ON_REBOOT),
        (False, 10_000.0, BootReasonEnum.SOFTWARE_RESET),
    ],
)
def test_the_reason_is_worked_out(monkeypatch, updated, uptime, reason):
    monkeypatch.setattr(host, "system_uptime", lambda: uptime)
    assert boot_reason(updated=updated) is reason


def test_interfaces_are_those_of_now_and_eight_at_most(start, context):
    names = ["eth0"]
    server = start(interfaces=lambda: tuple(interface(name) for name in names))
    assert [item.name for item in server.read(GeneralDiagnostics.network_interfaces, context)] == ["eth0"]
    names += [f"eth{index}" for index in range(1, 12)]
    version = server.data_version
    server.interfaces_changed()
    assert server.data_version != version
    shown = server.read(GeneralDiagnostics.network_interfaces, context)
    assert [item.name for item in shown] == names[:8]
    GeneralDiagnostics.network_interfaces.datatype.check(shown)


# ---------------------------------------------------------------------- test event triggers


def trigger(code, key=KEY):
    return definitions.TestEventTriggerRequest(enable_key=key, event_trigger=code)


def test_triggers_are_shut_without_a_key(start, context):
    server = start(trigger=EventTriggers())
    assert server.test_event_triggers_enabled is False
    assert refusal(server.handle_test_event_trigger, context, trigger(NOTHING)) is Status.CONSTRAINT_ERROR
    zero = trigger(NOTHING, bytes(16))
    assert refusal(server.handle_test_event_trigger, context, zero) is Status.CONSTRAINT_ERROR


@pytest.mark.parametrize("key", [bytes(16), bytes(range(1, 17))])
def test_the_wrong_key_opens_nothing(start, context, key):
    ran = []
    server = start(enable_key=KEY, trigger=ran.append)
    assert refusal(server.handle_test_event_trigger, context, trigger(5, key)) is Status.CONSTRAINT_ERROR
    assert ran == []


def test_the_right_key_runs_what_is_known(start, context):
    ran = []
    triggers = EventTriggers()
    triggers.register(0x98, 3, ran.append)
    server = start(enable_key=KEY, trigger=triggers)
    assert server.test_event_triggers_enabled is True
    server.handle_test_event_trigger(context, trigger(0x0098_0003_0000_0001))
    assert ran == [1]
    server.handle_test_event_trigger(context, trigger(NOTHING))
    for unknown in (0, 0x0098_0004_0000_0001, 0x0099_0003_0000_0001):
        assert refusal(server.handle_test_event_trigger, context, trigger(unknown)) is Status.INVALID_COMMAND
    assert ran == [1]


def test_without_triggers_none_is_known(start, context):
    server = start(enable_key=KEY)
    assert refusal(server.handle_test_event_trigger, context, trigger(5)) is Status.INVALID_COMMAND


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(range(15)), bytes(range(17))])
def test_a_key_is_sixteen_bytes_that_are_not_all_zero(key):
    with pytest.raises(ValueError, match="16 bytes"):
        GeneralDiagnosticsServer(tuple, BootReasonEnum.UNSPECIFIED, enable_key=key)


# ---------------------------------------------------------------------- payload test


def test_a_payload_of_any_length_that_fits(start, context):
    server = start(enable_key=KEY)
    for count in (0, 1, 1000):
        answer = server.handle_payload_test_request(
            context, PayloadTestRequest(enable_key=KEY, value=0xA5, count=count)
        )
        assert answer.payload == b"\xa5" * count
        assert len(answer.to_tlv(1)) < MAX_MESSAGE_PAYLOAD
    large = PayloadTestRequest(enable_key=KEY, value=1, count=2048)
    assert refusal(server.handle_payload_test_request, context, large) is Status.RESOURCE_EXHAUSTED
    wrong = PayloadTestRequest(enable_key=bytes(16), value=1, count=1)
    assert refusal(server.handle_payload_test_request, context, wrong) is Status.CONSTRAINT_ERROR
