"""The secure channel: messages, exchanges, sessions and how they are established (Matter Core 4)."""

from matter_node.secure_channel.case import CaseResponder
from matter_node.secure_channel.case_initiator import CaseError, CaseInitiator, PeerUnreachableError
from matter_node.secure_channel.establishment import SessionEstablishment
from matter_node.secure_channel.exchange import Exchange, ExchangeHandler, ProtocolHandler
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.parameters import OWN_PARAMETERS, SessionParameters
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.resumption import ResumptionRecord, ResumptionStore
from matter_node.secure_channel.session import GroupSession, SecureSession, Session, SessionKind
from matter_node.secure_channel.session_table import SessionTable

__all__ = [
    "OWN_PARAMETERS",
    "CaseError",
    "CaseInitiator",
    "CaseResponder",
    "Exchange",
    "ExchangeHandler",
    "GroupSession",
    "MessageLayer",
    "PaseResponder",
    "PeerUnreachableError",
    "ProtocolHandler",
    "ResumptionRecord",
    "ResumptionStore",
    "SecureSession",
    "Session",
    "SessionEstablishment",
    "SessionKind",
    "SessionParameters",
    "SessionTable",
]
