"""A load that a Matter server controls: a plug or anything else with a relay, or a thermostat.

Matter has no timer that would take a command back: what is switched stays so. A setpoint that expires is
remembered here, and `AUTO` undoes it, if nobody else has switched the load since. A hub that dies forgets it:
the load then stays as it was switched last. The temperature of a thermostat is set for good: whoever sets it
remembers what it was.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hw.matter_server.accuracy import measures
from hw.matter_server.attributes import ENERGY_EXPORTED, ENERGY_IMPORTED, LOCAL_TEMPERATURE
from hw.matter_server.control import control
from hw.matter_server.reading import reading
from hw.matter_server.thermostat import can_be_set, limits, setpoint_attribute, thermostat
from hw.module import Capabilities, ModuleError, ModuleKind, ModuleUnreachable, Nameplate
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind

if TYPE_CHECKING:
    from hw.matter_server.node import Node
    from hw.matter_server.place import Place
    from hw.matter_server.server import MatterServer
    from hw.module import Identity
    from hw.reading import Reading

_STEP: Final = 50
"""Hundredths of a degree by which a thermostat may round what it is told: many know halves only."""
APPLY_WITHIN: Final = 4.5
"""Seconds for a command and its reading back; a device takes some ten milliseconds, over Thread a second."""


class MatterLoad:
    """One endpoint that can be switched, with what measures it."""

    def __init__(self, server: MatterServer, node: Node, place: Place) -> None:
        self._server = server
        self._control = control(node, place)
        self._openings = 0
        """How many have opened it and not closed it again."""
        self._before: bool | None = None
        """What it was before a setpoint that expires; None when there is nothing to take back."""
        self._told = False
        """What that setpoint made of it."""
        self.update(node, place)

    def __repr__(self) -> str:
        return f"<MatterLoad {self._identity.key} at {self.address}>"

    @property
    def identity(self) -> Identity:
        """Who it is: what its maker wrote into it, whatever its node is called on the server."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """A load."""
        return ModuleKind.LOAD

    @property
    def address(self) -> str:
        """The server's URL."""
        return self._server.url

    @property
    def nameplate(self) -> Nameplate:
        """Nothing: Matter plugs do not tell what they are rated for."""
        return Nameplate()

    @property
    def capabilities(self) -> Capabilities:
        """What it measures, as the server knew it when the load was found."""
        return self._capabilities

    def update(self, node: Node, place: Place) -> None:
        """Take over what is known of it now."""
        self._identity = place.identity
        kinds = {SetpointKind.CONNECT, SetpointKind.AUTO}
        if can_be_set(node, place.endpoint):
            kinds.add(SetpointKind.TEMPERATURE_C)
        self._capabilities = Capabilities(
            setpoints=frozenset(kinds),
            imported_energy=(place.energy, *ENERGY_IMPORTED) in node.values,
            exported_energy=(place.energy, *ENERGY_EXPORTED) in node.values,
            measures=measures(node, place),
            temperature=(place.endpoint, *LOCAL_TEMPERATURE) in node.values,
        )

    async def open(self) -> None:
        """Make sure that the server has it.

        :raises ModuleUnreachable: the server does not answer, or does not have it any more
        :raises NotSupported: something else answers
        """
        _, node, place = await self._server.find(self._identity.key)
        self.update(node, place)
        self.join()

    async def read(self) -> Reading:
        """Return what is known of it, which is at most ten seconds old. Raise ModuleUnreachable."""
        key = self._identity.key
        self._rejoin()
        try:
            _, node, place = await self._server.find(key)
        except ModuleUnreachable:
            raise
        except ModuleError as error:
            raise ModuleUnreachable(str(error)) from error
        self._server.confirm(key, node, place)
        return reading(place, node, datetime.now(UTC), on=self._control.is_on(node, place))

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Switch it or set its temperature, and read back from the device; what goes wrong is in the answer.

        A temperature beyond the device's own limits is set to the nearest that it takes.
        """
        self._rejoin()
        try:
            async with asyncio.timeout(APPLY_WITHIN):
                match setpoint.kind:
                    case SetpointKind.CONNECT:
                        return await self._connect(setpoint, on=setpoint.value == 1)
                    case SetpointKind.AUTO:
                        return await self._take_back(setpoint)
                    case SetpointKind.TEMPERATURE_C if setpoint.kind in self._capabilities.setpoints:
                        return await self._temper(setpoint)
                    case _:
                        detail = f"not supported by {self._identity.key}"
                        return Applied(setpoint, AppliedState.REFUSED, detail=detail)
        except TimeoutError:
            detail = f"{self._server}: no answer within {APPLY_WITHIN:.3g} s"
            return Applied(setpoint, AppliedState.FAILED, detail=detail)
        except ModuleError as error:
            return Applied(setpoint, AppliedState.FAILED, detail=str(error))

    async def close(self) -> None:
        """Let go of the connection, if nobody else needs it."""
        self._openings = max(self._openings - 1, 0)
        if not self._openings:
            await self._server.leave(self)

    def join(self) -> None:
        """Note that somebody opened it. The same load is returned to everyone who discovers it."""
        self._openings += 1
        self._server.join(self)

    def _rejoin(self) -> None:
        if not self._openings:
            self.join()

    async def _connect(self, setpoint: Setpoint, *, on: bool) -> Applied:
        if setpoint.expires_in is None:
            applied = await self._set(setpoint, on=on)
            self._before = None
            return applied
        is_on = await self._ask()
        if self._before is None or is_on is not self._told:
            self._before = is_on
        self._told = on
        if is_on is on:
            # It is so of itself, or by a setpoint before: `_before` says which.
            return Applied(setpoint, AppliedState.APPLIED, float(on))
        return await self._set(setpoint, on=on)

    async def _temper(self, setpoint: Setpoint) -> Applied:
        client, node, place = await self._server.find(self._identity.key)
        self._server.confirm(self._identity.key, node, place)
        assert setpoint.value is not None, "a temperature has a value"
        now = thermostat(node, place.endpoint)
        if now is None or now.heats is None:
            mode = "nothing" if now is None else now.mode.value
            detail = f"its mode is {mode}: it neither only heats nor only cools"
            return Applied(setpoint, AppliedState.FAILED, detail=detail)
        lowest, highest = limits(node, place.endpoint, heats=now.heats)
        wanted = round(100 * min(max(setpoint.value, lowest), highest))
        path = (place.endpoint, *setpoint_attribute(heats=now.heats))
        await client.write_attribute(node.id, path, wanted)
        await self._server.fetch(client, place, [path])
        _, node, place = await self._server.find(self._identity.key)
        set_to = node.number(place.endpoint, path[1:])
        if set_to is None:
            return Applied(setpoint, AppliedState.FAILED, detail="it does not say what it is set to")
        value = set_to / 100
        if abs(set_to - wanted) > _STEP:
            detail = f"it reads {value:g} °C after it was told {wanted / 100:g} °C"
            return Applied(setpoint, AppliedState.FAILED, value, detail=detail)
        return Applied(setpoint, AppliedState.APPLIED, value)

    async def _take_back(self, setpoint: Setpoint) -> Applied:
        before, told = self._before, self._told
        if before is None or before is told or await self._ask() is not told:
            self._before = None
            return Applied(setpoint, AppliedState.APPLIED)
        applied = await self._set(setpoint, on=before)
        if applied.state is AppliedState.APPLIED:
            self._before = None
        return applied

    async def _set(self, setpoint: Setpoint, *, on: bool) -> Applied:
        client, node, place = await self._server.find(self._identity.key)
        # A server goes on trying for a while: it is not told what a silent device might do much later.
        self._server.confirm(self._identity.key, node, place)
        await self._control.switch(client, node, place, on=on)
        is_on = await self._ask()
        value = None if setpoint.kind is SetpointKind.AUTO else float(is_on)
        if is_on is not on:
            detail = f"it reads {'on' if is_on else 'off'} after it was told {'on' if on else 'off'}"
            return Applied(setpoint, AppliedState.FAILED, value, detail=detail)
        return Applied(setpoint, AppliedState.APPLIED, value)

    async def _ask(self) -> bool:
        """Return whether it is on, as the device says. Raise ModuleError."""
        client, _, place = await self._server.find(self._identity.key)
        await self._server.fetch(client, place, [(place.endpoint, *self._control.attribute)])
        _, node, place = await self._server.find(self._identity.key)
        is_on = self._control.is_on(node, place)
        if is_on is None:
            raise ModuleUnreachable(f"{self._server}: {self._identity.key} does not say whether it is on")
        return is_on
