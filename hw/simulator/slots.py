"""The firmware side of a simulated module: two slots, a bootloader that returns from a bad one, a memory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIRM_WITHIN_S: Final = 1200.0
"""Seconds after which a slot on trial that nobody confirms is given up."""
LARGEST: Final = 16 * 1024 * 1024


class SlotError(Exception):
    """The bootloader refuses."""


@dataclass(slots=True)
class SimulatedSlot:
    """One slot; `state` is a `hw.firmware.SlotState`."""

    version: str = ""
    state: str = "empty"
    sha256: str = ""
    length: int = 0


class Bootloader:
    """Starts one of two slots. What it holds outlives a restart of the process when it is given a file.

    :ivar ill: whether a newly started image does badly: it reports a fault, and fails its self-test
    :ivar dead: whether a newly started image hangs, so that the watchdog returns to the other slot at once
    """

    def __init__(
        self,
        hardware: str,
        version: str,
        now: Callable[[], float],
        *,
        file: Path | None = None,
        confirm_within_s: float = CONFIRM_WITHIN_S,
    ) -> None:
        self.hardware = hardware
        self.slots = {"A": SimulatedSlot(version, "good", hashlib.sha256(version.encode()).hexdigest())}
        self.slots["B"] = SimulatedSlot()
        self.running = "A"
        self.ill = False
        self.dead = False
        self.restarts = 0
        self._now = now
        self._file = file
        self._confirm_within_s = confirm_within_s
        self._trial_since = 0.0
        self._image = bytearray()
        if file is not None and file.exists():
            self._load(file)

    @property
    def current(self) -> SimulatedSlot:
        """The slot that runs."""
        return self.slots[self.running]

    @property
    def idle(self) -> SimulatedSlot:
        """The other one."""
        return self.slots[self._other()]

    def begin(self, version: str, length: int, sha256: str) -> int:
        """Make the idle slot take an image; return how much of it is there. Raise SlotError."""
        if self.current.state == "trial":
            raise SlotError("the running slot is on trial")
        if not 0 < length <= LARGEST:
            raise SlotError("the image does not fit")
        idle = self.idle
        if (idle.sha256, idle.length) == (sha256, length) and idle.state in {"empty", "ready"}:
            return length if idle.state == "ready" else len(self._image)
        self.slots[self._other()] = SimulatedSlot(version, "empty", sha256, length)
        self._image.clear()
        self._save()
        return 0

    def write(self, offset: int, data: bytes) -> None:
        """Take octets of the image. Raise SlotError."""
        if self.idle.state != "empty" or not self.idle.length:
            raise SlotError("no image was begun")
        if offset > len(self._image) or offset + len(data) > self.idle.length:
            raise SlotError("these octets are out of turn")
        self._image[offset : offset + len(data)] = data

    def finish(self) -> None:
        """Compare the hash and make the slot ready. Raise SlotError."""
        idle = self.idle
        if idle.state == "ready":
            return
        if hashlib.sha256(self._image).hexdigest() != idle.sha256 or not idle.length:
            self._image.clear()
            raise SlotError("the image is not the one that was announced")
        idle.state = "ready"
        self._save()

    def restart(self) -> None:
        """Start the slot that is ready, or return from the one that is on trial."""
        self.restarts += 1
        if self.current.state == "trial":
            self._give_up()
        elif self.idle.state == "ready":
            self.running = self._other()
            self.current.state = "trial"
            self._trial_since = self._now()
            if self.dead:
                self._give_up()
        self._save()

    def live(self) -> None:
        """Give up a slot that was not confirmed in time."""
        if self.current.state == "trial" and self._now() - self._trial_since > self._confirm_within_s:
            self._give_up()
            self._save()

    def confirm(self) -> None:
        """Keep the slot that runs. Raise SlotError."""
        if self.current.state == "trial":
            self.current.state = "good"
            self._save()

    @property
    def unwell(self) -> bool:
        """Whether what runs now does badly."""
        return self.ill and self.current.state == "trial"

    def values(self) -> dict[str, Any]:
        """Return what is told about it."""
        return {
            "hardware": self.hardware,
            "running": self.running,
            "slots": [
                {"name": name, "version": slot.version, "state": slot.state, "sha256": slot.sha256}
                for name, slot in self.slots.items()
            ],
        }

    def _give_up(self) -> None:
        self.current.state = "failed"
        self.running = self._other()

    def _other(self) -> str:
        return "B" if self.running == "A" else "A"

    def _save(self) -> None:
        if self._file is not None:
            slots = {name: dataclasses.asdict(slot) for name, slot in self.slots.items()}
            self._file.write_text(json.dumps({"running": self.running, "slots": slots}), encoding="utf-8")

    def _load(self, file: Path) -> None:
        values = json.loads(file.read_text(encoding="utf-8"))
        self.running = values["running"]
        self.slots = {name: SimulatedSlot(**slot) for name, slot in values["slots"].items()}
