"""A solar inverter: models 101-103, 111-113 or 701, with 120, 121, 702, 160, 714, 122, 123 and 704."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hw.accuracy import Quantity
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import Reading
from hw.sunspec.ac import INVERTER_MODELS, ac_model, measured_points, read_ac
from hw.sunspec.accuracy import inverter_accuracies, modulus
from hw.sunspec.control import DerControls, ImmediateControls
from hw.sunspec.dc import dc_inputs, dc_measures, dc_strings
from hw.sunspec.isolation import Isolation
from hw.sunspec.module import SunSpecModule, number

if TYPE_CHECKING:
    from datetime import datetime

    from hw.sunspec.module import Views

_STORAGE_MODELS = (124, 713, 802)


class Inverter(SunSpecModule):
    """Reads one inverter; limits and disconnects it where the device can."""

    KIND = ModuleKind.MICROINVERTER
    READ = (*INVERTER_MODELS, 701, 123, 704, 160, 714)
    PREPARE = (120, 121, 702, 123, 704, 160, 714, *INVERTER_MODELS, 701)

    _blind = False
    """Whether what the controls read back means nothing."""
    _isolation: Isolation | None = None

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable."""
        reading = await super().read()
        if self._isolation is None:
            return reading
        return replace(reading, isolation_ohm=await self._isolation.ohm())

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
        inputs = dc_inputs(views, self._whole_side(views))
        self._nameplate = Nameplate(
            power_w=number(views, (120, "WRtg"), (702, "WMaxRtg"), (121, "WMax"), (702, "WMax")),
            voltage_v=number(views, (121, "VRef"), (702, "VNomRtg")),
            current_a=number(views, (120, "ARtg"), (702, "AMaxRtg")),
            phases=_phases(model, views),
            dc_strings=len(inputs),
        )
        ac = read_ac(model, views[model]) if model else {}
        points = measured_points(model, views[model]) if model else {}
        measures = inverter_accuracies(views[model], points, self._nameplate) if model else {}
        direct, dc_modulus = dc_measures(inputs, self._nameplate.power_w)
        self._capabilities = Capabilities(
            setpoints=self._control.kinds if self._control else frozenset(),
            reverts=bool(self._control and self._control.kinds and self._control.revert_s_max),
            revert_s_max=self._control.revert_s_max if self._control else None,
            imported_energy=ac.get("energy_imported_wh") is not None,
            exported_energy=True,
            energy_modulus_wh=modulus(views[model], points[Quantity.ENERGY])
            if model and Quantity.ENERGY in points
            else None,
            dc_energy_modulus_wh=dc_modulus,
            measures=measures | direct,
            temperature=ac.get("temperature_c") is not None,
        )
        self._blind = self._contradicts(views, ac.get("power_w"))
        self._isolation = Isolation.of(self.device, self.section.models)
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
            strings=dc_strings(views, self._whole_side(views)),
            connected=connected,
            power_limit_percent=percent,
            power_limit_w=percent * rating / 100 if percent is not None and rating else None,
        )

    def _whole_side(self, views: Views) -> int | None:
        """Return the model whose DC points tell of the panels, and of nothing else: there is no battery."""
        battery = any(model in self.section.models for model in _STORAGE_MODELS)
        return None if battery else ac_model(views)

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
