"""Events: reading them, being told of them, and who sees which (Matter Core 7.14, 8.4.3.3)."""

import pytest

from matter_node.codec import tlv
from matter_node.interaction.access import AccessTarget
from matter_node.model import Privilege
from matter_node.status import Status


def turn(lab, *lamps):
    server = type(lab.lamp)
    payload = server.turned.payload
    return [lamp.emit(server.turned, payload(on=True)) for lamp in lamps or (lab.lamp,)]


def write_down(lab, fabric_index):
    server = type(lab.diary)
    note = server.written.payload(text="dear diary", fabric_index=fabric_index)
    return lab.diary.emit(server.written, note, fabric_index=fabric_index)


def read_events(alice, im, *paths, **options):
    exchange = alice.read(events=paths, **options)
    while exchange.last[1].get(3):
        exchange.confirm()
    return im.events(exchange)


def test_an_event_as_it_travels(lab, alice, im):
    (number,) = turn(lab)
    _, message = alice.read(events=[im.event(1, im.LAMP, 0)]).last
    path = tlv.TlvList([(1, 1), (2, im.LAMP), (3, 0)])
    stamp = int(lab.clock.utc() * 1000)
    assert message == {
        2: [{1: {0: path, 1: number, 2: 1, 3: stamp, 7: {0: True}}}],
        4: True,
        0xFF: 12,
    }


def test_without_a_clock_the_time_since_start_is_told(lab, alice, im):
    lab.clock.utc = lambda: None
    lab.clock.advance(2.5)
    turn(lab)
    ((report,),) = [message[2] for _, message in alice.read(events=[im.event()]).answers]
    assert report[1][4] == 2500
    assert 3 not in report[1]


def test_events_come_in_the_order_of_their_numbers(lab, alice, im):
    numbers = turn(lab, lab.lamp, lab.second_lamp)
    numbers.append(lab.lamp.emit(type(lab.lamp).jammed))
    numbers += turn(lab)
    assert numbers == sorted(numbers)
    assert [event[3] for event in read_events(alice, im, im.event())] == numbers
    assert [event[3] for event in read_events(alice, im, im.event(1, im.LAMP))] == [
        numbers[0], numbers[2], numbers[3]
    ]  # fmt: skip
    assert [event[3] for event in read_events(alice, im, im.event(cluster=im.LAMP, event=1))] == [numbers[2]]


def test_a_filter_leaves_out_what_the_client_has(lab, alice, im):
    numbers = turn(lab, *[lab.lamp] * 5)

    def told(*filters):
        return [event[3] for event in read_events(alice, im, im.event(), event_filters=filters)]

    assert told({1: numbers[3]}) == numbers[3:]
    assert told({0: im.OWN_NODE_ID, 1: numbers[4]}) == numbers[4:]
    assert told({0: 0xBAD, 1: numbers[4]}) == numbers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ({"node": 0xBAD, "endpoint": 9, "cluster": 9, "event": 9}, Status.UNSUPPORTED_NODE),
        ({"endpoint": 9, "cluster": 9, "event": 9}, Status.UNSUPPORTED_ENDPOINT),
        ({"endpoint": 1, "cluster": 9, "event": 9}, Status.UNSUPPORTED_CLUSTER),
        ({"endpoint": 1, "cluster": 6, "event": 9}, Status.UNSUPPORTED_EVENT),
    ],
)
def test_what_a_concrete_path_may_meet(alice, im, path, status):
    ((*place, told),) = read_events(alice, im, im.event(**path))
    assert told is status
    assert place == [path["endpoint"], path["cluster"], path["event"]]


def test_who_may_not_look_does_not_learn_what_exists(lab, alice, im):
    turn(lab)
    lab.access.replace([])
    for path in ((1, 6, 0), (1, 6, 9), (1, 9, 0), (9, 6, 0)):
        assert read_events(alice, im, im.event(*path)) == [(*path, Status.UNSUPPORTED_ACCESS)]
    assert read_events(alice, im, im.event()) == []


def test_an_event_may_take_more_than_view(lab, alice, im):
    write_down(lab, 1)
    lab.grant((Privilege.MANAGE,))
    assert read_events(alice, im, im.event()) == []
    assert read_events(alice, im, im.event(1, im.DIARY, 0)) == [(1, im.DIARY, 0, Status.UNSUPPORTED_ACCESS)]


def test_a_fabric_s_events_are_for_that_fabric_alone(lab, alice, im):
    hers, his = write_down(lab, 1), write_down(lab, 2)
    bob = lab.client(fabric_index=2)
    for filtered in (True, False):
        assert [e[3] for e in read_events(alice, im, im.event(), filtered=filtered)] == [hers]
        assert [e[3] for e in read_events(bob, im, im.event(), filtered=filtered)] == [his]


def test_an_event_of_any_cluster_is_refused(alice, im):
    assert alice.read(events=[im.event(event=0)]).status is Status.INVALID_ACTION


def test_many_events_come_in_confirmed_messages_after_the_attributes(lab, alice, im):
    numbers = turn(lab, *[lab.lamp] * 200)
    exchange = alice.read(im.attribute(1, im.LAMP), events=[im.event()])
    while exchange.last[1].get(3):
        exchange.confirm()
    assert len(exchange.sent) > 5
    assert [event[3] for event in im.events(exchange)] == numbers
    with_attributes = [1 in message for _, message in exchange.answers]
    assert with_attributes == sorted(with_attributes, reverse=True)


# ---------------------------------------------------------------------- subscribed


def test_a_subscription_begins_with_the_events_there_are(lab, alice, im):
    turn(lab)
    exchange = alice.subscribe(events=[im.event(1, im.LAMP)])
    assert len(im.events(exchange)) == 1


def test_an_urgent_event_is_told_at_once(lab, alice, im):
    alice.subscribed(events=[im.event(1, im.LAMP, 1, urgent=True), im.event(1, im.LAMP, 0)], low=0)
    lab.clock.advance(1)
    lab.lamp.emit(type(lab.lamp).jammed)
    lab.clock.advance()
    (exchange,) = lab.wire.opened
    assert [event[2] for event in im.events(exchange)] == [1]


def test_but_not_before_the_least_interval(lab, alice, im):
    alice.subscribed(events=[im.event(urgent=True)], low=10)
    turn(lab)
    lab.clock.advance(9.9)
    assert lab.wire.opened == []
    lab.clock.advance(0.1)
    assert len(im.events(lab.wire.opened[0])) == 1


def test_another_event_comes_with_the_next_report(lab, alice, im):
    alice.subscribed(im.attribute(1, im.LAMP, 0), events=[im.event()], high=60)
    turn(lab)
    lab.clock.advance(20)
    assert lab.wire.opened == []
    lab.lamp.on = True
    lab.clock.advance()
    lab.wire.opened[0].confirm()
    assert len(im.events(lab.wire.opened[0])) == 1
    turn(lab)
    lab.clock.advance(50)
    assert len(im.events(lab.wire.opened[1])) == 1


def test_events_that_were_not_delivered_are_sent_again(lab, alice, im):
    alice.subscribed(events=[im.event(urgent=True)], high=60)
    first = turn(lab)
    lab.clock.advance()
    second = turn(lab)
    lab.wire.opened[0].lose()
    lab.clock.advance(60)
    assert [event[3] for event in im.events(lab.wire.opened[1])] == first + second


def test_events_of_others_and_of_what_is_hidden_are_not_told(lab, alice, im):
    alice.subscribed(events=[im.event(urgent=True)])
    write_down(lab, 2)
    lab.grant((Privilege.VIEW, AccessTarget(endpoint=2)))
    turn(lab, lab.lamp, lab.second_lamp)
    lab.clock.advance()
    assert [event[0] for event in im.events(lab.wire.opened[0])] == [2]


def test_a_subscription_to_no_kind_of_event_is_refused(alice, im):
    assert alice.subscribe(events=[im.event(1, im.LAMP, 9)]).status is Status.INVALID_ACTION
    assert alice.subscribe(events=[im.event(9)]).status is Status.INVALID_ACTION
