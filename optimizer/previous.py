"""What a plan needs to know of the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from optimizer.problem_error import ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimizer.horizon import Horizon


class Previous(Protocol):
    """A plan, or what is remembered of one."""

    @property
    def horizon(self) -> Horizon:
        """What it was made for."""

    def said(self) -> Mapping[str, Sequence[float]]:
        """Return the power of each battery and load by its name, one value a step, in W."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of a plan.

    :ivar power_w: of each battery and load by its name, one value a step
    :raises ProblemError: a row has another number of values than there are steps
    """

    horizon: Horizon
    power_w: Mapping[str, Sequence[float]]

    def __post_init__(self) -> None:
        for name, row in self.power_w.items():
            if len(row) != len(self.horizon):
                raise ProblemError(
                    f"the previous plan has {len(row)} values of {name!r} for {len(self.horizon)} steps"
                )

    def said(self) -> Mapping[str, Sequence[float]]:
        """Return it."""
        return self.power_w
