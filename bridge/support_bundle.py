"""The support bundle: what somebody who helps needs to know of a hub, in one zip file, without its secrets.

What goes in is chosen; then whatever looks like a secret is blacked out all the same, by the names of fields
and by what texts look like. People's names are no help to anybody and are left out as well.
"""

from __future__ import annotations

import dataclasses
import io
import json
import platform
import re
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from bridge.care_requests import alert_values, fault_values
from bridge.logs import recent_lines, redacted
from bridge.status import hub_status

if TYPE_CHECKING:
    from bridge.hub import Hub

REDACTED: Final = "[redacted]"
LOG_LINES: Final = 500
_SECRET_NAMES: Final = re.compile(
    r"passcode|password|token|secret|private|salt|verifier|totp|hash|claim_code|manual_code|qr_code"
    r"|enable_key|(^|_)key$|certificate$|discriminator|fabric_id|node_id",
    re.IGNORECASE,
)
_HARMLESS: Final = frozenset({"key"})
"""A module's key is its name."""
_PEOPLE: Final = re.compile(r"\b(user|api)/[^\s,;:'\")\]}]+")
_CREDENTIALS: Final = re.compile(r"\b([a-z][a-z0-9+]*://)[^\s/'\"]+@")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_TOKENS: Final = re.compile(r"\bores_[a-z]_[A-Za-z0-9_-]+")


def support_bundle(hub: Hub) -> bytes:
    """Return the zip file."""
    now = hub.home.alerts.now
    status = hub_status(hub)
    modules = status.pop("modules")
    parts: dict[str, object] = {
        "about.json": {
            "version": _version(),
            "python": sys.version,
            "machine": platform.machine(),
            "system": f"{platform.system()} {platform.release()}",
            "made": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        },
        "status.json": status,
        "settings.json": dataclasses.asdict(hub.settings),
        "modules.json": modules,
        "faults.json": [fault_values(hub, record) for record in hub.home.fault_log.records()],
        "alerts.json": [alert_values(alert, now) for alert in hub.home.alerts.alerts()],
        "commands.json": [
            command.values() for module in hub.registry for command in hub.arbiter.live(module.key)
        ],
        "diagnostics.json": [dataclasses.asdict(run) for run in hub.diagnostics.runs()],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, values in parts.items():
            file.writestr(name, json.dumps(without_secrets(values), indent=1, default=str))
        file.writestr("log.txt", "".join(f"{clean(line)}\n" for line in recent_lines()))
    return packed.getvalue()


def without_secrets(values: object) -> object:
    """Return plain values with secrets blacked out."""
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return without_secrets(dataclasses.asdict(values))
    if isinstance(values, dict):
        return {name: _judged(str(name), value) for name, value in values.items()}
    if isinstance(values, list | tuple | set | frozenset):
        return [without_secrets(each) for each in values]
    if isinstance(values, str | PurePath):
        return clean(str(values))
    return values


def _judged(name: str, value: Any) -> object:
    if name not in _HARMLESS and _SECRET_NAMES.search(name) and value not in (None, "", False):
        return REDACTED
    return without_secrets(value)


def clean(text: str) -> str:
    """Return a text without secrets and without people's names."""
    text = _CREDENTIALS.sub(rf"\1{REDACTED}@", redacted(text))
    text = _TOKENS.sub(REDACTED, text)
    text = _PEOPLE.sub(rf"\1/{REDACTED}", text)
    return _MAIL.sub(REDACTED, text)


def _version() -> str:
    from bridge.matter import software_version

    return software_version()
