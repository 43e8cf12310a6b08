"""A node from its first commissioning to its last words, in memory and the same in every run."""

from __future__ import annotations

import asyncio

import pytest
from node_lab.sessions import CONTROLLER, DEVICE, Commissioner
from node_lab.whole import (
    ADMINISTRATOR,
    BASIC_INFORMATION,
    CREDENTIALS,
    GENERAL_COMMISSIONING,
    NODE_ID,
    same_world,
    settle,
)

from matter_node.fabric import GroupKey
from matter_node.secure_channel.session import SessionKind
from matter_node.transport.udp import group_address

SHUT_DOWN, LEAVE = (BASIC_INFORMATION, 1), (BASIC_INFORMATION, 2)


@pytest.fixture
def make_world():
    return same_world()


@pytest.fixture
async def world(make_world):
    made = make_world()
    await made.node.start()
    yield made
    await made.node.stop()


async def commissioned(world):
    await world.node.start()
    await world.commission()
    log = list(world.wire.log)
    stored = world.storage.scan("")
    await world.node.stop()
    return log, stored


async def test_a_commissioning_can_be_replayed_to_the_last_byte(make_world):
    first, second = await commissioned(make_world()), await commissioned(make_world())
    assert len(first[0]) > 30
    assert first == second
    other, _ = await commissioned(make_world(seed=5))
    assert other != first[0]


async def test_what_a_commissioning_leaves_behind(world):
    assert world.network.commissionable.discriminator == 3840
    administrator = await world.commission()
    (fabric,) = world.node.fabrics
    assert world.network.operational == [(fabric.compressed_id, NODE_ID)]
    assert world.network.commissionable is None
    assert not world.node.fail_safe.is_armed
    assert [session.kind for session in world.node.sessions] == [SessionKind.CASE]
    assert not administrator.session.closed


async def test_subscribers_hear_that_the_node_stops_and_sessions_end(make_world):
    world = make_world()
    await world.node.start()
    administrator = await world.commission()
    await administrator.subscribe_to_events(BASIC_INFORMATION)
    administrator.events.clear()
    await world.node.stop()
    assert administrator.events == [SHUT_DOWN]
    assert administrator.session.closed
    assert world.network.operational == [(world.node.fabrics.get(1).compressed_id, NODE_ID)]
    assert len(world.node.sessions) == 0


async def test_a_subscriber_that_is_silent_does_not_keep_the_node_from_stopping(make_world):
    world = make_world()
    await world.node.start()
    administrator = await world.commission()
    await administrator.subscribe_to_events(BASIC_INFORMATION)
    administrator.confirms = False
    stopping = asyncio.create_task(world.node.stop())
    await settle()
    assert not stopping.done()
    world.clock.advance(1.0)
    await settle()
    assert stopping.done()
    assert administrator.session.closed


async def test_who_loses_patience_with_stopping_still_gets_the_goodbyes(make_world):
    world = make_world()
    await world.node.start()
    administrator = await world.commission()
    await administrator.subscribe_to_events(BASIC_INFORMATION)
    administrator.confirms = False
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await world.node.stop()
    assert administrator.session.closed
    assert len(world.node.sessions) == 0


async def test_subscribers_hear_that_the_node_leaves_their_fabric(world):
    administrator = await world.commission()
    await administrator.subscribe_to_events(BASIC_INFORMATION)
    administrator.events.clear()
    answer = await administrator.invoke(CREDENTIALS, 0x0A, {0: 1})
    assert answer[0] == 0
    assert administrator.events == [LEAVE]
    assert administrator.session.closed
    for prefix in ("fabric/", "subscription/", "peer/", "resumption/", "group-keys/"):
        assert world.storage.scan(prefix) == []
    assert world.node.access.entries == ()
    assert world.network.operational == []
    world.clock.advance(1.0)
    assert world.network.commissionable is not None


async def test_a_new_certificate_ends_what_was_made_with_the_old_one(world):
    administrator = await world.commission()
    other = await world.connect()
    assert len(world.node.resumption) == 1
    await administrator.invoke(GENERAL_COMMISSIONING, 0, {0: 60, 1: 1})
    noc = await world.new_noc(administrator, for_update=True)
    assert (await administrator.invoke(CREDENTIALS, 7, {0: noc}))[0] == 0
    assert len(world.node.resumption) == 0
    assert other.session.closed
    assert not administrator.session.closed
    again = await world.connect()
    assert (await again.invoke(GENERAL_COMMISSIONING, 4, {}))[0] == 0
    assert world.node.fabrics.get(1).noc == noc


async def test_a_commissioning_that_a_kill_interrupts_leaves_nothing(world):
    await world.join()
    assert len(world.node.fabrics) == 1
    await world.come_back()
    assert len(world.node.fabrics) == 0
    for prefix in ("fabric/", "group-keys/", "fail-safe/"):
        assert world.storage.scan(prefix) == []
    assert world.node.access.entries == ()
    assert world.network.operational == []
    assert world.node.window.is_open


async def test_twenty_wrong_passcodes_close_the_window_for_all(world):
    for _ in range(20):
        assert world.network.commissionable is not None
        assert Commissioner(world.controller, DEVICE, passcode=1).start().session is None
    assert world.network.commissionable is None
    assert not world.node.window.is_open


# ---------------------------------------------------------------------- finding subscribers again


async def test_a_subscription_is_resumed_where_its_client_was_last_heard_of(world):
    administrator = await world.commission()
    subscription = await administrator.subscribe_to_events(BASIC_INFORMATION)
    await world.restart()
    await settle()
    assert administrator.reports[-1] == subscription
    assert world.network.asked == []


async def test_a_client_that_moved_in_its_session_is_found_at_its_new_place(world):
    administrator = await world.commission()
    subscription = await administrator.subscribe_to_events(BASIC_INFORMATION)
    moved = ("fd00::99", 6000, 0, 0)
    world.wire.move(CONTROLLER, moved)
    await administrator.invoke(BASIC_INFORMATION, 0x42, {})
    assert world.node.peers.address(1, ADMINISTRATOR) == moved
    await world.restart()
    await settle()
    assert administrator.reports[-1] == subscription
    assert world.network.asked == []


async def test_a_client_that_moved_meanwhile_is_asked_for_by_name(world):
    administrator = await world.commission()
    subscription = await administrator.subscribe_to_events(BASIC_INFORMATION)
    (fabric,) = world.node.fabrics
    moved = ("fd00::99", 6000, 0, 0)
    world.network.places[fabric.compressed_id, ADMINISTRATOR] = [moved]
    world.node.network.close()
    world.wire.move(CONTROLLER, moved)
    await world.restart()
    for _ in range(30):
        await settle()
        world.clock.advance(1)
    assert world.network.asked == [(fabric.compressed_id, ADMINISTRATOR)]
    assert administrator.reports[-1] == subscription
    assert world.node.peers.address(1, ADMINISTRATOR) == moved


async def test_a_client_whose_address_changes_while_the_node_runs_is_found_again(world):
    administrator = await world.commission()
    subscription = await administrator.subscribe_to_events(BASIC_INFORMATION)
    (fabric,) = world.node.fabrics
    (before,) = world.node.sessions
    moved = ("fd00::99", 6000, 0, 0)
    world.network.places[fabric.compressed_id, ADMINISTRATOR] = [moved]
    world.wire.move(CONTROLLER, moved)
    administrator.reports.clear()
    for _ in range(300):
        await settle()
        world.clock.advance(1)
    assert subscription in administrator.reports
    assert before.closed
    assert world.network.announced == 1
    (now,) = world.node.sessions
    assert now.address == moved


def test_peer_addresses_are_few_and_bad_records_dropped(make_world):
    world = make_world()
    peers, storage = world.node.peers, world.storage
    session = type("Session", (), {"kind": SessionKind.CASE, "address": DEVICE})()
    for number in range(200):
        session.subject = type("Subject", (), {"fabric_index": 1, "node_id": number})
        peers._note(session)
    assert len(storage.scan("peer/")) == 128
    assert peers.address(1, 199) == DEVICE
    assert peers.address(1, 0) is None
    for number, record in enumerate((b"", b"\x15\x18", b"\x04\x01", b"?", b"\x15\x24\x00\x01\x18")):
        storage.put(f"peer/2/{number:016X}", record)
    storage.put("peer/none", b"")
    again = make_world(storage=storage).node.peers
    assert again.address(1, 199) == DEVICE
    assert storage.scan("peer/2/") == []
    again.remove_fabric(1)
    assert storage.scan("peer/") == []


# ---------------------------------------------------------------------- groups


class Membership:
    def __init__(self):
        self.on_changed = []
        self.members = {}

    def groups(self):
        return self.members.keys()

    def endpoints(self, fabric_index, group_id):
        return self.members.get((fabric_index, group_id), ())

    def change(self, **members):
        self.members = members["members"]
        for listener in self.on_changed:
            listener()


async def test_the_node_listens_to_the_groups_that_endpoints_are_in(make_world):
    membership = Membership()
    world = make_world(groups=membership)
    membership.change(members={(1, 5): {1}})
    await world.node.start()
    assert world.network.groups == set()  # there is no fabric yet
    await world.commission()
    (fabric,) = world.node.fabrics
    assert world.network.groups == {group_address(fabric.fabric_id, 5)}
    membership.change(members={(1, 5): {1}, (1, 6): {1}, (2, 7): {1}})
    assert world.network.groups == {group_address(fabric.fabric_id, n) for n in (5, 6)}
    membership.change(members={})
    assert world.network.groups == set()
    membership.change(members={(1, 5): {1}})
    world.node.fabrics.remove(1)
    assert world.network.groups == set()
    await world.node.stop()


def test_a_group_key_shows_no_key():
    key = GroupKey(1, 1, 1, b"secret-of-groups", b"private-of-group")
    assert "secret" not in repr(key)
    assert "private" not in repr(key)
