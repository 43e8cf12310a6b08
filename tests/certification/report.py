"""The table: one line for each test that ran, that does not apply, or that is not run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BAD = frozenset({"fail", "error", "timeout"})
VERDICTS = ("pass", "fail", "error", "timeout", "skip", "fault", "not applicable", "not run")


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    :ivar name: test, with `@endpoint` and `.method` where there are several
    :ivar verdict: pass; fail, error (the script broke), timeout; skip (the script itself found that it does
        not apply); fault (the script or the controller is at fault, with proof); not applicable (the hub
        lacks what the script asks for); not run (outside of what is tested, with the reason)
    """

    name: str
    verdict: str
    seconds: float
    note: str
    about: str


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Return how often each verdict is there."""
    return {
        verdict: number for verdict in VERDICTS if (number := sum(row.verdict == verdict for row in rows))
    }


def headline(rows: Sequence[Row]) -> str:
    """Return the counts in words."""
    return ", ".join(f"{number} {verdict}" for verdict, number in counts(rows).items())


def write(path: Path, rows: Sequence[Row], revision: str) -> None:
    """Write `path`.md and `path`.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "specification": "1.4.2",
        "checkout": revision,
        "counts": counts(rows),
        "rows": [asdict(row) for row in rows],
    }
    path.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    lines = ["| Test | Verdict | What it looks at, or why it is not passed |", "|---|---|---|"]
    lines += [_line(group) for group in _groups(rows)]
    path.with_suffix(".md").write_text(
        f"Matter 1.4.2, connectedhomeip {revision}: {headline(rows)}.\n\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Put together the endpoints of a test that say the same, and the tests that one reason keeps out."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        name = "" if row.verdict == "not run" else row.name.partition("@")[0]
        groups.setdefault((name, row.verdict, row.note), []).append(row)
    return list(groups.values())


def _line(group: Sequence[Row]) -> str:
    first = group[0]
    if first.verdict == "not run" or len(group) == 1:
        return f"| {', '.join(row.name for row in group)} | {first.verdict} | {_cell(first)} |"
    name = first.name.partition("@")[0]
    return f"| {name} | {first.verdict} on {len(group)} endpoints | {_cell(first)} |"


def _cell(row: Row) -> str:
    text = "; ".join(part for part in (row.about, row.note) if part)
    return text.replace("|", "\\|").replace("\n", " ")
