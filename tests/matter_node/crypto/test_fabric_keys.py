"""Keys and ids derived from a fabric, against the published vectors."""

import json
from pathlib import Path

import pytest

from matter_node.crypto import fabric_keys

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())


def test_compressed_fabric_id():
    vector = VECTORS["compressed_fabric_id"]
    compressed = fabric_keys.compressed_fabric_id(
        bytes.fromhex(vector["root_public_key"]), int(vector["fabric_id"], 16)
    )
    assert compressed.hex() == vector["compressed"]


@pytest.mark.parametrize("case", VECTORS["group_operational_keys"]["cases"], ids=lambda case: case["epoch"])
def test_group_keys(case):
    key = fabric_keys.operational_group_key(bytes.fromhex(case["epoch"]), bytes.fromhex(case["compressed"]))
    assert key.hex() == case["op"]
    assert fabric_keys.privacy_key(key).hex() == case["privacy"]
    if case["session"] is not None:
        assert fabric_keys.group_session_id(key) == case["session"]


@pytest.mark.parametrize("case", VECTORS["destination_id"]["cases"], ids=lambda case: case["dest"][:8])
def test_destination_id(case):
    destination = fabric_keys.destination_id(
        bytes.fromhex(case["ipk_operational"]),
        bytes.fromhex(case["random"]),
        bytes.fromhex(case["root_public_key"]),
        int(case["fabric_id"], 16),
        int(case["node_id"], 16),
    )
    assert destination.hex() == case["dest"]
