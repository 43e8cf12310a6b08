"""A relay of a Shelly with what hangs on it: a load that can be measured and switched.

A setpoint that expires is written with the device's own flip-back timer (`toggle_after`), so that a load that
was switched off for a while comes on again without the hub; one without expiry stays, as after a press of the
device's button.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hw.accuracy import Accuracy, Quantity
from hw.module import (
    Capabilities,
    Identity,
    ModuleError,
    ModuleKind,
    ModuleUnreachable,
    Nameplate,
    NotSupported,
)
from hw.reading import Fault, OperatingState, Reading
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind
from hw.shelly.answers import (
    DeviceInfo,
    RelayStatus,
    initial_state,
    initial_state_of,
    power_limit,
    powered_s,
)

if TYPE_CHECKING:
    from typing import Any

    from hw.power_up import PowerUp
    from hw.shelly.rpc import RpcClient

_ACCURACIES: Final = {
    Quantity.POWER: Accuracy(6, 8),
    Quantity.VOLTAGE: Accuracy(2, 0.1),
    Quantity.CURRENT: Accuracy(6, 0.05),
    Quantity.FREQUENCY: Accuracy(0.5, 0.1),
    Quantity.POWER_FACTOR: Accuracy(0, 0.1),
    Quantity.ENERGY: Accuracy(6, 1),
}
"""How well a relay with a meter measures.

The vendor states an accuracy of its energy meters (Pro 3EM: class B, https://kb.shelly.cloud), and none of
its relays. Users found a Plus 1PM 6 % off, and up to 15 % between 1 W and 80 W
(https://github.com/gf78/solar-system-dynamic-limit-management-opendtu-shelly-pro/issues/2). Tenths of a volt
and of a hertz are the steps that `Switch.GetStatus` tells.
"""

LONGEST_TIMER: Final = 65535.0
"""Seconds of `toggle_after` that are asked for at most."""


class ShellyPlug:
    """One relay of a device."""

    def __init__(self, client: RpcClient, info: DeviceInfo, relay: int) -> None:
        self._client = client
        self._mac = info.mac
        self._relay = relay
        self._verified = False
        self._nameplate = Nameplate()
        self._capabilities = Capabilities()
        self._identity = Identity(
            vendor="Shelly",
            model=info.app or info.model or "Relay",
            serial=info.mac,
            firmware=info.firmware,
            part=f"switch-{relay}" if relay else "",
        )

    def __repr__(self) -> str:
        return f"<ShellyPlug {self._identity.key} at {self.address}>"

    @property
    def identity(self) -> Identity:
        """Who it is: the device's MAC address, which its vendor uses for a serial number."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """A load."""
        return ModuleKind.LOAD

    @property
    def address(self) -> str:
        """`host`, or `host:port`."""
        return str(self._client)

    @property
    def nameplate(self) -> Nameplate:
        """What the relay is good for, as it was read when the module was opened."""
        return self._nameplate

    @property
    def capabilities(self) -> Capabilities:
        """What it measures, as it was read when the module was opened."""
        return self._capabilities

    async def open(self) -> None:
        """Make sure of the device, and read what it can do.

        :raises ModuleUnreachable: it does not answer
        :raises NotSupported: another device answers
        """
        status = await self._status()
        settings = await self._call("Switch.GetConfig")
        limit = power_limit(settings)
        self._nameplate = Nameplate(power_w=limit)
        self._capabilities = Capabilities(
            setpoints=frozenset({SetpointKind.CONNECT, SetpointKind.AUTO}),
            reverts=True,
            revert_s_max=LONGEST_TIMER,
            imported_energy=status.energy_imported_wh is not None,
            exported_energy=status.energy_exported_wh is not None,
            measures={quantity: _ACCURACIES[quantity] for quantity in status.measured()},
            temperature=status.temperature_c is not None,
        )

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable."""
        try:
            status = await self._status()
        except NotSupported as error:
            raise ModuleUnreachable(str(error)) from error
        return reading(self._identity.key, self._relay, status, datetime.now(UTC))

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Switch, and read back; what goes wrong is in the answer."""
        try:
            match setpoint.kind:
                case SetpointKind.CONNECT:
                    return await self._connect(setpoint, on=setpoint.value == 1)
                case SetpointKind.AUTO:
                    return await self._revert(setpoint)
                case _:
                    detail = f"not supported by {self._identity.key}"
                    return Applied(setpoint, AppliedState.REFUSED, detail=detail)
        except ModuleError as error:
            return Applied(setpoint, AppliedState.FAILED, detail=str(error))

    async def power_up(self) -> PowerUp | None:
        """Return what the relay does when the device is supplied with power. Raise ModuleError."""
        return initial_state(await self._verified_call("Switch.GetConfig"))

    async def set_power_up(self, wanted: PowerUp) -> PowerUp | None:
        """Set that, and return what the device says then. Raise ModuleError."""
        config = {"initial_state": initial_state_of(wanted)}
        await self._verified_call("Switch.SetConfig", config=config)
        return await self.power_up()

    async def powered_s(self) -> float | None:
        """Return for how many seconds it has had power, as `hw.power_up` has it. Raise ModuleError."""
        await self._verify()
        return powered_s(await self._client.call("Sys.GetStatus"))

    async def close(self) -> None:
        """Let go of the connection."""
        self._verified = False
        await self._client.close()

    async def _connect(self, setpoint: Setpoint, *, on: bool) -> Applied:
        wanted: dict[str, Any] = {"on": on}
        if setpoint.expires_in is not None:
            status = await self._status()
            # What a running timer flips it to is how it is of itself: told to be so, it must not flip away.
            of_itself = status.output if status.timer_s is None else not status.output
            if of_itself is on and status.timer_s is None:
                return Applied(setpoint, AppliedState.APPLIED, float(on))
            if of_itself is not on:
                wanted["toggle_after"] = round(min(setpoint.expires_in, LONGEST_TIMER))
        return await self._set(setpoint, wanted)

    async def _revert(self, setpoint: Setpoint) -> Applied:
        """Do now what the flip-back timer would do later; without one there is nothing to take back."""
        status = await self._status()
        if status.timer_s is None:
            return Applied(setpoint, AppliedState.APPLIED)
        return await self._set(setpoint, {"on": not status.output})

    async def _set(self, setpoint: Setpoint, wanted: dict[str, Any]) -> Applied:
        await self._verified_call("Switch.Set", **wanted)
        status = await self._status()
        value = None if setpoint.kind is SetpointKind.AUTO else float(status.output)
        if status.output is not wanted["on"]:
            detail = f"output reads {status.output}, wrote {wanted['on']}"
            return Applied(setpoint, AppliedState.FAILED, value, detail=detail)
        return Applied(setpoint, AppliedState.APPLIED, value, status.timer_s)

    async def _verified_call(self, method: str, **parameters: Any) -> dict[str, Any]:
        if not self._verified:
            await self._verify()
        return await self._call(method, **parameters)

    async def _status(self) -> RelayStatus:
        answer = await self._verified_call("Switch.GetStatus")
        try:
            return RelayStatus.parse(answer)
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: Switch.GetStatus cannot be read: {error}") from error

    async def _verify(self) -> None:
        """Make sure, before anything is written, that nobody else lives at the address now."""
        answer = await self._client.call("Shelly.GetDeviceInfo")
        try:
            info = DeviceInfo.parse(answer)
        except ValueError as error:
            raise NotSupported(f"{self._client}: {error}") from error
        if info.mac != self._mac:
            raise NotSupported(f"{self._client}: {info.mac} answers instead of {self._mac}")
        self._verified = True

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        try:
            return await self._client.call(method, {"id": self._relay, **parameters})
        except ModuleUnreachable:
            self._verified = False
            raise


def reading(module: str, relay: int, status: RelayStatus, now: datetime) -> Reading:
    """Return a relay's status as a reading. A load's consumption is positive there and here."""
    faults = tuple(Fault(error.upper(), f"switch:{relay}.errors") for error in status.errors)
    state = OperatingState.RUNNING if status.output else OperatingState.OFF
    power, current = status.power_w, status.current_a
    return Reading(
        module=module,
        time=now,
        state=OperatingState.FAULT if faults else state,
        power_w=power,
        voltage_v=status.voltage_v,
        current_a=None if current is None else abs(current),
        frequency_hz=status.frequency_hz,
        power_factor=status.power_factor,
        energy_imported_wh=status.energy_imported_wh,
        energy_exported_wh=status.energy_exported_wh,
        temperature_c=status.temperature_c,
        connected=status.output,
        faults=faults,
    )
