"""Writes: attributes set by clients, alone, in lists entry by entry, and by groups (Matter Core 8.7)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.afterwards import run_afterwards
from matter_node.interaction.attribute_selection import find_cluster
from matter_node.interaction.messages import (
    WRITE_RESPONSE_OVERHEAD,
    attribute_status,
    status_response,
    take_write_request,
    write_response,
)
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import APPEND, WHOLE, AttributePath, InvalidAction
from matter_node.interaction.report_exchange import response_timeout
from matter_node.model.context import Context
from matter_node.model.qualities import Privilege
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from matter_node.clock import Clock, Timer
    from matter_node.interaction.messages import AttributeWrite, WriteRequest
    from matter_node.interaction.served_node import ServedNode
    from matter_node.model.cluster import Cluster
    from matter_node.model.elements import Attribute
    from matter_node.secure_channel.exchange import Exchange

_log = logging.getLogger(__name__)

_VIEW = 1 << Privilege.VIEW
_WORST_CLUSTER_STATUS = 0xFF

_Target = tuple[int, int, int]


class ListWriters:
    """Which lists are being written in several messages, and by whom: others have to wait."""

    __slots__ = ("_writers",)

    def __init__(self) -> None:
        self._writers: dict[_Target, WriteInteraction] = {}

    def holds_off(self, target: _Target, writer: WriteInteraction) -> bool:
        """Tell whether somebody else is writing that list."""
        return self._writers.get(target, writer) is not writer

    def claim(self, target: _Target, writer: WriteInteraction) -> None:
        """Keep others from a list."""
        self._writers[target] = writer

    def release(self, writer: WriteInteraction) -> None:
        """Let others write what this writer had claimed."""
        for target in [target for target, holder in self._writers.items() if holder is writer]:
            del self._writers[target]


class WriteInteraction:
    """One write interaction of one or more messages: the handler of its exchange.

    :param timed: it was announced by a TimedRequest
    """

    __slots__ = ("_clock", "_context", "_last", "_list_writers", "_node", "_timed", "_timer", "_versions")

    def __init__(self, node: ServedNode, clock: Clock, list_writers: ListWriters, *, timed: bool) -> None:
        self._node = node
        self._clock = clock
        self._list_writers = list_writers
        self._timed = timed
        self._context: Context | None = None
        self._last: _Target | None = None
        self._timer: Timer | None = None
        self._versions: dict[Cluster, int] = {}

    # ------------------------------------------------------------------ the exchange

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take a message of writes and answer it."""
        self._stop_waiting()
        try:
            self._process(exchange, take_write_request(opcode, payload))
        except InvalidAction as error:
            _log.info("Write refused: %s", error)
            self._refuse(exchange, Status.INVALID_ACTION)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Do what was to wait for the response, if that is what the client has now."""
        _ = exchange
        if self._timer is None:
            run_afterwards(self._context)

    def on_failed(self, exchange: Exchange) -> None:
        """End without having answered."""
        _ = exchange
        self._end()
        run_afterwards(self._context)

    def _process(self, exchange: Exchange, request: WriteRequest) -> None:
        subject = exchange.session.subject
        if subject.auth_mode is AuthMode.GROUP:
            self.process_group(exchange, request)
            return
        if request.more and (request.timed or request.suppress_response):
            raise InvalidAction("a chunked write is neither timed nor unanswered")
        if any(write.path.endpoint is None for write in request.writes):
            raise InvalidAction("a write to any endpoint outside of a group")
        if request.timed is not self._timed:
            self._refuse(exchange, Status.TIMED_REQUEST_MISMATCH)
            return
        if not _is_answerable(request.writes):
            self._refuse(exchange, Status.RESOURCE_EXHAUSTED)
            return
        afterwards = self._context.afterwards if self._context is not None else []
        self._context = Context(subject, exchange.session, self._timed, afterwards=afterwards)
        statuses = self._write_all(request.writes)
        if request.more:
            if self._last is not None:
                self._list_writers.claim(self._last, self)
            exchange.handler = self
            self._timer = self._clock.call_later(response_timeout(exchange), lambda: self._give_up(exchange))
        else:
            self._end()
        if request.suppress_response:
            run_afterwards(self._context)
        else:
            if self._context.afterwards:
                exchange.handler = self
            exchange.send(Opcode.WRITE_RESPONSE, write_response(statuses))
        if not request.more:
            exchange.close()

    def process_group(self, exchange: Exchange, request: WriteRequest) -> None:
        """Write to the endpoints of a group; nobody learns what came of it."""
        subject = exchange.session.subject
        if not request.suppress_response or request.timed or request.more or self._node.groups is None:
            return
        self._context = context = Context(subject, exchange.session)
        self._node.tree.begin_transaction()
        self._versions.clear()
        for write in request.writes:
            if write.path.endpoint is not None:
                continue
            for number in sorted(self._node.groups.endpoints(subject.fabric_index, subject.group_id)):
                path = write.path._replace(endpoint=number)
                status, _ = self._write(write._replace(path=path), context)
                _log.debug("Group write of %s: %s", path, status.name)
        run_afterwards(self._context)

    def _refuse(self, exchange: Exchange, status: Status) -> None:
        self._end()
        if exchange.session.subject.auth_mode is not AuthMode.GROUP:
            exchange.send(Opcode.STATUS_RESPONSE, status_response(status))
        exchange.close()

    def _give_up(self, exchange: Exchange) -> None:
        self._timer = None
        self._end()
        run_afterwards(self._context)
        exchange.close()

    def _end(self) -> None:
        self._stop_waiting()
        self._list_writers.release(self)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------------ the writes

    def _write_all(self, writes: tuple[AttributeWrite, ...]) -> list[bytes]:
        """Write in order; return one status a write, appends joined with what they follow."""
        assert self._context is not None
        self._node.tree.begin_transaction()
        self._versions.clear()
        answers: list[tuple[AttributePath, Status, int | None]] = []
        for write in writes:
            status, cluster_status = self._write(write, self._context)
            path = write.path._replace(list_index=WHOLE)
            if write.path.list_index == APPEND and answers and answers[-1][0] == path:
                if answers[-1][1] is Status.SUCCESS:
                    answers[-1] = (path, status, cluster_status)
            else:
                answers.append((path, status, cluster_status))
        return [attribute_status(*answer) for answer in answers]

    def _write(self, write: AttributeWrite, context: Context) -> tuple[Status, int | None]:
        """Write one attribute or list entry; return its status and cluster status."""
        path = write.path
        target = (path.endpoint or 0, path.cluster or 0, path.attribute or 0)
        follows = path.list_index == APPEND and self._last == target
        self._last = None
        try:
            cluster, attribute = self._permitted(path, context, follows=follows)
            if self._list_writers.holds_off(target, self) or (path.list_index == APPEND and not follows):
                return Status.BUSY, None
            # An append goes with what it follows, and one message's writes are one change of the cluster.
            if write.data_version is not None and not follows:
                if cluster not in self._versions:
                    self._versions[cluster] = cluster.data_version
                if write.data_version != self._versions[cluster]:
                    return Status.DATA_VERSION_MISMATCH, None
            value = _new_value(cluster, attribute, context, write)
            if path.list_index == APPEND:
                context = replace(context, appending=True)
            cluster.write(attribute, context, value)
        except StatusError as error:
            _log.info("Write of %s refused: %s", path, error)
            return error.status, error.cluster_status
        except Exception:  # noqa: BLE001 - whatever breaks in a server, the client gets an answer
            _log.exception("Write of %s failed", path)
            return Status.FAILURE, None
        if attribute.is_list:
            self._last = target
        return Status.SUCCESS, None

    def _permitted(
        self, path: AttributePath, context: Context, *, follows: bool
    ) -> tuple[Cluster, Attribute[Any]]:
        """Return what a path names, if it may be written (Matter Core 8.7.3.2).

        :param follows: the write continues a list that was begun; the decision made then still holds
        """
        if not self._node.is_addressed(path.node, context.subject):
            raise StatusError(Status.UNSUPPORTED_NODE)
        if follows and (endpoint := self._node.tree.endpoints.get(path.endpoint or 0)) is not None:
            cluster = endpoint.clusters[path.cluster or 0]
            return cluster, cluster.shape.attributes[path.attribute or 0]
        grants = self._node.access.grants(context.subject)
        found = find_cluster(self._node, grants, path.endpoint or 0, path.cluster or 0, _VIEW)
        if isinstance(found, Status):
            raise StatusError(found)
        attribute = found.shape.attributes.get(path.attribute or 0)
        if attribute is None:
            raise StatusError(Status.UNSUPPORTED_ATTRIBUTE)
        access = attribute.access
        if access.write is None:
            raise StatusError(Status.UNSUPPORTED_WRITE)
        if found.endpoint is None or not grants.on(found.endpoint, found.ID) >> access.write & 1:
            raise StatusError(Status.UNSUPPORTED_ACCESS)
        if access.timed and not context.timed:
            raise StatusError(Status.NEEDS_TIMED_INTERACTION)
        if (attribute.fabric_scoped or access.fabric_scoped) and not context.fabric_index:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "fabric-scoped data without a fabric")
        return found, attribute


def _new_value(cluster: Cluster, attribute: Attribute[Any], context: Context, write: AttributeWrite) -> Any:
    """Return the value that the attribute, or the accessing fabric's part of the list, is to have."""
    data = write.data
    if write.path.list_index == APPEND and attribute.entry is None:
        raise StatusError(Status.INVALID_ACTION, "nothing can be appended to what is no list")
    try:
        if attribute.entry is None or write.path.list_index == WHOLE:
            return attribute.datatype.take_for(data, context.fabric_index)
        entry = attribute.entry.take_for(data, context.fabric_index)
    except StatusError as error:
        if error.status is Status.INVALID_COMMAND:  # a member of a struct is missing
            raise StatusError(Status.CONSTRAINT_ERROR, str(error)) from None
        raise
    present = cluster.read(attribute, context) or ()
    if attribute.fabric_scoped:
        present = tuple(item for item in present if item.fabric_index == context.fabric_index)
    return (*present, entry)


def _is_answerable(writes: tuple[AttributeWrite, ...]) -> bool:
    """Tell whether the statuses of all writes fit in the one message there is for them."""
    if len(writes) <= 32:
        return True
    length = WRITE_RESPONSE_OVERHEAD
    last: AttributePath | None = None
    for write in writes:
        path = write.path._replace(list_index=WHOLE)
        if write.path.list_index != APPEND or path != last:
            length += len(attribute_status(path, Status.FAILURE, _WORST_CLUSTER_STATUS))
        last = path
    return length <= MAX_MESSAGE_PAYLOAD
