"""What the hub prints for a person who stands before it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bridge import pairing
from bridge.qr_picture import drawn_apart
from bridge.status import api_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.hub import Hub


async def announce(hub: Hub) -> None:
    """Say on standard output that the hub answers, and how to pair it: now, or after opening a window."""
    node = hub.matter.node
    codes = pairing.codes(hub.setup, node.info.vendor_id, node.info.product_id)
    if node.window.is_open:
        when = f"discriminator {codes['discriminator']}, manual code {grouped(str(codes['manual_code']))}"
    else:
        paired = len(node.fabrics)
        apps = "1 app" if paired == 1 else f"{paired} apps"
        when = f"paired with {apps}; `ores-bridge pair --open` lets another in"
    # The one line that people and programs wait for.
    print(f"Commissionable: UDP port {node.port}, {when}")  # noqa: T201 - it goes to standard output
    sys.stdout.flush()
    picture = await drawn_apart(str(codes["qr_code"]))
    print(codes_text(codes, picture), flush=True)  # noqa: T201 - the same


def announce_api(hub: Hub) -> None:
    """Say on standard output where the API is, and how a new hub is claimed."""
    if hub.api is not None and hub.api.port:
        print(api_text(api_status(hub) or {}), flush=True)  # noqa: T201 - it goes to standard output


def api_text(api: Mapping[str, Any]) -> str:
    """Return where the API is, what its certificate authority looks like, and the code of a new hub."""
    lines = [f"API: {api['url'] or 'not served: ' + str(api['trouble'])}"]
    if api["authority_sha256"]:
        lines.append(f"Certificate authority (SHA-256): {api['authority_sha256']}")
    if api["claim_code"]:
        lines.append(f"Nobody administers the hub yet. Claim code: [{api['claim_code']}]")
    return "\n".join(lines)


def codes_text(codes: Mapping[str, object], picture: str) -> str:
    """Return the QR code's picture, and the codes as text in the form that other Matter tools print."""
    return f"{picture}\nSetupQRCode: [{codes['qr_code']}]\nManual pairing code: [{codes['manual_code']}]"


def grouped(code: str) -> str:
    """Return a manual code as it is printed on labels: 3497-011-2332."""
    return f"{code[:4]}-{code[4:7]}-{code[7:]}" if len(code) == 11 else code


def show_status(status: Mapping[str, Any]) -> None:
    """Print how the hub and its modules are."""
    from rich.console import Console  # draws tables; not every command does
    from rich.table import Table

    # Names are people's and apps' own, and a fingerprint is full of what looks like an emoji's name.
    console = Console(markup=False, emoji=False, highlight=False)
    apps = ", ".join(str(fabric.get("label") or f"no. {fabric['index']}") for fabric in status["fabrics"])
    if status["running"]:
        state = "can be paired now" if status["commissionable"] else "running"
        console.print(
            f"Hub {state}: up {_duration(status['uptime_s'])}, {status['memory_mb']:.0f} MB, "
            f"reads every {status['polling_interval_s']:g} s",
            soft_wrap=True,
        )
    else:
        console.print("Hub not running. What it remembers:")
    console.print(f"Apps: {apps or 'none'}", soft_wrap=True)
    if status.get("home"):
        for line in home_lines(status["home"]):
            console.print(line, soft_wrap=True)
    if status.get("api"):
        console.print(api_text(status["api"]), soft_wrap=True)
    for trouble in status.get("trouble", ()):
        console.print(f"Not stored now: {trouble}", soft_wrap=True, style="bold")
    if status.get("flows"):
        names = (("grid", "grid_w"), ("solar", "solar_w"), ("storage", "storage_w"), ("load", "load_w"))
        flows = ", ".join(f"{name} {_watts(status['flows'][key])}" for name, key in names)
        console.print(f"Power: {flows}", soft_wrap=True)
    table = Table(
        "Module", "Kind", "Room", "Power", "Charge", "State", "In force", box=None, header_style="bold"
    )
    for module in status["modules"]:
        reading = module.get("reading") or {}
        answers = module.get("reachable")
        table.add_row(
            module["name"],
            module["kind"],
            module["room"],
            _watts(reading.get("power_w")) if answers else "",
            _percent(reading.get("soc_percent")) if answers else "",
            reading.get("state", "") if answers else module.get("unreachable_because", ""),
            ", ".join(_in_force(each) for each in module.get("commands", []) if each["state"] == "applied"),
        )
    console.print(table)


def home_lines(home: Mapping[str, Any]) -> list[str]:
    """Return how the home works now, and what an outage has made of it."""
    backup = "" if home["backup_s"] is None else f"; without the grid for {home['backup_s'] / 3600:.1f} h"
    lines = [f"Home: {home['mode']}, the grid is {home['grid']}{backup}"]
    lines += [f"Off: {each['name']}: {each['because']}" for each in home["off"]]
    if home["solar_limit_w"] is not None:
        lines.append(f"The sun is limited to {home['solar_limit_w']:,.0f} W: the batteries are full")
    return lines


def _in_force(command: Mapping[str, Any]) -> str:
    value = "" if command["value"] is None else f" {command['value']:g}"
    return f"{command['kind']}{value} ({command['origin']})"


def _watts(power: float | None) -> str:
    return "" if power is None else f"{power:,.0f} W"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0f} %"


def _duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    return f"{days} d" if days > 1 else f"{hours} h" if hours > 1 else f"{minutes} min"
