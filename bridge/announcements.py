"""What devices announce on the home network, as candidates.

An announcement is anybody's word. It says where a person may look, and decides nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.candidates import Candidate
from bridge.drivers import NATIVE
from bridge.scan import is_local_host
from hw.module import Identity, ModuleError, ModuleKind
from hw.ores.thing import URN, WELL_KNOWN, Thing, fetch
from matter_node.transport.mdns import COMMISSIONABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.candidates import CandidateBook
    from matter_node.transport.browser import Browser, FoundService
    from matter_node.transport.network import HomeNetwork

NATIVE_TYPE: Final = "_ores._tcp"
THING_TYPE: Final = "_wot._tcp"
MATTER: Final = "matter"
"""The driver of what is on a Matter server."""
DESCRIPTIONS: Final = 4
"""Descriptions that are read at a time."""
AGAIN: Final = 3600.0
"""Seconds before the same thing is asked for its description again."""
MOST_THINGS: Final = 500

_ASKS_ITSELF: Final = "switch on pairing on the module: it asks the hub by itself, and you confirm it then"
_NO_DRIVER: Final = "no driver of this hub speaks with it yet"
_CLASSES: Final = {
    "microinverter": ModuleKind.MICROINVERTER,
    "energystorage": ModuleKind.BATTERY,
    "meter": ModuleKind.METER,
    "plug": ModuleKind.LOAD,
    "evse": ModuleKind.EVSE,
}
"""What an ORES module calls its kind (TXT key `cls`)."""
_MATTER_KINDS: Final = {
    0x010A: ModuleKind.LOAD,
    0x010B: ModuleKind.LOAD,
    0x0017: ModuleKind.MICROINVERTER,
    0x0018: ModuleKind.BATTERY,
    0x050C: ModuleKind.EVSE,
    0x0510: ModuleKind.METER,
}
"""By the primary device type (TXT key `DT`, Matter Core 4.3.1.7)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Announced:
    """What a service type says of whoever announces it."""

    driver: str
    vendor: str
    kind: ModuleKind | None
    confidence: float
    remedy: str = ""


_TYPES: Final = {
    "_shelly._tcp": _Announced("shelly", "Shelly", ModuleKind.LOAD, 0.8),
    "_go-e_go-eCharger._tcp": _Announced("goe", "go-e", ModuleKind.EVSE, 0.8),
    "_go-e_go-eCharger_V4._tcp": _Announced("goe", "go-e", ModuleKind.EVSE, 0.8),
    "_modbus._tcp": _Announced("sunspec", "", None, 0.4),
    "_hwenergy._tcp": _Announced("", "HomeWizard", ModuleKind.METER, 0.3, _NO_DRIVER),
    "_homewizard._tcp": _Announced("", "HomeWizard", ModuleKind.METER, 0.3, _NO_DRIVER),
    "_enphase-envoy._tcp": _Announced("", "Enphase", ModuleKind.MICROINVERTER, 0.3, _NO_DRIVER),
    "_ship._tcp": _Announced("", "EEBus", None, 0.2, _NO_DRIVER),
}
"""Sources: the vendors' documentation; Home Assistant's list of zeroconf types; goecharger/go-eCharger-API-v2
issue 108; EEBus SHIP 1.0.1 section 7.2."""
TYPES: Final = (NATIVE_TYPE, THING_TYPE, COMMISSIONABLE, *_TYPES)


class Announcements:
    """Keeps a book of candidates in step with what is announced.

    :param on_change: called when the book says something else
    :param on_seen: called with everything that announces itself, as often as it does
    """

    def __init__(
        self, book: CandidateBook, on_change: Callable[[], None], on_seen: Callable[[Candidate], None]
    ) -> None:
        self._book = book
        self._on_change = on_change
        self._on_seen = on_seen
        self._browser: Browser | None = None
        self._gate = asyncio.Semaphore(DESCRIPTIONS)
        self._asked: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, network: HomeNetwork) -> None:
        """Listen on a network that is started, and ask once who is there."""
        self._browser = network.browse(TYPES, self.found, self.gone)
        self.look()

    def look(self) -> bool:
        """Ask everybody to announce themselves; return whether there is a network to do so on."""
        if self._browser is None:
            return False
        self._browser.look()
        return True

    async def stop(self) -> None:
        """Read no more descriptions."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def found(self, service: FoundService) -> None:
        """Take an announcement."""
        candidate = candidate_of(service)
        if candidate is not None:
            self._on_seen(candidate)
            if self._book.note(candidate):
                self._on_change()
        if service.kind in {NATIVE_TYPE, THING_TYPE} and service.addresses:
            self._describe(service)

    def gone(self, service: FoundService) -> None:
        """Take a farewell."""
        candidate = candidate_of(service)
        known = candidate and self._book.get(candidate.id)
        if known and known.source == "mdns" and self._book.forget(known.id):
            self._on_change()

    def _describe(self, service: FoundService) -> None:
        """Read a thing's description, unless that was done lately."""
        now = asyncio.get_running_loop().time()
        name = f"{service.instance}.{service.kind} {service.addresses[0]}:{service.port}"
        if now - self._asked.get(name, -AGAIN) < AGAIN or not is_local_host(service.addresses[0]):
            return
        if len(self._asked) >= MOST_THINGS:
            self._asked = {key: when for key, when in self._asked.items() if now - when < AGAIN}
            if len(self._asked) >= MOST_THINGS:
                return
        self._asked[name] = now
        task = asyncio.create_task(self._read(service), name="thing")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, service: FoundService) -> None:
        path = service.text.get("td") or WELL_KNOWN
        secure = service.text.get("scheme", "https") == "https"
        try:
            async with self._gate:
                thing = await fetch(service.addresses[0], service.port, path, secure=secure)
        except ModuleError as error:
            _log.debug("%s: %s", service.instance, error)
            return
        candidate = described(service, thing)
        if candidate is not None and self._book.note(candidate):
            self._on_change()


def candidate_of(service: FoundService) -> Candidate | None:
    """Return what an announcement says by itself, or None when it says too little."""
    if service.kind == NATIVE_TYPE:
        return _native(service)
    if service.kind == COMMISSIONABLE:
        return _commissionable(service)
    announced = _TYPES.get(service.kind)
    if announced is None:
        return None
    serial = _serial(service)
    return Candidate(
        id=_key(announced.vendor or service.kind.strip("_").partition(".")[0], serial),
        driver=announced.driver,
        address=_address(service, usual=502 if announced.driver == "sunspec" else 80),
        kind=announced.kind.value if announced.kind else "",
        vendor=announced.vendor or _shown(service.text.get("brand", "")),
        model=_shown(service.text.get("app") or service.text.get("model") or service.instance),
        serial=serial,
        source="mdns",
        confidence=announced.confidence,
        remedy=announced.remedy,
    )


def described(service: FoundService, thing: Thing) -> Candidate | None:
    """Return what a thing says in its description, or None when that contradicts its announcement."""
    if thing.identity is None:
        if service.kind == NATIVE_TYPE:
            return None
        return Candidate(
            id=_key("wot", hashlib.sha256((thing.id or service.instance).encode()).hexdigest()[:12]),
            driver="",
            address=_address(service, usual=443),
            kind="",
            vendor="",
            model=thing.title,
            serial=thing.id,
            source="mdns",
            confidence=0.2,
            remedy=_NO_DRIVER,
        )
    told = service.text.get("ski", "").lower()
    if thing.id != URN + thing.identity.key or (told and not thing.ski.startswith(told)):
        return None
    return Candidate(
        id=thing.identity.key,
        driver=NATIVE,
        address=_address(service, usual=443),
        kind=thing.kind.value if thing.kind else "",
        vendor=thing.identity.vendor,
        model=thing.identity.model,
        serial=thing.identity.serial,
        source="mdns",
        confidence=0.8,
        remedy=_ASKS_ITSELF,
    )


def _native(service: FoundService) -> Candidate | None:
    key = service.text.get("id", "").removeprefix(URN)
    if not key or key != _key("", key):
        return None
    kind = _CLASSES.get(service.text.get("cls", ""))
    return Candidate(
        id=key,
        driver=NATIVE,
        address=_address(service, usual=443),
        kind=kind.value if kind else "",
        vendor="",
        model=_shown(service.instance),
        serial="",
        source="mdns",
        confidence=0.5,
        remedy=_ASKS_ITSELF,
    )


def _commissionable(service: FoundService) -> Candidate:
    text = service.text
    device_type = text.get("dt", "")
    kind = _MATTER_KINDS.get(int(device_type)) if device_type.isdecimal() else None
    return Candidate(
        id=_key(MATTER, service.instance),
        driver=MATTER,
        address=_address(service, usual=5540),
        kind=kind.value if kind else "",
        vendor=_shown(text.get("vp", "")),
        model=_shown(text.get("dn") or "Matter device"),
        serial="",
        source="mdns",
        confidence=0.7,
        remedy="register it with its Matter setup code (`setup_code`)",
    )


def _serial(service: FoundService) -> str:
    """Return what in an announcement is most like a serial number: it tells devices of a kind apart."""
    said = service.text.get("serial") or service.text.get("serialnum") or service.text.get("id")
    return _shown(said or service.instance.rpartition("-")[2] or service.instance)


def _key(vendor: str, serial: str) -> str:
    """Return the key that a module of this vendor and serial number would have."""
    try:
        return Identity(vendor, "", serial).key[:64]
    except ValueError:
        return Identity(vendor, "", hashlib.sha256(serial.encode()).hexdigest()[:12]).key


def _address(service: FoundService, *, usual: int) -> str:
    # A farewell may come when the addresses are forgotten already.
    host = service.addresses[0] if service.addresses else service.host.rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    return shown if service.port == usual else f"{shown}:{service.port}"


def _shown(text: str) -> str:
    return "".join(each for each in text[:64] if each.isprintable())
