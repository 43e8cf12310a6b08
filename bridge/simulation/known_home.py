"""What a hub knows of its home, read from what it keeps: what a simulation of it begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.choices import POLICY_KEY, Policy
from bridge.flows import GRID_ROLE
from bridge.planner.past import past
from bridge.planner.question import Recorded
from bridge.record import ModuleRecord
from bridge.state_file import ReadOnlyStorage
from hw.module import ModuleKind

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.planner.past import Past


@dataclass(frozen=True, slots=True)
class KnownHome:
    """What the registered modules are rated for, and what the residents chose.

    :ivar battery_kwh: of all batteries together, None if none says so; like the powers
    """

    records: tuple[ModuleRecord, ...]
    policy: Policy | None

    @classmethod
    def read(cls, state: Path) -> KnownHome:
        """Read a hub's state file. Raise StateError."""
        storage = ReadOnlyStorage(state)
        records = tuple(ModuleRecord.from_json(value) for _, value in storage.scan("module/"))
        chosen = storage.get(POLICY_KEY)
        known = {policy.value.encode(): policy for policy in Policy}
        return cls(records, None if chosen is None else known.get(chosen))

    @property
    def battery_kwh(self) -> float | None:
        """What all batteries hold together; None if none of them says so."""
        return self._sum(ModuleKind.BATTERY, "capacity_wh")

    @property
    def battery_kw(self) -> float | None:
        """What all batteries discharge with together."""
        return self._sum(ModuleKind.BATTERY, "discharge_power_w") or self._sum(ModuleKind.BATTERY, "power_w")

    @property
    def solar_kwp(self) -> float | None:
        """What all inverters are rated for."""
        return self._sum(ModuleKind.MICROINVERTER, "power_w")

    def past(self, telemetry: Path, now: int, days: int) -> Past:
        """Return what was recorded of the last days; what cannot be read is a gap."""
        meters = [each for each in self._of(ModuleKind.METER) if each.role in {"", GRID_ROLE}]
        named = [each for each in meters if each.role == GRID_ROLE] or meters
        solar, storage = (
            tuple(each.key for each in self._of(kind))
            for kind in (ModuleKind.MICROINVERTER, ModuleKind.BATTERY)
        )
        recorded = Recorded(str(telemetry), tuple(each.key for each in named[:1]), solar, storage)
        return past(recorded, now, days)

    def _of(self, kind: ModuleKind) -> list[ModuleRecord]:
        return [each for each in self.records if each.kind is kind]

    def _sum(self, kind: ModuleKind, what: str) -> float | None:
        """Return a rating of all modules of a kind, in thousands; None if it is unknown."""
        values = [value for each in self._of(kind) if (value := getattr(each.nameplate, what))]
        return sum(values) / 1000 if values else None
