"""What the control socket is asked about the record of the home: what is usual, and how long it is kept."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.configure_requests import CONSOLE
from bridge.control import ControlError
from bridge.registry import UnknownModuleError
from bridge.retention import Retention
from bridge.revisions import UnknownRevisionError
from bridge.telemetry.database import StoreError, UnknownMetricError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.hub import Hub
    from bridge.retention import RetentionBook

DAYS = tuple(field.name for field in fields(Retention))


def handlers(hub: Hub) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
    """Return the requests about the record that the control socket answers to."""

    async def hours_of_day(params: dict[str, Any]) -> object:
        from bridge.telemetry.pages import HistoryQuestion  # with half of the store's code behind it

        if not params.get("metrics"):
            raise ControlError("invalid", "name what is to be told of the module, such as power")
        try:
            module = hub.registry.find(str(params.get("module") or ""))
            question = HistoryQuestion.of(module.key, params)
            found = {
                metric: [
                    asdict(hour)
                    for hour in await hub.telemetry.hours_of_day(
                        module.key, metric, question.start, question.end
                    )
                ]
                for metric in question.metrics
            }
        except (UnknownModuleError, UnknownMetricError) as error:
            raise ControlError("not-found", str(error)) from error
        except ValueError as error:
            raise ControlError("invalid", str(error)) from error
        except StoreError as error:
            raise ControlError("unavailable", str(error)) from error
        return {"module": module.key, "name": module.record.name, "metrics": found}

    async def retention(params: dict[str, Any]) -> object:
        book = hub.retention
        before = book.now
        try:
            wished = _wished(book, params)
        except UnknownRevisionError as error:
            raise ControlError("not-found", str(error)) from error
        except (TypeError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error
        after = wished or book.settings
        changes = wished != before and (wished is not None or book.chosen)
        if changes and not params.get("dry_run"):
            book.choose(CONSOLE, wished)
            hub.access.note(CONSOLE, "retention", "done")
        removed = after.removed(before, hub.access.now)
        return {
            "retention": asdict(after),
            "settings": asdict(book.settings),
            "removes": {
                name: datetime.fromtimestamp(time, UTC).isoformat() for name, time in removed.items()
            },
            "history": [revision.values() for revision in book.history()],
        }

    return {"hours-of-day": hours_of_day, "retention": retention}


def _wished(book: RetentionBook, params: Mapping[str, Any]) -> Retention | None:
    """Return what is wished for, None for what the settings say. Raise ValueError, UnknownRevisionError."""
    if params.get("as_settings"):
        return None
    if params.get("back_to_before") is not None:
        return book.before(params["back_to_before"])
    return book.judged({name: params[name] for name in DAYS if params.get(name) is not None})
