"""Origins: whoever carries commands out for fabrics hears when one of these is gone."""

from __future__ import annotations

from typing import Protocol


class FabricOrigins(Protocol):
    """Carries out what fabrics want, and knows which of them wanted what.

    A fabric index of 0 stands for a commissioner that has no fabric yet.
    """

    def fabric_removed(self, fabric_index: int) -> None:
        """Let go of everything that a fabric wanted: it is gone, and its index may become another one's."""


def tell_removed(fabric_index: int, *carriers: FabricOrigins | None) -> None:
    """Tell each of the carriers once that a fabric is gone; one may carry several things out."""
    told: list[FabricOrigins] = []
    for carrier in carriers:
        if carrier is not None and all(carrier is not other for other in told):
            told.append(carrier)
            carrier.fabric_removed(fabric_index)
