"""Whether the home and a module are in a state in which firmware may be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.firmware.refusal import FirmwareError, Reason, UnknownYetError
from bridge.grid import GridState
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.home import Home
    from bridge.registry import RegisteredModule

IDLE_W: Final = 50.0
"""Power up to which a battery is idle: its own consumption is no use of it."""
LEAST_CHARGE: Final = 20.0
"""State of charge in percent that a battery needs: it must not run empty when the update takes long."""


def check_preflight(module: RegisteredModule, home: Home) -> None:
    """Make sure that nothing forbids to update a module now. Raise FirmwareError NOT_NOW."""
    if home.grid.state is GridState.LOST:
        raise _not_now("the grid is gone: the home is an island", "Wait until the grid is back.")
    if home.island.mode.apart:
        raise _not_now("the home has not returned to the grid yet", "Wait until every load has power again.")
    if home.grid.state is GridState.UNKNOWN and home.grid.meter() is not None:
        raise UnknownYetError(
            Reason.NOT_NOW,
            "the meter at the supply does not answer: nobody knows whether the grid is there",
            "Bring the meter back first.",
        )
    if not module.reachable or module.reading is None:
        raise UnknownYetError(
            Reason.NOT_NOW,
            f"the module does not answer: {module.unreachable_because}",
            "Bring it back into the network first.",
        )
    if module.record.kind is ModuleKind.BATTERY:
        _check_battery(module)


def _check_battery(module: RegisteredModule) -> None:
    reading = module.reading
    assert reading is not None
    if reading.power_w is None or abs(reading.power_w) > IDLE_W:
        now = "unknown" if reading.power_w is None else f"{reading.power_w:.0f} W"
        raise _not_now(
            f"the battery is not idle: its power is {now}",
            "Tell it to hold with POST /energystorage/control, or choose a window in which it rests.",
        )
    charge = None if reading.battery is None else reading.battery.soc_percent
    if charge is None or charge < LEAST_CHARGE:
        now = "unknown" if charge is None else f"{charge:.0f} %"
        raise _not_now(f"the state of charge is {now}", f"Charge the battery to {LEAST_CHARGE:.0f} % first.")


def _not_now(detail: str, remedy: str) -> FirmwareError:
    return FirmwareError(Reason.NOT_NOW, detail, remedy)
