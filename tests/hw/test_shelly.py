"""The Shelly driver against the simulated plug, and against answers that no device should give."""

import asyncio
import contextlib
import json
import time

import pytest
from aiohttp import web
from hardware_lab import reading_when
from hypothesis import given
from hypothesis import strategies as st

from hw import (
    AppliedState,
    ModuleKind,
    ModuleUnreachable,
    NotSupported,
    OperatingState,
    Setpoint,
    SetpointKind,
)
from hw.address import parse_address
from hw.http_client import LARGEST_ANSWER
from hw.power_up import PowerUp
from hw.shelly.answers import (
    DeviceInfo,
    RelayStatus,
    initial_state,
    initial_state_of,
    power_limit,
    powered_s,
    relays,
)
from hw.shelly.discover import discover
from hw.shelly.plug import reading
from hw.shelly.rpc import RpcRefused, parse_answer
from hw.simulator.process import SimulatedHome

CONNECT, AUTO = SetpointKind.CONNECT, SetpointKind.AUTO
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
INFO = {"mac": "A8032AB00001", "gen": 2, "app": "PlusPlugS", "model": "SNPL", "ver": "1.3.1"}


@pytest.fixture
async def home():
    async with SimulatedHome(4, plugs=1, seed=7) as running:
        yield running


@pytest.fixture
async def plug(home):
    (found,) = await discover(home.device("load").address)
    yield found
    await found.close()


@pytest.fixture
async def answering():
    """Serve an HTTP server that answers every RPC with what a test wants; return its address."""
    runners = []

    async def start(answer):
        async def handle(request):
            made = answer(json.loads(await request.read())["method"])
            return made if isinstance(made, web.Response) else web.json_response(made)

        application = web.Application()
        application.router.add_post("/rpc", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


class TestPlug:
    async def test_who_it_is(self, home, plug):
        assert plug.kind is ModuleKind.LOAD
        assert plug.identity.key == "shelly-" + home.device("load").serial.lower()
        assert (plug.identity.model, plug.identity.firmware) == ("PlusPlugS", "1.3.1")
        assert plug.nameplate.power_w == 2500
        assert plug.capabilities.setpoints == {CONNECT, AUTO}
        assert plug.capabilities.imported_energy
        assert not plug.capabilities.exported_energy

    async def test_a_load_takes_power(self, plug):
        reading = await plug.read()
        assert (reading.state, reading.connected) == (OperatingState.RUNNING, True)
        assert reading.power_w == 2000
        assert reading.current_a == pytest.approx(reading.power_w / reading.voltage_v, abs=0.01)
        assert reading.energy_imported_wh > 100_000
        assert reading.faults == ()

    async def test_switching_it_changes_the_homes_balance(self, home, plug):
        before = await home.state()
        assert (await plug.apply(Setpoint(CONNECT, 0, None))).state is AppliedState.APPLIED
        await home.skip(60)
        after = await home.state()
        assert (before["plugs"], after["plugs"]) == ([True], [False])
        assert before["plugs_w"] == pytest.approx(2000.6)
        assert after["plugs_w"] == pytest.approx(0.6)
        for state in (before, after):
            parts = ("solar_w", "load_w", "battery_w", "plugs_w")
            assert state["grid_w"] == pytest.approx(sum(state[part] for part in parts))
        reading = await plug.read()
        assert (reading.state, reading.connected, reading.power_w) == (OperatingState.OFF, False, 0)

    async def test_what_expires_flips_back_without_the_hub(self, plug):
        applied = await plug.apply(Setpoint(CONNECT, 0, 1))
        assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 0, 1)
        assert (await reading_when(plug, lambda reading: reading.connected)).connected is True

    async def test_auto_takes_back_what_would_have_expired(self, plug):
        await plug.apply(Setpoint(CONNECT, 0, 600))
        assert (await plug.apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        assert (await plug.read()).connected is True

    async def test_auto_leaves_what_a_person_switched(self, plug):
        await plug.apply(Setpoint(CONNECT, 0, None))
        assert (await plug.apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        assert (await plug.read()).connected is False

    async def test_what_is_so_already_does_not_flip_back_into_what_it_was_not(self, plug):
        await plug.apply(Setpoint(CONNECT, 0, None))
        applied = await plug.apply(Setpoint(CONNECT, 0, 1))
        assert (applied.state, applied.expires_in) == (AppliedState.APPLIED, None)
        await asyncio.sleep(2.5)
        assert (await plug.read()).connected is False

    async def test_what_was_off_for_a_while_and_is_told_to_be_on_stays_on_without_the_hub(self, plug):
        await plug.apply(Setpoint(CONNECT, 0, 600))
        applied = await plug.apply(Setpoint(CONNECT, 1, 1))
        # On is what it is of itself: no timer is to flip it away from that.
        assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 1, None)
        await asyncio.sleep(1.5)
        assert (await plug.read()).connected is True

    async def test_what_a_relay_cannot_do_is_refused(self, plug):
        applied = await plug.apply(Setpoint(SetpointKind.POWER_LIMIT_W, 500))
        assert applied.state is AppliedState.REFUSED

    async def test_an_unplugged_one_is_unreachable_and_comes_back(self, home, plug):
        serial = home.device("load").serial
        await home.fault(serial, "link")
        with pytest.raises(ModuleUnreachable):
            await plug.read()
        assert (await plug.apply(Setpoint(CONNECT, 0, None))).state is AppliedState.FAILED
        await home.heal(serial)
        assert (await plug.read()).connected is True

    async def test_a_slow_one_is_unreachable_soon(self, home, plug):
        await home.fault(home.device("load").serial, "slow", 10)
        began = time.monotonic()
        with pytest.raises(ModuleUnreachable, match="no answer"):
            await plug.read()
        assert time.monotonic() - began < 3

    async def test_a_refusal_is_an_answer(self, home, plug):
        await home.fault(home.device("load").serial, "exception", 4)
        applied = await plug.apply(Setpoint(CONNECT, 0, None))
        assert applied.state is AppliedState.FAILED
        assert "simulated" in applied.detail


class TestStrangers:
    async def test_another_device_at_the_address_is_not_switched(self, answering):
        calls = []

        def answer(method):
            calls.append(method)
            result = {
                "Shelly.GetDeviceInfo": dict(INFO),
                "Shelly.GetStatus": {"switch:0": {}},
                "Switch.GetStatus": {"output": True},
            }.get(method, {})
            return {"id": 1, "result": result}

        (plug,) = await discover(await answering(answer))
        await plug.close()
        elsewhere = {**INFO, "mac": "B00000000002"}
        calls.clear()
        original = answer

        def other(method):
            return {"result": elsewhere} if method == "Shelly.GetDeviceInfo" else original(method)

        plug._client.port = parse_address(await answering(other))[1]
        applied = await plug.apply(Setpoint(CONNECT, 0, None))
        assert (applied.state, calls) == (AppliedState.FAILED, [])
        assert "instead of" in applied.detail
        await plug.close()

    async def test_a_device_with_several_relays_is_several_modules(self, answering):
        results = {
            "Shelly.GetDeviceInfo": INFO,
            "Shelly.GetStatus": {"switch:1": {}, "switch:0": {}, "sys": {}, "switch:x": {}},
            "Switch.GetStatus": {"output": False},
        }
        found = await discover(await answering(lambda method: {"result": results.get(method, {})}))
        assert [plug.identity.key for plug in found] == [
            "shelly-a8032ab00001",
            "shelly-a8032ab00001-switch-1",
        ]
        for plug in found:
            await plug.close()

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            (web.Response(status=401), "password"),
            (web.Response(status=404), "generation 2"),
            ({"result": {"mac": "A8032AB00001", "gen": 1}}, "generation 2"),
            ({"result": {"gen": 2}}, "MAC"),
            ({"error": {"code": 404, "message": "No handler"}}, "No handler"),
            ({"result": {**INFO}}, "without a relay"),
        ],
    )
    async def test_what_is_no_relay_is_told_in_words(self, answering, answer, problem):
        address = await answering(lambda _: answer)
        with pytest.raises(NotSupported, match=problem):
            await discover(address)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b" " * (LARGEST_ANSWER + 1)])
    async def test_what_cannot_be_read_is_unreachable(self, answering, body):
        address = await answering(lambda _: web.Response(body=body))
        with pytest.raises(ModuleUnreachable, match="cannot be read"):
            await discover(address)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("plug.lan", ("plug.lan", 80)),
        ("192.168.1.7:8080", ("192.168.1.7", 8080)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 80)),
    ],
)
def test_addresses(text, place):
    assert parse_address(text) == place


@pytest.mark.parametrize("text", ["", "a:b", "a:0", "a:99999", "a/b", "http://a", "a b", "[::1"])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=r"host|port"):
        parse_address(text)


@given(st.dictionaries(st.sampled_from(["mac", "gen", "app", "model", "ver", "x"]), ANYTHING))
def test_no_device_information_surprises(values):
    try:
        info = DeviceInfo.parse(values)
    except ValueError:
        return
    assert (len(info.mac), info.generation >= 2) == (12, True)


@given(
    st.dictionaries(
        st.sampled_from(
            ["apower", "voltage", "current", "freq", "aenergy", "ret_aenergy", "temperature", "errors", "pf"]
        ),
        ANYTHING | st.dictionaries(st.sampled_from(["total", "tC"]), ANYTHING),
    ),
    ANYTHING,
)
def test_no_status_surprises(values, output):
    try:
        status = RelayStatus.parse({**values, "output": output})
    except ValueError:
        assert not isinstance(output, bool)
        return
    taken = reading("shelly-x", 0, status, None)
    assert taken.connected is output
    assert taken.current_a is None or taken.current_a >= 0
    relays(values)
    power_limit(values)


@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_no_answer_surprises(body):
    with contextlib.suppress(ValueError, RpcRefused):
        assert isinstance(parse_answer("Switch.Set", body), dict)


@given(st.dictionaries(st.sampled_from(["initial_state", "uptime", "reset_reason"]), ANYTHING))
def test_no_setting_and_no_uptime_surprise(values):
    assert initial_state(values) in {None, *PowerUp}
    assert (powered_s(values) or 0.0) >= 0


def test_what_a_relay_does_with_power_is_read_as_it_is_written():
    assert [initial_state({"initial_state": initial_state_of(each)}) for each in PowerUp] == list(PowerUp)
    assert initial_state({"initial_state": "match_input"}) is None
    assert powered_s({"uptime": 12, "reset_reason": 1}) == powered_s({"uptime": 12}) == 12
    assert powered_s({"uptime": 12, "reset_reason": 3}) is None, "it restarted, and had power all the time"


def test_faults_are_named():
    status = RelayStatus.parse({"output": True, "errors": ["overtemp", 5, ""], "apower": True})
    taken = reading("shelly-x", 0, status, None)
    assert [(fault.code, fault.source) for fault in taken.faults] == [("OVERTEMP", "switch:0.errors")]
    assert (taken.state, taken.power_w) == (OperatingState.FAULT, None)
