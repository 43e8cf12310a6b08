"""Qualities, access and privileges, written as the specification's tables write them.

``"N S"`` is nonvolatile and part of a scene (Matter Core 7.7), ``"RW VM"`` is readable with View and writable
with Manage, ``"RW F A"`` is fabric-scoped and needs Administer for both (Matter Core 7.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache


class Privilege(IntEnum):
    """Access privileges in ascending order (Matter Core 9.10.5.1)."""

    VIEW = 1
    PROXY_VIEW = 2
    OPERATE = 3
    MANAGE = 4
    ADMINISTER = 5


class Quality(IntFlag):
    """Other qualities of an attribute (Matter Core 7.7)."""

    NONE = 0
    NULLABLE = 1
    """X: the value may be null."""
    NONVOLATILE = 2
    """N: the value survives a restart."""
    FIXED = 4
    """F: the value does not change while the node runs."""
    SCENE = 8
    """S: the value is part of a scene."""
    CHANGES_OMITTED = 16
    """C: a change is not reported to subscriptions."""
    QUIETER = 32
    """Q: changes are reported on the cluster's own terms."""
    ATOMIC = 64
    """T: writes need an atomic write request."""
    LARGE = 128
    """L: data may exceed one message; needs a stream transport."""
    SINGLETON = 256
    """I: on one endpoint of a node only."""
    DIAGNOSTICS = 512
    """K: belongs to diagnostics; wildcards may leave it out."""


_QUALITY_LETTERS = {
    "X": Quality.NULLABLE,
    "N": Quality.NONVOLATILE,
    "F": Quality.FIXED,
    "S": Quality.SCENE,
    "C": Quality.CHANGES_OMITTED,
    "Q": Quality.QUIETER,
    "T": Quality.ATOMIC,
    "L": Quality.LARGE,
    "I": Quality.SINGLETON,
    "K": Quality.DIAGNOSTICS,
    "P": Quality.NONE,  # reportable or provisional, by the table's age: changes nothing here
}

_PRIVILEGE_LETTERS = {
    "V": Privilege.VIEW,
    "O": Privilege.OPERATE,
    "M": Privilege.MANAGE,
    "A": Privilege.ADMINISTER,
}


@cache
def parse_quality(text: str) -> Quality:
    """Return the qualities named by letters such as ``"X N"``; KeyError for a letter there is none of."""
    quality = Quality.NONE
    for letter in text.replace(" ", ""):
        quality |= _QUALITY_LETTERS[letter]
    return quality


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with an element.

    :ivar read: privilege needed to read, None if it can't be read
    :ivar write: privilege needed to write (or, for a command, to invoke), None if it can't be written
    :ivar fabric_scoped: its data belong to fabrics (F, S)
    :ivar fabric_sensitive: data of other fabrics are not shown at all (S)
    :ivar timed: writing or invoking needs a timed interaction (T)
    """

    read: Privilege | None
    write: Privilege | None
    fabric_scoped: bool = False
    fabric_sensitive: bool = False
    timed: bool = False


@cache
def parse_access(text: str, *, invoke: bool = False) -> Access:
    """Return the access that a table cell such as ``"RW F VM"`` means.

    With two privilege letters the first is for reading and the second for writing; with one it is for both.
    Without any, reading needs View and writing Operate.

    :param invoke: the cell belongs to a command, whose (last) privilege letter is the one for invoking
    :raises ValueError: the text has a word that no table has
    """
    readable, writable = not text or "R" in text.split(maxsplit=1)[0], False
    letters: list[str] = []
    scoped = sensitive = timed = False
    for word in text.split():
        if word in {"R", "W", "RW", "R[W]"}:
            readable, writable = "R" in word, "W" in word
        elif word == "F":
            scoped = True
        elif word == "S":
            scoped = sensitive = True
        elif word == "T":
            timed = True
        elif set(word) <= _PRIVILEGE_LETTERS.keys():
            letters += word
        else:
            raise ValueError(f"access {text!r}: unknown word {word!r}")
    privileges = [_PRIVILEGE_LETTERS[letter] for letter in letters]
    if invoke:
        return Access(None, privileges[-1] if privileges else Privilege.OPERATE, scoped, sensitive, timed)
    read = privileges[0] if privileges else Privilege.VIEW
    write = privileges[-1] if privileges else Privilege.OPERATE
    return Access(read if readable else None, write if writable else None, scoped, sensitive, timed)
