"""The simulated home, running: its world kept at the present, a server for each device, faults on request."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from hw.simulator.devices import ClassicInverter, DerInverter, SimulatedDevice, make_inverter
from hw.simulator.physics import GOOD_OHM, Health
from hw.simulator.server import DeviceServer
from hw.simulator.storage_devices import BatteryDevice, MeterDevice
from hw.simulator.supply import SupplyState

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.simulator.goe import ChargerDevice
    from hw.simulator.http_server import HttpServer
    from hw.simulator.world import World

    _Server = DeviceServer | HttpServer

GARBAGE = 0x1234
"""What a scale factor reads while it is garbage."""
SOCKET_KINDS = frozenset({"load", "evse"})
"""Kinds that live from the home's sockets; batteries and inverters have power of their own."""
BOOT_S = 2.0
"""Seconds that they take to answer when they have power again."""
LARGE_HOME = 30
"""With more modules the meter's power may not fit the integer model."""


class RunningHome:
    """The devices of a world on the network."""

    def __init__(self, world: World, *, host: str = "127.0.0.1", port_base: int = 0) -> None:
        """Device n listens on `port_base` + n; 0 lets the system choose free ports."""
        self.world = world
        devices: list[SimulatedDevice] = [
            make_inverter(inverter, world.supply, index) for index, inverter in enumerate(world.inverters)
        ]
        if world.battery is not None:
            devices.append(BatteryDevice(world.battery, world.supply, "B000001"))
        if world.has_meter:
            devices.append(MeterDevice(world.meter, "G000001", large=len(devices) >= LARGE_HOME))
        self.servers: dict[str, _Server] = {
            device.serial: DeviceServer(device, host, port_base + index if port_base else 0, self._now)
            for index, device in enumerate(devices)
        }
        if world.heaters:
            from hw.simulator.shelly import PlugDevice, PlugServer  # brings an HTTP server

            for index, heater in enumerate(world.heaters):
                plug = PlugDevice(heater, world.supply, f"A8032AB{index + 1:05X}", self._now)
                self.servers[plug.serial] = PlugServer(plug, host, self._next_port(port_base))
        self.chargers: dict[str, ChargerDevice] = {}
        if world.points:
            from hw.simulator import goe  # the same

            for index, point in enumerate(world.points):
                charger = goe.ChargerDevice(point, world.supply, f"{200_001 + index}", self._now)
                self.chargers[charger.serial] = charger
                self.servers[charger.serial] = goe.ChargerServer(charger, host, self._next_port(port_base))
        self._zero = 0.0
        self._skipped = 0.0
        self._unplugged: set[str] = set()
        """Devices whose link is broken."""
        self._silenced: dict[str, float] = {}
        """Devices without power, with the time from which on they have it; inf while they have none."""
        self._meter_silent = False
        """Whether the meter falls silent with the grid."""

    def _next_port(self, port_base: int) -> int:
        return port_base + len(self.servers) if port_base else 0

    async def start(self) -> None:
        """Listen on every port. Raise OSError when one is taken, listening on none."""
        self._zero = asyncio.get_running_loop().time()
        try:
            for server in self.servers.values():
                await server.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Hang up and stop listening."""
        for server in self.servers.values():
            await server.stop()

    async def run(self) -> None:
        """Keep the world at the present, also while nobody looks."""
        while True:
            calm = self.world.supply.state is SupplyState.GRID and not self._silenced
            await asyncio.sleep(1.0 if calm else 0.25)
            self._now()
            await self._power_devices()

    def skip(self, seconds: float) -> None:
        """Let so many simulated seconds pass at once."""
        self._skipped += max(0.0, seconds)
        self._now()

    async def outage(self, *, meter_silent: bool = False) -> None:
        """Take the grid away, or leave it away.

        :param meter_silent: the meter at the supply falls silent with it, and does not read 0 V
        """
        self._now()
        self._meter_silent = meter_silent
        self.world.supply.grid = False
        await self._power_devices()

    async def grid(self, *, sag_v: float = 0.0) -> None:
        """Give it back, with so much less voltage than usual."""
        self._now()
        self.world.meter.sag_v = sag_v
        self.world.supply.grid = True
        await self._power_devices()

    def charge(self, soc_percent: float) -> None:
        """Fill the battery so far. Raise ValueError where there is none, or for what is no percentage."""
        battery = self.world.battery
        if battery is None or not 0 <= soc_percent <= 100:
            raise ValueError(f"no battery can be at {soc_percent} %")
        self._now()
        battery.energy_wh = battery.capacity_wh * soc_percent / 100

    async def _power_devices(self) -> None:
        """Let fall silent what lives from the sockets, or from the grid, and boot what has power again."""
        supply, now = self.world.supply, asyncio.get_running_loop().time()
        for serial, server in self.servers.items():
            powered = supply.live or server.device.KIND not in SOCKET_KINDS
            if server.device.KIND == MeterDevice.KIND and self._meter_silent:
                powered = supply.grid
            if not powered:
                self._silenced[serial] = math.inf
                await server.stop()
            elif self._silenced.get(serial) == math.inf:
                self._silenced[serial] = now + BOOT_S
            elif self._silenced.get(serial, math.inf) <= now:
                del self._silenced[serial]
                if serial not in self._unplugged:
                    await server.start()

    def describe(self) -> list[dict[str, str]]:
        """Return address, kind and serial number of every device."""
        return [
            {
                "address": server.address,
                "kind": server.device.KIND,
                "serial": serial,
                "model": server.device.MODEL,
            }
            for serial, server in self.servers.items()
        ]

    def state(self) -> dict[str, Any]:
        """Return the truth about the home, as no device shows it."""
        world = self.world
        self._now()
        return {
            "time": world.time.isoformat(),
            "solar_w": world.solar_w,
            "load_w": world.load_w,
            "plugs_w": world.plugs_w,
            "plugs": [heater.output for heater in world.heaters],
            "evse_w": world.evse_w,
            "evse": [
                {
                    "plugged": point.car.plugged,
                    "needs_wh": point.car.needs_wh,
                    "allowed": point.allowed,
                    "current_a": point.current_a,
                    "session_wh": point.session_wh,
                }
                for point in world.points
            ],
            "battery_w": world.battery.power_w if world.battery else 0.0,
            "battery_soc_percent": world.battery.soc_percent if world.battery else None,
            "grid_w": world.meter.power_w,
            "grid": world.supply.grid,
            "supply": world.supply.state,
            "frequency_hz": world.supply.frequency_hz,
            "blackouts": world.supply.blackouts,
            "dark_because": world.supply.because,
            "transmittance": world.transmittance,
            "inverters_w": [inverter.power_w for inverter in world.inverters],
        }

    async def fault(self, serial: str, kind: str, value: float | None = None) -> None:
        """Break a device. Raise KeyError for an unknown one, ValueError for a fault that it cannot have."""
        server = self.servers[serial]
        faults: dict[str, Callable[[_Server, float | None], None]] = {
            "dead": self._dead,
            "sagging": lambda s, _: _inverter(s, Health.SAGGING),
            "asleep": lambda s, _: _inverter(s, Health.DARK),
            "garbage": lambda s, _: self._garbage(s),
            "lying": _lying,
            "stuck": lambda s, _: _stuck(s),
            "deaf": lambda s, _: _deafen(s),
            "leaking": _leak,
            "exception": _exception,
            "slow": _slow,
        }
        if kind == "link":
            self._unplugged.add(serial)
            await server.stop()
        elif kind in faults:
            faults[kind](server, value)
        else:
            raise ValueError(f"no fault {kind}: one of link, {', '.join(faults)}")

    async def heal(self, serial: str) -> None:
        """Repair everything about a device. Raise KeyError for one that is not there."""
        server = self.servers[serial]
        server.exception = None
        server.delay_s = 0.0
        if isinstance(server.device, SimulatedDevice):
            server.device.overlay, server.device.lies, server.device.stuck = {}, {}, None
        if isinstance(server.device, ClassicInverter | DerInverter):
            server.device.inverter.health, server.device.inverter.deaf = Health.GOOD, False
            server.device.inverter.isolation_ohm = GOOD_OHM
        charger = self.chargers.get(serial)
        if charger is not None:
            charger.point.error, charger.garbage = 0, False
        self._unplugged.discard(serial)
        if serial not in self._silenced:
            await server.start()

    def car(self, serial: str, plugged: bool, needs_wh: float | None = None) -> None:  # noqa: FBT001 - in or out
        """Plug the car of a charger in or out by hand; from then on it comes and goes by hand alone.

        :param needs_wh: what is missing in its battery then; as it was by default
        :raises KeyError: an unknown device; ValueError: one that charges no car, or an impossible need
        """
        device = self.servers[serial].device
        charger = self.chargers.get(serial)
        if charger is None:
            raise ValueError(f"{device.serial} charges no car")
        self._now()
        charger.point.car.take(plugged, needs_wh)

    def _now(self) -> int:
        elapsed = asyncio.get_running_loop().time() - self._zero
        self.world.advance(elapsed * self.world.speed + self._skipped)
        return self.world.steps

    def _dead(self, server: _Server, error: float | None) -> None:
        charger = self.chargers.get(server.device.serial)
        if charger is None:
            _inverter(server, Health.DEAD)
        else:
            charger.point.error = 8 if error is None else int(error)

    def _garbage(self, server: _Server) -> None:
        charger = self.chargers.get(server.device.serial)
        if charger is None:
            _scale_factors(server)
        else:
            charger.garbage = True


def _lying(server: _Server, off: float | None) -> None:
    """Let a meter's power be off by some watts, or a battery's charge by some percent."""
    if isinstance(server.device, MeterDevice):
        server.device.lies = {"W": -5000.0 if off is None else off}
    elif isinstance(server.device, BatteryDevice):
        server.device.lies = dict.fromkeys(("ChaState", "SoC"), -30.0 if off is None else off)
    else:
        raise ValueError(f"{server.device.serial} measures nothing that it could lie about")  # noqa: TRY004 - bad input, not a bug


def _stuck(server: _Server) -> None:
    if not isinstance(server.device, SimulatedDevice):
        raise ValueError(f"{server.device.serial} cannot be stuck")  # noqa: TRY004 - bad input, not a bug
    server.device.stuck = server.device.values()


def _inverter(server: _Server, health: Health) -> None:
    if not isinstance(server.device, ClassicInverter | DerInverter):
        raise ValueError(f"{server.device.serial} has no panels")  # noqa: TRY004 - bad input, not a bug
    server.device.inverter.health = health


def _deafen(server: _Server) -> None:
    if not isinstance(server.device, ClassicInverter | DerInverter):
        raise ValueError(f"{server.device.serial} has no panels")  # noqa: TRY004 - bad input, not a bug
    server.device.inverter.deaf = True


def _leak(server: _Server, ohm: float | None) -> None:
    """Let an inverter's isolation resistance fall so far."""
    if not isinstance(server.device, ClassicInverter):
        raise ValueError(f"{server.device.serial} measures no isolation")  # noqa: TRY004 - bad input, not a bug
    server.device.inverter.isolation_ohm = 1000.0 if ohm is None else max(0.0, ohm)


def _scale_factors(server: _Server) -> None:
    device = server.device
    if not isinstance(device, SimulatedDevice):
        raise ValueError(f"{device.serial} has no registers")  # noqa: TRY004 - bad input, not a bug
    slots = device.layout.slots.values()
    device.overlay = {slot.offset: GARBAGE for slot in slots if slot.type == "sunssf"}


def _exception(server: _Server, code: float | None) -> None:
    if code is not None and int(code) not in range(1, 12):
        raise ValueError(f"no Modbus exception {code}")
    server.exception = int(code or 4)


def _slow(server: _Server, seconds: float | None) -> None:
    server.delay_s = 0.5 if seconds is None else max(0.0, seconds)
