"""Dimmable Plug-in Unit or Dimmable Light (Matter Device Library 5.2, 4.2): percents to be set by a sentence.

On holds the device at the percents; Off leaves it to itself. So "turn everything off" ends what a person set,
and sets nothing to 0.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Protocol

from clusters.level_control import MIN_LEVEL, LevelControlServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, DIMMABLE_LIGHT, DIMMABLE_PLUG, compose
from device_types.percent_level import FULL, level_of_percent, percent_of_level
from device_types.switching import Switching

if TYPE_CHECKING:
    from clusters.groups import Grouping


class PercentSetting(Protocol):
    """Holds a device at so many percent, such as a battery at a reserve."""

    async def set_percent(self, percent: int | None) -> None:
        """Hold it at 0 to 100 %, or (None) leave it to itself; return when it is so.

        :raises StatusError: it is not so
        """


class _Held:
    """Makes one setting of a switch and a level (a `Switch` and a `Dimmer`)."""

    def __init__(self, face: DimmableFace, setting: PercentSetting, floor: int) -> None:
        self._face = face
        self._setting = setting
        self._floor = floor
        self._one_at_a_time = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether the device is being told something."""
        return self._one_at_a_time.locked()

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        async with self._one_at_a_time:
            await self._setting.set_percent(max(self._face.percent, self._floor) if on else None)

    async def set_level(self, level: int) -> None:
        async with self._one_at_a_time:
            if self._face.on_off.on_off:  # else it is what it will be held at when it is turned on
                await self._setting.set_percent(max(percent_of_level(level), self._floor))


class DimmableFace(Face):
    """Percents on the node. `dimmable` makes one."""

    def __init__(
        self,
        device: BridgedDevice,
        place: Place,
        setting: PercentSetting,
        grouping: Grouping,
        delegates: Delegates,
        *,
        percent: float,
        floor_percent: int,
        light: bool,
    ) -> None:
        who = information(device, delegates)
        self._floor_percent = floor_percent
        self._held = held = _Held(self, setting, floor_percent)
        switching = Switching(held, grouping, delegates)
        self.on_off = switching.on_off
        self.level = LevelControlServer(
            held,
            level=level_of_percent(max(percent, floor_percent)),
            lowest=level_of_percent(floor_percent),
        )
        super().__init__(
            who,
            compose(
                place.number(place.part),
                [DIMMABLE_LIGHT if light else DIMMABLE_PLUG, BRIDGED_NODE],
                [who, *switching.clusters, self.level],
                parent=place.parent,
            ),
        )

    @property
    def percent(self) -> int:
        """What the level is in percent: what it is held at, or would be if it were on.

        The least level is the floor: an app that goes all the way down has it held there.
        """
        level = self.level.current_level
        assert level is not None  # it has one from the start, and only percents are shown
        return self._floor_percent if level == MIN_LEVEL else percent_of_level(level)

    def update(self, *, percent: float | None, on: bool | None) -> None:
        """Show what it is held at; what has the percents is reachable.

        :param percent: 0 to 100, None if it is not known
        :param on: whether it is held there, rather than left to itself; None if it is not known
        """
        self.information.set_reachable(True)
        if on is not None:
            self.on_off.show(on)
        if percent is None or not math.isfinite(percent) or self._held.busy:
            return  # what was measured before it obeys is out of date
        # a level that means the same percents stays, as the app that set it knows it
        if round(percent) != self.percent:
            self.level.show(level_of_percent(percent))


def dimmable(
    device: BridgedDevice,
    place: Place,
    setting: PercentSetting,
    grouping: Grouping,
    delegates: Delegates | None = None,
    *,
    percent: float,
    floor_percent: int = 0,
    light: bool = False,
) -> DimmableFace:
    """Return the face of percents to be set, such as the reserve of a battery.

    :param percent: shown until others are, and unless some were kept
    :param floor_percent: less than this is taken as this
    :param light: be a Dimmable Light rather than a plug: some assistants set no percents of a plug
    :raises ValueError: the floor is not within 0 to 100
    """
    if not 0 <= floor_percent <= FULL:
        raise ValueError(f"a floor of {floor_percent} % is not within 0..{FULL} %")
    return DimmableFace(
        device,
        place,
        setting,
        grouping,
        delegates or Delegates(),
        percent=percent,
        floor_percent=floor_percent,
        light=light,
    )
