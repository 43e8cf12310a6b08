"""What charging follows: its modes, and who is told."""

import pytest

from clusters.definitions.energy_evse_mode import ChangeToModeRequest
from clusters.energy_evse_mode import MANUAL, MODES, SOLAR_CHARGING, TIME_OF_USE, EnergyEvseModeServer
from matter_node.model import DeviceType, Endpoint, NodeTree

NUMBER = 5


@pytest.fixture
def chosen():
    return []


@pytest.fixture
def mode(tree, chosen):
    cluster = EnergyEvseModeServer(lambda *choice: chosen.append(choice))
    tree.add(Endpoint(NUMBER, [DeviceType(0x50C, 2)], [cluster]))
    return cluster


def test_the_tags_are_those_that_the_specification_allows():
    tags = [{tag.value for tag in mode.mode_tags} for mode in MODES]
    assert {MANUAL} in tags
    assert {TIME_OF_USE} in tags
    assert {SOLAR_CHARGING} in tags
    assert all(MANUAL not in each or each == {MANUAL} for each in tags)
    assert [mode.mode for mode in MODES] == list(range(len(MODES)))
    assert len({mode.label for mode in MODES}) == len(MODES)


def test_a_choice_is_told_and_survives(tree, mode, chosen, context):
    assert (mode.current_mode, chosen) == (0, [(False, False)])
    assert mode.handle_change_to_mode(context, ChangeToModeRequest(new_mode=3)).status == 0
    assert chosen[-1] == (True, True)
    again = NodeTree(tree.storage, tree.clock, tree.entropy)
    cluster = EnergyEvseModeServer(lambda *choice: chosen.append(choice))
    again.add(Endpoint(NUMBER, [DeviceType(0x50C, 2)], [cluster]))
    assert (cluster.current_mode, chosen[-1]) == (3, (True, True))


def test_a_mode_that_there_is_none_of_is_refused_in_words(mode, chosen, context):
    response = mode.handle_change_to_mode(context, ChangeToModeRequest(new_mode=15))
    assert (response.status, response.status_text) == (1, "there is no mode 15")
    assert (mode.current_mode, len(chosen)) == (0, 1)
