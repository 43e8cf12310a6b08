"""What the control socket is asked about devices that are no modules yet: to look, to add, to let in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bridge.access.throttle import ThrottledError
from bridge.adoption import NoCommissionerError, NoDeviceError, StillCommissioningError
from bridge.control import ControlError
from bridge.discovery import DiscoveryBusyError
from bridge.scan import MODBUS_PORT, LatelyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from bridge.hub import Hub
    from bridge.registration.desk import RegistrationDesk
    from bridge.registration.pending import Pending
    from bridge.scan import Scan

CONSOLE: Final = "console"
"""Who does it, in the audit log."""


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about devices that the control socket answers to."""
    return _looking(hub) | _letting_in(hub)


def _looking(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about devices that the hub calls."""

    async def discover(params: dict[str, Any]) -> object:
        address, network = _optional(params, "address"), _optional(params, "network")
        port = params.get("port", MODBUS_PORT)
        if not isinstance(port, int) or not 1 <= port <= 65535:
            raise ControlError("invalid", "port is 1 to 65535")
        with _judged():
            if network:
                return _scan(hub.discovery.begin_network(network, port))
            return _scan(hub.discovery.begin(address or None))

    async def candidates(_: dict[str, Any]) -> object:
        scan = hub.discovery.scan
        return {
            "candidates": [asdict(each) for each in hub.discovery.candidates()],
            "scan": _scan(scan) if scan else None,
        }

    async def add(params: dict[str, Any]) -> object:
        place = _text(params, "address")
        driver = _optional(params, "driver") or None
        called = {name: _optional(params, name) for name in ("name", "room", "role")}
        with _judged():
            if driver is None and hub.discovery.adoption.is_candidate(place):
                keys = await hub.discovery.adoption.register_candidate(place, **called)
            elif driver is None and hub.discovery.adoption.is_setup_code(place):
                keys = await hub.discovery.adoption.commission(place, **called)
            else:
                keys = await hub.discovery.adoption.register(place, driver=driver, **called)
        for key in keys:
            hub.access.note(CONSOLE, "module add", "done", subject=key)
        return {"modules": list(keys)}

    return {"discover": discover, "candidates": candidates, "add": add}


def _letting_in(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about modules that ask to be let in."""

    async def pending(_: dict[str, Any]) -> object:
        desk = _desk(hub)
        return {"registrations": [_pending(desk, each) for each in desk.pending()]}

    async def accept(params: dict[str, Any]) -> object:
        from bridge.registration.refusals import RegistrationError  # as the desk itself: only with the API
        from hw.ores.pairing import Proof

        desk = _desk(hub)
        code = _optional(params, "code")
        registration = _text(params, "registration")
        called = {name: _optional(params, name) for name in ("name", "room", "role")}
        try:
            proof = Proof(_text(params, "proof"))
            accepted = desk.accept(registration, proof, by=CONSOLE, address=CONSOLE, code=code, **called)
        except (RegistrationError, ThrottledError) as error:
            raise ControlError("conflict", str(error)) from error
        except ValueError as error:
            raise ControlError("invalid", str(error)) from error
        return _pending(desk, accepted)

    async def refuse(params: dict[str, Any]) -> object:
        from bridge.registration.refusals import RegistrationError  # as the desk itself: only with the API

        desk = _desk(hub)
        try:
            return _pending(desk, desk.refuse(_text(params, "registration"), by=CONSOLE))
        except RegistrationError as error:
            raise ControlError("not-found", str(error)) from error

    return {"pending": pending, "accept": accept, "refuse": refuse}


@contextmanager
def _judged() -> Iterator[None]:
    try:
        yield
    except DiscoveryBusyError as error:
        raise ControlError("busy", str(error)) from error
    except (LatelyError, NoCommissionerError, StillCommissioningError) as error:
        raise ControlError("conflict", str(error)) from error
    except NoDeviceError as error:
        raise ControlError("not-found", str(error)) from error
    except ValueError as error:
        raise ControlError("invalid", str(error)) from error


def _desk(hub: Hub) -> RegistrationDesk:
    try:
        return hub.registrations
    except LookupError as error:
        raise ControlError("unavailable", f"{error}: modules ask over it") from error


def _scan(scan: Scan) -> dict[str, object]:
    return {**asdict(scan), "state": scan.state.value}


def _pending(desk: RegistrationDesk, pending: Pending) -> dict[str, object]:
    return {
        "registration": pending.id,
        "module": pending.module,
        "vendor": pending.description.vendor,
        "model": pending.description.model,
        "serial": pending.description.serial,
        "kind": pending.description.kind.value,
        "address": pending.address,
        "replaces": pending.replaces,
        "proofs": [each.value for each in pending.proofs],
        "digits": pending.digits(desk.hub_ski),
        "accepted": bool(pending.accepted),
    }


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError("invalid", f"{name} is missing")
    return value


def _optional(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise ControlError("invalid", f"{name} is text")
    return value or ""
