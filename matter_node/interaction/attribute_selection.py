"""The attributes that a read or a subscription is about (Matter Core 8.2.1.2, 8.4.3.2)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.messages import attribute_status_report
from matter_node.interaction.paths import AttributePath, WildcardFlag
from matter_node.model.qualities import Quality
from matter_node.model.shape import (
    ACCEPTED_COMMAND_LIST,
    ATTRIBUTE_LIST,
    GENERATED_COMMAND_LIST,
)
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matter_node.interaction.access import Grants
    from matter_node.interaction.served_node import ServedNode
    from matter_node.model.cluster import Cluster
    from matter_node.model.context import Context
    from matter_node.model.elements import Attribute
    from matter_node.model.endpoint import Endpoint
    from matter_node.model.shape import Shape

_log = logging.getLogger(__name__)

MAX_REPORT = MAX_MESSAGE_PAYLOAD - 19
"""Octets of the largest report: what a ReportData message leaves beside its other members."""

_VIEW = 1 << 1
_COMMAND_LISTS = frozenset({GENERATED_COMMAND_LIST, ACCEPTED_COMMAND_LIST})
_GLOBAL_LISTS = _COMMAND_LISTS | {ATTRIBUTE_LIST}
_DIAGNOSTICS_CLUSTERS = frozenset({0x0034, 0x0035, 0x0036, 0x0037})
"""Software, Thread, Wi-Fi and Ethernet network diagnostics: the clusters of quality K."""

_readable: dict[tuple[int, int, int], tuple[Shape, tuple[int, ...]]] = {}


def readable_attributes(shape: Shape, flags: int, privileges: int) -> tuple[int, ...]:
    """Return the ids of the attributes that a wildcard finds in a cluster of that shape.

    :param flags: `WildcardFlag` bits of the path
    :param privileges: the reader's, as a mask
    """
    key = (id(shape), flags, privileges)
    known = _readable.get(key)
    if known is None or known[0] is not shape:
        ids = tuple(
            id_
            for id_, attribute in shape.attributes.items()
            if _is_readable(attribute, privileges) and not _is_left_out(attribute, flags)
        )
        _readable[key] = known = (shape, ids)
    return known[1]


def _is_readable(attribute: Attribute[object], privileges: int) -> bool:
    needed = attribute.access.read
    return needed is not None and bool(privileges >> needed & 1)


def _is_left_out(attribute: Attribute[object], flags: int) -> bool:
    id_, quality = attribute.id, attribute.quality
    return bool(
        (flags & WildcardFlag.SKIP_GLOBAL_ATTRIBUTES and id_ in _GLOBAL_LISTS)
        or (flags & WildcardFlag.SKIP_ATTRIBUTE_LIST and id_ == ATTRIBUTE_LIST)
        or (flags & WildcardFlag.SKIP_COMMAND_LISTS and id_ in _COMMAND_LISTS)
        or (flags & WildcardFlag.SKIP_CUSTOM_ELEMENTS and id_ > 0xFFFF)
        or (flags & WildcardFlag.SKIP_FIXED_ATTRIBUTES and quality & Quality.FIXED)
        or (flags & WildcardFlag.SKIP_CHANGES_OMITTED_ATTRIBUTES and quality & Quality.CHANGES_OMITTED)
        or (flags & WildcardFlag.SKIP_DIAGNOSTICS_CLUSTERS and quality & Quality.DIAGNOSTICS)
    )


def _is_cluster_left_out(cluster_id: int, flags: int) -> bool:
    return bool(
        (flags & WildcardFlag.SKIP_CUSTOM_ELEMENTS and cluster_id > 0xFFFF)
        or (flags & WildcardFlag.SKIP_DIAGNOSTICS_CLUSTERS and cluster_id in _DIAGNOSTICS_CLUSTERS)
    )


def _finds_cluster(path: AttributePath, endpoint: Endpoint, cluster: Cluster) -> bool:
    if path.cluster is not None and path.cluster != cluster.ID:
        return False
    if path.endpoint is not None and path.endpoint != endpoint.number:
        return False
    flags = path.flags
    if not flags:
        return True
    if flags & WildcardFlag.SKIP_ROOT_NODE and endpoint.number == 0:
        return False
    return not _is_cluster_left_out(cluster.ID, flags)


class AttributeSelection:
    """The attributes that the paths of one request select.

    :param paths: the request's
    :param data_versions: clusters that the client has in this version already, by (endpoint, cluster)
    """

    def __init__(
        self, paths: tuple[AttributePath, ...], data_versions: Mapping[tuple[int, int], int] | None = None
    ) -> None:
        self.paths = paths
        self._data_versions = data_versions or {}
        self._concrete = frozenset((path.endpoint, path.cluster, path.attribute) for path in paths)
        self._wildcards = tuple(path for path in paths if not path.concrete)

    def covers(self, endpoint: Endpoint, cluster: Cluster, attribute_id: int) -> bool:
        """Tell whether an attribute that exists is selected, whoever asks."""
        if (endpoint.number, cluster.ID, attribute_id) in self._concrete:
            return True
        for path in self._wildcards:
            if path.attribute is not None and path.attribute != attribute_id:
                continue
            if _finds_cluster(path, endpoint, cluster) and not (
                path.flags and _is_left_out(cluster.shape.attributes[attribute_id], path.flags)
            ):
                return True
        return False

    def finds_anything(self, node: ServedNode, context: Context) -> bool:
        """Tell whether there is anything selected that the subject may read."""
        return next(self._found(node, context, {}), None) is not None or any(
            path.concrete and not isinstance(_resolve(node, path, context), Status) for path in self.paths
        )

    def reports(
        self, node: ServedNode, context: Context, *, fabric_filtered: bool, statuses: bool = True
    ) -> Iterator[bytes]:
        """Yield an AttributeReportIB for everything selected, made when it is asked for.

        First come the statuses of paths that name something that is not there or not permitted, then the
        data by endpoint, cluster and attribute. No report is longer than `MAX_REPORT`.

        :param statuses: False leaves the statuses out
        """
        named: dict[tuple[int, int], set[int]] = {}
        for path in self.paths:
            if not path.concrete:
                continue
            resolved = _resolve(node, path, context)
            if not isinstance(resolved, Status):
                named.setdefault((path.endpoint or 0, resolved.ID), set()).add(path.attribute or 0)
            elif statuses:
                yield attribute_status_report(path, resolved)
        versions = self._data_versions
        for endpoint, cluster, ids in self._found(node, context, named):
            if versions and versions.get((endpoint.number, cluster.ID)) == cluster.data_version:
                continue
            concrete = named.get((endpoint.number, cluster.ID), ())
            for id_ in ids:
                try:
                    report = cluster.report(id_, context, fabric_filtered=fabric_filtered)
                except Exception as error:  # noqa: BLE001 - one broken attribute must not hide all others
                    status = _failure(cluster, id_, error)
                    if statuses and id_ in concrete:
                        yield attribute_status_report(AttributePath(endpoint.number, cluster.ID, id_), status)
                    continue
                if len(report) <= MAX_REPORT:
                    yield report
                else:
                    yield from _split(cluster, id_, context, fabric_filtered=fabric_filtered)

    def _found(
        self, node: ServedNode, context: Context, named: dict[tuple[int, int], set[int]]
    ) -> Iterator[tuple[Endpoint, Cluster, tuple[int, ...]]]:
        """Yield the clusters that wildcards or `named` select, each with what is readable of it."""
        paths = tuple(path for path in self._wildcards if node.is_addressed(path.node, context.subject))
        endpoints = node.tree.endpoints
        if any(path.endpoint is None for path in paths):
            visited = tuple(endpoints.values())
        else:
            numbers = {number for number, _ in named} | {path.endpoint for path in paths}
            visited = tuple(endpoints[n] for n in sorted(n or 0 for n in numbers) if n in endpoints)
        for endpoint in visited:
            if endpoint.tree is None:
                continue  # removed meanwhile
            grants = node.access.grants(context.subject)
            for cluster in endpoint.clusters.values():
                ids = _select(paths, endpoint, cluster, grants) if paths else ()
                if named and (also := named.get((endpoint.number, cluster.ID))):
                    ids = tuple(sorted(also.union(ids)))
                if ids:
                    yield endpoint, cluster, ids


def _select(
    paths: tuple[AttributePath, ...], endpoint: Endpoint, cluster: Cluster, grants: Grants
) -> tuple[int, ...]:
    privileges = grants.on(endpoint, cluster.ID)
    if not privileges:
        return ()
    selected: tuple[int, ...] = ()
    for path in paths:
        if not _finds_cluster(path, endpoint, cluster):
            continue
        ids = readable_attributes(cluster.shape, path.flags, privileges)
        if path.attribute is not None:
            ids = (path.attribute,) if path.attribute in ids else ()
        selected = tuple(sorted({*selected, *ids})) if selected else ids
    return selected


def single_report(
    node: ServedNode, path: AttributePath, context: Context, *, fabric_filtered: bool
) -> bytes | None:
    """Return the AttributeReportIB of a concrete path, None if it does not fit in a message.

    The same as `AttributeSelection.reports` yields for that path alone, without the ceremony.
    """
    resolved = _resolve(node, path, context)
    if isinstance(resolved, Status):
        return attribute_status_report(path, resolved)
    id_ = path.attribute or 0
    try:
        report = resolved.report(id_, context, fabric_filtered=fabric_filtered)
    except Exception as error:  # noqa: BLE001 - whatever breaks in a server, the client gets an answer
        return attribute_status_report(path, _failure(resolved, id_, error))
    return report if len(report) <= MAX_REPORT else None


def _resolve(node: ServedNode, path: AttributePath, context: Context) -> Cluster | Status:
    """Return the cluster of a concrete path, or why its attribute can't be read (Matter Core 8.4.3.2)."""
    if path.node is not None and not node.is_addressed(path.node, context.subject):
        return Status.UNSUPPORTED_NODE
    grants = node.access.grants(context.subject)
    cluster = find_cluster(node, grants, path.endpoint or 0, path.cluster or 0, _VIEW)
    if isinstance(cluster, Status):
        return cluster
    attribute = cluster.shape.attributes.get(path.attribute or 0)
    if attribute is None:
        return Status.UNSUPPORTED_ATTRIBUTE
    if attribute.access.read is None:
        return Status.UNSUPPORTED_READ
    if not _is_readable(attribute, _privileges(grants, cluster)):
        return Status.UNSUPPORTED_ACCESS
    return cluster


def find_cluster(
    node: ServedNode, grants: Grants, endpoint_number: int, cluster_id: int, needed: int
) -> Cluster | Status:
    """Return a cluster instance, or why there is none for the subject.

    A subject without the privilege learns nothing of what exists (Matter Core 8.4.3.2).

    :param needed: the privilege that even asking takes, as a mask
    """
    endpoint = node.tree.endpoints.get(endpoint_number)
    if endpoint is None:
        known = grants.anywhere(endpoint_number, cluster_id) & needed
        return Status.UNSUPPORTED_ENDPOINT if known else Status.UNSUPPORTED_ACCESS
    if not grants.on(endpoint, cluster_id) & needed:
        return Status.UNSUPPORTED_ACCESS
    return endpoint.clusters.get(cluster_id) or Status.UNSUPPORTED_CLUSTER


def _privileges(grants: Grants, cluster: Cluster) -> int:
    return grants.on(cluster.endpoint, cluster.ID) if cluster.endpoint is not None else 0


def _split(cluster: Cluster, id_: int, context: Context, *, fabric_filtered: bool) -> Iterator[bytes]:
    """Yield a list that is too long for one message entry by entry."""
    if cluster.shape.attributes[id_].is_list:
        reports = cluster.report_items(id_, context, fabric_filtered=fabric_filtered)
        if all(len(report) <= MAX_REPORT for report in reports):
            yield from reports
            return
    _log.error("%s.%s does not fit in a message", cluster.NAME, cluster.shape.attributes[id_].name)
    number = cluster.endpoint.number if cluster.endpoint is not None else 0
    yield attribute_status_report(AttributePath(number, cluster.ID, id_), Status.RESOURCE_EXHAUSTED)


def _failure(cluster: Cluster, id_: int, error: Exception) -> Status:
    name = cluster.shape.attributes[id_].name
    if isinstance(error, StatusError):
        _log.info("%s.%s cannot be read: %s", cluster.NAME, name, error)
        return error.status
    _log.error("Reading %s.%s failed", cluster.NAME, name, exc_info=error)
    return Status.FAILURE
