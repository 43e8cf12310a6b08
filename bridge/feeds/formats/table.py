"""Our own format, of a file or of a server of one's own: a table in CSV or JSON.

CSV, with commas or semicolons, has a line of names, then one line a value. Columns are `start`, `end` if the
spans are of unlike lengths, the quantity (`price` or `co2`), and `export_price` where feeding in has a price
of its own. JSON has the same names in the objects of a list `values`, and may say its `unit`. Times are in
RFC 3339; without an offset they are those of clocks in the home, which show an hour twice on the day on which
they are put back.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.feeds.formats.strict import (
    FormatError,
    held,
    instant,
    later,
    loaded,
    member,
    number,
    series,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series, Span

_UNITS: Final = {
    # a quantity: what its units are in prices per kWh, or in kg per kWh
    "price": {"/kwh": 1.0, "/mwh": 1e-3},
    "co2": {"kg/kwh": 1.0, "g/kwh": 1e-3, "kg/mwh": 1e-3, "t/mwh": 1.0},
}
_HIGHEST_KG: Final = 5.0
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d*)?([eE][+-]?\d{1,3})?", re.ASCII)
"""With a point or, as spreadsheets of many countries write it, a comma."""


def parse(body: bytes, asked: Asked) -> dict[str, Series]:
    """Return the quantity, and what feeding in is paid where that is said. Raise FormatError."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        found = loaded(body)
        rows = member(found, "values", list)
        factor = _factor(found.get("unit"), asked)
    else:
        rows, factor = _lines(body), 1.0
    for each in rows:
        if not isinstance(each, dict):
            raise FormatError("each of values is an object")
        if unknown := sorted(set(each) - {"start", "end", asked.row, "export_price"}):
            raise FormatError(f"there is no such column: {unknown[0]!r}")
    begins = _begins([each.get("start") for each in rows], asked)
    told = {asked.row: _spans(rows, begins, asked.row, factor, asked)}
    if asked.row == "price" and any("export_price" in each for each in rows):
        told["export_price"] = _spans(rows, begins, "export_price", factor, asked)
    return {name: series(spans) for name, spans in told.items()}


def query(_: Asked) -> dict[str, str]:
    """Return nothing: the address says it all."""
    return {}


def _lines(body: bytes) -> list[dict[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("the table is not UTF-8") from error
    separator = ";" if ";" in text.partition("\n")[0] else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise FormatError(f"the table is no CSV ({error})") from error
    lines = [line for line in lines if line]
    if not lines:
        raise FormatError("the table is empty")
    names = [name.strip() for name in lines[0]]
    if "start" not in names:
        raise FormatError(
            f"the first line names the columns, among them start; it is {','.join(names)[:60]!r}"
        )
    rows = []
    for count, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            raise FormatError(f"line {count} has {len(line)} columns where {len(names)} are named")
        cells = dict(zip(names, (cell.strip() for cell in line), strict=True))
        rows.append(
            {name: cell if name in {"start", "end"} else _cell(name, cell) for name, cell in cells.items()}
        )
    return rows


def _cell(name: str, cell: str) -> float | None:
    if not cell:
        return None
    if _NUMBER.fullmatch(cell) is None:
        raise FormatError(f"{name} is {cell[:30]!r}, which is no number")
    return float(cell.replace(",", "."))


def _factor(unit: object, asked: Asked) -> float:
    if unit is None:
        return 1.0
    text = str(unit).replace(" ", "").lower()
    for ending, factor in _UNITS[asked.row].items():
        if text.endswith(ending) and (asked.row == "price" or text == ending):
            named = text.removesuffix(ending)
            if asked.row == "price" and named and named != asked.currency.lower():
                raise FormatError(
                    f"prices are in {named[:10]}, and the tariff's currency is {asked.currency}"
                )
            return factor
    known = ", ".join(_UNITS[asked.row])
    raise FormatError(f"the unit is {str(unit)[:30]!r}; it ends in one of {known}")


def _begins(times: Sequence[object], asked: Asked) -> list[int]:
    """Return when each value begins; of two equal local times in a row the second is an hour later."""
    zone, seen = asked.zone, set[int]()
    begins = []
    for each in times:
        begin = instant("start", each, zone)
        if begin in seen:
            begin = later(begin, zone)
        seen.add(begin)
        begins.append(begin)
    return begins


def _spans(
    rows: list[dict[str, Any]], begins: Sequence[int], name: str, factor: float, asked: Asked
) -> list[Span]:
    values: list[tuple[int, float | None]] = []
    ends: dict[int, int] = {}
    for row, begin in zip(rows, begins, strict=True):
        if row.get(name) is None:
            values.append((begin, None))
            continue
        value = number(name, row[name]) * factor
        if asked.row == "price":
            value = asked.price(value)
        elif not 0 <= value <= _HIGHEST_KG:
            raise FormatError(f"{value:g} kg of CO2 per kWh is refused: 0 to {_HIGHEST_KG:g} can be meant")
        values.append((begin, value))
        if row.get("end") not in {None, ""}:
            ends[begin] = instant("end", row["end"], asked.zone)
    return [(begin, ends.get(begin, end), value) for begin, end, value in held(name, values)]
