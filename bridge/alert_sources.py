"""What alerts are told of besides faults: the grid, firmware, prices, late loads and the audit trail.

Modes of the home and the plan tell theirs themselves (`bridge.island.notices`, `bridge.planner.alerting`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.events import ModuleRemoved
from bridge.faults import Severity
from bridge.feeds.news import PRICE, FeedAlert
from bridge.firmware.refusal import FirmwareAlert, Reason
from bridge.grid import GridChanged, GridState
from bridge.loads.events import LoadMet, LoadMissed
from bridge.telemetry.audit_head import AuditTrailCut

if TYPE_CHECKING:
    from bridge.alerts import AlertBook
    from bridge.events import EventBus
    from bridge.registry import Registry

_AUDIT: Final = "audit-trail"
_GRID: Final = "grid"
_FIRMWARE: Final = "firmware"
_LOAD: Final = "load/"
_PRICES: Final = "prices"


class AlertSources:
    """Begins and resolves those alerts."""

    def __init__(self, book: AlertBook, bus: EventBus, registry: Registry) -> None:
        self._book = book
        self._bus = bus
        self._registry = registry

    def start(self) -> None:
        """Follow what happens; the book is started."""
        for each in self._book.about(_AUDIT):
            if each.acknowledged is not None:
                self._book.settle(each.subject)  # it stays so for ever, and somebody has taken note
        self._bus.subscribe(AuditTrailCut, self._audit_cut)
        self._bus.subscribe(GridChanged, self._grid_changed)
        self._bus.subscribe(FirmwareAlert, self._firmware)
        self._bus.subscribe(FeedAlert, self._feed)
        self._bus.subscribe(LoadMissed, self._load_missed)
        self._bus.subscribe(LoadMet, lambda event: self._book.settle(_LOAD + event.module))
        self._bus.subscribe(ModuleRemoved, lambda event: self._book.settle(_LOAD + event.record.key))

    def _grid_changed(self, event: GridChanged) -> None:
        if event.state is GridState.CONNECTED:
            self._book.settle(_GRID)
        elif event.state is GridState.LOST and not self._book.about(_GRID):
            because = event.because or "the meter at the supply measures no voltage"
            text = f"{because[:1].upper()}{because[1:]}."
            self._book.tell(_GRID, Severity.CRITICAL, "The grid is gone", text, "GRID_LOST")

    def _firmware(self, event: FirmwareAlert) -> None:
        if event.reason is None:
            self._book.settle(_FIRMWARE)
        elif not self._book.about(_FIRMWARE):
            frozen = event.reason is Reason.FROZEN
            title = f"The firmware repository {'may be frozen' if frozen else 'cannot be trusted'}"
            code = f"FIRMWARE_{event.reason.name}"
            self._book.tell(_FIRMWARE, Severity.WARNING, title, event.detail, code)

    def _audit_cut(self, event: AuditTrailCut) -> None:
        text = (
            f"Entry {event.head.number} was its last and is not there any more; what is left ends with "
            f"{event.left}. Somebody changed or deleted events.db, or put an older copy in its place; if it "
            "was damaged, the log says so and what it was set aside as. The trail itself notes this, and its "
            "end is watched anew."
        )
        self._book.tell(_AUDIT, Severity.CRITICAL, "The audit trail was cut off", text, "AUDIT_TRAIL_CUT")

    def _feed(self, event: FeedAlert) -> None:
        if event.name != PRICE:
            return  # a plan without a weather forecast is none to be alarmed about, and says so itself
        if not event.detail:
            self._book.settle(_PRICES)
        elif not self._book.about(_PRICES):
            text = f"{event.detail} Where prices are not known, plans go by the usual ones."
            self._book.tell(_PRICES, Severity.WARNING, "No new prices come", text, "PRICES_LOST")

    def _load_missed(self, event: LoadMissed) -> None:
        subject, module = _LOAD + event.module, event.module
        title = f"{self._registry[module].record.name} was not done in time"
        # What was missed before is another thing than what is missed now: people are told anew.
        self._book.settle(subject)
        self._book.tell(subject, Severity.WARNING, title, event.text, "LOAD_MISSED", module=module)
