"""PASE and CASE between two nodes on one wire."""

from __future__ import annotations

from matter_node.secure_channel.session import SessionKind
from matter_node.subject import AuthMode, Subject


def test_a_passcode_makes_a_session(controller, device, commissioner):
    device.open_window()
    established = []
    device.pase.on_established = established.append

    client = commissioner(controller, device.address).start()

    (session,) = established
    assert session.kind is SessionKind.PASE
    assert session.subject == Subject(AuthMode.PASE)
    assert session.attestation_challenge == client.session.attestation_challenge
    assert device.sessions.get(session.id) is session


async def test_certificates_make_a_session(controller, device):
    fabric = controller.fabrics[1]

    session = await controller.initiator.connect(fabric, 22, device.address)

    (theirs,) = device.sessions
    assert theirs.subject == Subject(AuthMode.CASE, 7, 11, (0x0001_0001,))
    assert session.subject == Subject(AuthMode.CASE, 1, 22)
    assert session.attestation_challenge == theirs.attestation_challenge
    assert device.sessions.by_peer(7, 11) is theirs


async def test_a_second_session_is_resumed_without_certificates(controller, device, wire):
    fabric = controller.fabrics[1]
    first = await controller.initiator.connect(fabric, 22, device.address)
    wire.log.clear()

    second = await controller.initiator.connect(fabric, 22, device.address)

    assert max(len(datagram) for *_, datagram in wire.log) < 300
    assert second.attestation_challenge != first.attestation_challenge
    assert {s.subject for s in device.sessions} == {Subject(AuthMode.CASE, 7, 11, (0x0001_0001,))}
    assert len(device.resumption) == len(controller.resumption) == 1
