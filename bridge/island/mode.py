"""The modes that the home works in, and the table of what leads from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - part of what is published
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.grid import GridState
from bridge.record import OperatingMode

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet


class HomeMode(StrEnum):
    """How the home works now. What the residents chose is one of the first two."""

    AUTONOMOUS = "autonomous"
    """Every module follows its own logic; neither plans nor programmes command any."""
    FEDERATED = "federated"
    """The plan commands the modules together."""
    ISLAND = "island"
    """The grid is gone: the home lives from its sun and its batteries."""
    RETURNING = "returning"
    """The grid is there again and has to prove itself; nothing is given back yet."""
    RESTORING = "restoring"
    """The grid is good; the loads that were off come back one by one."""

    @property
    def apart(self) -> bool:
        """Whether the home is, or has just been, an island: no plan is carried out."""
        return self not in {HomeMode.AUTONOMOUS, HomeMode.FEDERATED}


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides in which mode the home is.

    :ivar grid: what is known of the grid
    :ivar good_s: seconds for which its voltage and frequency have been within limits
    :ivar stable_s: seconds for which they have to be
    :ivar chosen: what the residents chose
    :ivar off: how many loads are off that the island switched off
    :ivar apart: a battery still supplies the home by itself: it returns to the grid in its own time
    """

    grid: GridState
    good_s: float
    stable_s: float
    chosen: OperatingMode
    off: int
    apart: bool = False

    @property
    def lost(self) -> bool:
        """Whether the grid is gone. That nobody can tell is no reason for an island."""
        return self.grid is GridState.LOST

    @property
    def back(self) -> bool:
        """Whether the grid is there."""
        return self.grid is GridState.CONNECTED

    @property
    def good(self) -> bool:
        """Whether it is within limits now."""
        return self.back and self.good_s > 0

    @property
    def stable(self) -> bool:
        """Whether it has been within limits for long enough, and supplies the home."""
        return self.back and self.good_s >= self.stable_s and not self.apart

    @property
    def over(self) -> bool:
        """Whether every load has power again."""
        return self.off == 0

    @property
    def alone(self) -> bool:
        """Whether the residents want every module to follow its own logic."""
        return self.chosen is OperatingMode.AUTONOMOUS


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: from these modes to that one when something is so."""

    before: AbstractSet[HomeMode]
    after: HomeMode
    when: Callable[[Facts], bool]
    because: str
    """For a person."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The home works in another mode."""

    before: HomeMode
    mode: HomeMode
    because: str
    time: datetime


_AUTO, _FED, _ISLAND, _RETURN, _RESTORE = HomeMode
_CHOSEN: Final = "the residents chose so"
_OVER: Final = "every load has power again"

# fmt: off
TRANSITIONS: Final = (
    #          from                 to         when                            because
    Transition({_AUTO, _FED},       _ISLAND,   lambda f: f.lost,               "the grid is gone"),
    Transition({_RETURN, _RESTORE}, _ISLAND,   lambda f: f.lost,               "the grid is gone again"),
    Transition({_FED},              _AUTO,     lambda f: f.alone,              _CHOSEN),
    Transition({_AUTO},             _FED,      lambda f: not f.alone,          _CHOSEN),
    Transition({_ISLAND},           _RETURN,   lambda f: f.back,               "the grid is there again"),
    Transition({_RETURN},           _RESTORE,  lambda f: f.stable,             "the grid is stable"),
    Transition({_RESTORE},          _RETURN,   lambda f: not f.good,           "the grid is not stable"),
    Transition({_RESTORE},          _AUTO,     lambda f: f.over and f.alone,   _OVER),
    Transition({_RESTORE},          _FED,      lambda f: f.over,               _OVER),
)
# fmt: on
"""The first row that fits counts. That nobody knows of the grid ends no island and begins none."""


def due(mode: HomeMode, facts: Facts) -> Transition | None:
    """Return the transition that is due, None if the home stays as it is."""
    return next((row for row in TRANSITIONS if mode in row.before and row.when(facts)), None)
