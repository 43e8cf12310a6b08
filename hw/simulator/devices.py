"""The modules' faces on the wire: which SunSpec models each has, and how they follow the physics.

Reads see the world as it was at its last step; writes are judged as a device judges them (access, range) and
change the physics at once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from hw.simulator.physics import Health
from hw.simulator.registers import BASE, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hw.simulator.physics import Battery, SolarInverter
    from hw.simulator.supply import Wires

VENDOR = "Simulated Home"
Values = dict[str, float | None]


class SimulatedDevice:
    """One device: its registers, how to refresh them, and what a write does."""

    KIND: ClassVar[str]
    MODEL: ClassVar[str]

    def __init__(self, layout: Layout, serial: str) -> None:
        self.layout = layout
        self.serial = serial
        self.registers = list(layout.registers)
        self.overlay: dict[int, int] = {}
        """Registers that read otherwise than they are: a fault's work."""
        self.lies: dict[str, float] = {}
        """By how much points read otherwise than they are."""
        self.stuck: Values | None = None
        """What points read as long as they stand still."""
        self._place("1.SN", serial)

    def refresh(self) -> None:
        """Write the physics into the registers."""
        values = self.values() if self.stuck is None else self.stuck
        for name, value in values.items():
            lie = self.lies.get(name.partition(".")[2], 0.0)
            self._place(name, value + lie if lie and value is not None else value)

    def write(self, address: int, values: Sequence[int]) -> bool:
        """Take a write of whole, writable points; return False, changing nothing, when a value is not one."""
        start = address - BASE
        before = self.registers[start : start + len(values)]
        names = dict.fromkeys(self.layout.by_register[start + index] for index in range(len(values)))
        self.registers[start : start + len(values)] = values
        wanted = {name: self.layout.slots[name].decode(self.registers) for name in names}
        if all(self.allows(name, value) for name, value in wanted.items()):
            for name, value in wanted.items():
                self.command(name, value)
            return True
        self.registers[start : start + len(values)] = before
        return False

    def writable(self, address: int, count: int) -> bool:
        """Whether all registers of the range can be written."""
        for offset in range(address - BASE, address - BASE + count):
            name = self.layout.by_register.get(offset)
            if name is None or not self.layout.slots[name].writable or not self.commandable(name):
                return False
        return True

    def get(self, name: str) -> float:
        """Return what a point's registers hold, in its unit."""
        return self.layout.slots[name].decode(self.registers)

    def values(self) -> Values:
        """Return the points that follow the physics."""
        raise NotImplementedError

    def commandable(self, name: str) -> bool:
        """Whether the device implements writes of the point."""
        return name in self.RANGES

    def allows(self, name: str, value: float) -> bool:
        """Whether the value is one that the point takes."""
        low, high = self.RANGES[name]
        return low <= value <= high

    def command(self, name: str, value: float) -> None:
        """Do what was written."""

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {}
    """The points that can be written, with the values that they take."""

    def _place(self, name: str, value: float | str | None) -> None:
        slot = self.layout.slots[name]
        self.registers[slot.offset : slot.offset + slot.size] = slot.encode(value)


def common(model: str) -> tuple[int, dict[str, Any]]:
    """Return model 1."""
    return 1, {"Mn": VENDOR, "Md": model, "Opt": "", "Vr": "1.0.0", "SN": "", "DA": 1}


@cache
def _classic_layout(rated_w: int, strings: int) -> Layout:
    inverter = dict.fromkeys(("A_SF", "V_SF", "Hz_SF", "PF_SF"), -2) | {"V_SF": -1}
    inverter |= {"W_SF": -1, "VA_SF": -1, "VAr_SF": -1, "WH_SF": 0, "DCA_SF": -2, "DCV_SF": -1, "DCW_SF": -1}
    inverter |= {"Tmp_SF": -1, "Evt1": 0, "Evt2": 0, "EvtVnd1": 0, "EvtVnd2": 0, "EvtVnd3": 0, "EvtVnd4": 0}
    nameplate = {"DERTyp": 4, "WRtg": rated_w, "WRtg_SF": 0, "VARtg": rated_w, "VARtg_SF": 0}
    nameplate |= {"ARtg": round(rated_w / 23), "ARtg_SF": -1}
    settings = {"WMax": rated_w, "WMax_SF": 0, "VRef": 230, "VRef_SF": 0, "VAMax": rated_w, "VAMax_SF": 0}
    status = {"PVConn": 0b111, "StorConn": 0, "ECPConn": 1, "Ris_SF": 2}
    controls = {"Conn": 1, "Conn_RvrtTms": 0, "WMaxLimPct": 10000, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": 0}
    controls |= {"WMaxLimPct_SF": -2}
    mppt: dict[str, Any] = {"DCA_SF": -2, "DCV_SF": -1, "DCW_SF": -1, "DCWH_SF": 0, "Evt": 0, "N": strings}
    mppt["module"] = [{"ID": index, "IDStr": f"PV{index}", "DCEvt": 0} for index in range(1, strings + 1)]
    # The blocks that are read each second stand together, so that one request fetches them.
    return Layout(
        [
            common(ClassicInverter.MODEL),
            (120, nameplate),
            (121, settings),
            (122, status),
            (101, inverter),
            (123, controls),
            (160, mppt),
        ]
    )


class ClassicInverter(SimulatedDevice):
    """A microinverter with the models of most field devices: 101, 120 to 123, 160."""

    KIND = "microinverter"
    MODEL = "Micro 400"
    RANGES: ClassVar = {
        "123.Conn_RvrtTms": (0, 65534),
        "123.Conn": (0, 1),
        "123.WMaxLimPct": (0, 100),
        "123.WMaxLimPct_RvrtTms": (0, 65534),
        "123.WMaxLim_Ena": (0, 1),
    }

    def __init__(self, inverter: SolarInverter, wires: Wires, phase: int, serial: str) -> None:
        super().__init__(_classic_layout(round(inverter.rated_w), inverter.strings), serial)
        self.inverter = inverter
        self._wires = wires
        self._phase = phase

    def values(self) -> Values:
        """Return the points that follow the physics."""
        it = self.inverter
        asleep = it.asleep
        watts, volts = -it.power_w, self._wires.voltages_v[self._phase]
        amperes = watts / volts if volts else 0.0
        state = 1 if not (it.connected or watts) else 2 if asleep else 5 if it.throttled else 4
        if it.waits_s > 0 and not asleep:
            state = 3 if it.supplied else 8
        values: Values = {
            "101.W": None if asleep else watts,
            "101.A": None if asleep else amperes,
            "101.AphA": None if asleep else amperes,
            "101.PhVphA": None if asleep else volts,
            "101.Hz": None if asleep else self._wires.frequency_hz,
            "101.VA": None if asleep else watts,
            "101.VAr": None if asleep else 0,
            "101.PF": None if asleep else 100,
            "101.WH": it.energy_wh,
            "101.DCW": None if asleep else it.dc_w,
            "101.TmpCab": it.temperature_c,
            "101.St": state,
            "101.Evt1": 1 << 3 if it.health is Health.DEAD and not asleep else 0,
            "122.Ris": None if asleep else it.isolation_ohm,
            "123.Conn": int(it.connected),
            "123.WMaxLim_Ena": int(it.limited),
        }
        dc_volts = 34.0 if it.light > 20 and it.health is not Health.DEAD else 0.0
        for index in range(it.strings):
            prefix = f"160.module.{index + 1}."
            values[prefix + "DCW"] = it.dc_w / it.strings
            values[prefix + "DCV"] = dc_volts
            values[prefix + "DCA"] = it.dc_w / it.strings / dc_volts if dc_volts else 0
            values[prefix + "DCWH"] = it.string_energy_wh[index]
        return values

    def command(self, name: str, value: float) -> None:
        """Do what was written."""
        it = self.inverter
        if name == "123.WMaxLimPct":
            it.limit_percent = value
        elif name == "123.WMaxLim_Ena":
            it.limited = value == 1
            it.limit_timer.left = self.get("123.WMaxLimPct_RvrtTms") if it.limited else 0.0
        elif name == "123.Conn":
            it.connected = value == 1
            it.connect_timer.left = 0.0 if it.connected else self.get("123.Conn_RvrtTms")


@cache
def _der_layout(rated_w: int, strings: int) -> Layout:
    measure = {"ACType": 0, "Alrm": 0, "DERMode": 1, "A_SF": -2, "V_SF": -1, "Hz_SF": -2, "W_SF": -1}
    measure |= {"PF_SF": -3, "VA_SF": -1, "Var_SF": -1, "TotWh_SF": 0, "TotVarh_SF": 0, "Tmp_SF": -1}
    capacity = {"WMaxRtg": rated_w, "VAMaxRtg": rated_w, "VNomRtg": 2300, "AMaxRtg": round(rated_w / 2.3)}
    capacity |= {"WMax": rated_w, "W_SF": 0, "PF_SF": -3, "VA_SF": 0, "Var_SF": 0, "V_SF": -1, "A_SF": -2}
    service = {"ES": 1, "V_SF": -2, "Hz_SF": -2}
    controls = {"WMaxLimPctEna": 0, "WMaxLimPct": 1000, "WMaxLimPctEnaRvrt": 0, "WMaxLimPctRvrtTms": 0}
    controls |= {"WMaxLimPctRvrtRem": 0, "WMaxLimPct_SF": -1}
    ports: dict[str, Any] = {
        "NPrt": strings,
        "DCA_SF": -2,
        "DCV_SF": -1,
        "DCW_SF": -1,
        "DCWH_SF": 0,
        "Tmp_SF": -1,
    }
    ports["Prt"] = [{"PrtTyp": 0, "ID": index, "IDStr": f"PV{index}"} for index in range(1, strings + 1)]
    return Layout(
        [
            common(DerInverter.MODEL),
            (702, capacity),
            (703, service),
            (701, measure),
            (704, controls),
            (714, ports),
        ]
    )


class DerInverter(SimulatedDevice):
    """A microinverter after IEEE 1547-2018: 701 to 704 and 714."""

    KIND = "microinverter"
    MODEL = "Micro 800"
    RANGES: ClassVar = {
        "704.WMaxLimPctEna": (0, 1),
        "704.WMaxLimPct": (0, 100),
        "704.WMaxLimPctEnaRvrt": (0, 1),
        "704.WMaxLimPctRvrtTms": (0, 0xFFFFFFFE),
    }

    def __init__(self, inverter: SolarInverter, wires: Wires, phase: int, serial: str) -> None:
        super().__init__(_der_layout(round(inverter.rated_w), inverter.strings), serial)
        self.inverter = inverter
        self._wires = wires
        self._phase = phase

    def values(self) -> Values:
        """Return the points that follow the physics."""
        it = self.inverter
        asleep = it.asleep
        watts, volts = -it.power_w, self._wires.voltages_v[self._phase]
        amperes = watts / volts if volts else 0.0
        state = 0 if not (it.connected or watts) else 1 if asleep else 4 if it.throttled else 3
        if it.waits_s > 0 and not asleep:
            state = 2 if it.supplied else 7
        values: Values = {
            "701.St": 0 if asleep else 1,
            "701.InvSt": state,
            "701.ConnSt": int(it.connected),
            "701.Alrm": 1 << 3 if it.health is Health.DEAD and not asleep else 0,
            "701.W": None if asleep else watts,
            "701.VA": None if asleep else watts,
            "701.Var": None if asleep else 0,
            "701.PF": None if asleep else 1,
            "701.A": None if asleep else amperes,
            "701.LNV": None if asleep else volts,
            "701.Hz": None if asleep else self._wires.frequency_hz,
            "701.TotWhInj": it.energy_wh,
            "701.TmpCab": it.temperature_c,
            "704.WMaxLimPctEna": int(it.limited),
            "704.WMaxLimPctRvrtRem": it.limit_timer.left,
            "714.DCW": it.dc_w,
        }
        dc_volts = 34.0 if it.light > 20 and it.health is not Health.DEAD else 0.0
        for index in range(it.strings):
            prefix = f"714.Prt.{index + 1}."
            values[prefix + "DCW"] = it.dc_w / it.strings
            values[prefix + "DCV"] = dc_volts
            values[prefix + "DCA"] = it.dc_w / it.strings / dc_volts if dc_volts else 0
            values[prefix + "DCWhInj"] = it.string_energy_wh[index]
            values[prefix + "DCSta"] = 0 if it.health is Health.DEAD else 1
        return values

    def command(self, name: str, value: float) -> None:
        """Do what was written."""
        it = self.inverter
        if name == "704.WMaxLimPct":
            it.limit_percent = value
        elif name == "704.WMaxLimPctEna":
            it.limited = value == 1
            it.limit_timer.left = self.get("704.WMaxLimPctRvrtTms") if it.limited else 0.0


def make_inverter(inverter: SolarInverter, wires: Wires, index: int) -> SimulatedDevice:
    """Return a face of the inverter: one string has the classic models, two have those of IEEE 1547."""
    make: Callable[[SolarInverter, Wires, int, str], SimulatedDevice]
    make = ClassicInverter if inverter.strings == 1 else DerInverter
    return make(inverter, wires, index % 3, f"M{index + 1:06d}")


def battery_state(battery: Battery) -> int:
    """Return the charge state as 124 and 802 number it."""
    if battery.power_w > 1:
        return 4
    if battery.power_w < -1:
        return 3
    if battery.soc_percent > 99.5:
        return 5
    return 2 if battery.soc_percent <= battery.FLOOR_PERCENT + 0.5 else 6
