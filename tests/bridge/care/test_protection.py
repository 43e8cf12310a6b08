"""Rules on readings: when a fault is raised, what the module is told, when it is released."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.command import Origin
from bridge.fault_log import KEPT, FaultLog, FaultRecord, UnknownFaultError
from bridge.faults import TEST_SOURCE, ActiveFault, FaultCleared, FaultRaised, Severity
from bridge.protection import RULES, Action, Quantity, commands_for, judged
from bridge.protector import AlreadyRaisedError
from bridge.record import ModuleRecord
from hw.module import Identity, ModuleKind
from hw.reading import BatteryReading, DcString, Fault, OperatingState, Phase, Reading
from hw.setpoint import SetpointKind

KEY = "acme-1001"


@pytest.fixture
def running(home):
    home.start()
    yield home
    home.stop()


async def says(home, clock, seconds=1.0, key=KEY, **values):
    """The module is read once a second for some time and says the same each time."""
    usual = Reading(
        module=key,
        time=datetime.fromtimestamp(clock.utc(), UTC),
        state=OperatingState.RUNNING,
        voltage_v=230.0,
        frequency_hz=50.0,
    )
    for _ in range(int(seconds)):
        await clock.pass_(1)
        home.registry.took(home.registry[key], dataclasses.replace(usual, **values))
    await clock.pass_(0)


def codes(home, key=KEY):
    return [fault.code for fault in home.faults.active(key)]


async def test_a_battery_that_is_too_hot_is_held_until_it_has_cooled_down(running, clock):
    device = running.add()
    await says(running, clock, 4, temperature_c=56.0)
    assert codes(running) == [], "it must last five seconds"
    await says(running, clock, 3, temperature_c=56.0)
    assert codes(running) == ["BATTERY_TOO_HOT"]
    assert device.values[-1] == (SetpointKind.HOLD, None)
    (held,) = running.arbiter.live(KEY)
    assert held.origin is Origin.SAFETY
    await says(running, clock, 120, temperature_c=50.0)
    assert codes(running) == ["BATTERY_TOO_HOT"], "between the limits it stays"
    await says(running, clock, 62, temperature_c=45.0)
    assert codes(running) == []
    assert running.arbiter.live(KEY) == ()
    await says(running, clock, 10, temperature_c=30.0)
    assert device.values[-1] == (SetpointKind.AUTO, None), "it was let go"


async def test_the_log_says_what_was_seen_and_what_came_of_it(running, clock):
    running.add()
    await says(running, clock, 7, temperature_c=56.0)
    (record,) = running.fault_log.records()
    assert record.fault.severity is Severity.CRITICAL
    assert record.fault.source == "hub.temperature_c"
    assert record.fault.evidence == "temperature_c is 56; a fault above 55 for 5 s, until it is back at 45"
    assert record.action == "hold: applied"
    await says(running, clock, 62, temperature_c=40.0)
    (record,) = running.fault_log.records()
    assert not record.open
    assert record.action.startswith("hold: withdrawn") or record.action == "hold: applied"


async def test_a_person_cannot_outvote_the_protection(running, clock):
    device = running.add()
    await says(running, clock, 7, temperature_c=60.0)
    running.arbiter.submit(KEY, SetpointKind.CHARGE_W, 2000, origin=Origin.USER, source="anna")
    await says(running, clock, 10, temperature_c=60.0)
    assert (SetpointKind.CHARGE_W, 2000) not in device.values


@pytest.mark.parametrize(
    ("kind", "said", "seconds", "code", "told"),
    [
        (ModuleKind.BATTERY, {"temperature_c": -5.0}, 32, "BATTERY_TOO_COLD",
         (SetpointKind.CHARGE_LIMIT_W, 0)),
        (ModuleKind.MICROINVERTER, {"temperature_c": 90.0}, 32, "INVERTER_TOO_HOT",
         (SetpointKind.POWER_LIMIT_PERCENT, 50)),
        (ModuleKind.LOAD, {"temperature_c": 90.0}, 7, "LOAD_TOO_HOT", (SetpointKind.CONNECT, 0)),
        (ModuleKind.MICROINVERTER, {"voltage_v": 280.0}, 4, "VOLTAGE_TOO_HIGH", (SetpointKind.CONNECT, 0)),
        (ModuleKind.METER, {"voltage_v": 255.0}, 62, "VOLTAGE_HIGH", None),
        (ModuleKind.METER, {"voltage_v": 190.0}, 12, "VOLTAGE_LOW", None),
        (ModuleKind.MICROINVERTER, {"frequency_hz": 52.1}, 4, "FREQUENCY_HIGH", (SetpointKind.CONNECT, 0)),
        (ModuleKind.MICROINVERTER, {"frequency_hz": 46.9}, 4, "FREQUENCY_LOW", (SetpointKind.CONNECT, 0)),
        (ModuleKind.MICROINVERTER, {"faults": (Fault("GROUND_FAULT", "103.Evt1"),)}, 2, "ISOLATION_FAULT",
         (SetpointKind.CONNECT, 0)),
        (ModuleKind.BATTERY, {"battery": BatteryReading(cell_voltage_min_v=3.2, cell_voltage_max_v=3.35)}, 62,
         "CELLS_UNEQUAL", None),
        (ModuleKind.BATTERY, {"battery": BatteryReading(cell_voltage_min_v=3.0, cell_voltage_max_v=3.4)}, 12,
         "CELLS_FAR_APART", (SetpointKind.HOLD, None)),
        (ModuleKind.BATTERY, {"battery": BatteryReading(soc_percent=140.0)}, 5, "DATA_IMPLAUSIBLE", None),
        (ModuleKind.BATTERY, {"power_w": float("inf")}, 5, "DATA_IMPLAUSIBLE", None),
    ],
)  # fmt: skip
async def test_each_rule_trips_and_acts(running, clock, kind, said, seconds, code, told):
    device = running.add(kind=kind)
    await says(running, clock, 2)
    assert codes(running) == []
    await says(running, clock, seconds, **said)
    assert code in codes(running)
    assert (device.values[-1:] or [None])[0] == told


@pytest.mark.parametrize(
    "said",
    [
        {"frequency_hz": 61.7}, {"frequency_hz": 57.1},  # IEEE 1547-2018 table 19: ride through for 299 s
        {"frequency_hz": 51.9}, {"frequency_hz": 47.1},  # EN 50549-1 4.9.3: settings up to 52.0 and 47.0 Hz
        {"voltage_v": 1.19 * 230.0},  # IEEE 1547-2018 table 16: 12 s above 110 %
    ],
)  # fmt: skip
async def test_who_is_to_ride_through_a_disturbance_is_not_taken_off_the_grid(running, clock, said):
    device = running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, 2)
    await says(running, clock, 13, **said)
    assert codes(running) == []
    assert device.values == []


@pytest.mark.parametrize(
    "off",
    [{"state": OperatingState.OFF}, {"state": OperatingState.SLEEPING, "connected": False}],
    ids=["as off", "as asleep"],
)
@pytest.mark.parametrize("said", [{"frequency_hz": 52.1}, {"voltage_v": 280.0}], ids=["frequency", "voltage"])
async def test_who_was_taken_off_the_grid_comes_back_whatever_it_calls_its_state(running, clock, said, off):
    running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, 2)
    await says(running, clock, 4, **said)
    assert len(codes(running)) == 1
    await says(running, clock, 62, **off)
    assert codes(running) == []
    assert running.arbiter.live(KEY) == ()


async def test_a_silent_module_is_a_fault_after_a_minute_and_none_when_it_answers(running, clock):
    running.add()
    running.registry.lost(running.registry[KEY], "unplugged")
    await clock.pass_(50)
    assert codes(running) == []
    await clock.pass_(14)
    assert codes(running) == ["DATA_STALE"]
    await says(running, clock)
    assert codes(running) == []


async def test_a_module_that_sleeps_is_not_silent(running, clock):
    running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, state=OperatingState.SLEEPING, voltage_v=0.0)
    running.registry.lost(running.registry[KEY], "night")
    await clock.pass_(600)
    assert codes(running) == []


async def test_an_isolation_fault_lasts_until_somebody_has_looked(running, clock):
    device = running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, 2, faults=(Fault("GROUND_FAULT", "103.Evt1"),))
    await says(running, clock, 300)
    assert codes(running) == ["ISOLATION_FAULT"], "the device says it no more, and it is still off"
    assert device.values == [(SetpointKind.CONNECT, 0)] * len(device.values)
    (record,) = [each for each in running.fault_log.records() if each.open]
    running.fault_log.acknowledge(record.id, "user/anna")
    await says(running, clock, 2)
    assert codes(running) == []
    assert running.arbiter.live(KEY) == ()


@pytest.mark.parametrize(
    ("input_v", "enough", "too_little"),
    [(34.0, 2700.0, 2600.0), (380.0, 20_100.0, 19_900.0), (700.0, 33_400.0, 33_300.0),
     (1200.0, 50_100.0, 49_900.0), (None, 33_400.0, 33_300.0)],
)  # fmt: skip
async def test_isolation_must_be_what_the_rated_voltage_by_30_ma_asks_for(
    running, clock, input_v, enough, too_little
):
    device = running.add(kind=ModuleKind.MICROINVERTER)
    inputs = (DcString("1"), DcString("2", voltage_v=input_v))
    await says(running, clock, 120, isolation_ohm=enough, strings=inputs)
    assert codes(running) == []
    await says(running, clock, 60, isolation_ohm=too_little, strings=inputs)
    assert codes(running) == [], "it may be one value that is garbage"
    await says(running, clock, 35, isolation_ohm=too_little, strings=inputs)
    assert codes(running) == ["ISOLATION_LOW"]
    assert device.values[-1] == (SetpointKind.CONNECT, 0)


async def test_an_inverter_comes_back_when_its_isolation_is_good_by_a_margin_and_somebody_has_looked(
    running, clock
):
    running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, 92, isolation_ohm=1000.0)
    (record,) = running.fault_log.records()
    assert (record.fault.severity, record.fault.source) == (Severity.CRITICAL, "hub.isolation_percent")
    running.fault_log.acknowledge(record.id, "user/anna")
    off = {"state": OperatingState.OFF, "connected": False}
    await says(running, clock, 200, isolation_ohm=40_000.0, **off)
    assert codes(running) == ["ISOLATION_LOW"], "enough to start with, and not enough to come back"
    await says(running, clock, 200, isolation_ohm=2e6, state=OperatingState.SLEEPING)
    assert codes(running) == ["ISOLATION_LOW"], "who sleeps measures nothing"
    await says(running, clock, 122, isolation_ohm=60_000.0, **off)
    assert codes(running) == []
    assert running.arbiter.live(KEY) == ()


@pytest.mark.parametrize(
    "said",
    [
        {"isolation_ohm": None},
        {"isolation_ohm": 100.0, "state": OperatingState.SLEEPING},
        {"isolation_ohm": 100.0, "strings": (DcString("1", voltage_v=3.0),)},
        {"isolation_ohm": float("nan")},
    ],
    ids=["untold", "asleep", "no voltage at the inputs", "no number"],
)
async def test_isolation_is_not_judged_where_nothing_is_known(running, clock, said):
    running.add(kind=ModuleKind.MICROINVERTER)
    await says(running, clock, 300, **said)
    assert "ISOLATION_LOW" not in codes(running)


async def test_what_is_not_told_trips_nothing_and_releases_nothing(running, clock):
    running.add()
    await says(running, clock, 7, temperature_c=60.0)
    await says(running, clock, 300, temperature_c=None)
    assert codes(running) == ["BATTERY_TOO_HOT"]
    await says(running, clock, 300, temperature_c=float("nan"))
    assert codes(running) == ["BATTERY_TOO_HOT"]


async def test_of_two_faults_the_stricter_action_counts_and_then_the_other(running, clock):
    device = running.add()
    cells = BatteryReading(cell_voltage_min_v=3.0, cell_voltage_max_v=3.4)
    await says(running, clock, 32, temperature_c=-5.0)
    assert device.values[-1] == (SetpointKind.CHARGE_LIMIT_W, 0)
    await says(running, clock, 12, temperature_c=-5.0, battery=cells)
    assert device.values[-1] == (SetpointKind.HOLD, None)
    equal = BatteryReading(cell_voltage_min_v=3.3, cell_voltage_max_v=3.31)
    await says(running, clock, 310, temperature_c=-5.0, battery=equal)
    assert device.values[-1] == (SetpointKind.CHARGE_LIMIT_W, 0)


async def test_a_module_that_cannot_be_told_is_said_so(running, clock):
    device = running.add(kinds=())
    await says(running, clock, 7, temperature_c=60.0)
    (record,) = running.fault_log.records()
    assert record.action == "none: the module cannot be told to hold"
    assert device.told == []


async def test_a_fault_goes_on_over_a_restart_with_its_action_and_ends_once(
    running, clock, another_home, make_device
):
    running.add()
    await says(running, clock, 7, temperature_c=60.0, faults=(Fault("FAN", "802.Evt1"),))
    before = {record.id for record in running.fault_log.records()}
    again = another_home(running.storage, clock)
    heard = []
    for kind in (FaultRaised, FaultCleared):
        again.bus.subscribe(kind, heard.append)
    again.start()
    device = make_device("1001", clock=clock)
    again.registry.found([device], "sunspec")
    await says(again, clock, 5, temperature_c=60.0, faults=(Fault("FAN", "802.Evt1"),))
    assert device.values[-1] == (SetpointKind.HOLD, None)
    assert [event.fault.code for event in heard if isinstance(event, FaultRaised)] == []
    await says(again, clock, 62, temperature_c=20.0)
    assert [(type(event), event.fault.code) for event in heard] == [
        (FaultCleared, "FAN"),
        (FaultCleared, "BATTERY_TOO_HOT"),
    ]
    assert {record.id for record in again.fault_log.records()} == before
    again.stop()


async def test_a_removed_module_leaves_only_past_faults(running, clock):
    running.add()
    await says(running, clock, 7, temperature_c=60.0)
    running.registry.remove(KEY)
    assert [record.open for record in running.fault_log.records()] == [False]
    assert running.faults.active(KEY) == ()


async def test_a_test_tells_the_module_in_earnest_and_ends(running, clock):
    device = running.add()
    await says(running, clock)
    running.protector.test(KEY, "BATTERY_TOO_HOT", 10)
    await says(running, clock, 3, temperature_c=20.0)
    assert device.values == [(SetpointKind.HOLD, None)]
    assert running.faults.active(KEY)[0].source == TEST_SOURCE
    assert running.alerts.alerts()[0].title == "Test: Device 1001: battery too hot"
    with pytest.raises(AlreadyRaisedError):
        running.protector.test(KEY, "BATTERY_TOO_HOT", 10)
    await says(running, clock, 12, temperature_c=20.0)
    assert codes(running) == []
    assert running.arbiter.live(KEY) == ()
    for code in ("NOTHING", "INVERTER_TOO_HOT"):
        with pytest.raises(ValueError, match=code):
            running.protector.test(KEY, code, 10)


async def test_past_faults_are_bounded_and_unknown_ones_are_unknown(home, clock):
    log = FaultLog(home.storage, home.bus, clock)
    log.start()
    time = datetime(2026, 6, 21, tzinfo=UTC)
    for number in range(KEPT + 20):
        clock.now += 1
        fault = ActiveFault(KEY, f"CODE_{number}", "103.Evt1", Severity.WARNING, time)
        home.bus.publish(FaultRaised(fault))
        home.bus.publish(FaultCleared(fault, time))
    assert len(log.records()) <= KEPT + 1
    assert log.records()[0].fault.code == f"CODE_{KEPT + 19}"
    with pytest.raises(UnknownFaultError):
        log.acknowledge("nothing", "user/anna")


async def test_a_damaged_record_is_dropped_and_the_others_stay(home, clock, another_home):
    home.start()
    home.add()
    await says(home, clock, 7, temperature_c=60.0)
    home.storage.put("fault/broken", b'{"id": 1}')
    again = another_home(home.storage, clock)
    assert [fault.code for fault in again.fault_log.start()] == ["BATTERY_TOO_HOT"]
    assert home.storage.get("fault/broken") is None


def test_every_rule_has_hysteresis_and_a_code_of_its_own():
    assert len({rule.code for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.limit != rule.release
        assert not rule.is_beyond(rule.release)
        assert not rule.is_back(rule.limit)
        assert len(rule.code) <= 32, "as the Module cluster can say"


@given(
    st.sets(st.sampled_from(Action), max_size=4),
    st.frozensets(st.sampled_from(SetpointKind)),
)
def test_only_what_a_module_can_be_told_is_told(actions, able):
    for kind, _ in commands_for(actions, able).values():
        assert kind in able


@given(
    st.sampled_from(Quantity),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.sampled_from([120.0, 230.0, None]),
)
def test_no_value_is_too_strange_to_be_judged(quantity, first, second, nominal):
    reading = Reading(
        module=KEY,
        time=datetime(2026, 6, 21, tzinfo=UTC),
        power_w=first,
        voltage_v=second,
        frequency_hz=first,
        temperature_c=second,
        phases=(Phase("A", voltage_v=first), Phase("B", voltage_v=second)),
        strings=(DcString("1", voltage_v=first), DcString("2", voltage_v=second)),
        isolation_ohm=first,
        battery=BatteryReading(soc_percent=first, cell_voltage_min_v=first, cell_voltage_max_v=second),
    )
    record = ModuleRecord(Identity("ACME", "Device", "1001"), ModuleKind.BATTERY, "sunspec", "10.0.0.1", "B")
    value = judged(quantity, reading, record, nominal)
    assert value is None or abs(value) < float("inf")


def test_a_record_is_stored_as_it_is():
    time = datetime(2026, 6, 21, tzinfo=UTC)
    fault = ActiveFault(KEY, "OVER_TEMP", "103.Evt1", Severity.WARNING, time, "hot")
    record = FaultRecord(id="1", fault=fault, cleared=time, acknowledged=time, acknowledged_by="user/anna")
    assert FaultRecord.from_json(record.to_json()) == record
