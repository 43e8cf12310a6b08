"""Who may do what: the access control list and its decisions (Matter Core 6.6)."""

import pytest

from matter_node.interaction.access import AccessControl, AccessEntry, AccessTarget
from matter_node.model import Cluster, DeviceType, Endpoint, Privilege
from matter_node.subject import AuthMode, Subject

ON_OFF = 0x0006


class OnOff(Cluster):
    ID = ON_OFF


LAMP = Endpoint(3, [DeviceType(0x0100, 3)], [OnOff()])
ALICE = Subject(AuthMode.CASE, fabric_index=1, node_id=0xA11CE)
PRIVILEGES = list(Privilege)


def entry(privilege, subjects=(), targets=(), *, fabric_index=1, auth_mode=AuthMode.CASE):
    return AccessEntry(fabric_index, privilege, auth_mode, tuple(subjects), tuple(targets))


def allowed(access, subject=ALICE, endpoint=LAMP, cluster=ON_OFF):
    return [
        privilege.name for privilege in PRIVILEGES if access.allows(subject, endpoint, cluster, privilege)
    ]


@pytest.mark.parametrize(
    ("granted", "included"),
    [
        (Privilege.VIEW, ["VIEW"]),
        (Privilege.PROXY_VIEW, ["VIEW", "PROXY_VIEW"]),
        (Privilege.OPERATE, ["VIEW", "OPERATE"]),
        (Privilege.MANAGE, ["VIEW", "OPERATE", "MANAGE"]),
        (Privilege.ADMINISTER, ["VIEW", "PROXY_VIEW", "OPERATE", "MANAGE", "ADMINISTER"]),
    ],
)
def test_a_privilege_includes_the_lower_ones(granted, included):
    assert allowed(AccessControl([entry(granted)])) == included


def test_nobody_may_do_anything_without_an_entry():
    assert allowed(AccessControl()) == []


def test_a_commissioner_on_pase_may_do_everything():
    assert allowed(AccessControl(), Subject(AuthMode.PASE)) == [privilege.name for privilege in PRIVILEGES]


def test_an_entry_is_for_its_own_fabric_and_auth_mode():
    assert allowed(AccessControl([entry(Privilege.VIEW, fabric_index=2)])) == []
    assert allowed(AccessControl([entry(Privilege.VIEW, auth_mode=AuthMode.GROUP)])) == []


def test_a_named_node_is_meant_and_no_other():
    access = AccessControl([entry(Privilege.OPERATE, [0xB0B, 0xA11CE])])
    assert allowed(access) == ["VIEW", "OPERATE"]
    assert allowed(access, Subject(AuthMode.CASE, 1, 0xC0DE)) == []


@pytest.mark.parametrize(
    ("cat", "matches"),
    [
        (0x0001_0002, True),
        (0x0001_0003, True),  # a later version of the tag
        (0x0001_0001, False),
        (0x0002_0002, False),
    ],
)
def test_a_tag_matches_from_its_version_on(cat, matches):
    access = AccessControl([entry(Privilege.VIEW, [0xFFFF_FFFD_0001_0002])])
    assert bool(allowed(access, Subject(AuthMode.CASE, 1, 5, cats=(0x0009_0001, cat)))) is matches


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        (AccessTarget(cluster=ON_OFF), True),
        (AccessTarget(cluster=8), False),
        (AccessTarget(endpoint=3), True),
        (AccessTarget(endpoint=4), False),
        (AccessTarget(cluster=ON_OFF, endpoint=3), True),
        (AccessTarget(cluster=ON_OFF, endpoint=4), False),
        (AccessTarget(device_type=0x0100), True),
        (AccessTarget(device_type=0x0101), False),
    ],
)
def test_a_target_has_to_fit_in_every_field(target, reached):
    assert bool(allowed(AccessControl([entry(Privilege.VIEW, targets=[target])]))) is reached


def test_entries_add_up():
    access = AccessControl(
        [
            entry(Privilege.VIEW),
            entry(Privilege.MANAGE, targets=[AccessTarget(cluster=8), AccessTarget(endpoint=3)]),
        ]
    )
    assert allowed(access) == ["VIEW", "OPERATE", "MANAGE"]
    assert allowed(access, endpoint=Endpoint(4, [], [])) == ["VIEW"]


def test_a_group_is_named_by_its_id_and_never_administers():
    member = Subject(AuthMode.GROUP, 1, node_id=0xA11CE, group_id=0x0102)
    manage = entry(Privilege.MANAGE, [0x0102], auth_mode=AuthMode.GROUP)
    administer = entry(Privilege.ADMINISTER, [0x0102], auth_mode=AuthMode.GROUP)
    assert allowed(AccessControl([manage]), member) == ["VIEW", "OPERATE", "MANAGE"]
    assert allowed(AccessControl([administer]), member) == []
    assert allowed(AccessControl([entry(Privilege.VIEW, [0xA11CE], auth_mode=AuthMode.GROUP)]), member) == []


def test_a_new_list_counts_at_once_and_is_told_to_listeners():
    access = AccessControl([entry(Privilege.VIEW)])
    told = []
    access.listeners.append(lambda: told.append(access.entries))
    assert allowed(access) == ["VIEW"]
    access.replace([])
    assert allowed(access) == []
    assert told == [()]


def test_an_endpoint_number_with_other_device_types_is_judged_anew():
    access = AccessControl([entry(Privilege.VIEW, targets=[AccessTarget(device_type=0x0100)])])
    assert allowed(access) == ["VIEW"]
    meter = Endpoint(3, [DeviceType(0x0510, 1)], [OnOff()])
    assert allowed(access, endpoint=meter) == ["VIEW"]  # as was decided for that number
    access.forget_decisions()
    assert allowed(access, endpoint=meter) == []


def test_what_does_not_exist_may_be_seen_by_who_could_see_it_if_it_did():
    everywhere = AccessControl([entry(Privilege.VIEW)]).grants(ALICE)
    assert everywhere.anywhere(9, 9) >> Privilege.VIEW & 1
    narrow = AccessControl([entry(Privilege.VIEW, targets=[AccessTarget(endpoint=9)])]).grants(ALICE)
    assert narrow.anywhere(9, ON_OFF) >> Privilege.VIEW & 1
    assert not narrow.anywhere(8, ON_OFF)
    by_type = AccessControl([entry(Privilege.VIEW, targets=[AccessTarget(device_type=0x0100)])]).grants(ALICE)
    assert not by_type.anywhere(9, ON_OFF)
