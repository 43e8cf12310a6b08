"""What the control socket is asked about firmware: how it is, update, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.control import ControlError
from bridge.firmware.refusal import FirmwareError, Reason
from bridge.registry import UnknownModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.firmware.job import FirmwareJob
    from bridge.firmware.service import FirmwareService
    from bridge.hub import Hub


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about firmware that the control socket answers to."""

    async def firmware(_: dict[str, Any]) -> object:
        return _status(hub)

    async def update(params: dict[str, Any]) -> object:
        version = params.get("version")
        if version is not None and not isinstance(version, str):
            raise ControlError("invalid", "version is text")
        window = _window(params)
        try:
            module = hub.registry.find(_text(params, "module"))
            return _values(await _service(hub).update(module.key, "console", version=version, window=window))
        except UnknownModuleError as error:
            raise ControlError("not-found", str(error)) from error
        except FirmwareError as error:
            raise _refused(error) from error

    async def cancel(params: dict[str, Any]) -> object:
        try:
            return _values(_service(hub).cancel(_job(hub, _text(params, "job")).id))
        except FirmwareError as error:
            raise _refused(error) from error

    return {"firmware": firmware, "firmware-update": update, "firmware-cancel": cancel}


def _status(hub: Hub) -> object:
    service = hub.home.firmware
    repository = None
    if service is not None:
        seen = service.repository
        repository = {"url": seen.url, "alert": seen.alert, "detail": seen.detail, "checked": seen.checked}
    return {
        "repository": repository,
        "modules": [
            {
                "module": module.key,
                "name": module.record.name,
                "installed": module.record.identity.firmware,
                "updatable": service is not None and module.record.capabilities.firmware,
            }
            for module in hub.registry
        ],
        "jobs": [] if service is None else [_values(job) for job in service.jobs],
    }


def _values(job: FirmwareJob) -> dict[str, object]:
    return {
        "job": job.id,
        "module": job.module,
        "version": job.release.version,
        "installed": job.installed,
        "state": job.state,
        "progress_percent": job.progress,
        "reason": job.reason,
        "detail": job.detail,
        "by": job.by,
        "created": job.created,
        "changed": job.changed,
        "window": None if job.window is None else list(job.window),
        "cancellable": job.cancellable,
    }


def _window(params: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return between which times an update may begin, UTC in seconds since 1970. Raise ControlError."""
    times = params.get("window")
    if times is None:
        return None
    if (
        not isinstance(times, list)
        or len(times) != 2
        or any(isinstance(time, bool) or not isinstance(time, int | float) for time in times)
        or not times[0] < times[1]
    ):
        raise ControlError("invalid", "a window is two times, and ends after it begins")
    return times[0], times[1]


def _job(hub: Hub, text: str) -> FirmwareJob:
    """Return the job of an id, or the last one of a module. Raise ControlError, FirmwareError."""
    jobs = _service(hub).jobs
    found = next((job for job in jobs if job.id == text), None)
    if found is not None:
        return found
    try:
        found = jobs.of(hub.registry.find(text).key)
    except UnknownModuleError as error:
        raise ControlError("not-found", f"there is no job and no module {text!r}") from error
    if found is None:
        raise ControlError("not-found", f"{text} was never updated")
    return found


def _service(hub: Hub) -> FirmwareService:
    if hub.home.firmware is None:
        raise ControlError(
            Reason.OFF, "the settings name no repository of firmware: set url and root in [firmware]"
        )
    return hub.home.firmware


def _refused(error: FirmwareError) -> ControlError:
    return ControlError(error.reason, f"{error.detail}. {error.remedy}".removesuffix(" "))


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError("invalid", f"{name} is missing")
    return value
