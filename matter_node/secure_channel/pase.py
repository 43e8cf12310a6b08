"""PASE, the responder's side: a session from the passcode, for commissioning (Matter Core 4.14.1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.crypto.keys import GROUP_ORDER
from matter_node.crypto.spake2p import PakeError, PaseVerifier, Spake2pResponder, pase_context
from matter_node.secure_channel.handshake import HandshakeError, HandshakeMessage, expect
from matter_node.secure_channel.opcode import SecureChannelOpcode
from matter_node.secure_channel.parameters import OWN_PARAMETERS, SessionParameters
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.secure_channel.session_keys import SessionKeys
from matter_node.secure_channel.status_report import SESSION_ESTABLISHED, StatusReport, busy
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.secure_channel.exchange import Exchange
    from matter_node.secure_channel.layer import MessageLayer

_log = logging.getLogger(__name__)

ATTEMPT_TIMEOUT = 60.0
"""Seconds after which a handshake that does not get on is given up."""
_BUSY_WAIT = 5.0
_STATUS_REPORT = SecureChannelOpcode.STATUS_REPORT


@dataclass(frozen=True, slots=True)
class PaseOffer:
    """What a commissioning window accepts.

    :ivar verifier: made from the passcode with the following two
    :ivar iterations: PBKDF2 iterations, 1000..100000
    :ivar salt: PBKDF2 salt, 16..32 bytes
    """

    verifier: PaseVerifier
    iterations: int
    salt: bytes


class PaseResponder:
    """Establishes PASE sessions while it is open: one attempt at a time, and one session at a time.

    :param layer: message layer; the session goes into its table
    :param parameters: what this node tells peers about itself
    :ivar on_established: called with the new session, which is in the table already
    :ivar on_attempt_failed: called with the number of failed attempts since `open`; it may `close`
    """

    def __init__(self, layer: MessageLayer, *, parameters: SessionParameters = OWN_PARAMETERS) -> None:
        self.layer = layer
        self.parameters = parameters
        self.on_established: Callable[[SecureSession], None] | None = None
        self.on_attempt_failed: Callable[[int], None] | None = None
        self._offer: PaseOffer | None = None
        self._attempt: _Attempt | None = None
        self._failed_attempts = 0

    @property
    def is_open(self) -> bool:
        """Whether it takes attempts."""
        return self._offer is not None

    def open(self, verifier: PaseVerifier, iterations: int, salt: bytes) -> None:
        """Take attempts with that passcode verifier from now on; the count of failed ones starts at 0."""
        self._offer = PaseOffer(verifier, iterations, salt)
        self._failed_attempts = 0

    def close(self) -> None:
        """Take no more attempts; one that is under way ends. Sessions stay."""
        self._offer = None
        if self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            attempt.abandon()

    def on_exchange(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take a PBKDFParamRequest."""
        if opcode != SecureChannelOpcode.PBKDF_PARAM_REQUEST or self._offer is None:
            return
        if self._attempt is not None or self.layer.sessions.has_pase():
            # not repeated: state for every refused peer is what a flood would want
            exchange.send(_STATUS_REPORT, busy(_BUSY_WAIT).encode(), reliable=False)
            return
        try:
            attempt = _Attempt(self, self._offer, exchange, payload)
        except HandshakeError as error:
            _log.info("Refused a commissioner at %s: %s", exchange.session.address[0], error)
            exchange.send(_STATUS_REPORT, error.report.encode())
            return
        self._attempt = exchange.handler = attempt

    def finish(self, session: SecureSession) -> None:
        """Take the session of the attempt that succeeded."""
        self._attempt = None
        self.layer.sessions.add(session)
        if self.on_established is not None:
            self.on_established(session)

    def fail(self, attempt: _Attempt) -> None:
        """Count an attempt that failed."""
        if self._attempt is not attempt:
            return
        self._attempt = None
        self._failed_attempts += 1
        if self.on_attempt_failed is not None:
            self.on_attempt_failed(self._failed_attempts)


class _Attempt:
    """One handshake, from PBKDFParamRequest on."""

    def __init__(
        self, responder: PaseResponder, offer: PaseOffer, exchange: Exchange, request: bytes
    ) -> None:
        message = HandshakeMessage(request)
        initiator_random = message.octets(1, 32)
        self._peer_session_id = message.session_id(2)
        message.unsigned(3, 0, 0)
        has_parameters = message.flag(4)
        self._peer_parameters = message.parameters(5)

        layer = responder.layer
        self._responder = responder
        self._exchange = exchange
        self._entropy = layer.entropy
        self._session_id = layer.sessions.reserve_id()
        answer: dict[int, object] = {
            1: initiator_random,
            2: self._entropy.token(32),
            3: self._session_id,
            5: responder.parameters.to_tlv(),
        }
        if not has_parameters:
            answer[4] = {1: offer.iterations, 2: offer.salt}
        response = tlv.encode(answer)
        self._pake = Spake2pResponder(
            offer.verifier,
            pase_context(request, response),
            1 + self._entropy.below(GROUP_ORDER - 1),
        )
        self._expected = SecureChannelOpcode.PAKE1
        self._timer = layer.clock.call_later(ATTEMPT_TIMEOUT, self._on_timeout)
        self._over = False
        exchange.send(SecureChannelOpcode.PBKDF_PARAM_RESPONSE, response)

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take Pake1, then Pake3."""
        if opcode == _STATUS_REPORT:
            self._end("the commissioner gave up")
            return
        try:
            expect(self._expected, opcode)
            message = HandshakeMessage(payload)
            if opcode == SecureChannelOpcode.PAKE1:
                share, confirmation = self._pake.respond(message.octets(1, 65))
                self._expected = SecureChannelOpcode.PAKE3
                exchange.send(SecureChannelOpcode.PAKE2, tlv.encode({1: share, 2: confirmation}))
            else:
                self._establish(self._pake.confirm(message.octets(1, 32)))
        except PakeError as error:
            self._end(str(error), HandshakeError(str(error)).report)
        except HandshakeError as error:
            self._end(str(error), error.report)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Nothing to do: the peer answers with its next message."""

    def on_failed(self, exchange: Exchange) -> None:  # noqa: ARG002 - there is only one
        """Give up: the peer is gone."""
        self._end("the commissioner does not answer")

    def abandon(self) -> None:
        """End the handshake because the window closed."""
        self._release()
        self._exchange.close()

    def _establish(self, secret: bytes) -> None:
        keys = SessionKeys.derive(secret, b"")
        layer = self._responder.layer
        session = SecureSession(
            SessionKind.PASE,
            self._session_id,
            self._peer_session_id,
            (keys.responder_to_initiator, keys.initiator_to_responder, keys.attestation_challenge),
            (0, 0),
            Subject(AuthMode.PASE),
            self._exchange.session.address,
            self._peer_parameters,
            layer.clock.monotonic(),
            self._entropy,
        )
        self._over = True
        self._timer.cancel()
        self._exchange.send(_STATUS_REPORT, SESSION_ESTABLISHED.encode())
        self._exchange.close()
        self._responder.finish(session)

    def _on_timeout(self) -> None:
        self._end("the commissioner took too long")

    def _end(self, reason: str, report: StatusReport | None = None) -> None:
        if self._over:
            return
        _log.info("Commissioning attempt from %s failed: %s", self._exchange.session.address[0], reason)
        self._release()
        if report is not None:
            self._exchange.send(_STATUS_REPORT, report.encode())
        self._exchange.close()
        self._responder.fail(self)

    def _release(self) -> None:
        self._over = True
        self._timer.cancel()
        self._responder.layer.sessions.release_id(self._session_id)
