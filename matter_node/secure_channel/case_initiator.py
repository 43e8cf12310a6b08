"""CASE, the initiator's side: the node opens a session to a peer that it knows (Matter Core 4.14.2).

A device does this to go on with subscriptions after a restart.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import TYPE_CHECKING

from matter_node.codec.certificate import CertificateError
from matter_node.codec.chain import validate_chain
from matter_node.crypto.fabric_keys import destination_id
from matter_node.crypto.keys import InvalidPublicKeyError, KeyPair, verify
from matter_node.ids import ProtocolId
from matter_node.secure_channel import mrp, sigma
from matter_node.secure_channel.handshake import HandshakeError, expect
from matter_node.secure_channel.opcode import SecureChannelOpcode
from matter_node.secure_channel.parameters import OWN_PARAMETERS, SessionParameters
from matter_node.secure_channel.resumption import ResumptionRecord, ResumptionStore
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.secure_channel.status_report import (
    SESSION_ESTABLISHED,
    StatusReport,
    StatusReportError,
)
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from matter_node.fabric import Fabric
    from matter_node.secure_channel.exchange import Exchange
    from matter_node.secure_channel.layer import MessageLayer
    from matter_node.secure_channel.session_keys import SessionKeys
    from matter_node.transport.address import Address

_log = logging.getLogger(__name__)

_PROCESSING_TIME = 35.0
"""Seconds that a slow peer may need for a step with much arithmetic."""
_STATUS_REPORT = SecureChannelOpcode.STATUS_REPORT


class CaseError(Exception):
    """No session came to be.

    :ivar report: what the peer answered or was answered, or None if it did not answer at all
    """

    def __init__(self, reason: str, report: StatusReport | None = None) -> None:
        super().__init__(reason)
        self.report = report


class PeerUnreachableError(CaseError):
    """The peer does not answer."""


class CaseInitiator:
    """Opens CASE sessions, resuming old ones where the peer agrees.

    :param layer: message layer; sessions go into its table
    :param resumption: what sessions can be resumed
    :param parameters: what this node tells peers about itself
    :param max_attempts: how often a busy peer is asked
    """

    def __init__(
        self,
        layer: MessageLayer,
        resumption: ResumptionStore,
        *,
        parameters: SessionParameters = OWN_PARAMETERS,
        max_attempts: int = 3,
    ) -> None:
        self.layer = layer
        self.resumption = resumption
        self.parameters = parameters
        self._max_attempts = max_attempts
        self._under_way: dict[Address, asyncio.Future[bool]] = {}

    async def connect(self, fabric: Fabric, node_id: int, address: Address) -> SecureSession:
        """Open a session to a node of a fabric.

        A busy peer is given the time it asks for. One address is asked for one session at a time.

        :raises PeerUnreachableError: if it does not answer
        :raises CaseError: if it refuses or does not prove who it is
        """
        for _ in range(self._max_attempts - 1):
            try:
                return await self._in_turn(fabric, node_id, address)
            except CaseError as error:
                wait = error.report.busy_wait if error.report is not None else None
                if wait is None:
                    raise
                _log.debug("%s is busy for %.1f s", address[0], wait)
                await self._sleep(wait)
        return await self._in_turn(fabric, node_id, address)

    async def _in_turn(self, fabric: Fabric, node_id: int, address: Address) -> SecureSession:
        """Make an attempt once no other one to this address is under way.

        Several controllers in one process share an address, and the SDK's take one handshake at a time: asked
        together, all but one are busy for five seconds.
        """
        while (ahead := self._under_way.get(address)) is not None:
            if not await asyncio.shield(ahead):  # for nobody but the one ahead may call that one off
                raise PeerUnreachableError(f"{address[0]} has just not answered")
        turn = self._under_way[address] = asyncio.get_running_loop().create_future()
        answers = True
        try:
            return await self._attempt(fabric, node_id, address)
        except PeerUnreachableError:
            answers = False
            raise
        finally:
            del self._under_way[address]
            turn.set_result(answers)

    async def _attempt(self, fabric: Fabric, node_id: int, address: Address) -> SecureSession:
        handshake = _Handshake(self, fabric, node_id, address)
        try:
            return await handshake.run()
        finally:
            handshake.close()

    async def _sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        timer = self.layer.clock.call_later(seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


class _Handshake:
    """One handshake, from Sigma1 on."""

    def __init__(self, initiator: CaseInitiator, fabric: Fabric, node_id: int, address: Address) -> None:
        layer = initiator.layer
        self._initiator = initiator
        self._fabric = fabric
        self._node_id = node_id
        self._entropy = layer.entropy
        self._done: asyncio.Future[SecureSession] = asyncio.get_running_loop().create_future()
        self._session_id = layer.sessions.reserve_id()
        self._unsecured = layer.open_unsecured_session(address)
        self._exchange = layer.open_exchange(self._unsecured, ProtocolId.SECURE_CHANNEL, self)
        self._ephemeral = KeyPair.generate(self._entropy)
        self._record = initiator.resumption.latest(fabric.index, node_id)
        random = self._entropy.token(32)
        self._ipk = fabric.ipk_keys[0]
        resumption_id = mic = None
        if self._record is not None:
            resumption_id = self._record.resumption_id
            mic = sigma.initiator_resume_mic(self._record.shared_secret, random, resumption_id)
        self._sigma1 = sigma.Sigma1(
            random,
            self._session_id,
            destination_id(self._ipk, random, fabric.root_public_key, fabric.fabric_id, node_id),
            self._ephemeral.public_key,
            initiator.parameters,
            resumption_id,
            mic,
        )
        self._sigma1_payload = self._sigma1.encode()
        # what a session in the making waits for, once Sigma3 is out
        self._pending: tuple[SessionKeys, ResumptionRecord, int, SessionParameters] | None = None

    async def run(self) -> SecureSession:
        """Send Sigma1 and wait for the end."""
        clock = self._initiator.layer.clock
        wait = mrp.response_timeout(self._initiator.parameters, SessionParameters(), _PROCESSING_TIME)
        timer = clock.call_later(2 * wait, self._on_timeout)
        try:
            self._exchange.send(SecureChannelOpcode.SIGMA1, self._sigma1_payload)
            return await self._done
        finally:
            timer.cancel()

    def close(self) -> None:
        """Give back what a handshake holds that is over."""
        self._initiator.layer.sessions.release_id(self._session_id)
        self._exchange.close()
        if not self._unsecured.exchanges:
            self._initiator.layer.close_unsecured_session(self._unsecured)

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:  # noqa: ARG002 - there is only one
        """Take Sigma2, Sigma2Resume or the responder's verdict."""
        if self._done.done():
            return
        try:
            if opcode == _STATUS_REPORT:
                self._take_verdict(payload)
            elif opcode == SecureChannelOpcode.SIGMA2_RESUME and self._pending is None:
                self._take_sigma2_resume(payload)
            else:
                expect(SecureChannelOpcode.SIGMA2 if self._pending is None else None, opcode)
                self._take_sigma2(payload)
        except HandshakeError as error:
            self._exchange.send(_STATUS_REPORT, error.report.encode())
            self._fail(CaseError(str(error), error.report))

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Nothing to do: what counts is the next message."""
        if exchange.closed:
            self._initiator.layer.close_unsecured_session(self._unsecured)

    def on_failed(self, exchange: Exchange) -> None:  # noqa: ARG002 - there is only one
        """Give up: the peer is gone."""
        self._initiator.layer.close_unsecured_session(self._unsecured)
        self._fail(PeerUnreachableError(f"{self._unsecured.address[0]} does not answer"))

    def _take_sigma2(self, payload: bytes) -> None:
        answer = sigma.Sigma2.decode(payload)
        try:
            secret = self._ephemeral.ecdh(answer.ephemeral_key)
        except InvalidPublicKeyError as error:
            raise HandshakeError("ephemeral key is not on the curve") from error
        transcript = sigma.Transcript(secret, self._ipk, self._sigma1_payload)
        key = transcript.sigma2_key(answer.random, answer.ephemeral_key)
        plain = sigma.decrypt_sigma2(key, answer.encrypted)
        credentials = sigma.Credentials.decode(plain, with_resumption_id=True)
        fabric, own_key = self._fabric, self._ephemeral.public_key
        try:
            identity = validate_chain(credentials.noc, credentials.icac, fabric.root)
        except CertificateError as error:
            raise HandshakeError(f"certificate chain does not hold: {error}") from error
        if (identity.fabric_id, identity.node_id) != (fabric.fabric_id, self._node_id):
            raise HandshakeError("certificate of another node")
        part = sigma.signed_part(credentials.noc, credentials.icac, answer.ephemeral_key, own_key)
        if not verify(identity.public_key, part, credentials.signature):
            raise HandshakeError("signature does not verify")
        transcript.add(payload)

        part = sigma.signed_part(fabric.noc, fabric.icac, own_key, answer.ephemeral_key)
        own = sigma.Credentials(fabric.noc, fabric.icac, fabric.key.sign(part))
        sigma3 = sigma.encode_sigma3(sigma.encrypt_sigma3(transcript.sigma3_key(), own.encode()))
        transcript.add(sigma3)
        assert credentials.resumption_id is not None
        record = ResumptionRecord(
            credentials.resumption_id, secret, fabric.index, identity.node_id, identity.cats
        )
        self._pending = (transcript.session_keys(), record, answer.session_id, answer.parameters)
        self._exchange.send(SecureChannelOpcode.SIGMA3, sigma3)

    def _take_sigma2_resume(self, payload: bytes) -> None:
        record, old_id = self._record, self._sigma1.resumption_id
        answer = sigma.Sigma2Resume.decode(payload)
        if record is None or old_id is None:
            raise HandshakeError("nothing was to be resumed")
        secret, random = record.shared_secret, self._sigma1.random
        expected = sigma.responder_resume_mic(secret, random, answer.resumption_id)
        if not hmac.compare_digest(answer.mic, expected):
            raise HandshakeError("resumption MIC is wrong")
        renewed = ResumptionRecord(
            answer.resumption_id, secret, record.fabric_index, record.peer_node_id, record.cats
        )
        self._pending = (
            sigma.resumed_session_keys(secret, random, old_id),
            renewed,
            answer.session_id,
            answer.parameters,
        )
        self._exchange.send(_STATUS_REPORT, SESSION_ESTABLISHED.encode())
        self._establish(replaces=old_id)

    def _take_verdict(self, payload: bytes) -> None:
        try:
            report = StatusReport.decode(payload)
        except StatusReportError as error:
            raise HandshakeError(str(error)) from error
        if report.is_success and self._pending is not None:
            self._establish(replaces=self._sigma1.resumption_id)
        else:
            self._fail(CaseError("the peer refused", report))

    def _establish(self, *, replaces: bytes | None) -> None:
        assert self._pending is not None
        keys, record, peer_session_id, parameters = self._pending
        layer = self._initiator.layer
        session = SecureSession(
            SessionKind.CASE,
            self._session_id,
            peer_session_id,
            (keys.initiator_to_responder, keys.responder_to_initiator, keys.attestation_challenge),
            (self._fabric.node_id, record.peer_node_id),
            Subject(AuthMode.CASE, record.fabric_index, record.peer_node_id, record.cats),
            self._unsecured.address,
            parameters,
            layer.clock.monotonic(),
            self._entropy,
        )
        self._initiator.resumption.put(record, replaces=replaces)
        layer.sessions.add(session)
        self._exchange.close()
        self._done.set_result(session)

    def _on_timeout(self) -> None:
        self._fail(PeerUnreachableError(f"{self._unsecured.address[0]} took too long"))

    def _fail(self, error: CaseError) -> None:
        if not self._done.done():
            self._done.set_exception(error)
