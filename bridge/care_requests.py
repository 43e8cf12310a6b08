"""What the control socket is asked about the care of the home: faults, alerts, diagnostics."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.alerts import AlertOverError, UnknownAlertError
from bridge.control import ControlError
from bridge.diagnostic_checks import CheckName
from bridge.diagnostics import DiagnosticsBusyError, UnknownRunError
from bridge.fault_log import UnknownFaultError
from bridge.faults import TEST_SOURCE
from bridge.protector import AlreadyRaisedError
from bridge.registry import UnknownModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.alerts import Alert
    from bridge.fault_log import FaultRecord
    from bridge.hub import Hub

    Handlers = dict[str, Callable[[dict[str, Any]], Awaitable[object]]]

CONSOLE = "console"
"""Who somebody is that sits at the hub itself."""
TEST_S = 10.0
"""Seconds that a test of the protection lasts where nobody says."""


def handlers(hub: Hub) -> Handlers:
    """Return the requests about care that the control socket answers to."""
    return {**_faults(hub), **_alerts(hub), **_diagnostics(hub)}


def _faults(hub: Hub) -> Handlers:
    async def faults(params: dict[str, Any]) -> object:
        log = hub.home.fault_log
        acknowledged = params.get("acknowledge")
        if acknowledged is not None:
            try:
                return [fault_values(hub, log.acknowledge(str(acknowledged), CONSOLE))]
            except UnknownFaultError as error:
                raise ControlError("not-found", str(error)) from error
        module = _key(hub, params)
        if params.get("test") is not None:
            return [fault_values(hub, _tested(hub, module, params))]
        return [
            fault_values(hub, record)
            for record in log.records()
            if (record.open or params.get("past")) and module in {None, record.fault.module}
        ]

    return {"faults": faults}


def _tested(hub: Hub, module: str | None, params: Mapping[str, Any]) -> FaultRecord:
    """Test a rule of the protection on a module; return the fault that is none. Raise ControlError."""
    code, duration = str(params["test"]), params.get("test_s", TEST_S)
    if module is None:
        raise ControlError("invalid", "a test is of one module")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 2 <= duration <= 60:
        raise ControlError("invalid", "a test lasts 2 to 60 s")
    try:
        hub.home.protector.test(module, code, float(duration))
    except AlreadyRaisedError as error:
        raise ControlError("busy", str(error)) from error
    except ValueError as error:
        raise ControlError("invalid", str(error)) from error
    hub.access.note(CONSOLE, "test the protection", code, subject=module)
    raised = hub.home.fault_log.open_record(module, code, TEST_SOURCE)
    assert raised is not None, "it was raised just now"
    return raised


def _alerts(hub: Hub) -> Handlers:
    async def alerts(params: dict[str, Any]) -> object:
        book = hub.home.alerts
        number, duration = params.get("alert"), params.get("snooze_s")
        if number is None:
            shown = book.alerts() if params.get("all") else book.unresolved()[::-1]
            return [alert_values(each, book.now) for each in shown]
        if not isinstance(number, int):
            raise ControlError("invalid", "alert is a number")
        try:
            if duration is None:
                changed = book.acknowledge(number, CONSOLE)
            else:
                changed = book.snooze(number, float(duration))
        except UnknownAlertError as error:
            raise ControlError("not-found", str(error)) from error
        except (AlertOverError, TypeError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error
        return [alert_values(changed, book.now)]

    return {"alerts": alerts}


def _diagnostics(hub: Hub) -> Handlers:
    async def diagnose(params: dict[str, Any]) -> object:
        """Begin a run, or tell of the one of an id."""
        try:
            if params.get("run") is not None:
                return dataclasses.asdict(hub.diagnostics[str(params["run"])])
            checks = [CheckName(each) for each in params.get("checks") or ()]
            return dataclasses.asdict(hub.diagnostics.begin(_key(hub, params) or "", checks, CONSOLE))
        except UnknownRunError as error:
            raise ControlError("not-found", str(error)) from error
        except DiagnosticsBusyError as error:
            raise ControlError("busy", str(error)) from error
        except (TypeError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error

    async def bundle(_: dict[str, Any]) -> object:
        from bridge.support_bundle import support_bundle  # needed once in a blue moon

        return base64.b64encode(support_bundle(hub)).decode()

    return {"diagnose": diagnose, "support-bundle": bundle}


def fault_values(hub: Hub, record: FaultRecord) -> dict[str, object]:
    """Return a fault in plain values, as people and programs are shown it."""
    fault = record.fault
    registered = fault.module in hub.registry
    return {
        "fault": record.id,
        "module": fault.module,
        "name": hub.registry[fault.module].record.name if registered else fault.module,
        "code": fault.code,
        "source": fault.source,
        "severity": fault.severity.word,
        "state": "open" if record.open else "past",
        "evidence": fault.evidence,
        "action": record.action,
        "since": fault.since.isoformat(),
        "cleared": record.cleared.isoformat() if record.cleared else None,
        "acknowledged_by": record.acknowledged_by or None,
    }


def alert_values(alert: Alert, now: float) -> dict[str, object]:
    """Return an alert in plain values, as people and programs are shown it."""
    return {
        "alert": alert.number,
        "time": datetime.fromtimestamp(alert.time, UTC).isoformat(timespec="seconds"),
        "severity": alert.severity.word,
        "state": alert.state(now).value,
        "title": alert.title,
        "text": alert.text,
        "module": alert.module or None,
        "acknowledged_by": alert.acknowledged_by or None,
    }


def _key(hub: Hub, params: Mapping[str, Any]) -> str | None:
    """Return the key of the module that is meant, None if none is named."""
    name = params.get("module")
    if name is None:
        return None
    try:
        return hub.registry.find(str(name)).key
    except UnknownModuleError as error:
        raise ControlError("not-found", str(error)) from error
