"""What is told about loads: what a plan is made from anew, and what came of what was wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadChanged:
    """Something about a load is another that a plan is made from: who switched it, a program, a car."""

    module: str
    why: str


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
