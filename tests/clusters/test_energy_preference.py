"""Between comfort and efficiency: what there is to choose, and who hears of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.definitions.energy_preference import BalanceStruct, EnergyPriorityEnum
from clusters.energy_preference import BALANCES, EnergyPreferenceServer
from matter_node.model import DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError

CURRENT = EnergyPreferenceServer.ATTRIBUTES[1]


def join(tree, chosen, **how):
    server = EnergyPreferenceServer(chosen.append, **how)
    tree.add(Endpoint(1, [DeviceType(0x0E, 2)], [server]))
    return server


def steps(*percents):
    return tuple(BalanceStruct(step=percent) for percent in percents)


def test_the_steps_lead_from_comfort_to_efficiency(tree):
    server = join(tree, [])
    percents = [balance.step for balance in server.energy_balances]
    assert (percents[0], percents[-1]) == (0, 100)
    assert percents == sorted(set(percents))
    assert all(balance.label for balance in server.energy_balances)
    assert server.energy_priorities == (EnergyPriorityEnum.COMFORT, EnergyPriorityEnum.EFFICIENCY)


def test_a_choice_is_told_and_kept(tree, context, memory, turned_clock):
    chosen = []
    server = join(tree, chosen)
    server.write(CURRENT, context, 4)
    server.write(CURRENT, context, 4)
    server.write(CURRENT, context, 1)
    assert chosen == [50, 100, 25]
    chosen.clear()
    again = join(NodeTree(memory, turned_clock, tree.entropy), chosen)
    assert again.current_energy_balance == 1
    assert chosen == [25]


def test_what_there_is_not_cannot_be_chosen(tree, context):
    chosen = []
    server = join(tree, chosen)
    for wrong in (len(BALANCES), len(BALANCES) + 1, 255):
        with pytest.raises(StatusError) as error:
            server.write(CURRENT, context, wrong)
        assert error.value.status is Status.CONSTRAINT_ERROR
    assert server.current_energy_balance == 2
    assert chosen == [50]


def test_a_choice_that_there_is_no_more_is_forgotten(tree, context, memory, turned_clock):
    join(tree, []).write(CURRENT, context, 4)
    chosen = []
    join(NodeTree(memory, turned_clock, tree.entropy), chosen, balances=steps(0, 60, 100), usual=1)
    assert chosen == [60]


@given(st.lists(st.integers(0, 100), max_size=12), st.integers(-1, 12))
def test_only_steps_that_ascend_from_0_to_100_can_be_offered(percents, usual):
    good = (
        2 <= len(percents) <= 10
        and (percents[0], percents[-1]) == (0, 100)
        and percents == sorted(set(percents))
        and 0 <= usual < len(percents)
    )
    try:
        server = EnergyPreferenceServer(lambda _: None, balances=steps(*percents), usual=usual)
    except ValueError:
        assert not good
    else:
        assert good
        assert server.current_energy_balance == usual


def test_two_steps_are_enough():
    assert len(EnergyPreferenceServer(lambda _: None, balances=steps(0, 100), usual=0).energy_balances) == 2
