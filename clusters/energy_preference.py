"""Weigh comfort against efficiency: Energy Preference with its balance (Matter Application Clusters 9.7).

The cluster is provisional in Matter 1.4.2, and Thermostat is the only device type that lists it: a node that
has it does not pass certification, wherever it is.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from clusters.definitions.energy_preference import BalanceStruct, EnergyPreference, EnergyPriorityEnum
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.model import Context

BALANCES = (
    BalanceStruct(step=0, label="Comfort"),
    BalanceStruct(step=25, label="Rather comfort"),
    BalanceStruct(step=50, label="Balanced"),
    BalanceStruct(step=75, label="Rather savings"),
    BalanceStruct(step=100, label="Savings"),
)
BALANCED = 2
"""The place of the middle one."""


class EnergyPreferenceServer(EnergyPreference):
    """Lets users choose between comfort and efficiency; the choice survives a restart.

    :param chosen: told how much efficiency is wanted, in percent, now and whenever it changes
    :param balances: what there is to choose from: 2 to 10 steps that ascend from 0 to 100 percent
    :param usual: the place of the one that holds until somebody chooses
    :raises ValueError: the steps do not, or there is no such place
    """

    def __init__(
        self,
        chosen: Callable[[int], None],
        *,
        balances: tuple[BalanceStruct, ...] = BALANCES,
        usual: int = BALANCED,
    ) -> None:
        steps = [balance.step for balance in balances]
        if not 2 <= len(steps) <= 10 or steps[0] != 0 or steps[-1] != 100:
            raise ValueError(f"balances of {steps} percent")
        if any(first >= second for first, second in itertools.pairwise(steps)):
            raise ValueError(f"balances of {steps} percent do not ascend")
        if not 0 <= usual < len(steps):
            raise ValueError(f"there is no balance {usual}")
        super().__init__(
            features=EnergyPreference.Feature.BALA,
            energy_balances=balances,
            current_energy_balance=usual,
            energy_priorities=(EnergyPriorityEnum.COMFORT, EnergyPriorityEnum.EFFICIENCY),
        )
        self._chosen = chosen

    def attached(self) -> None:
        """Tell the stored choice."""
        self._tell()

    def restore(self, id_: int, value: int) -> None:
        """Put the stored choice back, if it is still one of those there are."""
        if value < len(self.energy_balances):
            super().restore(id_, value)

    def write_current_energy_balance(self, _: Context, value: int) -> None:
        """Take another choice."""
        if value >= len(self.energy_balances):
            raise StatusError(Status.CONSTRAINT_ERROR, f"there is no balance {value}")
        if value != self.current_energy_balance:
            self.current_energy_balance = value
            self._tell()

    def _tell(self) -> None:
        self._chosen(self.energy_balances[self.current_energy_balance].step)
