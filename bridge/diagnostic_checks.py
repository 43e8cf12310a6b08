"""The checks of a diagnostic run, of one module or of the hub itself.

They read; none of them changes anything that a module does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.examination import PAUSE, READS, examine
from bridge.module_face import ENERGY
from bridge.telemetry.database import StoreError
from hw.module import ModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bridge.hub import Hub
    from bridge.registry import RegisteredModule

CONNECT: Final = 3.0
"""Seconds that a connection may take."""
LOOK: Final = 10.0
"""Seconds that looking who is at an address may take."""
SLOW_MS: Final = 1000.0
"""Mean time of a reading above which it is no good one: a module is read about once a second."""
LATE_MS: Final = 100.0
"""How late the hub's loop may be before it has too much to do."""
LEAST_DISK: Final = 200 * 1024 * 1024
"""Bytes free below which the store will soon be in trouble."""
SET_SINCE: Final = 1_735_689_600.0
"""2025 began then: a clock before it was never set."""


class Result(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    WARNING = "warning"
    """It works, less well."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It could not be done, or there is nothing to check."""


class CheckName(StrEnum):
    """What is checked."""

    LINK = "link"
    """Whether the module can be reached; if not, how far the way goes."""
    SCAN = "scan"
    """Who answers at the module's address."""
    TIMING = "timing"
    """How fast and how reliably it is read."""
    SELF_TEST = "self-test"
    """Whether what it says is plausible; of the hub: its store, audit trail, disk, clock and load."""
    MATTER = "matter"
    """Whether apps can reach it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One result.

    :ivar detail: for a person
    :ivar value_ms: what was measured, where a time was
    """

    name: CheckName
    result: Result
    detail: str
    value_ms: float | None = None


MODULE_CHECKS: Final = tuple(CheckName)
HUB_CHECKS: Final = (CheckName.SELF_TEST, CheckName.MATTER)


async def check_module(hub: Hub, module: RegisteredModule, name: CheckName) -> list[Check]:
    """Carry out one check of a module."""
    checks: dict[CheckName, Callable[[Hub, RegisteredModule], Awaitable[list[Check]]]] = {
        CheckName.LINK: _link,
        CheckName.SCAN: _scan,
        CheckName.TIMING: _timing,
        CheckName.SELF_TEST: _plausible,
        CheckName.MATTER: _module_on_matter,
    }
    return await checks[name](hub, module)


async def check_hub(hub: Hub, name: CheckName) -> list[Check]:
    """Carry out one check of the hub."""
    if name is CheckName.MATTER:
        return [_matter(hub)]
    return [await _store(hub), await _audit(hub), _disk(hub), _clock(hub), await _load()]


# ---------------------------------------------------------------------- of a module


async def _link(hub: Hub, module: RegisteredModule) -> list[Check]:
    """Tell how far the way to a module goes. One that answers is left alone: some take one connection."""
    told = f"{module.reads_ok} readings came since the hub started, {module.reads_failed} did not"
    if module.reachable:
        return [Check(CheckName.LINK, Result.PASSED, told)]
    record = module.record
    driver = hub.drivers.get(record.driver)
    if driver is None:
        return [Check(CheckName.LINK, Result.SKIPPED, f"there is no driver {record.driver}")]
    host, _, port = driver.link(record.address).rpartition(":")
    began = time.monotonic()
    try:
        async with asyncio.timeout(CONNECT):
            _, writer = await asyncio.open_connection(host, int(port))
    except TimeoutError:
        detail = f"{host} does not answer: it is off, elsewhere, or a firewall is in between"
    except ConnectionRefusedError:
        detail = f"{host} is there, and nothing listens on its port {port}: is the interface switched on?"
    except OSError as error:
        detail = f"{host}: {error.strerror or error}"
    else:
        elapsed = (time.monotonic() - began) * 1000
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        detail = (
            f"{host} takes connections on port {port} and is not understood: {module.unreachable_because}"
        )
        return [Check(CheckName.LINK, Result.FAILED, detail, elapsed)]
    return [Check(CheckName.LINK, Result.FAILED, f"{detail}; {told}")]


async def _scan(hub: Hub, module: RegisteredModule) -> list[Check]:
    record = module.record
    driver = hub.drivers.get(record.driver)
    if driver is None:
        return [Check(CheckName.SCAN, Result.SKIPPED, f"there is no driver {record.driver}")]
    try:
        async with asyncio.timeout(LOOK), module.lock:
            found = list(await driver.discover(record.address, serial=record.identity.serial))
    except (ModuleError, OSError, TimeoutError) as error:
        return [Check(CheckName.SCAN, Result.FAILED, f"{record.address}: {error or 'no answer in time'}")]
    there = [f"{each.identity.vendor} {each.identity.model} {each.identity.serial}" for each in found]
    same = [each for each in found if each.identity.key == record.key]
    for each in found:
        with contextlib.suppress(ModuleError, OSError):
            await each.close()
    if same:
        return [Check(CheckName.SCAN, Result.PASSED, f"{record.address}: {', '.join(there)}")]
    detail = f"another device has moved in at {record.address}: {', '.join(there) or 'none'}"
    return [Check(CheckName.SCAN, Result.FAILED, detail)]


async def _timing(hub: Hub, module: RegisteredModule) -> list[Check]:
    found = await examine(module, hub.clock)
    if found.mean_ms is None:
        reason = found.findings[0] if found.findings else "it does not answer"
        return [Check(CheckName.TIMING, Result.FAILED, f"none of {READS} readings came: {reason}")]
    detail = (
        f"{found.reads - found.failures} of {found.reads} readings came, {PAUSE:g} s apart; "
        f"{found.mean_ms:.0f} ms on average, {found.slowest_ms:.0f} ms at most"
    )
    result = Result.PASSED if found.mean_ms <= SLOW_MS else Result.WARNING
    return [Check(CheckName.TIMING, Result.FAILED if found.failures else result, detail, found.mean_ms)]


async def _plausible(hub: Hub, module: RegisteredModule) -> list[Check]:
    found = await examine(module, hub.clock)
    if found.failures == found.reads:
        return [
            Check(CheckName.SELF_TEST, Result.SKIPPED, "it does not answer, so there is nothing to judge")
        ]
    strange = [each for each in found.findings if not each.startswith("read ")]
    own = [f"{fault.code}: {fault.evidence}" for fault in hub.home.faults.active(module.key) if fault.own]
    if strange or own:
        return [Check(CheckName.SELF_TEST, Result.FAILED, each) for each in (*strange, *own)]
    return [Check(CheckName.SELF_TEST, Result.PASSED, "it tells of no fault, and its values can be")]


async def _module_on_matter(hub: Hub, module: RegisteredModule) -> list[Check]:
    number = hub.registry.endpoints.faces(module.key).get(ENERGY)
    if number not in {endpoint.number for endpoint in hub.matter.node.tree}:
        return [Check(CheckName.MATTER, Result.FAILED, "it has no endpoint on the node: see the hub's log")]
    if not module.reachable:
        detail = f"endpoint {number} is there, and apps show it as unreachable: see `link`"
        return [Check(CheckName.MATTER, Result.WARNING, detail)]
    whole = _matter(hub)
    return [Check(CheckName.MATTER, whole.result, f"endpoint {number} is there; {whole.detail}")]


# ---------------------------------------------------------------------- of the hub


def _matter(hub: Hub) -> Check:
    """Tell whether apps reach the node: those that have a session with it do."""
    node = hub.matter.node
    fabrics = [fabric.index for fabric in node.fabrics]
    if not fabrics:
        return Check(CheckName.MATTER, Result.SKIPPED, "no app is paired: `ores-bridge pair` shows the code")
    talking = {session.subject.fabric_index for session in node.sessions} & set(fabrics)
    detail = f"{len(talking)} of {len(fabrics)} paired apps have a session with the hub"
    return Check(CheckName.MATTER, Result.PASSED if talking else Result.WARNING, detail)


async def _store(hub: Hub) -> Check:
    began = time.monotonic()
    try:
        hub.storage.put("diagnostic-probe", b"")
        hub.storage.delete("diagnostic-probe")
        await asyncio.sleep(0)
        hub.storage.flush()
    except OSError as error:
        return Check(CheckName.SELF_TEST, Result.FAILED, f"nothing can be stored: {error}")
    elapsed = (time.monotonic() - began) * 1000
    if hub.telemetry.trouble:
        return Check(CheckName.SELF_TEST, Result.WARNING, f"telemetry: {hub.telemetry.trouble}", elapsed)
    return Check(CheckName.SELF_TEST, Result.PASSED, "what is stored is on the disk", elapsed)


async def _audit(hub: Hub) -> Check:
    try:
        wrong = await hub.telemetry.verify_audit_trail()
    except StoreError as error:
        return Check(CheckName.SELF_TEST, Result.FAILED, f"the audit trail cannot be read: {error}")
    if wrong is not None:
        detail = f"entry {wrong} of the audit trail was changed, or is not there any more"
        return Check(CheckName.SELF_TEST, Result.FAILED, detail)
    return Check(CheckName.SELF_TEST, Result.PASSED, "the audit trail is as it was written")


def _disk(hub: Hub) -> Check:
    free = shutil.disk_usage(hub.directory.path).free
    result = Result.PASSED if free >= LEAST_DISK else Result.WARNING
    return Check(CheckName.SELF_TEST, result, f"{free // 1024**2} MB are free in {hub.directory.path}")


def _clock(hub: Hub) -> Check:
    now = hub.clock.utc() or 0.0
    if now < SET_SINCE:
        return Check(CheckName.SELF_TEST, Result.FAILED, "the clock is not set: is there a time server?")
    told = time.strftime("%FT%TZ", time.gmtime(now))
    return Check(CheckName.SELF_TEST, Result.PASSED, f"the clock is set: {told}")


async def _load() -> Check:
    """Measure how late the loop is: whoever waits for the hub waits as long."""
    late = 0.0
    for _ in range(5):
        began = time.monotonic()
        await asyncio.sleep(0.02)
        late = max(late, (time.monotonic() - began - 0.02) * 1000)
    result = Result.PASSED if late <= LATE_MS else Result.WARNING
    load = os.getloadavg()[0]
    return Check(CheckName.SELF_TEST, result, f"the hub reacts within {late:.0f} ms, load {load:.1f}", late)


def summary(checks: Iterable[Check]) -> Result:
    """Return the worst of all results; skipped ones count for nothing."""
    results = {check.result for check in checks}
    for each in (Result.FAILED, Result.WARNING, Result.PASSED):
        if each in results:
            return each
    return Result.SKIPPED
