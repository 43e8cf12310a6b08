"""Something that is so or is not: the Boolean State cluster (Matter Application Clusters 1.7)."""

from __future__ import annotations

from clusters.definitions.boolean_state import BooleanState, StateChangeEvent


class BooleanStateServer(BooleanState):
    """Shows a state, and reports each change of it as an event too.

    The last state is kept: a start is no change, and sets nobody's automation off.

    :param state: shown until another one is
    """

    OPTIONAL_EVENTS = frozenset({BooleanState.state_change})

    def __init__(self, *, state: bool) -> None:
        super().__init__(state_value=state)

    def attached(self) -> None:
        """Show what was shown last."""
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        stored = self.endpoint.tree.storage.get(self._key)
        if stored is not None:
            self.restore(BooleanState.state_value.id, stored == b"\x01")

    def forgotten(self) -> None:
        """Delete the kept state."""
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        self.endpoint.tree.storage.delete(self._key)

    def show(self, state: bool) -> None:  # noqa: FBT001 - true or false is what it shows
        """Show a state."""
        if state == self.state_value:
            return
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        self.endpoint.tree.storage.put(self._key, bytes([state]))
        self.state_value = state
        self.emit(BooleanState.state_change, StateChangeEvent(state_value=state))

    @property
    def _key(self) -> str:
        assert self.endpoint is not None
        return f"boolean-state/{self.endpoint.number}"
