from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.telemetry.compaction import compact
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.history import History
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import resolution
from bridge.telemetry.store import Store
from hw.module import Capabilities
from hw.reading import Reading

BERLIN = ZoneInfo("Europe/Berlin")
COUNTS = Capabilities(imported_energy=True, exported_energy=True)


class Diary:
    """A store in which a test writes down what modules measured, and reads it back."""

    def __init__(self, path, zone=BERLIN):
        self.path = path
        self.zone = zone
        self.store = Store(path, zone)
        self.pending = []
        self._makers = {}

    def frame(self, time, module="m", capabilities=COUNTS, **values):
        maker = self._makers.setdefault(module, FrameMaker())
        return maker.frame(
            Reading(module=module, time=datetime.fromtimestamp(time, UTC), **values), capabilities
        )

    def write(self, times, module="m", **values):
        """Commit a frame a time; a value is the same at all times, or a function of the time."""
        self.store.commit(
            [
                self.frame(
                    time,
                    module,
                    **{name: value(time) if callable(value) else value for name, value in values.items()},
                )
                for time in times
            ]
        )

    def compact(self, now=2**35):
        for _ in compact(self.store, now):
            pass

    def reader(self):
        return Reader(self.path, lambda module: [each for each in self.pending if each.module == module])

    def rows(self, metrics, start, end, name, module="m"):
        with self.reader() as reader:
            found = reader.find(module, metrics)
            span = resolution(name, start, end, self.zone)
            return [
                row for chunk in History(reader, module, found, start, end, span).chunks() for row in chunk
            ]

    def points(self, metric, start, end, name, module="m"):
        """Return the points of one metric by their start."""
        return {row.start: row.points[0] for row in self.rows([metric], start, end, name, module)}

    def query(self, statement, *values):
        with self.store.connection() as connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture
def diary(tmp_path):
    diary = Diary(tmp_path / "telemetry.db")
    yield diary
    diary.store.close()


@pytest.fixture(scope="session")
def new_diary():
    """Make a diary at a path, in a time zone."""
    return Diary


@pytest.fixture(scope="session")
def at():
    """Return a local time of Berlin as UTC seconds: at(2026, 6, 21, 12)."""

    def at(*values, zone=BERLIN):
        return int(datetime(*values, tzinfo=zone).timestamp())

    return at
