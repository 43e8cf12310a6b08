"""The plan as forecasts of Device Energy Management."""

from dataclasses import replace

import pytest

from bridge.faces import Faces
from bridge.loads.asked import LoadStep
from bridge.module_face import Stage
from bridge.planned_power import PlannedPowers
from bridge.planner.plan import BatteryStep, HomePlan, PlanStep
from bridge.planner.planner import TICK
from bridge.record import OperatingMode
from bridge.settings import FacesSettings
from clusters.descriptor import DescriptorServer
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.subject import AuthMode, Subject
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

APP = Context(Subject(AuthMode.CASE, 1, 5), None)
START = 1_800_000_000
BATTERY = "acme-2"


def plan(*powers_w, duration=900, solar_w=0.0):
    """A plan in which one battery has these powers, one step after the other."""
    steps = [
        PlanStep(
            start=START + number * duration,
            duration=duration,
            import_price=0.3,
            export_price=0.1,
            load_w=500.0,
            solar_w=solar_w,
            grid_w=500.0 + power_w + solar_w,
            batteries={
                BATTERY: BatteryStep(
                    power_w, 50.0, BatteryMode.BALANCE, power_w, power_w, ReasonCode.HOLD_LATER, "because"
                )
            },
        )
        for number, power_w in enumerate(powers_w)
    ]
    return HomePlan(tuple(steps), "EUR", 1.0, None, (), True, 0, 0.1)


def test_steps_of_one_direction_are_one_slot():
    forecast = PlannedPowers.of(plan(2000.0, 1000.0, 0.0, 10.0, -800.0)).battery(BATTERY)
    assert forecast.start == START
    assert [(slot.duration_s, slot.nominal_w, *slot.powers_w) for slot in forecast.slots] == [
        (1800, 1500.0, 1000.0, 2000.0),
        (1800, 5.0, 0.0, 10.0),
        (900, -800.0, -800.0, -800.0),
    ]
    assert [slot.energy for slot in forecast.slots] == [750.0, 2.5, -200.0]


def test_what_comes_after_ten_slots_is_not_told():
    forecast = PlannedPowers.of(plan(*[1000.0, -1000.0] * 8)).battery(BATTERY)
    assert forecast.end - START == 10 * 900


def test_a_battery_that_no_plan_moves_has_no_forecast():
    assert PlannedPowers.of(plan(1000.0)).battery("acme-9") is None


def test_a_car_is_expected_to_charge_when_the_plan_lets_it():
    known = plan(*[0.0] * 4)
    powers = (0.0, 7000.0, 5000.0, None)
    steps = [
        replace(
            step,
            loads={}
            if power is None
            else {"car": LoadStep(power, power > 0, ReasonCode.RUN_CHEAP, "Cheap.")},
        )
        for step, power in zip(known.steps, powers, strict=True)
    ]
    forecast = PlannedPowers.of(replace(known, steps=tuple(steps))).load("car")
    assert [(slot.duration_s, slot.nominal_w) for slot in forecast.slots] == [
        (900, 0),
        (1800, 6000),
        (900, 0),
    ]
    assert PlannedPowers.of(known).load("car") is None


def test_an_inverter_is_expected_to_give_its_share_of_the_sun():
    (slot,) = PlannedPowers.of(plan(0.0, 0.0, solar_w=-3000.0)).solar(1 / 3).slots
    assert (slot.duration_s, slot.nominal_w) == (1800, -1000.0)
    (rest,) = PlannedPowers.of(plan(0.0)).solar(1.0).slots
    assert rest.nominal_w == 0


@pytest.fixture
async def management(home, simulated):
    """The cluster of the battery of a simulated home."""
    tree = NodeTree(home.storage, home.clock, SystemEntropy())
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    top = aggregator(root, blink=lambda _: None)
    tree.add(root, top)
    faces = Faces(tree, Stage(top, home, FacesSettings(), None), EventTriggers())
    faces.start()
    yield tree.endpoints[home.registry.endpoints.number(BATTERY, "energy")].cluster(
        DeviceEnergyManagementServer
    )
    faces.stop()


async def test_an_energy_manager_reads_what_the_battery_will_do(simulated, make_planner, management, home):
    planner = make_planner()
    simulated.read()
    assert management.read_forecast(APP) is None
    planner.start()
    await simulated.pass_(TICK)
    forecast = management.read_forecast(APP)
    now = home.clock.utc() - MATTER_EPOCH_OFFSET
    assert forecast.start_time <= now < forecast.end_time
    assert forecast.active_slot_number == 0
    powers = [slot.nominal_power for slot in forecast.slots]
    assert min(powers) < -50_000, "it serves the home in the dear hours"
    assert max(powers) > 50_000, "it charges in the cheap ones"
    home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await simulated.pass_(2 * TICK)
    assert management.read_forecast(APP) is None
    await planner.stop()
