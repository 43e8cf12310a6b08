"""What every module is shown with: who it is, whether it answers, what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.api.models import Model, Moment
from bridge.record import OperatingMode
from hw.reading import Quality
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.registry import RegisteredModule
    from hw.reading import Reading


class Fault(Model):
    """One thing that the device says is wrong."""

    code: str
    source: str
    """Where it was read, such as `103.Evt1`."""


class ModuleView(Model):
    """Who a module is, and whether it answers."""

    module: str
    """Its name everywhere in the hub."""
    name: str
    room: str
    vendor: str
    model: str
    serial: str
    firmware: str
    rated_power_w: float | None
    setpoints: list[SetpointKind]
    """What it can be told."""
    operating_mode: OperatingMode
    """`autonomous` when plans and programmes leave it alone."""
    reachable: bool
    unreachable_because: str | None
    seen: Moment | None
    """When it last answered."""


def about(module: RegisteredModule) -> dict[str, Any]:
    """Return the fields of a `ModuleView`."""
    record = module.record
    return {
        "module": record.key,
        "name": record.name,
        "room": record.room,
        "vendor": record.identity.vendor,
        "model": record.identity.model,
        "serial": record.identity.serial,
        "firmware": record.identity.firmware,
        "rated_power_w": record.nameplate.power_w,
        "setpoints": sorted(record.capabilities.setpoints),
        "operating_mode": record.mode,
        "reachable": module.reachable,
        "unreachable_because": module.unreachable_because or None,
        "seen": module.seen,
    }


def quality(reading: Reading, module: RegisteredModule) -> Quality:
    """Return how far a reading can be trusted now: that of a module that is silent is stale."""
    return reading.quality if module.reachable else Quality.STALE


def faults(reading: Reading) -> list[Fault]:
    """Return what a module says is wrong."""
    return [Fault(code=each.code, source=each.source) for each in reading.faults]
