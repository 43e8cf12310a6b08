"""The three values that travel: who a module is, what it reads, what it is told."""

import dataclasses
from datetime import UTC, datetime

import pytest

from hw import Identity, ModuleKind, Reading, Setpoint, SetpointKind


def test_a_key_is_made_of_vendor_and_serial_and_outlives_firmware_and_marketing():
    bought = Identity("SMA", "SB3.6-1AV-41", "3005067415", "4.01.15.R")
    updated = Identity("SMA", "Sunny Boy 3.6", "3005067415", "5.00.01.R")
    assert bought.key == updated.key == "sma-3005067415"


def test_parts_of_one_device_have_keys_of_their_own():
    inverter = Identity("Fronius", "Symo GEN24", "34119102")
    battery = Identity("Fronius", "Symo GEN24", "34119102", part="battery")
    assert (inverter.key, battery.key) == ("fronius-34119102", "fronius-34119102-battery")


@pytest.mark.parametrize("serial", ["", "   ", "---"])
def test_without_a_serial_number_there_is_no_identity(serial):
    with pytest.raises(ValueError, match="serial"):
        Identity("Acme", "One", serial)


def test_a_reading_cannot_be_changed_and_knows_only_what_was_measured():
    reading = Reading("sma-1", datetime.now(UTC), power_w=-970)
    assert reading.voltage_v is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.power_w = 0


def test_setpoints_say_what_they_mean():
    assert Setpoint(SetpointKind.POWER_LIMIT_PERCENT, 60).expires_in == 60.0
    assert Setpoint(SetpointKind.HOLD, expires_in=None).value is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SetpointKind.POWER_LIMIT_PERCENT, 101),
        (SetpointKind.POWER_LIMIT_PERCENT, None),
        (SetpointKind.POWER_LIMIT_W, float("nan")),
        (SetpointKind.POWER_LIMIT_W, -5),
        (SetpointKind.CHARGE_W, float("inf")),
        (SetpointKind.CONNECT, 2),
        (SetpointKind.RESERVE_PERCENT, 100.5),
        (SetpointKind.HOLD, 1),
        (SetpointKind.AUTO, 0),
    ],
)
def test_a_setpoint_that_cannot_be_meant_is_refused(kind, value):
    with pytest.raises(ValueError, match=kind.value):
        Setpoint(kind, value)


@pytest.mark.parametrize("seconds", [0, -1, 65536])
def test_an_expiry_fits_the_timers_of_devices(seconds):
    with pytest.raises(ValueError, match="expires_in"):
        Setpoint(SetpointKind.HOLD, expires_in=seconds)


def test_there_is_a_kind_for_loads_to_come():
    assert {kind.value for kind in ModuleKind} >= {"microinverter", "battery", "meter", "load", "evse"}
