"""A node with clusters of every kind, and a client that talks to its interaction engine without a network.

The wire is the only double: exchanges that hand messages over, and remember what the node sent.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from enum import IntFlag
from types import SimpleNamespace
from typing import Any

import pytest

from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.served_node import ServedNode
from matter_node.model import (
    Bool,
    Cluster,
    DeviceType,
    Endpoint,
    ListOf,
    NodeTree,
    Nullable,
    Octets,
    Priority,
    Privilege,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

OWN_NODE_ID = 0xB41D6E
LAMP, DIARY, VAULT = 0x0006, 0xFFF1_FC01, 0xFFF1_FC02


class ManualClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Any]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> float:
        return 1_800_000_000.0 + self.now

    def call_later(self, delay, callback):
        timer = SimpleNamespace(callback=callback, cancelled=False)
        timer.cancel = lambda: setattr(timer, "cancelled", True)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that was to happen meanwhile."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if not timer.cancelled:
                timer.callback()
        self.now = end


@struct
class AddRequest(Struct):
    first: int = member(0, UInt8.between(0, 100))
    second: int = member(1, UInt8)


@struct
class AddResponse(Struct):
    total: int = member(0, UInt16)


@struct
class BlobResponse(Struct):
    blob: bytes = member(0, Octets())


@struct
class BlobRequest(Struct):
    length: int = member(0, UInt16)


@struct
class Note(Struct):
    text: str = member(1, Utf8(64))
    secret: str | None = member(2, Utf8(64), optional=True, fabric_sensitive=True)
    fabric_index: int = member(0xFE, UInt8)


@struct
class Turned(Struct):
    on: bool = member(0, Bool)


class LampServer(Cluster):
    """Everything that concerns everybody."""

    ID, REVISION, NAME = LAMP, 6, "Lamp"

    class Feature(IntFlag):
        DIM = 1

    on = attribute(0, Bool, quality="N", access="RW VO")
    label = attribute(1, Utf8(2000), access="RW VM")
    level = attribute(2, Nullable(UInt8), quality="Q X")
    wear = attribute(3, UInt16, quality="C")
    model = attribute(4, UInt8, quality="F", default=7)
    scenes = attribute(5, ListOf(UInt16, maximum=2000), access="RW VO")
    broken = attribute(6, UInt8)
    code = attribute(7, UInt16, access="RW VA", quality="N")
    toggle = command(0)
    add = command(1, AddRequest, AddResponse, response_id=0x10)
    fail = command(2)
    blob = command(3, BlobRequest, BlobResponse, response_id=0x11)
    slow = command(4)
    crash = command(5)
    locked = command(6, access="O T")
    reset = command(7, access="A")
    turned = event(0, Turned, priority=Priority.INFO)
    jammed = event(1, None, priority=Priority.CRITICAL)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.calls: list[str] = []
        self.gate = asyncio.Event()

    def read_broken(self, context):
        raise StatusError(Status.FAILURE, "no reading")

    async def handle_toggle(self, context):
        self.calls.append("toggle")
        self.on = not self.on

    def handle_add(self, context, request):
        self.calls.append("add")
        return AddResponse(total=request.first + request.second)

    def handle_fail(self, context):
        raise StatusError(Status.FAILURE, "as told", cluster_status=0x42)

    def handle_blob(self, context, request):
        return BlobResponse(blob=bytes(request.length))

    async def handle_slow(self, context):
        await self.gate.wait()
        self.calls.append("slow")

    async def handle_crash(self, context):
        raise RuntimeError("a bug")

    def handle_locked(self, context):
        self.calls.append("locked")

    def handle_reset(self, context):
        self.calls.append("reset")
        context.after_response(lambda: self.calls.append("after reset"))


class DiaryServer(Cluster):
    """What belongs to fabrics."""

    ID, NAME = DIARY, "Diary"
    notes = attribute(0, ListOf(StructOf(Note), maximum=30), access="RW F VA", quality="N")
    wipe = command(0, access="F O")
    written = event(0, Note, priority=Priority.INFO, access="S A")

    def handle_wipe(self, context):
        self.notes = tuple(note for note in self.notes if note.fabric_index != context.fabric_index)


class VaultServer(Cluster):
    """What takes more than View, and more than a plain write."""

    ID, NAME = VAULT, "Vault"
    pin = attribute(0, UInt16, access="RW AA T")
    drop = attribute(1, UInt8, access="W O")


class Session:
    """A session as the engine sees it."""

    _ids = itertools.count(1)

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.id = next(self._ids)
        self.closed = False
        self.attestation_challenge = bytes(16)
        self.parameters = SimpleNamespace(idle_interval=0.5, active_interval=0.3)


class Exchange:
    """An exchange as the engine sees it, and the other end of it for the test."""

    def __init__(self, session: Session, handler: Any = None, *, initiator: bool = False) -> None:
        self.session = session
        self.handler = handler
        self.initiator = initiator
        self.closed = False
        self.sent: list[tuple[Opcode, bytes]] = []

    def send(self, opcode, payload, *, protocol=None, reliable=True):
        assert len(payload) <= MAX_MESSAGE_PAYLOAD
        assert not self.closed
        assert self.session.subject.auth_mode is not AuthMode.GROUP
        self.sent.append((Opcode(opcode), bytes(payload)))

    def close(self):
        self.closed = True

    # the client's side

    def say(self, opcode: int, message: Any) -> None:
        payload = message if isinstance(message, bytes) else tlv.encode({**message, 0xFF: 12})
        assert not self.closed
        self.handler.on_message(self, opcode, payload)

    def confirm(self, status: int = 0) -> None:
        self.acknowledge()
        self.say(Opcode.STATUS_RESPONSE, {0: status})

    def acknowledge(self) -> None:
        if self.handler is not None:
            self.handler.on_acknowledged(self)

    def lose(self) -> None:
        self.closed = True
        if self.handler is not None:
            self.handler.on_failed(self)

    @property
    def answers(self) -> list[tuple[str, Any]]:
        return [(opcode.name, tlv.decode(payload)) for opcode, payload in self.sent]

    @property
    def last(self) -> tuple[str, Any]:
        return self.answers[-1]

    @property
    def status(self) -> Status | None:
        """The status of the last message, if it is a StatusResponse."""
        name, message = self.last
        return Status(message[0]) if name == "STATUS_RESPONSE" else None


class SessionTable:
    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.on_established: list[Any] = []
        self.on_closed: list[Any] = []

    def add(self, session):
        self.sessions.append(session)
        for callback in self.on_established:
            callback(session)

    def close(self, session):
        session.closed = True
        self.sessions.remove(session)
        for callback in self.on_closed:
            callback(session)

    def get(self, session_id):
        return next((s for s in self.sessions if s.id == session_id), None)

    def by_peer(self, fabric_index, node_id):
        found = [
            s
            for s in self.sessions
            if (s.subject.auth_mode, s.subject.fabric_index, s.subject.node_id)
            == (AuthMode.CASE, fabric_index, node_id)
        ]
        return found[-1] if found else None


class Wire:
    def __init__(self) -> None:
        self.sessions = SessionTable()
        self.opened: list[Exchange] = []

    def open_exchange(self, session, protocol, handler):
        assert not session.closed
        exchange = Exchange(session, handler, initiator=True)
        self.opened.append(exchange)
        return exchange


def attribute_path(endpoint=None, cluster=None, attribute=None, *, node=None, index="whole", flags=None):
    parts = [(1, node), (2, endpoint), (3, cluster), (4, attribute)]
    path = tlv.TlvList([(tag, value) for tag, value in parts if value is not None])
    if index != "whole":
        path.append((5, index))
    if flags is not None:
        path.append((6, flags))
    return path


def event_path(endpoint=None, cluster=None, event=None, *, node=None, urgent=None):
    parts = [(0, node), (1, endpoint), (2, cluster), (3, event), (4, urgent)]
    return tlv.TlvList([(tag, value) for tag, value in parts if value is not None])


def command_path(endpoint, cluster, command):
    parts = [(0, endpoint), (1, cluster), (2, command)]
    return tlv.TlvList([(tag, value) for tag, value in parts if value is not None])


class Client:
    """Somebody who uses the node, in the words of the protocol."""

    def __init__(self, lab: Lab, session: Session) -> None:
        self.lab = lab
        self.session = session

    def say(self, opcode: int, message: Any) -> Exchange:
        """Open an exchange with a message."""
        exchange = Exchange(self.session)
        payload = message if isinstance(message, bytes) else tlv.encode({**message, 0xFF: 12})
        self.lab.engine.on_exchange(exchange, opcode, payload)
        if exchange.handler is None:
            exchange.close()
        return exchange

    def read(self, *paths, events=(), event_filters=(), filtered=True, versions=()) -> Exchange:
        message: dict[int, Any] = {3: filtered}
        if paths:
            message[0] = list(paths)
        if events:
            message[1] = list(events)
        if event_filters:
            message[2] = list(event_filters)
        if versions:
            message[4] = [
                {0: tlv.TlvList([(1, endpoint), (2, cluster)]), 1: version}
                for endpoint, cluster, version in versions
            ]
        return self.say(Opcode.READ_REQUEST, message)

    def get(self, *paths, **options) -> list[Any]:
        """Read to the end; return what was reported as (endpoint, cluster, attribute, value or Status)."""
        exchange = self.read(*paths, **options)
        while exchange.last[1].get(3):
            exchange.confirm()
        return reported(exchange)

    def write(self, *writes, timed=False, more=False, suppress=None, exchange=None) -> Exchange:
        """Write (path, data[, version]) tuples."""
        message = {
            1: timed,
            2: [{1: w[0], 2: w[1], **({0: w[2]} if len(w) > 2 else {})} for w in writes],
        }
        if more:
            message[3] = True
        if suppress is not None:
            message[0] = suppress
        if exchange is not None:
            exchange.say(Opcode.WRITE_REQUEST, message)
            return exchange
        return self.say(Opcode.WRITE_REQUEST, message)

    def put(self, *writes, **options) -> list[Status]:
        """Write and return the statuses."""
        return write_statuses(self.write(*writes, **options))

    async def invoke(self, *calls, timed=False, suppress=False, exchange=None) -> Exchange:
        """Invoke (path, fields[, reference]) tuples and let the handlers run."""
        message = {
            0: suppress,
            1: timed,
            2: [
                {0: c[0], **({} if c[1] is None else {1: c[1]}), **({2: c[2]} if len(c) > 2 else {})}
                for c in calls
            ],
        }
        if exchange is not None:
            exchange.say(Opcode.INVOKE_REQUEST, message)
        else:
            exchange = self.say(Opcode.INVOKE_REQUEST, message)
        await settle()
        return exchange

    def timed(self, milliseconds) -> Exchange:
        return self.say(Opcode.TIMED_REQUEST, {0: milliseconds})

    def subscribe(self, *paths, events=(), low=0, high=60, keep=False, filtered=True, **more) -> Exchange:
        message: dict[int, Any] = {0: keep, 1: low, 2: high, 7: filtered}
        if paths:
            message[3] = list(paths)
        if events:
            message[4] = list(events)
        return self.say(Opcode.SUBSCRIBE_REQUEST, {**message, **more})

    def subscribed(self, *paths, **options) -> int:
        """Subscribe to the end and return the subscription id."""
        exchange = self.subscribe(*paths, **options)
        while exchange.last[0] == "REPORT_DATA":
            exchange.confirm()
        name, message = exchange.last
        assert name == "SUBSCRIBE_RESPONSE"
        exchange.acknowledge()
        return message[0]


async def settle(turns: int = 8) -> None:
    """Let the tasks run that can."""
    for _ in range(turns):
        await asyncio.sleep(0)


def reported(exchange: Exchange) -> list[Any]:
    """What an exchange reported: (endpoint, cluster, attribute, value or Status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        if name != "REPORT_DATA":
            continue
        for report in message.get(1, []):
            body = report.get(1) or report[0]
            path = dict(body[1] if 1 in report else body[0])
            key = tuple(path.get(tag) for tag in (2, 3, 4))
            if 0 in report:
                found.append((*key, Status(body[1][0])))
            elif 5 in path:
                assert path[5] is None
                assert found[-1][:3] == key
                found[-1][3].append(body[2])
            else:
                found.append((*key, body[2]))
    return found


def reported_events(exchange: Exchange) -> list[Any]:
    """The events an exchange reported: (endpoint, cluster, event, number, data), or (..., Status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        for report in message.get(2, []) if name == "REPORT_DATA" else []:
            body = report.get(1) or report[0]
            path = dict(body[0])
            key = tuple(path.get(tag) for tag in (1, 2, 3))
            found.append((*key, Status(body[1][0])) if 0 in report else (*key, body[1], body[7]))
    return found


def write_statuses(exchange: Exchange) -> list[Status]:
    name, message = exchange.last
    assert name == "WRITE_RESPONSE"
    return [Status(item[1][0]) for item in message[0]]


def responses(exchange: Exchange) -> list[Any]:
    """The answers to commands: (reference, command, fields) or (reference, Status, cluster status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        for item in message[1] if name == "INVOKE_RESPONSE" else []:
            body = item[0] if 0 in item else item[1]
            path = dict(body[0])
            if 0 in item:
                found.append((body.get(2), path[2], body[1]))
            else:
                found.append((body.get(2), Status(body[1][0]), body[1].get(1)))
    return found


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
        return Client(self, session)

    def group_client(self, group_id: int, fabric_index: int = 1) -> Client:
        return Client(self, Session(Subject(AuthMode.GROUP, fabric_index, 0xA11CE, group_id=group_id)))

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
