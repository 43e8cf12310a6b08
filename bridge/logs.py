"""Logs that a person can read: one line an event, repeats held back, secrets blacked out.

At a terminal a line begins with the time. Under systemd it begins with the priority that journald understands
(`sd-daemon(3)`), and journald adds the time itself.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.settings import LogLevel

REPEATS: Final = 5
"""Lines from one place of the code that are shown within a period; the others are counted."""
PERIOD: Final = 60.0
KEPT_LINES: Final = 500
"""Lines that are kept in memory, for a support bundle."""
LONGEST_LINE: Final = 400

CONTROLS: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
"""Characters that begin a line or tell a terminal what to do."""

_PRIORITIES: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_SECRETS: Final = (
    # Setup payloads and manual codes give away the passcode.
    (re.compile(r"\bMT:[A-Z0-9.\-]{19,}"), "MT:[redacted]"),
    (
        re.compile(
            r"""(?ix) \b (passcode|password|token|secret|private.?key|enable.?key|ipk|epoch.?key|manual.?code)
            (['"]?\s*[:=]\s*) (?: b?'[^']*' | b?"[^"]*" | [^\s,;)}\]]+ )"""
        ),
        r"\1\2[redacted]",
    ),
)


def redacted(text: str) -> str:
    """Return `text` without what must not be in a log."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class Formatter(logging.Formatter):
    """One line a message; a traceback follows it."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__(
            "%(levelname)s %(name)s: %(message)s" if journal else "%(asctime)s %(levelname)-7s %(message)s",
            "%H:%M:%S",
        )
        self._journal = journal

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the line. What devices and people call things begins no line of its own, nor colours any."""
        record.message = CONTROLS.sub(lambda found: repr(found[0])[1:-1], record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        text = redacted(super().format(record))
        if not self._journal:
            return text
        priority = f"<{_PRIORITIES.get(record.levelname, 5)}>"
        # journald takes each line for itself: all of them need the priority.
        return "\n".join(priority + line for line in text.removeprefix(record.levelname + " ").splitlines())


class RepeatFilter(logging.Filter):
    """Shows the first few lines of one place of the code in a period, and then how many more there were."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._places: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is shown."""
        if record.levelno <= logging.DEBUG:
            return True
        now = self._clock()
        place = (record.pathname, record.lineno, str(record.args) if record.levelno < logging.ERROR else "")
        begun, count = self._places.get(place, (now, 0))
        if now - begun >= PERIOD:
            if count > REPEATS:
                record.msg = f"{record.msg} ({count - REPEATS} more like this in the last minute)"
            begun, count = now, 0
        if len(self._places) > 1000:
            self._places.clear()
        self._places[place] = (begun, count + 1)
        return count < REPEATS


class _Recent(logging.Handler):
    """Keeps the last lines of the log in memory, for whoever helps."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Formatter(journal=False))
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, of a bounded length."""
        self.lines.append(self.format(record)[:LONGEST_LINE])


_recent: Final = _Recent()


def recent_lines() -> list[str]:
    """Return the last lines of the log, the newest last."""
    return list(_recent.lines)


def set_up(level: LogLevel) -> None:
    """Send the process's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(journal=_is_journal()))
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    _recent.filters[:] = [RepeatFilter()]
    root.handlers[:] = [handler, _recent]
    use(level)


def use(level: LogLevel) -> None:
    """Say what is of a level, and what weighs more, from now on."""
    logging.getLogger().setLevel(level.upper())
    # Libraries say at info what only their authors need.
    for name in ("asyncio", "zeroconf", "pymodbus"):
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


def _is_journal() -> bool:
    """Whether standard error is connected to the journal (`systemd.exec(5)`, JOURNAL_STREAM)."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"
