"""Subscriptions that outlive a restart of the node (Matter Core 8.5.1.3)."""

import asyncio

import pytest

from matter_node.interaction.paths import AttributePath, EventPath
from matter_node.interaction.subscription_record import Peer, SubscriptionRecord, SubscriptionStore
from matter_node.status import Status
from matter_node.storage import MemoryStorage

ALICE, BOB = 0xA11CE, 0xB0B


class Restarted:
    """The node after a restart, and whom it can reach."""

    def __init__(self, lab):
        self.lab = lab
        self.reachable = {}
        self.attempts = []

    async def connect(self, fabric_index, node_id):
        self.attempts.append((self.lab.clock.now, node_id))
        if node_id not in self.reachable:
            raise ConnectionError
        return self.reachable[node_id]

    def bring(self, node_id):
        self.reachable[node_id] = self.lab.client(node_id).session


@pytest.fixture
async def restart(lab, alice, im, make_lab):
    """Subscribe as Alice (twice) and Bob, then restart the node."""
    ids = [
        alice.subscribed(im.attribute(), events=[im.event(urgent=True)], high=60, keep=True),
        alice.subscribed(im.attribute(1, im.LAMP, 0), high=30, keep=True),
        lab.client(BOB).subscribed(im.attribute(1, im.LAMP), keep=True),
    ]
    await lab.engine.close()
    restarted = Restarted(make_lab(lab.storage))
    restarted.ids = ids
    restarted.task = None

    def begin():
        restarted.task = asyncio.create_task(restarted.lab.engine.subscriptions.resume(restarted.connect))

    restarted.begin = begin
    yield restarted
    await restarted.lab.engine.close()
    if restarted.task is not None:
        await asyncio.gather(restarted.task, return_exceptions=True)


async def test_every_client_gets_a_first_report_under_the_old_id(restart, im):
    restart.bring(ALICE)
    restart.bring(BOB)
    restart.begin()
    await im.settle()
    opened = restart.lab.wire.opened
    assert sorted(exchange.last[1][0] for exchange in opened) == sorted(restart.ids)
    for exchange in opened:
        while exchange.last[1].get(3):
            exchange.confirm()
        exchange.confirm()
        assert exchange.closed
    await restart.task
    opened.clear()
    restart.lab.lamp.on = True
    restart.lab.clock.advance()
    assert [im.reported(exchange) for exchange in opened] == [[(1, im.LAMP, 0, True)]] * 3


async def test_a_client_is_tried_again_ever_more_rarely(restart, im):
    restart.bring(BOB)
    restart.begin()
    start = restart.lab.clock.now
    for _ in range(15):
        await im.settle()
        restart.lab.clock.advance(1)
    assert [round(when - start) for when, node in restart.attempts if node == ALICE] == [0, 1, 3, 7]
    restart.bring(ALICE)
    await im.settle()
    restart.lab.clock.advance(1)
    await im.settle()
    assert {exchange.last[1][0] for exchange in restart.lab.wire.opened} == set(restart.ids)


async def test_a_client_that_shows_up_by_itself_is_used_at_once(restart, im):
    restart.begin()
    await im.settle()
    session = restart.lab.client(ALICE).session
    await im.settle()
    assert [exchange.session for exchange in restart.lab.wire.opened] == [session, session]


async def test_a_client_that_is_never_found_keeps_its_records_for_the_next_start(restart, im):
    restart.begin()
    for _ in range(200):
        await im.settle(4)
        restart.lab.clock.advance(600)
    await restart.task
    assert len(restart.lab.engine.subscriptions) == 0
    assert len(restart.lab.storage.scan("subscription/")) == 3


async def test_a_client_that_does_not_know_the_subscription_is_rid_of_it(restart, im):
    restart.bring(BOB)
    restart.begin()
    await im.settle()
    restart.lab.wire.opened[0].confirm(Status.INVALID_SUBSCRIPTION)
    await im.settle()
    assert len(restart.lab.storage.scan("subscription/")) == 2


async def test_a_report_that_is_lost_is_sent_again_later(restart, im):
    restart.bring(BOB)
    restart.begin()
    await im.settle()
    restart.lab.wire.opened[0].lose()
    await im.settle()
    restart.lab.clock.advance(1)
    await im.settle()
    restart.lab.wire.opened[1].confirm()
    await im.settle()
    assert len(restart.lab.wire.opened) == 2


async def test_a_client_that_subscribes_anew_meanwhile_loses_the_old_one(restart, im):
    restart.begin()
    await im.settle()
    fresh = restart.lab.client(BOB).subscribed(im.attribute(1, im.LAMP, 0))
    assert restart.ids[2] not in {s.id for s in restart.lab.engine.subscriptions}
    assert {key for key, _ in restart.lab.storage.scan("subscription/")} == {
        f"subscription/{id_}" for id_ in (*restart.ids[:2], fresh)
    }


async def test_records_of_a_fabric_that_is_gone_are_deleted(lab, im, make_lab):
    lab.client(fabric_index=2).subscribed(im.attribute(1, im.LAMP, 0))
    await lab.engine.close()
    after = make_lab(lab.storage)
    del after.node.fabrics[2]
    await after.engine.subscriptions.resume(Restarted(after).connect)
    assert after.storage.scan("subscription/") == []


async def test_a_client_that_is_lost_while_the_node_runs_is_looked_for(lab, alice, im):
    world = Restarted(lab)
    await lab.engine.subscriptions.resume(world.connect)
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.wire.sessions.close(alice.session)
    lab.lamp.on = True
    lab.clock.advance()
    await im.settle()
    assert len(world.attempts) == 1
    world.bring(ALICE)
    await im.settle()
    lab.clock.advance(1)
    await im.settle()
    assert [im.reported(exchange) for exchange in lab.wire.opened] == [[(1, im.LAMP, 0, True)]]


def test_a_record_comes_back_as_it_was():
    record = SubscriptionRecord(
        id=0xFFFF_FFFF,
        peer=Peer(254, 0xFFFF_FFEF_FFFF_FFFF),
        min_interval=0,
        max_interval=3600,
        attributes=(AttributePath(), AttributePath(1, 2, 3, 4, flags=0x1F7), AttributePath(0, 0, 0)),
        events=(EventPath(), EventPath(1, 2, 3, urgent=True)),
        event_filters=((None, 7), (5, 1 << 40)),
        fabric_filtered=True,
    )
    assert SubscriptionRecord.from_tlv(record.to_tlv()) == record


@pytest.mark.parametrize("data", [b"", b"\x15\x18", b"\x16\x18", b"\x04\x01", b"\x15\x24\x00\x01\x18", b"?"])
def test_a_record_that_makes_no_sense_is_dropped(data):
    storage = MemoryStorage()
    storage.put("subscription/1", data)
    assert SubscriptionStore(storage).load() == []
    assert storage.scan("subscription/") == []
