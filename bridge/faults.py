"""What is wrong with the modules now, and since when: what they say of themselves, and what the hub sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal

from bridge.events import ModuleRemoved, ReadingTaken
from hw.reading import OperatingState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bridge.events import EventBus
    from hw.reading import Reading


OWN: Final = "hub."
"""How the sources of faults begin that the hub itself has seen, such as `hub.temperature_c`."""

TEST_SOURCE: Final = OWN + "test"
"""The source of faults that were raised to see whether the protection works."""


class Severity(IntEnum):
    """How much it matters."""

    INFO = 0
    WARNING = 1
    """It works, less well."""
    CRITICAL = 2
    """It does not work, or must not."""

    @property
    def word(self) -> Literal["info", "warning", "critical"]:
        """Its name for programs and people."""
        return _WORDS[self]


_WORDS: Final[dict[Severity, Literal["info", "warning", "critical"]]] = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "critical",
}


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """One thing that is wrong with a module.

    :ivar code: short and stable, such as ``GROUND_FAULT``
    :ivar source: where it was read, such as ``103.Evt1``; ``hub.temperature_c`` if the hub judged that
    :ivar since: UTC, aware
    :ivar evidence: what it was seen by, for a person
    """

    module: str
    code: str
    source: str
    severity: Severity
    since: datetime
    evidence: str = ""

    @property
    def own(self) -> bool:
        """Whether the hub saw it, and not the module told it."""
        return self.source.startswith(OWN)

    @property
    def test(self) -> bool:
        """Whether it was raised on purpose, to see whether the protection works."""
        return self.source == TEST_SOURCE


@dataclass(frozen=True, slots=True)
class FaultRaised:
    """Something is wrong that was not before."""

    fault: ActiveFault


@dataclass(frozen=True, slots=True)
class FaultCleared:
    """Something is not wrong any more."""

    fault: ActiveFault
    time: datetime


class FaultBook:
    """The faults of all modules: as their readings tell them, and as the hub's protection sees them.

    A module that cannot be read keeps what it said. What the hub saw goes when the hub says so.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._active: dict[str, dict[tuple[str, str], ActiveFault]] = {}
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        """Follow what modules say."""
        self._unsubscribe = [
            self._bus.subscribe(ReadingTaken, lambda event: self._read(event.reading)),
            self._bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key)),
        ]

    def stop(self) -> None:
        """Follow no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    def restore(self, faults: Iterable[ActiveFault]) -> None:
        """Take up what was wrong when a former run ended; nobody is told, and the next reading judges it."""
        for fault in faults:
            self._active.setdefault(fault.module, {})[fault.code, fault.source] = fault

    def raise_fault(self, fault: ActiveFault) -> None:
        """Note what the hub itself has seen."""
        self._active.setdefault(fault.module, {})[fault.code, fault.source] = fault
        self._bus.publish(FaultRaised(fault))

    def clear(self, module: str, code: str, source: str, time: datetime) -> None:
        """Note that the hub sees it no more; nothing happens if it is not there."""
        fault = self._active.get(module, {}).pop((code, source), None)
        if fault is not None:
            self._bus.publish(FaultCleared(fault, time))

    def active(self, module: str) -> tuple[ActiveFault, ...]:
        """Return what is wrong with a module, the oldest first."""
        return tuple(
            sorted(self._active.get(module, {}).values(), key=lambda fault: (fault.since, fault.code))
        )

    def everywhere(self) -> Iterable[ActiveFault]:
        """Yield every active fault of the home."""
        for module in tuple(self._active):
            yield from self.active(module)

    def _read(self, reading: Reading) -> None:
        active = self._active.get(reading.module)
        if not active and not reading.faults:
            return  # nearly every reading of every module
        if active is None:
            active = self._active[reading.module] = {}
        said = [key for key, fault in active.items() if not fault.own]
        told = {(fault.code, fault.source): fault for fault in reading.faults}
        severity = Severity.CRITICAL if reading.state is OperatingState.FAULT else Severity.WARNING
        for key in set(said) - told.keys():
            self._bus.publish(FaultCleared(active.pop(key), reading.time))
        for key in told.keys() - active.keys():
            evidence = f"the module says so in {key[1]}"
            fault = ActiveFault(reading.module, *key, severity, reading.time, evidence)
            active[key] = fault
            self._bus.publish(FaultRaised(fault))

    def _forget(self, module: str) -> None:
        self._active.pop(module, None)
