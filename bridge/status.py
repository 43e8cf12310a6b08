"""What the hub says about itself: to `ores-bridge status`, `pair`, `set`, `history` and `energy`."""

from __future__ import annotations

import math
import os
import resource
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bridge import (
    care_requests,
    configure_requests,
    discovery_requests,
    firmware_requests,
    module_requests,
    pairing,
    plan_requests,
    record_requests,
)
from bridge.arbiter import UnknownCommandError
from bridge.command import Origin
from bridge.control import ControlError
from bridge.loads import requests as load_requests
from bridge.registry import UnknownModuleError
from bridge.telemetry.database import StoreError, UnknownMetricError
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.home import Home
    from bridge.hub import Hub
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule
    from hw.reading import Reading


def handlers(hub: Hub, stop: Callable[[], None]) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return what the control socket answers to."""

    async def status(_: dict[str, Any]) -> object:
        return hub_status(hub)

    async def pair(params: dict[str, Any]) -> object:
        return _pair(hub, params)

    async def set_(params: dict[str, Any]) -> object:
        return _set(hub, params)

    async def command(params: dict[str, Any]) -> object:
        try:
            return hub.arbiter.command(_text(params, "id")).values()
        except UnknownCommandError as error:
            raise ControlError("not-found", str(error)) from error

    async def withdraw(params: dict[str, Any]) -> object:
        try:
            return hub.arbiter.withdraw(_text(params, "id"), "taken back on the command line")
        except UnknownCommandError as error:
            raise ControlError("not-found", str(error)) from error

    async def history(params: dict[str, Any]) -> object:
        return await _history(hub, params)

    async def energy(params: dict[str, Any]) -> object:
        return await _energy(hub, params)

    async def end(_: dict[str, Any]) -> object:
        stop()
        return None

    from bridge.access.administration import Administration  # a hub to look at has no use for it

    return Administration(hub.access, hub.registry).handlers() | {
        "status": status,
        "pair": pair,
        "set": set_,
        "command": command,
        "withdraw": withdraw,
        "history": history,
        "energy": energy,
        "stop": end,
        **plan_requests.handlers(hub),
        **module_requests.handlers(hub),
        **load_requests.handlers(hub),
        **discovery_requests.handlers(hub),
        **care_requests.handlers(hub),
        **firmware_requests.handlers(hub),
        **configure_requests.handlers(hub),
        **record_requests.handlers(hub),
    }


def hub_status(hub: Hub) -> dict[str, object]:
    """Return how the hub and its modules are."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "running": True,
        "pid": os.getpid(),
        "uptime_s": round(time.time() - hub.started),
        "memory_mb": _memory_mb(),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "polling_interval_s": round(hub.pace.interval, 2),
        "commissionable": hub.matter.node.window.is_open,
        "fabrics": pairing.fabrics(hub.matter),
        "api": api_status(hub),
        "trouble": hub.telemetry.trouble,
        "flows": None if hub.home.flow_meter.flows is None else asdict(hub.home.flow_meter.flows),
        "home": home_status(hub.home),
        "modules": [_module(hub, module) for module in hub.registry],
    }


def home_status(home: Home) -> dict[str, object]:
    """Return how the home works now, and what an outage has made of it."""
    keeper, backup = home.island, home.island.backup_s
    return {
        "mode": keeper.mode.value,
        "grid": home.grid.state.name.lower(),
        "lost_at": keeper.lost_at,
        "backup_s": round(backup) if backup is not None and math.isfinite(backup) else None,
        "solar_limit_w": keeper.solar_limit_w,
        "off": [asdict(each) for each in keeper.off()],
    }


def api_status(hub: Hub) -> dict[str, object] | None:
    """Return where the HTTP API is and how to get in, or None when it is switched off."""
    if hub.api is None:
        return None
    claim_code = hub.access.claim_code
    return {
        "url": hub.api.url or None,
        "port": hub.api.port or None,
        "http_port": hub.api.http_port or None,
        "authority_sha256": hub.api.fingerprint or None,
        "trouble": hub.api.trouble or None,
        "claim_code": None if claim_code is None else str(claim_code),
        "users": len(hub.access.accounts),
        "sessions": sum(1 for _ in hub.access.sessions),
    }


def record_status(record: ModuleRecord) -> dict[str, object]:
    """Return what is known of a module without reading it."""
    return {
        "key": record.key,
        "name": record.name,
        "kind": record.kind.value,
        "room": record.room,
        "role": record.role,
        "priority": record.priority,
        "quarantined": record.quarantined,
        "driver": record.driver,
        "address": record.address,
        "vendor": record.identity.vendor,
        "model": record.identity.model,
        "serial": record.identity.serial,
        "firmware": record.identity.firmware,
        "setpoints": sorted(record.capabilities.setpoints),
    }


def _module(hub: Hub, module: RegisteredModule) -> dict[str, object]:
    return record_status(module.record) | {
        "reachable": module.reachable,
        "unreachable_because": module.unreachable_because,
        "seen": module.seen.isoformat(timespec="seconds") if module.seen else None,
        "endpoints": hub.registry.endpoints.faces(module.key),
        "reading": _reading(module.reading) if module.reading else None,
        "commands": [command.values() for command in hub.arbiter.live(module.key)],
    }


def _reading(reading: Reading) -> dict[str, object]:
    return {
        "time": reading.time.isoformat(timespec="milliseconds"),
        "quality": reading.quality.value,
        "state": reading.state.value,
        "power_w": reading.power_w,
        "energy_imported_wh": reading.energy_imported_wh,
        "energy_exported_wh": reading.energy_exported_wh,
        "soc_percent": reading.battery.soc_percent if reading.battery else None,
        "power_limit_percent": reading.power_limit_percent,
        "faults": [fault.code for fault in reading.faults],
    }


def _pair(hub: Hub, params: Mapping[str, Any]) -> object:
    if "open_s" in params:
        seconds = params["open_s"]
        if not isinstance(seconds, int):
            raise ControlError("invalid", "open_s is a number of seconds")
        try:
            pairing.open_window(hub.matter, seconds)
        except pairing.WindowError as error:
            raise ControlError("conflict", str(error)) from error
    info = hub.matter.node.info
    return pairing.codes(hub.setup, info.vendor_id, info.product_id) | {
        "commissionable": hub.matter.node.window.is_open
    }


def _set(hub: Hub, params: Mapping[str, Any]) -> object:
    duration = params.get("duration_s")
    value = params.get("value")
    for number in (duration, value):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ControlError("invalid", "value and duration_s are numbers")
    try:
        module = hub.registry.find(_text(params, "module"))
        command = hub.arbiter.submit(
            module.key,
            SetpointKind(_text(params, "kind")),
            value,
            origin=Origin.USER,
            source="cli",
            duration=duration,
        )
    except UnknownModuleError as error:
        raise ControlError("not-found", str(error)) from error
    except (ValueError, OverflowError) as error:
        raise ControlError("invalid", str(error)) from error
    except OSError as error:
        raise ControlError("unavailable", str(error)) from error
    return command.values() | {"name": module.record.name}


async def _history(hub: Hub, params: Mapping[str, Any]) -> object:
    from bridge.telemetry.pages import HistoryQuestion  # with half of the store's code behind it

    try:
        module = hub.registry.find(_text(params, "module"))
        question = HistoryQuestion.of(module.key, params)
        return await hub.telemetry.page(question) | {"name": module.record.name}
    except (UnknownModuleError, UnknownMetricError) as error:
        raise ControlError("not-found", str(error)) from error
    except ValueError as error:
        raise ControlError("invalid", str(error)) from error
    except StoreError as error:
        raise ControlError("unavailable", str(error)) from error


async def _energy(hub: Hub, params: Mapping[str, Any]) -> object:
    from bridge.energy_figures import energy_figures  # few ask for it

    try:
        modules = [hub.registry.find(_text(params, "module"))] if "module" in params else list(hub.registry)
        return [
            {
                "module": module.key,
                "name": module.record.name,
                "kind": module.record.kind,
                "power_w": module.reading.power_w if module.reachable and module.reading else None,
                **asdict(energy_figures(await hub.telemetry.energy(module.key))),
            }
            for module in modules
        ]
    except UnknownModuleError as error:
        raise ControlError("not-found", str(error)) from error
    except StoreError as error:
        raise ControlError("unavailable", str(error)) from error


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError("invalid", f"{name} is missing")
    return value


def _memory_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a line the kernel writes
        return round(int(file.read().split()[1]) * resource.getpagesize() / 1e6, 1)
