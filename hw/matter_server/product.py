"""What tells one Matter device from all others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """What a node says of itself in its Basic Information."""

    vendor: str
    product: str
    serial: str
