"""Keeping what is fed into the grid below a ceiling, by limiting the inverters, which follow the meter.

The home's own needs come first: panels are limited to what home and batteries take and what may be fed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect
from bridge.flows import is_at_the_supply
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.arbiter import Arbiter
    from bridge.command import Command, Origin
    from bridge.flows import Flows
    from bridge.registry import RegisteredModule, Registry
    from matter_node.clock import Clock

LIFE: Final = 300.0
"""Seconds that a limit lives: panels that nobody looks after any more give what they can."""
RENEWED: Final = 120.0
"""Seconds before its end from which on a limit is renewed."""
SMALL_W: Final = 30.0
"""A limit changes when it is off by more than this and by `SMALL_SHARE`: some devices wear out by writes."""
SMALL_SHARE: Final = 0.03
PROBE_SHARE: Final = 0.05
"""Share of their rating by which panels may give more for a moment, so that a battery with room sees it."""
PROBE_EVERY: Final = 60.0
"""Seconds from one such moment to the next."""
OBEYED: Final = 1.0
"""Seconds after which a limit that was told shows in what is read."""
LIMITS: Final = frozenset({SetpointKind.POWER_LIMIT_W, SetpointKind.POWER_LIMIT_PERCENT})
"""What an inverter must take, one of them, to be limited."""


class FeedInCeiling:
    """One origin's ceiling."""

    def __init__(
        self, registry: Registry, arbiter: Arbiter, clock: Clock, origin: Origin, source: str
    ) -> None:
        """Command in somebody's name.

        :param source: who of that origin
        """
        self._registry = registry
        self._arbiter = arbiter
        self._clock = clock
        self._origin = origin
        self._source = source
        self._probed = -PROBE_EVERY
        self._told_at = -math.inf
        """When a limit was changed last, UTC in seconds since 1970."""
        self._weighed = (0.0, math.inf)
        """When the meter was read last, and what the panels might give by that."""
        self._before_w = math.inf
        """What they might by the reading before."""

    @property
    def in_force(self) -> bool:
        """Whether any inverter is limited so."""
        return any(self._live(module) is not None for module in self._registry if _is_inverter(module))

    def hold(self, allowed_w: float, flows: Flows, *, room: bool = False) -> None:
        """See that no more is fed in.

        :param allowed_w: what may be, a magnitude
        :param flows: the home's balance now
        :param room: a battery could take more than it does
        :raises StateError: it cannot be kept
        """
        production = max(-float(flows.solar_w), 0.0)
        most = production + flows.grid_w + allowed_w
        if not self.in_force:
            if most <= production:
                self.limit(max(most, 0.0), flows)
            return
        # By what was read before the limit changed it would be changed back.
        told = self._told_w(flows)
        inverters = self._inverters()
        supply = [each for each in self._registry if is_at_the_supply(each) and each.reachable]
        meter, panels = _read_at(supply), _read_at(inverters)
        if meter < self._told_at + OBEYED:
            most = told
        elif panels < self._told_at + OBEYED:
            most = min(told, told + flows.grid_w + allowed_w)
        else:
            most = self._confirmed(most, told, meter)
            rating = _rating_w(inverters)
            if room and most - production < PROBE_SHARE * rating and self._may_probe():
                most = production + PROBE_SHARE * rating
        self.limit(max(most, 0.0), flows)

    def _confirmed(self, most_w: float, told_w: float, read_at: float) -> float:
        """Return what the panels may give; more than they were told only if two readings of the meter agree.

        Meter and inverters are not read at once: a cloud that has passed between shows as power that the home
        does not take.
        """
        if read_at != self._weighed[0]:
            self._before_w = self._weighed[1]
        self._weighed = (read_at, most_w)
        return most_w if most_w <= told_w else max(told_w, min(most_w, self._before_w))

    def _told_w(self, flows: Flows) -> float:
        """Return what all inverters together may give by the limits that are in force."""
        inverters = self._inverters()
        return sum(map(self._most_w, inverters)) + _others_w(inverters, flows)

    def _most_w(self, module: RegisteredModule) -> float:
        rating, live = module.record.nameplate.power_w or 0.0, self._live(module)
        if live is None or live.value is None:
            return rating
        return live.value if live.kind is SetpointKind.POWER_LIMIT_W else live.value * rating / 100

    def leave(self, most_w: float) -> None:
        """Limit the sum of all inverters for good, whatever home and sun do while nobody looks.

        Those that cannot be limited may give their rating, and those that do not answer may wake up.

        :raises StateError: it cannot be kept
        """
        rated = [each for each in self._registry if _is_inverter(each) and each.record.nameplate.power_w]
        able = [
            each
            for each in rated
            if each.record.capabilities.setpoints & LIMITS and not each.record.quarantined
        ]
        rating = _rating_w(able)
        others = _rating_w(rated) - rating
        if rating and most_w < rating + others:
            for module in able:
                self._tell(module, max(most_w - others, 0.0) / rating, None)

    def limit(self, most_w: float, flows: Flows) -> None:
        """Limit the sum of all inverters; a limit that leaves them all they have is taken back.

        :raises StateError: it cannot be kept
        """
        inverters = self._inverters()
        rating = _rating_w(inverters)
        if not rating:
            return
        share = max(most_w - _others_w(inverters, flows), 0.0) / rating
        if share >= 1:
            self.release("the panels may give all they have")
            return
        for module in inverters:
            self._tell(module, share)

    def release(self, reason: str) -> int:
        """Take the limits back; return how many there were."""
        return self._arbiter.vanish(self._origin, self._source, reason)

    def _may_probe(self) -> bool:
        now = self._clock.monotonic()
        if now - self._probed < PROBE_EVERY:
            return False
        self._probed = now
        return True

    def _inverters(self) -> list[RegisteredModule]:
        return [
            module
            for module in self._registry
            if _is_inverter(module)
            and module.reachable
            and module.record.capabilities.setpoints & LIMITS
            and module.record.nameplate.power_w
        ]

    def _tell(self, module: RegisteredModule, share: float, life: float | None = LIFE) -> None:
        rating = module.record.nameplate.power_w or 0.0
        in_watts = SetpointKind.POWER_LIMIT_W in module.record.capabilities.setpoints
        kind = SetpointKind.POWER_LIMIT_W if in_watts else SetpointKind.POWER_LIMIT_PERCENT
        value = round(rating * share) if in_watts else round(100 * share, 1)
        per_watt = 1.0 if in_watts else 100 / rating
        live = self._live(module)
        now = self._clock.utc() or 0.0
        lasts = live is not None and (live.expires or 0.0) - now >= RENEWED
        if life is not None and lasts and live is not None and live.value is not None:
            small = max(SMALL_W * per_watt, SMALL_SHARE * live.value)
            if live.kind is kind and abs(live.value - value) <= small:
                return
        if live is None or live.value != value:
            self._told_at = now
        self._arbiter.submit(module.key, kind, value, origin=self._origin, source=self._source, duration=life)

    def _live(self, module: RegisteredModule) -> Command | None:
        return next(
            (
                command
                for command in self._arbiter.live(module.key)
                if (command.origin, command.source) == (self._origin, self._source)
                and command.aspect is Aspect.OUTPUT
            ),
            None,
        )


def _is_inverter(module: RegisteredModule) -> bool:
    return module.record.kind is ModuleKind.MICROINVERTER


def _rating_w(inverters: Iterable[RegisteredModule]) -> float:
    return sum(module.record.nameplate.power_w or 0.0 for module in inverters)


def _read_at(modules: Iterable[RegisteredModule]) -> float:
    """Return when that one was read that was read longest ago."""
    return min((each.reading.time.timestamp() for each in modules if each.reading), default=math.inf)


def _others_w(inverters: Iterable[RegisteredModule], flows: Flows) -> float:
    """Return what those give that cannot be limited, which is what they give."""
    own = sum(max(-_power(module), 0.0) for module in inverters)
    return max(-float(flows.solar_w) - own, 0.0)


def _power(module: RegisteredModule) -> float:
    return 0.0 if module.reading is None else module.reading.power_w or 0.0
