"""The fabric table: what it keeps, in which order it numbers, and what damage it survives."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.fabric_record import FabricRecordError, decode_fabric, encode_fabric
from matter_node.commissioning.fabric_record import make_fabric as make_fabric_of_parts
from matter_node.commissioning.fabrics import FabricTable, LabelConflictError
from matter_node.crypto.fabric_keys import operational_group_key
from matter_node.crypto.keys import KeyPair
from matter_node.storage import MemoryStorage


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def table(storage):
    return FabricTable(storage)


@pytest.fixture(scope="module")
def fabric_of():
    """Return a function that makes a fabric with an index; the keys are made once."""
    made = {}

    def make(authority, index):
        if "fabric" not in made:
            made["fabric"] = authority().fabric(1, 0x1234)
        return dataclasses.replace(made["fabric"], index=index, fabric_id=index)

    return make


@pytest.fixture
def make_fabric(make_authority, fabric_of):
    return lambda index: fabric_of(make_authority, index)


def test_a_fabric_is_stored_whole(make_authority):
    fabric = dataclasses.replace(
        make_authority().fabric(7, 0x1234),
        icac=b"icac",
        label="home",
        vid_verification_statement=b"statement",
        vvsc=b"signer",
    )
    assert decode_fabric(encode_fabric(fabric)) == fabric


@pytest.fixture(scope="module")
def record():
    key = KeyPair.generate()
    return encode_fabric(
        make_fabric_of_parts(
            index=1,
            fabric_id=1,
            node_id=2,
            vendor_id=0xFFF1,
            root=b"root",
            root_public_key=key.public_key,
            noc=b"noc",
            icac=None,
            key=key,
            ipk_epoch_keys=(bytes(16),),
        )
    )


@given(st.binary(max_size=60))
def test_damaged_records_are_refused_politely(record):
    with pytest.raises(FabricRecordError):
        decode_fabric(record)


@given(st.data())
def test_a_record_with_a_spoiled_byte_is_refused_or_read(record, data):
    spoiled = bytearray(record)
    spoiled[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(FabricRecordError):
        decode_fabric(bytes(spoiled))


def test_a_damaged_fabric_leaves_the_others_and_its_index_alone(storage, table, make_fabric):
    table.add(make_fabric(1))
    table.add(make_fabric(2))
    storage.put("fabric/1", b"\x15")
    again = FabricTable(storage)
    assert [fabric.index for fabric in again] == [2]
    assert storage.get("fabric/1") == b"\x15"
    indices = set()
    for _ in range(3):
        index = again.next_index()
        again.add(make_fabric(index))
        indices.add(index)
    assert indices == {3, 4, 5}


def test_indices_go_round_and_skip_what_is_in_use(storage, make_fabric):
    table = FabricTable(storage)
    table.add(make_fabric(253))
    assert table.next_index() == 254
    table.add(make_fabric(254))
    assert table.next_index() == 1
    table.remove(254)
    assert FabricTable(storage).next_index() == 1
    table.add(make_fabric(1))
    table.remove(253)
    assert table.next_index() == 2


def test_the_table_has_bounds(storage, make_fabric):
    for capacity in (4, 255):
        with pytest.raises(ValueError, match="fabrics"):
            FabricTable(storage, capacity=capacity)
    table = FabricTable(storage, capacity=5)
    for index in range(1, 6):
        table.add(make_fabric(index))
    assert table.is_full
    with pytest.raises(ValueError, match="no room"):
        table.add(make_fabric(6))
    table.remove(5)
    with pytest.raises(ValueError, match="no room"):
        table.add(make_fabric(1))


def test_a_fabric_is_found_by_root_and_id(table, make_fabric):
    fabric = make_fabric(3)
    table.add(fabric)
    assert table.find(fabric.root_public_key, fabric.fabric_id) is fabric
    assert table.find(fabric.root_public_key, fabric.fabric_id + 1) is None
    assert table.find(bytes(65), fabric.fabric_id) is None


def test_listeners_hear_of_each_change_once(table, make_fabric):
    heard = []
    table.on_added.append(lambda fabric: heard.append(("added", fabric.index)))
    table.on_updated.append(lambda old, new: heard.append((old.label, new.label)))
    table.on_removed.append(lambda fabric: heard.append(("removed", fabric.index, table.get(fabric.index))))
    table.add(make_fabric(1))
    table.set_label(1, "home")
    table.set_label(1, "home")
    table.remove(1)
    assert heard == [("added", 1), ("", "home"), ("removed", 1, None)]


def test_labels_differ(storage, table, make_fabric):
    table.add(make_fabric(1))
    table.add(make_fabric(2))
    table.set_label(1, "home")
    with pytest.raises(LabelConflictError):
        table.set_label(2, "home")
    with pytest.raises(KeyError):
        table.set_label(3, "x")
    assert [fabric.label for fabric in FabricTable(storage)] == ["home", ""]


def test_a_new_ipk_brings_its_operational_keys(storage, table, make_fabric):
    table.add(make_fabric(1))
    table.set_ipk(1, (b"k" * 16, b"l" * 16))
    fabric = FabricTable(storage).get(1)
    assert fabric.ipk_epoch_keys == (b"k" * 16, b"l" * 16)
    assert fabric.ipk_keys[1] == operational_group_key(b"l" * 16, fabric.compressed_id)


def test_what_is_not_there_cannot_be_removed(table):
    with pytest.raises(KeyError):
        table.remove(1)


def test_a_record_under_another_name_is_not_taken(storage, make_fabric):
    storage.put("fabric/2", encode_fabric(make_fabric(1)))
    assert len(FabricTable(storage)) == 0


@pytest.mark.parametrize("journal", [b"", b"\x15", b"\x14", b"\x15\x18", b"\x15\x30\x01\x01\x00\x18"])
def test_a_damaged_journal_or_key_set_does_not_keep_the_node_from_starting(storage, journal):
    storage.put("fail-safe/journal", journal)
    storage.put("group-keys/1/1", journal)
    state = Commissioning.restore(storage, None, None, None)
    state.fail_safe.recover()
    assert storage.get("fail-safe/journal") is None
    assert state.group_keys.ids(1) == ()
