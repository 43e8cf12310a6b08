"""The last plan, kept over restarts: it is in force again before there is a new one."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.planner.plan import HomePlan, with_plan
from bridge.planner.plan_step import steps_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.storage import Storage

MOST_BYTES: Final = 256 * 1024
"""Of a plan as it is stored, compressed; one for four batteries has about 20 kB."""
_MOST_TEXT: Final = 16 * 1024 * 1024
_KEY: Final = "plan"
_LEVEL: Final = 1
_WINDOW_BITS: Final = 13
_MEMORY_LEVEL: Final = 6
"""Of `zlib.compressobj`: with these it takes 64 kB in place of 256, and packs as well: steps are alike."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that was in force.

    :ivar made: UTC, seconds since 1970
    :ivar trigger: why, a value of `bridge.planner.planner.Trigger`
    """

    plan: HomePlan
    made: float
    trigger: str


class PlanKeeper:
    """Keeps the last plan in the state file."""

    def __init__(self, storage: Storage, *settings: object) -> None:
        """Keep a plan.

        :param settings: dataclasses of settings that a plan is made by; one made by others is no longer valid
        """
        self._storage = storage
        self.use(*settings)

    def use(self, *settings: object) -> None:
        """Go by other settings from now on."""
        self._settings = [repr(each) for each in settings]

    def keep(self, kept: KeptPlan, *circumstances: Iterable[str] | str) -> None:
        """Store a plan. A full disk hinders no plan.

        :param circumstances: under which it was made, such as its batteries; under others it is not valid
        """
        data = b"".join(self._packed(kept, self._basis(circumstances)))
        try:
            if len(data) > MOST_BYTES:
                _log.warning("the plan is too long to be kept over a restart")
                self._storage.delete(_KEY)
            else:
                self._storage.put(_KEY, data)
        except OSError as error:
            _log.error("the plan cannot be kept over a restart: %s", error)

    def kept(self, *circumstances: Iterable[str] | str) -> KeptPlan | None:
        """Return the plan that was kept; None when there is none, or not under these circumstances."""
        data = self._storage.get(_KEY)
        if data is None:
            return None
        try:
            values: dict[str, Any] = json.loads(
                zlib.decompressobj().decompress(data, _MOST_TEXT), object_hook=steps_written
            )
            if values["basis"] != self._basis(circumstances):
                return None
            return KeptPlan(
                HomePlan.from_values(values["plan"]), float(values["made"]), str(values["trigger"])
            )
        except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
            _log.warning("the plan that was kept cannot be read: %r", error)
            return None

    @staticmethod
    def _packed(kept: KeptPlan, basis: str) -> Iterator[bytes]:
        """Yield what is stored, piece by piece: a plan as one text would take more memory than the plan."""
        packing = zlib.compressobj(_LEVEL, wbits=_WINDOW_BITS, memLevel=_MEMORY_LEVEL)
        about = {"basis": basis, "made": kept.made, "trigger": kept.trigger}
        for piece in with_plan(about, kept.plan):
            yield packing.compress(piece.encode())
        yield packing.flush()

    def _basis(self, circumstances: tuple[Iterable[str] | str, ...]) -> str:
        told = [each if isinstance(each, str) else sorted(each) for each in circumstances]
        return hashlib.sha256(json.dumps([self._settings, told]).encode()).hexdigest()
