"""A multicast DNS responder and resolver for a handful of services (RFC 6762).

The messages are built and parsed by zeroconf. Its registry is not used: it knows no subtypes, holds back
answers to a repeated question for a second, and delays others at random, while a commissioner counts
milliseconds. Nor is anything probed: instance and host names are made of ids that nobody else has.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import TYPE_CHECKING

from matter_node.transport.dns import DNSIncoming, DNSOutgoing, DNSQuestion, DNSRecord
from matter_node.transport.service import CLASS_IN, TTL, TYPE_ANY, Service, address_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matter_node.transport.interfaces import Interface

_log = logging.getLogger(__name__)

MDNS_PORT = 5353
_IPV6_GROUP = "ff02::fb"
_IPV4_GROUP = "224.0.0.251"
_RESPONSE = 0x8400
_QUERY = 0
_LEGACY_TTL = 10
_BUDGET = 32
_MAX_ANSWERS_PER_SECOND = 50
"""Multicast answers a second on one interface: far above any home's need, far below a flood."""
_ANNOUNCEMENTS = (0.0, 1.0)
_MAX_PACKET = 9000


class Link:
    """The responder's sockets on one interface, IPv6 and, if it has an address, IPv4."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface
        self.sockets = [_open_ipv6(interface)]
        if interface.ipv4 is not None:
            self.sockets.append(_open_ipv4(interface))
        self._allowance = float(_MAX_ANSWERS_PER_SECOND)
        self._refilled = 0.0

    def may_answer(self, now: float) -> bool:
        """Count an answer; tell whether the interface has carried too many lately."""
        self._allowance += (now - self._refilled) * _MAX_ANSWERS_PER_SECOND
        self._allowance = min(self._allowance, float(_MAX_ANSWERS_PER_SECOND))
        self._refilled = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def multicast(self, message: DNSOutgoing) -> None:
        """Send to everybody on the interface, over both protocols."""
        packets = message.packets()
        for opened in self.sockets:
            group: tuple[str, int] | tuple[str, int, int, int] = (_IPV4_GROUP, MDNS_PORT)
            if opened.family == socket.AF_INET6:
                group = (_IPV6_GROUP, MDNS_PORT, 0, self.interface.index)
            for packet in packets:
                _send(opened, packet, group)

    def close(self) -> None:
        """Close the sockets."""
        for opened in self.sockets:
            opened.close()


class Responder:
    """Shows services on interfaces, and asks questions.

    :param host: host name with the final ``.local.``
    :param on_response: called with every response that comes in and the index of its interface
    """

    def __init__(self, host: str, on_response: Callable[[DNSIncoming, int], None]) -> None:
        self.host = host
        self._on_response = on_response
        self._loop = asyncio.get_running_loop()
        self._links: dict[int, Link] = {}
        self._services: dict[str, Service] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def set_interfaces(self, chosen: Iterable[Interface]) -> None:
        """Be present on these interfaces, and on no others; announce where anything is new."""
        wanted = {interface.index: interface for interface in chosen}
        for index, link in tuple(self._links.items()):
            if wanted.get(index) != link.interface:
                self._close_link(self._links.pop(index))
        fresh = []
        for index, interface in wanted.items():
            if index in self._links:
                continue
            try:
                link = Link(interface)
            except OSError as error:
                _log.warning("No multicast DNS on %s: %s", interface.name, error)
                continue
            self._links[index] = link
            fresh.append(link)
            for opened in link.sockets:
                self._loop.add_reader(opened.fileno(), self._drain, link, opened)
        self._announce(tuple(self._services), fresh)

    def set_services(self, services: Iterable[Service]) -> None:
        """Show these services, and no others: take leave of those gone, announce the new and the changed."""
        wanted = {service.name.lower(): service for service in services}
        gone = [s for name, s in self._services.items() if name not in wanted]
        # a subtype that a changed service has no longer is gone as well
        changed = [name for name, service in wanted.items() if self._services.get(name) != service]
        stale = [self._services[name] for name in changed if name in self._services]
        self._services = wanted
        kept = {record for s in wanted.values() for record in s.pointers()}
        farewell = [r for s in gone for r in (*s.pointers(0), *s.details(self.host, 0)) if r not in kept]
        farewell += [r for s in stale for r in s.pointers(0) if r not in kept]
        if farewell:
            for link in self._links.values():
                link.multicast(_response(farewell))
        self._announce(changed, self._links.values())

    def announce(self) -> None:
        """Tell everybody of all services anew."""
        self._announce(tuple(self._services), self._links.values())

    def ask(self, questions: Iterable[tuple[str, int]]) -> None:
        """Send a query for (name, type) pairs on all interfaces."""
        message = DNSOutgoing(_QUERY)
        for name, kind in questions:
            message.add_question(DNSQuestion(name, kind, CLASS_IN))
        for link in self._links.values():
            link.multicast(message)

    def close(self) -> None:
        """Take leave of all services and close."""
        self.set_services(())
        for timer in self._timers:
            timer.cancel()
        for link in self._links.values():
            self._close_link(link)
        self._links.clear()

    def _close_link(self, link: Link) -> None:
        for opened in link.sockets:
            self._loop.remove_reader(opened.fileno())
        link.close()

    def _announce(self, names: Iterable[str], links: Iterable[Link]) -> None:
        names, indices = tuple(names), tuple(link.interface.index for link in links)
        if not names or not indices:
            return

        def announce() -> None:
            present = [self._services[name] for name in names if name in self._services]
            for index in indices:
                link = self._links.get(index)
                if link is not None and present:
                    records = [r for s in present for r in (*s.pointers(), *s.details(self.host))]
                    link.multicast(_response(records + address_records(self.host, link.interface)))

        announce()
        self._timers = {timer for timer in self._timers if timer.when() > self._loop.time()}
        for delay in _ANNOUNCEMENTS[1:]:
            self._timers.add(self._loop.call_later(delay, announce))

    def _drain(self, link: Link, opened: socket.socket) -> None:
        for _ in range(_BUDGET):
            try:
                packet, source = opened.recvfrom(_MAX_PACKET)
            except OSError:
                return
            message = DNSIncoming(packet)
            if not message.valid:
                continue
            if message.is_query():
                self._answer(message, link, opened, source)
            else:
                self._on_response(message, link.interface.index)

    def _answer(self, query: DNSIncoming, link: Link, opened: socket.socket, source: tuple[str, int]) -> None:
        matches = [(question, self._matching(question, link)) for question in query.questions]
        if not any(found for _, found in matches):
            return
        known = set() if source[1] != MDNS_PORT else {r for r in query.answers() if r.ttl * 2 >= TTL}
        answers: dict[DNSRecord, None] = {}
        unicast = False
        for question, found in matches:
            untold = [record for record in found if record not in known]
            answers.update(dict.fromkeys(untold))
            unicast = unicast or (bool(untold) and question.unique)
        if not answers or not link.may_answer(self._loop.time()):
            return
        additional = [r for r in self._additional(answers, link) if r not in answers and r not in known]
        if source[1] != MDNS_PORT:
            _send(opened, _legacy_response(query, answers, additional), source)
            return
        response = _response(answers, additional)
        if unicast:
            for packet in response.packets():
                _send(opened, packet, source)
        # always by multicast too, and at once: with several responders on a host a unicast answer reaches
        # only one of them, and a commissioner that asks again has not heard the first answer
        link.multicast(_response(answers, additional))

    def _matching(self, question: DNSQuestion, link: Link) -> list[DNSRecord]:
        name = question.name.lower()
        records: list[DNSRecord] = []
        if name == self.host.lower():
            records = address_records(self.host, link.interface) if self._services else []
        elif name in self._services:
            records = self._services[name].details(self.host)
        else:
            records = [r for s in self._services.values() for r in s.pointers() if r.name.lower() == name]
        return [r for r in records if question.type in (r.type, TYPE_ANY)]

    def _additional(self, answers: Iterable[DNSRecord], link: Link) -> list[DNSRecord]:
        """Return what a client will ask for next: details of instances, addresses of the host."""
        names = {getattr(record, "alias", record.name).lower() for record in answers}
        services = [self._services[name] for name in names if name in self._services]
        details = [record for service in services for record in service.details(self.host)]
        if not details:
            return []
        return [*details, *address_records(self.host, link.interface)]


def _response(answers: Iterable[DNSRecord], additional: Iterable[DNSRecord] = ()) -> DNSOutgoing:
    message = DNSOutgoing(_RESPONSE)
    for record in answers:
        message.add_answer_at_time(record, 0)
    for record in additional:
        message.add_additional_answer(record)
    return message


def _legacy_response(
    query: DNSIncoming, answers: Iterable[DNSRecord], additional: Iterable[DNSRecord]
) -> bytes:
    """Return the answer to a client that is no multicast DNS host (RFC 6762 section 6.7)."""
    message = DNSOutgoing(_RESPONSE, multicast=False, id_=query.id)
    for question in query.questions:
        message.add_question(question)
    for record in answers:
        message.add_answer_at_time(record, 0)
    for record in additional:
        message.add_additional_answer(record)
    return message.packets()[0]


def _send(opened: socket.socket, packet: bytes, address: tuple[str, int] | tuple[str, int, int, int]) -> None:
    try:
        opened.sendto(packet, address)
    except OSError as error:
        _log.debug("Could not send multicast DNS to %s: %s", address[0], error)


def _open(family: socket.AddressFamily, interface: Interface) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    # other responders of the host share the port
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.name.encode())
    return opened


def _open_ipv6(interface: Interface) -> socket.socket:
    opened = _open(socket.AF_INET6, interface)
    try:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index)
        opened.bind(("::", MDNS_PORT))
        membership = socket.inet_pton(socket.AF_INET6, _IPV6_GROUP) + struct.pack("=I", interface.index)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    except OSError:
        opened.close()
        raise
    return opened


def _open_ipv4(interface: Interface) -> socket.socket:
    opened = _open(socket.AF_INET, interface)
    try:
        own = struct.pack("=4s4si", bytes(4), bytes(4), interface.index)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        opened.bind(("", MDNS_PORT))
        membership = struct.pack("=4s4si", socket.inet_aton(_IPV4_GROUP), bytes(4), interface.index)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        opened.close()
        raise
    return opened
