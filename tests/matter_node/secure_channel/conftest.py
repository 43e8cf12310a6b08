"""Two message layers and the wire between them."""

from __future__ import annotations

import pytest
from node_lab.sessions import CONTROLLER, DEVICE, Commissioner, Node, Recorder, Wire, connect


@pytest.fixture
def wire(clock):
    return Wire(clock)


@pytest.fixture
def recorder():
    return Recorder


@pytest.fixture
def commissioner():
    return Commissioner


@pytest.fixture
def make_node(clock, make_entropy, wire):
    def make(address, seed=0, **options):
        return Node(clock, make_entropy(seed), wire, address, **options)

    return make


@pytest.fixture
def authority(make_authority):
    return make_authority()


@pytest.fixture
def controller(make_node, make_fabrics, authority):
    return make_node(CONTROLLER, 1, fabrics=make_fabrics({1: authority.fabric(1, 11, cats=(0x0001_0001,))}))


@pytest.fixture
def device(make_node, make_fabrics, authority):
    return make_node(DEVICE, 2, fabrics=make_fabrics({7: authority.fabric(7, 22)}))


@pytest.fixture
def ends(clock, entropy, controller, device):
    """A secure session: the controller's end and the device's."""
    return connect(clock, entropy, controller, device)


@pytest.fixture
def join(clock, entropy):
    return lambda *arguments, **options: connect(clock, entropy, *arguments, **options)
