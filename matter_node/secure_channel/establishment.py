"""The secure channel protocol: who takes the messages that establish sessions (Matter Core 4.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.secure_channel.opcode import SecureChannelOpcode

if TYPE_CHECKING:
    from matter_node.secure_channel.case import CaseResponder
    from matter_node.secure_channel.exchange import Exchange
    from matter_node.secure_channel.pase import PaseResponder


class SessionEstablishment:
    """Protocol handler of the secure channel: PASE to one responder, CASE to the other."""

    def __init__(self, pase: PaseResponder, case: CaseResponder) -> None:
        self._pase = pase
        self._case = case

    def on_exchange(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take the first message of a handshake."""
        if opcode == SecureChannelOpcode.SIGMA1:
            self._case.on_exchange(exchange, opcode, payload)
        else:
            self._pase.on_exchange(exchange, opcode, payload)
