"""From an address to the modules behind it."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from hw.module import ModuleError, NotSupported
from hw.sunspec.ac import INVERTER_MODELS
from hw.sunspec.device import Device
from hw.sunspec.inverter import Inverter
from hw.sunspec.meter import METER_MODELS, Meter
from hw.sunspec.storage import Storage
from hw.sunspec.transport import Endpoint, ModbusRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hw.sunspec.device import Section
    from hw.sunspec.module import SunSpecModule

MODBUS_PORT = 502
UNITS = (1, 126, 2, 3, 71, 200, 201, 202, 203, 204, 240)
"""Unit numbers that inverters (1, 2, 3, 71), SMA (126) and meters behind inverters (200-204, 240) use."""
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d+))?(?::(?P<unit>\d+))?")


def parse_address(address: str) -> tuple[str, int, int | None]:
    """Return host, port and unit of `host[:port[:unit]]`, IPv6 in brackets. Raise ValueError."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise ValueError(f"{address!r} is not host, host:port or host:port:unit")
    port = int(match["port"] or MODBUS_PORT)
    unit = int(match["unit"]) if match["unit"] else None
    if not 1 <= port <= 65535 or (unit is not None and not 1 <= unit <= 247):
        raise ValueError(f"{address!r}: a port is 1 to 65535, a unit 1 to 247")
    return match["v6"] or match["host"], port, unit


class Endpoints:
    """The endpoints in use, so that units behind one address share its only connection."""

    def __init__(self) -> None:
        self._endpoints: dict[tuple[str, int], Endpoint] = {}

    def get(self, host: str, port: int) -> Endpoint:
        """Return the endpoint of the address, the same one every time."""
        return self._endpoints.setdefault((host, port), Endpoint(host, port))


async def discover(
    address: str, endpoints: Endpoints | None = None, *, serial: str = ""
) -> list[SunSpecModule]:
    """Return the modules at `host[:port[:unit]]`, opened; without a unit those of every unit that answers.

    `serial` names a device that has no serial number of its own. Raise ModuleUnreachable when nothing
    answers, NotSupported when what answers has no SunSpec map or nothing that we know, ValueError for an
    address that is none. It only reads.
    """
    host, port, unit = parse_address(address)
    endpoint = (endpoints or Endpoints()).get(host, port)
    if unit is not None:
        modules = await _modules(endpoint, unit, serial)
    else:
        modules = await _probe(endpoint, serial)
    if not modules:
        raise NotSupported(f"{address}: no inverter, battery or meter in its SunSpec map")
    return modules


async def _probe(endpoint: Endpoint, serial: str) -> list[SunSpecModule]:
    """Ask the usual units one after the other; a device that answers under every unit is taken once."""
    modules: dict[str, SunSpecModule] = {}
    errors: list[ModuleError] = []
    await endpoint.connect()
    # Counting as a user keeps the only connection open from one unit to the next.
    endpoint.users += 1
    try:
        for unit in UNITS:
            try:
                found = await _modules(endpoint, unit, serial)
            except ModuleError as error:
                errors.append(error)
                continue
            for module in found:
                if modules.setdefault(module.identity.key, module) is not module:
                    await module.close()
    finally:
        endpoint.users -= 1
        if not endpoint.users:
            await endpoint.close()
    if not modules and errors:
        raise next((error for error in errors if isinstance(error, NotSupported)), errors[0])
    return list(modules.values())


async def _modules(endpoint: Endpoint, unit: int, serial: str) -> list[SunSpecModule]:
    device = Device(endpoint, unit)
    modules: list[SunSpecModule] = []
    try:
        await device.scan()
        for index in range(len(device.sections)):
            modules.extend(await _section_modules(device, index, serial))
        for module in modules:
            await module.open()
    except BaseException:
        for module in modules:
            await module.close()
        with contextlib.suppress(ModuleError):
            if not endpoint.users:
                await endpoint.close()
        raise
    return modules


async def _section_modules(device: Device, index: int, serial: str) -> Iterable[SunSpecModule]:
    section = device.sections[index]
    models = section.models
    inverter = any(model in models for model in (*INVERTER_MODELS, 701))
    battery = await _has_battery(device, section)
    if battery and inverter and await _is_hybrid(device, section):
        return (
            Inverter(device, index, section.identity(serial=serial)),
            Storage(device, index, section.identity(part="battery", serial=serial), hybrid=True),
        )
    if battery:
        return (Storage(device, index, section.identity(serial=serial)),)
    if inverter:
        return (Inverter(device, index, section.identity(serial=serial)),)
    if any(model in models for model in METER_MODELS):
        # Meters behind an inverter often carry its serial number.
        part = ""
        if any(other.serial == section.serial for other in device.sections[:index]):
            part = f"meter-{index}"
        return (Meter(device, index, section.identity(part=part, serial=serial)),)
    return ()


async def _has_battery(device: Device, section: Section) -> bool:
    """Inverters without a battery often have the storage models, with every point unimplemented."""
    for model, point in ((802, "WHRtg"), (713, "WHRtg"), (124, "WChaMax")):
        if model in section.models:
            try:
                (view,) = await device.read([section.models[model]])
            except ModbusRefused:
                continue
            if view.number(point):
                return True
    return False


async def _is_hybrid(device: Device, section: Section) -> bool:
    """Whether the section's AC side carries solar power, too: by its type, its strings or its PV ports."""
    if 120 in section.models:
        (view,) = await device.read([section.models[120]])
        if view.symbol("DERTyp") == "PV_STOR":
            return True
    if 714 in section.models:
        (view,) = await device.read([section.models[714]])
        if any(port.symbol("PrtTyp") == "PV" for port in view.groups("Prt")):
            return True
    return 160 in section.models
