"""What the residents chose for the home as a whole: what its plan is to be good for, and who decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.record import OperatingMode

if TYPE_CHECKING:
    from bridge.events import EventBus
    from matter_node.storage import Storage

E = TypeVar("E", bound=StrEnum)

POLICY_KEY: Final = "home/policy"
"""Under which the policy is stored."""
_MODE: Final = "home/mode"
_SAVINGS: Final = "home/savings-percent"
BALANCED: Final = 50


class Policy(StrEnum):
    """What the home's plan is to be good for."""

    SELF_CONSUMPTION = "self-consumption"
    """Use as much of the own sun as possible."""
    SAVINGS = "savings"
    """Pay as little as possible."""
    BACKUP = "backup"
    """Be ready for a time without the grid."""
    GREEN = "green"
    """Use the cleanest energy."""


@dataclass(frozen=True, slots=True)
class ChoicesChanged:
    """The residents chose something else."""

    policy: Policy
    mode: OperatingMode
    savings_percent: int


class HomeChoices:
    """The residents' choices, on the disk before anyone hears of them."""

    def __init__(self, storage: Storage, bus: EventBus) -> None:
        self._storage = storage
        self._bus = bus
        self.policy = _kept(storage, POLICY_KEY, Policy, Policy.SELF_CONSUMPTION)
        self.mode = _kept(storage, _MODE, OperatingMode, OperatingMode.FEDERATED)
        """Autonomous: neither plans nor programmes command any module."""
        stored = storage.get(_SAVINGS)
        self.savings_percent = BALANCED if stored is None else int.from_bytes(stored)
        """How much comfort may be given up for savings: 0 for none, 100 for all that can be."""

    def choose(
        self,
        *,
        policy: Policy | None = None,
        mode: OperatingMode | None = None,
        savings_percent: int | None = None,
    ) -> None:
        """Choose. Raise StateError when it cannot be kept; then nothing was chosen. Raise ValueError."""
        policy, mode = policy or self.policy, mode or self.mode
        savings = self.savings_percent if savings_percent is None else savings_percent
        if not 0 <= savings <= 100:
            raise ValueError(f"savings before comfort are 0 to 100 percent, not {savings}")
        if (policy, mode, savings) == (self.policy, self.mode, self.savings_percent):
            return
        with self._storage.transaction():
            self._storage.put(POLICY_KEY, policy.value.encode())
            self._storage.put(_MODE, mode.value.encode())
            self._storage.put(_SAVINGS, bytes([savings]))
        self._storage.flush()
        self.policy, self.mode, self.savings_percent = policy, mode, savings
        self._bus.publish(ChoicesChanged(policy, mode, savings))


def _kept(storage: Storage, key: str, kind: type[E], otherwise: E) -> E:
    stored = storage.get(key)
    try:
        return otherwise if stored is None else kind(stored.decode())
    except ValueError:
        return otherwise  # of a newer version
