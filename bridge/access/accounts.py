"""The people who may use the hub: name, role, password hash and, if they want, a second factor."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.access.role import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matter_node.storage import Storage

_PREFIX: Final = "user/"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
MOST: Final = 100
"""Accounts that a hub has at most."""

_log = logging.getLogger(__name__)


class AccountError(ValueError):
    """Something that cannot be done with an account; the message says why."""


class UnknownUserError(AccountError):
    """There is no such account."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name!r}")


class LastAdminError(AccountError):
    """Without this account nobody could administer the hub."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is the last admin: make another one first")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account."""

    name: str
    role: Role
    password: str = field(repr=False)
    """Its argon2id hash, with salt and parameters."""
    created: float
    """UTC, seconds since 1970."""
    totp: str = field(default="", repr=False)
    """Secret of the second factor in base32; empty without one. It can only be kept readable."""
    totp_step: int = 0
    """The last time step whose code was used: none is good twice (RFC 6238 section 5.2)."""

    def to_json(self) -> bytes:
        """Return the account as it is stored."""
        return json.dumps(dataclasses.asdict(self) | {"role": self.role.word}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> User:
        """Read a stored account. Raise ValueError, KeyError or TypeError."""
        values = json.loads(data)
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**known | {"role": Role.of(values["role"])})


class Accounts:
    """All accounts, by name. Every change is on the disk before it is answered."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._users: dict[str, User] = {}
        for key, value in storage.scan(_PREFIX):
            try:
                user = User.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.error("the account %s cannot be read and is left alone: %r", key, error)
                continue
            self._users[user.name] = user

    def __iter__(self) -> Iterator[User]:
        return iter(sorted(self._users.values(), key=lambda user: user.name))

    def __len__(self) -> int:
        return len(self._users)

    def __contains__(self, name: str) -> bool:
        return name in self._users

    def get(self, name: str) -> User | None:
        """Return the account of a name, or None."""
        return self._users.get(name.casefold())

    def __getitem__(self, name: str) -> User:
        """Return the account of a name. Raise UnknownUserError."""
        user = self.get(name)
        if user is None:
            raise UnknownUserError(name)
        return user

    @property
    def claimed(self) -> bool:
        """Whether the hub has an admin; until then anyone at home who can read its console may become it."""
        return any(user.role is Role.ADMIN for user in self._users.values())

    def add(self, name: str, role: Role, password_hash: str, now: float) -> User:
        """Make an account. Raise AccountError for a name that is taken or cannot be one."""
        name = name.casefold()
        if _NAME.fullmatch(name) is None:
            raise AccountError("a user's name has 1 to 64 letters a to z, digits and . _ @ -")
        if name in self._users:
            raise AccountError(f"there is a user {name!r} already")
        if len(self._users) >= MOST:
            raise AccountError(f"a hub has at most {MOST} users: remove one first")
        user = User(name=name, role=role, password=password_hash, created=now)
        self._store(user)
        return user

    def remove(self, name: str) -> User:
        """Remove an account. Raise UnknownUserError, LastAdminError."""
        user = self[name]
        self._keep_an_admin(user)
        self._storage.delete(_PREFIX + user.name)
        self._storage.flush()
        del self._users[user.name]
        return user

    def set_role(self, name: str, role: Role) -> User:
        """Give an account another role. Raise UnknownUserError, LastAdminError."""
        user = self[name]
        if role is not Role.ADMIN:
            self._keep_an_admin(user)
        return self._change(user, role=role)

    def set_password(self, name: str, password_hash: str) -> User:
        """Give an account another password. Raise UnknownUserError."""
        return self._change(self[name], password=password_hash)

    def set_totp(self, name: str, secret: str) -> User:
        """Give an account a second factor, or take it away with an empty secret. Raise UnknownUserError."""
        return self._change(self[name], totp=secret, totp_step=0)

    def used_step(self, name: str, step: int) -> User:
        """Note which code of the second factor was used last. Raise UnknownUserError."""
        return self._change(self[name], totp_step=step)

    def _keep_an_admin(self, user: User) -> None:
        admins = [each.name for each in self._users.values() if each.role is Role.ADMIN]
        if admins == [user.name]:
            raise LastAdminError(user.name)

    def _change(self, user: User, **changes: object) -> User:
        changed = dataclasses.replace(user, **changes)  # type: ignore[arg-type] # the callers name the fields
        self._store(changed)
        return changed

    def _store(self, user: User) -> None:
        self._storage.put(_PREFIX + user.name, user.to_json())
        self._storage.flush()
        self._users[user.name] = user
