"""The driver of loads on a Matter server, against a server that says what a test wants on a real WebSocket.

tests/interop/test_matter_server.py has the real one.
"""

import asyncio
import time

import pytest
from matter_server_lab.double import Refused, connection_of, heard, until
from matter_server_lab.nodes import PLUG, THERMOSTAT, bridge, node, plug, root

from hw import (
    AppliedState,
    Module,
    ModuleKind,
    ModuleUnreachable,
    NotSupported,
    OperatingState,
    Setpoint,
    SetpointKind,
)
from hw.accuracy import USUAL, Accuracy, Quantity
from hw.matter_server import load, server
from hw.matter_server.connection import RequestRefused
from hw.matter_server.discover import Servers, commission, discover
from hw.matter_server.product import Product

CONNECT, AUTO = SetpointKind.CONNECT, SetpointKind.AUTO
OFF, ON = Setpoint(CONNECT, 0, None), Setpoint(CONNECT, 1, None)


@pytest.fixture
def hurried(monkeypatch):
    """A driver that gives its devices less time."""
    monkeypatch.setattr(server, "ASK_AFTER", 0.1)
    monkeypatch.setattr(server, "SILENT_AFTER", 1.0)
    monkeypatch.setattr(server, "RETRY_AFTER", 0.05)


class TestDiscovery:
    async def test_a_server_has_a_module_for_each_load(self, matter, loads):
        assert set(loads) == {PLUG, THERMOSTAT}
        assert all(isinstance(each, Module) and each.kind is ModuleKind.LOAD for each in loads.values())
        assert {each.address for each in loads.values()} == {matter.url}
        identity = loads[PLUG].identity
        assert (identity.vendor, identity.model, identity.serial, identity.firmware, identity.part) == (
            "Somebody",
            "Foreign Plug",
            "P1",
            "1.2",
            "",
        )

    async def test_what_it_can_do(self, loads):
        capabilities = loads[PLUG].capabilities
        assert capabilities.setpoints == {CONNECT, AUTO}
        assert not capabilities.reverts
        assert (capabilities.imported_energy, capabilities.exported_energy) == (True, False)
        assert loads[THERMOSTAT].capabilities.temperature

    async def test_how_well_it_measures_is_its_own_word(self, loads):
        assert loads[PLUG].capabilities.measures == {
            Quantity.POWER: Accuracy(1, 0.5),
            Quantity.VOLTAGE: Accuracy(0.5, 0.001),
            Quantity.CURRENT: USUAL[Quantity.CURRENT],
            Quantity.FREQUENCY: USUAL[Quantity.FREQUENCY],
            Quantity.ENERGY: Accuracy(2, 0.001),
        }
        assert loads[THERMOSTAT].capabilities.measures == {}

    async def test_all_modules_share_one_connection(self, matter, loads):
        await asyncio.gather(*(each.read() for each in loads.values()))
        assert matter.connections == 1
        for each in loads.values():
            await each.close()
        await until(lambda: all(socket.closed for socket in matter.sockets))

    async def test_found_again_a_load_is_the_same_object(self, matter, servers, loads):
        again = await discover(matter.url, servers)
        assert again == list(loads.values())
        for each in again:
            await each.close()
        assert not matter.sockets[0].closed, "the first to find them has them open still"

    async def test_a_new_node_is_news(self, matter, servers, loads):
        assert not servers.news(matter.url, loads.keys())
        matter.nodes[2] = node(2, plug("P2"))
        await matter.tell("node_added", matter.nodes[2])
        await until(lambda: servers.news(matter.url, loads.keys()))
        found = {each.identity.key: each for each in await discover(matter.url, servers)}
        assert set(found) == {*loads, "somebody-p2", "somebody-p2-endpoint-3"}
        assert found[PLUG] is loads[PLUG]
        assert not servers.news(matter.url, found.keys())

    async def test_what_is_told_right_behind_the_list_of_nodes_is_not_lost(self, matter, servers):
        matter.then["start_listening"] = [
            ("node_added", node(2, plug("P2"))),
            ("attribute_updated", [1, "2/144/8", 8_000]),
        ]
        found = {each.identity.key: each for each in await discover(matter.url, servers)}
        await heard(found[PLUG])
        assert (await found[PLUG].read()).power_w == 8
        assert servers.news(matter.url, {PLUG, THERMOSTAT})

    async def test_who_loses_patience_with_the_list_of_nodes_spoils_it_for_nobody(self, matter, servers):
        matter.silent.add("start_listening")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await discover(matter.url, servers)
        matter.silent.clear()
        assert len(await discover(matter.url, servers)) == 2

    async def test_the_hub_itself_is_left_out_and_nobody_else(self, matter):
        matter.nodes[2] = node(2, plug("P2"))
        own = Product("Somebody", "Foreign Plug", "P2")
        found = await discover(matter.url, Servers(own))
        assert {each.identity.serial for each in found} == {"P1"}
        for each in found:
            await each.close()

    async def test_a_server_without_a_load_says_so_and_is_let_go(self, matter):
        matter.nodes = {1: node(1, root(1) | {"1/29/0": [{"0": 21}], "1/69/0": True})}
        with pytest.raises(NotSupported, match="nothing on this Matter server can be switched"):
            await discover(matter.url)
        await until(lambda: matter.sockets[0].closed)

    async def test_a_node_that_the_server_does_not_reach_is_a_module_all_the_same(self, matter):
        matter.nodes = {1: node(available=False)}
        found = await discover(matter.url)
        with pytest.raises(ModuleUnreachable, match="does not reach node 1"):
            await found[0].read()
        assert (await found[0].apply(OFF)).state is AppliedState.FAILED
        matter.nodes[1]["available"] = True
        await matter.tell("node_updated", matter.nodes[1])
        await heard(found[0])
        assert (await found[0].read()).connected is True
        for each in found:
            await each.close()


class TestReading:
    async def test_a_plug(self, loads):
        taken = await loads[PLUG].read()
        assert (taken.module, taken.state, taken.connected) == (PLUG, OperatingState.RUNNING, True)
        assert (taken.power_w, taken.voltage_v, taken.current_a) == (1500, 230.5, 6.52)
        assert (taken.energy_imported_wh, taken.energy_exported_wh) == (4000.731, None)
        assert (taken.frequency_hz, taken.temperature_c) == (None, None)

    async def test_a_thermostat(self, matter, loads):
        taken = await loads[THERMOSTAT].read()
        assert (taken.state, taken.connected) == (OperatingState.STANDBY, True)
        assert (taken.temperature_c, taken.power_w) == (20.5, None)
        await matter.set(1, "3/513/41", 1)
        await matter.set(1, "3/513/0", 1999)
        await heard(loads[THERMOSTAT])
        taken = await loads[THERMOSTAT].read()
        assert (taken.state, taken.temperature_c) == (OperatingState.RUNNING, 19.99)

    async def test_events_keep_the_values_and_reading_asks_for_nothing(self, matter, loads):
        await loads[PLUG].read()
        await until(lambda: len(matter.asked) == 2, seconds=1)
        await matter.set(1, "2/144/8", 60_000)
        await heard(loads[PLUG])
        for _ in range(100):
            assert (await loads[PLUG].read()).power_w == 60
        asked = [command for command, _ in matter.asked if command != "get_nodes"]
        assert asked == ["start_listening", "read_attribute"]

    async def test_what_was_not_confirmed_for_long_is_asked_for(self, matter, hurried, loads):
        matter.nodes[1]["attributes"]["2/144/8"] = 77_000
        assert (await loads[PLUG].read()).power_w == 1500, "until the answer is there"
        await until(lambda: "read_attribute" in {command for command, _ in matter.asked})
        await heard(loads[PLUG])
        assert (await loads[PLUG].read()).power_w == 77
        _, arguments = next(each for each in matter.asked if each[0] == "read_attribute")
        assert arguments["attribute_path"][:2] == ["1/6/0", "2/144/8"]
        assert len(arguments["attribute_path"]) <= 9
        await asyncio.sleep(0.15)
        matter.asked.clear()
        await loads[PLUG].read()
        await until(lambda: "read_attribute" in {command for command, _ in matter.asked})

    async def test_a_device_that_does_not_answer_is_unreachable_and_costs_no_time(
        self, matter, hurried, loads
    ):
        matter.silent.add("read_attribute")
        await asyncio.sleep(1.1)
        began = time.monotonic()
        with pytest.raises(ModuleUnreachable, match="node 1 has been silent"):
            await loads[PLUG].read()
        assert time.monotonic() - began < 1
        await matter.set(1, "2/144/8", 5)
        await heard(loads[PLUG])
        assert (await loads[PLUG].read()).power_w == 0.005
        with pytest.raises(ModuleUnreachable):
            await loads[THERMOSTAT].read()

    async def test_a_server_that_hangs_up_is_found_again(self, matter, hurried, loads):
        port = int(matter.url.split(":")[2].split("/")[0])
        await matter.stop()
        await until(lambda: connection_of(loads[PLUG]).over)
        with pytest.raises(ModuleUnreachable):
            await loads[PLUG].read()
        await matter.start(port)
        await asyncio.sleep(0.06)
        matter.asked.clear()
        assert (await loads[PLUG].read()).power_w == 1500
        await until(lambda: "read_attribute" in {command for command, _ in matter.asked})

    async def test_a_dead_server_is_tried_once_for_all_its_modules(self, matter, loads):
        await matter.stop()
        await until(lambda: connection_of(loads[PLUG]).over)
        errors = [await _error(each.read()) for each in (*loads.values(), *loads.values())]
        assert len({str(error) for error in errors}) == 1

    async def test_a_server_that_says_goodbye_is_believed(self, matter, loads):
        await matter.tell("server_shutdown", None)
        await until(lambda: connection_of(loads[PLUG]).over)
        assert connection_of(loads[PLUG]).over == "the Matter server stopped"

    async def test_a_removed_node_is_gone_and_one_that_was_commissioned_anew_is_known_again(
        self, matter, loads
    ):
        await matter.tell("node_removed", 1)
        await heard(loads[PLUG])
        with pytest.raises(ModuleUnreachable, match="not on the Matter server any more"):
            await loads[PLUG].read()
        matter.nodes = {7: node(7)}
        await matter.tell("node_added", matter.nodes[7])
        await heard(loads[PLUG])
        assert (await loads[PLUG].read()).power_w == 1500

    async def test_a_bridges_word_on_its_device_counts(self, matter):
        matter.nodes = {1: node(1, bridge())}
        (lamp, outlet) = await discover(matter.url)
        assert [each.identity.key for each in (lamp, outlet)] == ["acme-a-1", "acme-a-1-endpoint-5"]
        await matter.set(1, "3/57/17", False)
        await heard(lamp)
        with pytest.raises(ModuleUnreachable, match="its bridge, does not reach it"):
            await lamp.read()
        await matter.set(1, "3/57/17", True)
        await matter.tell("endpoint_removed", {"node_id": 1, "endpoint_id": 5})
        await heard(lamp)
        with pytest.raises(ModuleUnreachable, match="not on the Matter server any more"):
            await outlet.read()
        assert (await lamp.read()).power_w == 3
        for each in (lamp, outlet):
            await each.close()


async def _error(reading):
    try:
        await reading
    except ModuleUnreachable as error:
        return error
    return None


class TestSwitching:
    async def test_a_plug_is_switched_and_read_back(self, matter, loads):
        applied = await loads[PLUG].apply(OFF)
        assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 0, None)
        assert matter.nodes[1]["attributes"]["1/6/0"] is False
        taken = await loads[PLUG].read()
        assert (taken.connected, taken.state) == (False, OperatingState.OFF)

    async def test_a_relay_that_does_not_move_is_not_said_to_have_obeyed(self, matter, loads):
        matter.said["device_command"] = None
        applied = await loads[PLUG].apply(OFF)
        assert (applied.state, applied.value) == (AppliedState.FAILED, 1)
        assert applied.detail == "it reads on after it was told off"

    async def test_a_refusal_is_told(self, matter, loads):
        matter.said["device_command"] = Refused(0, "InteractionModelError: Busy (0x9c)")
        applied = await loads[PLUG].apply(OFF)
        assert applied.state is AppliedState.FAILED
        assert applied.detail == "device_command: InteractionModelError: Busy (0x9c) (0)"

    async def test_no_answer_fails_in_time(self, matter, loads, monkeypatch):
        monkeypatch.setattr(load, "APPLY_WITHIN", 0.2)
        matter.silent.add("device_command")
        applied = await loads[PLUG].apply(OFF)
        assert (applied.state, applied.value) == (AppliedState.FAILED, None)
        assert "no answer within 0.2 s" in applied.detail

    async def test_a_silent_device_is_told_nothing(self, matter, hurried, loads):
        matter.silent.add("read_attribute")
        await asyncio.sleep(1.1)
        applied = await loads[PLUG].apply(OFF)
        assert applied.state is AppliedState.FAILED
        assert "silent" in applied.detail
        assert "device_command" not in {command for command, _ in matter.asked}

    async def test_what_a_load_cannot_do_is_refused(self, loads):
        applied = await loads[PLUG].apply(Setpoint(SetpointKind.POWER_LIMIT_W, 500))
        assert applied.state is AppliedState.REFUSED

    @pytest.mark.parametrize("key", [PLUG, THERMOSTAT])
    async def test_auto_takes_back_what_would_have_expired(self, loads, key):
        assert (await loads[key].apply(Setpoint(CONNECT, 0, 60))).state is AppliedState.APPLIED
        assert (await loads[key].read()).connected is False
        assert (await loads[key].apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        assert (await loads[key].read()).connected is True

    @pytest.mark.parametrize("values", [(0, 1), (0, 1, 0), (0, 0)])
    async def test_auto_takes_back_several_to_what_was_before_the_first(self, loads, values):
        for value in values:
            await loads[PLUG].apply(Setpoint(CONNECT, value, 60))
        await loads[PLUG].apply(Setpoint(AUTO))
        assert (await loads[PLUG].read()).connected is True

    async def test_auto_leaves_what_a_person_switched_since(self, matter, loads):
        await loads[PLUG].apply(Setpoint(CONNECT, 0, 60))
        await matter.set(1, "1/6/0", True)
        matter.asked.clear()
        await loads[PLUG].apply(Setpoint(AUTO))
        assert matter.nodes[1]["attributes"]["1/6/0"] is True
        assert "device_command" not in {command for command, _ in matter.asked}
        await loads[PLUG].apply(OFF)
        await loads[PLUG].apply(Setpoint(AUTO))
        assert matter.nodes[1]["attributes"]["1/6/0"] is False

    async def test_what_is_so_already_is_not_taken_back(self, matter, loads):
        await loads[PLUG].apply(Setpoint(CONNECT, 1, 60))
        assert "device_command" not in {command for command, _ in matter.asked}
        await loads[PLUG].apply(Setpoint(AUTO))
        assert (await loads[PLUG].read()).connected is True

    async def test_what_was_to_stay_on_is_not_switched_on_again_after_a_person_switched_it_off(
        self, matter, loads
    ):
        await loads[PLUG].apply(Setpoint(CONNECT, 1, 60))
        await matter.set(1, "1/6/0", False)
        await loads[PLUG].apply(Setpoint(AUTO))
        assert matter.nodes[1]["attributes"]["1/6/0"] is False

    async def test_a_thermostat_goes_off_and_back_to_the_mode_that_it_had(self, matter, loads):
        await matter.set(1, "3/513/28", 5)
        await heard(loads[THERMOSTAT])
        await loads[THERMOSTAT].read()
        assert (await loads[THERMOSTAT].apply(OFF)).value == 0
        assert matter.nodes[1]["attributes"]["3/513/28"] == 0
        assert (await loads[THERMOSTAT].apply(ON)).value == 1
        assert matter.nodes[1]["attributes"]["3/513/28"] == 5

    @pytest.mark.parametrize(
        ("sequence", "features", "mode"), [(2, 1, 4), (0, 2, 3), (4, 0x23, 1), (4, 3, 4), (None, 2, 3)]
    )
    async def test_a_thermostat_that_was_never_seen_on_does_what_it_is_made_for(
        self, matter, sequence, features, mode
    ):
        matter.nodes[1]["attributes"] |= {"3/513/27": sequence, "3/513/65532": features, "3/513/28": 0}
        found = {each.identity.key: each for each in await discover(matter.url)}
        await found[THERMOSTAT].apply(ON)
        assert matter.nodes[1]["attributes"]["3/513/28"] == mode
        for each in found.values():
            await each.close()


class TestCommissioning:
    async def test_a_device_becomes_modules(self, matter, servers, loads):
        matter.waiting = node(2, plug("P2"))
        keys = await commission(matter.url, " 34970112332 ", servers)
        assert set(keys) == {"somebody-p2", "somebody-p2-endpoint-3"}
        assert matter.asked[-1] == ("commission_with_code", {"code": "34970112332", "network_only": True})
        assert servers.news(matter.url, loads.keys())

    async def test_over_bluetooth_if_the_server_has_it(self, matter):
        matter.info["bluetooth_enabled"] = True
        matter.waiting = node(2, plug("P2"))
        await commission(matter.url, "MT:-24J0IRV01KA0648G00")
        assert matter.asked[-1][1]["network_only"] is False

    async def test_a_device_without_a_load_is_let_go(self, matter):
        matter.waiting = node(2, root(1) | {"1/69/0": True})
        with pytest.raises(NotSupported, match="was let go again"):
            await commission(matter.url, "3497-011-2332")
        assert set(matter.nodes) == {1}

    async def test_a_failure_is_told(self, matter):
        with pytest.raises(RequestRefused, match="Commission with code failed"):
            await commission(matter.url, "34970112332")

    @pytest.mark.parametrize("code", ["", "MT:", "1234", "3497011233X", "MT:äöüäöüäöüäöüäöüäöüäöü"])
    async def test_what_is_no_setup_code_is_not_sent(self, matter, code):
        with pytest.raises(ValueError, match="setup code"):
            await commission(matter.url, code)
        assert matter.connections == 0
