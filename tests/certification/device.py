"""The device under test: a hub with the simulated home, as new for each test, on a network of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interop.hub import Hub, ores_bridge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from interop.network import Side

ENABLE_KEY = "000102030405060708090a0b0c0d0e0f"
"""What the scripts take for the key of the test event triggers."""
_MODULES = 4
_PLUGS = 1
_CHARGERS = 1
EVERYBODY_ANSWERS = rf"(?s)(?: answers\n.*?){{{_MODULES + _PLUGS + _CHARGERS}}}"
"""What the log of a hub that has reached all its modules matches."""
ALL_FACES = {f"ORES_BRIDGE_FACES__{face}": "true" for face in ("RESERVE", "FULL", "OUTAGE", "PRODUCTION")}
"""Every kind of endpoint that the hub can have is to be looked at."""
_FIND = 30.0
"""Seconds that the hub may take to find the simulated modules."""


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes hubs that know their modules and no app: all of them have the same endpoints.

    :ivar template: the data directory that each gets a copy of
    :ivar environment: what the hubs find in theirs
    """

    side: Side
    template: Path
    environment: Mapping[str, str]

    @classmethod
    def prepare(cls, side: Side, folder: Path, settings: Iterable[tuple[str, str]] = ()) -> Factory:
        """Let a hub find the modules of the simulated home once.

        :param settings: of its environment, beside those of all
        """
        environment = {**ALL_FACES, **dict(settings)}
        hub = _hub(side, folder, environment)
        hub.start()
        try:
            deadline = time.monotonic() + _FIND
            while (
                len(re.findall("INFO +registered", hub.log_path.read_text(errors="replace")))
                < _MODULES + _PLUGS + _CHARGERS
            ):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the hub did not find its modules; see {hub.log_path}")
                time.sleep(0.1)
            time.sleep(1)  # the registration is on the disk before it is logged; the endpoints follow at once
            hub.terminate()
        finally:
            hub.close()
        return cls(side, hub.data_dir, environment)

    def make(self, side: Side, folder: Path) -> Hub:
        """Return a hub that is not started, with a copy of the template."""
        hub = _hub(side, folder, self.environment)
        shutil.copytree(
            self.template, hub.data_dir, ignore=shutil.ignore_patterns("*.sock", "lock"), symlinks=True
        )
        hub.data_dir.chmod(0o700)
        return hub


def _hub(side: Side, folder: Path, environment: Mapping[str, str]) -> Hub:
    folder.mkdir(parents=True)
    options = ("--enable-key", ENABLE_KEY, "--modules", str(_MODULES), "--plugs", str(_PLUGS))
    options += ("--chargers", str(_CHARGERS))
    return Hub(side, folder, "demo", options, environment)


@dataclass(frozen=True, slots=True)
class Composition:
    """What the hub's endpoints implement, as `ores-bridge pics` tells it.

    :ivar endpoints: supported PICS codes by endpoint number
    """

    endpoints: dict[int, frozenset[str]]

    @classmethod
    def of(cls, factory: Factory, folder: Path) -> Composition:
        """Ask the hub."""
        subprocess.run(
            ores_bridge(
                *("pics", "--format", "values"),
                *("--data-dir", str(factory.template), "--out", str(folder)),
            ),
            check=True,
            capture_output=True,
            timeout=60,
            env={**os.environ, **factory.environment},
        )
        return cls(
            {
                int(path.stem.removeprefix("endpoint-")): frozenset(
                    line.removesuffix("=1") for line in path.read_text(encoding="ascii").splitlines()
                )
                for path in sorted(folder.glob("endpoint-*.pics"))
            }
        )

    def having(self, *codes: str) -> list[int]:
        """Return the endpoints that have all of these, in ascending order."""
        return sorted(number for number, has in self.endpoints.items() if has.issuperset(codes))

    def pics(self, endpoint: int, *, exact: bool = False) -> frozenset[str]:
        """Return what is true for a test on an endpoint: its own and, unless `exact`, the root's."""
        return self.endpoints[endpoint] if exact else self.endpoints[endpoint] | self.endpoints[0]


@dataclass(frozen=True, slots=True)
class Model:
    """One product: hubs with the same settings, and what they are made of."""

    factory: Factory
    composition: Composition

    @classmethod
    def prepare(cls, side: Side, folder: Path, settings: Iterable[tuple[str, str]] = ()) -> Model:
        """Make the first of them."""
        factory = Factory.prepare(side, folder, settings)
        return cls(factory, Composition.of(factory, folder / "pics"))
