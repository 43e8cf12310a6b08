import csv
import io
import sys

import pytest

from bridge.telemetry.export import ExportError, ParquetFile, columns, csv_header, csv_lines
from bridge.telemetry.metrics import known_metric

SPECS = [known_metric("power_w"), known_metric("energy_imported_wh")]


@pytest.fixture
def rows(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(
        range(noon, noon + 90),
        power_w=lambda time: float(time - noon),
        energy_imported_wh=lambda time: float(time - noon) if time < noon + 60 else None,
    )
    return diary.rows(["power_w", "energy_imported_wh"], noon, noon + 90, "1m")


def test_csv_has_a_line_a_span_with_extremes_and_increases(rows):
    text = csv_header(SPECS) + csv_lines(SPECS, rows)
    assert text == (
        "time,end,power_w,power_w_min,power_w_max,energy_imported_wh,energy_imported_wh_delta\r\n"
        "2026-06-21T10:00:00Z,2026-06-21T10:01:00Z,29.5,0.0,59.0,59.0,59.0\r\n"
        "2026-06-21T10:01:00Z,2026-06-21T10:02:00Z,74.5,60.0,89.0,,\r\n"
    )
    assert [len(line) for line in csv.reader(io.StringIO(text))] == [len(columns(SPECS))] * 3


def test_without_pyarrow_parquet_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"pip install 'ores-bridge\[parquet\]'"):
        ParquetFile(tmp_path / "x.parquet", SPECS)
    assert not (tmp_path / "x.parquet").exists()


def test_parquet_has_the_same_rows(tmp_path, rows):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow (the extra `parquet`) is not installed")
    file = ParquetFile(tmp_path / "x.parquet", SPECS)
    file.write(rows)
    file.write(rows[:1])
    file.close()
    table = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["power_w"] for row in table] == [29.5, 74.5, 29.5]
    assert [row["energy_imported_wh_delta"] for row in table] == [59.0, None, 59.0]
    assert table[0]["time"].isoformat() == "2026-06-21T10:00:00+00:00"
