"""From what drivers say to what faces show: units, absence, and how good it is."""

from datetime import UTC, datetime

import pytest

from bridge import measured
from bridge.record import ModuleRecord
from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.power_source import BatChargeStateEnum
from device_types.electrical_sensor import USUAL as USUAL_OF_FACES
from hw.accuracy import Accuracy, Quantity
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.reading import BatteryReading, ChargeState, DcString, Fault, Phase, Reading

KIND = MeasurementTypeEnum
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
INVERTER = {
    Quantity.POWER: Accuracy(0, 20),
    Quantity.VOLTAGE: Accuracy(0, 2.3),
    Quantity.CURRENT: Accuracy(5, 0.01),
    Quantity.POWER_FACTOR: Accuracy(0, 0.2),
    Quantity.ENERGY: Accuracy(5, 1),
    Quantity.DC_POWER: Accuracy(0, 20),
    Quantity.DC_VOLTAGE: Accuracy(2, 0.1),
}


def record(kind=ModuleKind.MICROINVERTER, *, measures=None, plate=None, **capabilities):
    known = capabilities if measures is None else {**capabilities, "measures": measures}
    return ModuleRecord(
        Identity("ACME", "One", "42"),
        kind,
        "sunspec",
        "10.0.0.1",
        "Roof",
        nameplate=plate or Nameplate(400, dc_strings=1),
        capabilities=Capabilities(**known),
    )


def reading(**values):
    return Reading(module="acme-42", time=NOON, **values)


class TestRating:
    def test_a_face_has_what_the_driver_measures_in_matters_units(self):
        rating = measured.rating(record(measures=INVERTER, exported_energy=True))
        assert rating.accuracies.keys() == {
            KIND.ACTIVE_POWER,
            KIND.VOLTAGE,
            KIND.RMS_VOLTAGE,
            KIND.RMS_CURRENT,
            KIND.ACTIVE_CURRENT,
            KIND.POWER_FACTOR,
            KIND.ELECTRICAL_ENERGY,
        }
        assert rating.accuracies[KIND.ACTIVE_POWER].fixed == 20_000
        assert rating.accuracies[KIND.RMS_VOLTAGE].fixed == 2_300
        assert rating.accuracies[KIND.POWER_FACTOR].fixed == 2_000
        assert rating.voltage_v is None

    def test_the_active_current_is_worked_out_of_power_and_voltage(self):
        accuracy = measured.rating(record(measures=INVERTER)).accuracies[KIND.ACTIVE_CURRENT]
        assert not accuracy.measured
        assert (accuracy.percent, accuracy.fixed) == pytest.approx((2.3, 200))

    def test_of_a_module_whose_driver_says_nothing_the_usual_is_taken_for_true(self):
        assert measured.rating(record()).accuracies == USUAL_OF_FACES
        assert measured.panel_rating(record()).accuracies == USUAL_OF_FACES
        assert measured.battery_rating(record(ModuleKind.BATTERY)).dc_accuracies == USUAL_OF_FACES

    def test_panels_are_there_if_something_is_measured_of_them(self):
        rating = measured.panel_rating(record(measures=INVERTER, dc_energy_modulus_wh=2.0**32))
        assert rating.accuracies.keys() == {KIND.ACTIVE_POWER, KIND.VOLTAGE}
        assert (rating.imported, rating.exported) == (False, False)
        assert rating.energy_modulus_wh == 2**32
        counted = measured.panel_rating(record(measures=INVERTER | {Quantity.DC_ENERGY: Accuracy(5)}))
        assert counted.exported
        assert measured.panel_rating(record(measures=INVERTER, plate=Nameplate(400))) is None
        both = {Quantity.DC_VOLTAGE: Accuracy(2), Quantity.DC_CURRENT: Accuracy(5, 0.01)}
        worked_out = measured.panel_rating(record(measures=both)).accuracies[KIND.ACTIVE_POWER]
        assert (worked_out.percent, worked_out.fixed, worked_out.measured) == (7, 10_000, False)
        assert measured.panel_rating(record(measures={Quantity.POWER: Accuracy(5)})) is None
        assert measured.panel_rating(record(ModuleKind.METER, measures=INVERTER)) is None

    def test_a_battery_is_rated_as_its_plate_says(self):
        plate = Nameplate(3000, 2500, 2800, 10_240, 230, 13, phases=3, capacity_ah=200)
        rating = measured.battery_rating(
            record(ModuleKind.BATTERY, measures={Quantity.POWER: Accuracy(5)}, plate=plate)
        )
        assert (rating.charge_w, rating.discharge_w, rating.capacity_mah) == (2500, 2800, 200_000)
        assert (rating.alternating.current_a, rating.alternating.phases) == (13, 3)
        assert not rating.metered
        assert rating.dc_accuracies == {}, "there is nothing to show of a side that nobody measures"
        assert measured.battery_rating(record(ModuleKind.BATTERY, plate=Nameplate())).capacity_mah == 0


class TestReading:
    def test_an_active_current_carries_the_power_and_no_more(self):
        shown = measured.electrical(reading(power_w=-460.0, voltage_v=230.0, current_a=2.5, power_factor=0.8))
        assert (shown.active_current_a, shown.current_a) == (-2, 2.5)

    def test_of_several_phases_it_is_the_sum_whatever_the_directions(self):
        phases = (Phase("A", 2310, 231, 10.0), Phase("B", -2250, 225, 10.0), Phase("C", 0, 230, 0.1))
        shown = measured.electrical(reading(power_w=60.0, voltage_v=228.7, current_a=20.1, phases=phases))
        assert shown.active_current_a == pytest.approx(0)

    def test_a_sum_too_large_for_a_number_is_no_error(self):
        phases = (Phase("A", 1.7e308, 1.0), Phase("B", 1.7e308, 1.0))
        assert measured.electrical(reading(phases=phases)).active_current_a == float("inf")

    @pytest.mark.parametrize(
        ("power", "voltage", "phases"),
        [(None, 230.0, ()), (100.0, None, ()), (100.0, 0.0, ()), (None, 230.0, (Phase("A"), Phase("B")))],
    )
    def test_without_power_or_voltage_it_is_not_known(self, power, voltage, phases):
        shown = measured.electrical(reading(power_w=power, voltage_v=voltage, current_a=1.0, phases=phases))
        assert shown.active_current_a is None

    def test_phases_that_tell_no_power_leave_it_to_the_sum(self):
        phases = (Phase("A", None, 230, 1.0), Phase("B", None, 230, 1.0))
        shown = measured.electrical(reading(power_w=460.0, voltage_v=230.0, phases=phases))
        assert shown.active_current_a == 2

    def test_panels_are_told_together(self):
        strings = (DcString("1", 100.0, 34.0, 3.0, 5.0), DcString("2", None, 36.0, 2.0, 7.0))
        shown = measured.panel(reading(power_w=-160.0, strings=strings), 2)
        assert (shown.power_w, shown.voltage_v, shown.current_a) == (-172, 35, 5)
        assert shown.energy_exported_wh == 12
        assert measured.panel(reading(power_w=-160.0), 2) is None
        assert measured.panel(reading(power_w=-160.0, strings=strings[:1]), 2) is None

    def test_of_a_sum_with_an_unknown_part_nobody_knows_anything(self):
        strings = (DcString("1", 100.0, 34.0, 3.0, 5.0), DcString("2", None, 36.0))
        shown = measured.panel(reading(power_w=-160.0, strings=strings), 2)
        assert (shown.power_w, shown.current_a, shown.energy_exported_wh) == (None, None, None)

    def test_a_battery_tells_its_own_faults_and_state(self):
        faults = (Fault("OVER_TEMP_ALARM", "802.Evt1", battery=True), Fault("AC_OVER_VOLT", "701.Alrm"))
        state = BatteryReading(
            soc_percent=50, soh_percent=90, charge_state=ChargeState.EMPTY, reserve_percent=10
        )
        shown = measured.battery(reading(power_w=0.0, dc_power_w=3.0, battery=state, faults=faults))
        assert shown.faults == {"OVER_TEMP_ALARM"}
        assert (shown.power_w, shown.health_percent, shown.reserve_percent) == (3, 90, 10)
        assert (shown.charge_state, shown.ready) == (BatChargeStateEnum.IS_NOT_CHARGING, False)
        assert measured.battery(reading(battery=BatteryReading())).charge_state is None
        assert measured.battery(reading()).ready
