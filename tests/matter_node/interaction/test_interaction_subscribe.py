"""Subscriptions: how they begin, when they report, how they end (Matter Core 8.5)."""

import asyncio

import pytest

from matter_node.interaction.access import AccessTarget
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.subscription_quota import SubscriptionQuota
from matter_node.model import DeviceType, Endpoint, Privilege, Urgency
from matter_node.status import Status


@pytest.fixture
def reports(lab, im):
    """Take the reports that the node has begun since the last call, confirm them, return what they said."""

    def take(*, confirm=True):
        opened, lab.wire.opened = lab.wire.opened, []
        for exchange in opened:
            if not confirm:
                continue
            while exchange.last[0] == "REPORT_DATA" and not exchange.closed:
                if exchange.last[1].get(4):
                    exchange.acknowledge()
                    break
                exchange.confirm()
        return [im.reported(exchange) for exchange in opened]

    return take


@pytest.fixture
def passes(lab, reports):
    """Let time pass and return what was reported meanwhile."""

    def wait(seconds=0.0):
        lab.clock.advance(seconds)
        return reports()

    return wait


# ---------------------------------------------------------------------- beginning


def test_a_subscription_begins_with_a_report_that_is_confirmed(lab, alice, im):
    exchange = alice.subscribe(im.attribute(1, im.LAMP, 0), low=1, high=60)
    name, message = exchange.last
    assert name == "REPORT_DATA"
    assert im.reported(exchange) == [(1, im.LAMP, 0, False)]
    assert 4 not in message  # a response is wanted
    exchange.confirm()
    assert exchange.last == ("SUBSCRIBE_RESPONSE", {0: message[0], 2: 60, 0xFF: 12})
    assert exchange.closed


def test_a_long_first_report_comes_in_confirmed_messages(lab, alice, im):
    lab.lamp.scenes = tuple(range(300))
    exchange = alice.subscribe(im.attribute())
    messages = 1
    while exchange.last[1].get(3):
        exchange.confirm()
        messages += 1
    assert messages > 2
    assert all(4 not in message for _, message in exchange.answers)
    assert len({message[0] for _, message in exchange.answers}) == 1
    exchange.confirm()
    assert exchange.last[0] == "SUBSCRIBE_RESPONSE"


@pytest.mark.parametrize(
    ("low", "high", "granted"),
    [(0, 60, 60), (0, 0, 1), (30, 30, 30), (0, 0xFFFF, 3600), (5000, 6000, 5000)],
)
def test_the_granted_interval(alice, im, low, high, granted):
    exchange = alice.subscribe(im.attribute(1, im.LAMP, 0), low=low, high=high)
    exchange.confirm()
    assert exchange.last[1][2] == granted


def test_a_bad_path_beside_a_good_one_gets_its_status(alice, im):
    exchange = alice.subscribe(im.attribute(1, im.LAMP, 99), im.attribute(1, im.LAMP, 0))
    assert im.reported(exchange) == [
        (1, im.LAMP, 99, Status.UNSUPPORTED_ATTRIBUTE),
        (1, im.LAMP, 0, False),
    ]


@pytest.mark.parametrize(
    ("paths", "options"),
    [
        ([], {}),
        ([(1, 6, 0)], {"low": 61, "high": 60}),
        ([(1, 6, 99), (99, None, None)], {}),
        ([(None, None, 0)], {}),
    ],
)
def test_subscriptions_to_nothing_or_nonsense_are_refused(lab, alice, im, paths, options):
    exchange = alice.subscribe(*[im.attribute(*path) for path in paths], **options)
    assert exchange.status is Status.INVALID_ACTION
    assert len(lab.engine.subscriptions) == 0


def test_a_subscription_to_what_may_not_be_read_is_refused(lab, alice, im):
    lab.access.replace([])
    assert alice.subscribe(im.attribute()).status is Status.INVALID_ACTION


def test_without_keep_the_client_s_earlier_subscriptions_end(lab, alice, im):
    bob = lab.client(0xB0B)
    path = im.attribute(1, im.LAMP, 0)
    theirs = bob.subscribed(path)
    first, second = alice.subscribed(path), alice.subscribed(path, keep=True)
    assert {s.id for s in lab.engine.subscriptions} == {theirs, first, second}
    # even if the new one fails
    assert alice.subscribe(im.attribute(99)).status is Status.INVALID_ACTION
    assert {s.id for s in lab.engine.subscriptions} == {theirs}


@pytest.mark.parametrize("end", ["refused", "lost", "silent", "response lost"])
def test_a_subscription_whose_beginning_fails_is_none(lab, alice, im, end):
    exchange = alice.subscribe(im.attribute(1, im.LAMP, 0))
    if end == "refused":
        exchange.confirm(Status.INVALID_SUBSCRIPTION)
    elif end == "lost":
        exchange.lose()
    elif end == "silent":
        lab.clock.advance(60)
    else:
        exchange.confirm()
        exchange.lose()
    assert len(lab.engine.subscriptions) == 0
    assert lab.storage.scan("subscription/") == []


def test_what_changes_while_the_first_report_is_on_its_way_is_reported_after_it(lab, alice, im, passes):
    exchange = alice.subscribe(im.attribute(1, im.LAMP, 0))
    lab.lamp.on = True
    assert passes() == []
    exchange.confirm()
    assert passes() == []
    exchange.acknowledge()  # now the client knows that it has a subscription
    assert passes() == [[(1, im.LAMP, 0, True)]]


# ---------------------------------------------------------------------- when


def test_a_change_is_reported_with_the_next_turn_of_the_loop(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP))
    lab.clock.advance(5)
    lab.lamp.on = True
    assert passes(0.0) == [[(1, im.LAMP, 0, True)]]
    assert passes(10) == []


def test_changes_of_one_turn_share_a_report(lab, alice, im, passes):
    alice.subscribed(im.attribute())
    lab.second_lamp.on = True
    lab.lamp.label = "desk"
    lab.lamp.on = True
    lab.lamp.on = False
    assert passes() == [[(1, im.LAMP, 0, False), (1, im.LAMP, 1, "desk"), (2, im.LAMP, 0, True)]]


def test_what_is_not_subscribed_to_is_not_reported(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.lamp.label = "desk"
    lab.second_lamp.on = True
    assert passes() == []


def test_reports_keep_the_least_interval(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP, 0), low=10)
    lab.lamp.on = True
    assert passes(9.9) == []
    assert passes(0.1) == [[(1, im.LAMP, 0, True)]]
    lab.lamp.on = False
    assert passes(9.9) == []
    assert passes(0.1) == [[(1, im.LAMP, 0, False)]]


def test_one_report_at_a_time(lab, alice, im, reports):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.lamp.on = True
    lab.clock.advance()
    (exchange,) = lab.wire.opened
    lab.lamp.on = False
    lab.clock.advance(1)
    assert len(lab.wire.opened) == 1
    exchange.confirm()
    assert exchange.closed
    assert reports()[1:] == [[(1, im.LAMP, 0, False)]]


def test_attributes_of_quality_c_cause_no_report(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP))
    lab.lamp.wear = 5
    assert passes(5) == []
    # but a read tells
    assert (1, im.LAMP, 3, 5) in alice.get(im.attribute(1, im.LAMP))


def test_a_quieter_attribute_is_reported_once_a_second(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP))
    lab.lamp.level = 0  # from null: at once
    assert passes() == [[(1, im.LAMP, 2, 0)]]
    seen = []
    for step in range(1, 41):
        lab.lamp.level = step
        seen += [(step, value) for report in passes(0.1) for *_, value in report]
    assert [value for _, value in seen] == [10, 20, 30, 40]


def test_quieter_attributes_of_many_share_their_reports(lab, alice, im, passes):
    alice.subscribed(im.attribute())
    lab.lamp.level = lab.second_lamp.level = 1
    assert len(passes()) == 1
    taken = []
    for step in range(2, 32):
        (lab.lamp if step % 2 else lab.second_lamp).level = step
        taken += passes(0.1)
    assert [len(report) for report in taken] == [2, 2, 2]


def test_a_change_that_matters_leaves_quieter_ones_their_second(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP))
    lab.lamp.level = 1
    passes()
    lab.clock.advance(0.9)
    lab.lamp.level = 2
    lab.lamp.on = True
    assert passes() == [[(1, im.LAMP, 0, True)]]  # the level was reported less than a second ago
    lab.clock.advance(0.2)
    assert passes() == [[(1, im.LAMP, 2, 2)]]


def test_a_lazy_change_waits_a_minute_or_for_company(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP), high=600)
    lab.clock.advance(5)
    lab.lamp.changed(type(lab.lamp).level, Urgency.LAZY)
    assert passes(59.9) == []
    assert passes(0.1) == [[(1, im.LAMP, 2, None)]]
    lab.lamp.changed(type(lab.lamp).level, Urgency.LAZY)
    assert passes(5) == []
    lab.lamp.on = True
    assert passes() == [[(1, im.LAMP, 0, True), (1, im.LAMP, 2, None)]]


@pytest.mark.parametrize(("high", "after"), [(60, 48), (10, 8), (600, 300), (1, 0.8)])
def test_an_empty_report_says_that_nothing_changed(lab, alice, im, high, after):
    subscription_id = alice.subscribed(im.attribute(1, im.LAMP, 0), high=high)
    lab.clock.advance(after * 0.99)
    assert lab.wire.opened == []
    lab.clock.advance(after * 0.02)
    (exchange,) = lab.wire.opened
    assert exchange.last == ("REPORT_DATA", {0: subscription_id, 4: True, 0xFF: 12})
    exchange.acknowledge()
    lab.clock.advance(after)
    assert len(lab.wire.opened) == 2


def test_a_report_postpones_the_empty_one(lab, alice, im, passes):
    alice.subscribed(im.attribute(1, im.LAMP, 0), high=60)
    lab.clock.advance(40)
    lab.lamp.on = True
    assert passes() == [[(1, im.LAMP, 0, True)]]
    assert passes(47) == []
    assert passes(2) == [[]]


# ---------------------------------------------------------------------- what


def test_a_report_obeys_the_access_control_of_its_moment(lab, alice, im, passes):
    alice.subscribed(im.attribute())
    lab.grant((Privilege.VIEW, AccessTarget(endpoint=2)))
    lab.lamp.on = lab.second_lamp.on = True
    assert passes() == [[(2, im.LAMP, 0, True)]]
    lab.access.replace([])
    lab.lamp.on = lab.second_lamp.on = False
    assert passes() == []


def test_a_wildcard_picks_up_new_endpoints(lab, alice, im, passes):
    alice.subscribed(im.attribute())
    fresh = type(lab.lamp)(broken=0)
    lab.tree.add(Endpoint(5, [DeviceType(0x100, 3)], [fresh]))
    (report,) = passes()
    assert {key[:2] for key in report} == {(5, im.LAMP)}
    assert len(report) == 12
    fresh.on = True
    assert passes() == [[(5, im.LAMP, 0, True)]]
    fresh.on = False
    lab.tree.remove(5)
    assert passes() == []


def test_of_fabric_scoped_lists_each_client_sees_its_own(lab, alice, im, passes):
    bob = lab.client(0xB0B, fabric_index=2)
    path = im.attribute(1, im.DIARY, 0)
    alice.subscribed(path)
    bob.subscribed(path)
    alice.put((path, [{1: "hers"}]))
    assert sorted(passes(), key=str) == [
        [(1, im.DIARY, 0, [])],
        [(1, im.DIARY, 0, [{1: "hers", 0xFE: 1}])],
    ]


def test_many_subscriptions_in_one_fabric(lab, im, passes):
    clients = [lab.client(0x1000 + n) for n in range(50)]
    for client in clients:
        client.subscribed(im.attribute(), keep=True)
        client.subscribed(im.attribute(1, im.LAMP, 0), keep=True)
    assert len(lab.engine.subscriptions) == 100
    lab.lamp.on = True
    assert passes() == [[(1, im.LAMP, 0, True)]] * 100


# ---------------------------------------------------------------------- room


def test_the_fabric_that_holds_most_gives_way(lab, alice, im):
    lab.engine.subscriptions._quota = SubscriptionQuota(max_subscriptions=4)
    bob = lab.client(0xB0B, fabric_index=2)
    path = im.attribute(1, im.LAMP, 0)
    hers = [alice.subscribed(path, keep=True) for _ in range(4)]
    assert alice.subscribe(path, keep=True).status is Status.RESOURCE_EXHAUSTED
    his = [bob.subscribed(path, keep=True) for _ in range(2)]
    assert {s.id for s in lab.engine.subscriptions} == {*hers[2:], *his}
    assert bob.subscribe(path, keep=True).status is Status.RESOURCE_EXHAUSTED


def test_so_it_is_with_paths(lab, alice, im):
    lab.engine.subscriptions._quota = SubscriptionQuota(max_paths=10)
    bob = lab.client(0xB0B, fabric_index=2)
    path = im.attribute(1, im.LAMP, 0)
    for _ in range(3):
        alice.subscribed(path, path, path, keep=True)
    assert alice.subscribe(path, path, keep=True).status is Status.PATHS_EXHAUSTED
    bob.subscribed(path, path, path, keep=True)
    assert len(lab.engine.subscriptions) == 3


def test_too_many_paths_for_one_subscription(alice, im):
    assert alice.subscribe(*[im.attribute()] * 300).status is Status.PATHS_EXHAUSTED


# ---------------------------------------------------------------------- trouble


def test_a_client_that_does_not_want_the_report_is_unsubscribed(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.lamp.on = True
    lab.clock.advance()
    lab.wire.opened[0].confirm(Status.INVALID_SUBSCRIPTION)
    assert len(lab.engine.subscriptions) == 0
    assert lab.storage.scan("subscription/") == []


def test_a_change_does_not_wait_until_an_empty_report_is_acknowledged(lab, alice, im):
    """Two writes in a row are two reports (TC_I_2_4), wherever the empty report is."""
    alice.subscribed(im.attribute(1, im.LAMP, 0), high=60)
    lab.clock.advance(50)
    (empty,) = lab.wire.opened
    for number, on in enumerate((True, False), 1):
        lab.lamp.on = on
        lab.clock.advance(0.002)
        assert im.reported(lab.wire.opened[number]) == [(1, im.LAMP, 0, on)]
        lab.wire.opened[number].confirm()
    empty.acknowledge()
    lab.clock.advance(1)
    assert len(lab.wire.opened) == 3
    empty.say(Opcode.STATUS_RESPONSE, {0: Status.INVALID_SUBSCRIPTION})
    assert len(lab.engine.subscriptions) == 0


def test_an_empty_report_that_is_lost_takes_nothing_along_that_followed_it(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0), high=60)
    lab.clock.advance(50)
    lab.lamp.on = True
    lab.clock.advance()
    empty, report = lab.wire.opened
    empty.lose()
    report.confirm()
    lab.clock.advance(10)
    assert len(lab.wire.opened) == 2
    lab.lamp.on = False
    lab.clock.advance()
    assert im.reported(lab.wire.opened[2]) == [(1, im.LAMP, 0, False)]


def test_changes_until_a_report_is_confirmed_are_told_as_one_with_what_is_so_then(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    for on in (True, False, True, False):
        lab.lamp.on = on
        lab.clock.advance(0.002)
    (report,) = lab.wire.opened
    assert im.reported(report) == [(1, im.LAMP, 0, True)]
    report.confirm()
    assert im.reported(lab.wire.opened[1]) == [(1, im.LAMP, 0, False)]


def test_a_client_may_say_so_to_an_empty_report_too(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0), high=60)
    lab.clock.advance(50)
    lab.wire.opened[0].acknowledge()
    lab.wire.opened[0].say(Opcode.STATUS_RESPONSE, {0: Status.INVALID_SUBSCRIPTION})
    assert len(lab.engine.subscriptions) == 0


def test_what_could_not_be_delivered_is_tried_again_and_then_given_up(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0), high=60)
    lab.lamp.on = True
    lab.clock.advance()
    for attempt in range(3):
        assert len(lab.wire.opened) == attempt + 1
        assert im.reported(lab.wire.opened[-1]) == [(1, im.LAMP, 0, True)]
        lab.wire.opened[-1].lose()
        lab.clock.advance(47)
        assert len(lab.wire.opened) == attempt + 1
        lab.clock.advance(2)
    assert len(lab.wire.opened) == 3
    assert len(lab.engine.subscriptions) == 0


def test_the_report_follows_the_client_to_its_newest_session(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    newer = lab.client(alice.session.subject.node_id)
    lab.lamp.on = True
    lab.clock.advance()
    assert lab.wire.opened[0].session is newer.session


def test_a_session_that_ends_with_a_report_on_its_way_is_replaced(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.lamp.on = True
    lab.clock.advance()
    newer = lab.client(alice.session.subject.node_id)
    alice.session.closed = True
    lab.wire.opened[0].lose()
    lab.clock.advance()
    assert lab.wire.opened[1].session is newer.session
    assert im.reported(lab.wire.opened[1]) == [(1, im.LAMP, 0, True)]


def test_a_new_session_of_a_lost_client_is_used_at_once(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    lab.lamp.on = True
    lab.clock.advance()
    lab.wire.opened[0].lose()
    lab.clock.advance(1)
    newer = lab.client(alice.session.subject.node_id)
    lab.clock.advance()
    assert lab.wire.opened[1].session is newer.session
    assert im.reported(lab.wire.opened[1]) == [(1, im.LAMP, 0, True)]


def test_a_commissioner_s_subscription_ends_with_its_session(lab, im):
    commissioner = lab.client(pase=True)
    commissioner.subscribed(im.attribute(1, im.LAMP, 0))
    assert lab.storage.scan("subscription/") == []
    lab.wire.sessions.close(commissioner.session)
    assert len(lab.engine.subscriptions) == 0


def test_a_fabric_takes_its_subscriptions_along(lab, alice, im):
    bob = lab.client(0xB0B, fabric_index=2)
    alice.subscribed(im.attribute(1, im.LAMP, 0))
    his = bob.subscribed(im.attribute(1, im.LAMP, 0))
    lab.engine.subscriptions.fabric_removed(1)
    assert [s.id for s in lab.engine.subscriptions] == [his]
    assert [key for key, _ in lab.storage.scan("subscription/")] == [f"subscription/{his}"]


def test_groups_cannot_subscribe(lab, im):
    assert lab.group_client(1).subscribe(im.attribute()).sent == []


async def test_what_happened_last_is_still_told_when_the_node_stops(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0), events=[im.event(urgent=True)])
    lab.lamp.emit(type(lab.lamp).jammed)
    await lab.engine.close()
    assert len(im.events(lab.wire.opened[0])) == 1
    assert len(lab.storage.scan("subscription/")) == 1


async def test_the_last_events_wait_for_what_is_on_its_way(lab, alice, im):
    alice.subscribed(events=[im.event()], low=30, high=60)
    lab.clock.advance(48)
    (empty,) = lab.wire.opened
    lab.lamp.emit(type(lab.lamp).jammed)
    closing = asyncio.create_task(lab.engine.close(1.0))
    await im.settle()
    assert not closing.done()
    empty.acknowledge()
    report = lab.wire.opened[1]
    assert len(im.events(report)) == 1
    report.confirm()
    await im.settle()
    assert closing.done()


async def test_a_client_that_does_not_confirm_the_last_events_is_left_after_the_grace(lab, alice, im):
    alice.subscribed(events=[im.event()], low=30, high=60)
    lab.lamp.emit(type(lab.lamp).jammed)
    closing = asyncio.create_task(lab.engine.close(1.0))
    await im.settle()
    assert len(im.events(lab.wire.opened[0])) == 1
    lab.clock.advance(0.9)
    await im.settle()
    assert not closing.done()
    lab.clock.advance(0.1)
    await im.settle()
    assert closing.done()
