"""Power adjustments: who may ask, for what, and how they end."""

import pytest
from energy_lab import GRID, RANGE, Device, Manager, events, place, refused

from clusters.definitions.device_energy_management import (
    CauseEnum,
    ESAStateEnum,
    ESATypeEnum,
    OptOutStateEnum,
    PowerAdjustReasonEnum,
    PowerAdjustStruct,
)
from clusters.definitions.device_energy_management_mode import ChangeToModeRequest
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.device_energy_management_mode import MODES, DeviceEnergyManagementModeServer
from clusters.test_event_triggers import EventTriggers
from matter_node.model import DeviceType, Endpoint, NodeTree, Urgency
from matter_node.status import Status, StatusError


@pytest.fixture
def adjuster():
    return Device()


@pytest.fixture
def management(tree, adjuster):
    server = DeviceEnergyManagementServer(
        ESATypeEnum.BATTERY_STORAGE,
        can_generate=True,
        minimum=-3_000_000,
        maximum=3_000_000,
        adjuster=adjuster,
    )
    place(tree, server)
    return server


@pytest.fixture
def manager(management, context):
    return Manager(management, context)


@pytest.fixture
def ask(manager):
    return manager.adjust_power


@pytest.fixture
def cancel(manager):
    return manager.cancel_power


async def test_an_adjustment_runs_out(tree, management, adjuster, ask, turned_clock):
    management.measure(0)
    await ask(power=-2_000_000, duration=60)
    assert management.esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE
    assert management.power_adjustment_capability.cause is PowerAdjustReasonEnum.LOCAL_OPTIMIZATION_ADJUSTMENT
    management.measure(-2_000_000)
    turned_clock.advance(60)
    assert management.esa_state is ESAStateEnum.ONLINE
    assert management.power_adjustment_capability.cause is PowerAdjustReasonEnum.NO_ADJUSTMENT
    assert adjuster.calls == [("power", -2000.0, 60, False), "power released"]
    (started, _), (ended, payload) = events(tree)
    assert (started, ended) == ("power_adjust_start", "power_adjust_end")
    assert payload.cause is CauseEnum.NORMAL_COMPLETION
    assert payload.duration == 60
    assert payload.energy_use == -33_333  # 2 kW out for a minute


async def test_a_second_request_goes_on_with_the_first(tree, management, adjuster, ask, turned_clock):
    await ask(duration=30)
    turned_clock.advance(20)
    await ask(duration=30, cause=GRID)
    turned_clock.advance(20)
    assert management.esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE
    assert management.power_adjustment_capability.cause is PowerAdjustReasonEnum.GRID_OPTIMIZATION_ADJUSTMENT
    turned_clock.advance(10)
    (start, _), (end, payload) = events(tree)
    assert (start, end, payload.duration) == ("power_adjust_start", "power_adjust_end", 50)


async def test_cancelling_ends_it_once(tree, management, ask, cancel):
    await ask()
    await cancel()
    assert events(tree)[-1][1].cause is CauseEnum.CANCELLED
    await refused(cancel(), Status.INVALID_IN_STATE)


@pytest.mark.parametrize(
    ("power", "duration"), [(3_000_001, 60), (-3_000_001, 60), (0, 9), (0, 3601)], ids=str
)
async def test_what_does_not_fit_is_refused(management, adjuster, ask, power, duration):
    await refused(ask(power, duration), Status.CONSTRAINT_ERROR)
    assert adjuster.calls == []


async def test_power_and_duration_must_fit_one_range(management, ask):
    management.set_capability(
        (
            PowerAdjustStruct(min_power=0, max_power=10, min_duration=10, max_duration=20),
            PowerAdjustStruct(min_power=0, max_power=100, min_duration=30, max_duration=40),
        )
    )
    await refused(ask(50, 15), Status.CONSTRAINT_ERROR)
    await ask(50, 35)


async def test_opting_out_comes_first_then_capability_then_state(management, ask):
    management.set_capability(())
    management.set_state(ESAStateEnum.OFFLINE)
    await refused(ask(), Status.CONSTRAINT_ERROR)
    management.set_capability((RANGE,))
    await refused(ask(), Status.INVALID_IN_STATE)
    management.set_opt_out(local=True, grid=False)
    await refused(ask(), Status.CONSTRAINT_ERROR)


async def test_opting_out_of_the_other_kind_lets_it_run(tree, management, ask):
    await ask(cause=GRID)
    management.set_opt_out(local=True, grid=False)
    assert management.esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE
    management.set_opt_out(local=True, grid=True)
    assert management.opt_out_state is OptOutStateEnum.OPT_OUT
    assert events(tree)[-1][1].cause is CauseEnum.USER_OPT_OUT


@pytest.mark.parametrize(
    ("state", "cause"),
    [(ESAStateEnum.OFFLINE, CauseEnum.OFFLINE), (ESAStateEnum.FAULT, CauseEnum.FAULT)],
)
async def test_a_device_that_drops_out_ends_it(tree, management, adjuster, ask, state, cause):
    await ask()
    management.set_state(state)
    assert management.esa_state is state
    assert events(tree)[-1][1].cause is cause
    assert adjuster.calls[-1] == "power released"


async def test_what_the_device_refuses_changes_nothing(tree, management, adjuster, ask):
    adjuster.error = StatusError(Status.FAILURE, "the inverter is in local mode")
    await refused(ask(), Status.FAILURE)
    assert management.esa_state is ESAStateEnum.ONLINE
    assert events(tree) == []


async def test_opting_out_while_the_device_is_told_wins(tree, management, adjuster, ask):
    adjuster.meanwhile = lambda: management.set_opt_out(local=True, grid=False)
    await refused(ask(), Status.CONSTRAINT_ERROR)
    assert adjuster.calls[-1] == "power released"
    assert management.esa_state is ESAStateEnum.ONLINE


async def test_a_device_that_is_removed_while_it_is_told_is_let_go(tree, management, adjuster, ask):
    adjuster.meanwhile = lambda: tree.remove(2)
    await refused(ask(), Status.FAILURE)
    assert adjuster.calls[-1] == "power released"


async def test_removing_the_endpoint_lets_go(tree, management, adjuster, ask, turned_clock):
    await ask()
    tree.remove(2)
    assert adjuster.calls[-1] == "power released"
    turned_clock.advance(100)


async def test_capability_is_quiet_but_starts_and_ends_are_told_at_once(management, ask, cancel, reports):
    await ask()
    management.set_capability((PowerAdjustStruct(min_power=0, max_power=1, min_duration=1, max_duration=2),))
    await cancel()
    assert reports.of("power_adjustment_capability") == [Urgency.NOW, Urgency.QUIET, Urgency.NOW]


def test_limits_must_agree_with_generating(adjuster):
    for minimum, maximum, can_generate in ((-1, 0, False), (0, 1, True), (2, 1, False)):
        with pytest.raises(ValueError, match="mW"):
            DeviceEnergyManagementServer(
                ESATypeEnum.OTHER,
                can_generate=can_generate,
                minimum=minimum,
                maximum=maximum,
                adjuster=adjuster,
            )


def test_a_device_takes_adjustments_or_has_a_forecast():
    with pytest.raises(ValueError, match="forecast"):
        DeviceEnergyManagementServer(ESATypeEnum.OTHER, can_generate=False, minimum=0, maximum=1)


async def test_the_mode_says_who_may_optimize_and_is_kept(tree, memory, turned_clock, context):
    chosen = []
    mode = DeviceEnergyManagementModeServer(lambda local, grid: chosen.append((local, grid)))
    tree.add(Endpoint(3, [DeviceType(0x50D, 2)], [mode]))
    assert [option.mode for option in mode.supported_modes] == list(range(len(MODES)))
    for number in (0, 1, 2):
        answer = await mode.invoke(mode.COMMANDS[0], context, ChangeToModeRequest(new_mode=number))
        assert answer.status == 0
    answer = await mode.invoke(mode.COMMANDS[0], context, ChangeToModeRequest(new_mode=9))
    assert answer.status == 1
    assert answer.status_text
    assert chosen == [(True, True), (False, False), (True, False), (False, True)]

    again = NodeTree(memory, turned_clock, tree.entropy)
    mode = DeviceEnergyManagementModeServer(lambda local, grid: chosen.append((local, grid)))
    again.add(Endpoint(3, [DeviceType(0x50D, 2)], [mode]))
    assert mode.current_mode == 2
    assert chosen[-1] == (False, True)


def test_triggers_reach_the_cluster_and_endpoint_that_they_name():
    seen = []
    triggers = EventTriggers()
    triggers.register(0x98, 2, seen.append)
    triggers(0x0098_0002_0000_0010)
    assert seen == [0x10]
    for wrong in (0x0098_0003_0000_0010, 0x0091_0002_0000_0010, 0):
        with pytest.raises(StatusError) as error:
            triggers(wrong)
        assert error.value.status is Status.INVALID_COMMAND
    triggers.forget(2)
    with pytest.raises(StatusError):
        triggers(0x0098_0002_0000_0010)
