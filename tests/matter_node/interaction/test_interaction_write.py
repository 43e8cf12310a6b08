"""Writes: the order of refusals, lists, several messages, groups (Matter Core 8.7)."""

import pytest

from matter_node.interaction.access import AccessEntry, AccessTarget
from matter_node.model import Privilege
from matter_node.status import Status
from matter_node.subject import AuthMode


def test_a_value_is_written_and_its_version_counts(lab, alice, im):
    version = lab.lamp.data_version
    assert alice.put((im.attribute(1, im.LAMP, 0), True)) == [Status.SUCCESS]
    assert lab.lamp.on is True
    assert lab.lamp.data_version == (version + 1) % (1 << 32)


def test_the_same_value_again_changes_no_version(lab, alice, im):
    version = lab.lamp.data_version
    assert alice.put((im.attribute(1, im.LAMP, 0), False)) == [Status.SUCCESS]
    assert lab.lamp.data_version == version


def test_a_status_for_each_path_in_order(lab, alice, im):
    statuses = alice.put(
        (im.attribute(1, im.LAMP, 0), True),
        (im.attribute(1, im.LAMP, 4), 9),
        (im.attribute(1, im.LAMP, 1), "desk"),
    )
    assert statuses == [Status.SUCCESS, Status.UNSUPPORTED_WRITE, Status.SUCCESS]
    assert (lab.lamp.on, lab.lamp.model, lab.lamp.label) == (True, 7, "desk")


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ({"node": 0xBAD, "endpoint": 9, "cluster": 9, "attribute": 9}, 0, Status.UNSUPPORTED_NODE),
        ({"endpoint": 9, "cluster": 9, "attribute": 9}, 0, Status.UNSUPPORTED_ENDPOINT),
        ({"endpoint": 1, "cluster": 9, "attribute": 9}, 0, Status.UNSUPPORTED_CLUSTER),
        ({"endpoint": 1, "cluster": 6, "attribute": 9}, 0, Status.UNSUPPORTED_ATTRIBUTE),
        ({"endpoint": 1, "cluster": 6, "attribute": 2}, 0, Status.UNSUPPORTED_WRITE),
        ({"endpoint": 1, "cluster": 6, "attribute": 0xFFFD}, 0, Status.UNSUPPORTED_WRITE),
        ({"endpoint": 2, "cluster": 0xFFF1_FC02, "attribute": 0}, 0, Status.NEEDS_TIMED_INTERACTION),
        ({"endpoint": 1, "cluster": 6, "attribute": 0}, 1, Status.INVALID_DATA_TYPE),
        ({"endpoint": 1, "cluster": 6, "attribute": 7}, 0x10000, Status.CONSTRAINT_ERROR),
        ({"endpoint": 1, "cluster": 0xFFF1_FC01, "attribute": 0}, [{2: "no text"}], Status.CONSTRAINT_ERROR),
        ({"endpoint": 1, "cluster": 0xFFF1_FC01, "attribute": 0}, [3], Status.INVALID_DATA_TYPE),
    ],
)
def test_refusals(lab, alice, im, path, data, status):
    assert alice.put((im.attribute(**path), data)) == [status]


@pytest.mark.parametrize("path", [(1, 6, 0), (1, 6, 99), (1, 99, 0), (99, 6, 0), (1, 6, 4)])
def test_who_may_not_look_does_not_learn_what_exists(lab, alice, im, path):
    lab.access.replace([])
    assert alice.put((im.attribute(*path), True)) == [Status.UNSUPPORTED_ACCESS]
    assert lab.lamp.on is False


def test_who_may_look_may_not_write_yet(lab, alice, im):
    lab.grant((Privilege.VIEW,))
    assert alice.put((im.attribute(1, im.LAMP, 0), True)) == [Status.UNSUPPORTED_ACCESS]
    assert alice.put((im.attribute(1, im.LAMP, 4), 1)) == [Status.UNSUPPORTED_WRITE]
    # the privilege comes before the timing
    assert alice.put((im.attribute(2, im.VAULT, 0), 1)) == [Status.UNSUPPORTED_ACCESS]


def test_a_write_may_depend_on_the_version(lab, alice, im):
    path, version = im.attribute(1, im.LAMP, 0), lab.lamp.data_version
    assert alice.put((path, True, (version + 1) % (1 << 32))) == [Status.DATA_VERSION_MISMATCH]
    assert alice.put((path, True, version)) == [Status.SUCCESS]
    assert alice.put((path, False, version)) == [Status.DATA_VERSION_MISMATCH]
    # a wrong version is told before a wrong type
    assert alice.put((path, "no", version)) == [Status.DATA_VERSION_MISMATCH]


def test_the_writes_of_one_message_are_one_change_of_the_cluster(lab, alice, im):
    version = lab.lamp.data_version
    on, label = im.attribute(1, im.LAMP, 0), im.attribute(1, im.LAMP, 1)
    assert alice.put((on, True, version), (label, "desk", version)) == [Status.SUCCESS] * 2
    assert lab.lamp.data_version == (version + 1) % (1 << 32)
    assert alice.put((on, False), (label, "floor")) == [Status.SUCCESS] * 2
    assert alice.put((on, True), (label, "wall")) == [Status.SUCCESS] * 2
    assert lab.lamp.data_version == (version + 3) % (1 << 32)


def test_a_list_that_depends_on_the_version_grows_in_several_messages(lab, alice, im):
    path, version = im.attribute(1, im.LAMP, 5), lab.lamp.data_version
    first, second = ((*write, version) for write in appended(im, 1, 2))
    exchange = alice.write((path, [], version), first, more=True)
    assert im.statuses(exchange) == [Status.SUCCESS]
    assert im.statuses(alice.write(second, exchange=exchange)) == [Status.SUCCESS]
    assert lab.lamp.scenes == (1, 2)


def test_a_server_that_breaks_still_answers(lab, alice, im, monkeypatch):
    monkeypatch.setattr(type(lab.lamp), "write_label", lambda *_: 1 / 0, raising=False)
    assert alice.put((im.attribute(1, im.LAMP, 1), "x")) == [Status.FAILURE]


# ---------------------------------------------------------------------- lists


def appended(im, *items, attribute=5, cluster=6):
    return [(im.attribute(1, cluster, attribute, index=None), item) for item in items]


def test_a_list_is_replaced_and_then_grows(lab, alice, im):
    path = im.attribute(1, im.LAMP, 5)
    assert alice.put((path, [7])) == [Status.SUCCESS]
    assert alice.put((path, []), *appended(im, 1, 2, 3)) == [Status.SUCCESS]
    assert lab.lamp.scenes == (1, 2, 3)


def test_an_append_out_of_the_blue_is_busy(lab, alice, im):
    lab.lamp.scenes = (1,)
    assert alice.put(*appended(im, 2)) == [Status.BUSY]
    list_path, other = im.attribute(1, im.LAMP, 5), im.attribute(1, im.LAMP, 0)
    assert alice.put((list_path, []), (other, True), *appended(im, 2)) == [
        Status.SUCCESS,
        Status.SUCCESS,
        Status.BUSY,
    ]
    assert lab.lamp.scenes == ()


def test_a_bad_entry_fails_the_list_and_leaves_the_good_ones(lab, alice, im):
    path = im.attribute(1, im.LAMP, 5)
    assert alice.put((path, []), *appended(im, 1, "two", 3)) == [Status.INVALID_DATA_TYPE]
    assert lab.lamp.scenes == (1,)


def test_appending_to_what_is_no_list_is_refused(lab, alice, im):
    write = (im.attribute(1, im.LAMP, 0, index=None), True)
    assert alice.put(write) == [Status.BUSY]
    assert alice.put((im.attribute(1, im.LAMP, 0), False), write)[-1] is not Status.SUCCESS
    assert lab.lamp.on is False


def test_a_write_of_one_entry_is_an_invalid_action(alice, im):
    assert alice.write((im.attribute(1, im.LAMP, 5, index=0), 1)).status is Status.INVALID_ACTION


def test_entries_belong_to_the_fabric_that_writes_them(lab, alice, im):
    bob = lab.client(fabric_index=2)
    path = im.attribute(1, im.DIARY, 0)
    assert bob.put((path, [{1: "bob's"}])) == [Status.SUCCESS]
    more = appended(im, {1: "b", 0xFE: 9}, attribute=0, cluster=im.DIARY)
    assert alice.put((path, [{1: "a", 0xFE: 2}]), *more) == [Status.SUCCESS]
    assert [(note.text, note.fabric_index) for note in lab.diary.notes] == [("bob's", 2), ("a", 1), ("b", 1)]
    assert alice.put((path, [])) == [Status.SUCCESS]
    assert [note.text for note in lab.diary.notes] == ["bob's"]


def test_a_commissioner_without_a_fabric_writes_no_fabric_scoped_list(lab, im):
    commissioner = lab.client(pase=True)
    assert commissioner.put((im.attribute(1, im.DIARY, 0), [])) == [Status.UNSUPPORTED_ACCESS]
    assert commissioner.put((im.attribute(1, im.LAMP, 0), True)) == [Status.SUCCESS]


def test_the_decision_for_a_list_holds_until_its_end(lab, alice, im, monkeypatch):
    """A list may be the access control list: its first entry may take the writer's rights away."""

    def write_scenes(self, context, value):
        lab.access.replace([])
        self.set_value(type(self).scenes, value)

    monkeypatch.setattr(type(lab.lamp), "write_scenes", write_scenes, raising=False)
    assert alice.put(
        (im.attribute(1, im.LAMP, 5), []), *appended(im, 1, 2), (im.attribute(1, im.LAMP, 0), True)
    ) == [Status.SUCCESS, Status.UNSUPPORTED_ACCESS]
    assert lab.lamp.scenes == (1, 2)


# ---------------------------------------------------------------------- several messages


def test_a_write_in_several_messages(lab, alice, im):
    path = im.attribute(1, im.LAMP, 5)
    exchange = alice.write((path, [1]), more=True)
    assert im.statuses(exchange) == [Status.SUCCESS]
    assert not exchange.closed
    alice.write(*appended(im, 2, 3), more=True, exchange=exchange)
    alice.write(*appended(im, 4), exchange=exchange)
    assert len(exchange.sent) == 3
    assert exchange.closed
    assert lab.lamp.scenes == (1, 2, 3, 4)


def test_meanwhile_others_wait_for_the_list(lab, alice, im):
    bob = lab.client(0xB0B)
    path = im.attribute(1, im.LAMP, 5)
    exchange = alice.write((path, [1]), more=True)
    assert bob.put((path, [9])) == [Status.BUSY]
    assert bob.put((im.attribute(1, im.LAMP, 0), True)) == [Status.SUCCESS]
    alice.write(*appended(im, 2), exchange=exchange)
    assert bob.put((path, [9])) == [Status.SUCCESS]


@pytest.mark.parametrize("end", ["silence", "loss"])
def test_a_writer_that_is_gone_frees_the_list(lab, alice, im, end):
    path = im.attribute(1, im.LAMP, 5)
    exchange = alice.write((path, [1]), more=True)
    if end == "silence":
        lab.clock.advance(60)
        assert exchange.closed
    else:
        exchange.lose()
    assert lab.client(0xB0B).put((path, [9])) == [Status.SUCCESS]


def test_several_messages_are_neither_timed_nor_unanswered(alice, im):
    write = (im.attribute(1, im.LAMP, 0), True)
    assert alice.write(write, more=True, suppress=True).status is Status.INVALID_ACTION
    assert alice.write(write, more=True, timed=True).status is Status.INVALID_ACTION


def test_suppressed_responses_are_not_sent(lab, alice, im):
    exchange = alice.write((im.attribute(1, im.LAMP, 0), True), suppress=True)
    assert exchange.sent == []
    assert lab.lamp.on is True


def test_writes_that_could_not_all_be_answered_change_nothing(lab, alice, im):
    writes = [(im.attribute(1, im.LAMP, 0x100 + n), True) for n in range(70)]
    exchange = alice.write((im.attribute(1, im.LAMP, 0), True), *writes)
    assert exchange.status is Status.RESOURCE_EXHAUSTED
    assert lab.lamp.on is False


def test_a_wildcard_endpoint_is_for_groups(lab, alice, im):
    assert alice.write((im.attribute(None, im.LAMP, 0), True)).status is Status.INVALID_ACTION
    assert lab.lamp.on is False


# ---------------------------------------------------------------------- groups


@pytest.fixture
def kitchen(lab):
    """A group of both lamps, allowed to operate lamps."""
    lab.groups.members[1, 7] = [2, 1]
    lab.access.replace([AccessEntry(1, Privilege.OPERATE, AuthMode.GROUP, (7,), (AccessTarget(cluster=6),))])
    return lab.group_client(7)


def test_a_group_writes_to_its_members_in_silence(lab, kitchen, im):
    kitchen.write((im.attribute(None, im.LAMP, 0), True), suppress=True)
    assert lab.lamp.on is True
    assert lab.second_lamp.on is True


@pytest.mark.parametrize("mistake", ["answer wanted", "endpoint named", "timed", "no member", "no privilege"])
def test_group_writes_that_are_not_done(lab, kitchen, im, mistake):
    endpoint = 1 if mistake == "endpoint named" else None
    attribute = 1 if mistake == "no privilege" else 0
    if mistake == "no member":
        lab.groups.members.clear()
    kitchen.write(
        (im.attribute(endpoint, im.LAMP, attribute), "x" if attribute else True),
        suppress=mistake != "answer wanted",
        timed=mistake == "timed",
    )
    assert lab.lamp.on is False
    assert lab.lamp.label == ""
