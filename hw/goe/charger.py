"""A go-eCharger: a charging point for electric vehicles that can be allowed, limited and measured.

Two keys make what it can be told. `frc` lets the car charge or not, and stays until it is changed. A current
is limited by `tcl`, which the charger forgets 10 minutes after it was last written: a hub that dies leaves no
limit behind. Chargers without it are told `amp`, the user's own setting, and get it back with AUTO.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hw.accuracy import Accuracy, Quantity
from hw.goe.reading import SMALLEST_A, reading
from hw.goe.status import KEYS, ChargerStatus, ForceState
from hw.module import (
    Capabilities,
    Identity,
    ModuleError,
    ModuleKind,
    ModuleUnreachable,
    Nameplate,
    NotSupported,
)
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hw.goe.client import GoeClient
    from hw.reading import Reading

MAINS_VOLTAGE_V: Final = 230.0
FORGETS_S: Final = 600.0
"""Seconds after which the charger drops a temporary limit that nobody repeats (key `tcl`)."""


_ACCURACIES: Final = {
    Quantity.POWER: Accuracy(5, 10),
    Quantity.VOLTAGE: Accuracy(3, 1),
    Quantity.CURRENT: Accuracy(5, 0.3),
    Quantity.FREQUENCY: Accuracy(0.5, 0.1),
    Quantity.ENERGY: Accuracy(5, 10),
}
"""How well a charger measures.

The vendor states no accuracy. Users found voltages 6 % low, and all that follows from them, but of the
hardware before version 3, which has not this API (https://github.com/cathiele/homeassistant-goecharger/pull/63,
https://github.com/evcc-io/evcc/issues/8870).
"""


class GoeCharger:
    """One charger."""

    def __init__(self, client: GoeClient, status: ChargerStatus) -> None:
        self._client = client
        self._serial = status.serial
        self._users_a: int | None = None
        """What the user had set before a limit took its place; None while none does."""
        self._identity = Identity(
            vendor="go-e",
            model=status.model.replace("_", " ") or "Charger",
            serial=status.serial,
            firmware=status.firmware,
        )
        self._nameplate = Nameplate()
        self._capabilities = Capabilities()
        self._learn(status)

    def __repr__(self) -> str:
        return f"<GoeCharger {self._identity.key} at {self.address}>"

    @property
    def identity(self) -> Identity:
        """Who it is: the charger's serial number."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """A charging point."""
        return ModuleKind.EVSE

    @property
    def address(self) -> str:
        """`host`, or `host:port`."""
        return str(self._client)

    @property
    def nameplate(self) -> Nameplate:
        """What installation and supply are good for, as it was read when the module was opened."""
        return self._nameplate

    @property
    def capabilities(self) -> Capabilities:
        """What it measures and can be told, as it was read when the module was opened."""
        return self._capabilities

    async def open(self) -> None:
        """Make sure of the charger, and read what it can do.

        :raises ModuleUnreachable: it does not answer
        :raises NotSupported: another device answers
        """
        self._learn(await self._status())

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable."""
        try:
            status = await self._status()
        except NotSupported as error:
            raise ModuleUnreachable(str(error)) from error
        return reading(self._identity.key, status, datetime.now(UTC))

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write, and read back; what goes wrong is in the answer."""
        try:
            match setpoint.kind:
                case SetpointKind.CONNECT:
                    return await self._connect(setpoint)
                case SetpointKind.CHARGE_CURRENT_A:
                    return await self._limit(setpoint)
                case SetpointKind.AUTO:
                    return await self._revert(setpoint)
                case _:
                    detail = f"not supported by {self._identity.key}"
                    return Applied(setpoint, AppliedState.REFUSED, detail=detail)
        except ModuleError as error:
            return Applied(setpoint, AppliedState.FAILED, detail=str(error))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.close()

    async def _connect(self, setpoint: Setpoint) -> Applied:
        """Force charging on or off: with force neutral the charger's own schedule could still say no."""
        wanted = ForceState.ON if setpoint.value == 1 else ForceState.OFF
        status, wrong = await self._status(), ""
        if status.force != wanted:
            status, wrong = await self._write({"frc": wanted})
        value = None if status.force is None else float(status.force != ForceState.OFF)
        return _applied(setpoint, wrong, value)

    async def _limit(self, setpoint: Setpoint) -> Applied:
        """Offer at most so many amperes, whole ones: the charger has no others."""
        status, wrong = await self._status(), ""
        least, most = status.minimum_a or SMALLEST_A, status.maximum_a
        wanted = int(setpoint.value or 0)
        if most is not None:
            wanted = min(wanted, most)
        if wanted < least:
            detail = f"{self._identity.key} offers {least} A or more; to pause charging is connect 0"
            return Applied(setpoint, AppliedState.REFUSED, detail=detail)
        key = "tcl" if status.has_temporary_limit else "amp"
        if key == "tcl" or status.requested_a != wanted:
            before = status.requested_a
            status, wrong = await self._write({key: wanted})
            if key == "amp" and self._users_a is None:
                self._users_a = before
        now_a = status.written(key)
        forgets = FORGETS_S if key == "tcl" else None
        return _applied(setpoint, wrong, None if now_a is None else float(now_a), forgets)

    async def _revert(self, setpoint: Setpoint) -> Applied:
        """Leave the car to the charger's own logic, and the current to the user's setting."""
        status = await self._status()
        changes: dict[str, int | None] = {}
        if status.force != ForceState.NEUTRAL:
            changes["frc"] = ForceState.NEUTRAL
        if status.temporary_limit_a is not None:
            changes["tcl"] = None
        if self._users_a is not None:
            changes["amp"] = self._users_a
        wrong = ""
        if changes:
            _, wrong = await self._write(changes)
        if not wrong:
            self._users_a = None
        return _applied(setpoint, wrong)

    async def _write(self, changes: Mapping[str, int | None]) -> tuple[ChargerStatus, str]:
        """Set keys; return the status after it, and which of them reads otherwise."""
        for key, value in changes.items():
            await self._client.write(key, None if value is None else int(value))
        status = await self._status()
        for key, value in changes.items():
            if status.written(key) != value:
                wrote = "null" if value is None else int(value)
                return status, f"{key} reads {status.written(key)}, wrote {wrote}"
        return status, ""

    async def _status(self) -> ChargerStatus:
        """Return the status, after making sure that nobody else lives at the address now."""
        answer = await self._client.status(KEYS)
        try:
            status = ChargerStatus.parse(answer)
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: the status cannot be read: {error}") from error
        if status.serial != self._serial:
            raise NotSupported(f"{self._client}: {status.serial} answers instead of {self._serial}")
        return status

    def _learn(self, status: ChargerStatus) -> None:
        current, phases = status.installed_a, status.phases
        power = None if current is None else current * phases * MAINS_VOLTAGE_V
        self._nameplate = Nameplate(
            power_w=power,
            charge_power_w=power,
            voltage_v=MAINS_VOLTAGE_V,
            current_a=None if current is None else float(current),
            phases=phases,
        )
        self._capabilities = Capabilities(
            setpoints=frozenset({SetpointKind.CONNECT, SetpointKind.CHARGE_CURRENT_A, SetpointKind.AUTO}),
            reverts=status.has_temporary_limit,
            revert_s_max=FORGETS_S if status.has_temporary_limit else None,
            imported_energy=status.total_wh is not None,
            measures={quantity: _ACCURACIES[quantity] for quantity in status.measured()},
            temperature=status.temperature_c is not None,
        )


def _applied(
    setpoint: Setpoint, wrong: str, value: float | None = None, expires_in: float | None = None
) -> Applied:
    if wrong:
        return Applied(setpoint, AppliedState.FAILED, value, detail=wrong)
    return Applied(setpoint, AppliedState.APPLIED, value, expires_in)
