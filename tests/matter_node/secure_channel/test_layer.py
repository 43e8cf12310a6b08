"""The message layer: exchanges, acknowledgements, repetition, duplicates, and how sessions end."""

from __future__ import annotations

import itertools
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matter_node.ids import ProtocolId
from matter_node.secure_channel.layer import MAX_PEER_EXCHANGES, MAX_UNSECURED_EXCHANGES
from matter_node.secure_channel.message import (
    decode_message_header,
    decode_payload_header,
    encode_message_header,
    encode_payload_header,
)
from matter_node.secure_channel.parameters import SessionParameters

IM = ProtocolId.INTERACTION_MODEL


@pytest.fixture
def no_jitter(controller, device, monkeypatch):
    for node in (controller, device):
        monkeypatch.setattr(node.layer._delivery._entropy, "below", lambda limit: 0)


def opened(session, datagram):
    """Return the payload header of a datagram sent to the owner of `session`."""
    return decode_payload_header(session.open(decode_message_header(datagram), datagram))


def times(wire, address):
    first = wire.sent_by(address)[0][0]
    return [round(time - first, 3) for time, _ in wire.sent_by(address)]


def test_an_answer_carries_the_acknowledgement(controller, device, ends, wire, clock, recorder):
    device.layer.register(IM, recorder(lambda exchange, opcode, payload: exchange.send(5, b"report")))
    client = recorder()
    exchange = controller.layer.open_exchange(ends[0], IM, client)
    exchange.send(2, b"read")
    assert client.messages == [(5, b"report")]
    assert client.acknowledged == 1
    exchange.close()
    clock.advance(10)
    assert len(wire.log) == 3  # request, report, acknowledgement
    assert not ends[0].exchanges
    assert clock.pending == 0


def test_an_answer_that_takes_its_time_is_preceded_by_an_acknowledgement(
    controller, device, ends, wire, clock, recorder
):
    server = recorder()
    device.layer.register(IM, server)
    controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    clock.advance(0.199)
    assert wire.sent_by(device.address) == []
    clock.advance(0.001)
    ((_, datagram),) = wire.sent_by(device.address)
    acknowledgement = opened(ends[0], datagram)
    assert (acknowledgement.protocol, acknowledgement.opcode) == (0, 0x10)
    server.exchanges[0].send(5, b"report")
    assert opened(ends[0], wire.sent_by(device.address)[1][1]).acknowledged is None


@pytest.mark.usefixtures("no_jitter")
def test_an_idle_peer_is_sent_to_at_its_idle_pace(controller, device, ends, wire, clock, recorder):
    clock.advance(60)
    wire.lose = lambda *_: True
    client = recorder()
    controller.layer.open_exchange(ends[0], IM, client).send(2, b"read")
    clock.advance(5.64)
    assert times(wire, controller.address) == [0, 0.55, 1.1, 1.98, 3.388]
    assert client.failed == 0
    clock.advance(0.001)
    assert client.failed == 1
    assert not ends[0].exchanges
    assert clock.pending == 0


@pytest.mark.usefixtures("no_jitter")
def test_an_active_peer_is_sent_to_at_its_active_pace(controller, device, ends, wire, clock, recorder):
    ends[0].parameters = SessionParameters(active_threshold=60)
    wire.lose = lambda *_: True
    controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    clock.advance(10)
    assert times(wire, controller.address) == [0, 0.33, 0.66, 1.188, 2.033]


@pytest.mark.usefixtures("no_jitter")
def test_the_pace_changes_when_the_peer_falls_idle(controller, device, ends, wire, clock, recorder):
    ends[0].parameters = SessionParameters(active_threshold=0.5)
    wire.lose = lambda *_: True
    controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    clock.advance(10)
    assert times(wire, controller.address) == [0, 0.33, 0.66, 1.54, 2.948]


def test_jitter_prolongs_a_wait_by_a_quarter_at_most(controller, device, ends, wire, clock, recorder):
    clock.advance(60)
    wire.lose = lambda *_: True
    for _ in range(20):
        controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    clock.advance(0.549)
    assert len(wire.log) == 20
    clock.advance(0.6875 - 0.549)
    assert len(wire.log) == 40
    assert len({time for time, *_ in wire.log[20:]}) > 10


def test_every_message_arrives_once_over_a_wire_that_loses_a_quarter(
    controller, device, ends, wire, clock, recorder, make_entropy
):
    dice = make_entropy(5)
    wire.lose = lambda *_: dice.below(4) == 0
    device.layer.register(IM, recorder(lambda exchange, opcode, payload: exchange.send(5, payload)))
    clients = [recorder() for _ in range(20)]
    for number, client in enumerate(clients):
        exchange = controller.layer.open_exchange(ends[0], IM, client)
        exchange.send(2, bytes([number]))
        clock.advance(20)
    assert [client.messages for client in clients] == [[(5, bytes([n]))] for n in range(20)]
    assert len(wire.log) > 70


def test_a_duplicate_of_an_answered_message_gets_the_answer_again(
    controller, device, ends, wire, clock, recorder
):
    server = recorder(lambda exchange, opcode, payload: exchange.send(5, b"report"))
    device.layer.register(IM, server)
    wire.lose = lambda source, *_: source == device.address
    controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    request = wire.sent_by(controller.address)[0][1]
    device.layer.receive(request, controller.address)
    answers = [datagram for _, datagram in wire.sent_by(device.address)]
    assert len(answers) == 2
    assert answers[0] == answers[1]
    assert len(server.messages) == 1


def test_a_duplicate_of_a_finished_exchange_is_acknowledged(controller, device, ends, wire, clock, recorder):
    server = recorder(lambda exchange, opcode, payload: exchange.close())
    device.layer.register(IM, server)
    controller.layer.open_exchange(ends[0], IM, recorder()).send(2, b"read")
    request = wire.sent_by(controller.address)[0][1]
    for _ in range(3):
        device.layer.receive(request, controller.address)
    assert len(server.messages) == 1
    kinds = [opened(ends[0], datagram) for _, datagram in wire.sent_by(device.address)]
    assert [kind.opcode for kind in kinds] == [0x10] * 4
    assert len({kind.acknowledged for kind in kinds}) == 1


def test_a_duplicate_takes_the_acknowledgement_that_was_due(controller, device, ends, wire, clock, recorder):
    device.layer.register(IM, recorder())
    request = ends[0].seal(encode_payload_header(5, 2, 9, IM))[1]
    for _ in range(2):
        device.layer.receive(request, controller.address)
    assert len(wire.sent_by(device.address)) == 1
    clock.advance(1)
    assert len(wire.sent_by(device.address)) == 1


def test_an_acknowledgement_of_something_else_acknowledges_nothing(
    controller, device, ends, wire, clock, recorder
):
    wire.lose = lambda *_: True
    client = recorder()
    exchange = controller.layer.open_exchange(ends[0], IM, client)
    exchange.send(2, b"read")
    sent = exchange.outgoing.counter
    for counter in (sent - 1, sent + 1, 0):
        answer = encode_payload_header(0, 0x10, exchange.id, 0, counter)
        controller.layer.receive(ends[1].seal(answer)[1], device.address)
    assert client.acknowledged == 0
    clock.advance(20)
    assert len(wire.sent_by(controller.address)) == 5
    assert client.failed == 1


def test_a_second_reliable_message_waits_for_the_first(controller, device, ends, wire, clock, recorder):
    server = recorder()
    device.layer.register(IM, server)
    client = recorder()
    exchange = controller.layer.open_exchange(ends[0], IM, client)
    exchange.send(2, b"first")
    exchange.send(3, b"second")
    exchange.close()
    assert server.messages == [(2, b"first")]
    clock.advance(0.2)
    assert server.messages == [(2, b"first"), (3, b"second")]
    clock.advance(0.2)
    assert client.acknowledged == 2
    assert not ends[0].exchanges


def test_two_messages_in_a_row_are_acknowledged_one_by_one(controller, device, ends, wire, recorder):
    device.layer.register(IM, recorder())
    for _ in range(2):
        _, datagram = ends[0].seal(encode_payload_header(5, 2, 77, IM))
        device.layer.receive(datagram, controller.address)
    ((_, datagram),) = wire.sent_by(device.address)
    assert opened(ends[0], datagram).opcode == 0x10


@pytest.mark.parametrize(
    "header",
    [
        pytest.param((4, 5, 9, IM), id="answer to an unknown exchange"),
        pytest.param((5, 1, 9, 0xFFF1_0001), id="unknown protocol"),
        pytest.param((5, 0x30, 9, 0), id="session establishment inside a session"),
        pytest.param((5, 0x40, 9, 0), id="status report that closes nothing"),
    ],
)
def test_what_nobody_takes_is_acknowledged_and_dropped(
    header, controller, device, ends, wire, clock, recorder
):
    device.layer.register(IM, recorder())
    _, datagram = ends[0].seal(encode_payload_header(*header) + bytes(8))
    device.layer.receive(datagram, controller.address)
    ((_, answer),) = wire.sent_by(device.address)
    assert opened(ends[0], answer).opcode == 0x10
    assert not ends[1].exchanges
    assert clock.pending == 0


def test_another_protocol_does_not_reach_the_handler(controller, device, ends, recorder):
    server = recorder()
    device.layer.register(IM, server)
    for protocol, opcode in ((IM, 2), (0xFFF1_0001, 3), (0, 0x20), (0, 0x10), (0, 0x40)):
        _, datagram = ends[0].seal(encode_payload_header(1, opcode, 9, protocol) + bytes(8))
        device.layer.receive(datagram, controller.address)
    assert [opcode for opcode, _ in server.messages] == [2, 0x40]


def test_a_status_report_cut_short_is_acknowledged(controller, device, ends, wire, clock, recorder):
    device.layer.register(IM, recorder())
    for flags, opcode, protocol in ((1, 2, IM), (5, 0x40, 0)):
        _, datagram = ends[0].seal(encode_payload_header(flags, opcode, 9, protocol) + bytes(3))
        device.layer.receive(datagram, controller.address)
    clock.advance(0.2)
    ((_, answer),) = wire.sent_by(device.address)
    assert opened(ends[0], answer).opcode == 0x10
    assert not ends[1].closed


def test_a_forged_message_changes_nothing(controller, device, ends, wire, recorder):
    server = recorder()
    device.layer.register(IM, server)
    _, datagram = ends[0].seal(encode_payload_header(5, 2, 9, IM))
    forged = datagram[:-1] + bytes([datagram[-1] ^ 1])
    device.layer.receive(forged, ("fd00::bad", 1, 0, 0))
    assert not wire.log
    assert ends[1].address == controller.address
    device.layer.receive(datagram, ("fd00::3", 5540, 0, 0))
    assert len(server.messages) == 1
    assert ends[1].address == ("fd00::3", 5540, 0, 0)


def test_what_is_played_back_from_elsewhere_does_not_lead_answers_astray(
    controller, device, ends, clock, recorder
):
    device.layer.register(IM, recorder())
    _, datagram = ends[0].seal(encode_payload_header(5, 2, 9, IM))
    device.layer.receive(datagram, controller.address)
    clock.advance(60)
    moved = []
    device.sessions.on_moved.append(moved.append)
    device.layer.receive(datagram, ("fd00::bad", 1, 0, 0))
    assert ends[1].address == controller.address
    assert ends[1].last_heard == clock.now - 60
    assert not moved


def test_who_moves_is_followed_and_told_of(controller, device, ends, recorder):
    device.layer.register(IM, recorder())
    moved = []
    device.sessions.on_moved.append(lambda session: moved.append((session, session.address)))
    for number, address in enumerate([controller.address, ("fd00::3", 5540, 0, 0), ("fd00::3", 5540, 0, 0)]):
        device.layer.receive(ends[0].seal(encode_payload_header(5, 2, number, IM))[1], address)
    assert moved == [(ends[1], ("fd00::3", 5540, 0, 0))]


def test_a_peer_has_so_many_exchanges_and_the_next_one_when_there_is_room(
    controller, device, ends, wire, clock, recorder
):
    server = recorder()
    device.layer.register(IM, server)
    datagrams = [
        ends[0].seal(encode_payload_header(5, 2, number, IM))[1] for number in range(MAX_PEER_EXCHANGES + 1)
    ]
    for datagram in datagrams:
        device.layer.receive(datagram, controller.address)
    assert len(server.exchanges) == MAX_PEER_EXCHANGES
    server.exchanges[3].close()
    device.layer.receive(datagrams[-1], controller.address)
    assert len(server.exchanges) == MAX_PEER_EXCHANGES + 1


def test_a_handler_that_fails_loses_its_exchange_alone(controller, device, ends, recorder, caplog):
    def fail(exchange, opcode, payload):
        raise RuntimeError("broken")

    device.layer.register(IM, recorder(fail))
    client = recorder()
    controller.layer.open_exchange(ends[0], IM, client).send(2, b"read")
    assert client.acknowledged == 1
    assert not ends[1].exchanges
    assert "broken" in caplog.text


def test_a_message_that_fits_no_datagram_is_refused(controller, ends, wire, recorder):
    exchange = controller.layer.open_exchange(ends[0], IM, recorder())
    with pytest.raises(ValueError, match="does not fit"):
        exchange.send(2, bytes(1197))
    exchange.send(2, bytes(1196))
    assert len(wire.log[0][3]) == 1226


def test_a_session_that_is_closed_tells_its_peer(controller, device, ends, wire, recorder):
    gone = []
    device.sessions.on_closed.append(gone.append)
    client = recorder()
    exchange = controller.layer.open_exchange(ends[0], IM, client)
    device.layer.register(IM, recorder())
    exchange.send(2, b"read")
    controller.sessions.close(ends[0])
    assert gone == [ends[1]]
    assert client.failed == 1
    assert exchange.closed
    exchange.send(2, b"too late")
    with pytest.raises(ValueError, match="closed"):
        controller.layer.open_exchange(ends[0], IM, client)
    assert len(wire.log) == 2


def test_a_session_without_counters_is_closed(controller, ends, recorder):
    ends[0]._counter._next = 1 << 32
    client = recorder()
    controller.layer.open_exchange(ends[0], IM, client).send(2, b"read")
    assert ends[0].closed
    assert client.failed == 1


def test_a_full_table_evicts_the_longest_unheard(make_node, join, clock, wire):
    node = make_node(("fd00::a", 1, 0, 0), capacity=4)
    peer = make_node(("fd00::b", 1, 0, 0))
    crowd = []
    for _ in range(4):
        clock.advance(1)
        crowd.append(join(node, peer)[0])
    newcomer, _ = join(node, peer, fabric_index=2)
    assert [session.closed for session in crowd] == [True, False, False, False]
    closing = wire.sent_by(node.address)
    assert len(closing) == 1
    assert len(peer.sessions) == 4
    assert not newcomer.closed


def test_a_small_fabric_keeps_its_session_when_a_large_one_grows(make_node, join, clock):
    node = make_node(("fd00::a", 1, 0, 0), capacity=4)
    peer = make_node(("fd00::b", 1, 0, 0))
    lone, _ = join(node, peer, fabric_index=2)
    for _ in range(10):
        clock.advance(1)
        join(node, peer)
    assert not lone.closed
    assert len(node.sessions) == 4


def test_a_peer_with_many_sessions_makes_room_for_its_own_next(make_node, join, clock):
    node = make_node(("fd00::a", 1, 0, 0), capacity=4)
    peer = make_node(("fd00::b", 1, 0, 0))
    quiet, _ = join(node, peer, peer_node_id=77)
    mine = []
    for _ in range(4):
        clock.advance(1)
        mine.append(join(node, peer)[0])
    assert [session.closed for session in mine] == [True, False, False, False]
    assert not quiet.closed


def test_closing_a_fabric_keeps_the_session_that_still_answers(make_node, join):
    node = make_node(("fd00::a", 1, 0, 0))
    peer = make_node(("fd00::b", 1, 0, 0))
    first, second, other = (join(node, peer, fabric_index=index)[0] for index in (1, 1, 2))
    node.sessions.close_fabric(1, keep=second)
    assert [s.closed for s in (first, second, other)] == [True, False, False]


def test_session_ids_skip_those_in_use(controller):
    table = controller.sessions
    table._next_id = 0xFFFF
    assert [table.reserve_id() for _ in range(2)] == [0xFFFF, 1]
    table._next_id = 0xFFFF
    assert table.reserve_id() == 2
    table.release_id(1)
    table._next_id = 1
    assert table.reserve_id() == 1


def test_unsecured_strangers_are_few(device, clock):
    for number in range(1000):
        frame = encode_message_header(0, number + 1, source_node_id=number + 1)
        frame += encode_payload_header(5, 0x30, 1, 0) + b"\x15\x18"
        device.layer.receive(frame, ("fd00::bad", 1, 0, 0))
    assert len(device.layer._unsecured) <= 64
    clock.advance(60)
    assert clock.pending == 0
    assert not device.case._handshakes


def test_a_flood_of_strangers_does_not_throw_out_a_commissioner(controller, device, commissioner):
    class Flooded(commissioner):
        def on_pake2(self, message):
            for number in range(200):
                frame = encode_message_header(0, number + 1, source_node_id=number + 1)
                frame += encode_payload_header(5, 0x30, 1, 0) + b"\x15\x18"
                device.layer.receive(frame, ("fd00::bad", 1, 0, 0))
            super().on_pake2(message)

    device.open_window()
    assert Flooded(controller, device.address).start().session is not None
    assert len(device.layer._unsecured) <= 64


def test_a_stranger_has_few_exchanges_however_they_end(device, wire, clock):
    for number in range(100):
        frame = encode_message_header(0, number + 1, source_node_id=77)
        frame += encode_payload_header(5, 0x30, number, 0) + b"\x15\x18"
        device.layer.receive(frame, ("fd00::bad", 1, 0, 0))
    (session,) = device.layer._unsecured._theirs.values()
    assert len(session.exchanges) == MAX_UNSECURED_EXCHANGES
    assert len(wire.log) == MAX_UNSECURED_EXCHANGES
    clock.advance(60)
    assert not session.exchanges


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_a_fuzzed_node_stays_silent_or_answers_and_does_not_grow(
    caplog, controller, device, ends, clock, recorder, data
):
    device.layer.register(IM, recorder())
    device.open_window()
    header = data.draw(
        st.one_of(
            st.binary(max_size=24),
            st.builds(
                lambda counter, node: encode_message_header(0, counter, source_node_id=node),
                st.integers(0, 0xFFFF_FFFF),
                st.integers(0, 5),
            ),
        )
    )
    payload = data.draw(
        st.one_of(
            st.binary(max_size=80),
            st.builds(
                lambda flags, opcode, exchange, body: (
                    encode_payload_header(flags, opcode, exchange, 0) + body
                ),
                st.integers(0, 7).filter(lambda flags: not flags & 2),
                st.sampled_from([0, 1, 0x10, 0x20, 0x22, 0x24, 0x30, 0x32, 0x40, 0x50]),
                st.integers(0, 3),
                st.binary(max_size=60),
            ),
        )
    )
    device.layer.receive(header + payload, ("fd00::bad", 1, 0, 0))
    if data.draw(st.booleans()):
        try:
            _, datagram = ends[0].seal(payload)
        except ValueError:
            return
        device.layer.receive(datagram, controller.address)
    clock.advance(data.draw(st.floats(0, 100)))
    assert len(device.layer._unsecured) <= 64
    assert len(ends[1].exchanges) <= 40
    assert len(device.sessions) <= 1
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


def test_exchange_ids_are_skipped_while_in_use(controller, ends, recorder):
    first = controller.layer.open_exchange(ends[0], IM, recorder())
    controller.layer._delivery._next_exchange_id = first.id
    second = controller.layer.open_exchange(ends[0], IM, recorder())
    assert second.id == (first.id + 1) & 0xFFFF


def test_shutdown_says_goodbye_to_all(make_node, join, wire):
    node = make_node(("fd00::a", 1, 0, 0))
    peer = make_node(("fd00::b", 1, 0, 0))
    for index in (1, 2, 3):
        join(node, peer, fabric_index=index)
    node.layer.close()
    assert len(node.sessions) == len(peer.sessions) == 0
    assert len(list(itertools.chain(wire.sent_by(node.address)))) == 3
