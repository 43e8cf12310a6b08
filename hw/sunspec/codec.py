"""Registers to values, by the SunSpec Alliance's own model definitions.

Definitions (names, offsets, types, scale factors, symbols) and the conversion of each point type come from
pysunspec2. Its `Model` objects are not used: they hold an object per point and decode every point of a model,
though a reading needs about twenty. A `View` decodes a point when it is asked for it, and one compiled
definition serves every device.

Source: SunSpec Device Information Model Specification 1.1, sections 4 (points) and 5 (groups).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sunspec2
from sunspec2 import mb

if TYPE_CHECKING:
    from collections.abc import Iterator

SCALE_FACTOR_LIMIT = 10
"""Scale factors are -10 to 10 (section 4.2.8); devices send others while they wake up or fall asleep."""

Number = int | float

_CORRECTIONS = {
    # pysunspec2 1.3 gives this bit field the two values of an enumeration; the published model has one bit,
    # and devices set it while they are connected.
    (122, "ECPConn"): ({"name": "CONNECTED", "value": 0},),
}
"""Symbols by model and point where the packaged definition is wrong."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a group."""

    name: str
    type: str
    offset: int
    """In registers from the start of its group."""
    size: int
    """In registers."""
    scale: str | int | None
    """Name of the scale factor point, or a fixed exponent."""
    writable: bool
    symbols: dict[int, str] = field(default_factory=dict)
    """Names of an enumeration's values, or of a bit field's bits by their number."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of points, perhaps repeated, with the groups that follow its points."""

    name: str
    count: int | str | None
    """None: once. A name: as often as that point says. 0: as often as the model's length has room for."""
    points: dict[str, Point]
    groups: tuple[Group, ...]
    size: int
    """Registers of its own points."""


def _compile(source: dict[str, Any]) -> Group:
    points: dict[str, Point] = {}
    offset = 0
    for entry in source["points"]:
        kind = entry["type"]
        size = int(entry.get("size") or mb.point_type_info[kind].len)
        scale = entry.get("sf")
        points[entry["name"]] = Point(
            name=entry["name"],
            type=kind,
            offset=offset,
            size=size,
            scale=scale if scale is None or isinstance(scale, int) else _exponent(scale),
            writable=entry.get("access") == "RW",
            symbols={int(symbol["value"]): symbol["name"] for symbol in entry.get("symbols", ())},
        )
        offset += size
    count = source.get("count")
    return Group(
        name=source["name"],
        count=int(count) if isinstance(count, str) and count.isdigit() else count,
        points=points,
        groups=tuple(_compile(group) for group in source.get("groups", ())),
        size=offset,
    )


def _exponent(text: str) -> str | int:
    return int(text) if text.lstrip("-").isdigit() else text


@cache
def definition(model: int) -> Group | None:
    """Return the definition of a model, None when the Alliance has published none (a vendor's own model)."""
    path = Path(sunspec2.__file__).parent / "models" / "json" / f"model_{model}.json"
    if not path.is_file():
        return None
    source = json.loads(path.read_text(encoding="utf-8"))["group"]
    for point in source["points"]:
        point["symbols"] = _CORRECTIONS.get((model, point["name"]), point.get("symbols", ()))
    return _compile(source)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


class View:
    """The points of one group in a block of registers; decodes what it is asked for.

    A point that the device does not implement (its type's "not implemented" value), that lies in a hole or
    beyond the length that the device gave, or whose scale factor is missing or garbage reads None.
    """

    __slots__ = ("_data", "_holes", "_offset", "group", "parent")

    def __init__(
        self,
        group: Group,
        data: bytes,
        holes: frozenset[int] = frozenset(),
        *,
        offset: int = 0,
        parent: View | None = None,
    ) -> None:
        self.group = group
        self._data = data
        self._holes = holes
        self._offset = offset
        self.parent = parent

    def __contains__(self, name: str) -> bool:
        return name in self.group.points

    def __iter__(self) -> Iterator[Point]:
        return iter(self.group.points.values())

    def octets(self, name: str) -> bytes | None:
        """Return the registers of a point as they came, None when they did not."""
        point = self.group.points[name]
        start = self._offset + point.offset
        if self._holes and not self._holes.isdisjoint(range(start, start + point.size)):
            return None
        chunk = self._data[start * 2 : (start + point.size) * 2]
        return chunk if len(chunk) == point.size * 2 else None

    def raw(self, name: str) -> Any:
        """Return the value of a point unscaled, as pysunspec2's codec has it."""
        octets = self.octets(name)
        if octets is None:
            return None
        info = mb.point_type_info[self.group.points[name].type]
        value = info.data_to(octets)
        return value if info.is_impl(value) else None

    def number(self, name: str) -> Number | None:
        """Return the value of a numeric point in its unit, scale factor applied."""
        value = self.raw(name)
        if value is None:
            return None
        scale = self.group.points[name].scale
        if scale is None:
            return float(value) if isinstance(value, float) and math.isfinite(value) else _whole(value)
        exponent = scale if isinstance(scale, int) else self._scale_factor(scale)
        if exponent is None:
            return None
        # Dividing by a power of ten rounds correctly; multiplying by 0.1 does not.
        factor: int = 10 ** abs(exponent)
        return int(value) * factor if exponent >= 0 else int(value) / factor

    def _scale_factor(self, name: str) -> int | None:
        view: View | None = self
        while view is not None:
            if name in view.group.points:
                value = view.raw(name)
                return value if value is not None and abs(value) <= SCALE_FACTOR_LIMIT else None
            view = view.parent
        return None

    def exponent(self, name: str) -> int | None:
        """Return the power of ten that a point's registers are counted in, None when it is garbage."""
        scale = self.group.points[name].scale
        if scale is None:
            return 0
        return scale if isinstance(scale, int) else self._scale_factor(scale)

    def text(self, name: str) -> str | None:
        """Return a string point without its padding; None when it is empty."""
        octets = self.octets(name)
        # pysunspec2's own conversion raises on octets that are not UTF-8 and keeps what follows a NUL.
        return (octets or b"").split(b"\0", 1)[0].decode("utf-8", "replace").strip() or None

    def symbol(self, name: str) -> str | None:
        """Return the name of an enumeration's value; a value that has none reads `VALUE_<n>`."""
        value = self.raw(name)
        if value is None:
            return None
        return self.group.points[name].symbols.get(value, f"VALUE_{value}")

    def bits(self, name: str) -> tuple[str, ...]:
        """Return the names of the bits set in a bit field; a bit that has none reads `BIT_<n>`."""
        value = self.raw(name) or 0
        symbols = self.group.points[name].symbols
        return tuple(
            symbols.get(bit, f"BIT_{bit:02d}") for bit in range(value.bit_length()) if value >> bit & 1
        )

    def groups(self, name: str) -> list[View]:
        """Return the repetitions of a group that follows the points; as many as there are registers for."""
        offset = self._offset + self.group.size
        for group in self.group.groups:
            views, offset = self._repetitions(group, offset)
            if group.name == name:
                return views
        raise KeyError(name)

    def _repetitions(self, group: Group, offset: int) -> tuple[list[View], int]:
        room = len(self._data) // 2
        count = self._count(group, room - offset)
        views: list[View] = []
        while len(views) < count and offset + group.size <= room:
            view = View(group, self._data, self._holes, offset=offset, parent=self)
            views.append(view)
            end = view._end()
            if end <= offset:
                break
            offset = end
        return views, offset

    def _count(self, group: Group, room: int) -> int:
        if group.count is None:
            return 1
        if isinstance(group.count, int):
            return group.count or room // max(group.size, 1)
        view: View | None = self
        while view is not None:
            if group.count in view.group.points:
                return view.raw(group.count) or 0
            view = view.parent
        return 0

    def _end(self) -> int:
        offset = self._offset + self.group.size
        for group in self.group.groups:
            _, offset = self._repetitions(group, offset)
        return offset


def boundaries(group: Group, length: int) -> list[int]:
    """Return the register offsets where points begin or end in a block of `length` registers, ascending.

    A block may be read in pieces cut there and nowhere else. The last is where what the definition knows
    ends; repeated groups are taken as far as the length goes.
    """
    cuts = {0}
    for point in group.points.values():
        cuts.add(point.offset)
    cuts.add(group.size)
    offset = group.size
    pending = list(group.groups)
    while pending and offset < length:
        inner = pending[0]
        for point in inner.points.values():
            cuts.add(offset + point.offset)
        offset += inner.size
        cuts.add(offset)
        if inner.groups:
            pending[1:1] = inner.groups
        if inner.count is None or inner.groups or inner.size == 0:
            pending.pop(0)
    return sorted(cut for cut in cuts if cut <= length)
