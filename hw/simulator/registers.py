"""SunSpec register maps, laid out and encoded by pysunspec2's own model objects.

The driver under test has a decoder of its own, so the two check each other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunspec2 import mb
from sunspec2.device import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = 40000
END = (0xFFFF, 0)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a point lives in the map, and how it is written."""

    offset: int
    """In registers from the map's first."""
    size: int
    type: str
    exponent: int
    writable: bool

    def encode(self, value: float | str | None) -> list[int]:
        """Return the registers of a value in the point's unit; None is "not implemented"."""
        if value is None:
            data = mb.create_unimpl_value(self.type, len=self.size * 2)
        elif isinstance(value, str) or self.type.startswith("float"):
            data = mb.point_type_info[self.type].to_data(value, self.size * 2)
        else:
            data = mb.point_type_info[self.type].to_data(round(value / 10**self.exponent), self.size * 2)
        return list(struct.unpack(f">{self.size}H", data))

    def decode(self, registers: Sequence[int]) -> float:
        """Return the value of a numeric point in its unit, with no regard to "not implemented"."""
        data = struct.pack(f">{self.size}H", *registers[self.offset : self.offset + self.size])
        value: float = mb.point_type_info[self.type].data_to(data)
        factor: int = 10 ** abs(self.exponent)
        return value * factor if self.exponent >= 0 else value / factor


class Layout:
    """The map of one kind of device: what its registers hold at first, and where each point is.

    Points are called `101.W`, and in a repeated group `160.module.1.DCW`.
    """

    def __init__(self, models: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """`models`: ids with their points' values, scale factors among them, unscaled."""
        registers = list(struct.unpack(">2H", b"SunS"))
        self.slots: dict[str, Slot] = {}
        self.models: dict[int, int] = {}
        """Offsets of the models by id."""
        for number, values in models:
            model = Model(model_id=number, data=values)
            if model.error_info:
                raise ValueError(model.error_info)
            self.models[number] = len(registers)
            self._collect(f"{number}", model, len(registers))
            data = model.get_mb()
            registers.extend(struct.unpack(f">{len(data) // 2}H", data))
        self.registers = (*registers, *END)
        by_register: dict[int, str] = {}
        for name, slot in self.slots.items():
            by_register.update(dict.fromkeys(range(slot.offset, slot.offset + slot.size), name))
        self.by_register = by_register

    def _collect(self, prefix: str, group: Any, base: int) -> None:
        for name, point in group.points.items():
            exponent = 0
            if point.sf_required:
                # Reading the computed value resolves the scale factor.
                _ = point.cvalue
                factor = group.points.get(point.sf) or point.model.points.get(point.sf)
                exponent = factor.value if factor is not None and factor.value is not None else 0
            self.slots[f"{prefix}.{name}"] = Slot(
                offset=base + point.offset,
                size=int(point.len),
                type=point.pdef["type"],
                exponent=exponent,
                writable=point.pdef.get("access") == "RW",
            )
        for name, inner in group.groups.items():
            for index, member in enumerate(inner if isinstance(inner, list) else [inner], 1):
                self._collect(f"{prefix}.{name}.{index}", member, base)
