"""Where each key of a TOML document stands: `tomllib` finds the values, this finds their lines and columns.

The document is known to be valid (tomllib read it), so the scanner only has to keep keys apart from values.
Grammar: TOML 1.0.0, https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Keys and array indices from the top of the document to a value."""
Position = tuple[int, int]
"""Line and column, both counted from 1."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART: Final = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_DOT: Final = re.compile(r"[ \t]*\.[ \t]*")
_SCALAR: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\r\n]+",
    re.DOTALL,
)


def positions(document: str) -> dict[Path, Position]:
    """Return where each key, table and array element of a valid document begins."""
    return _Scanner(document).found


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._array_lengths: dict[Path, int] = {}
        self.found: dict[Path, Position] = {}
        self._document()

    def _document(self) -> None:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                start, keys = self._key()
                path = self._resolve(keys[:-1]) + keys[-1:]
                index = self._array_lengths.get(path, 0)
                self._array_lengths[path] = index + 1
                table = (*path, index)
                self._note_all((), table, start)
                self._skip_to("]", 2)
            elif self._text[self._at] == "[":
                self._at += 1
                start, keys = self._key()
                table = self._resolve(keys)
                self._note_all((), table, start)
                self._skip_to("]", 1)
            else:
                self._pair(table)
            self._skip_blank()

    def _pair(self, table: Path) -> None:
        start, keys = self._key()
        path = table + keys
        self._note_all(table, path, start)
        self._skip_to("=", 1)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        opening = self._text[self._at]
        if opening not in "[{":
            match = _SCALAR.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            return
        self._at += 1
        index = 0
        while True:
            self._skip_blank()
            if self._text[self._at] in "]}":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
            elif opening == "{":
                self._pair(path)
            else:
                self._note((*path, index), self._at)
                self._value((*path, index))
                index += 1

    def _key(self) -> tuple[int, Path]:
        """Read a dotted key; return where it starts and its parts."""
        self._skip_blank()
        start = self._at
        parts: list[str] = []
        while True:
            match = _KEY_PART.match(self._text, self._at)
            assert match is not None
            part = match.group()
            # A quoted key is a TOML string: let tomllib take its escapes apart.
            parts.append(part if part[0] not in "\"'" else str(tomllib.loads(f"x={part}")["x"]))
            self._at = match.end()
            dot = _DOT.match(self._text, self._at)
            if dot is None:
                return start, tuple(parts)
            self._at = dot.end()

    def _resolve(self, keys: Path) -> Path:
        """Turn the keys of a header into a path: an array of tables stands for its last element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._array_lengths:
                path = (*path, self._array_lengths[path] - 1)
        return path

    def _note_all(self, above: Path, path: Path, start: int) -> None:
        for length in range(len(above) + 1, len(path) + 1):
            self._note(path[:length], start)

    def _note(self, path: Path, start: int) -> None:
        if path not in self.found:
            line_start = self._text.rfind("\n", 0, start) + 1
            self.found[path] = (self._text.count("\n", 0, start) + 1, start - line_start + 1)

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _skip_to(self, character: str, count: int) -> None:
        for _ in range(count):
            self._at = self._text.index(character, self._at) + 1


def paths(value: object, above: Path = ()) -> list[Path]:
    """Return the path of everything inside a parsed document."""
    found: list[Path] = []
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        mapping: Mapping[str, object] = value
        items = list(mapping.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        found.append((*above, key))
        found.extend(paths(inner, (*above, key)))
    return found
