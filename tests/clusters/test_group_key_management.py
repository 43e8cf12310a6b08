"""Group key sets, and which group uses which."""

import pytest

from clusters.definitions.group_key_management import (
    GroupKeyManagement,
    GroupKeyMapStruct,
    GroupKeyMulticastPolicyEnum,
    GroupKeySecurityPolicyEnum,
    GroupKeySetStruct,
    KeySetReadRequest,
    KeySetRemoveRequest,
    KeySetWriteRequest,
)
from clusters.definitions.operational_credentials import RemoveFabricRequest
from matter_node.crypto.fabric_keys import group_session_id, operational_group_key
from matter_node.status import Status

K0, K1, K2 = (bytes([n] * 16) for n in range(3))
INVALID = (Status.INVALID_COMMAND, None)


def key_set(id_=1, *slots, policy=GroupKeySecurityPolicyEnum.TRUST_FIRST, multicast=None):
    slots = (*slots, (None, None), (None, None), (None, None))[:3]
    fields = {}
    for number, (key, start) in enumerate(slots):
        fields |= {f"epoch_key{number}": key, f"epoch_start_time{number}": start}
    return GroupKeySetStruct(
        group_key_set_id=id_,
        group_key_security_policy=policy,
        group_key_multicast_policy=multicast,
        **fields,
    )


@pytest.fixture
def administrator(node, authority):
    return node.commission(authority)


def write(node, context, entry):
    node.groups.handle_key_set_write(context, KeySetWriteRequest(group_key_set=entry))


def read(node, context, id_):
    return node.groups.handle_key_set_read(context, KeySetReadRequest(group_key_set_id=id_)).group_key_set


def remove(node, context, id_):
    node.groups.handle_key_set_remove(context, KeySetRemoveRequest(group_key_set_id=id_))


def indices(node, context):
    return node.groups.handle_key_set_read_all_indices(context).group_key_set_ids


def map_groups(node, context, *pairs):
    entries = tuple(
        GroupKeyMapStruct(group_id=group, group_key_set_id=keys, fabric_index=context.fabric_index)
        for group, keys in pairs
    )
    node.groups.write(GroupKeyManagement.group_key_map, context, entries)


def test_a_new_fabric_has_its_ipk(node, administrator):
    assert indices(node, administrator) == (0,)
    assert read(node, administrator, 0) == key_set(0, (None, 0))


def test_keys_are_never_shown(node, administrator):
    per_group = GroupKeyMulticastPolicyEnum.PER_GROUP_ID
    write(node, administrator, key_set(1, (K0, 1), (K1, 2), (K2, 3), multicast=per_group))
    assert read(node, administrator, 1) == key_set(1, (None, 1), (None, 2), (None, 3), multicast=per_group)
    assert indices(node, administrator) == (0, 1)
    assert indices(node.restarted(), administrator) == (0, 1)


@pytest.mark.parametrize(
    "entry",
    [
        key_set(1),
        key_set(1, (K0, None)),
        key_set(1, (None, 1)),
        key_set(1, (K0, 0)),
        key_set(1, (K0, 2), (K1, 2)),
        key_set(1, (K0, 2), (K1, 1)),
        key_set(1, (K0, 1), (K1, 3), (K2, 2)),
        key_set(1, (None, None), (K1, 2)),
        key_set(1, (K0, 1), (None, None), (K2, 3)),
        key_set(1, (K0, 1), (K1, None)),
        key_set(1, (K0, 1), policy=GroupKeySecurityPolicyEnum.CACHE_AND_SYNC),
    ],
)
def test_key_sets_that_make_no_sense(node, administrator, status_of, entry):
    assert status_of(write, node, administrator, entry) == INVALID
    assert indices(node, administrator) == (0,)


def test_there_is_room_for_some(node, administrator, status_of):
    room = node.groups.max_group_keys_per_fabric
    assert room >= 3
    for id_ in range(1, room):
        write(node, administrator, key_set(id_, (K0, 1)))
    call = (write, node, administrator, key_set(room, (K0, 1)))
    assert status_of(*call) == (Status.RESOURCE_EXHAUSTED, None)
    write(node, administrator, key_set(1, (K1, 2)))
    assert indices(node, administrator) == tuple(range(room))


def test_a_new_ipk_is_what_case_uses(node, administrator):
    write(node, administrator, key_set(0, (K1, 1), (K2, 2)))
    fabric = node.restarted().fabrics.get(1)
    assert fabric.ipk_epoch_keys == (K1, K2)
    assert fabric.ipk_keys == tuple(operational_group_key(key, fabric.compressed_id) for key in (K1, K2))


def test_what_cannot_be_removed_or_read(node, administrator, status_of):
    assert status_of(remove, node, administrator, 0) == INVALID
    assert status_of(remove, node, administrator, 9) == (Status.NOT_FOUND, None)
    assert status_of(read, node, administrator, 9) == (Status.NOT_FOUND, None)


def test_removing_a_key_set_removes_its_mappings(node, administrator):
    write(node, administrator, key_set(1, (K0, 1)))
    map_groups(node, administrator, (1, 1), (2, 2), (3, 1))
    remove(node, administrator, 1)
    assert [entry.group_id for entry in node.groups.group_key_map] == [2]
    assert not node.state.group_keys.is_mapped(1, 1, 1)
    assert indices(node.restarted(), administrator) == (0,)


def test_the_message_layer_finds_keys_by_session_id(node, administrator):
    write(node, administrator, key_set(1, (K0, 1), (K1, 2)))
    map_groups(node, administrator, (0x101, 1))
    fabric = node.fabrics.get(1)
    for keys in (node.state.group_keys, node.restarted().state.group_keys):
        for epoch_key in (K0, K1):
            key = operational_group_key(epoch_key, fabric.compressed_id)
            (found,) = keys.candidates(group_session_id(key))
            assert (found.key, found.fabric_index, found.key_set_id) == (key, 1, 1)
        assert keys.is_mapped(1, 0x101, 1)
        assert not keys.is_mapped(1, 0x102, 1)
        ipk = group_session_id(fabric.ipk_keys[0])
        assert all(found.key_set_id != 0 for found in keys.candidates(ipk))


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([(1, 1), (1, 2)], Status.CONSTRAINT_ERROR),
        ([(0, 1)], Status.CONSTRAINT_ERROR),
        ([(0xFF00, 1)], Status.CONSTRAINT_ERROR),
        ([(n, 1) for n in range(1, 6)], Status.RESOURCE_EXHAUSTED),
    ],
)
def test_maps_that_are_refused(node, administrator, status_of, pairs, status):
    map_groups(node, administrator, (0xFEFF, 0xFFFF))
    assert status_of(map_groups, node, administrator, *pairs) == (status, None)
    assert [entry.group_id for entry in node.groups.group_key_map] == [0xFEFF]


def test_fabrics_do_not_see_each_others_keys(node, administrator, make_authority):
    other = node.commission(make_authority(2))
    write(node, administrator, key_set(1, (K0, 1)))
    map_groups(node, administrator, (1, 1))
    map_groups(node, other, (1, 1))
    assert indices(node, other) == (0,)
    node.credentials.handle_remove_fabric(other, RemoveFabricRequest(fabric_index=1))
    assert [entry.fabric_index for entry in node.groups.group_key_map] == [2]
    assert node.state.group_keys.ids(1) == ()
    assert not node.state.group_keys.is_mapped(1, 1, 1)
    assert node.storage.scan("group-keys/1/") == []


def test_no_groups_cluster_means_no_groups(node):
    assert node.groups.group_table == ()
