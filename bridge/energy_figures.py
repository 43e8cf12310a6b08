"""What a module has counted: today, since the home's midnight, and in its life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.telemetry.metrics import ESTIMATED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.telemetry.energy import EnergyTotal


@dataclass(frozen=True, slots=True)
class EnergyFigures:
    """Energies in Wh, all of them magnitudes; None for what was never counted."""

    imported_today_wh: float | None = None
    imported_lifetime_wh: float | None = None
    exported_today_wh: float | None = None
    exported_lifetime_wh: float | None = None
    estimated: bool = False
    """Whether the hub integrated power for one of them, because the device does not count."""


def energy_figures(totals: Iterable[EnergyTotal]) -> EnergyFigures:
    """Return the figures from `Telemetry.energy`. What the device counts comes before what is estimated."""
    by_metric = {each.metric: each for each in totals}
    imported, exported = (
        by_metric.get(name) or by_metric.get(ESTIMATED[name].name)
        for name in ("energy_imported_wh", "energy_exported_wh")
    )
    return EnergyFigures(
        imported_today_wh=imported.today if imported else None,
        imported_lifetime_wh=imported.lifetime if imported else None,
        exported_today_wh=exported.today if exported else None,
        exported_lifetime_wh=exported.lifetime if exported else None,
        estimated=any(each.estimated for each in (imported, exported) if each),
    )
