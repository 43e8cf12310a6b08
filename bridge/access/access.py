"""Everything that decides who may do what, joined."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.access.accounts import Accounts
from bridge.access.audit import StoredAuditTrail
from bridge.access.claim import ClaimCode
from bridge.access.credentials import SecondFactors
from bridge.access.module_credentials import ModuleCredentials
from bridge.access.passwords import PasswordDesk
from bridge.access.sessions import Sessions
from bridge.access.throttle import Throttle
from bridge.command import Origin
from bridge.events import ModuleRemoved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.access.audit import AuditTrail
    from bridge.arbiter import Arbiter
    from bridge.events import EventBus
    from matter_node.clock import Clock
    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

_SOURCE: Final = "api/"


class Access:
    """Accounts, sessions, module credentials, limits and the audit trail of one hub."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        bus: EventBus,
        arbiter: Arbiter,
        *,
        audit: AuditTrail | None = None,
    ) -> None:
        """Join them.

        :param audit: the hub's own audit trail; one in the state file by default
        """
        self._clock = clock
        self._arbiter = arbiter
        self.accounts = Accounts(storage)
        self.sessions = Sessions(storage, clock)
        self.modules = ModuleCredentials(storage, clock)
        self.throttle = Throttle(clock)
        self.passwords = PasswordDesk()
        self.second_factors = SecondFactors()
        stored = StoredAuditTrail(storage, clock)
        if audit is not None:
            try:
                stored.hand_over(audit)
            except OSError as error:
                _log.warning("what was done while the hub did not run stays in the state file: %s", error)
        self.audit: AuditTrail = audit or stored
        self._claim = ClaimCode()
        bus.subscribe(ModuleRemoved, self._module_removed)

    @property
    def claim_code(self) -> ClaimCode | None:
        """The code that makes the first admin; None when there is one."""
        return None if self.accounts.claimed else self._claim

    @property
    def now(self) -> float:
        """UTC, seconds since 1970; 0 while the clock is not set."""
        return self._clock.utc() or 0.0

    def note(
        self,
        actor: str,
        action: str,
        result: str,
        *,
        subject: str = "",
        address: str = "",
        request: str = "",
    ) -> None:
        """Note in the audit trail what somebody did. Raise StateError."""
        said = {"result": result, "address": address, "request": request}
        self.audit.audit(actor, action, subject, {name: value for name, value in said.items() if value})

    def remove_user(self, name: str) -> int:
        """Remove an account with its sessions and what it has commanded; return how many commands ended.

        Raise UnknownUserError, LastAdminError.
        """
        user = self.accounts.remove(name)
        self.sessions.end_all(f"user/{user.name}")
        return self._arbiter.vanish(
            Origin.USER, command_source(user.name), f"the user {user.name} was removed"
        )

    def end_leftovers(self, modules: Iterable[str]) -> int:
        """End what people who were removed while the hub did not run have commanded; return how many."""
        gone = {
            command.source
            for module in modules
            for command in self._arbiter.live(module)
            if command.origin is Origin.USER
            and command.source.startswith(_SOURCE)
            and command.source.removeprefix(_SOURCE) not in self.accounts
        }
        return sum(self._arbiter.vanish(Origin.USER, source, "its user was removed") for source in gone)

    def _module_removed(self, event: ModuleRemoved) -> None:
        self.modules.revoke(event.record.key)
        self.sessions.end_all(f"module/{event.record.key}")


def command_source(user: str) -> str:
    """Return how the commands of a person are marked."""
    return _SOURCE + user
