"""The sessions of the node as commissioning sees them: it ends some and looks at who is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from matter_node.model.context import SessionView
    from matter_node.secure_channel.session_table import SessionTable


class CommissioningSessions(Protocol):
    """What commissioning does to sessions."""

    def close(self, session: SessionView) -> None:
        """End a session, unless it has ended."""

    def close_pase(self, *, keep: SessionView | None = None) -> None:
        """End every PASE session but one that still has to answer."""

    def close_fabric(self, fabric_index: int, *, keep: SessionView | None = None) -> None:
        """End every session of a fabric but one that still has to answer."""


class TableSessions:
    """`CommissioningSessions` on the node's session table."""

    def __init__(self, table: SessionTable) -> None:
        self._table = table

    def close(self, session: SessionView) -> None:
        """End a session, unless it has ended."""
        for candidate in self._table:
            if candidate is session:
                self._table.close(candidate)

    def close_pase(self, *, keep: SessionView | None = None) -> None:
        """End every PASE session but one that still has to answer."""
        for session in self._table:
            if session.subject.auth_mode is AuthMode.PASE and session is not keep:
                self._table.close(session)

    def close_fabric(self, fabric_index: int, *, keep: SessionView | None = None) -> None:
        """End every session of a fabric but one that still has to answer."""
        for session in self._table:
            if session.subject.fabric_index == fabric_index and session is not keep:
                self._table.close(session)
