"""The interaction model's server: takes what clients ask and starts the interaction that answers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from matter_node.interaction.attribute_selection import AttributeSelection, single_report
from matter_node.interaction.event_selection import EventSelection
from matter_node.interaction.invoke import InvokeInteraction
from matter_node.interaction.messages import (
    status_response,
    take_invoke_request,
    take_read_request,
    take_subscribe_request,
    take_timed_request,
)
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import InvalidAction
from matter_node.interaction.report_exchange import ReportExchange, close_exchange
from matter_node.interaction.report_messages import ReportMessages, single_report_message
from matter_node.interaction.subscriptions import Subscriptions
from matter_node.interaction.timed import TimedInteraction
from matter_node.interaction.write import ListWriters, WriteInteraction
from matter_node.model.context import Context
from matter_node.status import Status
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from matter_node.clock import Clock
    from matter_node.interaction.messages import ReadRequest
    from matter_node.interaction.served_node import ServedNode
    from matter_node.interaction.subscriptions import Wire
    from matter_node.secure_channel.exchange import Exchange

_log = logging.getLogger(__name__)

_GROUP_OPCODES = frozenset({Opcode.WRITE_REQUEST, Opcode.INVOKE_REQUEST})


class InteractionEngine:
    """The handler of interaction model exchanges that clients open; register it for protocol 1.

    :param node: what is served
    :param wire: the message layer
    :ivar subscriptions: the subscriptions of all clients
    """

    def __init__(self, node: ServedNode, wire: Wire) -> None:
        self._node = node
        self._clock: Clock = node.tree.clock
        self._list_writers = ListWriters()
        self._running: set[asyncio.Task[None]] = set()
        self.subscriptions = Subscriptions(node, wire)

    async def close(self, grace: float = 0.0) -> None:
        """Stop: running commands are cancelled, subscriptions stay stored for the next start.

        :param grace: seconds that subscribers have to take the events that wait
        """
        await self.subscriptions.close(grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def on_exchange(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take the first message of an exchange."""
        if exchange.session.subject.auth_mode is AuthMode.GROUP and opcode not in _GROUP_OPCODES:
            return
        if opcode == Opcode.WRITE_REQUEST:
            self._write(exchange, opcode, payload, timed=False)
            return
        try:
            if opcode == Opcode.READ_REQUEST:
                self._read(exchange, payload)
            elif opcode == Opcode.INVOKE_REQUEST:
                self._invoke(exchange, payload, timed=False)
            elif opcode == Opcode.SUBSCRIBE_REQUEST:
                self.subscriptions.subscribe(exchange, take_subscribe_request(payload))
            elif opcode == Opcode.TIMED_REQUEST:
                timeout = take_timed_request(payload) / 1000
                TimedInteraction(self._clock, exchange, timeout, self._follow_timed)
            else:
                # a report that nobody here asked for belongs to a subscription that is gone
                unknown = opcode == Opcode.REPORT_DATA
                _refuse(exchange, Status.INVALID_SUBSCRIPTION if unknown else Status.INVALID_ACTION)
        except InvalidAction as error:
            _log.info("Message refused: %s", error)
            _refuse(exchange, Status.INVALID_ACTION)

    def _follow_timed(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.WRITE_REQUEST:
            self._write(exchange, opcode, payload, timed=True)
            return
        try:
            self._invoke(exchange, payload, timed=True)
        except InvalidAction as error:
            _log.info("Message refused: %s", error)
            _refuse(exchange, Status.INVALID_ACTION)

    def _read(self, exchange: Exchange, payload: bytes) -> None:
        request = take_read_request(payload)
        context = Context(exchange.session.subject, exchange.session)
        report = self._single(request, context)
        if report is not None:
            exchange.send(Opcode.REPORT_DATA, single_report_message(report))
            exchange.close()
            return
        attributes = AttributeSelection(request.attributes, request.data_versions)
        events = EventSelection(request.events, request.event_filters)
        messages = ReportMessages(
            None,
            attributes.reports(self._node, context, fabric_filtered=request.fabric_filtered),
            events.reports(self._node, context),
            suppress_response=True,
        )
        ReportExchange(self._clock, messages, close_exchange, confirmed=False).start(exchange)

    def _single(self, request: ReadRequest, context: Context) -> bytes | None:
        """Return the report for a request of the most common kind: one attribute, and nothing else."""
        paths = request.attributes
        if len(paths) != 1 or request.events or request.data_versions or not paths[0].concrete:
            return None
        return single_report(self._node, paths[0], context, fabric_filtered=request.fabric_filtered)

    def _write(self, exchange: Exchange, opcode: int, payload: bytes, *, timed: bool) -> None:
        interaction = WriteInteraction(self._node, self._clock, self._list_writers, timed=timed)
        interaction.on_message(exchange, opcode, payload)

    def _invoke(self, exchange: Exchange, payload: bytes, *, timed: bool) -> None:
        request = take_invoke_request(payload)
        interaction = InvokeInteraction(self._node, self._clock, timed=timed)
        status = interaction.judge(exchange, request)
        if status is not Status.SUCCESS:
            _refuse(exchange, status)
            return
        exchange.handler = interaction
        task = asyncio.get_running_loop().create_task(interaction.run(exchange, request))
        self._running.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("An invoke interaction failed", exc_info=error)


def _refuse(exchange: Exchange, status: Status) -> None:
    if exchange.session.subject.auth_mode is not AuthMode.GROUP:
        exchange.send(Opcode.STATUS_RESPONSE, status_response(status))
    exchange.close()
