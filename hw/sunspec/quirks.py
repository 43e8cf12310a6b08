"""What single vendors do otherwise than SunSpec says, by the manufacturer's name in their common model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """Deviations of one vendor."""

    meter_export_positive: bool = False
    """The meter models' power is positive while the home exports."""
    toggle_enable: bool = False
    """A new limit counts only when its enable point goes from 0 to 1."""


_VENDORS = {
    # SolarEdge, "SunSpec Logging in SolarEdge Inverters" 2.5: meter power is positive when exporting.
    "solaredge": Quirks(meter_export_positive=True),
    # Observed on GEN24 firmware: WMaxLim_Ena written 1 while it is 1 keeps the old limit.
    "fronius": Quirks(toggle_enable=True),
}


def quirks_of(vendor: str) -> Quirks:
    """Return what is known of a vendor, by the first word of its name."""
    words = vendor.lower().split()
    return _VENDORS.get(words[0] if words else "", Quirks())
