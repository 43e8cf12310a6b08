"""CASE, the responder's side: a session from operational certificates (Matter Core 4.14.2)."""

from __future__ import annotations

import hmac
import logging
from typing import TYPE_CHECKING

from matter_node.codec.certificate import CertificateError
from matter_node.codec.chain import validate_chain
from matter_node.crypto.fabric_keys import destination_id
from matter_node.crypto.keys import InvalidPublicKeyError, KeyPair, verify
from matter_node.secure_channel import sigma
from matter_node.secure_channel.handshake import HandshakeError, expect
from matter_node.secure_channel.opcode import SecureChannelOpcode
from matter_node.secure_channel.parameters import OWN_PARAMETERS, SessionParameters
from matter_node.secure_channel.resumption import (
    RESUMPTION_ID_LENGTH,
    ResumptionRecord,
    ResumptionStore,
)
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.secure_channel.status_report import (
    NO_SHARED_TRUST_ROOTS,
    SESSION_ESTABLISHED,
    StatusReport,
    StatusReportError,
    busy,
)
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from matter_node.fabric import Fabric, FabricSource
    from matter_node.secure_channel.exchange import Exchange
    from matter_node.secure_channel.layer import MessageLayer
    from matter_node.secure_channel.session_keys import SessionKeys

_log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT = 60.0
"""Seconds after which a handshake that does not get on is given up."""
_BUSY_WAIT = 5.0
_STATUS_REPORT = SecureChannelOpcode.STATUS_REPORT


class CaseResponder:
    """Establishes CASE sessions, several at once, and resumes old ones.

    :param layer: message layer; sessions go into its table
    :param fabrics: the node's fabrics
    :param resumption: what sessions can be resumed
    :param parameters: what this node tells peers about itself
    :param max_handshakes: how many may be under way; a peer above that is told to wait
    """

    def __init__(
        self,
        layer: MessageLayer,
        fabrics: FabricSource,
        resumption: ResumptionStore,
        *,
        parameters: SessionParameters = OWN_PARAMETERS,
        max_handshakes: int = 16,
    ) -> None:
        self.layer = layer
        self.fabrics = fabrics
        self.resumption = resumption
        self.parameters = parameters
        self._max_handshakes = max_handshakes
        self._handshakes: set[_Handshake] = set()

    def close(self) -> None:
        """End the handshakes that are under way."""
        for handshake in tuple(self._handshakes):
            handshake.end("the node stops")

    def on_exchange(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take a Sigma1."""
        if opcode != SecureChannelOpcode.SIGMA1:
            return
        if len(self._handshakes) >= self._max_handshakes:
            # not repeated: state for every refused peer is what a flood would want
            exchange.send(_STATUS_REPORT, busy(_BUSY_WAIT).encode(), reliable=False)
            return
        handshake = _Handshake(self, exchange)
        exchange.handler = handshake
        self._handshakes.add(handshake)
        handshake.start(payload)

    def finish(self, handshake: _Handshake) -> None:
        """Forget a handshake that is over."""
        self._handshakes.discard(handshake)


class _Handshake:
    """One handshake, from Sigma1 on."""

    def __init__(self, responder: CaseResponder, exchange: Exchange) -> None:
        layer = responder.layer
        self._responder = responder
        self._exchange = exchange
        self._entropy = layer.entropy
        self._session_id = 0
        self._expected: int | None = None
        self._over = False
        self._timer = layer.clock.call_later(HANDSHAKE_TIMEOUT, self._on_timeout)
        # set by `start`
        self._sigma1: sigma.Sigma1
        self._fabric: Fabric
        # set in a full handshake
        self._transcript: sigma.Transcript
        self._ephemeral_key = b""
        self._secret = b""
        self._resumption_id = b""
        # set in a resumption
        self._record: ResumptionRecord | None = None

    def start(self, payload: bytes) -> None:
        """Answer Sigma1."""
        try:
            self._sigma1 = sigma.Sigma1.decode(payload)
            self._session_id = self._responder.layer.sessions.reserve_id()
            self._resumption_id = self._entropy.token(RESUMPTION_ID_LENGTH)
            if not self._resume():
                self._answer_full(payload)
        except HandshakeError as error:
            self.end(str(error), error.report)

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:  # noqa: ARG002 - there is only one
        """Take Sigma3, or the initiator's verdict on Sigma2Resume."""
        try:
            if opcode == _STATUS_REPORT:
                self._take_verdict(payload)
            else:
                expect(self._expected, opcode)
                self._take_sigma3(payload)
        except HandshakeError as error:
            self.end(str(error), error.report)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Nothing to do: the peer answers with its next message."""

    def on_failed(self, exchange: Exchange) -> None:  # noqa: ARG002 - there is only one
        """Give up: the peer is gone."""
        self.end("the peer does not answer")

    def end(self, reason: str, report: StatusReport | None = None) -> None:
        """Give up the handshake, unless it is over."""
        if self._over:
            return
        _log.info("CASE handshake with %s failed: %s", self._exchange.session.address[0], reason)
        self._finish()
        self._responder.layer.sessions.release_id(self._session_id)
        if report is not None:
            self._exchange.send(_STATUS_REPORT, report.encode())
        self._exchange.close()

    def _resume(self) -> bool:
        """Answer with Sigma2Resume if that can be done; if not, the full handshake takes place."""
        request = self._sigma1
        if request.resumption_id is None or request.resume_mic is None:
            return False
        record = self._responder.resumption.get(request.resumption_id)
        if record is None:
            return False
        fabric = self._responder.fabrics.get(record.fabric_index)
        expected = sigma.initiator_resume_mic(record.shared_secret, request.random, request.resumption_id)
        if fabric is None or not hmac.compare_digest(request.resume_mic, expected):
            return False
        self._fabric = fabric
        self._record = record
        mic = sigma.responder_resume_mic(record.shared_secret, request.random, self._resumption_id)
        answer = sigma.Sigma2Resume(self._resumption_id, mic, self._session_id, self._responder.parameters)
        self._exchange.send(SecureChannelOpcode.SIGMA2_RESUME, answer.encode())
        return True

    def _answer_full(self, sigma1: bytes) -> None:
        request = self._sigma1
        fabric, ipk = self._find_fabric()
        self._fabric = fabric
        ephemeral = KeyPair.generate(self._entropy)
        try:
            self._secret = ephemeral.ecdh(request.ephemeral_key)
        except InvalidPublicKeyError as error:
            raise HandshakeError("ephemeral key is not on the curve") from error
        self._ephemeral_key = ephemeral.public_key
        self._transcript = sigma.Transcript(self._secret, ipk, sigma1)
        random = self._entropy.token(32)
        part = sigma.signed_part(fabric.noc, fabric.icac, self._ephemeral_key, request.ephemeral_key)
        credentials = sigma.Credentials(fabric.noc, fabric.icac, fabric.key.sign(part), self._resumption_id)
        key = self._transcript.sigma2_key(random, self._ephemeral_key)
        encrypted = sigma.encrypt_sigma2(key, credentials.encode())
        answer = sigma.Sigma2(
            random, self._session_id, self._ephemeral_key, encrypted, self._responder.parameters
        ).encode()
        self._transcript.add(answer)
        self._expected = SecureChannelOpcode.SIGMA3
        self._exchange.send(SecureChannelOpcode.SIGMA2, answer)

    def _find_fabric(self) -> tuple[Fabric, bytes]:
        request = self._sigma1
        for fabric in self._responder.fabrics:
            for ipk in fabric.ipk_keys:
                candidate = destination_id(
                    ipk, request.random, fabric.root_public_key, fabric.fabric_id, fabric.node_id
                )
                if hmac.compare_digest(candidate, request.destination_id):
                    return fabric, ipk
        raise HandshakeError("no fabric of ours is meant", NO_SHARED_TRUST_ROOTS)

    def _take_sigma3(self, payload: bytes) -> None:
        plain = sigma.decrypt_sigma3(self._transcript.sigma3_key(), sigma.decode_sigma3(payload))
        credentials = sigma.Credentials.decode(plain, with_resumption_id=False)
        fabric = self._fabric
        if not self._is_member_still():
            raise HandshakeError("the fabric was changed meanwhile")
        try:
            identity = validate_chain(credentials.noc, credentials.icac, fabric.root)
        except CertificateError as error:
            raise HandshakeError(f"certificate chain does not hold: {error}") from error
        if identity.fabric_id != fabric.fabric_id:
            raise HandshakeError("certificate of another fabric")
        part = sigma.signed_part(
            credentials.noc, credentials.icac, self._sigma1.ephemeral_key, self._ephemeral_key
        )
        if not verify(identity.public_key, part, credentials.signature):
            raise HandshakeError("signature does not verify")
        self._transcript.add(payload)
        record = ResumptionRecord(
            self._resumption_id, self._secret, fabric.index, identity.node_id, identity.cats
        )
        self._exchange.send(_STATUS_REPORT, SESSION_ESTABLISHED.encode())
        self._establish(self._transcript.session_keys(), record)

    def _take_verdict(self, payload: bytes) -> None:
        try:
            report = StatusReport.decode(payload)
        except StatusReportError as error:
            raise HandshakeError(str(error)) from error
        record, old_id = self._record, self._sigma1.resumption_id
        if not report.is_success or record is None or old_id is None:
            self.end("the peer gave up")
            return
        if not self._is_member_still():
            self.end("the fabric was changed meanwhile")
            return
        keys = sigma.resumed_session_keys(record.shared_secret, self._sigma1.random, old_id)
        renewed = ResumptionRecord(
            self._resumption_id,
            record.shared_secret,
            record.fabric_index,
            record.peer_node_id,
            record.cats,
        )
        self._establish(keys, renewed, replaces=old_id)

    def _establish(
        self, keys: SessionKeys, record: ResumptionRecord, *, replaces: bytes | None = None
    ) -> None:
        layer = self._responder.layer
        session = SecureSession(
            SessionKind.CASE,
            self._session_id,
            self._sigma1.session_id,
            (keys.responder_to_initiator, keys.initiator_to_responder, keys.attestation_challenge),
            (self._fabric.node_id, record.peer_node_id),
            Subject(AuthMode.CASE, record.fabric_index, record.peer_node_id, record.cats),
            self._exchange.session.address,
            self._sigma1.parameters,
            layer.clock.monotonic(),
            self._entropy,
        )
        self._finish()
        self._exchange.close()
        self._responder.resumption.put(record, replaces=replaces)
        layer.sessions.add(session)

    def _is_member_still(self) -> bool:
        """Tell whether the fabric is there and our certificate is the one that the peer has seen."""
        present = self._responder.fabrics.get(self._fabric.index)
        return present is not None and (present.root, present.noc) == (self._fabric.root, self._fabric.noc)

    def _on_timeout(self) -> None:
        self.end("the peer took too long")

    def _finish(self) -> None:
        self._over = True
        self._timer.cancel()
        self._responder.finish(self)
