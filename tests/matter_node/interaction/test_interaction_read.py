"""Reads: what is found, in what order errors are told, and how reports fill messages (Matter Core 8.4)."""

import pytest

from matter_node.codec import tlv
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.access import AccessTarget
from matter_node.interaction.opcode import Opcode
from matter_node.model import DeviceType, Endpoint, Privilege
from matter_node.status import Status

GLOBALS = [0xFFF8, 0xFFF9, 0xFFFB, 0xFFFC, 0xFFFD]


def test_one_attribute(lab, alice, im):
    exchange = alice.read(im.attribute(1, im.LAMP, 0))
    name, message = exchange.last
    assert name == "REPORT_DATA"
    assert message == {
        1: [{1: {0: lab.lamp.data_version, 1: tlv.TlvList([(2, 1), (3, im.LAMP), (4, 0)]), 2: False}}],
        4: True,
        0xFF: 12,
    }
    assert exchange.closed


def test_no_paths_give_an_empty_report(alice):
    assert alice.read().last == ("REPORT_DATA", {4: True, 0xFF: 12})


def test_a_wildcard_finds_what_is_readable_cluster_by_cluster(lab, alice, im):
    found = alice.get(im.attribute())
    places = [key[:3] for key in found]
    assert places == sorted(set(places))
    assert [a for e, c, a in places if (e, c) == (1, im.LAMP)] == [0, 1, 2, 3, 4, 5, 7, *GLOBALS]
    assert [a for e, c, a in places if (e, c) == (2, im.VAULT)] == [0, *GLOBALS]  # 1 is write-only
    assert {e for e, _, _ in places} == {0, 1, 2}


def test_attribute_list_names_exactly_what_there_is(alice, im):
    ((*_, ids),) = alice.get(im.attribute(1, im.LAMP, 0xFFFB))
    assert ids == [0, 1, 2, 3, 4, 5, 6, 7, *GLOBALS]


def test_a_global_attribute_of_every_cluster(alice, im):
    found = alice.get(im.attribute(attribute=0xFFFD))
    assert [(e, c, v) for e, c, _, v in found] == [
        (0, im.DIARY, 1),
        (0, im.VAULT, 1),
        (1, im.LAMP, 6),
        (1, im.DIARY, 1),
        (2, im.LAMP, 6),
        (2, im.VAULT, 1),
    ]


def test_another_attribute_of_every_cluster_is_refused(alice, im):
    assert alice.read(im.attribute(attribute=0)).status is Status.INVALID_ACTION


def test_paths_that_overlap_report_once(alice, im):
    found = alice.get(
        im.attribute(1, im.LAMP, 1), im.attribute(1, im.LAMP), im.attribute(1, im.LAMP, 0), im.attribute(1)
    )
    places = [key[:3] for key in found]
    assert places == sorted(set(places))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ({"node": 0xBAD, "endpoint": 9, "cluster": 9, "attribute": 9}, Status.UNSUPPORTED_NODE),
        ({"endpoint": 9, "cluster": 9, "attribute": 9}, Status.UNSUPPORTED_ENDPOINT),
        ({"endpoint": 1, "cluster": 9, "attribute": 9}, Status.UNSUPPORTED_CLUSTER),
        ({"endpoint": 1, "cluster": 6, "attribute": 9}, Status.UNSUPPORTED_ATTRIBUTE),
        ({"endpoint": 2, "cluster": 0xFFF1_FC02, "attribute": 1}, Status.UNSUPPORTED_READ),
        ({"endpoint": 1, "cluster": 6, "attribute": 6}, Status.FAILURE),  # its server cannot tell
    ],
)
def test_what_a_concrete_path_may_meet(alice, im, path, status):
    ((*place, told),) = alice.get(im.attribute(**path))
    assert told is status
    assert place == [path["endpoint"], path["cluster"], path["attribute"]]


def test_a_path_may_name_the_node(alice, im):
    assert alice.get(im.attribute(1, im.LAMP, 4, node=im.OWN_NODE_ID)) == [(1, im.LAMP, 4, 7)]
    assert alice.get(im.attribute(1, im.LAMP, node=0xBAD)) == []


@pytest.mark.parametrize(
    "path",
    [(1, 6, 0), (1, 6, 99), (1, 99, 0), (99, 6, 0), (2, 0xFFF1_FC02, 1)],
)
def test_who_may_not_look_does_not_learn_what_exists(lab, alice, im, path):
    lab.access.replace([])
    assert alice.get(im.attribute(*path)) == [(*path, Status.UNSUPPORTED_ACCESS)]
    assert alice.get(im.attribute()) == []


def test_an_attribute_may_take_more_than_view(lab, alice, im):
    lab.grant((Privilege.VIEW,))
    assert alice.get(im.attribute(2, im.VAULT, 0)) == [(2, im.VAULT, 0, Status.UNSUPPORTED_ACCESS)]
    assert 0 not in [a for *_, a, _ in alice.get(im.attribute(2, im.VAULT))]
    # what is not there comes first, what cannot be read next
    assert alice.get(im.attribute(2, im.VAULT, 5)) == [(2, im.VAULT, 5, Status.UNSUPPORTED_ATTRIBUTE)]
    assert alice.get(im.attribute(2, im.VAULT, 1)) == [(2, im.VAULT, 1, Status.UNSUPPORTED_READ)]


def test_a_wildcard_shows_what_the_targets_allow(lab, alice, im):
    lab.grant((Privilege.VIEW, AccessTarget(endpoint=2, cluster=im.LAMP)))
    assert {key[:2] for key in alice.get(im.attribute())} == {(2, im.LAMP)}


@pytest.mark.parametrize(
    ("flag", "gone"),
    [
        (1 << 1, {0xFFF8, 0xFFF9, 0xFFFB}),
        (1 << 2, {0xFFFB}),
        (1 << 4, {0xFFF8, 0xFFF9}),
        (1 << 6, {4, *GLOBALS}),
        (1 << 7, {3}),
    ],
)
def test_wildcard_flags_leave_attributes_out(alice, im, flag, gone):
    everything = {a for *_, a, _ in alice.get(im.attribute(1, im.LAMP))}
    assert everything - {a for *_, a, _ in alice.get(im.attribute(1, im.LAMP, flags=flag))} == gone


def test_wildcard_flags_leave_clusters_and_the_root_out(alice, im):
    assert {e for e, *_ in alice.get(im.attribute(flags=1))} == {1, 2}
    assert {c for _, c, *_ in alice.get(im.attribute(flags=1 << 5))} == {im.LAMP}


def test_wildcard_flags_do_not_concern_concrete_paths(alice, im):
    assert alice.get(im.attribute(1, im.LAMP, 4, flags=1 << 6)) == [(1, im.LAMP, 4, 7)]


def test_a_cluster_that_the_client_knows_is_not_reported(lab, alice, im):
    version = lab.lamp.data_version
    known = [(1, im.LAMP, version)]
    assert alice.get(im.attribute(1, im.LAMP, 0), versions=known) == []
    assert {key[:2] for key in alice.get(im.attribute(), versions=known)} == {
        (0, im.DIARY), (0, im.VAULT), (1, im.DIARY), (2, im.LAMP), (2, im.VAULT)
    }  # fmt: skip
    lab.lamp.on = True
    assert lab.lamp.data_version == (version + 1) % (1 << 32)
    assert alice.get(im.attribute(1, im.LAMP, 0), versions=known) == [(1, im.LAMP, 0, True)]
    # being up to date does not hide an error
    assert alice.get(im.attribute(1, im.LAMP, 99), versions=[(1, im.LAMP, lab.lamp.data_version)]) == [
        (1, im.LAMP, 99, Status.UNSUPPORTED_ATTRIBUTE)
    ]


def write_notes(lab, im):
    for fabric_index, text in ((1, "mine"), (2, "theirs")):
        writer = lab.client(fabric_index=fabric_index)
        path = im.attribute(1, im.DIARY, 0)
        assert writer.put((path, [{1: text, 2: f"{text}, secretly"}])) == [Status.SUCCESS]


def test_of_a_fabric_scoped_list_others_are_left_out_or_without_secrets(lab, alice, im):
    write_notes(lab, im)
    path = im.attribute(1, im.DIARY, 0)
    mine = {1: "mine", 2: "mine, secretly", 0xFE: 1}
    assert alice.get(path, filtered=True) == [(1, im.DIARY, 0, [mine])]
    assert alice.get(path, filtered=False) == [(1, im.DIARY, 0, [mine, {1: "theirs", 0xFE: 2}])]


def test_a_commissioner_without_a_fabric_sees_no_fabric_s_entries(lab, im):
    write_notes(lab, im)
    commissioner = lab.client(pase=True)
    assert commissioner.get(im.attribute(1, im.DIARY, 0)) == [(1, im.DIARY, 0, [])]


# ---------------------------------------------------------------------- messages


def test_a_long_report_comes_in_messages_that_are_confirmed_one_by_one(lab, alice, im):
    for number in range(10, 40):
        lab.tree.add(Endpoint(number, [DeviceType(0x100, 3)], [type(lab.lamp)(broken=0)]))
    exchange = alice.read(im.attribute())
    messages = 1
    while exchange.last[1].get(3):
        assert 4 not in exchange.last[1]
        assert len(exchange.sent) == messages  # the next one waits for the client
        exchange.confirm()
        messages += 1
    assert exchange.last[1][4] is True
    assert exchange.closed
    assert messages > 10
    places = [key[:3] for key in im.reported(exchange)]
    assert len(places) == len(set(places)) == 30 * 12 + 2 * 12 + 2 * 6 + 2 * 6
    # no message could have held the first report of the next one
    for (_, sent), (_, following) in zip(exchange.sent, exchange.sent[1:], strict=False):
        first = tlv.decode(following)[1][0]
        assert len(sent) + len(tlv.encode(first)) > MAX_MESSAGE_PAYLOAD - 2


@pytest.mark.parametrize("length", range(1080, 1180))
def test_at_every_boundary_nothing_is_lost_and_nothing_too_long(lab, alice, im, length):
    lab.lamp.label = "x" * length
    found = alice.get(im.attribute(1, im.LAMP))
    label = next(value for *_, id_, value in found if id_ == 1)
    fits = length <= 1132
    assert label == "x" * length if fits else label is Status.RESOURCE_EXHAUSTED
    assert [a for *_, a, _ in found] == [0, 1, 2, 3, 4, 5, 7, *GLOBALS]


@pytest.mark.parametrize("entries", [0, 1, 270, 279, 280, 281, 282, 290, 1500])
def test_a_long_list_is_sent_entry_by_entry(lab, alice, im, entries):
    lab.lamp.scenes = tuple(range(1000, 1000 + entries))
    assert alice.get(im.attribute(1, im.LAMP, 5)) == [(1, im.LAMP, 5, list(lab.lamp.scenes))]


def test_a_client_that_stops_is_not_sent_more(lab, alice, im):
    lab.lamp.scenes = tuple(range(1500))
    exchange = alice.read(im.attribute(1, im.LAMP, 5))
    exchange.confirm(Status.FAILURE)
    assert len(exchange.sent) == 1
    assert exchange.closed


def test_a_client_that_says_something_else_is_told_so(lab, alice, im):
    lab.lamp.scenes = tuple(range(1500))
    exchange = alice.read(im.attribute(1, im.LAMP, 5))
    exchange.say(Opcode.READ_REQUEST, {3: True})
    assert exchange.status is Status.INVALID_ACTION
    assert exchange.closed


def test_a_client_that_falls_silent_is_let_go(lab, alice, im):
    lab.lamp.scenes = tuple(range(1500))
    exchange = alice.read(im.attribute(1, im.LAMP, 5))
    lab.clock.advance(60)
    assert exchange.closed


def test_an_endpoint_that_goes_while_it_is_read_is_left_out(lab, alice, im):
    lab.lamp.scenes = tuple(range(1500))
    exchange = alice.read(im.attribute())
    lab.tree.remove(2)
    while exchange.last[1].get(3):
        exchange.confirm()
    assert {e for e, *_ in im.reported(exchange)} == {0, 1}


def test_an_unexpected_first_message_is_refused(alice):
    assert alice.say(Opcode.STATUS_RESPONSE, {0: 0}).status is Status.INVALID_ACTION
    assert alice.say(Opcode.REPORT_DATA, {0: 1}).status is Status.INVALID_SUBSCRIPTION
    assert alice.say(0x77, {}).status is Status.INVALID_ACTION


def test_groups_cannot_read(lab, im):
    assert lab.group_client(1).read(im.attribute()).sent == []
