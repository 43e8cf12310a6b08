"""Packing reports into messages: whatever their lengths, none lost, none moved, none too long."""

from hypothesis import given, settings
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.attribute_selection import MAX_REPORT
from matter_node.interaction.report_messages import ReportMessages


def element(length):
    """Return an octet string that is `length` bytes long as an element."""
    if length <= 257:
        return bytes((0x10, length - 2)) + bytes(length - 2)
    return b"\x11" + (length - 3).to_bytes(2, "little") + bytes(length - 3)


lengths = st.one_of(st.integers(2, 60), st.integers(2, MAX_REPORT), st.integers(MAX_REPORT - 40, MAX_REPORT))


def messages_of(attributes, events, subscription_id=None, suppress=True):
    packer = ReportMessages(subscription_id, attributes, events, suppress_response=suppress)
    made = []
    while True:
        made.append(packer.next_message())
        if not packer.more:
            return made


@settings(max_examples=300)
@given(
    st.lists(lengths, max_size=40),
    st.lists(lengths, max_size=20),
    st.sampled_from([None, 1, 0xFFFF_FFFF]),
    st.booleans(),
)
def test_nothing_is_lost_and_the_order_kept(attribute_lengths, event_lengths, subscription_id, suppress):
    attributes = [element(n) for n in attribute_lengths]
    events = [element(n) for n in event_lengths]
    made = messages_of(attributes, events, subscription_id, suppress)
    decoded = [tlv.decode(message) for message in made]
    assert all(len(message) <= MAX_MESSAGE_PAYLOAD for message in made)
    assert [item for message in decoded for item in message.get(1, [])] == [tlv.decode(a) for a in attributes]
    assert [item for message in decoded for item in message.get(2, [])] == [tlv.decode(e) for e in events]
    assert all(message[3] is True and 4 not in message for message in decoded[:-1])
    assert 3 not in decoded[-1]
    assert (4 in decoded[-1]) is suppress
    assert all(message.get(0) == subscription_id for message in decoded)


def test_a_message_is_full_to_the_last_byte():
    overhead = len(messages_of([], [])[0]) + 3
    room = MAX_MESSAGE_PAYLOAD - overhead
    for first in range(2, room - 2):
        second = room - first
        fitting, more = messages_of([element(first), element(second)], []), element(second + 1)
        assert len(fitting) == 1
        assert len(messages_of([element(first), more], [])) == 2
    assert len(messages_of([element(600), element(room - 600)], [])[0]) == MAX_MESSAGE_PAYLOAD


def test_reports_are_asked_for_when_there_is_room_for_them():
    asked = []

    def source():
        for number in range(100):
            asked.append(number)
            yield element(300)

    packer = ReportMessages(None, source(), (), suppress_response=True)
    packer.next_message()
    assert len(asked) == 4  # three that fit and the one that did not
