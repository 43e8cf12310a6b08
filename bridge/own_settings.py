"""What a module was set to of its own before it was told otherwise, of what no device takes back by itself.

A reserve and a thermostat's temperature stay as they were set last, whatever becomes of the hub. So what they
were is stored before another is written, and given back when nobody wants the other one any more: after
`kill -9` as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from bridge.command import Aspect
from hw.setpoint import Setpoint, SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hw.reading import Reading

KEPT: Final = {
    Aspect.RESERVE: SetpointKind.RESERVE_PERCENT,
    Aspect.TEMPERATURE: SetpointKind.TEMPERATURE_C,
}
"""What stays in a module until it is told otherwise, and how it is told."""
SAME: Final = 0.005
"""Numbers that differ by less are the same one."""
_TOLD: Final = 4
"""What was told last, of which the module may have any: a write that was under way may have been cut off."""


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """What a module was set to before, and what it was told since, the newest last."""

    value: float
    told: tuple[float, ...] = ()

    def telling(self, value: float) -> OwnSetting:
        """Return it with something that the module is about to be told."""
        return self if self.told[-1:] == (value,) else replace(self, told=(*self.told, value)[-_TOLD:])

    def to_json(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps([self.value, *self.told]).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a stored one; a bare number is what was stored of reserves once. Raise ValueError."""
        found = json.loads(data)
        numbers = [float(each) for each in (found if isinstance(found, list) else [found])]
        if not numbers:
            raise ValueError("nothing is said of what it was")
        return cls(numbers[0], tuple(numbers[1:]))


def current(aspect: Aspect, reading: Reading | None) -> float | None:
    """Return what a module says it is set to; None when it does not say."""
    if reading is None:
        return None
    if aspect is Aspect.RESERVE:
        return None if reading.battery is None else reading.battery.reserve_percent
    return None if reading.thermostat is None else reading.thermostat.setpoint_c


class OwnSettings:
    """Those of one module."""

    def __init__(self, keep: Callable[[Aspect, OwnSetting | None], None]) -> None:
        """Have none yet.

        :param keep: stores one, or forgets it
        """
        self._keep = keep
        self._own: dict[Aspect, OwnSetting] = {}
        self._unseen: set[Aspect] = set()
        """Of a former run of the hub: whether the module still has what it was told then is not known yet."""

    def __getitem__(self, aspect: Aspect) -> OwnSetting:
        return self._own[aspect]

    def get(self, aspect: Aspect) -> OwnSetting | None:
        """Return what a module had of something, None while it has it."""
        return self._own.get(aspect)

    def take_up(self, aspect: Aspect, own: OwnSetting) -> None:
        """Take up what a former run of the hub has left."""
        self._own[aspect] = own
        if own.told:
            self._unseen.add(aspect)

    def note(self, aspect: Aspect, value: float | None, reading: Reading | None) -> None:
        """Keep what a module has before it is told something else."""
        if aspect not in KEPT or value is None:
            return
        self._see(aspect, reading)
        own, now = self._own.get(aspect), current(aspect, reading)
        if own is None and now is not None:
            own = OwnSetting(now)
        if own is None:
            return
        telling = own.telling(value) if aspect is Aspect.TEMPERATURE else own
        if telling != self._own.get(aspect):
            self._own[aspect] = telling
            self._keep(aspect, telling)

    def next(self, wanted: Collection[Aspect], reading: Reading | None) -> tuple[Aspect, Setpoint] | None:
        """Return what is to be given back next, None when nothing is.

        :param wanted: what somebody commands
        """
        for aspect in tuple(self._own):
            if aspect not in wanted:
                self._see(aspect, reading)
                if aspect in self._own:
                    return aspect, Setpoint(KEPT[aspect], self._own[aspect].value, None)
        return None

    def forget(self, aspect: Aspect) -> None:
        """Note that a module has its own again, or was given another one by a person."""
        self._unseen.discard(aspect)
        if self._own.pop(aspect, None) is not None:
            self._keep(aspect, None)

    def _see(self, aspect: Aspect, reading: Reading | None) -> None:
        """Forget what a former run noted if a person has set the module since."""
        now = current(aspect, reading)
        if aspect not in self._unseen or now is None:
            return
        self._unseen.discard(aspect)
        if not any(abs(now - each) < SAME for each in self._own[aspect].told):
            self.forget(aspect)
