"""How apps are paired with the hub: its codes, its window, and who has come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.commissioning.window import MAX_TIMEOUT, MIN_TIMEOUT, WindowBusyError

if TYPE_CHECKING:
    from bridge.matter import MatterBridge
    from bridge.setup_code import SetupCode


class WindowError(ValueError):
    """No window can be opened now; the message says why."""


def codes(setup: SetupCode, vendor_id: int, product_id: int) -> dict[str, object]:
    """Return the setup code in every form."""
    payload = setup.payload(vendor_id, product_id)
    return {
        "qr_code": payload.qr_code(),
        "manual_code": payload.manual_code(),
        "passcode": setup.passcode,
        "discriminator": setup.discriminator,
        "vendor_id": vendor_id,
        "product_id": product_id,
    }


def fabrics(matter: MatterBridge) -> list[dict[str, object]]:
    """Return the apps that the hub is paired with."""
    return [
        {
            "index": fabric.index,
            "label": fabric.label,
            "vendor_id": fabric.vendor_id,
            "fabric_id": f"{fabric.fabric_id:016X}",
            "node_id": f"{fabric.node_id:016X}",
        }
        for fabric in matter.node.fabrics
    ]


def open_window(matter: MatterBridge, seconds: int) -> None:
    """Let another app pair with the setup code. Raise WindowError."""
    if not MIN_TIMEOUT <= seconds <= MAX_TIMEOUT:
        raise WindowError(f"a window is open for {MIN_TIMEOUT} to {MAX_TIMEOUT} seconds")
    window = matter.node.window
    administrator = next(iter(matter.node.fabrics), None)
    try:
        if administrator is None:
            window.open_uncommissioned(seconds)
        else:
            # Matter knows windows of administrators only: this one is opened in the name of the first.
            window.open_basic(seconds, administrator)
    except WindowBusyError:
        raise WindowError("a window is open already, or an app is being paired right now") from None
