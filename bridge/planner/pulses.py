"""Short pulses of a battery's power, to see whether a meter, or the battery, is in step again.

While the meter is out of step no plan is carried out, so nothing that the hub does could show that it was put
right. So now and then a battery charges a little for half a minute and rests for half a minute, three times:
what the meter makes of that is judged like any other step (`bridge.step_response`). It costs some 12 Wh that
stay in the battery, and is asked more and more seldom.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, Origin
from bridge.doubts import OUT_OF_STEP
from bridge.grid import GridState
from bridge.record import OperatingMode
from bridge.state import StateError
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from matter_node.clock import Timer

SOURCE: Final = "pulses"
PULSE_W: Final = 500.0
"""What the battery charges with."""
PULSE_S: Final = 30.0
"""Seconds for which it does, and for which it rests."""
PULSES: Final = 3
LOOK: Final = 60.0
"""Seconds from one look at who is out of step to the next."""
SOONEST: Final = 600.0
"""Seconds from the doubt to the first pulses; each time twice as long, up to `LATEST`."""
LATEST: Final = 3600.0
FULL: Final = 95.0
"""Percent from which on a battery may not take it."""

_log = logging.getLogger(__name__)


class Pulses:
    """Gives them while somebody is out of step and the home is otherwise fit to be commanded."""

    def __init__(self, home: Home, batteries: Callable[[], frozenset[str]]) -> None:
        """Take the home.

        :param batteries: returns the keys of those that follow plans
        """
        self._home = home
        self._batteries = batteries
        self._timer: Timer | None = None
        self._wait = SOONEST
        self._due = math.inf
        self._battery: str | None = None
        """The one that is given pulses."""
        self._left = 0
        """Commands that are still to come."""

    def start(self) -> None:
        """Begin to look."""
        self._look()

    def stop(self) -> None:
        """Give no more, and take back what was told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end("the planner ends")

    def _look(self) -> None:
        self._timer = self._home.clock.call_later(PULSE_S if self._left else LOOK, self._look)
        doubted = self._out_of_step()
        now = self._home.clock.monotonic()
        if not doubted:
            self._due, self._wait = math.inf, SOONEST
            self._end("all are in step")
        elif self._left:
            self._tell()
        elif self._due == math.inf:
            self._due = now + self._wait
        elif now >= self._due:
            self._wait = min(2 * self._wait, LATEST)
            self._due = now + self._wait
            self._begin(doubted)
        else:
            self._end("the pulses are over")

    def _out_of_step(self) -> list[str]:
        """Return the keys of the meter at the supply and the batteries that are out of step."""
        meter = self._home.grid.meter()
        asked = (*(() if meter is None else (meter,)), *sorted(self._batteries()))
        active = {key: self._home.faults.active(key) for key in asked}
        return [
            key for key, faults in active.items() if any(each.code == OUT_OF_STEP.code for each in faults)
        ]

    def _begin(self, doubted: list[str]) -> None:
        """Choose a battery: one that is doubted itself, else any, for the meter."""
        batteries = self._batteries()
        own = [key for key in doubted if key in batteries]
        asked = own if doubted[0] in batteries else sorted(batteries)
        self._battery = next((key for key in asked if self._can(self._home.registry[key])), None)
        if self._battery is None:
            return
        self._left = 2 * PULSES
        self._tell()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._home.clock.call_later(PULSE_S, self._look)

    def _tell(self) -> None:
        battery = self._battery
        assert battery is not None
        if battery not in self._home.registry or not self._can(self._home.registry[battery]):
            self._end("it cannot be commanded now")
            return
        charges = self._left % 2 == 0
        self._left -= 1
        kind, value = (SetpointKind.CHARGE_W, PULSE_W) if charges else (SetpointKind.HOLD, None)
        try:
            self._home.arbiter.submit(
                battery, kind, value, origin=Origin.DEFAULT, source=SOURCE, duration=PULSE_S + LOOK
            )
        except StateError as error:
            _log.error("a pulse cannot be kept: %s", error)
            self._end("it cannot be kept")

    def _can(self, module: RegisteredModule) -> bool:
        """Tell whether a battery may be given pulses now."""
        home, said = self._home, module.reading
        if home.choices.mode is OperatingMode.AUTONOMOUS or home.grid.state is not GridState.CONNECTED:
            return False
        if home.island.mode.apart or not module.reachable or said is None or said.battery is None:
            return False
        others = (each for each in home.arbiter.live(module.key) if each.source != SOURCE)
        if any(each.aspect is Aspect.STORAGE for each in others):
            return False
        return (100.0 if said.battery.soc_percent is None else said.battery.soc_percent) < FULL

    def _end(self, reason: str) -> None:
        self._left = 0
        if self._battery is not None:
            self._battery = None
            self._home.arbiter.vanish(Origin.DEFAULT, SOURCE, reason)
