"""Conformance expressions: when an element must, may or must not be present (Matter Core 7.3).

A table cell such as ``"PFR | SFR"``, ``"[WIRED]"``, ``"!OFFONLY, O"`` or ``"O.a+"`` is parsed once and judged
against the features of one cluster instance.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Predicate = Callable[[frozenset[str]], bool]


class Conformance(Enum):
    """What a conformance expression says about an element."""

    MANDATORY = "mandatory"
    OPTIONAL = "optional"
    DISALLOWED = "disallowed"


_TOKEN = re.compile(r"\s*(>=|<=|==|!=|[A-Za-z_][A-Za-z0-9_.+]*|\d+|[()\[\]!&|^,<>.+])")


@cache
def _clauses(text: str) -> tuple[tuple[str, Predicate], ...]:
    """Split into clauses of (kind: M, O or X; predicate); the first one that is true counts."""
    clauses: list[tuple[str, Predicate]] = []
    for part in text.split(","):
        clause = re.sub(r"\.[a-z]\d*[+-]?(?=$|\s)", "", part.strip()).strip()
        if not clause:
            continue
        if clause in {"P", "D"}:
            # A provisional element is not asked of anyone yet, whatever follows; a deprecated one may stay.
            clauses.append(("O", _always))
        elif clause == "M":
            clauses.append(("M", _always))
        elif clause in {"O", "desc"}:
            clauses.append(("O", _always))
        elif clause == "X":
            clauses.append(("X", _always))
        elif clause.startswith("[") and clause.endswith("]"):
            clauses.append(("O", _Parser(clause[1:-1]).parse()))
        else:
            clauses.append(("M", _Parser(clause).parse()))
    return tuple(clauses)


def judge(text: str, present: frozenset[str]) -> Conformance:
    """Judge an expression.

    :param text: the table cell; empty means mandatory
    :param present: codes of the supported features, and names of the present elements, of the cluster
    :raises ValueError: the expression does not parse
    """
    if not text:
        return Conformance.MANDATORY
    for kind, predicate in _clauses(text):
        if predicate(present):
            return {"M": Conformance.MANDATORY, "O": Conformance.OPTIONAL, "X": Conformance.DISALLOWED}[kind]
    return Conformance.DISALLOWED


def _always(_: frozenset[str]) -> bool:
    return True


def _never(_: frozenset[str]) -> bool:
    return False


class _Parser:
    """Recursive descent over names, ``!``, ``&``, ``|``, ``^`` and parentheses; comparisons are false.

    A comparison looks at an attribute's value, which the presence of elements does not depend on here.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"conformance {text!r}: cannot read {text[position:]!r}")
            self._tokens.append(match[1])
            position = match.end()
        self._next = 0

    def parse(self) -> Predicate:
        predicate = self._or()
        if self._next != len(self._tokens):
            raise ValueError(f"conformance {self._text!r}: unexpected {self._tokens[self._next]!r}")
        return predicate

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _or(self) -> Predicate:
        left = self._and()
        while self._peek() in {"|", "^"}:
            operator, first, second = self._take(), left, self._and()
            left = _xor(first, second) if operator == "^" else _any(first, second)
        return left

    def _and(self) -> Predicate:
        left = self._not()
        while self._peek() == "&":
            self._take()
            left = _all(left, self._not())
        return left

    def _not(self) -> Predicate:
        word = self._take()
        if word == "!":
            return _negate(self._not())
        if word == "(":
            inner = self._or()
            if self._take() != ")":
                raise ValueError(f"conformance {self._text!r}: missing )")
            return inner
        if not word or not (word[0].isalpha() or word[0] == "_"):
            raise ValueError(f"conformance {self._text!r}: expected a name, not {word!r}")
        if self._peek() in {">", "<", ">=", "<=", "==", "!="}:
            self._take()
            self._take()
            return _never
        return _has(word)


def _has(name: str) -> Predicate:
    return lambda present: name in present


def _negate(inner: Predicate) -> Predicate:
    return lambda present: not inner(present)


def _all(first: Predicate, second: Predicate) -> Predicate:
    return lambda present: first(present) and second(present)


def _any(first: Predicate, second: Predicate) -> Predicate:
    return lambda present: first(present) or second(present)


def _xor(first: Predicate, second: Predicate) -> Predicate:
    return lambda present: first(present) != second(present)
