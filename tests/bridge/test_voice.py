"""Which voice faces modules have, and what people call them."""

from dataclasses import replace

import pytest

from bridge.record import ModuleRecord
from bridge.settings import FacesSettings
from bridge.voice import VoiceFace, possible, usual_label, wanted
from hw.module import Capabilities, Identity, ModuleKind
from hw.setpoint import SetpointKind as Kind

BATTERY = ModuleRecord(
    Identity("ACME", "Store", "1001"),
    ModuleKind.BATTERY,
    "sunspec",
    "10.0.0.1",
    "Cellar",
    capabilities=Capabilities(frozenset({Kind.CHARGE_LIMIT_W, Kind.RESERVE_PERCENT, Kind.AUTO})),
)


def of(kind, *told):
    return replace(BATTERY, kind=kind, capabilities=Capabilities(frozenset(told)))


@pytest.mark.parametrize(
    ("record", "faces"),
    [
        (BATTERY, {VoiceFace.CHARGING, VoiceFace.RESERVE, VoiceFace.FULL}),
        (of(ModuleKind.BATTERY), {VoiceFace.FULL}),
        (of(ModuleKind.BATTERY, Kind.HOLD), {VoiceFace.FULL, VoiceFace.CHARGING}),
        (of(ModuleKind.METER), {VoiceFace.OUTAGE}),
        (of(ModuleKind.LOAD, Kind.CONNECT), {VoiceFace.SWITCH}),
        (of(ModuleKind.LOAD), set()),
        (of(ModuleKind.EVSE, Kind.CONNECT), {VoiceFace.CHARGING}),
        (of(ModuleKind.MICROINVERTER, Kind.CONNECT), {VoiceFace.PRODUCTION}),
        (of(ModuleKind.MICROINVERTER), set()),
    ],
)
def test_a_module_can_have_what_it_can_be_told(record, faces):
    assert possible(record) == faces


def test_charging_is_on_by_itself_and_the_rest_by_choice():
    assert wanted(BATTERY, FacesSettings()) == (VoiceFace.CHARGING,)
    assert wanted(BATTERY, FacesSettings(charging=False, full=True)) == (VoiceFace.FULL,)
    chosen = replace(BATTERY, faces={"charging": False, "reserve": True, "outage": True})
    assert wanted(chosen, FacesSettings()) == (VoiceFace.RESERVE,), "a battery has no grid"


def test_people_say_battery_while_there_is_only_one():
    assert usual_label(VoiceFace.CHARGING, BATTERY, {"Roof"}) == "Battery charging"
    assert usual_label(VoiceFace.CHARGING, BATTERY, {"Battery charging"}) == "Cellar charging"


def test_a_label_fits_whatever_the_module_is_called():
    long = replace(BATTERY, name="The Battery Behind the Washing M")
    label = usual_label(VoiceFace.RESERVE, long, {"Battery reserve"})
    assert label.endswith(" reserve")
    assert len(label.encode()) <= 32
