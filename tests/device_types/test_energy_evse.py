"""A charging point as a controller sees it: watts, states, faults, tests, and when it is lost."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from node_lab.charging_point import Charger

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.device_energy_management import DeviceEnergyManagement, ESAStateEnum, ESATypeEnum
from clusters.definitions.electrical_power_measurement import ElectricalPowerMeasurement
from clusters.definitions.energy_evse import (
    EnableChargingRequest,
    FaultStateEnum,
    StateEnum,
    SupplyStateEnum,
)
from clusters.definitions.energy_evse_mode import ChangeToModeRequest
from clusters.definitions.power_source import PowerSourceStatusEnum, WiredFaultEnum
from clusters.descriptor import DescriptorServer
from clusters.energy_adjusters import ForecastAdjusters
from clusters.measurement_accuracy import Accuracy
from clusters.power_forecast import ForecastSlot, PowerForecast
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.electrical_sensor import ElectricalReading
from device_types.energy_evse import PHASE_PARTS, EvseRating, EvseStatus, energy_evse
from device_types.faults import evse_fault
from matter_node.model import DeviceType, Endpoint
from matter_node.status import Status, StatusError

POWER = MeasurementTypeEnum.ACTIVE_POWER
RMS_CURRENT = MeasurementTypeEnum.RMS_CURRENT
FREQUENCY = MeasurementTypeEnum.FREQUENCY
AWAY, IDLE, WANTS, CHARGING = list(StateEnum)[:4]
WALLBOX = BridgedDevice("0123456789abcdef", "Wallbox", "go-e", "Gemini", "200001", "59.4")


class Adjuster:
    async def adjust_power(self, power_w, duration_s, *, grid):
        pass

    def release_power(self):
        pass


@pytest.fixture
def charger():
    return Charger()


@pytest.fixture
def triggers():
    return EventTriggers()


@pytest.fixture
def place(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    bridge = aggregator(root, blink=lambda _: None)
    tree.add(bridge)
    numbers, parts = itertools.count(2), {}
    return Place(bridge, lambda part: parts.setdefault(part, next(numbers)))


@pytest.fixture
def evse(tree, place, charger, triggers):
    face = energy_evse(
        WALLBOX,
        EvseRating(16, phases=3),
        place,
        charger,
        Delegates(adjuster=Adjuster()),
        local=lambda _: 3600.0,
        temperature=True,
    )
    face.join(tree, triggers)
    return face


def charging(**status):
    known = {"allowed": True, "session_energy_wh": 1500.5, "offered_a": 16, "maximum_a": 16, "phases": 3}
    return EvseStatus(CHARGING, **{**known, **status})


FULL = ElectricalReading(11_040, 230, 48, 50, 333_661)
NOTHING = ElectricalReading(0, 230, 0, 50, 333_661)


class TestEvse:
    def test_a_charging_car_reads_positive(self, evse):
        evse.update(FULL, charging(), temperature_c=31.5)
        power = evse.sensor.power
        assert (power.active_power, power.voltage, power.active_current) == (11_040_000, 230_000, 48_000)
        assert evse.sensor.energy.cumulative_energy_imported.energy == 333_661_000
        assert evse.evse.state is CHARGING
        assert evse.evse.supply_state is SupplyStateEnum.CHARGING_ENABLED
        assert evse.evse.maximum_charge_current == 16_000
        assert evse.temperature.measured_value == 3_150
        assert evse.source.status is PowerSourceStatusEnum.ACTIVE
        assert (evse.source.wired_maximum_current, evse.source.wired_nominal_voltage) == (16_000, 230_000)
        assert evse.reachable

    def test_every_mandatory_attribute_has_a_value_that_its_type_allows(self, evse, context):
        for _ in range(2):
            for endpoint in evse.endpoints:
                for cluster in endpoint.clusters.values():
                    for attribute in cluster.shape.attributes.values():
                        attribute.datatype.check(cluster.read(attribute, context))
            evse.update(FULL, charging(), phases=[FULL] * 3, temperature_c=20)
        present = {attribute.name for attribute in evse.evse.shape.attributes.values()}
        assert present >= {
            "state",
            "supply_state",
            "fault_state",
            "charging_enabled_until",
            "circuit_capacity",
            "minimum_charge_current",
            "maximum_charge_current",
            "user_maximum_charge_current",
            "randomization_delay_window",
            "next_charge_start_time",
            "next_charge_target_time",
            "next_charge_required_energy",
            "next_charge_target_soc",
            "approximate_ev_efficiency",
            "session_id",
            "session_duration",
            "session_energy_charged",
        }
        assert not present & {"state_of_charge", "vehicle_id", "session_energy_discharged"}
        assert sorted(evse.evse.shape.commands) == [1, 2, 4, 5, 6, 7]
        assert sorted(evse.evse.shape.events) == [0, 1, 2, 3, 4]

    def test_each_phase_has_a_part_of_its_own(self, tree, evse, turned_clock):
        assert len(evse.endpoints) == 4
        phases = [ElectricalReading(3_600, 225, 16), ElectricalReading(3_700, 231, 16)]
        evse.update(FULL, charging(), phases=phases)
        assert [sensor.power.active_power for sensor in evse.phases] == [3_600_000, 3_700_000, None]
        turned_clock.advance(60)
        evse.update(FULL, charging(), phases=phases)
        assert evse.phases[0].energy.cumulative_energy_imported.energy == 60_000
        assert evse.phases[0].energy.accuracy.measured is False
        assert len(PHASE_PARTS) == len(evse.phases)

    def test_it_shows_what_it_measures_and_how_well(self, tree, place, charger):
        known = {
            kind: Accuracy(5, 300)
            for kind in (POWER, RMS_CURRENT, FREQUENCY, MeasurementTypeEnum.ELECTRICAL_ENERGY)
        }
        face = energy_evse(WALLBOX, EvseRating(16, phases=3, accuracies=known), place, charger)
        face.join(tree)
        shown = [
            {one.measurement_type for one in sensor.power.accuracy} for sensor in (face.sensor, *face.phases)
        ]
        of_each = {POWER, RMS_CURRENT, MeasurementTypeEnum.VOLTAGE, MeasurementTypeEnum.ACTIVE_CURRENT}
        assert shown == [of_each | {FREQUENCY}, of_each, of_each, of_each]
        polyphase = ElectricalPowerMeasurement.Feature.POLY
        assert [bool(sensor.power.features & polyphase) for sensor in (face.sensor, *face.phases)] == [
            True,
            False,
            False,
            False,
        ]

    @pytest.mark.parametrize(
        ("phases", "current"),
        [([16, 15.5, 3], 16_000), ([None, 9, None], 9_000), ([], 16_000)],
    )
    def test_its_source_carries_what_the_phase_that_carries_most_does(
        self, tree, place, charger, phases, current
    ):
        known = {POWER: Accuracy(5), RMS_CURRENT: Accuracy(5)}
        face = energy_evse(WALLBOX, EvseRating(16, phases=3, accuracies=known), place, charger)
        face.join(tree)
        face.update(FULL, charging(), phases=[ElectricalReading(3_000, 230, amperes) for amperes in phases])
        assert face.source.wired_assessed_current == current
        face.lost()
        assert face.source.wired_assessed_current is None

    def test_a_fault_is_no_state_of_the_car(self, evse):
        evse.update(FULL, charging())
        evse.update(NOTHING, EvseStatus(StateEnum.FAULT), faults=["GROUND_FAULT"], failed=True)
        assert evse.evse.state is StateEnum.FAULT
        evse.update(FULL, charging())
        assert (evse.evse.state, evse.evse.session_id) == (CHARGING, 0)

    def test_its_plan_shows_and_whoever_may_moves_and_pauses_it(self, tree, place, charger, turned_clock):
        device = Adjuster()
        forecast = ForecastAdjusters(start=device, pause=device)
        face = energy_evse(WALLBOX, EvseRating(16), place, charger, Delegates(device, forecast=forecast))
        face.join(tree)
        cluster = face.management.cluster
        feature = DeviceEnergyManagement.Feature
        assert cluster.features == feature.PA | feature.PFR | feature.STA | feature.PAU
        face.plan(PowerForecast(int(turned_clock.utc()) + 3600, (ForecastSlot(3600, 3_680),)))
        assert cluster.forecast is None
        face.update(NOTHING, EvseStatus(WANTS))
        assert [slot.nominal_power for slot in cluster.forecast.slots] == [3_680_000]
        face.lost()
        assert cluster.forecast is None

    def test_one_with_one_phase_is_one_endpoint(self, tree, place, charger):
        face = energy_evse(WALLBOX, EvseRating(32), place, charger)
        face.join(tree)
        face.update(NOTHING, EvseStatus(AWAY))
        assert len(face.endpoints) == 1
        assert face.temperature is None
        assert face.rating.power_w == 7_360

    def test_before_its_first_reading_it_is_there_and_unreachable(self, evse):
        assert not evse.reachable
        assert (evse.evse.state, evse.evse.supply_state) == (None, SupplyStateEnum.DISABLED)
        assert evse.management.cluster.esa_state is ESAStateEnum.OFFLINE

    def test_a_lost_one_knows_its_energy_and_what_was_enabled(self, evse):
        evse.update(FULL, charging(), phases=[FULL] * 3, temperature_c=20)
        evse.lost()
        assert not evse.reachable
        assert evse.evse.state is None
        assert evse.evse.supply_state is SupplyStateEnum.CHARGING_ENABLED
        assert [sensor.power.active_power for sensor in (evse.sensor, *evse.phases)] == [None] * 4
        assert evse.sensor.energy.cumulative_energy_imported.energy == 333_661_000
        assert evse.source.status is PowerSourceStatusEnum.UNAVAILABLE
        assert evse.temperature.measured_value is None
        assert evse.management.cluster.esa_state is ESAStateEnum.OFFLINE

    def test_a_fault_is_told_in_the_words_of_all_its_clusters(self, evse):
        evse.update(FULL, charging())
        evse.update(NOTHING, EvseStatus(), faults=["OVER_VOLT"], failed=True)
        assert evse.evse.state is StateEnum.FAULT
        assert evse.evse.fault_state is FaultStateEnum.OVER_VOLTAGE
        assert evse.source.active_wired_faults == (WiredFaultEnum.OVER_VOLTAGE,)
        assert evse.management.cluster.esa_state is ESAStateEnum.FAULT

    def test_a_warning_stops_nothing(self, evse):
        evse.update(FULL, charging(), faults=["OVER_TEMP"])
        assert (evse.evse.state, evse.evse.fault_state) == (CHARGING, FaultStateEnum.NO_ERROR)

    async def test_commands_reach_the_charger(self, evse, charger, context):
        evse.update(NOTHING, EvseStatus(WANTS, allowed=False, maximum_a=20))
        request = EnableChargingRequest(
            charging_enabled_until=None, minimum_charge_current=6_000, maximum_charge_current=10_000
        )
        await evse.evse.handle_enable_charging(context, request)
        assert charger.calls == [("enable", 10.0, None)]

    def test_the_mode_reaches_the_charger_and_the_schedule(self, evse, charger, context):
        assert charger.modes == [(False, False)]
        evse.mode.handle_change_to_mode(context, ChangeToModeRequest(new_mode=1))
        evse.mode.handle_change_to_mode(context, ChangeToModeRequest(new_mode=2))
        assert charger.modes[1:] == [(True, False), (False, True)]
        assert evse.evse._scheduled is False


class TestManagement:
    """A car that charges can be adjusted between the least and the most that it can be offered."""

    def ranges(self, evse):
        shown = evse.management.cluster.power_adjustment_capability
        return None if shown is None else [(r.min_power, r.max_power) for r in shown.power_adjust_capability]

    def test_it_is_an_evse_that_cannot_generate(self, evse):
        cluster = evse.management.cluster
        assert (cluster.esa_type, cluster.esa_can_generate) == (ESATypeEnum.EVSE, False)
        assert (cluster.abs_min_power, cluster.abs_max_power) == (0, 11_040_000)

    def test_only_a_car_that_charges_can_be_adjusted(self, evse):
        evse.update(NOTHING, EvseStatus(WANTS, allowed=True))
        assert self.ranges(evse) is None
        evse.update(FULL, charging(minimum_a=6))
        assert self.ranges(evse) == [(4_140_000, 11_040_000)]
        evse.update(ElectricalReading(2_300, 230, 10), charging(phases=1))
        assert self.ranges(evse) == [(1_380_000, 3_680_000)]
        evse.update(NOTHING, charging())
        assert self.ranges(evse) is None

    def test_without_an_adjuster_nothing_is_offered(self, tree, place, charger):
        face = energy_evse(WALLBOX, EvseRating(16), place, charger)
        face.join(tree)
        face.update(FULL, charging())
        assert self.ranges(face) is None
        assert face.management.cluster.esa_state is ESAStateEnum.ONLINE


class TestTriggers:
    """The codes of the certification scripts, in the order in which they send them."""

    @pytest.fixture
    def trigger(self, evse, triggers):
        return lambda code: triggers(0x0099 << 48 | evse.endpoint.number << 32 | code)

    async def enable(self, evse, context, until=None):
        request = EnableChargingRequest(
            charging_enabled_until=until, minimum_charge_current=6_000, maximum_charge_current=60_000
        )
        await evse.evse.handle_enable_charging(context, request)

    async def test_a_car_comes_and_goes(self, evse, charger, trigger, context):
        evse.update(FULL, charging())
        cluster = evse.evse
        trigger(0x00)
        assert (cluster.state, cluster.supply_state) == (AWAY, SupplyStateEnum.DISABLED)
        assert cluster.fault_state is FaultStateEnum.NO_ERROR
        trigger(0x02)
        assert cluster.state is IDLE
        await self.enable(evse, context)
        trigger(0x04)
        assert cluster.state is CHARGING
        assert cluster.maximum_charge_current == cluster.circuit_capacity == 32_000
        trigger(0x05)
        assert cluster.state is IDLE
        trigger(0x03)
        assert (cluster.state, cluster.supply_state) == (AWAY, SupplyStateEnum.CHARGING_ENABLED)
        trigger(0x01)
        assert (cluster.state, cluster.circuit_capacity) == (CHARGING, 16_000)
        assert charger.calls == []

    async def test_faults_come_and_are_cleared(self, evse, trigger, context):
        trigger(0x00)
        trigger(0x02)
        await self.enable(evse, context)
        trigger(0x04)
        trigger(0x10)
        assert evse.evse.fault_state is FaultStateEnum.GROUND_FAULT
        trigger(0x11)
        assert evse.evse.fault_state is FaultStateEnum.OVER_TEMPERATURE
        trigger(0x12)
        assert (evse.evse.state, evse.evse.supply_state) == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)

    async def test_a_diagnosis_is_completed(self, evse, trigger, context):
        trigger(0x00)
        evse.evse.handle_start_diagnostics(context)
        evse.update(FULL, charging())
        assert evse.evse.supply_state is SupplyStateEnum.DISABLED_DIAGNOSTICS
        trigger(0x20)
        assert evse.evse.supply_state is SupplyStateEnum.DISABLED

    def test_targets_are_followed_while_a_test_says_so(self, evse, trigger):
        trigger(0x00)
        trigger(0x06)
        assert evse.evse._test_scheduled is True
        trigger(0x01)
        trigger(0x21)
        assert evse.evse._test_scheduled is False

    @pytest.mark.parametrize("code", [0x07, 0x13, 0x30, 0x31, 0x32, 0x40, 0x50, 0xFFFF_FFFF])
    def test_tests_of_features_that_it_does_not_have_are_refused(self, trigger, code):
        with pytest.raises(StatusError) as caught:
            trigger(code)
        assert caught.value.status is Status.INVALID_COMMAND

    def test_the_measurements_have_their_tests_too(self, evse, triggers, turned_clock):
        for endpoint in evse.endpoints:
            triggers(0x0091 << 48 | endpoint.number << 32 | 1)
        assert [sensor.power.active_power > 900_000 for sensor in evse.phases] == [True] * 3
        for endpoint in evse.endpoints:
            triggers(0x0091 << 48 | endpoint.number << 32)


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        (["RESIDUAL_CURRENT_DC"], FaultStateEnum.GROUND_FAULT),
        (["OVER_TEMP", "GROUND_FAULT"], FaultStateEnum.GROUND_FAULT),
        (["CONTACTOR_STUCK"], FaultStateEnum.CONTACT_WET_FAILURE),
        (["CONTACTOR_OPEN"], FaultStateEnum.CONTACT_DRY_FAILURE),
        (["PILOT_DIODE"], FaultStateEnum.PILOT_SHORT_CIRCUIT),
        (["OVER_CURRENT"], FaultStateEnum.OVER_CURRENT),
        (["PHASE"], FaultStateEnum.POWER_LOSS),
        (["LOCK_STUCK"], FaultStateEnum.OTHER),
        ([], FaultStateEnum.OTHER),
    ],
)
def test_faults_in_the_words_of_a_charging_point(codes, fault):
    assert evse_fault(codes, failed=True) is fault
    assert evse_fault(codes, failed=False) is FaultStateEnum.NO_ERROR


NUMBER = st.none() | st.floats()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reading=st.builds(ElectricalReading, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER),
    status=st.builds(
        EvseStatus,
        st.sampled_from([None, AWAY, IDLE, WANTS, CHARGING]),
        st.sampled_from([None, True, False]),
        NUMBER,
        NUMBER,
        NUMBER,
        NUMBER,
        st.none() | st.integers(1, 3),
    ),
    temperature_c=NUMBER,
    failed=st.booleans(),
)
def test_no_reading_breaks_it(evse, context, reading, status, temperature_c, failed):
    evse.update(reading, status, phases=[reading] * 3, temperature_c=temperature_c, failed=failed)
    for endpoint in evse.endpoints:
        for cluster in endpoint.clusters.values():
            for attribute in cluster.shape.attributes.values():
                attribute.datatype.check(cluster.read(attribute, context))
