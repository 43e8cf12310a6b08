"""The go-e driver against the simulated charger, and against answers that no device should give."""

import contextlib
import json
import math
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from hw import (
    AppliedState,
    EvseReading,
    ModuleKind,
    ModuleUnreachable,
    NotSupported,
    OperatingState,
    PlugState,
    Setpoint,
    SetpointKind,
)
from hw.accuracy import USUAL
from hw.address import parse_address
from hw.goe.client import parse_object
from hw.goe.discover import discover
from hw.goe.errors import fault_code
from hw.goe.reading import reading
from hw.goe.status import KEYS, ChargerStatus
from hw.http_client import LARGEST_ANSWER
from hw.simulator.process import SimulatedHome, SimulationError

CONNECT, CURRENT, AUTO = SetpointKind.CONNECT, SetpointKind.CHARGE_CURRENT_A, SetpointKind.AUTO
NOW = datetime(2026, 6, 15, tzinfo=UTC)
CHARGING = {
    "sse": "101004",
    "typ": "go-eCharger_V3",
    "fwv": "053.1",
    "ama": 32,
    "mca": 6,
    "amp": 14,
    "frc": 0,
    "alw": True,
    "acu": 14,
    "cbl": 20,
    "car": 2,
    "err": 0,
    "nrg": [227, 228, 227, 1, 13.8, 14.1, 13.9, 3200, 3200, 3200, 0, 9730, 100, 100, 100, 9],
    "fhz": 50.03,
    "pha": [True, True, True, True, True, True],
    "wh": 35546.84,
    "eto": 333661,
    "tma": [24.75, 31.5],
}
"""What a charger of hardware version 3 answers while a car charges with 14 A."""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=16) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@pytest.fixture
async def home():
    async with SimulatedHome(4, evse=1, seed=7) as running:
        yield running


@pytest.fixture
def serial(home):
    return home.device("evse").serial


@pytest.fixture
async def charger(home):
    (found,) = await discover(home.device("evse").address)
    yield found
    await found.close()


@pytest.fixture
async def answering():
    """Serve an HTTP server that answers every path with what a test wants; return its address."""
    runners = []

    async def start(answer):
        async def handle(request):
            made = answer(request)
            return made if isinstance(made, web.Response) else web.json_response(made)

        application = web.Application()
        application.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def told(**values):
    """Return the reading of a charger that says what it did above, but for some keys."""
    return reading("go-e-1", ChargerStatus.parse({**CHARGING, **values}), NOW)


class TestCharger:
    async def test_who_it_is(self, charger):
        assert charger.kind is ModuleKind.EVSE
        assert charger.identity.key == "go-e-200001"
        assert (charger.identity.model, charger.identity.firmware) == ("go-eCharger V4", "59.4")
        assert (charger.nameplate.current_a, charger.nameplate.phases) == (16, 3)
        assert charger.nameplate.charge_power_w == 16 * 3 * 230
        assert charger.capabilities.setpoints == {CONNECT, CURRENT, AUTO}
        assert (charger.capabilities.reverts, charger.capabilities.revert_s_max) == (True, 600)
        assert charger.capabilities.imported_energy
        assert not charger.capabilities.exported_energy
        assert set(charger.capabilities.measures) == set(USUAL)
        assert charger.capabilities.measures != USUAL

    async def test_a_car_comes_charges_and_goes(self, home, serial, charger):
        assert (await charger.read()).evse.plug is PlugState.NOT_CONNECTED
        await home.car(serial, plugged=True, needs_wh=20_000)
        await home.skip(3600)
        charging = await charger.read()
        assert (charging.state, charging.evse.plug) == (OperatingState.RUNNING, PlugState.CHARGING)
        assert charging.power_w == pytest.approx(11_040, rel=0.01)
        assert charging.current_a == pytest.approx(48)
        assert [phase.name for phase in charging.phases] == ["A", "B", "C"]
        assert math.fsum(p.power_w for p in charging.phases) == pytest.approx(charging.power_w, abs=1)
        assert charging.evse.session_energy_wh == pytest.approx(11_040, rel=0.01)
        assert (charging.evse.current_offered_a, charging.evse.phases) == (16, 3)
        await home.skip(3 * 3600)
        full = await charger.read()
        assert (full.state, full.evse.plug, full.power_w) == (OperatingState.STANDBY, PlugState.NO_DEMAND, 0)
        assert full.evse.session_energy_wh == pytest.approx(20_000 / 0.92, rel=0.01)
        await home.car(serial, plugged=False)
        await home.skip(5)
        gone = await charger.read()
        assert (gone.evse.plug, gone.evse.phases) == (PlugState.NOT_CONNECTED, None)
        counted = gone.energy_imported_wh - charging.energy_imported_wh
        spent = gone.evse.session_energy_wh - charging.evse.session_energy_wh
        assert counted == pytest.approx(spent, abs=2)

    async def test_what_charges_is_in_the_homes_balance(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=30_000)
        await home.skip(60)
        state = await home.state()
        assert state["evse_w"] == pytest.approx((await charger.read()).power_w + 3, abs=2)
        parts = ("solar_w", "load_w", "battery_w", "plugs_w", "evse_w")
        assert state["grid_w"] == pytest.approx(sum(state[part] for part in parts))

    async def test_a_full_battery_lets_less_and_less_in(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=1_500)
        await home.skip(30)
        first = await charger.read()
        await home.skip(120)
        later = await charger.read()
        assert 0 < later.power_w < first.power_w < 9_000
        assert later.evse.current_offered_a == 16

    async def test_charging_is_forced_off_and_on(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=30_000)
        await home.skip(5)
        off = await charger.apply(Setpoint(CONNECT, 0, None))
        assert (off.state, off.value, off.expires_in) == (AppliedState.APPLIED, 0, None)
        await home.skip(5)
        paused = await charger.read()
        assert (paused.state, paused.connected, paused.power_w) == (OperatingState.OFF, False, 0)
        assert paused.evse.plug is PlugState.DEMAND
        assert paused.evse.current_offered_a == 0
        on = await charger.apply(Setpoint(CONNECT, 1, None))
        assert (on.state, on.value) == (AppliedState.APPLIED, 1)
        await home.skip(5)
        assert (await charger.read()).evse.plug is PlugState.CHARGING

    async def test_a_limit_is_whole_amperes_and_never_more_than_asked(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=30_000)
        applied = await charger.apply(Setpoint(CURRENT, 8.9))
        assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 8, 600)
        await home.skip(5)
        limited = await charger.read()
        assert limited.evse.current_offered_a == 8
        assert limited.evse.current_max_a == 16
        assert limited.power_w == pytest.approx(8 * 3 * 230, rel=0.01)

    async def test_more_than_the_installation_carries_is_that(self, charger):
        applied = await charger.apply(Setpoint(CURRENT, 63))
        assert (applied.state, applied.value) == (AppliedState.APPLIED, 16)

    @pytest.mark.parametrize("amperes", [0, 5.9])
    async def test_less_than_a_pilot_can_offer_is_refused_in_words(self, charger, amperes):
        applied = await charger.apply(Setpoint(CURRENT, amperes))
        assert applied.state is AppliedState.REFUSED
        assert "6 A or more; to pause charging is connect 0" in applied.detail

    async def test_auto_takes_both_back_and_leaves_the_users_setting(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=30_000)
        await charger.apply(Setpoint(CURRENT, 7))
        await charger.apply(Setpoint(CONNECT, 0))
        assert (await charger.apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        await home.skip(5)
        after = await charger.read()
        assert (after.connected, after.evse.current_offered_a) == (True, 16)

    async def test_a_dead_hub_leaves_no_limit_behind(self):
        async with SimulatedHome(1, evse=1, speed=1) as home:
            (charger,) = await discover(home.device("evse").address)
            await charger.apply(Setpoint(CURRENT, 7))
            await home.skip(590)
            assert (await charger.read()).evse.current_offered_a == 7
            await home.skip(20)
            assert (await charger.read()).evse.current_offered_a == 16
            await charger.close()

    async def test_what_a_charger_cannot_do_is_refused(self, charger):
        applied = await charger.apply(Setpoint(SetpointKind.DISCHARGE_W, 500))
        assert applied.state is AppliedState.REFUSED

    async def test_a_fault_is_named_and_stops_the_charge(self, home, serial, charger):
        await home.car(serial, plugged=True, needs_wh=30_000)
        await home.fault(serial, "dead", 16)
        await home.skip(5)
        broken = await charger.read()
        assert (broken.state, broken.evse.plug) == (OperatingState.FAULT, PlugState.FAULT)
        assert [(fault.code, fault.source) for fault in broken.faults] == [("OVER_TEMP", "err")]
        assert broken.power_w == 0
        await home.heal(serial)
        await home.skip(5)
        assert (await charger.read()).evse.plug is PlugState.CHARGING

    async def test_an_unplugged_one_is_unreachable_and_comes_back(self, home, serial, charger):
        await home.fault(serial, "link")
        with pytest.raises(ModuleUnreachable):
            await charger.read()
        assert (await charger.apply(Setpoint(CONNECT, 0))).state is AppliedState.FAILED
        await home.heal(serial)
        assert (await charger.read()).connected is True

    async def test_a_slow_one_is_unreachable_soon(self, home, serial, charger):
        await home.fault(serial, "slow", 10)
        began = time.monotonic()
        with pytest.raises(ModuleUnreachable, match="no answer"):
            await charger.read()
        assert time.monotonic() - began < 3

    async def test_one_that_is_busy_with_itself_is_unreachable_with_its_reason(self, home, serial, charger):
        await home.fault(serial, "exception", 4)
        with pytest.raises(ModuleUnreachable, match="couldn't take api lock"):
            await charger.read()

    async def test_garbage_is_unreachable_not_absurd(self, home, serial, charger):
        await home.fault(serial, "garbage")
        with pytest.raises(ModuleUnreachable, match="no state of the car"):
            await charger.read()

    @pytest.mark.parametrize(
        ("which", "needs", "reason"),
        [("200001", -1, "0 to 58000"), ("G000001", None, "charges no car"), ("X", None, "nothing called")],
    )
    async def test_a_car_cannot_be_plugged_anyhow(self, home, which, needs, reason):
        with pytest.raises(SimulationError, match=reason):
            await home.car(which, plugged=True, needs_wh=needs)


class TestOlderFirmware:
    """Chargers without the key `tcl` are told `amp`, which is the user's own."""

    @pytest.fixture
    async def old(self, answering):
        keys = dict(CHARGING)
        writes = []

        def answer(request):
            if request.path == "/api/set":
                writes.append(dict(request.query))
                keys.update({key: json.loads(text) for key, text in request.query.items()})
                return dict.fromkeys(request.query, True)
            return web.json_response(keys, status=400)  # it has not all keys that it was asked for

        (charger,) = await discover(await answering(answer))
        yield charger, keys, writes
        await charger.close()

    async def test_it_is_read_though_it_does_not_have_all_keys(self, old):
        charger, _, _ = old
        assert (await charger.read()).power_w == 9730
        assert (charger.capabilities.reverts, charger.capabilities.revert_s_max) == (False, None)

    async def test_auto_gives_the_user_back_what_was_set(self, old):
        charger, keys, writes = old
        applied = await charger.apply(Setpoint(CURRENT, 10))
        assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 10, None)
        await charger.apply(Setpoint(CURRENT, 8))
        assert keys["amp"] == 8
        assert (await charger.apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        assert keys["amp"] == 14
        assert writes == [{"amp": "10"}, {"amp": "8"}, {"amp": "14"}]

    async def test_what_is_so_already_is_not_written(self, old):
        charger, _, writes = old
        assert (await charger.apply(Setpoint(CURRENT, 14))).state is AppliedState.APPLIED
        assert (await charger.apply(Setpoint(AUTO))).state is AppliedState.APPLIED
        assert writes == []


class TestRefusals:
    async def test_a_refusal_is_told_in_the_chargers_words(self, answering):
        def answer(request):
            if request.path == "/api/set":
                reason = "amp: failed: Value 20 exceeds range 6 to 16 (20)"
                return web.json_response({"amp": reason}, status=500)
            return CHARGING

        (charger,) = await discover(await answering(answer))
        applied = await charger.apply(Setpoint(CURRENT, 20))
        assert applied.state is AppliedState.FAILED
        assert "exceeds range 6 to 16" in applied.detail
        await charger.close()

    async def test_what_reads_back_otherwise_has_failed(self, answering):
        (charger,) = await discover(
            await answering(lambda r: {"frc": True, "amp": True} if r.path == "/api/set" else CHARGING)
        )
        applied = await charger.apply(Setpoint(CONNECT, 0))
        assert (applied.state, applied.value) == (AppliedState.FAILED, 1)
        assert applied.detail == "frc reads 0, wrote 1"
        applied = await charger.apply(Setpoint(CURRENT, 8))
        assert (applied.state, applied.detail) == (AppliedState.FAILED, "amp reads 14, wrote 8")
        await charger.close()

    async def test_another_charger_at_the_address_is_neither_read_nor_told(self, answering):
        paths = []

        def answer(request):
            paths.append(request.path)
            return {**CHARGING, "sse": "999999"}

        (charger,) = await discover(await answering(lambda _: CHARGING))
        await charger.close()
        charger._client.port = parse_address(await answering(answer))[1]
        with pytest.raises(ModuleUnreachable, match="999999 answers instead of 101004"):
            await charger.read()
        with pytest.raises(NotSupported, match="instead of"):
            await charger.open()
        applied = await charger.apply(Setpoint(CONNECT, 0))
        assert (applied.state, set(paths)) == (AppliedState.FAILED, {"/api/status"})
        await charger.close()

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            pytest.param(web.Response(status=401), "password", id="a password is asked for"),
            pytest.param(web.Response(status=403), "password", id="access is forbidden"),
            pytest.param(web.Response(status=404), "API v2", id="the API is off"),
            pytest.param({}, "serial number", id="an empty object"),
            pytest.param({"sse": 101004, "car": 1}, "serial number", id="the serial number is a number"),
            pytest.param({"sse": "---", "car": 1}, "serial number", id="the serial number is only dashes"),
            pytest.param({"sse": "1" * 40, "car": 1}, "serial number", id="the serial number has no end"),
            pytest.param({"sse": "101004"}, "state of the car", id="it does not say what the car does"),
            pytest.param({"sse": "101004", "car": 7}, "state of the car", id="an unknown state of the car"),
            pytest.param({"sse": "101004", "car": True}, "state of the car", id="a state that is a bool"),
        ],
    )
    async def test_what_is_no_charger_is_told_in_words(self, answering, answer, problem):
        address = await answering(lambda _: answer)
        with pytest.raises(NotSupported, match=problem):
            await discover(address)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param(b"", 200, id="nothing"),
            pytest.param(b"[]", 200, id="a list"),
            pytest.param(b"{", 200, id="half an object"),
            pytest.param(b"\xff\xfe", 200, id="no text"),
            pytest.param(b"[" * 100_000, 200, id="nested too deeply"),
            pytest.param(b" " * (LARGEST_ANSWER + 1), 200, id="without end"),
            pytest.param(b"<html>oops</html>", 400, id="a page"),
            pytest.param(b"{}", 503, id="not now"),
            pytest.param(b"{}", 302, id="elsewhere"),
        ],
    )
    async def test_what_cannot_be_read_is_unreachable(self, answering, body, status):
        address = await answering(lambda _: web.Response(body=body, status=status))
        with pytest.raises(ModuleUnreachable, match="cannot be read"):
            await discover(address)

    async def test_one_that_hangs_up_is_unreachable(self, answering):
        def answer(request):
            request.transport.close()
            return web.Response()

        with pytest.raises(ModuleUnreachable):
            await discover(await answering(answer))

    async def test_no_address_is_no_address(self):
        with pytest.raises(ValueError, match="host"):
            await discover("http://wallbox")


class TestMeaning:
    def test_what_a_real_charger_says(self):
        taken = told()
        assert (taken.power_w, taken.frequency_hz) == (9730, 50.03)
        assert taken.voltage_v == pytest.approx(227.33, abs=0.01)
        assert taken.current_a == pytest.approx(41.8)
        assert (taken.energy_imported_wh, taken.temperature_c) == (333661, 31.5)
        assert taken.evse == EvseReading(
            plug=PlugState.CHARGING,
            session_energy_wh=35546.84,
            current_offered_a=14,
            current_min_a=6,
            current_max_a=20,
            phases=3,
        )

    @pytest.mark.parametrize(
        ("keys", "plug"),
        [
            ({"car": 1}, PlugState.NOT_CONNECTED),
            ({"car": 1, "alw": False}, PlugState.NOT_CONNECTED),
            ({"car": 3}, PlugState.NO_DEMAND),
            ({"car": 4}, PlugState.NO_DEMAND),
            ({"car": 3, "alw": False}, PlugState.DEMAND),
            ({"car": 4, "alw": False}, PlugState.DEMAND),
            ({"car": 6}, PlugState.UNKNOWN),
            ({"car": 5}, PlugState.FAULT),
            ({"car": 0}, PlugState.FAULT),
            ({"car": None, "err": None}, PlugState.FAULT),
            ({"car": 2, "err": 1}, PlugState.FAULT),
        ],
    )
    def test_states_of_the_car(self, keys, plug):
        assert told(**keys).evse.plug is plug

    def test_a_charger_on_one_phase_has_no_phases_to_tell(self):
        taken = told(
            nrg=[230, 0, 0, 0, 10, 0, 0, 2300, 0, 0, 0, 2300, 100, 0, 0, 0],
            pha=[True, False, False, True, False, False],
        )
        assert (taken.phases, taken.evse.phases, taken.voltage_v) == ((), 1, 230)

    def test_the_adapter_and_the_heat_limit_it(self):
        assert told(adi=True).evse.current_max_a == 16
        assert told(amt=10).evse.current_max_a == 10

    def test_while_it_says_nothing_of_the_offer_the_limits_tell_it(self):
        assert told(acu=None).evse.current_offered_a == 14
        assert told(acu=None, tcl=9).evse.current_offered_a == 9
        assert told(alw=False).evse.current_offered_a == 0

    @pytest.mark.parametrize(
        ("error", "firmware", "code"),
        [
            (8, "053.1", "GROUND_FAULT"),
            (13, "053.1", "OVER_TEMP"),
            (13, "59.4", "LOCK_STUCK"),
            (16, "60.4", "OVER_TEMP"),
            (12, "", "LOCK_STUCK_OPEN"),
            (21, "60.4", "VENDOR_21"),
        ],
    )
    def test_error_numbers_changed_their_meaning(self, error, firmware, code):
        assert fault_code(error, firmware) == code


@given(st.dictionaries(st.sampled_from(KEYS.split(",")), ANYTHING))
def test_no_status_surprises(values):
    try:
        status = ChargerStatus.parse(values)
    except ValueError:
        return
    _judge(reading("go-e-x", status, NOW))


@given(st.dictionaries(st.sampled_from(KEYS.split(",")), ANYTHING), st.sampled_from([1, 2, 3, 4, 6]))
def test_no_strange_key_spoils_the_others(values, car):
    _judge(reading("go-e-x", ChargerStatus.parse({**values, "sse": "1", "car": car}), NOW))


def _judge(taken):
    for value in (taken.power_w, taken.voltage_v, taken.current_a, taken.energy_imported_wh):
        assert value is None or math.isfinite(value)
    assert taken.current_a is None or taken.current_a >= 0
    assert isinstance(taken.evse.plug, PlugState)
    assert taken.evse.phases in {None, 1, 2, 3}
    for amperes in (taken.evse.current_offered_a, taken.evse.current_max_a, taken.evse.current_min_a):
        assert amperes is None or 0 <= amperes <= 0xFFFF


@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_no_answer_surprises(body):
    with contextlib.suppress(ValueError):
        assert isinstance(parse_object(body), dict)


class TestRhythm:
    async def test_the_same_seed_gives_the_same_car(self):
        states = []
        for _ in range(2):
            async with SimulatedHome(4, evse=2, seed=11, speed=0.001) as home:
                await home.skip(36 * 3600)
                states.append(await home.state())
        assert states[0] == states[1]
        assert len(states[0]["evse"]) == 2

    async def test_the_car_is_away_by_day_and_charges_in_the_evening(self):
        async with SimulatedHome(1, evse=1, seed=3, speed=240) as home:
            assert (await home.state())["evse"][0]["plugged"] is False
            await home.skip(8.5 * 3600)
            evening = (await home.state())["evse"][0]
            assert evening["plugged"] is True
            assert evening["current_a"] > 0
            await home.skip(10 * 3600)
            night = (await home.state())["evse"][0]
            assert (night["plugged"], night["current_a"], night["needs_wh"]) == (True, 0, 0)

    async def test_by_hand_it_stays_until_told_otherwise(self, home, serial):
        await home.car(serial, plugged=False)
        await home.skip(10 * 3600)
        assert (await home.state())["evse"][0]["plugged"] is False

    async def test_chargers_have_ports_behind_the_others(self):
        async with SimulatedHome(2, plugs=1, evse=1) as home:
            assert [device.kind for device in home.devices] == ["microinverter", "meter", "load", "evse"]
