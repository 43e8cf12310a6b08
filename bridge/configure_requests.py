"""What the control socket is asked about the configuration of the hub: to tell, to change, to go back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bridge.choices import Policy
from bridge.control import ControlError
from bridge.record import OperatingMode
from bridge.revisions import UnknownRevisionError
from bridge.settings_book import as_shown, without_secrets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.hub import Hub

CONSOLE: Final = "console"
"""Who changes something on the hub itself."""


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about configuration that the control socket answers to."""

    async def configure(params: dict[str, Any]) -> object:
        book = hub.configuration
        try:
            values = _wished(params)
            if isinstance(params.get("settings"), dict):
                values["settings"] = hub.book.patched(params["settings"])
            if params.get("back_to_before") is not None:
                values = book.before(params["back_to_before"])
            wished = book.judged(**values)
            if not params.get("dry_run") and book.change(CONSOLE, **values) is not None:
                hub.access.note(CONSOLE, "configure", "done")
        except UnknownRevisionError as error:
            raise ControlError("not-found", str(error)) from error
        except (TypeError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error
        settings = hub.book.judged(wished.settings)
        return {
            "configuration": _shown(asdict(wished)),
            "settings": as_shown(settings),
            "restart_required": hub.book.restart_required(settings),
            "history": [
                {**each, "before": _shown(each["before"]), "after": _shown(each["after"])}
                for each in (revision.values() for revision in book.history())
            ],
        }

    return {"configure": configure}


def _shown(configured: dict[str, Any]) -> dict[str, Any]:
    """Return what is configured without secrets."""
    return {**configured, "settings": without_secrets(configured["settings"])}


def _wished(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be changed. Raise ValueError."""
    policy, mode = params.get("policy"), params.get("operating_mode")
    return {
        "policy": None if policy is None else Policy(policy),
        "operating_mode": None if mode is None else OperatingMode(mode),
        "savings_percent": params.get("savings_percent"),
    }
