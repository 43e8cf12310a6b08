from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.telemetry.frames import FrameMaker, Layout, unpack
from bridge.telemetry.metrics import CHARGE_STATES, PLUG_STATES, STATES, known_metric, measurements
from hw.module import Capabilities
from hw.reading import (
    BatteryReading,
    ChargeState,
    DcString,
    EvseReading,
    OperatingState,
    Phase,
    PlugState,
    Reading,
    ThermostatMode,
    ThermostatReading,
)

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
COUNTS = Capabilities(imported_energy=True, exported_energy=True)


def values(frame):
    return {
        spec.name: spec.value(quantity)
        for spec, quantity in zip(frame.layout.specs, frame.quantities(), strict=True)
        if quantity is not None
    }


def full_reading():
    numbers = {
        each.name: 10.0
        for each in fields(Reading)
        if each.type == "float | None" and each.name != "power_factor"
    }
    battery = {each.name: 10.0 for each in fields(BatteryReading) if each.type == "float | None"}
    return Reading(
        "m",
        NOON,
        state=OperatingState.RUNNING,
        power_factor=0.987,
        connected=True,
        grid_forming=True,
        phases=(Phase("A", 1.0, 2.0, 3.0), Phase("B", 1.5, 2.5, 3.5)),
        strings=(DcString("PV 1/left", 100.0, 200.0, 0.5, 1234.5, 40.0),),
        battery=BatteryReading(**battery, cycles=7, charge_state=ChargeState.CHARGING),
        evse=EvseReading(PlugState.CHARGING, 7500.0, 16.0, 6.0, 32.0, 3, 40.0, 77_000.0),
        thermostat=ThermostatReading(ThermostatMode.HEAT, True, 21.0, 7.0, 28.0, True, -3.5),
        **numbers,
    )


def test_every_number_of_a_reading_is_kept_under_its_field():
    reading = full_reading()
    kept = values(FrameMaker().frame(reading, COUNTS))
    assert kept["power_w"] == 10.0
    assert kept["power_factor"] == 0.987
    assert kept["phase_b_current_a"] == 3.5
    assert kept["string_pv_1_left_energy_wh"] == 1234.5
    assert kept["battery_voltage_v"] == kept["voltage_v"] == 10.0
    assert kept["connected"] == kept["grid_forming"] == 1
    assert kept["state"] == STATES[OperatingState.RUNNING]
    assert kept["charge_state"] == CHARGE_STATES[ChargeState.CHARGING]
    names = {each.name for each in fields(Reading)} - {
        *("module", "time", "quality", "phases", "strings", "battery", "evse", "thermostat", "faults")
    }
    battery = {each.name for each in fields(BatteryReading)} - {"voltage_v", "current_a"}
    evse = {each.name for each in fields(EvseReading)} - {"phases"} | {"charging_phases"}
    assert names | battery | evse <= set(kept)
    # What a room is learned from; its limits and its mode seldom change.
    assert (kept["setpoint_c"], kept["running"], kept["outdoor_c"]) == (21.0, 1, -3.5)
    assert (kept["plug"], kept["session_energy_wh"]) == (PLUG_STATES[PlugState.CHARGING], 7500.0)


def test_every_state_has_a_code_of_its_own():
    assert set(STATES) == set(OperatingState)
    assert set(CHARGE_STATES) == set(ChargeState)
    assert set(PLUG_STATES) == set(PlugState)
    for codes in (STATES, CHARGE_STATES, PLUG_STATES):
        assert len(set(codes.values())) == len(codes)


def test_a_metric_is_known_by_its_name():
    for spec, _ in measurements(full_reading()):
        assert known_metric(spec.name) == spec
    assert known_metric("string_1_energy_wh").counter
    assert not known_metric("capacity_wh").counter
    assert known_metric("string__power_w") is None
    assert known_metric("power_kw") is None


def test_what_a_device_does_not_know_is_absent_and_what_cannot_be_is_left_out():
    maker = FrameMaker()
    maker.frame(Reading("m", NOON, power_w=1.0, energy_imported_wh=5.0), COUNTS)
    nonsense = maker.frame(
        Reading("m", NOON, power_w=float("nan"), voltage_v=float("inf"), energy_imported_wh=-1.0), COUNTS
    )
    assert set(values(nonsense)) == {"state"}


def test_a_layout_grows_with_what_is_measured_and_old_frames_keep_theirs():
    maker = FrameMaker()
    first = maker.frame(Reading("m", NOON, power_w=1.0), COUNTS)
    again = maker.frame(Reading("m", NOON, power_w=2.0), COUNTS)
    more = maker.frame(Reading("m", NOON, power_w=3.0, voltage_v=230.0), COUNTS)
    large = maker.frame(Reading("m", NOON, power_w=3.0, energy_imported_wh=1e9), COUNTS)
    assert first.layout is again.layout
    assert len(first.data) == 8
    assert len(more.data) == 12
    assert len(large.data) == 20
    assert values(first) == {"power_w": 1.0, "state": 0}
    assert values(large) == {"power_w": 3.0, "state": 0, "energy_imported_wh": 1e9}


def test_energy_that_a_device_does_not_count_is_integrated_and_called_estimated():
    maker = FrameMaker()
    for second, power in enumerate([3600.0, 3600.0, 0.0, -3600.0, -3600.0, 3600.0]):
        frame = maker.frame(Reading("m", NOON + timedelta(seconds=second), power_w=power), Capabilities())
    kept = values(frame)
    # A watt-hour each second: 1 + 0.5 imported, 0.5 + 1 exported, a quarter of each while the sign changed.
    assert kept["energy_imported_estimated_wh"] == pytest.approx(1.75)
    assert kept["energy_exported_estimated_wh"] == pytest.approx(1.75)
    counted = FrameMaker()
    for second in range(3):
        frame = counted.frame(Reading("m", NOON + timedelta(seconds=second), power_w=100.0), COUNTS)
    assert set(values(frame)) == {"power_w", "state"}


def test_over_a_silence_nothing_is_integrated():
    maker = FrameMaker()
    maker.frame(Reading("m", NOON, power_w=1000.0), Capabilities())
    frame = maker.frame(Reading("m", NOON + timedelta(hours=1), power_w=1000.0), Capabilities())
    assert set(values(frame)) == {"power_w", "state"}


@given(st.text("iq", max_size=8), st.binary(max_size=80))
def test_any_bytes_are_a_frame_or_a_value_error(widths, data):
    try:
        quantities = unpack(widths, data)
    except ValueError:
        return
    assert len(quantities) == len(widths)
    assert Layout((), widths).pack(quantities) == data
