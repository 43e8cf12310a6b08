"""Who else announces services of some types on the home network: DNS-SD browsing (RFC 6763 section 4).

What is heard is anybody's word: it is a hint of where to look, never a reason to trust. All of it is bounded.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from matter_node.transport.dns import DNSAddress, DNSPointer, DNSService, DNSText
from matter_node.transport.service import TYPE_A, TYPE_AAAA, TYPE_PTR, TYPE_SRV, TYPE_TXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from matter_node.transport.dns import DNSIncoming

MOST_SERVICES: Final = 500
"""Instances that are kept in mind; further ones are not noticed."""
MOST_ADDRESSES: Final = 16
"""Addresses of one host."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds between questions: doubled from the one to the other (RFC 6762 section 5.2)."""
MOST_QUESTIONS: Final = 3
"""How often the details of one instance are asked for."""
_LOCAL: Final = ".local."


@dataclass(frozen=True, slots=True)
class FoundService:
    """One instance that somebody announces.

    :ivar instance: its label, such as ``shellyplusplugs-a8032ab12345``
    :ivar kind: service type, such as ``_shelly._tcp``
    :ivar host: host name with the final ``.local.``
    :ivar text: keys, in small letters, and values of the TXT record; a key without a value has ``""``
    :ivar addresses: IPv4 first, then IPv6, link-local ones with the index of their interface as the zone
    """

    instance: str
    kind: str
    host: str
    port: int
    text: Mapping[str, str] = field(hash=False)
    addresses: tuple[str, ...]


@dataclass(slots=True)
class _Instance:
    name: str
    kind: str
    host: str = ""
    port: int = 0
    text: dict[str, str] | None = None
    asked: int = 0


class Browser:
    """Listens for instances of some service types, and asks for them now and then.

    :param kinds: service types, such as ``_shelly._tcp``
    :param ask: sends (name, record type) questions to everybody
    :param on_found: called with every instance that is complete, and again when it says something else or
        says the same again
    :param on_gone: called with every instance that took its leave
    :param own_host: gives the name of this host, whose services are not noticed
    """

    def __init__(
        self,
        kinds: Iterable[str],
        ask: Callable[[list[tuple[str, int]]], None],
        on_found: Callable[[FoundService], None],
        on_gone: Callable[[FoundService], None],
        *,
        own_host: Callable[[], str],
    ) -> None:
        self.kinds = tuple(kinds)
        self._suffixes = {f".{kind}{_LOCAL}".lower(): kind for kind in self.kinds}
        self._ask = ask
        self._on_found = on_found
        self._on_gone = on_gone
        self._own_host = own_host
        self._instances: dict[str, _Instance] = {}
        self._hosts: dict[str, dict[str, None]] = {}
        self._pause = FIRST_PAUSE
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Ask for every type now, and again in longer and longer pauses."""
        self.close()
        self._pause = FIRST_PAUSE
        for instance in self._instances.values():
            instance.asked = 0
        self._look()

    def close(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._ask([(f"{kind}{_LOCAL}", TYPE_PTR) for kind in self.kinds])
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._look)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def take(self, message: DNSIncoming, index: int) -> None:
        """Take a response.

        :param index: of the interface that it came in on
        """
        records = message.answers()
        touched: dict[str, None] = {}
        for record in records:
            if isinstance(record, DNSPointer):
                name = self._pointed(record)
            elif isinstance(record, DNSService | DNSText):
                name = self._detailed(record)
            else:
                continue
            if name is not None:
                touched[name] = None
        hosts = {instance.host for instance in self._instances.values() if instance.host}
        addresses = [each for each in records if isinstance(each, DNSAddress) and each.ttl]
        moved = set()
        for record in addresses:
            if record.name.lower() in hosts and self._addressed(record, index):
                moved.add(record.name.lower())
        for name, instance in self._instances.items():
            if instance.host in moved:
                touched[name] = None
        self._tell(touched)

    def _pointed(self, record: DNSPointer) -> str | None:
        kind = self._suffixes.get("." + record.name.lower())
        if kind is None or self._suffixes.get(_suffix(record.alias)) != kind:
            return None
        if not record.ttl:
            self._forget(record.alias.lower())
            return None
        return self._known(record.alias, kind)

    def _detailed(self, record: DNSService | DNSText) -> str | None:
        kind = self._suffixes.get(_suffix(record.name))
        if kind is None:
            return None
        if not record.ttl:
            if isinstance(record, DNSService):
                self._forget(record.name.lower())
            return None
        name = self._known(record.name, kind)
        if name is None:
            return None
        instance = self._instances[name]
        if isinstance(record, DNSText):
            instance.text = parse_text(record.text)
        else:
            instance.host, instance.port = record.server.lower(), record.port
        return name

    def _known(self, name: str, kind: str) -> str | None:
        """Return the name under which an instance is kept in mind, or None when there is no room for it."""
        lower = name.lower()
        if lower not in self._instances:
            if len(self._instances) >= MOST_SERVICES:
                return None
            self._instances[lower] = _Instance(name, kind)
        return lower

    def _addressed(self, record: DNSAddress, index: int) -> bool:
        """Note an address of a host; return whether it is new."""
        try:
            address = ip_address(record.address)
        except ValueError:
            return False
        text = str(address)
        if isinstance(address, IPv6Address) and address.is_link_local:
            text += f"%{index}"
        host = record.name.lower()
        if host not in self._hosts and len(self._hosts) >= MOST_SERVICES:
            used = {instance.host for instance in self._instances.values()}
            self._hosts = {name: known for name, known in self._hosts.items() if name in used}
        known = self._hosts.setdefault(host, {})
        if text in known:
            return False
        # an address that a host tells now is better than one that it told before it moved
        self._hosts[host] = dict.fromkeys([text, *known][:MOST_ADDRESSES])
        return True

    def _forget(self, name: str) -> None:
        instance = self._instances.pop(name, None)
        if instance is None:
            return
        if all(each.host != instance.host for each in self._instances.values()):
            self._hosts.pop(instance.host, None)
        if instance.host != self._own_host().lower():
            self._on_gone(self._service(instance))

    def _tell(self, touched: Iterable[str]) -> None:
        questions: list[tuple[str, int]] = []
        for name in touched:
            instance = self._instances[name]
            missing = self._missing(instance)
            if not missing:
                if instance.host != self._own_host().lower():
                    self._on_found(self._service(instance))
            elif instance.asked < MOST_QUESTIONS:
                instance.asked += 1
                questions += missing
        if questions:
            self._ask(questions)

    def _missing(self, instance: _Instance) -> list[tuple[str, int]]:
        """Return what is to be asked before an instance is complete."""
        missing = [] if instance.host else [(instance.name, TYPE_SRV)]
        if instance.text is None:
            missing.append((instance.name, TYPE_TXT))
        if instance.host and not self._hosts.get(instance.host):
            missing += [(instance.host, TYPE_A), (instance.host, TYPE_AAAA)]
        return missing

    def _service(self, instance: _Instance) -> FoundService:
        addresses = sorted(self._hosts.get(instance.host, ()), key=_rank)  # of a rank the newest first
        label = instance.name[: -len(f".{instance.kind}{_LOCAL}")]
        return FoundService(
            label, instance.kind, instance.host, instance.port, dict(instance.text or {}), tuple(addresses)
        )


def parse_text(data: bytes) -> dict[str, str]:
    """Return keys and values of a TXT record (RFC 6763 section 6); what is no text is left out."""
    found: dict[str, str] = {}
    position = 0
    while position < len(data):
        length = data[position]
        entry = data[position + 1 : position + 1 + length]
        position += 1 + length
        key, _, value = entry.partition(b"=")
        try:
            name = key.decode("ascii").lower()
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if name and name.isprintable():
            found.setdefault(name, text)
    return found


def _suffix(name: str) -> str:
    """Return the type that an instance's full name ends with, with a dot before it."""
    labels = name.lower().rsplit(".", 4)
    return "." + ".".join(labels[1:]) if len(labels) == 5 else ""


def _rank(text: str) -> int:
    """Rank addresses: what every driver can connect to first."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return 0
    return 2 if address.is_link_local else 1
