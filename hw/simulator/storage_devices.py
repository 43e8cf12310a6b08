"""The faces of the simulated battery and the simulated grid meter."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from hw.simulator.devices import SimulatedDevice, Values, battery_state, common
from hw.simulator.registers import Layout

if TYPE_CHECKING:
    from hw.simulator.physics import Battery, GridMeter
    from hw.simulator.supply import Wires


@cache
def _battery_layout(power_w: int, capacity_wh: int) -> Layout:
    measure = {
        "ACType": 0,
        "St": 1,
        "ConnSt": 1,
        "Alrm": 0,
        "DERMode": 1,
        "A_SF": -2,
        "V_SF": -1,
        "Hz_SF": -2,
    }
    measure |= {"W_SF": 0, "PF_SF": -3, "VA_SF": 0, "Var_SF": 0, "TotWh_SF": 0, "TotVarh_SF": 0, "Tmp_SF": -1}
    capacity = {
        "WMaxRtg": power_w,
        "VAMaxRtg": power_w,
        "WChaRteMaxRtg": power_w,
        "WDisChaRteMaxRtg": power_w,
    }
    capacity |= {"VNomRtg": 2300, "AMaxRtg": round(power_w / 2.3), "WMax": power_w, "WChaRteMax": power_w}
    capacity |= {
        "WDisChaRteMax": power_w,
        "W_SF": 0,
        "PF_SF": -3,
        "VA_SF": 0,
        "Var_SF": 0,
        "V_SF": -1,
        "A_SF": -2,
    }
    storage: dict[str, Any] = {"WChaMax": power_w, "StorCtl_Mod": 0, "MinRsvPct": 1000, "OutWRte": 10000}
    storage |= {"InWRte": 10000, "InOutWRte_RvrtTms": 0, "ChaGriSet": 1, "WChaMax_SF": 0, "MinRsvPct_SF": -2}
    storage |= {"ChaState_SF": -2, "InBatV_SF": -1, "InOutWRte_SF": -2}
    energy = {"WHRtg": round(capacity_wh / 10), "WH_SF": 1, "Pct_SF": -1, "SoH": 985, "Sta": 0}
    bank = {"AHRtg": 100, "WHRtg": round(capacity_wh / 10), "WChaRteMax": power_w, "WDisChaRteMax": power_w}
    bank |= {
        "SoCMax": 1000,
        "SoCMin": 50,
        "SoH": 985,
        "LocRemCtl": 0,
        "Typ": 4,
        "State": 3,
        "Evt1": 0,
        "Evt2": 0,
    }
    bank |= {"EvtVnd1": 0, "EvtVnd2": 0, "AHRtg_SF": 0, "WHRtg_SF": 1, "WChaDisChaMax_SF": 0, "SoC_SF": -1}
    bank |= {"SoH_SF": -1, "V_SF": -1, "CellV_SF": -3, "A_SF": -1, "AMax_SF": 0, "W_SF": 0}
    return Layout(
        [
            common(BatteryDevice.MODEL),
            (702, capacity),
            (701, measure),
            (124, storage),
            (713, energy),
            (802, bank),
        ]
    )


class BatteryDevice(SimulatedDevice):
    """A battery with its own inverter: 701, 702, 124, 713 and 802."""

    KIND = "battery"
    MODEL = "Battery 5"
    RANGES: ClassVar = {
        "124.StorCtl_Mod": (0, 3),
        "124.MinRsvPct": (0, 100),
        "124.OutWRte": (-100, 100),
        "124.InWRte": (-100, 100),
        "124.InOutWRte_RvrtTms": (0, 65534),
    }

    def __init__(self, battery: Battery, wires: Wires, serial: str) -> None:
        super().__init__(_battery_layout(round(battery.power_max_w), round(battery.capacity_wh)), serial)
        self.battery = battery
        self._wires = wires

    def values(self) -> Values:
        """Return the points that follow the physics."""
        it = self.battery
        volts = self._wires.voltages_v[0]
        watts = -it.power_w
        dc_watts = watts / it.EFFICIENCY if watts > 0 else watts * it.EFFICIENCY
        state = battery_state(it)
        return {
            "701.InvSt": 3 if abs(watts) > 1 else 7,
            "701.ConnSt": int(it.forming is False),
            "701.DERMode": 0 if it.forming is None else 1 + it.forming,
            "701.W": watts,
            "701.VA": abs(watts),
            "701.Var": 0,
            "701.PF": 1 if watts >= 0 else -1,
            "701.A": watts / volts if volts else 0,
            "701.LNV": volts,
            "701.Hz": self._wires.frequency_hz,
            "701.TotWhInj": it.exported_wh,
            "701.TotWhAbs": it.imported_wh,
            "701.TmpCab": it.temperature_c,
            "124.ChaState": it.soc_percent,
            "124.InBatV": it.voltage_v,
            "124.ChaSt": state,
            "124.MinRsvPct": it.reserve_percent,
            "124.StorCtl_Mod": (it.charge_rate is not None) + 2 * (it.discharge_rate is not None),
            "713.WHAvail": it.energy_wh,
            "713.SoC": it.soc_percent,
            "802.SoC": it.soc_percent,
            "802.NCyc": it.cycles,
            "802.ChaSt": state,
            "802.V": it.voltage_v,
            "802.CellVMax": it.cell_voltage_v + 0.004,
            "802.CellVMin": it.cell_voltage_v - 0.005,
            "802.CellVAvg": it.cell_voltage_v,
            "802.A": dc_watts / it.voltage_v,
            "802.W": dc_watts,
        }

    def command(self, name: str, value: float) -> None:
        """Do what was written."""
        it = self.battery
        if name == "124.MinRsvPct":
            it.reserve_percent = value
        elif name == "124.StorCtl_Mod":
            mode = int(value)
            full = it.power_max_w / 100
            it.charge_rate = self.get("124.InWRte") * full if mode & 1 else None
            it.discharge_rate = self.get("124.OutWRte") * full if mode & 2 else None
            it.timer.left = self.get("124.InOutWRte_RvrtTms") if mode else 0.0
        elif name == "124.InWRte" and it.charge_rate is not None:
            it.charge_rate = value * it.power_max_w / 100
        elif name == "124.OutWRte" and it.discharge_rate is not None:
            it.discharge_rate = value * it.power_max_w / 100


@cache
def _meter_layout() -> Layout:
    points = {"A_SF": -2, "V_SF": -1, "Hz_SF": -2, "W_SF": 0, "VA_SF": 0, "VAR_SF": 0, "PF_SF": -2}
    points |= {"TotWh_SF": 0, "TotVAh_SF": 0, "TotVArh_SF": 0, "Evt": 0}
    return Layout([common(MeterDevice.MODEL), (203, points)])


@cache
def _large_meter_layout() -> Layout:
    return Layout([common(MeterDevice.MODEL), (213, {"Evt": 0})])


class MeterDevice(SimulatedDevice):
    """The grid meter: 203, or 213 for homes whose power is more than an int16 of watts."""

    KIND = "meter"
    MODEL = "Meter 3P"

    def __init__(self, meter: GridMeter, serial: str, *, large: bool) -> None:
        super().__init__(_large_meter_layout() if large else _meter_layout(), serial)
        self.meter = meter
        self._model = 213 if large else 203

    def values(self) -> Values:
        """Return the points that follow the physics."""
        it = self.meter
        volts = it.voltages_v
        amperes = [watts / volt for watts, volt in zip(it.phases_w, volts, strict=True)]
        apparent = sum(abs(watts) for watts in it.phases_w)
        values: dict[str, float | None] = {
            "A": sum(map(abs, amperes)),
            "PhV": sum(volts) / 3,
            "Hz": it.frequency_hz,
            "W": it.power_w,
            "VA": apparent,
            "VAR": 0,
            "PF": 100 * it.power_w / apparent if apparent else 100,
            "TotWhExp": it.exported_wh,
            "TotWhImp": it.imported_wh,
        }
        for index, letter in enumerate("ABC"):
            values[f"Aph{letter}"] = amperes[index]
            values[f"PhVph{letter}"] = volts[index]
            values[f"Wph{letter}"] = it.phases_w[index]
        return {f"{self._model}.{name}": value for name, value in values.items()}
