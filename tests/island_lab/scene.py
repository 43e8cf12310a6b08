from dataclasses import replace
from datetime import UTC, datetime

from bridge.island.keeper import BackupChanged, LoadShed
from bridge.island.mode import ModeChanged
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import BatteryReading, Reading
from hw.setpoint import SetpointKind

METER, BATTERY, ROOF = "acme-1", "acme-2", "acme-3"
_LOADS = (SetpointKind.CONNECT, SetpointKind.AUTO)
_STORAGE = (
    SetpointKind.CHARGE_W,
    SetpointKind.CHARGE_LIMIT_W,
    SetpointKind.DISCHARGE_W,
    SetpointKind.HOLD,
    SetpointKind.AUTO,
    SetpointKind.RESERVE_PERCENT,
)


class Scene:
    """A home by the hand-moved clock: a meter, a battery that forms an island, a roof, and loads by name."""

    def __init__(self, home, clock, *, storage=_STORAGE, **loads):
        self.home, self.clock = home, clock
        self.grid, self.base_w, self.sun_w, self.soc = True, 200.0, 0.0, 80.0
        self.loads = {name: f"acme-{index}" for index, name in enumerate(loads, 10)}
        self.takes = dict(loads)
        self.devices = {}
        self.silent = set()
        self.heard = []
        for kind in (ModeChanged, LoadShed, BackupChanged):
            home.bus.subscribe(kind, self.heard.append)
        self._add(METER, ModuleKind.METER, Nameplate(), ())
        plate = Nameplate(charge_power_w=3000, discharge_power_w=3000, capacity_wh=10_000)
        self._add(BATTERY, ModuleKind.BATTERY, plate, storage)
        self._add(
            ROOF, ModuleKind.MICROINVERTER, Nameplate(power_w=4000), (SetpointKind.POWER_LIMIT_PERCENT,)
        )
        for key in self.loads.values():
            self._add(key, ModuleKind.LOAD, Nameplate(power_w=2500), _LOADS)
        for name, key in self.loads.items():
            home.registry.rename(key, name=name.capitalize())

    def _add(self, key, kind, plate, kinds):
        if key in self.home.registry:
            return
        device = self.home.add(key.removeprefix("acme-"), kind=kind, kinds=kinds)
        device.nameplate, self.devices[key] = plate, device
        record = self.home.registry[key].record
        capabilities = Capabilities(frozenset(kinds), reverts=True, revert_s_max=3600)
        self.home.registry[key].record = replace(record, nameplate=plate, capabilities=capabilities)

    def again(self, home):
        """The same devices before another hub: what they were told, they were told."""
        other = Scene.__new__(Scene)
        other.__dict__.update(self.__dict__, home=home, heard=[])
        for kind in (ModeChanged, LoadShed, BackupChanged):
            home.bus.subscribe(kind, other.heard.append)
        for module in home.registry:
            module.device = self.devices[module.key]
        return other

    def on(self, name):
        told = [
            value for kind, value in self.devices[self.loads[name]].values if kind is SetpointKind.CONNECT
        ]
        return not told or told[-1] == 1

    @property
    def modes(self):
        return [event.mode.value for event in self.heard if isinstance(event, ModeChanged)]

    @property
    def off(self):
        return [each.name for each in self.home.island.off()]

    def read(self):
        """Let the hub read everything that is not silent."""
        time = datetime.fromtimestamp(self.clock.utc(), UTC)
        load = self.base_w + sum(watts for name, watts in self.takes.items() if self.on(name))
        residual = load - self.sun_w
        volts = 230.0 if self.grid else 0.0
        said = {
            METER: {"power_w": residual if self.grid else 0.0, "voltage_v": volts, "frequency_hz": 50.0},
            BATTERY: {
                "power_w": 0.0 if self.grid else -residual,
                "voltage_v": 230.0,
                "battery": BatteryReading(soc_percent=self.soc, capacity_wh=10_000, reserve_percent=30.0),
            },
            ROOF: {"power_w": -self.sun_w},
        }
        for name, key in self.loads.items():
            on = self.on(name)
            said[key] = {"power_w": self.takes[name] if on else 0.0, "connected": on}
        for key, values in said.items():
            if key not in self.silent:
                self.home.registry.took(self.home.registry[key], Reading(module=key, time=time, **values))

    async def pass_(self, seconds):
        for _ in range(round(seconds)):
            self.read()
            await self.clock.pass_(1)
