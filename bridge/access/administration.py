"""What whoever sits at the hub itself does with accounts and tokens, be the hub running or not.

Passwords do not come here: the command line hashes them, and the hub is given the hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.access.accounts import AccountError, UnknownUserError
from bridge.access.role import Role
from bridge.access.sessions import LIFETIME
from bridge.control import ControlError
from bridge.registry import UnknownModuleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.access.access import Access
    from bridge.registry import Registry

_CONSOLE: Final = "console"
_HASH: Final = "$argon2id$"
LONGEST_DAYS: Final = 3650


class Administration:
    """The methods `user` and `token`, each with what to do in `do`."""

    def __init__(self, access: Access, registry: Registry) -> None:
        self._access = access
        self._registry = registry
        self._work: dict[str, dict[str, Callable[[Mapping[str, Any]], object]]] = {
            "user": {
                "list": self._users,
                "add": self._add_user,
                "remove": self._remove_user,
                "password": self._set_password,
                "role": self._set_role,
                "drop-second-factor": self._drop_second_factor,
            },
            "token": {"list": self._tokens, "add": self._add_token, "remove": self._remove_token},
        }

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
        """Return what the control socket answers to."""

        async def user(params: dict[str, Any]) -> object:
            return self.perform("user", params)

        async def token(params: dict[str, Any]) -> object:
            return self.perform("token", params)

        return {"user": user, "token": token}

    def perform(self, method: str, params: Mapping[str, Any]) -> object:
        """Do one thing and note it in the audit trail. Raise ControlError."""
        do = _text(params, "do")
        work = self._work[method].get(do)
        if work is None:
            raise ControlError("not-found", f"{method} knows {', '.join(self._work[method])}, not {do!r}")
        try:
            answer = work(params)
            if do != "list":
                subject = next((str(params[key]) for key in ("name", "module", "id") if params.get(key)), "")
                self._access.note(_CONSOLE, f"{method} {do}", "done", subject=subject)
        except (UnknownUserError, UnknownModuleError) as error:
            raise ControlError("not-found", str(error)) from error
        except (AccountError, ValueError) as error:
            raise ControlError("invalid", str(error)) from error
        except OSError as error:
            raise ControlError("unavailable", str(error)) from error
        return answer

    # ------------------------------------------------------------------ users

    def _users(self, _: Mapping[str, Any]) -> object:
        sessions = [session.subject for session in self._access.sessions]
        return [
            {
                "name": user.name,
                "role": user.role.word,
                "second_factor": bool(user.totp),
                "created": user.created,
                "sessions": sessions.count(f"user/{user.name}"),
            }
            for user in self._access.accounts
        ]

    def _add_user(self, params: Mapping[str, Any]) -> object:
        role = Role.of(_text(params, "role"))
        user = self._access.accounts.add(_text(params, "name"), role, _hash(params), self._access.now)
        return {"name": user.name, "role": user.role.word}

    def _remove_user(self, params: Mapping[str, Any]) -> object:
        return {"ended_commands": self._access.remove_user(_text(params, "name"))}

    def _set_password(self, params: Mapping[str, Any]) -> object:
        user = self._access.accounts.set_password(_text(params, "name"), _hash(params))
        return {"ended_sessions": self._access.sessions.end_all(f"user/{user.name}")}

    def _set_role(self, params: Mapping[str, Any]) -> object:
        role = Role.of(_text(params, "role"))
        before = self._access.accounts[_text(params, "name")]
        user = self._access.accounts.set_role(before.name, role)
        # What is open stands on the former role.
        ended = self._access.sessions.end_all(f"user/{user.name}") if role < before.role else 0
        return {"name": user.name, "role": user.role.word, "ended_sessions": ended}

    def _drop_second_factor(self, params: Mapping[str, Any]) -> object:
        return {"name": self._access.accounts.set_totp(_text(params, "name"), "").name}

    # ------------------------------------------------------------------ tokens

    def _tokens(self, _: Mapping[str, Any]) -> object:
        sessions = [
            {
                "id": session.id,
                "kind": "session",
                "of": session.subject,
                "created": session.created,
                "expires": session.expires,
                "seen": session.seen,
                "address": session.address,
                "agent": session.agent,
            }
            for session in self._access.sessions
        ]
        given = [
            {"id": each["id"], "kind": each["kind"], "of": f"module/{each['module']}"}
            | {"created": each["created"]}
            for each in self._access.modules
        ]
        return sessions + given

    def _add_token(self, params: Mapping[str, Any]) -> object:
        if params.get("module"):
            key = self._registry.find(_text(params, "module")).key
            return {"token": self._access.modules.issue_token(key), "module": key}
        user = self._access.accounts[_text(params, "name")]
        days = params.get("days", LIFETIME / 86400)
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= LONGEST_DAYS:
            raise ControlError("invalid", f"days is a number up to {LONGEST_DAYS}")
        token, session = self._access.sessions.open(
            user=user.name,
            address=_CONSOLE,
            agent=str(params.get("label", "")),
            lifetime=days * 86400,
            idle=days * 86400,
        )
        return {"token": token, "user": user.name, "id": session.id, "expires": session.expires}

    def _remove_token(self, params: Mapping[str, Any]) -> object:
        name = _text(params, "id")
        session = self._access.sessions.by_id(name)
        if session is not None:
            self._access.sessions.end(session)
        elif not self._access.modules.revoke_id(name):
            raise ControlError("not-found", f"there is no token {name!r}; see `ores-bridge token list`")
        return {"id": name}


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError("invalid", f"{name} is missing")
    return value


def _hash(params: Mapping[str, Any]) -> str:
    value = _text(params, "password_hash")
    if not value.startswith(_HASH):
        raise ControlError("invalid", "password_hash is no hash by argon2id")
    return value
