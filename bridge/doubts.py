"""In what ways a module may not be believed, and since when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bridge.faults import OWN, ActiveFault, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.faults import FaultBook
    from matter_node.clock import Clock


@dataclass(frozen=True, slots=True)
class Doubt:
    """A way of not being believed.

    :ivar lasts_s: how long it must be so first
    :ivar clears_s: how long it must not be so first
    """

    code: str
    source: str
    lasts_s: float
    clears_s: float


GIVES_NOTHING: Final = Doubt("GIVES_NOTHING", OWN + "peers", 120.0, 30.0)
CONTRADICTED: Final = Doubt("CONTRADICTED", OWN + "balance", 60.0, 60.0)
STANDS_STILL: Final = Doubt("STANDS_STILL", OWN + "change", 60.0, 30.0)
CHARGE_WRONG: Final = Doubt("CHARGE_WRONG", OWN + "charge", 10.0, 600.0)
OUT_OF_STEP: Final = Doubt("OUT_OF_STEP", OWN + "steps", 0.0, 0.0)
"""It is counted in steps and not in seconds: see `bridge.step_response`."""
DOUBTS: Final = {
    each.code: each for each in (GIVES_NOTHING, CONTRADICTED, STANDS_STILL, CHARGE_WRONG, OUT_OF_STEP)
}


@dataclass(slots=True)
class _Watch:
    raised: bool = False
    turning: float | None = None
    """Since when it is otherwise than is told; monotonic."""


class DoubtBook:
    """Who is doubted. Raises and clears the faults of it."""

    def __init__(self, faults: FaultBook, clock: Clock, *, haste: float = 1.0) -> None:
        """Take the parts.

        :param haste: by how much sooner than in earnest doubts begin and end, for tests in real time
        """
        self._faults = faults
        self._clock = clock
        self._haste = haste
        self._watches: dict[tuple[str, str], _Watch] = {}

    def start(self) -> None:
        """Take up what a former run doubted."""
        for fault in tuple(self._faults.everywhere()):
            if fault.own and fault.code in DOUBTS:
                self._watches[fault.module, fault.code] = _Watch(raised=True)

    def judge(self, module: str, doubt: Doubt, *, beyond: bool | None, evidence: str = "") -> None:
        """Follow a doubt.

        :param module: its key
        :param beyond: whether it is so now; None when nobody can tell: then it stays as it is told
        """
        watch = self._watches.get((module, doubt.code))
        if watch is None:
            if not beyond:
                return
            watch = self._watches[module, doubt.code] = _Watch()
        if beyond is None or beyond is watch.raised:
            watch.turning = None
            return
        now = self._clock.monotonic()
        if watch.turning is None:
            watch.turning = now
        lasting = doubt.clears_s if watch.raised else doubt.lasts_s
        if now - watch.turning < lasting / self._haste:
            return
        watch.turning, watch.raised = None, not watch.raised
        time = datetime.fromtimestamp(self._clock.utc() or 0.0, UTC)
        if watch.raised:
            self._faults.raise_fault(
                ActiveFault(module, doubt.code, doubt.source, Severity.WARNING, time, evidence)
            )
        else:
            self._faults.clear(module, doubt.code, doubt.source, time)

    def is_raised(self, module: str, doubt: Doubt) -> bool:
        """Tell whether a module is doubted in a way."""
        watch = self._watches.get((module, doubt.code))
        return watch is not None and watch.raised

    def is_doubted(self, module: str) -> bool:
        """Tell whether what a module measures is not believed. That it gives nothing may well be true."""
        return any(self.is_raised(module, each) for each in DOUBTS.values() if each is not GIVES_NOTHING)

    def forget(self, module: str) -> None:
        """Doubt a module that was removed no more; its faults go with it."""
        for name in [each for each in self._watches if each[0] == module]:
            del self._watches[name]


def doubted(faults: Iterable[ActiveFault]) -> ActiveFault | None:
    """Return the fault for which a module is not to be believed, None if there is none."""
    return next((each for each in faults if each.own and each.code in _UNFIT), None)


_UNFIT: Final = frozenset({*DOUBTS, "DATA_IMPLAUSIBLE"})
