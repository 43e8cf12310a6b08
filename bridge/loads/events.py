"""What is told about loads when their time is over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadMissed:
    """A load did not get by its deadline what was wanted."""

    module: str
    text: str
    """For a person: what is missing, and why."""


@dataclass(frozen=True, slots=True)
class LoadMet:
    """A load got what was wanted, or nothing is wanted of it any more."""

    module: str
