"""History as files: CSV, a piece at a time, and Parquet where pyarrow is installed.

Both have one line a span: `time` and `end` (UTC), and for each metric its value and, as `_min` and `_max`,
the extremes within the span; a counter has its last value and, as `_delta`, what it counted in the span.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from bridge.telemetry.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from bridge.telemetry.history import Row
    from bridge.telemetry.metrics import MetricSpec

_GAUGE: Final = ("", "_min", "_max")
_COUNTER: Final = ("", "_delta")


class ExportError(StoreError):
    """The history cannot be exported like this here."""


def columns(specs: Sequence[MetricSpec]) -> list[str]:
    """Return the names of the columns."""
    return [
        "time",
        "end",
        *(spec.name + suffix for spec in specs for suffix in (_COUNTER if spec.counter else _GAUGE)),
    ]


def values(specs: Sequence[MetricSpec], row: Row) -> Iterator[float | None]:
    """Yield the numbers of a row, in the order of the columns, rounded to a digit more than is kept."""
    for spec, point in zip(specs, row.points, strict=True):
        if point is None:
            yield from (None,) * len(_COUNTER if spec.counter else _GAUGE)
        elif spec.counter:
            yield point.maximum
            yield point.delta
        else:
            yield round(point.mean, 1 - spec.scale) if point.n > 1 else point.mean
            yield point.minimum
            yield point.maximum


def csv_header(specs: Sequence[MetricSpec]) -> str:
    """Return the first line."""
    return _lines([columns(specs)])


def csv_lines(specs: Sequence[MetricSpec], rows: Iterable[Row]) -> str:
    """Return the lines of some rows. What is not known is empty."""
    return _lines([_time(row.start), _time(row.end), *values(specs, row)] for row in rows)


def _lines(table: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(table)  # RFC 4180
    return text.getvalue()


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class BinaryFile(Protocol):
    """What Parquet is written to, from its beginning to its end."""

    def write(self, data: bytes, /) -> int:
        """Take bytes, all of them."""

    def tell(self) -> int:
        """Return how many there were."""


class ParquetFile:
    """A Parquet file that is written some rows at a time, each time a row group."""

    def __init__(self, file: Path | BinaryFile, specs: Sequence[MetricSpec]) -> None:
        """Begin the file, at a path or in what is open. Raise ExportError without pyarrow, OSError."""
        try:
            import pyarrow as pa  # large, and not every hub has it
            import pyarrow.parquet as pq
        except ImportError:
            raise ExportError(
                "Parquet needs pyarrow: pip install 'ores-bridge[parquet]', or export CSV"
            ) from None
        self._specs = specs
        self._pa: Any = pa
        moment = pa.timestamp("s", tz="UTC")
        names = columns(specs)
        self._schema: Any = pa.schema(
            [(name, moment) for name in names[:2]] + [(name, pa.float64()) for name in names[2:]]
        )
        self._writer: Any = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows. Raise OSError."""
        numbers = zip(*([row.start, row.end, *values(self._specs, row)] for row in rows), strict=True)
        arrays = [
            self._pa.array(column, field.type) for column, field in zip(numbers, self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.table(arrays, schema=self._schema))

    def close(self) -> None:
        """Write what belongs at the end. Raise OSError."""
        self._writer.close()
