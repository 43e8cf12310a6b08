"""A charging point in a certification test: another one is shown, and the real one goes on beneath."""

import asyncio

import pytest
from node_lab.charging_point import AWAY, CHARGING, IDLE, WANTS, Charger, Point, target

from clusters.definitions.energy_evse import (
    EnergyEvse,
    FaultStateEnum,
    StateEnum,
    SupplyStateEnum,
)


@pytest.fixture
def charger():
    return Charger()


@pytest.fixture
def point(tree, charger, context):
    return Point(tree, charger, context)


async def settled():
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_test_runs_beside_what_is_really_so(point, charger, turned_clock):
    point.say(CHARGING, allowed=True, energy=4_000, offered=16_000)
    mark = point.tree.events.next_number
    point.cluster.pretend(32_000)
    assert point.shown == (AWAY, SupplyStateEnum.DISABLED)
    assert point.cluster.circuit_capacity == 32_000
    point.cluster.happen(state=IDLE, limit=63_000)
    session = point.cluster.session_id
    assert session == 1
    until = point.in_seconds(5)
    await point.enable(until, 6_000, 60_000)
    point.cluster.happen(state=WANTS)
    assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
    assert point.cluster.charging_enabled_until == until
    assert point.cluster.maximum_charge_current == 32_000
    turned_clock.advance(7)
    point.say(CHARGING, allowed=True, energy=5_000, offered=16_000)
    assert point.shown == (WANTS, SupplyStateEnum.DISABLED)
    assert point.last(EnergyEvse.energy_transfer_stopped).energy_transferred > 0
    await point.enable(None, 6_000, 12_000)
    assert point.cluster.state is CHARGING
    point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 6_000)
    assert point.cluster.maximum_charge_current == 6_000
    point.cluster.happen(state=IDLE)
    point.cluster.happen(state=AWAY, limit=None)
    assert point.cluster.supply_state is SupplyStateEnum.CHARGING_ENABLED
    assert (point.cluster.session_id, point.cluster.session_duration) == (session, 7)
    point.cluster.happen(state=IDLE)
    assert point.cluster.session_id == session + 1
    assert point.events(mark) == [
        "ev_connected",
        "energy_transfer_started",
        "energy_transfer_stopped",
        "energy_transfer_started",
        "energy_transfer_stopped",
        "ev_not_detected",
        "ev_connected",
    ]
    point.cluster.end_pretence()
    assert charger.calls == []
    assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
    cluster = point.cluster
    assert (cluster.session_id, cluster.session_energy_charged) == (0, 5_000)
    assert (cluster.circuit_capacity, cluster.user_maximum_charge_current) == (16_000, 16_000)
    assert (cluster.charging_enabled_until, cluster.maximum_charge_current) == (None, 16_000)


async def test_a_hub_that_is_killed_in_a_test_comes_up_as_it_really_was(point):
    point.say(CHARGING, allowed=True, energy=4_000)
    point.cluster.pretend(32_000)
    point.cluster.happen(state=IDLE)
    await point.enable(point.in_seconds(5), 6_000, 60_000)
    point.cluster.write(EnergyEvse.user_maximum_charge_current, point.context, 6_000)
    again = point.restarted().cluster
    assert (again.session_id, again.charging_enabled_until) == (0, None)
    assert again.user_maximum_charge_current == 16_000


async def test_what_was_enabled_really_ends_in_a_test_too(point, charger, turned_clock):
    await point.enable(point.in_seconds(60))
    point.cluster.pretend(32_000)
    turned_clock.advance(61)
    await settled()
    assert charger.calls[-1] == ("disable",)


async def test_faults_and_diagnoses_are_pretended(point):
    point.cluster.pretend(32_000)
    point.cluster.happen(state=IDLE)
    await point.enable()
    point.cluster.happen(state=WANTS)
    point.cluster.happen(fault=FaultStateEnum.GROUND_FAULT)
    assert point.shown == (StateEnum.FAULT, SupplyStateEnum.DISABLED_ERROR)
    assert point.last(EnergyEvse.fault).state is CHARGING
    point.cluster.happen(fault=FaultStateEnum.OVER_TEMPERATURE)
    assert point.last(EnergyEvse.fault).state is StateEnum.FAULT
    point.cluster.happen(fault=FaultStateEnum.NO_ERROR)
    assert point.shown == (CHARGING, SupplyStateEnum.CHARGING_ENABLED)
    await point.disable()
    point.cluster.handle_start_diagnostics(point.context)
    point.say(AWAY, allowed=True)
    assert point.cluster.supply_state is SupplyStateEnum.DISABLED_DIAGNOSTICS
    point.cluster.end_diagnosis()
    assert point.shown == (WANTS, SupplyStateEnum.DISABLED)


async def test_only_the_real_plan_is_told(point, charger):
    point.cluster.pretend(32_000)
    point.cluster.pretend_scheduled(True)
    point.cluster.happen(state=IDLE)
    point.set_targets((0x7F, [target(1439, 25_000_000)]))
    assert point.next == (None, None, None, None)
    await point.enable(None, 6_000, 60_000)
    start, end, energy, soc = point.next
    assert start < end
    assert (energy, soc) == (25_000_000, None)
    assert charger.plans == []


def test_targets_of_a_test_are_not_the_users(point):
    point.set_targets((0x7F, [target(420, 10_000_000)]))
    point.cluster.pretend(32_000)
    assert len(point.targets) == 1
    point.cluster.handle_clear_targets(point.context)
    point.set_targets((1, [target(60, soc=100)]))
    assert point.restarted().targets == [(0x7F, (target(420, 10_000_000),))]
    point.cluster.end_pretence()
    assert point.targets == [(0x7F, (target(420, 10_000_000),))]


def test_without_a_pretence_nothing_happens(point):
    point.say(IDLE)
    point.cluster.happen(state=AWAY)
    point.cluster.end_diagnosis()
    point.cluster.end_pretence()
    assert point.cluster.state is IDLE
