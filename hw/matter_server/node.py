"""A node as the server knows it: attributes of its endpoints, judged where they are read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from hw.matter_server.attributes import KEPT_CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[int, int, int]
"""Endpoint, cluster and attribute."""

_PATH = re.compile(r"(\d{1,5})/(\d{1,10})/(\d{1,10})", re.ASCII)


def parse_path(text: str) -> Path:
    """Return a path that the server writes as `1/6/0`. Raise ValueError."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no attribute path")
    return int(match[1]), int(match[2]), int(match[3])


class Node:
    """One commissioned device.

    :ivar available: whether the server has a subscription to it
    :ivar values: what is kept of its attributes
    :ivar since: when all of them were last confirmed, monotonic
    :ivar heard: when something of an endpoint was confirmed after that
    """

    __slots__ = ("available", "heard", "id", "since", "values")

    def __init__(self, node: int, *, available: bool, values: dict[Path, Any]) -> None:
        self.id = node
        self.available = available
        self.values = values
        self.since = -math.inf
        self.heard: dict[int, float] = {}

    @classmethod
    def parse(cls, data: object) -> Node:
        """Return the node that a message holds. An attribute that cannot be named is left out.

        :raises ValueError: it does not say which node it is, or has no attributes
        """
        if not isinstance(data, dict):
            raise ValueError("a node is no object")  # noqa: TRY004 - what a server sends is a value, not a bug
        number, attributes = data.get("node_id"), data.get("attributes")
        if type(number) is not int or not 0 < number < 2**64:
            raise ValueError("a node has no node_id")
        if not isinstance(attributes, dict):
            raise ValueError(f"node {number} has no attributes")  # noqa: TRY004 - the same
        return cls(number, available=data.get("available") is True, values=kept(attributes))

    @property
    def endpoints(self) -> list[int]:
        """The endpoints that anything is kept of, ascending."""
        return sorted({endpoint for endpoint, _, _ in self.values})

    def number(self, endpoint: int, attribute: tuple[int, int]) -> float | None:
        """Return a number; None when there is none."""
        return as_number(self.values.get((endpoint, *attribute)))

    def whole(self, endpoint: int, attribute: tuple[int, int]) -> int | None:
        """Return an enumeration, bitmap or count; None when there is none."""
        value = self.values.get((endpoint, *attribute))
        return value if type(value) is int else None

    def flag(self, endpoint: int, attribute: tuple[int, int]) -> bool | None:
        """Return a boolean; None when there is none."""
        value = self.values.get((endpoint, *attribute))
        return value if isinstance(value, bool) else None

    def text(self, endpoint: int, attribute: tuple[int, int]) -> str:
        """Return a text without what cannot be printed, at most 64 characters; empty when there is none."""
        value = self.values.get((endpoint, *attribute))
        return "".join(filter(str.isprintable, value[:64])).strip() if isinstance(value, str) else ""

    def numbers(self, endpoint: int, attribute: tuple[int, int]) -> frozenset[int]:
        """Return a list of endpoint numbers; what is none is left out."""
        value = self.values.get((endpoint, *attribute))
        if not isinstance(value, list):
            return frozenset()
        return frozenset(each for each in value if type(each) is int and 0 <= each < 0xFFFF)

    def structs(self, endpoint: int, attribute: tuple[int, int]) -> list[dict[str, Any]]:
        """Return a struct or a list of them, members by their tags; what is none is left out."""
        value = self.values.get((endpoint, *attribute))
        entries = value if isinstance(value, list) else [value]
        return [each for each in entries if isinstance(each, dict)]


def kept(attributes: Mapping[str, Any]) -> dict[Path, Any]:
    """Return what is worth keeping of a server's attributes."""
    values: dict[Path, Any] = {}
    for text, value in attributes.items():
        match = _PATH.fullmatch(text)
        if match is not None and int(match[2]) in KEPT_CLUSTERS and not is_failure(value):
            values[int(match[1]), int(match[2]), int(match[3])] = value
    return values


def is_failure(value: object) -> bool:
    """Tell whether a value is the server's word for an attribute that could not be read."""
    return isinstance(value, dict) and "TLVValue" in value


def as_number(value: object) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
