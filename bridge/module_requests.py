"""What the control socket is asked to change about modules: names, faces, mode, priority, removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import voice
from bridge.control import ControlError
from bridge.record import OperatingMode
from bridge.registry import UnknownModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.hub import Hub
    from bridge.registry import RegisteredModule


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about modules that the control socket answers to."""

    async def rename(params: dict[str, Any]) -> object:
        module = _module(hub, params)
        texts = {name: params.get(name) for name in ("name", "room", "role")}
        if any(text is not None and not isinstance(text, str) for text in texts.values()):
            raise ControlError("invalid", "name, room and role are text")
        try:
            hub.registry.rename(module.key, **texts)
        except ValueError as error:
            raise ControlError("invalid", str(error)) from error
        return _about(hub, module)

    async def remove(params: dict[str, Any]) -> object:
        module = _module(hub, params)
        about = _about(hub, module)
        hub.registry.remove(module.key)
        return about

    async def faces(params: dict[str, Any]) -> object:
        module = _module(hub, params)
        hub.registry.set_faces(module.key, _chosen(module, params.get("faces", {})))
        return _about(hub, module)

    async def mode(params: dict[str, Any]) -> object:
        module = _module(hub, params)
        try:
            wished = OperatingMode(str(params.get("mode")))
        except ValueError:
            known = " or ".join(OperatingMode)
            raise ControlError("invalid", f"a module is {known}") from None
        hub.registry.set_mode(module.key, wished)
        return _about(hub, module)

    async def priority(params: dict[str, Any]) -> object:
        module = _module(hub, params)
        wished = params.get("priority")
        if wished is not None and (isinstance(wished, bool) or not isinstance(wished, int)):
            raise ControlError("invalid", "priority is a whole number or null")
        try:
            hub.registry.set_priority(module.key, wished)
        except ValueError as error:
            raise ControlError("invalid", str(error)) from error
        return _about(hub, module)

    return {"rename": rename, "remove": remove, "faces": faces, "mode": mode, "priority": priority}


def _module(hub: Hub, params: Mapping[str, Any]) -> RegisteredModule:
    name = params.get("module")
    if not isinstance(name, str) or not name:
        raise ControlError("invalid", "module is missing")
    try:
        return hub.registry.find(name)
    except UnknownModuleError as error:
        raise ControlError("not-found", str(error)) from error


def _chosen(module: RegisteredModule, faces: object) -> dict[str, bool | None]:
    """Return what was chosen of a module's voice faces, judged."""
    if not isinstance(faces, dict):
        raise ControlError("invalid", "faces is an object of names with true, false or null")
    can = sorted(voice.possible(module.record))
    for name, on in faces.items():
        if name not in can:
            known = ", ".join(can) or "none"
            raise ControlError("invalid", f"{module.record.name} has no face {name!r}; it can have {known}")
        if on is not None and not isinstance(on, bool):
            raise ControlError("invalid", f"{name} is true, false or null")
    return faces


def _about(hub: Hub, module: RegisteredModule) -> dict[str, object]:
    record = module.record
    on = voice.wanted(record, hub.book.now.faces)
    return {
        "key": record.key,
        "name": record.name,
        "room": record.room,
        "role": record.role,
        "mode": record.mode.value,
        "priority": record.priority,
        "faces": {
            face.value: {"on": face in on, "label": record.labels.get(face.value)}
            for face in sorted(voice.possible(record))
        },
    }
