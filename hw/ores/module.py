"""A module that speaks of itself: the hub is told, and tells, and never calls.

`read` returns what the module said last. `apply` hands a setpoint to whoever carries messages to the module,
and waits for its word on what is in force now.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hw.module import Capabilities, Identity, ModuleKind, ModuleUnreachable, Nameplate
from hw.setpoint import Applied, AppliedState, Setpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.reading import Reading

LONGEST_INTERVAL: Final = 300.0
"""Seconds between two messages of a module, at most."""
SHORTEST_SILENCE: Final = 6.0
"""Seconds of silence after which a module that speaks often is unreachable."""
MISSES: Final = 3
"""Messages that a module may miss in a row."""
PATIENCE: Final = 3.0
"""Seconds that a module may take to carry out a setpoint once it has it."""
LONGEST_PATIENCE: Final = 15.0
MOST_OUTSTANDING: Final = 16
"""Setpoints that wait for a module's word."""
_SLACK: Final = 0.02
"""How far what a module says is in force may be from what it was told, as a share of it."""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A setpoint that a module was told, or is to be told, and has not answered yet."""

    id: str
    number: int
    """Counts up; a module takes none that is not above the last one."""
    setpoint: Setpoint
    answer: asyncio.Future[Applied]


class Session:
    """One conversation with a module. A later one ends it.

    :ivar over: set when it is to end
    :ivar reason: why, for a person
    """

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.reason = ""
        self.told: set[str] = set()
        """Setpoints that went out in it."""

    def end(self, reason: str) -> None:
        """Let it end."""
        if not self.over.is_set():
            self.reason = reason
            self.over.set()


class OresModule:
    """One module."""

    def __init__(
        self,
        identity: Identity,
        kind: ModuleKind,
        nameplate: Nameplate,
        capabilities: Capabilities,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._kind = kind
        self._nameplate = nameplate
        self._capabilities = capabilities
        self._monotonic = monotonic
        self._latest: Reading | None = None
        self._heard: float | None = None
        self._numbers = int(time.time() * 1000)
        # above those of any former run of the hub, unless its clock was set back
        self._outstanding: dict[str, Outstanding] = {}
        self._session: Session | None = None
        self._polled: float | None = None
        self.interval_s = 1.0
        """Seconds between two of its measurements, by its own word."""
        self.news = asyncio.Event()
        """Set when there is something to tell the module."""

    def __repr__(self) -> str:
        return f"<OresModule {self._identity.key}>"

    @property
    def identity(self) -> Identity:
        """Who it is, by its own word, which its key has confirmed."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """What it does for the home."""
        return self._kind

    @property
    def address(self) -> str:
        """Its key: it is known by what it shows, wherever it calls from."""
        return self._identity.key

    @property
    def nameplate(self) -> Nameplate:
        """What it is rated for."""
        return self._nameplate

    @property
    def capabilities(self) -> Capabilities:
        """What it can be told."""
        return self._capabilities

    @property
    def latest(self) -> Reading | None:
        """What it said last, however old."""
        return self._latest

    def describe(
        self, identity: Identity, kind: ModuleKind, nameplate: Nameplate, capabilities: Capabilities
    ) -> bool:
        """Take what the module says of itself now; return whether that is something else than before.

        :raises ValueError: it is another module's identity, or another kind
        """
        if identity.key != self._identity.key or kind is not self._kind:
            raise ValueError(f"{identity.key}, a {kind.value}, speaks as {self._identity.key}")
        now = (identity, nameplate, capabilities)
        before = (self._identity, self._nameplate, self._capabilities)
        self._identity, self._nameplate, self._capabilities = now
        return now != before

    # ------------------------------------------------------------------ what the hub does with it

    async def open(self) -> None:
        """Do nothing: it is the module that connects."""

    async def read(self) -> Reading:
        """Return what the module said last. Raise ModuleUnreachable when it has been silent."""
        if self._latest is None or self._heard is None:
            raise ModuleUnreachable(f"{self.address}: it has said nothing since the hub started")
        silent = self._monotonic() - self._heard
        if silent > self._silence:
            raise ModuleUnreachable(f"{self.address}: it has been silent for {silent:.0f} s")
        return self._latest

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Tell the module, and wait for what it says is in force; what goes wrong is in the answer."""
        if setpoint.kind not in self._capabilities.setpoints:
            return Applied(setpoint, AppliedState.REFUSED, detail=f"not supported by {self.address}")
        if not self.connected:
            return Applied(setpoint, AppliedState.FAILED, detail=f"{self.address} is not connected")
        if len(self._outstanding) >= MOST_OUTSTANDING:
            return Applied(setpoint, AppliedState.FAILED, detail=f"{self.address} answers nothing")
        self._numbers += 1
        told = Outstanding(
            secrets.token_hex(8), self._numbers, setpoint, asyncio.get_running_loop().create_future()
        )
        self._outstanding[told.id] = told
        self.news.set()
        patience = PATIENCE if self._session else min(PATIENCE + self.interval_s, LONGEST_PATIENCE)
        try:
            async with asyncio.timeout(patience):
                return _judged(await told.answer)
        except TimeoutError:
            detail = f"{self.address}: no answer within {patience:.0f} s"
            return Applied(setpoint, AppliedState.FAILED, detail=detail)
        finally:
            self._outstanding.pop(told.id, None)

    async def close(self) -> None:
        """Do nothing: the module stays connected as long as it likes."""

    # ------------------------------------------------------------------ what carries its messages

    @property
    def connected(self) -> bool:
        """Whether it can be told something: it has a conversation open, or asks often enough."""
        if self._session is not None:
            return True
        return self._polled is not None and self._monotonic() - self._polled <= self._silence

    def join(self) -> Session:
        """Begin a conversation; one that is open ends."""
        if self._session is not None:
            self._session.end("the module has connected anew")
        self._session = Session()
        self.news.set()
        return self._session

    def leave(self, session: Session) -> None:
        """Note that a conversation is over."""
        if self._session is session:
            self._session = None

    def end(self, reason: str) -> None:
        """End the conversation, if there is one: the module is no module of the home any more."""
        if self._session is not None:
            self._session.end(reason)
        self._session = self._polled = None

    def polled(self) -> None:
        """Note that a module that has no conversation asks for what there is."""
        self._polled = self._monotonic()

    def outstanding(self, session: Session | None = None) -> list[Outstanding]:
        """Return the setpoints to tell: those that did not go out in a conversation yet, or all of them."""
        self.news.clear()
        told = () if session is None else session.told
        return [each for key, each in self._outstanding.items() if key not in told]

    def took(self, reading: Reading) -> None:
        """Take what the module measured just now."""
        self._latest = reading
        self._heard = self._monotonic()

    def answered(
        self, setpoint: str, state: AppliedState, value: float | None, expires_in: float | None, detail: str
    ) -> bool:
        """Take a module's word on a setpoint; return whether it was waited for.

        :param setpoint: id under which it was told
        :param value: what is in force now, in the setpoint's unit
        :param expires_in: seconds after which the module reverts by itself
        """
        told = self._outstanding.get(setpoint)
        if told is None or told.answer.done():
            return False
        told.answer.set_result(Applied(told.setpoint, state, value, expires_in, detail))
        return True

    @property
    def _silence(self) -> float:
        return max(SHORTEST_SILENCE, MISSES * self.interval_s + 2)


def _judged(applied: Applied) -> Applied:
    """Believe a module that says to have applied something only if that is what it was told."""
    wanted, value = applied.setpoint.value, applied.value
    if applied.state is not AppliedState.APPLIED or wanted is None:
        return applied
    if value is None:
        return Applied(
            applied.setpoint, AppliedState.FAILED, detail="the module does not say what is in force"
        )
    if abs(value - wanted) > max(_SLACK * abs(wanted), 0.5):
        detail = f"reads {value:g}, was told {wanted:g}"
        return Applied(applied.setpoint, AppliedState.FAILED, value, applied.expires_in, detail)
    return applied
