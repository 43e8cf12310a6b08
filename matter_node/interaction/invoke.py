"""Invokes: commands run for clients, alone, in batches and for groups (Matter Core 8.8)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.afterwards import run_afterwards
from matter_node.interaction.attribute_selection import find_cluster
from matter_node.interaction.messages import (
    INVOKE_RESPONSE_OVERHEAD,
    command_data,
    command_status,
    invoke_response,
    status_response,
    take_status_response,
)
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import CommandPath, InvalidAction
from matter_node.interaction.report_exchange import response_timeout
from matter_node.model.context import Context
from matter_node.model.qualities import Privilege
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from matter_node.clock import Clock, Timer
    from matter_node.interaction.messages import CommandCall, InvokeRequest
    from matter_node.interaction.served_node import ServedNode
    from matter_node.model.cluster import Cluster
    from matter_node.model.elements import Command
    from matter_node.model.struct import Struct
    from matter_node.secure_channel.exchange import Exchange

_log = logging.getLogger(__name__)

MAX_PATHS_PER_INVOKE = 10
"""Commands that one message may hold, as BasicInformation and the session parameters state it."""
COMMAND_SECONDS = 60.0
"""How long a command may take; no client waits longer."""

_OPERATE = 1 << Privilege.OPERATE
_ROOM = MAX_MESSAGE_PAYLOAD - INVOKE_RESPONSE_OVERHEAD


class InvokeInteraction:
    """One invoke interaction: the handler of its exchange.

    :param timed: it was announced by a TimedRequest
    """

    __slots__ = ("_clock", "_context", "_node", "_responses", "_timed", "_timer")

    def __init__(self, node: ServedNode, clock: Clock, *, timed: bool) -> None:
        self._node = node
        self._clock = clock
        self._timed = timed
        self._context: Context | None = None
        self._responses: list[bytes] = []
        self._timer: Timer | None = None

    # ------------------------------------------------------------------ the request

    def judge(self, exchange: Exchange, request: InvokeRequest) -> Status:
        """Judge a request as a whole: SUCCESS, or the status that answers all of it.

        :raises InvalidAction: it breaks the rules of batches or of groups
        """
        calls = request.calls
        if not 1 <= len(calls) <= MAX_PATHS_PER_INVOKE:
            raise InvalidAction(f"{len(calls)} commands in a message")
        if exchange.session.subject.auth_mode is AuthMode.GROUP:
            if any(call.path.endpoint is not None for call in calls):
                raise InvalidAction("a group command that names an endpoint")
        elif len(calls) > 1:
            references = {call.reference for call in calls}
            if None in references or len(references) < len(calls):
                raise InvalidAction("a batch whose references do not tell its commands apart")
            if len({call.path for call in calls}) < len(calls):
                raise InvalidAction("a command twice in a batch")
            if any(call.path.endpoint is None for call in calls):
                raise InvalidAction("a wildcard in a batch")
        return Status.SUCCESS if request.timed is self._timed else Status.TIMED_REQUEST_MISMATCH

    async def run(self, exchange: Exchange, request: InvokeRequest) -> None:
        """Run the commands in order and send the answers."""
        context = self._context = Context(exchange.session.subject, exchange.session, self._timed)
        group = context.subject.auth_mode is AuthMode.GROUP
        answers: list[bytes] = []
        for call in request.calls:
            for path in self._expand(call.path, context):
                answer = await self._answer(path, call, context, suppress=request.suppress_response)
                if answer is not None and (call.path.endpoint is not None or not _is_path_error(answer)):
                    answers.append(answer.encoded)
        if exchange.closed:
            if not group:
                _log.info("Nobody is left to take the answer to %d commands", len(request.calls))
            run_afterwards(self._context)
            return
        if group or (request.suppress_response and not answers):
            run_afterwards(self._context)
            exchange.close()
            return
        self._responses = answers
        self._send(exchange)

    def _expand(self, path: CommandPath, context: Context) -> list[CommandPath]:
        """Return the concrete paths of a path, which is one itself unless it names no endpoint."""
        if path.endpoint is not None:
            return [path]
        subject = context.subject
        if subject.auth_mode is not AuthMode.GROUP:
            numbers = list(self._node.tree.endpoints)
        elif self._node.groups is not None:
            numbers = sorted(self._node.groups.endpoints(subject.fabric_index, subject.group_id))
        else:
            numbers = []
        return [path._replace(endpoint=number) for number in numbers]

    async def _answer(
        self, path: CommandPath, call: CommandCall, context: Context, *, suppress: bool
    ) -> _Answer | None:
        """Run one command; return its answer, None for one that is not to be sent."""
        found: tuple[Cluster, Command] | None = None
        cluster_status: int | None = None
        try:
            found = cluster, command = self._permitted(path, context)
            request = _take_request(command, call.fields, context.fabric_index)
            self._node.tree.begin_transaction()
            async with asyncio.timeout(COMMAND_SECONDS):
                response = await cluster.invoke(command, context, request)
            if response is not None and command.response_id is not None:
                fields = response.to_tlv(1)
                encoded = command_data(path._replace(command=command.response_id), call.reference, fields)
                if len(encoded) <= _ROOM:
                    return _Answer(encoded, reached=True)
                raise StatusError(Status.RESOURCE_EXHAUSTED, "the response does not fit in a message")  # noqa: TRY301 - handled as any other refusal
            status = Status.SUCCESS
        except StatusError as error:
            _log.info("Command %s refused: %s", path, error)
            status, cluster_status = error.status, error.cluster_status
        except TimeoutError:
            _log.warning("Command %s took too long", path)
            status = Status.TIMEOUT
        except Exception:  # noqa: BLE001 - whatever breaks in a server, the client gets an answer
            _log.exception("Command %s failed", path)
            status = Status.FAILURE
        if suppress:
            return None
        return _Answer(
            command_status(path, call.reference, status, cluster_status), reached=found is not None
        )

    def _permitted(self, path: CommandPath, context: Context) -> tuple[Cluster, Command]:
        """Return what a path names, if it may be invoked (Matter Core 8.8.3.2)."""
        grants = self._node.access.grants(context.subject)
        cluster = find_cluster(self._node, grants, path.endpoint or 0, path.cluster, _OPERATE)
        if isinstance(cluster, Status):
            raise StatusError(cluster)
        command = cluster.shape.commands.get(path.command)
        if command is None:
            raise StatusError(Status.UNSUPPORTED_COMMAND)
        needed, endpoint = command.access.write, cluster.endpoint
        if endpoint is None or needed is None or not grants.on(endpoint, cluster.ID) >> needed & 1:
            raise StatusError(Status.UNSUPPORTED_ACCESS)
        if command.access.fabric_scoped and not context.fabric_index:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "a fabric-scoped command without a fabric")
        if command.access.timed and not context.timed:
            raise StatusError(Status.NEEDS_TIMED_INTERACTION)
        return cluster, command

    # ------------------------------------------------------------------ the answers

    def _send(self, exchange: Exchange) -> None:
        """Send as many answers as fit in a message."""
        room, taken = _ROOM, 0
        for response in self._responses:
            room -= len(response)
            if room < 0:
                break
            taken += 1
        message, self._responses = self._responses[:taken], self._responses[taken:]
        more = bool(self._responses)
        if more:
            self._timer = self._clock.call_later(response_timeout(exchange), lambda: self._give_up(exchange))
        exchange.handler = self
        exchange.send(Opcode.INVOKE_RESPONSE, invoke_response(message, more=more))
        if not more:
            exchange.close()

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Go on when the client has confirmed a message."""
        if self._timer is None:
            return  # the commands are still running, and nothing is due from the client
        self._stop_waiting()
        try:
            status = take_status_response(opcode, payload)
        except InvalidAction:
            exchange.send(Opcode.STATUS_RESPONSE, status_response(Status.INVALID_ACTION))
            self._give_up(exchange)
            return
        if status == Status.SUCCESS:
            self._send(exchange)
        else:
            self._give_up(exchange)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Do what was to wait for the response, if all of it is with the client."""
        _ = exchange
        if self._timer is None:
            run_afterwards(self._context)

    def on_failed(self, exchange: Exchange) -> None:
        """End without having answered."""
        self._give_up(exchange)

    def _give_up(self, exchange: Exchange) -> None:
        self._stop_waiting()
        self._responses = []
        exchange.close()
        run_afterwards(self._context)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Answer:
    """An encoded InvokeResponseIB, and whether its path led to a command that the client may invoke."""

    __slots__ = ("encoded", "reached")

    def __init__(self, encoded: bytes, *, reached: bool) -> None:
        self.encoded = encoded
        self.reached = reached


def _is_path_error(answer: _Answer) -> bool:
    return not answer.reached


def _take_request(command: Command, fields: Any, fabric_index: int) -> Struct | None:
    """Return a command's request; one that does not decode is an INVALID_COMMAND.

    :param fabric_index: what fabric-scoped structs in it belong to, whatever the client wrote there
    """
    if type(fields) is not dict:
        raise StatusError(Status.INVALID_COMMAND, "the fields of a command are a structure")
    if command.request is None:
        return None
    try:
        request: Struct = command.request.DATATYPE.take_for(fields, fabric_index)
    except StatusError as error:
        if error.status is Status.INVALID_DATA_TYPE:
            raise StatusError(Status.INVALID_COMMAND, str(error)) from None
        raise
    return request
