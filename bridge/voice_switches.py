"""What voice faces do with a module: each carries out what a person said, as a command to the arbiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.actions import Requester
from bridge.command import Origin
from bridge.load_switch import obeyed
from bridge.state import StateError
from hw.setpoint import SetpointKind
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.actions import ModuleActions
    from bridge.command import Command
    from bridge.registry import RegisteredModule

VOICE: Final = Requester(Origin.USER, "voice")
"""What the arbiter knows these commands by."""


class _Wish:
    """What all of them share: a module, and how a command to it is judged."""

    def __init__(self, module: RegisteredModule, actions: ModuleActions) -> None:
        self._module = module
        self._actions = actions

    async def _tell(self, command: Callable[[], Command]) -> None:
        """Command the module, and return when it obeyed.

        :raises StatusError: it does not answer or obey, or what protects the home keeps it from doing so
        """
        if not self._module.reachable:
            raise StatusError(Status.FAILURE, self._module.unreachable_because)
        try:
            told = command()
        except (ValueError, KeyError, StateError) as error:
            raise StatusError(Status.FAILURE, str(error)) from error
        await obeyed(self._actions, told)


class ChargingSwitch(_Wish):
    """Lets a battery charge or not (a `Switch`). On takes back whatever a person had said against it."""

    @property
    def on(self) -> bool:
        """Whether nobody keeps the battery from charging."""
        return not self._actions.blocks_charging(self._module.key, Origin.USER)

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        """Let it charge or not."""
        if not on:
            await self._tell(lambda: self._actions.stop_charging(self._module.key, VOICE))
            return
        for command in self._actions.blocks_charging(self._module.key, Origin.USER):
            self._actions.withdraw(command, "battery charging was switched on")


class ConnectionSwitch(_Wish):
    """Lets a car charge, or a solar module produce, or not (a `Switch`).

    Off holds until on is said; on leaves the module to its own logic and to the plan.
    """

    @property
    def on(self) -> bool:
        """Whether nobody keeps the module off."""
        return not self._against()

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        """Let it work or not."""
        if not on:
            await self._tell(self._stop)
            return
        for command in self._against():
            self._actions.withdraw(command, "it was switched on")

    def _stop(self) -> Command:
        kinds = self._module.record.capabilities.setpoints
        if SetpointKind.CONNECT in kinds:
            return self._actions.connect(self._module.key, VOICE, on=False)
        return self._actions.limit_share(self._module.key, 0.0, VOICE)

    def _against(self) -> tuple[Command, ...]:
        stops = {SetpointKind.CONNECT, SetpointKind.POWER_LIMIT_PERCENT}
        return tuple(
            command
            for command in self._actions.live(self._module.key, Origin.USER)
            if command.kind in stops and command.value == 0
        )


class ReserveSetting(_Wish):
    """How much a battery keeps back (a `PercentSetting`)."""

    @property
    def on(self) -> bool:
        """Whether a person set the reserve; else it is the battery's own."""
        return self._actions.live_reserve(self._module.key, Origin.USER) is not None

    @property
    def percent(self) -> float | None:
        """What the battery says that it keeps back."""
        battery = self._module.reading.battery if self._module.reading is not None else None
        return None if battery is None else battery.reserve_percent

    async def set_percent(self, percent: int | None) -> None:
        """Keep so much back, or (None) what the battery did before anybody asked."""
        if percent is not None:
            await self._tell(lambda: self._actions.reserve(self._module.key, percent, VOICE))
            return
        command = self._actions.live_reserve(self._module.key, Origin.USER)
        if command is not None:
            self._actions.withdraw(command, "the reserve is automatic again")
