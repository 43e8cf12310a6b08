"""Which loads a node has, who they are, what measures them, and that no node surprises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matter_server_lab.nodes import bridge, node, root

from hw.matter_server.accuracy import measures
from hw.matter_server.control import control
from hw.matter_server.node import Node
from hw.matter_server.place import places
from hw.matter_server.reading import reading
from hw.matter_server.topology import Topology

FABRIC = 0x3FEC_7B03_B7CF_2597
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def topology(attributes):
    return Topology(Node.parse(node(1, attributes)))


POWER = (144, 8)


class TestTopology:
    def test_a_bridge(self):
        found = topology(bridge())
        assert found.loads == (3, 5)
        assert [found.device(each) for each in (3, 4, 5, 6, 1)] == [3, 3, 3, 6, 0]
        assert found.meter(5, POWER) == 5
        assert found.meter(3, POWER) == 4, "a part of it that is no load of its own"

    def test_a_light_is_a_load_if_it_is_measured(self):
        lamp = {"1/29/0": [{"0": 0x0101}], "1/6/0": True}
        assert topology(root(1) | lamp).loads == ()
        assert topology(root(1) | lamp | {"1/144/8": 5}).loads == (1,)

    @pytest.mark.parametrize(
        ("sensor", "meters"),
        [
            ({"9/156/65532": 1}, (None, None)),  # the whole node: two loads
            ({"9/156/65532": 4, "9/156/0": [2]}, (None, 9)),  # a set
            ({"9/156/65532": 4, "9/156/0": [1, 2]}, (None, None)),
            ({"9/156/65532": 2, "9/29/3": [1]}, (9, None)),  # a tree
            ({}, (None, None)),  # itself
            ({"1/29/3": [9], "9/156/65532": 2}, (9, None)),  # a part
        ],
    )
    def test_whose_sensor_it_is(self, sensor, meters):
        found = topology(root(1, 2, 9) | {"1/6/0": True, "2/6/0": True, "9/144/8": 1} | sensor)
        assert (found.meter(1, POWER), found.meter(2, POWER)) == meters

    @pytest.mark.parametrize("endpoint", [0, 9])
    def test_a_sensor_of_the_whole_node_is_its_only_loads(self, endpoint):
        found = topology(root(1, 9) | {"1/6/0": True, f"{endpoint}/144/8": 1, f"{endpoint}/156/65532": 1})
        assert found.meter(1, POWER) == endpoint

    def test_endpoints_that_are_parts_of_each_other_end(self):
        found = topology(root(1, 2) | {"1/29/3": [2], "2/29/3": [1, 2], "1/6/0": True, "2/144/8": 1})
        assert found.loads == (1,)


class TestIdentity:
    @pytest.mark.parametrize(
        ("texts", "key"),
        [
            ({}, "somebody-p1"),
            ({"15": "0000000"}, "somebody-unique-p1"),
            ({"15": ""}, "somebody-unique-p1"),
            ({"15": "", "18": ""}, "somebody-3fec7b03b7cf2597-1-endpoint-1"),
            ({"1": "", "3": "", "15": None}, "matter-unique-p1"),
        ],
    )
    def test_what_the_maker_wrote_and_else_the_node(self, texts, key):
        found = places([Node.parse(node(1, root(1, **texts) | {"1/6/0": True}))], FABRIC)
        assert list(found) == [key]

    def test_one_serial_number_on_two_devices(self):
        nodes = [Node.parse(node(each, root(1) | {"1/6/0": True})) for each in (9, 4)]
        assert {key: place.node for key, place in places(nodes, FABRIC).items()} == {
            "somebody-p1": 4,
            "somebody-p1-node-9-endpoint-1": 9,
        }


VALUES = (
    ANYTHING
    | st.integers(0, 12)
    | st.lists(st.integers(0, 6), max_size=6)
    | st.lists(st.dictionaries(st.sampled_from("0124"), ANYTHING, max_size=3), max_size=2)
    | st.dictionaries(st.sampled_from("0124"), ANYTHING, max_size=3)
)
PATHS = st.sampled_from(
    [
        f"{endpoint}/{attribute}"
        for endpoint in range(6)
        for attribute in [
            *("6/0", "29/0", "29/3", "40/1", "40/15", "40/18", "57/1", "57/15", "57/17", "144/2", "144/4"),
            *(
                "144/5",
                "144/8",
                "144/14",
                "145/0",
                "145/1",
                "156/0",
                "156/65532",
                "513/0",
                "513/17",
                "513/18",
                "513/21",
                "513/22",
                "513/27",
                "513/28",
            ),
        ]
    ]
)


@given(st.dictionaries(PATHS | st.text(max_size=6), VALUES, max_size=40))
def test_no_node_surprises(attributes):
    parsed = Node.parse(node(1, attributes))
    for key, place in places([parsed], FABRIC).items():
        assert key
        assert len(place.paths(parsed)) <= 9
        taken = reading(place, parsed, None, on=control(parsed, place).is_on(parsed, place))
        assert taken.current_a is None or taken.current_a >= 0
        assert all(each.percent <= 100 for each in measures(parsed, place).values())
