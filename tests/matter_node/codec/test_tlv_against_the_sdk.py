"""TLV against the Matter SDK's own Python reader and writer: what one writes, the other reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import tlv

sdk = pytest.importorskip("chip.tlv", reason="home-assistant-chip-core is not installed")

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(max_size=300),
    lambda values: st.lists(values, max_size=5) | st.dictionaries(st.integers(0, 255), values, max_size=5),
    max_leaves=15,
)


@given(VALUES)
def test_the_sdk_reads_what_we_write(value):
    assert sdk.TLVReader(tlv.encode(value)).get()["Any"] == value


@given(VALUES)
def test_we_read_what_the_sdk_writes(value):
    writer = sdk.TLVWriter()
    writer.put(None, value)
    assert tlv.decode(bytes(writer.encoding)) == value
