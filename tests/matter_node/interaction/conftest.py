"""A node with clusters of every kind, and clients that talk to its interaction engine without a network."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from interaction_lab.client import (
    Client,
    attribute_path,
    command_path,
    event_path,
    reported,
    reported_events,
    responses,
    settle,
    write_statuses,
)
from interaction_lab.clusters import DIARY, LAMP, VAULT, DiaryServer, LampServer, VaultServer
from interaction_lab.wire import ManualClock, Session, Wire

from matter_node.entropy import SystemEntropy
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.served_node import ServedNode
from matter_node.model import DeviceType, Endpoint, NodeTree, Privilege
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

OWN_NODE_ID = 0xB41D6E


class Groups:
    """Which endpoints are in which group."""

    def __init__(self) -> None:
        self.members: dict[tuple[int, int], list[int]] = {}

    def endpoints(self, fabric_index, group_id):
        return self.members.get((fabric_index, group_id), ())


class Lab:
    """A node with a root, two lamps and a diary, and its engine."""

    def __init__(self, storage: MemoryStorage | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.storage = storage or MemoryStorage()
        self.tree = NodeTree(self.storage, self.clock, SystemEntropy())
        self.access = AccessControl(
            [AccessEntry(index, Privilege.ADMINISTER, AuthMode.CASE) for index in (1, 2)]
        )
        self.groups = Groups()
        fabrics = {1: SimpleNamespace(node_id=OWN_NODE_ID), 2: SimpleNamespace(node_id=0x0DD)}
        self.node = ServedNode(self.tree, self.access, fabrics, self.groups)
        self.wire = Wire()
        self.lamp = LampServer(broken=0)
        self.second_lamp = LampServer(broken=0)
        self.diary = DiaryServer()
        self.vault = VaultServer()
        self.tree.add(Endpoint(0, [DeviceType(0x16, 3)], [DiaryServer(), VaultServer()]))
        self.tree.add(Endpoint(1, [DeviceType(0x100, 3)], [self.lamp, self.diary]))
        self.tree.add(Endpoint(2, [DeviceType(0x100, 3)], [self.second_lamp, self.vault]))
        self.engine = InteractionEngine(self.node, self.wire)

    def client(self, node_id: int = 0xA11CE, fabric_index: int = 1, *, pase: bool = False) -> Client:
        """Somebody with a session."""
        subject = Subject(AuthMode.PASE) if pase else Subject(AuthMode.CASE, fabric_index, node_id)
        session = Session(subject)
        self.wire.sessions.add(session)
        return Client(self.engine, session)

    def group_client(self, group_id: int, fabric_index: int = 1) -> Client:
        return Client(self.engine, Session(Subject(AuthMode.GROUP, fabric_index, 0xA11CE, group_id=group_id)))

    def grant(self, *entries) -> None:
        """Put other access control entries in force: (privilege, targets...)."""
        self.access.replace(
            AccessEntry(1, privilege, AuthMode.CASE, (), tuple(targets)) for privilege, *targets in entries
        )


@pytest.fixture(scope="session")
def make_lab():
    """Make further nodes, on the same storage for example."""
    return Lab


@pytest.fixture
async def lab():
    """The node."""
    made = Lab()
    yield made
    await made.engine.close()


@pytest.fixture
async def alice(lab):
    """An administrator of fabric 1."""
    return lab.client()


@pytest.fixture
def im():
    """The words of the protocol."""
    return SimpleNamespace(
        attribute=attribute_path,
        event=event_path,
        command=command_path,
        reported=reported,
        events=reported_events,
        statuses=write_statuses,
        responses=responses,
        settle=settle,
        LAMP=LAMP,
        DIARY=DIARY,
        VAULT=VAULT,
        OWN_NODE_ID=OWN_NODE_ID,
    )
