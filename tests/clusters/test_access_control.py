"""The access control list: what may be in it, who hears of changes, that it holds at once and for good."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.definitions.access_control import (
    AccessControl,
    AccessControlEntryAuthModeEnum,
    AccessControlEntryPrivilegeEnum,
    AccessControlEntryStruct,
    AccessControlExtensionStruct,
    AccessControlTargetStruct,
    ChangeTypeEnum,
)
from matter_node.model import Privilege
from matter_node.status import Status, StatusError

ADMIN = 112233
CASE, GROUP, PASE = (
    AccessControlEntryAuthModeEnum.CASE,
    AccessControlEntryAuthModeEnum.GROUP,
    AccessControlEntryAuthModeEnum.PASE,
)
VIEW, PROXY_VIEW, OPERATE, MANAGE, ADMINISTER = AccessControlEntryPrivilegeEnum


def entry(privilege=OPERATE, auth_mode=CASE, subjects=None, targets=None, fabric_index=1):
    return AccessControlEntryStruct(
        privilege=privilege,
        auth_mode=auth_mode,
        subjects=subjects,
        targets=targets,
        fabric_index=fabric_index,
    )


def target(cluster=None, endpoint=None, device_type=None):
    return AccessControlTargetStruct(cluster=cluster, endpoint=endpoint, device_type=device_type)


OWNER = entry(ADMINISTER, subjects=(ADMIN,))


@pytest.fixture
def administrator(node, authority):
    return node.commission(authority)


def write(node, context, *entries):
    node.acl.write(AccessControl.acl, context, entries)


def changes(node):
    """Return who changed what: (node id, passcode id, change, entry), without AddNOC's own entry."""
    return [
        (event.admin_node_id, event.admin_passcode_id, event.change_type, event.latest_value)
        for event in node.events(AccessControl.access_control_entry_changed)[1:]
    ]


def test_limits_are_the_least_that_is_allowed_or_more(node):
    assert node.acl.subjects_per_access_control_entry >= 4
    assert node.acl.targets_per_access_control_entry >= 3
    assert node.acl.access_control_entries_per_fabric >= 4


def test_a_written_list_is_in_force_at_once_and_after_a_restart(node, administrator):
    subject = dataclasses.replace(administrator.subject, node_id=7)
    assert not node.decisions.allows(subject, node.endpoint, 0x28, Privilege.VIEW)
    write(node, administrator, OWNER, entry(VIEW, subjects=(7,), targets=(target(cluster=0x28),)))
    assert node.decisions.allows(subject, node.endpoint, 0x28, Privilege.VIEW)
    assert not node.decisions.allows(subject, node.endpoint, 0x28, Privilege.OPERATE)
    assert not node.decisions.allows(subject, node.endpoint, 0x3E, Privilege.VIEW)
    again = node.restarted()
    assert again.acl.acl == node.acl.acl
    assert again.decisions.entries == node.decisions.entries


def test_each_fabric_writes_its_own_entries(node, administrator, make_authority):
    other = node.commission(make_authority(2))
    write(node, other, dataclasses.replace(OWNER, subjects=(5,), fabric_index=2))
    write(node, administrator)
    assert [(item.fabric_index, item.subjects) for item in node.acl.acl] == [(2, (5,))]


@pytest.mark.parametrize(
    "good",
    [
        entry(PROXY_VIEW),
        entry(subjects=(1,)),
        entry(subjects=(0xFFFF_FFEF_FFFF_FFFF,)),
        entry(subjects=(0xFFFF_FFFD_0001_0001,)),
        entry(subjects=(1, 2, 3, 4)),
        entry(MANAGE, GROUP, subjects=(1, 0xFFFF)),
        entry(targets=(target(cluster=6),)),
        entry(targets=(target(cluster=0xFFF1_FC01, endpoint=0xFFFE),)),
        entry(targets=(target(cluster=6, device_type=0x0100),)),
        entry(targets=(target(endpoint=0), target(endpoint=1), target(device_type=0xFFF4_BFFF))),
    ],
    ids=str,
)
def test_what_may_be_in_the_list(node, administrator, good):
    write(node, administrator, OWNER, good)
    assert node.acl.acl == (OWNER, good)


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (entry(ADMINISTER, PASE), Status.CONSTRAINT_ERROR),
        (entry(ADMINISTER, GROUP), Status.CONSTRAINT_ERROR),
        (entry(subjects=(0,)), Status.CONSTRAINT_ERROR),
        (entry(subjects=(0xFFFF_FFFF_FFFF_FFFF,)), Status.CONSTRAINT_ERROR),
        (entry(subjects=(0xFFFF_FFFD_0001_0000,)), Status.CONSTRAINT_ERROR),
        (entry(subjects=(0xFFFF_FFFF_FFFF_0000,)), Status.CONSTRAINT_ERROR),
        (entry(subjects=(0xFFFF_FFFB_0000_0000,)), Status.CONSTRAINT_ERROR),
        (entry(VIEW, GROUP, subjects=(0,)), Status.CONSTRAINT_ERROR),
        (entry(VIEW, GROUP, subjects=(0x1_0000,)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(endpoint=1, device_type=0x0100),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(6, 1, 0x0100),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(cluster=0x8000),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(cluster=0xFFF1_0001),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(cluster=0xFFF5_FC00),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(device_type=0xC000),)), Status.CONSTRAINT_ERROR),
        (entry(targets=(target(device_type=0xFFF5_0001),)), Status.CONSTRAINT_ERROR),
        (entry(subjects=(1, 2, 3, 4, 5)), Status.RESOURCE_EXHAUSTED),
        (entry(targets=tuple(target(endpoint=n) for n in range(4))), Status.RESOURCE_EXHAUSTED),
    ],
    ids=str,
)
def test_what_may_not(node, administrator, status_of, bad, status):
    assert status_of(write, node, administrator, OWNER, bad) == (status, None)
    assert node.acl.acl == (OWNER,)
    assert changes(node) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [(1, 0), (1, 6), (1, 255), (2, 0), (2, 255), (4, [{0: 0x1_0000_0000, 1: None, 2: None}])],
)
def test_values_there_are_not_break_a_constraint(field, value):
    element = {1: 5, 2: 2, 3: [ADMIN], 4: None, 0xFE: 1} | {field: value}
    with pytest.raises(StatusError) as caught:
        AccessControl.acl.datatype.take([element])
    assert caught.value.status is Status.CONSTRAINT_ERROR


def test_too_many_entries(node, administrator, status_of):
    four = [OWNER, *(entry(subjects=(n,)) for n in range(1, 4))]
    write(node, administrator, *four)
    call = (write, node, administrator, *four, entry())
    assert status_of(*call) == (Status.RESOURCE_EXHAUSTED, None)
    assert len(node.acl.acl) == 4


def test_empty_lists_are_stored_as_null(node, administrator):
    write(node, administrator, OWNER, entry(subjects=(), targets=()))
    assert node.acl.acl[1] == entry()


def test_every_change_is_reported(node, administrator):
    first, second, third = (entry(subjects=(n,)) for n in range(1, 4))
    write(node, administrator, OWNER, first, second)
    write(node, administrator, OWNER, third)
    write(node, administrator, OWNER, third)
    write(node, administrator)
    same = (ADMIN, None, ChangeTypeEnum.CHANGED, OWNER)
    assert changes(node) == [
        same,
        (ADMIN, None, ChangeTypeEnum.ADDED, first),
        (ADMIN, None, ChangeTypeEnum.ADDED, second),
        same,
        (ADMIN, None, ChangeTypeEnum.CHANGED, third),
        (ADMIN, None, ChangeTypeEnum.REMOVED, second),
        same,
        (ADMIN, None, ChangeTypeEnum.CHANGED, third),
        (ADMIN, None, ChangeTypeEnum.REMOVED, third),
        (ADMIN, None, ChangeTypeEnum.REMOVED, OWNER),
    ]


def test_a_commissioner_is_named_by_its_passcode(node, authority):
    context = node.commissioner()
    node.join(authority, context)
    write(node, node.answered(context), OWNER, entry())
    assert changes(node) == [
        (None, 0, ChangeTypeEnum.CHANGED, OWNER),
        (None, 0, ChangeTypeEnum.ADDED, entry()),
    ]


def test_an_entry_that_is_appended_changes_no_other(node, administrator):
    first, second = entry(subjects=(1,)), entry(subjects=(2,))
    write(node, administrator, first)
    write(node, dataclasses.replace(administrator, appending=True), first, second)
    assert changes(node)[-1] == (ADMIN, None, ChangeTypeEnum.ADDED, second)
    assert len(changes(node)) == 2


def test_events_belong_to_their_fabric(node, administrator, make_authority):
    node.commission(make_authority(2))
    write(node, administrator, OWNER, entry())
    indices = [record.fabric_index for record in node.tree.events.since(0)]
    assert indices == [1, 2, 1, 1]


# ---------------------------------------------------------------------- extension

HELLO = bytes.fromhex("17d00000f1ff01000548656c6c6f18")
"""A list with one profile-tagged octet string."""


def extend(node, context, *data):
    entries = tuple(
        AccessControlExtensionStruct(data=item, fabric_index=context.fabric_index) for item in data
    )
    node.acl.write(AccessControl.extension, context, entries)


def test_an_extension_is_kept_as_it_is(node, administrator):
    extend(node, administrator, HELLO)
    extend(node, administrator, b"\x17\x18")
    extend(node, administrator)
    kinds = [event.change_type for event in node.events(AccessControl.access_control_extension_changed)]
    assert kinds == [ChangeTypeEnum.ADDED, ChangeTypeEnum.CHANGED, ChangeTypeEnum.REMOVED]
    extend(node, administrator, HELLO)
    assert [item.data for item in node.restarted().acl.extension] == [HELLO]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15\x18",
        b"\x17",
        b"\x17\x18\x18",
        bytes.fromhex("173001054865 6c6c6f18".replace(" ", "")),
        bytes.fromhex("1710054865 6c6c6f18".replace(" ", "")),
        b"\xff\xff",
    ],
)
def test_an_extension_is_a_list_of_profile_tags(node, administrator, status_of, data):
    assert status_of(extend, node, administrator, data) == (Status.CONSTRAINT_ERROR, None)
    assert node.acl.extension == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=128), st.binary(max_size=100).map(lambda inner: b"\x17" + inner)))
def test_whatever_comes_as_an_extension_is_kept_or_refused(node, administrator, status_of, data):
    before = node.acl.extension
    refusal = status_of(extend, node, administrator, data)
    assert refusal in {None, (Status.CONSTRAINT_ERROR, None)}
    assert [item.data for item in node.acl.extension] == (
        [data] if refusal is None else [item.data for item in before]
    )


def test_a_fabric_has_one_extension(node, administrator, make_authority, status_of):
    assert status_of(extend, node, administrator, HELLO, HELLO) == (Status.CONSTRAINT_ERROR, None)
    other = node.commission(make_authority(2))
    extend(node, administrator, HELLO)
    extend(node, other, HELLO)
    assert len(node.acl.extension) == 2
