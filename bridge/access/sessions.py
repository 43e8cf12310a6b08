"""Sessions: who has shown that they are who they say, until when, and from where."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.access.tokens import SESSION, digest, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matter_node.clock import Clock
    from matter_node.storage import Storage

LIFETIME: Final = 30 * 86_400.0
"""Seconds after which a person's session ends, however much it is used."""
IDLE: Final = 7 * 86_400.0
"""Seconds after which one that nobody uses ends."""
SHORT: Final = 600.0
"""Seconds that a module's session lives: it shows its certificate again."""
PER_SUBJECT: Final = 20
"""Sessions of one person or module; a further one ends the one that was used longest ago."""
_PREFIX: Final = "session/"
_NOTED: Final = 300.0
"""Seconds between two notes on the disk of when a session was used."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, of a person or of a module."""

    digest: str
    """SHA-256 of its token."""
    user: str = ""
    module: str = ""
    created: float
    """UTC, seconds since 1970, as the other times."""
    expires: float
    seen: float
    address: str
    """Where it was opened from."""
    agent: str = ""
    """What opened it, in its own words."""
    idle: float = IDLE
    """Seconds after which it ends when nobody uses it."""
    thumbprint: str = ""
    """SHA-256 of the client certificate that it is bound to (`cnf`, RFC 8705); empty when to none."""

    @property
    def id(self) -> str:
        """Names it in lists; nobody can use it with that."""
        return self.digest[:16]

    @property
    def subject(self) -> str:
        """Whose it is."""
        return f"user/{self.user}" if self.user else f"module/{self.module}"


class Sessions:
    """All sessions that have not ended."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._ended: dict[str, list[Callable[[], None]]] = {}
        for key, value in storage.scan(_PREFIX):
            try:
                session = Session(**json.loads(value))
            except (ValueError, TypeError) as error:
                _log.warning("the session %s cannot be read and is dropped: %r", key, error)
                storage.delete(key)
                continue
            self._sessions[session.digest] = session

    def __iter__(self) -> Iterator[Session]:
        self._sweep()
        return iter(sorted(self._sessions.values(), key=lambda each: -each.seen))

    @property
    def now(self) -> float:
        """UTC, seconds since 1970; 0 while the clock is not set, when every session is as good as new."""
        return self._clock.utc() or 0.0

    def open(
        self,
        *,
        address: str,
        user: str = "",
        module: str = "",
        agent: str = "",
        thumbprint: str = "",
        lifetime: float = LIFETIME,
        idle: float = IDLE,
    ) -> tuple[str, Session]:
        """Open a session; return its token, which is shown this once, and what is known of it."""
        self._sweep()
        token = new_token(SESSION)
        now = self.now
        session = Session(
            digest=digest(token),
            user=user,
            module=module,
            created=now,
            expires=now + lifetime,
            seen=now,
            address=address,
            agent=agent[:120],
            idle=idle,
            thumbprint=thumbprint,
        )
        for surplus in [each for each in self if each.subject == session.subject][PER_SUBJECT - 1 :]:
            self.end(surplus)
        self._put(session)
        if lifetime > SHORT:
            self._storage.flush()  # a module just shows its certificate again
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when there is none or it has ended."""
        session = self._sessions.get(digest(token))
        if session is None or not self._alive(session):
            return None
        now = self.now
        if now - session.seen > _NOTED:
            session = dataclasses.replace(session, seen=now)
            self._put(session)
        return session

    def alive(self, session: Session) -> bool:
        """Tell whether a session that was found once still holds."""
        current = self._sessions.get(session.digest)
        return current is not None and self._alive(current)

    def renew(self, session: Session) -> tuple[str, Session]:
        """Give a session another token and its whole time again; its former token is worth nothing."""
        token, renewed = self.open(
            address=session.address,
            user=session.user,
            module=session.module,
            agent=session.agent,
            thumbprint=session.thumbprint,
            lifetime=session.expires - session.created,
            idle=session.idle,
        )
        self.end(session)
        return token, renewed

    def by_id(self, session_id: str) -> Session | None:
        """Return the session of that id, or None."""
        return next((each for each in self if each.id == session_id), None)

    def end(self, session: Session) -> None:
        """End a session, and whatever is open under it."""
        self._forget(session)
        self._storage.flush()

    def _forget(self, session: Session) -> None:
        self._storage.delete(_PREFIX + session.digest)
        self._sessions.pop(session.digest, None)
        for callback in self._ended.pop(session.digest, ()):
            callback()

    def end_all(self, subject: str, *, but: Session | None = None) -> int:
        """End every session of a subject except `but`; return how many."""
        ended = [each for each in self if each.subject == subject and each != but]
        for session in ended:
            self.end(session)
        return len(ended)

    def on_end(self, session: Session, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when a session is ended by someone; the returned function takes that back."""
        callbacks = self._ended.setdefault(session.digest, [])
        callbacks.append(callback)

        def forget() -> None:
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks:
                self._ended.pop(session.digest, None)

        return forget

    def _alive(self, session: Session) -> bool:
        now = self.now
        return now < session.expires and now - session.seen < session.idle

    def _sweep(self) -> None:
        for session in [each for each in self._sessions.values() if not self._alive(each)]:
            self._forget(session)  # its time is over, whatever the disk remembers

    def _put(self, session: Session) -> None:
        self._storage.put(_PREFIX + session.digest, json.dumps(dataclasses.asdict(session)).encode())
        self._sessions[session.digest] = session
