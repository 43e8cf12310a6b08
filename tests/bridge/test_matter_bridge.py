"""The hub's Matter node: who it is, and what it does at its start."""

import socket
import time

import pytest

from bridge import setup_code
from bridge.command import CommandState, Origin
from bridge.discovery import Discovery
from bridge.matter import PRODUCT_ID, VENDOR_ID, MatterBridge, NetworkError, version_number
from bridge.pace import Pace
from bridge.poller import Poller
from bridge.power_adjustment import SOURCE
from bridge.settings import Settings
from clusters.definitions import general_diagnostics as diagnostics
from clusters.definitions.basic_information import BasicInformation
from clusters.definitions.energy_preference import EnergyPreference
from clusters.definitions.operational_credentials import OperationalCredentials
from hw.module import ModuleKind
from hw.setpoint import SetpointKind as Kind
from matter_node.model import Context
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

KEY = bytes(range(16))
TEST = Context(Subject(AuthMode.CASE, 1, 5), None)


@pytest.fixture
async def make(tmp_path):
    """Make a home's Matter bridge, as the hub does at its start."""

    def make(home, **options):
        settings = Settings(data_dir=tmp_path, **options)
        code = setup_code.load_or_create(home.storage, passcode=20202021, discriminator=3840)
        poller = Poller(home.registry, {}, Pace(1.0, 1.0, lambda: 0.0), home.clock)
        discovery = Discovery(home.registry, {}, poller, home.bus, home.clock, home.storage)
        return MatterBridge(settings, code, home, discovery, lambda: None), home.arbiter

    return make


def basic(bridge):
    return bridge.node.tree.endpoints[0].cluster(BasicInformation)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.2.3", 0x00010203),
        ("0.1", 0x00000100),
        ("2", 0x00020000),
        ("1.2.3.post4", 0x00010203),
        ("1.300.3", 0x0001FF03),
        ("garbage", 0),
    ],
)
def test_versions_are_ordered_as_numbers(text, number):
    assert version_number(text) == number


async def test_it_is_the_same_node_after_a_restart_and_another_one_elsewhere(make, home, another_home, clock):
    first, _ = make(home)
    again, _ = make(another_home(home.storage, clock))
    elsewhere, _ = make(another_home(type(home.storage)(), clock))
    assert (basic(first).vendor_id, basic(first).product_id) == (VENDOR_ID, PRODUCT_ID)
    identity = [
        (basic(bridge).unique_id, basic(bridge).serial_number) for bridge in (first, again, elsewhere)
    ]
    assert identity[0] == identity[1] != identity[2]
    assert "test" not in basic(first).serial_number.lower(), "Home Assistant drops serial numbers with it"
    proof = [bridge.node.tree.endpoints[0].cluster(OperationalCredentials) for bridge in (first, again)]
    assert all(server.supported_fabrics >= 5 for server in proof)


async def test_modules_are_there_before_it_answers(make, home, another_home, clock):
    home.add("1001")
    bridge, _ = make(another_home(home.storage, clock))
    assert len(bridge.faces) == 1
    assert sorted(bridge.node.tree.endpoints) == [0, 1, 2, 3, 4], "the battery, its cells, its charging"


async def test_test_event_triggers_reach_the_modules_behind_the_key(make, home):
    home.add("1001", kind=ModuleKind.BATTERY)
    bridge, _ = make(home, enable_key=KEY.hex())
    server = bridge.node.tree.endpoints[0].cluster(diagnostics.GeneralDiagnostics)

    def run(code, key=KEY):
        server.handle_test_event_trigger(
            TEST, diagnostics.TestEventTriggerRequest(enable_key=key, event_trigger=code)
        )

    start_power_adjustment = 0x0098_0002_0000_0000
    run(start_power_adjustment)
    for wrong, status in (
        ((0x0098_0009_0000_0000,), Status.INVALID_COMMAND),
        ((start_power_adjustment, bytes(range(1, 17))), Status.CONSTRAINT_ERROR),
    ):
        with pytest.raises(StatusError) as refused:
            run(*wrong)
        assert refused.value.status is status
    home.registry.remove("acme-1001")
    with pytest.raises(StatusError):
        run(start_power_adjustment)


async def test_a_start_ends_adjustments_that_a_killed_hub_left(make, home, clock, another_home):
    home.add("1001")
    arbiter = home.arbiter
    left = arbiter.submit("acme-1001", Kind.CHARGE_W, 500, origin=Origin.DEMAND_RESPONSE, source=SOURCE)
    mine = arbiter.submit("acme-1001", Kind.RESERVE_PERCENT, 30, origin=Origin.USER, source="cli")
    after = another_home(home.storage, clock)
    bridge, arbiter = make(after, interface="lo", port=_free_port())
    arbiter.start()
    assert arbiter.command(left.id).state is CommandState.QUEUED
    await bridge.start()
    try:
        assert arbiter.command(left.id).state is CommandState.WITHDRAWN
        assert arbiter.command(mine.id).state is CommandState.QUEUED
        assert bridge.node.window.is_open
    finally:
        started = time.monotonic()
        await bridge.stop()
    assert time.monotonic() - started < 3


async def test_a_missing_interface_is_told_with_what_to_do(make, home):
    bridge, _ = make(home, interface="nowhere0", port=_free_port())
    with pytest.raises(NetworkError, match=r"no network interface 'nowhere0'; there are: .* --interface"):
        await bridge.start()


async def test_a_taken_port_is_told_with_what_to_do(make, home):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::", 0))
        port = other.getsockname()[1]
        bridge, _ = make(home, port=port, interface="lo")
        with pytest.raises(NetworkError, match=rf"UDP port {port} is in use: .* choose another --port"):
            await bridge.start()


def _free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return probe.getsockname()[1]


async def test_energy_preference_is_there_for_those_who_ask_for_it(make, home, another_home, clock):
    bridge, _ = make(home)
    assert EnergyPreference.ID not in bridge.node.tree.endpoints[1].clusters
    bridge, _ = make(another_home(home.storage, clock), provisional=True)
    preference = bridge.node.tree.endpoints[1].cluster(EnergyPreference)
    preference.write(EnergyPreference.current_energy_balance, TEST, 4)
    again = another_home(home.storage, clock)
    make(again, provisional=True)
    assert again.choices.savings_percent == 100
