"""`telemetry.db`: its tables.

Times are UTC, seconds since 1970; a row's `ts` is where its span begins. Quantities are in steps of the
metric's scale. SQLite keeps a REAL that is a whole number as an integer, so most of them take one to four
bytes.

A second of a module is a row of `frame` for a quarter of an hour; then it becomes blocks and rollups. The
tables keyed by (metric, ts) hold a metric's history side by side, which is how it is read.
"""

from __future__ import annotations

from typing import Final

from bridge.telemetry.database import FileKind

LAYERS: Final = ("block", "r60", "r900")
"""Where history is kept, the finest first. `cut.LAYER` in `meta` is up to when it has been removed there."""

_ROLLUP: Final = """CREATE TABLE {name} (
    metric INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    n INTEGER NOT NULL,  -- samples
    mean REAL NOT NULL,
    mn REAL NOT NULL,
    mx REAL NOT NULL,
    delta INTEGER,       -- what a counter counted; NULL for other metrics
    PRIMARY KEY (metric, ts)
) STRICT, WITHOUT ROWID"""

_VERSION_1: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE device (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE metric (
        id INTEGER PRIMARY KEY,
        device INTEGER NOT NULL,
        name TEXT NOT NULL,
        unit TEXT NOT NULL,
        scale INTEGER NOT NULL,      -- decimal exponent: a value is quantity * 10^scale
        counter INTEGER NOT NULL,    -- 1: only counts up
        estimated INTEGER NOT NULL,  -- 1: worked out by the hub
        UNIQUE (device, name)
    ) STRICT""",
    """CREATE TABLE frame_schema (
        id INTEGER PRIMARY KEY,
        device INTEGER NOT NULL,
        layout TEXT NOT NULL,  -- JSON: [[metric, width code, scale], ...]
        UNIQUE (device, layout)
    ) STRICT""",
    """CREATE TABLE frame (
        ts INTEGER NOT NULL,
        device INTEGER NOT NULL,
        schema INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (ts, device)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE block (
        metric INTEGER NOT NULL,
        ts INTEGER NOT NULL,
        n INTEGER NOT NULL,
        enc INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (metric, ts)
    ) STRICT, WITHOUT ROWID""",
    _ROLLUP.format(name="r60"),
    _ROLLUP.format(name="r900"),
    """CREATE TABLE counter_day (
        metric INTEGER NOT NULL,
        day INTEGER NOT NULL,       -- the home's date, as 20260621
        first_ts INTEGER NOT NULL,
        first INTEGER NOT NULL,     -- what the counter showed first on that day
        last_ts INTEGER NOT NULL,
        last INTEGER NOT NULL,
        delta INTEGER NOT NULL,     -- what it counted, resets left out
        PRIMARY KEY (metric, day)
    ) STRICT, WITHOUT ROWID""",
)

TELEMETRY: Final = FileKind(
    application_id=0x4F524554,  # "ORET"
    migrations=(_VERSION_1,),
    pragmas=(
        "journal_mode = WAL",
        "synchronous = NORMAL",
        # A page that changes often is written to the file once in about 16 MB of log.
        "wal_autocheckpoint = 4000",
        "cache_size = -512",
        "temp_store = MEMORY",
        # Debian's SQLite overwrites what is deleted; here that would double what is written.
        "secure_delete = OFF",
    ),
)
