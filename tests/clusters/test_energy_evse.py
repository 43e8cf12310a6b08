"""A charging point: what commands and cars do to it, what it tells, and what it keeps."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from node_lab.charging_point import AWAY, CHARGING, IDLE, NUMBER, WANTS, Charger, Point, target

from clusters.definitions.energy_evse import (
    EnergyEvse,
    EnergyTransferStoppedReasonEnum,
    FaultStateEnum,
    StateEnum,
    SupplyStateEnum,
)
from clusters.evse_state import Condition
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.model import NodeTree, Urgency
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage


@pytest.fixture
def charger():
    return Charger()


@pytest.fixture
def point(tree, charger, context):
    return Point(tree, charger, context)


async def settled():
    for _ in range(3):
        await asyncio.sleep(0)


class TestSessions:
    def test_before_the_equipment_speaks_nothing_is_known(self, point):
        assert point.shown == (None, SupplyStateEnum.DISABLED)
        assert point.cluster.session_id is None
        assert point.cluster.circuit_capacity == 16_000
        assert point.cluster.user_maximum_charge_current == 16_000
        assert point.events() == []

    def test_a_car_comes_charges_stops_and_goes(self, point, turned_clock):
        point.say(AWAY, allowed=True, energy=0)
        point.say(IDLE, allowed=True, energy=0)
        point.say(CHARGING, allowed=True, energy=1_000, offered=16_000)
        assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
        turned_clock.advance(3600)
        point.say(CHARGING, allowed=True, energy=7_000_000, offered=16_000)
        assert (point.cluster.session_duration, point.cluster.session_energy_charged) == (3600, 7_000_000)
        point.say(IDLE, allowed=True, energy=7_000_500)
        point.say(AWAY, allowed=True, energy=7_000_500)
        assert point.events() == [
            "ev_connected",
            "energy_transfer_started",
            "energy_transfer_stopped",
            "ev_not_detected",
        ]
        started = point.last(EnergyEvse.energy_transfer_started)
        assert (started.session_id, started.state, started.maximum_current) == (0, CHARGING, 16_000)
        stopped = point.last(EnergyEvse.energy_transfer_stopped)
        assert (stopped.state, stopped.energy_transferred) == (CHARGING, 6_999_500)
        assert stopped.reason is EnergyTransferStoppedReasonEnum.EV_STOPPED
        gone = point.last(EnergyEvse.ev_not_detected)
        assert (gone.session_id, gone.state) == (0, IDLE)
        assert (gone.session_duration, gone.session_energy_charged) == (3600, 7_000_500)

    def test_what_a_session_came_to_stays_until_the_next(self, point, turned_clock):
        point.say(IDLE, energy=0)
        turned_clock.advance(100)
        point.say(AWAY, energy=5_000)
        turned_clock.advance(1000)
        point.say(AWAY, energy=5_000)
        cluster = point.cluster
        shown = (cluster.session_id, cluster.session_duration, cluster.session_energy_charged)
        assert shown == (0, 100, 5_000)
        point.say(IDLE, energy=5_000)  # the counter goes back a moment later
        point.say(IDLE, energy=0)
        assert (cluster.session_id, cluster.session_duration, cluster.session_energy_charged) == (1, 0, 0)

    def test_a_car_that_is_pulled_out_while_it_charges_stopped_for_another_reason(self, point):
        point.say(CHARGING, allowed=True)
        point.say(AWAY, allowed=True)
        stopped = point.last(EnergyEvse.energy_transfer_stopped)
        assert stopped.reason is EnergyTransferStoppedReasonEnum.OTHER
        assert point.last(EnergyEvse.ev_not_detected).state is CHARGING

    def test_a_counter_that_starts_anew_within_a_session_is_followed(self, point):
        point.say(CHARGING, energy=0)
        point.say(CHARGING, energy=4_000)
        point.say(CHARGING, energy=500)
        assert point.cluster.session_energy_charged == 4_500
        assert point.events().count("ev_connected") == 1

    def test_a_counter_that_runs_wild_ends_where_energy_ends(self, point):
        for energy in (2**62, 0, 2**62, 0, 2**62):
            point.say(CHARGING, energy=energy)
        assert point.cluster.session_energy_charged == 2**62
        point.say(AWAY)
        assert point.last(EnergyEvse.ev_not_detected).session_energy_charged == 2**62

    def test_a_lost_charger_keeps_its_session(self, point, turned_clock):
        point.say(CHARGING, allowed=True, energy=4_000)
        point.cluster.lost()
        assert point.shown == (None, SupplyStateEnum.CHARGING_ENABLED)
        turned_clock.advance(60)
        point.say(CHARGING, allowed=True, energy=5_000)
        assert (point.cluster.session_id, point.cluster.session_energy_charged) == (0, 5_000)
        assert point.events() == ["ev_connected", "energy_transfer_started"]

    def test_another_car_that_came_while_nobody_looked_is_another_session(self, point):
        point.say(CHARGING, allowed=True, energy=4_000)
        point.cluster.lost()
        point.say(CHARGING, allowed=True, energy=100)
        assert (point.cluster.session_id, point.cluster.session_energy_charged) == (1, 100)
        assert point.events() == [
            "ev_connected",
            "energy_transfer_started",
            "energy_transfer_stopped",
            "ev_not_detected",
            "ev_connected",
            "energy_transfer_started",
        ]

    def test_a_session_is_reported_at_its_ends_and_quietly_between(self, point, reports, turned_clock):
        names = ("session_id", "session_duration", "session_energy_charged")
        point.say(CHARGING, energy=0)
        assert [reports.of(name) for name in names] == [[Urgency.NOW]] * 3
        reports.seen.clear()
        for seconds in range(1, 13):
            turned_clock.advance(1)
            point.say(CHARGING, energy=100 * seconds)
        assert reports.of("session_id") == []
        assert set(reports.of("session_duration")) == {Urgency.LAZY}
        assert set(reports.of("session_energy_charged")) == {Urgency.QUIET}
        reports.seen.clear()
        point.say(AWAY, energy=1_200)
        assert [Urgency.NOW in reports.of(name) for name in names] == [False, True, True]
        assert point.cluster.QUIET_SECONDS == 10

    def test_an_idle_charger_reports_nothing(self, point, reports, turned_clock):
        point.say(AWAY, allowed=True, offered=16_000)
        reports.seen.clear()
        for _ in range(5):
            turned_clock.advance(1)
            point.say(AWAY, allowed=True, offered=16_000)
        assert reports.seen == []


class TestCommands:
    async def test_enabling_reaches_the_charger_with_the_least_of_all_limits(self, point, charger):
        point.say(WANTS, allowed=False, limit=13_000)
        await point.enable(high=32_000)
        assert charger.calls == [("enable", 13.0, None)]
        assert point.cluster.supply_state is SupplyStateEnum.CHARGING_ENABLED
        assert point.cluster.charging_enabled_until is None
        assert (point.cluster.minimum_charge_current, point.cluster.maximum_charge_current) == (6_000, 13_000)
        await point.enable(high=10_000)
        assert charger.calls[-1] == ("enable", 10.0, None)

    async def test_disabling_stops_a_transfer(self, point, charger):
        point.say(CHARGING, allowed=True, offered=16_000)
        await point.disable()
        assert charger.calls == [("disable",)]
        assert point.shown == (WANTS, SupplyStateEnum.DISABLED)
        assert point.cluster.charging_enabled_until == 0
        assert (point.cluster.minimum_charge_current, point.cluster.maximum_charge_current) == (0, 0)
        stopped = point.last(EnergyEvse.energy_transfer_stopped)
        assert stopped.reason is EnergyTransferStoppedReasonEnum.EVSE_STOPPED
        point.say(WANTS, allowed=False)
        assert point.events().count("energy_transfer_stopped") == 1

    async def test_what_the_charger_does_not_do_is_not_shown(self, point, charger):
        point.say(CHARGING, allowed=True, offered=16_000)
        charger.stuck = True
        with pytest.raises(StatusError, match="stuck"):
            await point.disable()
        with pytest.raises(StatusError, match="stuck"):
            await point.enable(high=8_000)
        assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
        assert point.cluster.maximum_charge_current == 16_000

    async def test_charging_ends_when_its_time_is_over(self, point, charger, turned_clock):
        point.say(WANTS, allowed=False)
        until = point.in_seconds(7200)
        await point.enable(until)
        assert charger.calls == [("enable", 16.0, until + MATTER_EPOCH_OFFSET)]
        point.say(CHARGING, allowed=True, offered=16_000)
        turned_clock.advance(7199)
        await settled()
        assert point.cluster.charging_enabled_until == until
        turned_clock.advance(1)
        await settled()
        assert charger.calls[-1] == ("disable",)
        assert point.shown == (WANTS, SupplyStateEnum.DISABLED)
        assert point.cluster.charging_enabled_until == 0

    async def test_a_charger_that_does_not_answer_then_is_disabled_when_it_does(
        self, point, charger, turned_clock
    ):
        await point.enable(point.in_seconds(60))
        charger.stuck = True
        turned_clock.advance(61)
        await settled()
        assert point.cluster.charging_enabled_until > 0
        charger.stuck = False
        turned_clock.advance(30)
        await settled()
        assert charger.calls[-1] == ("disable",)
        assert point.cluster.charging_enabled_until == 0

    async def test_a_time_that_was_prolonged_does_not_end_it(self, point, charger, turned_clock):
        await point.enable(point.in_seconds(60))
        await point.enable(None)
        turned_clock.advance(120)
        await settled()
        assert ("disable",) not in charger.calls

    async def test_a_time_that_is_past_disables(self, point, charger):
        point.say(CHARGING, allowed=True)
        await point.enable(point.in_seconds(-1))
        assert charger.calls == [("disable",)]
        assert point.cluster.supply_state is SupplyStateEnum.DISABLED

    async def test_while_the_time_of_day_is_unknown_charging_goes_on(self, point, charger, turned_clock):
        until = point.in_seconds(60)
        epoch, turned_clock.epoch = turned_clock.epoch, None
        await point.enable(until)
        turned_clock.advance(300)
        await settled()
        assert ("disable",) not in charger.calls
        turned_clock.epoch = epoch
        turned_clock.advance(30)
        await settled()
        assert charger.calls[-1] == ("disable",)

    @pytest.mark.parametrize(
        ("low", "high"), [(6_001, 6_000), (0, 5_999), (0, 0)], ids=["crossed", "too little", "nothing"]
    )
    async def test_currents_that_cannot_be_are_refused(self, point, charger, low, high):
        with pytest.raises(StatusError) as caught:
            await point.enable(low=low, high=high)
        assert caught.value.status is Status.CONSTRAINT_ERROR
        assert charger.calls == []

    async def test_a_charger_that_somebody_enabled_at_its_button_is_shown_as_it_is(self, point):
        await point.disable()
        point.say(CHARGING, allowed=True, offered=16_000)
        assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
        assert point.cluster.maximum_charge_current == 16_000

    async def test_a_car_that_is_held_back_for_a_while_is_not_disabled(self, point):
        await point.enable()
        point.say(CHARGING, allowed=True, offered=16_000)
        point.say(WANTS, allowed=None, offered=0)
        assert point.shown == (WANTS, SupplyStateEnum.CHARGING_ENABLED)
        assert point.cluster.maximum_charge_current == 0
        stopped = point.last(EnergyEvse.energy_transfer_stopped)
        assert stopped.reason is EnergyTransferStoppedReasonEnum.EVSE_STOPPED

    async def test_the_users_maximum_reaches_the_charger_and_lasts(self, point, charger):
        point.say(CHARGING, allowed=True)
        point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 8_000)
        await settled()
        assert charger.calls == [("limit", 8.0)]
        assert point.cluster.maximum_charge_current == 8_000
        assert point.restarted().cluster.user_maximum_charge_current == 8_000
        with pytest.raises(StatusError) as caught:
            point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 5_999)
        assert caught.value.status is Status.CONSTRAINT_ERROR
        assert point.cluster.user_maximum_charge_current == 8_000

    async def test_a_users_maximum_that_the_charger_does_not_take_now_is_kept(self, point, charger, caplog):
        charger.stuck = True
        point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 8_000)
        await settled()
        assert "did not do it" in caplog.text
        charger.stuck = False
        await point.enable()
        assert charger.calls == [("enable", 8.0, None)]

    async def test_a_charger_that_was_away_hears_of_the_users_maximum_when_it_is_back(self, point, charger):
        point.say(AWAY, allowed=True)
        point.cluster.lost()
        charger.stuck = True
        point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 8_000)
        await settled()
        charger.stuck = False
        for _ in range(2):
            point.say(AWAY, allowed=True)
            await settled()
        assert charger.calls == [("limit", 8.0)]

    async def test_a_diagnosis_takes_the_next_word_of_the_equipment(self, point):
        point.say(AWAY, allowed=True)
        with pytest.raises(StatusError) as caught:
            point.cluster.handle_start_diagnostics(point.context)
        assert caught.value.status is Status.FAILURE
        await point.disable()
        point.cluster.handle_start_diagnostics(point.context)
        assert point.cluster.supply_state is SupplyStateEnum.DISABLED_DIAGNOSTICS
        with pytest.raises(StatusError) as caught:
            await point.enable()
        assert caught.value.status is Status.FAILURE
        point.say(AWAY, allowed=False)
        assert point.shown == (AWAY, SupplyStateEnum.DISABLED)

    async def test_commands_are_done_one_after_the_other(self, point, charger):
        await asyncio.gather(point.enable(), point.disable(), point.enable())
        assert [call[0] for call in charger.calls] == ["enable", "disable", "enable"]
        assert point.cluster.supply_state is SupplyStateEnum.CHARGING_ENABLED


class TestFaults:
    async def test_a_fault_hides_what_is_so_and_shows_it_again(self, point):
        point.say(CHARGING, allowed=True)
        point.say(None, fault=FaultStateEnum.GROUND_FAULT)
        assert point.shown == (StateEnum.FAULT, SupplyStateEnum.DISABLED_ERROR)
        first = point.last(EnergyEvse.fault)
        assert (first.session_id, first.state) == (0, CHARGING)
        assert first.fault_state_previous_state is FaultStateEnum.NO_ERROR
        assert first.fault_state_current_state is FaultStateEnum.GROUND_FAULT
        point.say(None, fault=FaultStateEnum.OVER_TEMPERATURE)
        assert point.last(EnergyEvse.fault).state is StateEnum.FAULT
        with pytest.raises(StatusError) as caught:
            await point.enable()
        assert caught.value.status is Status.FAILURE
        point.say(CHARGING, allowed=True)
        assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
        assert point.events() == ["ev_connected", "energy_transfer_started", "fault", "fault", "fault"]

    async def test_a_broken_one_can_be_disabled(self, point, charger):
        point.say(CHARGING, allowed=True)
        point.say(None, fault=FaultStateEnum.GROUND_FAULT)
        await point.disable()
        assert charger.calls == [("disable",)]
        point.say(WANTS, allowed=False)
        assert point.shown == (WANTS, SupplyStateEnum.DISABLED)
        assert point.events()[-1] == "energy_transfer_stopped"

    def test_a_fault_before_any_session_belongs_to_none(self, point):
        point.say(None, fault=FaultStateEnum.OTHER)
        assert point.last(EnergyEvse.fault).session_id is None


class TestRestart:
    async def test_what_was_commanded_and_the_session_survive(self, point, charger, turned_clock):
        until = point.in_seconds(5000)
        point.say(CHARGING, allowed=True, energy=10_000)
        await point.enable(until, 7_000, 9_000)
        turned_clock.advance(100)
        point.say(CHARGING, allowed=True, energy=20_000)
        turned_clock.advance(50)
        again = point.restarted()
        cluster = again.cluster
        assert again.shown == (None, SupplyStateEnum.CHARGING_ENABLED)
        assert (cluster.charging_enabled_until, cluster.minimum_charge_current) == (until, 7_000)
        assert cluster.session_id == 0
        assert cluster.session_duration == 150
        again.say(CHARGING, allowed=True, energy=21_000)
        assert (cluster.session_id, cluster.session_energy_charged) == (0, 21_000)
        assert cluster.maximum_charge_current == 9_000
        assert again.events() == ["energy_transfer_started"]
        again.say(AWAY, allowed=True, energy=21_000)
        assert again.last(EnergyEvse.ev_not_detected).session_energy_charged == 21_000
        assert again.restarted().cluster.session_energy_charged == 21_000

    async def test_a_time_that_was_over_meanwhile_disables_the_charger(self, point, charger, turned_clock):
        await point.enable(point.in_seconds(60))
        point.tree.remove(NUMBER, forget=False)
        turned_clock.advance(3600)
        again = point.restarted()
        assert again.cluster.supply_state is SupplyStateEnum.DISABLED
        turned_clock.advance(0)
        await settled()
        assert charger.calls[-1] == ("disable",)
        assert again.cluster.charging_enabled_until == 0

    async def test_the_next_session_has_the_next_number(self, point):
        point.say(IDLE)
        point.say(AWAY)
        again = point.restarted()
        again.say(IDLE)
        assert again.cluster.session_id == 1

    def test_targets_and_preferences_survive(self, point):
        point.set_targets((0x7F, [target(420, 10_000_000)]))
        point.cluster.write(EnergyEvse.randomization_delay_window, point.context, 0)
        point.cluster.write(EnergyEvse.approximate_ev_efficiency, point.context, 4_800)
        again = point.restarted()
        assert again.targets == [(0x7F, (target(420, 10_000_000),))]
        assert again.cluster.randomization_delay_window == 0
        assert again.cluster.approximate_ev_efficiency == 4_800

    @pytest.mark.parametrize(
        "stored", [b"", b"\xff", b"\x15\x18", tlv.encode([1]), tlv.encode({0: "x", 4: 1})]
    )
    def test_what_cannot_be_read_is_as_if_it_had_never_been(self, tree, charger, context, stored):
        tree.storage.put(f"evse/{NUMBER}/state", stored)
        tree.storage.put(f"evse/{NUMBER}/targets", stored)
        point = Point(tree, charger, context)
        assert point.cluster.session_id is None
        assert point.cluster.user_maximum_charge_current == 16_000
        assert point.targets == []

    def test_one_that_leaves_for_ever_leaves_nothing(self, point):
        point.say(IDLE)
        point.set_targets((0x7F, [target(420, 10_000_000)]))
        point.tree.remove(NUMBER)
        assert point.tree.storage.scan("evse/") == []

    def test_a_running_session_is_not_stored_with_every_reading(self, point, turned_clock):
        writes = []
        put = point.tree.storage.put
        point.tree.storage.put = lambda key, value: (writes.append(key), put(key, value))
        for seconds in range(60):
            turned_clock.advance(1)
            point.say(CHARGING, energy=1000 * seconds)
        assert writes.count(f"evse/{NUMBER}/state") <= 3


STATES = st.sampled_from([None, AWAY, IDLE, WANTS, CHARGING])
CONDITIONS = st.builds(
    Condition,
    STATES,
    st.sampled_from([FaultStateEnum.NO_ERROR, FaultStateEnum.NO_ERROR, FaultStateEnum.GROUND_FAULT]),
    st.sampled_from([None, False, True]),
    st.none() | st.integers(0, 80_000),
    st.none() | st.integers(0, 80_000),
    st.none() | st.integers(0, 10**8),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conditions=st.lists(CONDITIONS | st.just("lost"), max_size=12))
def test_events_pair_up_whatever_is_said(conditions, turned_clock, tree, charger, context):
    point = Point(NodeTree(MemoryStorage(), turned_clock, tree.entropy), charger, context)
    for condition in conditions:
        turned_clock.advance(10)
        if condition == "lost":
            point.cluster.lost()
        else:
            point.cluster.sense(condition)
        for id_, attribute in point.cluster.shape.attributes.items():
            attribute.datatype.check(point.cluster.value(id_))
    for pair in (
        ("ev_connected", "ev_not_detected"),
        ("energy_transfer_started", "energy_transfer_stopped"),
    ):
        ours = [name for name in point.events() if name in pair]
        assert ours == [pair[n % 2] for n in range(len(ours))]
    numbers = [
        EnergyEvse.ev_connected.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:])).session_id
        for record in point.tree.events.since(0)
        if record.event is EnergyEvse.ev_connected
    ]
    assert numbers == list(range(len(numbers)))
