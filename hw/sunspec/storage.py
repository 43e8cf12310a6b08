"""A battery: models 124, 713 and 802, with an AC model (101-103, 111-113, 701) where it has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.accuracy import Accuracy, Quantity
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import BatteryReading, ChargeState, OperatingState, Quality, Reading
from hw.sunspec.ac import INVERTER_MODELS, AcReading, ac_model, faults_of, measured_points, read_ac
from hw.sunspec.accuracy import direct_accuracies, implemented, inverter_accuracies, modulus
from hw.sunspec.control import DerControls, StorageControls
from hw.sunspec.module import SunSpecModule, first, number

if TYPE_CHECKING:
    from datetime import datetime

    from hw.module import Identity
    from hw.sunspec.codec import View
    from hw.sunspec.device import Device
    from hw.sunspec.module import Views

STORAGE_MODELS = (124, 713, 802)
_BANK_POINTS = {Quantity.DC_POWER: "W", Quantity.DC_VOLTAGE: "V", Quantity.DC_CURRENT: "A"}
_CONVERSION = Accuracy(10, measured=False)
"""Of an AC power for which that of the DC side stands: the losses between them, besides."""
_CHARGE_STATES = {state.name: state for state in ChargeState}


class Storage(SunSpecModule):
    """Reads one battery; charges, discharges and holds it where the device can."""

    KIND = ModuleKind.BATTERY
    READ = (*INVERTER_MODELS, 701, 124, 713, 802, 704)
    PREPARE = (120, 121, 702, 704, *STORAGE_MODELS, *INVERTER_MODELS, 701)

    def __init__(self, device: Device, section: int, identity: Identity, *, hybrid: bool = False) -> None:
        """`hybrid`: the section's AC model is a solar inverter's; the battery has its DC side only."""
        super().__init__(device, section, identity)
        self._hybrid = hybrid

    def _prepare(self, views: Views) -> None:
        model = None if self._hybrid else ac_model(views)
        charge = number(
            views, (124, "WChaMax"), (702, "WChaRteMax"), (702, "WChaRteMaxRtg"), (802, "WChaRteMax")
        )
        charge = first(charge, number(views, (120, "MaxChaRte")))
        discharge = number(
            views,
            (702, "WDisChaRteMax"),
            (702, "WDisChaRteMaxRtg"),
            (120, "MaxDisChaRte"),
            (802, "WDisChaRteMax"),
        )
        power = number(views, (120, "WRtg"), (702, "WMaxRtg"), (121, "WMax"), (702, "WMax"))
        self._control = None
        header = self.section.models
        if 124 in views:
            control = StorageControls(self.device, header[124], views[124], discharge_w=discharge)
            self._control = control if control.kinds else None
        if self._control is None and 704 in views and not self._hybrid:
            self._control = DerControls(
                self.device, header[704], views[704], rating_w=power, charge_w=charge, discharge_w=discharge
            )
        self._nameplate = Nameplate(
            power_w=first(None if self._hybrid else power, discharge),
            charge_power_w=charge,
            discharge_power_w=first(discharge, charge),
            capacity_wh=number(views, (713, "WHRtg"), (802, "WHRtg"), (120, "WHRtg")),
            capacity_ah=number(views, (802, "AHRtg"), (120, "AhrRtg")),
            voltage_v=number(views, (121, "VRef"), (702, "VNomRtg")),
            current_a=None if self._hybrid else number(views, (120, "ARtg"), (702, "AMaxRtg")),
            phases=_phases(model, views),
        )
        ac: AcReading = read_ac(model, views[model]) if model else {}
        points = measured_points(model, views[model]) if model else {}
        energy = points.get(Quantity.ENERGY)
        self._capabilities = Capabilities(
            setpoints=self._control.kinds if self._control else frozenset(),
            reverts=bool(self._control and self._control.revert_s_max),
            revert_s_max=self._control.revert_s_max if self._control else None,
            imported_energy=ac.get("energy_imported_wh") is not None,
            exported_energy=ac.get("energy_exported_wh") is not None,
            energy_modulus_wh=modulus(views[model], energy) if model and energy else None,
            measures=self._measures(views, model),
            temperature=ac.get("temperature_c") is not None,
        )
        ac_models = (*INVERTER_MODELS, 701)
        self._headers = [h for h in self._headers if h.id == model or h.id not in ac_models]
        if not isinstance(self._control, DerControls):
            self._headers = [h for h in self._headers if h.id != 704]

    def _measures(self, views: Views, model: int | None) -> dict[Quantity, Accuracy]:
        bank = views.get(802)
        direct: dict[Quantity, Accuracy] = {}
        if bank is not None:
            found = set(implemented(bank, _BANK_POINTS, asleep=False))
            points = {quantity: name for quantity, name in _BANK_POINTS.items() if quantity in found}
            direct = direct_accuracies(bank, points, self._nameplate.discharge_power_w)
        elif 124 in views and views[124].number("InBatV") is not None:
            direct = direct_accuracies(views[124], {Quantity.DC_VOLTAGE: "InBatV"}, None)
        if model is None:
            return direct | ({Quantity.POWER: _CONVERSION} if bank is not None else {})
        view = views[model]
        return direct | inverter_accuracies(view, measured_points(model, view), self._nameplate)

    def _reading(self, views: Views, now: datetime) -> Reading:
        model = None if self._hybrid else ac_model(views)
        ac: AcReading = read_ac(model, views[model]) if model else {}
        if model not in (None, 701):
            # The inverter models have one counter, for what goes out.
            ac["energy_imported_wh"] = None
        battery = self._battery(views)
        dc_power = _dc_power(views.get(802), battery.charge_state)
        quality = Quality.MEASURED
        if ac.get("power_w") is None and dc_power is not None:
            ac["power_w"], quality = dc_power, Quality.ESTIMATED
        if 802 in views:
            ac["faults"] = ac.get("faults", ()) + faults_of(802, views[802], "Evt1", battery=True)
            if views[802].symbol("State") == "FAULT":
                ac["state"] = OperatingState.FAULT
        if dc_power is not None:
            ac["dc_power_w"] = dc_power
        return Reading(module=self.key, time=now, quality=quality, **ac, battery=battery)

    def _battery(self, views: Views) -> BatteryReading:
        soc = number(views, (713, "SoC"), (802, "SoC"), (124, "ChaState"))
        capacity = self._nameplate.capacity_wh
        available = number(views, (713, "WHAvail"))
        if available is None and soc is not None and capacity is not None:
            available = capacity * soc / 100
        state = ChargeState.UNKNOWN
        for model in (124, 802):
            if state is ChargeState.UNKNOWN and model in views:
                state = _CHARGE_STATES.get(views[model].symbol("ChaSt") or "", state)
        bank = views.get(802)
        charge, discharge = self._limits(views.get(124))
        cycles = bank.number("NCyc") if bank else None
        return BatteryReading(
            soc_percent=soc,
            soh_percent=number(views, (713, "SoH"), (802, "SoH")),
            capacity_wh=capacity,
            available_wh=available,
            charge_state=state,
            voltage_v=number(views, (802, "V"), (124, "InBatV")),
            current_a=_signed(bank.number("A"), state) if bank else None,
            cell_voltage_min_v=bank.number("CellVMin") if bank else None,
            cell_voltage_max_v=bank.number("CellVMax") if bank else None,
            cycles=None if cycles is None else int(cycles),
            reserve_percent=number(views, (124, "MinRsvPct"), (802, "SoCRsvMin")),
            charge_limit_w=charge,
            discharge_limit_w=discharge,
        )

    def _limits(self, storage: View | None) -> tuple[float | None, float | None]:
        """Return the charge and discharge limits in force, 0 when the other direction is forced."""
        charge, discharge = self._nameplate.charge_power_w, self._nameplate.discharge_power_w
        mode = (storage.raw("StorCtl_Mod") if storage else None) or 0
        if storage and mode & 1 and charge and (rate := storage.number("InWRte")) is not None:
            charge = max(0.0, charge * rate / 100)
        if storage and mode & 2 and discharge and (rate := storage.number("OutWRte")) is not None:
            discharge = max(0.0, discharge * rate / 100)
        return charge, discharge


def _phases(model: int | None, views: Views) -> int:
    if model == 701:
        return {"SPLIT_PHASE": 2, "THREE_PHASE": 3}.get(views[701].symbol("ACType") or "", 1)
    return model % 10 if model else 1


def _signed(value: float | None, state: ChargeState) -> float | None:
    """Return a DC quantity of 802 with charging positive.

    The model does not define its sign, and devices differ: what the charge state says decides, and otherwise
    the sign is read as that of a generator, giving positive.
    """
    if value is None:
        return None
    if state is ChargeState.CHARGING:
        return abs(value)
    if state is ChargeState.DISCHARGING:
        return -abs(value) or 0.0
    return -value or 0.0


def _dc_power(bank: View | None, state: ChargeState) -> float | None:
    if bank is None:
        return None
    power = bank.number("W")
    if power is None:
        volts, amperes = bank.number("V"), bank.number("A")
        power = volts * amperes if volts is not None and amperes is not None else None
    return _signed(power, state)
