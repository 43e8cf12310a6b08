"""Commands: SunSpec models 123 (immediate controls), 124 (storage) and 704 (DER AC controls).

Every command is written value first, then its revert time, then its enable point, and read back; it counts as
applied only when the device says so. Revert times make the device fall back by itself when the hub is gone.
Models 120, 121, 703 and 705 upward hold grid-code settings in flash and are never written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind

if TYPE_CHECKING:
    from hw.sunspec.codec import Number, View
    from hw.sunspec.device import Device
    from hw.sunspec.scanner import ModelHeader

Kind = SetpointKind


class Control(Protocol):
    """Writes one family of setpoints."""

    @property
    def kinds(self) -> frozenset[SetpointKind]:
        """What it can write."""

    @property
    def revert_s_max(self) -> float | None:
        """Longest revert time in seconds, None when the device has no revert timer."""

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write and read back. Raise ModuleUnreachable, ModbusRefused or ValueError."""


class _ModelControl:
    """One control model of a device."""

    REVERT = ""
    """The revert timer's point."""

    def __init__(self, device: Device, header: ModelHeader, view: View) -> None:
        self._device = device
        self._header = header
        self._reverts = view.raw(self.REVERT) is not None

    @property
    def revert_s_max(self) -> float | None:
        """Longest revert time in seconds, None when the device has no revert timer."""
        return 65534.0 if self._reverts else None

    async def _view(self) -> View:
        (view,) = await self._device.read([self._header])
        return view

    async def _write(self, view: View, values: dict[str, Number]) -> View:
        await self._device.write(self._header, view, values)
        return await self._view()

    def _revert(self, setpoint: Setpoint, point: str) -> dict[str, Number]:
        # 0 means "never reverts" in 123 and 124.
        return {point: round(setpoint.expires_in or 0)} if self._reverts else {}

    def _judge(
        self, setpoint: Setpoint, view: View, wanted: dict[str, Number], value: float | None, revert: str = ""
    ) -> Applied:
        """Compare what was read back with what was wanted, to half a step of the point's scale factor."""
        for name, want in wanted.items():
            got = view.number(name)
            step = 10 ** (view.exponent(name) or 0)
            if got is None or abs(got - want) > step * 0.501:
                return Applied(
                    setpoint, AppliedState.FAILED, value, None, f"{name} reads {got}, wrote {want}"
                )
        expires = (view.number(revert) or None) if revert and self._reverts else None
        return Applied(setpoint, AppliedState.APPLIED, value, expires)


class ImmediateControls(_ModelControl):
    """Model 123: output limit in percent of WMax, and connection."""

    REVERT = "WMaxLimPct_RvrtTms"

    def __init__(
        self, device: Device, header: ModelHeader, view: View, *, rating_w: float | None, toggle: bool
    ) -> None:
        super().__init__(device, header, view)
        self._rating_w = rating_w
        self._toggle = toggle
        kinds = set[SetpointKind]()
        if view.number("WMaxLimPct") is not None and view.raw("WMaxLim_Ena") is not None:
            kinds |= {Kind.POWER_LIMIT_PERCENT, Kind.AUTO}
            kinds |= {Kind.POWER_LIMIT_W} if rating_w else set()
        if view.raw("Conn") is not None:
            kinds |= {Kind.CONNECT, Kind.AUTO}
        self.kinds = frozenset(kinds)

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write and read back."""
        view = await self._view()
        if setpoint.kind is Kind.CONNECT:
            return await self._connect(setpoint, view)
        if setpoint.kind is Kind.AUTO:
            wanted: dict[str, Number] = {"WMaxLim_Ena": 0} if Kind.POWER_LIMIT_PERCENT in self.kinds else {}
            if Kind.CONNECT in self.kinds and view.raw("Conn") == 0:
                wanted["Conn"] = 1
            view = await self._write(view, wanted)
            return self._judge(setpoint, view, wanted, None)
        percent = _percent(setpoint, self._rating_w)
        if self._toggle and view.raw("WMaxLim_Ena") == 1:
            view = await self._write(view, {"WMaxLim_Ena": 0})
        wanted = {"WMaxLimPct": percent}
        enable: dict[str, Number] = {"WMaxLim_Ena": 1}
        view = await self._write(view, wanted | self._revert(setpoint, self.REVERT) | enable)
        value = _in_unit(setpoint, view.number("WMaxLimPct"), self._rating_w)
        return self._judge(setpoint, view, wanted | enable, value, self.REVERT)

    async def _connect(self, setpoint: Setpoint, view: View) -> Applied:
        wanted: dict[str, Number] = {"Conn": setpoint.value or 0}
        revert = self._revert(setpoint, "Conn_RvrtTms") if view.raw("Conn_RvrtTms") is not None else {}
        view = await self._write(view, revert | wanted)
        return self._judge(setpoint, view, wanted, view.number("Conn"), "Conn_RvrtTms" if revert else "")


class DerControls(_ModelControl):
    """Model 704: output limit in percent of WMax, and for a store its active power."""

    REVERT = "WMaxLimPctRvrtTms"

    def __init__(
        self,
        device: Device,
        header: ModelHeader,
        view: View,
        *,
        rating_w: float | None,
        charge_w: float | None = None,
        discharge_w: float | None = None,
    ) -> None:
        super().__init__(device, header, view)
        self._rating_w = rating_w
        self._charge_w = charge_w
        self._discharge_w = discharge_w
        kinds = set[SetpointKind]()
        if view.number("WMaxLimPct") is not None and view.raw("WMaxLimPctEna") is not None:
            kinds |= {Kind.POWER_LIMIT_PERCENT, Kind.AUTO}
            kinds |= {Kind.POWER_LIMIT_W} if rating_w else set()
        if charge_w and view.number("WSet") is not None and view.raw("WSetEna") is not None:
            kinds |= {Kind.CHARGE_W, Kind.DISCHARGE_W, Kind.HOLD, Kind.AUTO}
        self.kinds = frozenset(kinds)

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write and read back."""
        view = await self._view()
        if setpoint.kind is Kind.AUTO:
            wanted: dict[str, Number] = {}
            if Kind.POWER_LIMIT_PERCENT in self.kinds:
                wanted["WMaxLimPctEna"] = 0
            if Kind.HOLD in self.kinds:
                wanted["WSetEna"] = 0
            view = await self._write(view, wanted)
            return self._judge(setpoint, view, wanted, None)
        if setpoint.kind in (Kind.CHARGE_W, Kind.DISCHARGE_W, Kind.HOLD):
            return await self._set_power(setpoint, view)
        wanted = {"WMaxLimPct": _percent(setpoint, self._rating_w)}
        enable: dict[str, Number] = {"WMaxLimPctEna": 1}
        revert = self._revert(setpoint, self.REVERT) | ({"WMaxLimPctEnaRvrt": 0} if self._reverts else {})
        view = await self._write(view, wanted | revert | enable)
        value = _in_unit(setpoint, view.number("WMaxLimPct"), self._rating_w)
        return self._judge(setpoint, view, wanted | enable, value, self.REVERT)

    async def _set_power(self, setpoint: Setpoint, view: View) -> Applied:
        watts = setpoint.value or 0.0
        if setpoint.kind is Kind.CHARGE_W:
            watts = -min(watts, self._charge_w or watts)
        else:
            watts = min(watts, self._discharge_w or watts)
        wanted: dict[str, Number] = {"WSetMod": 1, "WSet": watts}
        enable: dict[str, Number] = {"WSetEna": 1}
        revert: dict[str, Number] = {}
        if view.raw("WSetRvrtTms") is not None:
            revert = {"WSetEnaRvrt": 0, "WSetRvrtTms": round(setpoint.expires_in or 0)}
        view = await self._write(view, wanted | revert | enable)
        value = view.number("WSet")
        value = None if setpoint.kind is Kind.HOLD or value is None else abs(value)
        return self._judge(setpoint, view, wanted | enable, value, "WSetRvrtTms")


class StorageControls(_ModelControl):
    """Model 124: what a battery may charge and discharge, as the window between its two rates.

    A negative rate of the other direction forces the power: charging with 1 kW is "charge at most 1 kW,
    discharge at most -1 kW".
    """

    REVERT = "InOutWRte_RvrtTms"
    CHARGE, BOTH = 1, 3
    """StorCtl_Mod with the charge limit on, and with both on."""

    def __init__(
        self, device: Device, header: ModelHeader, view: View, *, discharge_w: float | None = None
    ) -> None:
        super().__init__(device, header, view)
        self._charge_w = view.number("WChaMax")
        self._discharge_w = discharge_w or self._charge_w
        kinds = set[SetpointKind]()
        rates = (view.raw("StorCtl_Mod"), view.number("InWRte"), view.number("OutWRte"))
        if self._charge_w and None not in rates:
            kinds |= {Kind.CHARGE_W, Kind.CHARGE_LIMIT_W, Kind.DISCHARGE_W, Kind.HOLD, Kind.AUTO}
        if view.number("MinRsvPct") is not None:
            kinds.add(Kind.RESERVE_PERCENT)
        self.kinds = frozenset(kinds)

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write and read back."""
        view = await self._view()
        if setpoint.kind is Kind.RESERVE_PERCENT:
            wanted: dict[str, Number] = {"MinRsvPct": setpoint.value or 0}
            view = await self._write(view, wanted)
            return self._judge(setpoint, view, wanted, view.number("MinRsvPct"))
        if setpoint.kind is Kind.AUTO:
            wanted = {"StorCtl_Mod": 0}
            view = await self._write(view, wanted)
            return self._judge(setpoint, view, wanted, None)
        charging = setpoint.kind in {Kind.CHARGE_W, Kind.CHARGE_LIMIT_W}
        mine, others = ("InWRte", "OutWRte") if charging else ("OutWRte", "InWRte")
        full = (self._charge_w if charging else self._discharge_w) or 0.0
        percent = min(100.0, (setpoint.value or 0.0) * 100 / full)
        rates: dict[str, Number] = {mine: percent}
        enable: dict[str, Number] = {"StorCtl_Mod": self.CHARGE}
        if setpoint.kind is not Kind.CHARGE_LIMIT_W:
            rates[others] = -percent * full / ((self._discharge_w if charging else self._charge_w) or full)
            enable = {"StorCtl_Mod": self.BOTH}
        view = await self._write(view, rates | self._revert(setpoint, self.REVERT) | enable)
        rate = view.number(mine)
        value = None if setpoint.kind is Kind.HOLD or rate is None else rate * full / 100
        return self._judge(setpoint, view, rates | enable, value, self.REVERT)


def _percent(setpoint: Setpoint, rating_w: float | None) -> float:
    value = setpoint.value or 0.0
    return value if setpoint.kind is Kind.POWER_LIMIT_PERCENT else min(100.0, value * 100 / (rating_w or 1.0))


def _in_unit(setpoint: Setpoint, percent: float | None, rating_w: float | None) -> float | None:
    if percent is None or setpoint.kind is Kind.POWER_LIMIT_PERCENT:
        return percent
    return percent * (rating_w or 0.0) / 100
