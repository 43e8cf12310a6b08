"""The catalogue: every test that can concern an energy bridge, how it is run, or why it is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Place(Enum):
    """Which of the endpoints that carry the test's cluster are tested."""

    FIRST = "first"
    EACH = "each"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that is the script's or the controller's, not the device's.

    It counts only where the test ends at exactly this step with this text: any other end is the device's.
    """

    method: str
    step: str
    text: str
    proof: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A mistake of a script that would keep the rest of it from being run: a copy is run without it.

    :ivar find: what is replaced, everywhere in the script; it has to be there
    :ivar reason: what is wrong with it
    """

    find: str
    replace: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a test really asks for, where the script or its own list says something else."""

    codes: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One script or YAML test, and what it is run with.

    :ivar name: such as `TC_EPM_2_1`
    :ivar about: what it looks at
    :ivar script: file name without `.py`, or without `.yaml` where it begins with `Test_TC_`
    :ivar cluster: PICS code of the cluster under test; the endpoints that have it are tested
    :ivar needs: PICS codes of what else the endpoint must have
    :ivar features: bits of the cluster's features, one of which the endpoint must have
    :ivar place: which of those endpoints
    :ivar arguments: with `{ep}`, `{ep:CODE}` (first endpoint with a cluster), `{sdk}`, `{key}`, `{manual}`
    :ivar limit: seconds that it may take
    :ivar own_limit: the timeout that the script is given, where that is not `limit`
    :ivar methods: run one at a time, each with a new device; all at once when empty
    :ivar commission: the device is commissioned before; otherwise the test does that
    :ivar ci: PICS_SDK_CI_ONLY is said to be true, because the test would ask a person
    :ivar exact_pics: the PICS of the endpoint alone, without the root's
    :ivar pics: codes that are true beside those of the hub: what a device does that no data model tells
    :ivar values: what is put in the place of a YAML test's own values
    :ivar corrections: of the script
    :ivar preconditions: in the place of those that the script states
    :ivar environment: of the hub, where that is not everybody's
    """

    name: str
    about: str
    script: str
    cluster: str = ""
    needs: tuple[str, ...] = ()
    features: tuple[int, ...] = ()
    place: Place = Place.FIRST
    arguments: tuple[str, ...] = ()
    limit: float = 90.0
    own_limit: float | None = None
    methods: tuple[str, ...] = ()
    commission: bool = True
    ci: bool = False
    exact_pics: bool = False
    faults: tuple[Fault, ...] = ()
    pics: tuple[str, ...] = ()
    values: tuple[tuple[str, str | int], ...] = ()
    corrections: tuple[Correction, ...] = ()
    preconditions: Preconditions | None = None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def is_yaml(self) -> bool:
        """Whether it is one of the tests that are lists of steps in YAML."""
        return self.script.startswith("Test_TC_")


@dataclass(frozen=True, slots=True)
class NotRun:
    """Tests that are not run, and why; `without` are PICS codes that they ask for and the hub lacks."""

    names: tuple[str, ...]
    reason: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it."""

    tests: tuple[Case, ...]
    not_run: tuple[NotRun, ...]


def load(path: Path) -> Catalogue:
    """Read a catalogue. Raise ValueError naming the entry that is wrong."""
    values = json.loads(path.read_text(encoding="utf-8"))
    tests = tuple(_test(entry) for entry in values["tests"])
    names = [test.name for test in tests]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"twice in the catalogue: {', '.join(sorted(doubled))}")
    not_run = tuple(
        NotRun(tuple(entry["tests"]), entry["reason"], tuple(entry.get("without", ())))
        for entry in values["not_run"]
    )
    return Catalogue(tests, not_run)


def _test(entry: dict[str, Any]) -> Case:
    entry = dict(entry)
    name = entry.pop("test")
    stated = entry.pop("preconditions", None)
    try:
        return Case(
            name=name,
            about=entry.pop("about"),
            script=entry.pop("script", name),
            place=Place(entry.pop("place", "first")),
            arguments=tuple(entry.pop("arguments", ())),
            needs=tuple(entry.pop("needs", ())),
            features=tuple(entry.pop("features", ())),
            methods=tuple(entry.pop("methods", ())),
            faults=tuple(Fault(**fault) for fault in entry.pop("faults", ())),
            pics=tuple(entry.pop("pics", ())),
            values=tuple(sorted(entry.pop("values", {}).items())),
            corrections=tuple(Correction(**correction) for correction in entry.pop("corrections", ())),
            preconditions=None if stated is None else Preconditions(tuple(stated["codes"]), stated["reason"]),
            environment=tuple(sorted(entry.pop("environment", {}).items())),
            **entry,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
