"""CASE, both sides: full handshakes, resumption, refusals."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.crypto.fabric_keys import destination_id
from matter_node.crypto.keys import KeyPair
from matter_node.ids import ProtocolId
from matter_node.secure_channel.case_initiator import CaseError, PeerUnreachableError
from matter_node.secure_channel.resumption import ResumptionRecord, ResumptionStore
from matter_node.secure_channel.status_report import (
    INVALID_PARAMETER,
    NO_SHARED_TRUST_ROOTS,
    StatusReport,
)
from matter_node.storage import MemoryStorage


async def connect(controller, device, node_id=22):
    return await controller.initiator.connect(controller.fabrics[1], node_id, device.address)


@pytest.fixture
def tampered(wire, controller, device):
    """Let a function change what the controller (or the device) sends with some opcode."""

    def tamper(sender, opcode, change):
        receiver = device if sender is controller else controller
        receive = receiver.layer.receive

        def altered(datagram, source):
            if datagram[17:18] == bytes([opcode]):
                head = 16 + (10 if datagram[16] & 2 else 6)
                members = tlv.decode(datagram[head:])
                datagram = datagram[:head] + tlv.encode(change(members))
            receive(datagram, source)

        receiver.layer.receive = altered

    return tamper


async def test_every_ipk_epoch_is_tried(controller, device, make_authority, make_fabrics):
    fabric = device.fabrics[7]
    older = bytes(16)
    device.fabrics[7] = replace(fabric, ipk_keys=(older, *fabric.ipk_keys))
    assert (await connect(controller, device)).subject.node_id == 22


async def test_a_stranger_finds_no_shared_root(controller, device, make_authority):
    stranger = make_authority(fabric_id=9)
    with pytest.raises(CaseError) as caught:
        await controller.initiator.connect(stranger.fabric(1, 11), 22, device.address)
    assert caught.value.report == NO_SHARED_TRUST_ROOTS


async def test_another_node_id_is_not_ours(controller, device):
    with pytest.raises(CaseError) as caught:
        await connect(controller, device, node_id=23)
    assert caught.value.report == NO_SHARED_TRUST_ROOTS


async def test_two_fabrics_with_one_peer_are_two_subjects(controller, device, make_authority, make_fabrics):
    second = make_authority(fabric_id=5)
    controller.fabrics[2] = second.fabric(2, 111)
    device.fabrics[8] = second.fabric(8, 222)
    await connect(controller, device)
    await controller.initiator.connect(controller.fabrics[2], 222, device.address)
    assert [(s.subject.fabric_index, s.subject.node_id) for s in device.sessions] == [(7, 11), (8, 111)]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("resumption id alone", {6: bytes(16)}),
        ("resumption MIC alone", {7: bytes(16)}),
        ("key not on the curve", {4: b"\x04" + bytes(64)}),
        ("session id 0", {2: 0}),
    ],
)
async def test_a_malformed_sigma1_is_refused(why, change, controller, device, tampered):
    tampered(controller, 0x30, lambda members: members | change)
    with pytest.raises(CaseError) as caught:
        await connect(controller, device)
    assert caught.value.report == INVALID_PARAMETER
    assert not device.case._handshakes
    assert device.sessions._reserved == set()


def flip(data):
    return data[:20] + bytes([data[20] ^ 1]) + data[21:]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("ciphertext", lambda members: {1: flip(members[1])}),
        ("MIC", lambda members: {1: members[1][:-1] + bytes([members[1][-1] ^ 1])}),
        ("MIC alone", lambda members: {1: members[1][-16:]}),
        ("MIC missing", lambda members: {1: members[1][:-16]}),
        ("one octet more", lambda members: {1: members[1] + b"\0"}),
        ("played back from Sigma2", lambda members: {1: bytes(len(members[1]))}),
        ("empty", lambda members: {1: b""}),
        ("missing", lambda members: {}),
        ("no bytes", lambda members: {1: 4}),
        ("null", lambda members: {1: None}),
        ("under another tag", lambda members: {2: members[1]}),
    ],
)
async def test_a_forged_sigma3_is_refused(why, change, controller, device, tampered):
    tampered(controller, 0x32, change)
    with pytest.raises(CaseError) as caught:
        await connect(controller, device)
    assert caught.value.report == INVALID_PARAMETER
    assert not list(device.sessions)
    assert not device.case._handshakes


async def test_a_forged_sigma2_is_refused_by_the_initiator(controller, device, tampered):
    tampered(device, 0x31, lambda members: members | {4: flip(members[4])})
    with pytest.raises(CaseError):
        await connect(controller, device)
    assert not device.case._handshakes
    assert not list(device.sessions)
    assert controller.sessions._reserved == set()


@pytest.mark.parametrize("wrong", ["key", "chain", "fabric"])
async def test_wrong_credentials_are_refused(wrong, controller, device, authority, make_authority):
    own = controller.fabrics[1]
    if wrong == "key":  # a certificate of another node
        own = replace(own, noc=authority.fabric(1, 12).noc)
    elif wrong == "chain":
        own = replace(own, noc=make_authority().fabric(1, 11).noc)
    else:
        other = make_authority(fabric_id=77)
        other.key, other.subject = authority.key, authority.subject
        own = replace(own, noc=other.noc(11, own.key.public_key))
    with pytest.raises(CaseError) as caught:
        await controller.initiator.connect(own, 22, device.address)
    assert caught.value.report == INVALID_PARAMETER


@pytest.mark.parametrize("wrong", ["key", "node", "chain"])
async def test_a_device_with_wrong_credentials_is_refused(
    wrong, controller, device, authority, make_authority
):
    own = device.fabrics[7]
    noc = {
        "key": authority.fabric(7, 22).noc,
        "node": authority.noc(23, own.key.public_key),
        "chain": make_authority().noc(22, own.key.public_key),
    }[wrong]
    device.fabrics[7] = replace(own, noc=noc)
    with pytest.raises(CaseError) as caught:
        await connect(controller, device)
    assert caught.value.report == INVALID_PARAMETER
    assert not list(controller.sessions)
    assert not list(device.sessions)


async def test_a_fabric_removed_meanwhile_makes_no_session(controller, device, wire):
    def remove(source, destination, datagram):
        if datagram[17] == 0x32:
            device.fabrics.clear()
        return False

    wire.lose = remove
    with pytest.raises(CaseError):
        await connect(controller, device)
    assert not list(device.sessions)


# ---------------------------------------------------------------- resumption


async def test_an_unknown_resumption_id_leads_to_a_full_handshake(controller, device):
    await connect(controller, device)
    device.resumption.remove_fabric(7)
    session = await connect(controller, device)
    assert session.subject.node_id == 22
    assert len(device.resumption) == len(controller.resumption) == 1


async def test_a_wrong_resumption_mic_leads_to_a_full_handshake(controller, device, tampered):
    await connect(controller, device)
    # the transcript differs on both sides then, so the handshake fails later: what counts is the answer
    answers = []
    receive = controller.layer.receive
    controller.layer.receive = lambda datagram, source: (
        answers.append(datagram[17]),
        receive(datagram, source),
    )
    tampered(controller, 0x30, lambda members: members | {7: bytes(16)})
    with pytest.raises(CaseError):
        await connect(controller, device)
    assert 0x31 in answers
    assert 0x33 not in answers


async def test_sessions_are_resumed_over_a_restart(controller, device, make_node, wire):
    await connect(controller, device)
    restarted = make_node(device.address, 9, fabrics=device.fabrics)
    restarted.case.resumption = ResumptionStore(device.storage)
    wire.log.clear()
    await connect(controller, restarted)
    assert max(len(datagram) for *_, datagram in wire.log) < 300
    (session,) = restarted.sessions
    assert session.subject.cats == (0x0001_0001,)


async def test_a_device_resumes_towards_its_controller(controller, device):
    await connect(controller, device)
    session = await device.initiator.connect(device.fabrics[7], 11, controller.address)
    assert session.subject.cats == (0x0001_0001,)
    assert device.sessions.by_peer(7, 11) is not None


async def test_a_device_that_cannot_prove_the_old_session_is_refused(controller, device, tampered):
    await connect(controller, device)
    tampered(device, 0x33, lambda members: members | {2: bytes(16)})
    with pytest.raises(CaseError) as caught:
        await connect(controller, device)
    assert caught.value.report == INVALID_PARAMETER
    assert len(list(controller.sessions)) == len(list(device.sessions)) == 1


async def test_a_fabric_removed_during_resumption_makes_no_session(controller, device, wire):
    await connect(controller, device)

    def remove(source, destination, datagram):
        if datagram[17] == 0x40:
            device.fabrics.clear()
        return False

    wire.lose = remove
    await connect(controller, device)  # who resumes has nothing more to wait for
    assert len(list(device.sessions)) == 1


async def test_a_used_resumption_id_is_not_valid_again(controller, device):
    await connect(controller, device)
    (used,) = device.resumption._records
    await connect(controller, device)
    assert device.resumption.get(used) is None


def record(number, fabric_index=1, node_id=5):
    return ResumptionRecord(number.to_bytes(16), bytes(32), fabric_index, node_id, (7,))


def test_records_are_few_for_a_peer_and_for_a_fabric():
    storage = MemoryStorage()
    store = ResumptionStore(storage, per_peer=2, per_fabric=4)
    for number in range(10):
        store.put(record(number))
    assert len(store) == 2
    for number in range(10, 20):
        store.put(record(number, node_id=number))
    assert len(store) == 4
    store.put(record(30, fabric_index=2))
    again = ResumptionStore(storage)
    assert len(again) == 5
    assert again.latest(1, 19) == record(19, node_id=19)
    assert again.latest(1, 5) is None
    again.remove_fabric(1)
    assert [key for key, _ in storage.scan("")] != []
    assert len(ResumptionStore(storage)) == 1


def test_an_unreadable_record_is_dropped():
    storage = MemoryStorage()
    storage.put("resumption/0000000000000001", b"\x15")
    storage.put("resumption/zz", tlv.encode({1: b"", 2: b"", 3: 1, 4: 1, 5: []}))
    assert len(ResumptionStore(storage)) == 0
    assert storage.scan("resumption/") == []


# ---------------------------------------------------------------- many, slow and silent peers


class Held:
    """A peer that never answers Sigma2."""

    def __init__(self):
        self.messages = []

    def on_message(self, exchange, opcode, payload):
        self.messages.append((opcode, payload))

    def on_acknowledged(self, exchange):
        pass

    def on_failed(self, exchange):
        pass


def hold(controller, device, peer=None):
    """Open a handshake up to Sigma2."""
    fabric = controller.fabrics[1]
    destination = destination_id(fabric.ipk_keys[0], bytes(32), fabric.root_public_key, fabric.fabric_id, 22)
    sigma1 = tlv.encode({1: bytes(32), 2: 9, 3: destination, 4: KeyPair.generate().public_key})
    peer = peer or Held()
    session = controller.layer.open_unsecured_session(device.address)
    exchange = controller.layer.open_exchange(session, ProtocolId.SECURE_CHANNEL, peer)
    exchange.send(0x30, sigma1)
    return peer


async def test_handshakes_go_on_side_by_side(controller, device):
    held = [hold(controller, device) for _ in range(10)]
    assert (await connect(controller, device)).subject.node_id == 22
    assert all(peer.messages[0][0] == 0x31 for peer in held)


async def test_an_address_is_asked_for_one_session_at_a_time(controller, device):
    device.case._max_handshakes = 1  # as the SDK's controllers
    receive, loop = device.layer.receive, asyncio.get_running_loop()
    device.layer.receive = lambda *arrived: loop.call_soon(receive, *arrived)  # the way takes its time
    attempts = asyncio.gather(*(connect(controller, device) for _ in range(10)))
    sessions = await asyncio.wait_for(attempts, 10)  # the clock stands: nobody was busy
    assert len({session.id for session in sessions}) == len(device.sessions) == 10


async def test_who_waits_for_a_silent_address_has_waited_enough(controller, device, wire, clock):
    wire.lose = lambda *_: True
    attempts = [asyncio.ensure_future(connect(controller, device)) for _ in range(10)]
    await asyncio.sleep(0)
    clock.advance(10)
    errors = await asyncio.wait_for(asyncio.gather(*attempts, return_exceptions=True), 10)
    assert {type(error) for error in errors} == {PeerUnreachableError}
    wire.lose = lambda *_: False
    assert (await connect(controller, device)).subject.node_id == 22


async def test_who_is_called_off_makes_way(controller, device, wire):
    wire.lose = lambda *_: True
    first, second, third = (asyncio.ensure_future(connect(controller, device)) for _ in range(3))
    await asyncio.sleep(0)
    wire.lose = lambda *_: False
    for attempt in (second, first):
        attempt.cancel()
    assert (await asyncio.wait_for(third, 10)).subject.node_id == 22
    assert first.cancelled()
    assert second.cancelled()


async def test_a_node_with_too_many_handshakes_says_busy_and_recovers(controller, device, clock):
    held = [hold(controller, device) for _ in range(16)]
    assert all(peer.messages[0][0] == 0x31 for peer in held)
    refused = hold(controller, device)
    ((opcode, payload),) = refused.messages
    assert opcode == 0x40
    assert StatusReport.decode(payload).busy_wait == 5.0

    attempt = asyncio.ensure_future(connect(controller, device))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not attempt.done()
    for handshake in tuple(device.case._handshakes):
        handshake.end("test")
    clock.advance(0.2)
    assert (await attempt).subject.node_id == 22


async def test_a_peer_that_is_silent_is_unreachable(controller, device, wire, clock):
    wire.lose = lambda *_: True
    attempt = asyncio.ensure_future(connect(controller, device))
    await asyncio.sleep(0)
    clock.advance(10)
    with pytest.raises(PeerUnreachableError):
        await attempt
    assert controller.sessions._reserved == set()
    assert len(controller.layer._unsecured) == 0
    assert clock.pending == 0


async def test_a_handshake_that_stalls_ends_after_a_minute(controller, device, clock):
    hold(controller, device)
    assert len(device.case._handshakes) == 1
    clock.advance(60)
    assert not device.case._handshakes
    assert device.sessions._reserved == set()


async def test_lost_messages_are_repeated(controller, device, wire, clock, make_entropy):
    dice = make_entropy(3)
    wire.lose = lambda *_: dice.below(3) == 0
    attempt = asyncio.ensure_future(connect(controller, device))
    for _ in range(100):
        await asyncio.sleep(0)
        clock.advance(0.1)
    assert (await attempt).subject.node_id == 22
    assert len(device.sessions) == 1


async def test_a_connection_that_is_called_off_leaves_nothing(controller, device, wire, clock):
    wire.lose = lambda *_: True
    attempt = asyncio.ensure_future(connect(controller, device))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    clock.advance(10)
    assert controller.sessions._reserved == set()
    assert len(controller.layer._unsecured) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    opcode=st.sampled_from([0x22, 0x30, 0x31, 0x32, 0x33, 0x40]),
    payload=st.one_of(
        st.binary(max_size=90),
        st.dictionaries(st.integers(0, 7), st.binary(max_size=65)).map(tlv.encode),
    ),
)
def test_anything_in_place_of_sigma3_makes_no_session(controller, device, clock, caplog, opcode, payload):
    class Fuzzed(Held):
        def on_message(self, exchange, received, answer):
            super().on_message(exchange, received, answer)
            if received == 0x31:
                exchange.send(opcode, payload)

    hold(controller, device, Fuzzed())
    clock.advance(100)
    assert not device.case._handshakes
    assert not list(device.sessions)
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
