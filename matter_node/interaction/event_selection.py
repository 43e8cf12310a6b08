"""The events that a read or a subscription is about (Matter Core 8.2.1.3, 8.4.3.3)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.interaction.attribute_selection import MAX_REPORT, find_cluster
from matter_node.interaction.messages import event_status_report
from matter_node.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.interaction.paths import EventPath
    from matter_node.interaction.served_node import ServedNode
    from matter_node.model.context import Context
    from matter_node.model.event_log import EventRecord
    from matter_node.subject import Subject

_log = logging.getLogger(__name__)

_VIEW = 1 << 1


class EventSelection:
    """The events that the paths of one request select.

    :param filters: (node id or None, least event number) pairs of the request
    """

    __slots__ = ("_filters", "paths")

    def __init__(
        self, paths: tuple[EventPath, ...], filters: tuple[tuple[int | None, int], ...] = ()
    ) -> None:
        self.paths = paths
        self._filters = filters

    def covers(self, record: EventRecord) -> bool:
        """Tell whether an event is selected, whoever asks."""
        return any(_matches(path, record) for path in self.paths)

    def is_urgent(self, record: EventRecord) -> bool:
        """Tell whether an event wakes a report."""
        return any(path.urgent and _matches(path, record) for path in self.paths)

    def finds_anything(self, node: ServedNode, context: Context) -> bool:
        """Tell whether there is a kind of event selected that the subject may read."""
        for path in self.paths:
            if path.concrete:
                if _status(node, path, context) is None:
                    return True
            elif self._finds_kind(node, path, context):
                return True
        return False

    def reports(self, node: ServedNode, context: Context, *, statuses: bool = True) -> Iterator[bytes]:
        """Yield an EventReportIB for every event selected and kept, ascending, after paths' statuses."""
        if not self.paths:
            return
        if statuses:
            for path in self.paths:
                if path.concrete and (status := _status(node, path, context)) is not None:
                    yield event_status_report(path, status)
        records = node.tree.events.since(self._least_number(node, context.subject))
        yield from event_reports(node, context, (record for record in records if self.covers(record)))

    def _least_number(self, node: ServedNode, subject: Subject) -> int:
        return max((least for id_, least in self._filters if node.is_addressed(id_, subject)), default=0)

    @staticmethod
    def _finds_kind(node: ServedNode, path: EventPath, context: Context) -> bool:
        grants = node.access.grants(context.subject)
        for endpoint in node.tree:
            if path.endpoint is not None and path.endpoint != endpoint.number:
                continue
            for cluster in endpoint.clusters.values():
                if path.cluster is not None and path.cluster != cluster.ID:
                    continue
                privileges = grants.on(endpoint, cluster.ID)
                # A cluster of the kind without events yet may get some: being allowed to look is enough.
                if privileges & _VIEW and (path.event is None or path.event in cluster.shape.events):
                    return True
        return False


def event_reports(node: ServedNode, context: Context, records: Iterable[EventRecord]) -> Iterator[bytes]:
    """Yield an EventReportIB for each of the events that the subject may see."""
    subject = context.subject
    for record in records:
        if record.fabric_index and record.fabric_index != subject.fabric_index:
            continue
        endpoint = node.tree.endpoints.get(record.endpoint)
        needed = record.event.access.read
        if endpoint is None or needed is None:
            continue
        if not node.access.grants(subject).on(endpoint, record.cluster) >> needed & 1:
            continue
        report = event_report(record)
        if len(report) <= MAX_REPORT:
            yield report
        else:
            _log.error("Event %d does not fit in a message", record.number)


def event_report(record: EventRecord) -> bytes:
    """Return the EventReportIB of an event (Matter Core 10.6.10)."""
    out = bytearray(b"\x15\x35\x01\x37\x00")  # EventReportIB { 1: EventDataIB { 0: EventPathIB [
    tlv.put_uint(out, 1, record.endpoint)
    tlv.put_uint(out, 2, record.cluster)
    tlv.put_uint(out, 3, record.event.id)
    out += b"\x18"
    tlv.put_uint(out, 1, record.number)
    tlv.put_uint(out, 2, record.event.priority)
    if record.epoch_ms is not None:
        tlv.put_uint(out, 3, record.epoch_ms)
    else:
        tlv.put_uint(out, 4, record.system_ms)
    out += record.data
    out += b"\x18\x18"
    return bytes(out)


def _matches(path: EventPath, record: EventRecord) -> bool:
    return (
        path.endpoint in {None, record.endpoint}
        and path.cluster in {None, record.cluster}
        and path.event in {None, record.event.id}
    )


def _status(node: ServedNode, path: EventPath, context: Context) -> Status | None:
    """Return why a concrete path has no events for the subject, None if it may have."""
    if not node.is_addressed(path.node, context.subject):
        return Status.UNSUPPORTED_NODE
    grants = node.access.grants(context.subject)
    cluster = find_cluster(node, grants, path.endpoint or 0, path.cluster or 0, _VIEW)
    if isinstance(cluster, Status):
        return cluster
    event = cluster.shape.events.get(path.event or 0)
    if event is None:
        return Status.UNSUPPORTED_EVENT
    endpoint = cluster.endpoint
    needed = event.access.read
    if endpoint is None or needed is None or not grants.on(endpoint, cluster.ID) >> needed & 1:
        return Status.UNSUPPORTED_ACCESS
    return None
