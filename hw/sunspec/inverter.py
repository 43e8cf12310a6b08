"""A solar inverter: models 101-103, 111-113 or 701, with 120, 121, 702, 160, 714, 123 and 704."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import DcString, Reading
from hw.sunspec.ac import INVERTER_MODELS, ac_model, read_ac
from hw.sunspec.control import DerControls, ImmediateControls
from hw.sunspec.module import SunSpecModule, number

if TYPE_CHECKING:
    from datetime import datetime

    from hw.sunspec.module import Views

_BATTERY_PORTS = ("ESS", "EV", "BIDIR")


class Inverter(SunSpecModule):
    """Reads one inverter; limits and disconnects it where the device can."""

    KIND = ModuleKind.MICROINVERTER
    READ = (*INVERTER_MODELS, 701, 123, 704, 160, 714)
    PREPARE = (120, 121, 702, 123, 704, 160, 714, *INVERTER_MODELS, 701)

    _blind = False
    """Whether what the controls read back means nothing."""

    def _prepare(self, views: Views) -> None:
        rating = number(views, (121, "WMax"), (702, "WMax"), (120, "WRtg"), (702, "WMaxRtg"))
        model = ac_model(views)
        header = self.section.models
        if 704 in views and views[704].number("WMaxLimPct") is not None:
            self._control = DerControls(self.device, header[704], views[704], rating_w=rating)
        elif 123 in views:
            self._control = ImmediateControls(
                self.device, header[123], views[123], rating_w=rating, toggle=self.quirks.toggle_enable
            )
        self._nameplate = Nameplate(
            power_w=number(views, (120, "WRtg"), (702, "WMaxRtg"), (121, "WMax"), (702, "WMax")),
            voltage_v=number(views, (121, "VRef"), (702, "VNomRtg")),
            current_a=number(views, (120, "ARtg"), (702, "AMaxRtg")),
            phases=_phases(model, views),
            dc_strings=len(_strings(views)),
        )
        ac = read_ac(model, views[model]) if model else {}
        self._capabilities = Capabilities(
            setpoints=self._control.kinds if self._control else frozenset(),
            reverts=bool(self._control and self._control.kinds and self._control.revert_s_max),
            revert_s_max=self._control.revert_s_max if self._control else None,
            imported_energy=ac.get("energy_imported_wh") is not None,
            exported_energy=True,
            reactive_power=ac.get("reactive_power_var") is not None,
            temperature=ac.get("temperature_c") is not None,
        )
        self._blind = self._contradicts(views, ac.get("power_w"))
        # The AC model that is not read need not be fetched either.
        self._headers = [h for h in self._headers if h.id == model or h.id not in (*INVERTER_MODELS, 701)]

    def _reading(self, views: Views, now: datetime) -> Reading:
        model = ac_model(views)
        ac = read_ac(model, views[model]) if model else {}
        percent, connected = (None, None) if self._blind else self._limit(views)
        rating = self._nameplate.power_w
        return Reading(
            module=self.key,
            time=now,
            **ac,
            strings=_strings(views),
            connected=connected,
            power_limit_percent=percent,
            power_limit_w=percent * rating / 100 if percent is not None and rating else None,
        )

    def _limit(self, views: Views) -> tuple[float | None, bool | None]:
        """Return the limit in force in percent and whether the inverter is connected."""
        percent: float | None = None
        connected: bool | None = None
        if isinstance(self._control, DerControls) and 704 in views:
            enabled = views[704].raw("WMaxLimPctEna") == 1
            percent = views[704].number("WMaxLimPct") if enabled else 100.0
            if 701 in views:
                state = views[701].raw("ConnSt")
                connected = None if state is None else state == 1
        elif isinstance(self._control, ImmediateControls) and 123 in views:
            enabled = views[123].raw("WMaxLim_Ena") == 1
            percent = views[123].number("WMaxLimPct") if enabled else 100.0
            state = views[123].raw("Conn")
            connected = None if state is None else state == 1
        return percent, connected

    def _contradicts(self, views: Views, power_w: float | None) -> bool:
        """Whether the controls read a limit or a disconnection that the power belies.

        SMA takes commands in model 123 but reads 0 % and "disconnected" back at full power. A device that
        reverts by itself is believed: it may just be on its way down.
        """
        rating = self._nameplate.power_w
        if self._capabilities.reverts or not rating or not power_w:
            return False
        percent, connected = self._limit(views)
        return connected is False or -power_w > rating * ((100.0 if percent is None else percent) + 5) / 100


def _phases(model: int | None, views: Views) -> int:
    if model == 701:
        return {"SPLIT_PHASE": 2, "THREE_PHASE": 3}.get(views[701].symbol("ACType") or "", 1)
    return model % 10 if model else 1


def _strings(views: Views) -> tuple[DcString, ...]:
    """Return the DC inputs of 160 or 714 that measure anything; batteries among the ports are left out."""
    strings: list[DcString] = []
    if 714 in views:
        for index, port in enumerate(views[714].groups("Prt"), 1):
            if port.symbol("PrtTyp") in _BATTERY_PORTS:
                continue
            strings.append(
                DcString(
                    name=port.text("IDStr") or f"{index}",
                    power_w=port.number("DCW"),
                    voltage_v=port.number("DCV"),
                    current_a=port.number("DCA"),
                    energy_wh=port.number("DCWhInj"),
                    temperature_c=port.number("Tmp"),
                )
            )
    elif 160 in views:
        for index, module in enumerate(views[160].groups("module"), 1):
            strings.append(
                DcString(
                    name=module.text("IDStr") or f"{index}",
                    power_w=module.number("DCW"),
                    voltage_v=module.number("DCV"),
                    current_a=module.number("DCA"),
                    energy_wh=module.number("DCWH"),
                    temperature_c=module.number("Tmp"),
                )
            )
    return tuple(
        string
        for string in strings
        if (string.power_w, string.voltage_v, string.current_a) != (None, None, None)
    )
