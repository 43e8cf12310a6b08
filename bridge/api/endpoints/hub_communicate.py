"""/hub/communicate: modules that speak of themselves speak here, each of itself and for itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, ValidationError

from bridge.access.role import Role
from bridge.api.http import WSCloseCode
from bridge.api.intake import check_json
from bridge.api.models import Model, Moment
from bridge.api.operation import WEBSOCKET, operation
from bridge.api.problems import FORBIDDEN, NOT_SUPPORTED, UNKNOWN_MODULE, Problem, ProblemType
from bridge.api.streams import Conversation, ConversationEnded, first_of
from bridge.native import StrangeModuleError
from hw.ores.messages import (
    MODULE_MESSAGE,
    Heartbeat,
    Hello,
    HubMessage,
    ModuleMessage,
    Refusal,
    Result,
    Telemetry,
)

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.api.streams import Socket
    from bridge.native import NativeModules
    from hw.ores.module import OresModule, Session
    from hw.ores.wire import Message

PATH = "/hub/communicate"
GREETING: Final = 10.0
"""Seconds that a module has for its hello."""
HEARTBEAT: Final = 15.0
"""Seconds after which the hub says that it lives."""
MOST_REFUSALS: Final = 5
"""Messages in a row that cannot be taken before the hub hangs up."""

SAY_HELLO = ProblemType(
    "say-hello",
    409,
    "The hub does not know the module's present run.",
    "The module, or the hub, was started anew, and no hello was said since.",
    "Send a `hello` as the first of the messages, with the same `boot`.",
)

_log = logging.getLogger(__name__)


class Exchange(Model):
    """What a module says that holds no WebSocket."""

    boot: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9a-zA-Z-]+$")]
    """Names the module's run, as in its hello."""
    messages: Annotated[tuple[ModuleMessage, ...], Field(max_length=32)]
    """In their order. None at all asks what there is to do."""


class Replies(Model):
    """What the hub says."""

    time: Moment | None
    """By the hub's clock."""
    messages: list[HubMessage]
    """One for each message, but for heartbeats; then every setpoint that was not answered yet."""


@operation(
    "POST",
    PATH,
    summary="Speak as a module, message by message",
    description=(
        "For modules that hold no WebSocket. Setpoints come with the answer, again and again until their "
        "result was taken: ask at least as often as `interval_s` says."
    ),
    least=Role.ADMIN,
    modules=True,
    body=Exchange,
    answer=Replies,
    routine=True,
    problems=(UNKNOWN_MODULE, NOT_SUPPORTED, SAY_HELLO),
)
async def exchange(context: Context[None, Exchange]) -> Replies:
    """Take the messages in their order."""
    module = _module(context)
    native, body = context.hub.native, context.body
    greeted = bool(body.messages) and isinstance(body.messages[0], Hello)
    if not greeted and not native.knows(module, body.boot):
        raise Problem(SAY_HELLO)
    replies: list[Any] = []
    for message in body.messages:
        try:
            reply = await _taken(native, module, message)
        except StrangeModuleError as error:
            raise Problem(FORBIDDEN, f"the module is in quarantine: {error}") from error
        if reply is not None:
            replies.append(reply)
    module.polled()
    replies += [native.setpoint(each) for each in module.outstanding()]
    return Replies(time=native.time(), messages=replies)


@operation(
    "GET",
    PATH,
    summary="Speak as a module, over a WebSocket",
    description=(
        "Messages are JSON in text. The module begins with `hello`, is answered with `welcome`, sends what "
        "the hub has missed and goes on; setpoints come whenever there are any, and are answered with "
        "`result`. A later conversation of the same module ends the former one."
    ),
    least=Role.ADMIN,
    modules=True,
    media=(WEBSOCKET,),
    event=HubMessage,
    problems=(UNKNOWN_MODULE, NOT_SUPPORTED),
)
async def converse(context: Context[None, None]) -> Conversation:
    """Have the conversation until one side ends it."""
    module = _module(context)
    return Conversation(lambda socket: _Talk(context, module, socket).run())


class _Talk:
    """One conversation."""

    def __init__(self, context: Context[None, None], module: OresModule, socket: Socket) -> None:
        self._context = context
        self._native = context.hub.native
        self._module = module
        self._socket = socket
        self._refusals = 0
        self._flaw = ""

    async def run(self) -> None:
        """Talk until it is over. Raise ConversationEnded."""
        try:
            async with asyncio.timeout(GREETING):
                hello = self._read(await self._socket.hear())
        except TimeoutError:
            raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, "no hello was said") from None
        if not isinstance(hello, Hello):
            await self._refuse("a conversation begins with hello", "Send `hello` first.")
            raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, "no hello was said")
        await self._take(hello)
        session = self._module.join()
        _log.info("%s is connected from %s", self._module.address, self._context.address)
        try:
            await first_of(self._listen(), self._speak(session), self._watch(session))
        finally:
            self._module.leave(session)
            self._native.left(self._module)

    async def _listen(self) -> None:
        while True:
            message = self._read(await self._socket.hear())
            if message is None:
                self._refusals += 1
                await self._refuse(self._flaw, "See the documentation of the module protocol.")
                if self._refusals >= MOST_REFUSALS:
                    raise ConversationEnded(WSCloseCode.INVALID_TEXT, "nothing of it can be read")
                continue
            self._refusals = 0
            await self._take(message)

    async def _speak(self, session: Session) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._module.news.wait()
            except TimeoutError:
                now = self._native.time()
                if now is not None:
                    await self._socket.tell(Heartbeat(type="heartbeat", time=now))
            for each in self._module.outstanding(session):
                session.told.add(each.id)
                await self._socket.tell(self._native.setpoint(each))

    async def _watch(self, session: Session) -> None:
        """End it when the module was removed, connected anew, or lost what it is known by."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await session.over.wait()
                    raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, session.reason)
            except TimeoutError:
                if not self._is_known():
                    reason = "what the module is known by was taken back"
                    raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, reason) from None

    def _is_known(self) -> bool:
        """Tell whether what the module has shown still holds."""
        caller, modules = self._context.caller, self._context.access.modules
        if caller.session is not None:
            return True  # the stream ends with it
        if caller.token:
            return modules.of_token(caller.token) == caller.module
        return modules.of_certificate(self._context.thumbprint) == caller.module

    async def _take(self, message: Hello | Telemetry | Result | Heartbeat) -> None:
        try:
            reply = await _taken(self._native, self._module, message)
        except StrangeModuleError as error:
            await self._refuse(str(error), "A person has to look at it: it is in quarantine.")
            raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, "the module is in quarantine") from error
        if reply is not None:
            await self._socket.tell(reply)

    def _read(self, data: bytes) -> Hello | Telemetry | Result | Heartbeat | None:
        """Return a message, or None when it is none; then `_flaw` says why."""
        try:
            check_json(data)
            return MODULE_MESSAGE.validate_json(data, strict=True)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)[0]
            self._flaw = f"{'.'.join(map(str, found['loc']))}: {found['msg']}"[:160]
        except Problem as problem:
            self._flaw = problem.detail
        return None

    async def _refuse(self, reason: str, remedy: str) -> None:
        await self._socket.tell(Refusal(reason=reason, remedy=remedy))


async def _taken(
    native: NativeModules, module: OresModule, message: Hello | Telemetry | Result | Heartbeat
) -> Message | None:
    """Take a message; return what is answered. Raise StrangeModuleError."""
    if isinstance(message, Hello):
        return native.greet(module, message)
    if isinstance(message, Telemetry):
        return await native.take_telemetry(module, message)
    if isinstance(message, Result):
        return native.take_result(module, message)
    return None


def _module(context: Context[Any, Any]) -> OresModule:
    """Return the module that speaks. Raise Problem for whoever is none."""
    key = context.caller.module
    if not key:
        raise Problem(FORBIDDEN, "only modules speak here, each for itself")
    registered = context.module(key)
    module = context.hub.native.modules.get(registered.key)
    if module is None:
        driver = registered.record.driver
        raise Problem(NOT_SUPPORTED, f"the hub speaks with {key} by the driver {driver}, not here")
    return module
