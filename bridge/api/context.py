"""What a handler gets: who asks, what they ask, and the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bridge.access.access import command_source
from bridge.actions import Requester
from bridge.api.problems import FORBIDDEN, NO_CREDENTIALS, UNKNOWN_MODULE, Problem
from bridge.command import Origin

if TYPE_CHECKING:
    from bridge.access.access import Access
    from bridge.access.role import Role
    from bridge.access.sessions import Session
    from bridge.hub import Hub
    from bridge.registry import RegisteredModule
    from hw.module import ModuleKind

Q = TypeVar("Q")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person in a role, or a module."""

    role: Role | None
    """None for a module."""
    user: str = ""
    module: str = ""
    session: Session | None = None
    """None for a module that shows its own token."""
    token: str = ""
    """What was shown, for what belongs to it; never to be logged or answered."""
    by_cookie: bool = False
    """Whether a browser sent it by itself."""

    @property
    def name(self) -> str:
        """How they are named in logs: `user/anna`, `module/sma-3005067415`."""
        return f"user/{self.user}" if self.user else f"module/{self.module}"

    def may(self, least: Role) -> bool:
        """Tell whether a person's role is at least that."""
        return self.role is not None and self.role >= least


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[Q, B]):
    """One request, checked and validated."""

    hub: Hub
    access: Access
    known: Caller | None
    """Who asks, where everybody may; see `caller`."""
    query: Q
    body: B
    media: str
    """Which of the operation's media types is answered with."""
    address: str
    """From where, an IP address."""
    agent: str = ""
    """What asks, in its own words (User-Agent)."""
    request_id: str
    thumbprint: str = ""
    """SHA-256 of the client certificate that was shown and verified; empty without one."""
    last_event_id: str = ""
    """What a stream that is taken up again has seen last (Last-Event-ID)."""

    @property
    def caller(self) -> Caller:
        """Who asks. Raise Problem where nobody has said."""
        if self.known is None:
            raise Problem(NO_CREDENTIALS)
        return self.known

    @property
    def requester(self) -> Requester:
        """In whose name modules are commanded. Raise Problem for a module: it commands nobody."""
        if not self.caller.user:
            raise Problem(FORBIDDEN, "a module commands no module")
        return Requester(Origin.USER, command_source(self.caller.user))

    def module(self, key: str, *kinds: ModuleKind) -> RegisteredModule:
        """Return the registered module of a key, if it is of these kinds and the caller's to ask for.

        :param kinds: none for every kind
        :raises Problem: there is none, or the caller is another module
        """
        caller = self.caller
        if caller.module and caller.module != key:
            raise Problem(FORBIDDEN, f"the module {caller.module} may ask for itself only")
        if key not in self.hub.registry:
            raise Problem(UNKNOWN_MODULE, f"no module {key!r} is registered")
        registered = self.hub.registry[key]
        if kinds and registered.record.kind not in kinds:
            wanted = " or ".join(kind.value for kind in kinds)
            raise Problem(UNKNOWN_MODULE, f"{key!r} is no {wanted}, it is a {registered.record.kind.value}")
        return registered

    def modules(self, *kinds: ModuleKind) -> list[RegisteredModule]:
        """Return the registered modules of these kinds that are the caller's to ask for, by key.

        :param kinds: none for every kind
        """
        caller = self.caller
        return sorted(
            (
                each
                for each in self.hub.registry
                if (not kinds or each.record.kind in kinds) and caller.module in {"", each.key}
            ),
            key=lambda each: each.key,
        )
