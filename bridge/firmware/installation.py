"""Brings an image into a module and judges whether the module does well with it.

Every step can be begun again: whoever takes it up after a restart of the hub asks the module what it holds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.firmware.refusal import FirmwareError, Reason
from hw.firmware import FirmwareImage, SlotState, firmware_target
from hw.module import ModuleError, ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.firmware.job import FirmwareJob
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from hw.firmware import FirmwareInfo, FirmwareTarget

CHUNK: Final = 32 * 1024
STEP_S: Final = 0.5
"""Seconds from one look at a module to the next."""
PATIENCE_S: Final = 60.0
"""Seconds that a module may be away while an image is written to it, or before that."""


class Installation:
    """One module and the image for it."""

    def __init__(self, module: RegisteredModule, home: Home, job: FirmwareJob) -> None:
        self._module = module
        self._home = home
        self._release = job.release
        self._faults = set(job.faults)
        self._image = FirmwareImage(job.release.version, job.release.length, job.release.sha256)

    async def write(self, file: Path, progress: Callable[[int], None]) -> None:
        """Fill the idle slot, from where the module has it. Raise FirmwareError.

        The image is not ended: a slot that is given up now is one that no restart tries.
        """
        deadline = self._now + PATIENCE_S
        while True:
            before = self._now
            try:
                target = self._target()
                await self._write(target, file, progress)
            except ModuleUnreachable as error:
                if self._now > deadline:
                    raise FirmwareError(Reason.MODULE, str(error), "Bring the module back.") from error
                if self._now - before > STEP_S:
                    deadline = self._now + PATIENCE_S  # something was written meanwhile
            except ModuleError as error:
                raise FirmwareError(Reason.MODULE, f"the module refuses the image: {error}") from error
            else:
                return
            await asyncio.sleep(STEP_S)

    async def _write(self, target: FirmwareTarget, file: Path, progress: Callable[[int], None]) -> None:
        offset = await target.begin(self._image)
        with file.open("rb") as image:
            image.seek(offset)
            while data := image.read(CHUNK):
                await target.write(offset, data)
                offset += len(data)
                progress(offset * 100 // self._image.length)

    async def start(self, back_s: float) -> None:
        """Let the module verify the image and restart into it, and return when it runs that.

        :param back_s: seconds in which it has to be back
        :raises FirmwareError: it came back with what it ran before, or not at all
        """
        deadline = self._now + back_s
        told = False
        while self._now < deadline:
            try:
                info = await self._target().info()
                if info.current.sha256 == self._release.sha256:
                    return
                slot = info.holding(self._release.sha256)
                if slot is None or slot.state is SlotState.FAILED:
                    raise FirmwareError(
                        Reason.UNWELL,
                        f"the module gave {self._release.version} up by itself: it did not start",
                    )
                if not told:
                    if slot.state is SlotState.EMPTY:
                        await self._target().finish()
                    told = True
                    await self._target().reboot()
            except ModuleUnreachable:
                pass  # it restarts
            except ModuleError as error:
                raise FirmwareError(Reason.MODULE, f"the module refuses the image: {error}") from error
            await asyncio.sleep(STEP_S)
        raise FirmwareError(Reason.UNWELL, f"the module was not back within {back_s:.0f} s")

    async def observe(self, seconds: float, back_s: float) -> None:
        """Watch the module, which must answer, have no new fault, and pass its own test of the safe state.

        :param seconds: how long it is watched, from its first reading on
        :param back_s: how long it may be silent before that
        :raises FirmwareError: it is not well
        """
        began = self._now
        since: float | None = None
        restarted = self._home.clock.utc() or 0.0
        while since is None or self._now - since < seconds:
            self._check_faults()
            read = self._module.seen is not None and self._module.seen.timestamp() >= restarted
            if since is None and self._module.reachable and read:
                since = self._now
            elif since is None and self._now - began > back_s:
                raise FirmwareError(Reason.UNWELL, f"no reading came within {back_s:.0f} s of the restart")
            elif since is not None and not self._module.reachable:
                raise FirmwareError(
                    Reason.UNWELL, f"the module stopped answering: {self._module.unreachable_because}"
                )
            await asyncio.sleep(STEP_S)
        await self._self_test()
        self._check_faults()

    async def _self_test(self) -> None:
        try:
            if failed := await self._target().self_test():
                raise FirmwareError(Reason.UNWELL, failed)
            if not self._runs_release(await self._target().info()):
                raise FirmwareError(Reason.UNWELL, "the module returned to its former firmware by itself")
        except ModuleError as error:
            raise FirmwareError(Reason.UNWELL, f"the module cannot be tested: {error}") from error

    async def confirm(self, back_s: float) -> None:
        """Let the module keep what it runs. Raise FirmwareError when it runs something else by now."""
        deadline = self._now + back_s
        while True:
            try:
                target = self._target()
                if not self._runs_release(await target.info()):
                    raise FirmwareError(Reason.UNWELL, "the module returned to its former firmware by itself")
                await target.confirm()
            except ModuleError as error:
                if self._now > deadline:
                    raise FirmwareError(Reason.UNWELL, f"it could not be confirmed: {error}") from error
            else:
                return
            await asyncio.sleep(STEP_S)

    async def go_back(self, back_s: float) -> bool:
        """Let the module return to what it ran before; return whether it does within `back_s` seconds."""
        deadline = self._now + back_s
        while self._now < deadline:
            try:
                target = self._target()
                info = await target.info()
                if not self._runs_release(info):
                    return True
                if info.current.state is SlotState.GOOD:
                    return False
                await target.reboot()
            except ModuleError:
                pass  # it restarts, or its bootloader brings it back
            await asyncio.sleep(STEP_S)
        return False

    async def refresh(self) -> None:
        """Let the registry learn what the module runs now; if it does not answer, it learns it later."""
        device = self._module.device
        if device is None:
            return
        try:
            async with self._module.lock:
                await device.open()
            self._home.registry.found((device,), self._module.record.driver)
        except (ModuleError, OSError):
            return

    @property
    def _now(self) -> float:
        return self._home.clock.monotonic()

    def _target(self) -> FirmwareTarget:
        target = firmware_target(self._module.device)
        if target is None:
            raise ModuleUnreachable(f"{self._module.record.name} was not found yet")
        return target

    def _runs_release(self, info: FirmwareInfo) -> bool:
        return info.current.sha256 == self._release.sha256

    def _check_faults(self) -> None:
        new = {fault.code for fault in self._home.faults.active(self._module.key)} - self._faults
        if new:
            raise FirmwareError(Reason.UNWELL, f"the module has a new fault: {', '.join(sorted(new))}")
