"""Where modules ask to be let in, and people let them in.

A module says who it is and commits to a number; the hub answers with its own; the module tells its number,
and with it a proof if its label has a code. A person lets it in by that code, by the button, or by comparing
six digits. Then it is a module of the home, and fetches its certificate or token.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.api.authority import utc_now
from bridge.drivers import NATIVE
from bridge.events import ModuleRemoved
from bridge.poller import Source
from bridge.registration.attempts import Attempts
from bridge.registration.membership import Credential, Membership, Memberships
from bridge.registration.pending import BUTTON_WINDOW, LIFETIME, MOST_WRONG_CODES, Pending
from bridge.registration.refusals import (
    OtherDriverError,
    TooEarlyError,
    UnknownRegistrationError,
    WrongProofError,
)
from bridge.registration.waiting_room import WaitingRoom
from hw.ores import pairing
from hw.ores.pairing import Proof, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.access.access import Access
    from bridge.api.authority import Authority
    from bridge.events import EventBus
    from bridge.native import NativeModules
    from bridge.poller import Poller
    from bridge.registry import Registry
    from hw.ores.description import Description
    from matter_node.clock import Clock
    from matter_node.storage import Storage

KNOWN_KEY: Final = "known-key"
"""Proof of a module that has shown the key by which it is known."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a module is given.

    :ivar certificate: its certificate in PEM; empty if it is given a token
    :ivar token: its token; empty if it is given a certificate
    :ivar proof: the hub's proof that it knows the label's code; empty where none was used
    """

    module: str
    certificate: str
    token: str
    proof: bytes


class RegistrationDesk:
    """Takes requests and people's words on them."""

    def __init__(
        self,
        registry: Registry,
        native: NativeModules,
        poller: Poller,
        access: Access,
        authority: Authority,
        storage: Storage,
        clock: Clock,
        bus: EventBus,
    ) -> None:
        self._registry = registry
        self._native = native
        self._poller = poller
        self._access = access
        self._authority = authority
        self._clock = clock
        self._room = WaitingRoom(storage, clock)
        for pending in self._room.all():
            if pending.accepted and pending.module not in registry:
                self._room.drop(pending)  # removed before anybody asked for the desk
        self.attempts = Attempts(clock)
        self.members = Memberships(storage)
        self.hub_ski = pairing.fingerprint(authority.public_key)
        bus.subscribe(ModuleRemoved, lambda event: self._removed(event.record.key))

    # ------------------------------------------------------------------ what a module asks

    def request(
        self,
        description: Description,
        request: str,
        commitment: bytes,
        proofs: Sequence[Proof],
        address: str,
    ) -> Pending:
        """Take a module's request.

        :param request: its certificate request in PEM, signed with its key; empty for a token
        :raises ThrottledError: the host has tried too often
        :raises FullError: too many modules ask
        :raises OtherDriverError: another driver speaks with that module
        :raises AuthorityError: that is no certificate request
        """
        self.attempts.count(address)
        key = description.to_identity().key
        if key in self._registry and self._registry[key].record.driver != NATIVE:
            driver = self._registry[key].record.driver
            raise OtherDriverError(f"{key} is a module already, by the driver {driver}")
        ski = self._authority.requested_key(request.encode()) if request else pairing.KEYLESS
        known = self.members.get(key) if key in self._registry else None
        self._room.make_room(key, address)
        same = known is not None and bool(known.ski) and known.ski == ski.hex()
        pending = Pending(
            key,
            description,
            request,
            ski,
            commitment,
            tuple(proofs),
            address,
            self._clock.monotonic() + LIFETIME,
            replaces=known is not None and not same,
        )
        self._room.keep(pending)
        self._access.note(f"module/{key}", "registration asked for", "pending", subject=key, address=address)
        if same:
            # It has signed with the key by which it is known: it has only lost its certificate.
            self._let_in(pending, KNOWN_KEY, f"module/{key}")
        return pending

    def reveal(self, registration: str, ticket: str, nonce: bytes, proof: bytes, address: str) -> Pending:
        """Take the module's number, and its proof by the label's code if it has one.

        :raises UnknownRegistrationError: there is no such request, or it is another module's
        :raises WrongProofError: it is not the number that it has committed to
        """
        pending = self._asked(registration, ticket, address)
        if pending.nonce:
            return pending
        if not hmac.compare_digest(pairing.commitment(nonce), pending.commitment):
            self._room.drop(pending)
            self._note(pending, "registration refused", "another number than it committed to")
            raise WrongProofError("that is not the number that the module has committed to")
        pending.nonce, pending.proof = nonce, proof
        self._room.keep(pending)
        return pending

    def press(self, registration: str, ticket: str, address: str) -> Pending:
        """Take the word of a module that its button was pressed."""
        pending = self._asked(registration, ticket, address)
        now = self._clock.monotonic()
        pending.pressed = now
        self._room.keep(pending)
        if pending.button_agrees(now) and not pending.accepted:
            self._let_in(pending, Proof.BUTTON, pending.by)
        return pending

    def collect(self, registration: str, ticket: str, address: str) -> Granted | None:
        """Return what a module is given, None while nobody has let it in; as often as it asks."""
        pending = self._asked(registration, ticket, address)
        if not pending.accepted:
            return None
        proof = b""
        if pending.code:
            proof = pairing.proof(pending.code, Side.HUB, pending.facts(self.hub_ski))
        if not pending.request:
            token = self._access.modules.issue_token(pending.module)
            return Granted(pending.module, "", token, proof)
        return Granted(pending.module, self._certificate(pending.module, pending.request), "", proof)

    def renew(self, module: str, request: str, present: str) -> str:
        """Give a module another certificate for the same key; return it in PEM.

        :param present: thumbprint of the certificate that it has shown, which stays good beside the new one
        :raises AuthorityError: that is no certificate request
        :raises WrongProofError: it is for another key
        """
        known = self.members.get(module)
        ski = self._authority.requested_key(request.encode())
        if known is None or known.ski != ski.hex():
            raise WrongProofError(
                "a certificate is renewed for the key that is known; another one is asked for"
            )
        certificate = self._certificate(module, request, beside=present)
        self._access.note(f"module/{module}", "certificate renewed", "done", subject=module)
        return certificate

    # ------------------------------------------------------------------ what a person says

    def pending(self) -> list[Pending]:
        """Return who asks and was not let in yet."""
        return [each for each in self._room.all() if not each.accepted]

    def accept(
        self,
        registration: str,
        method: Proof,
        *,
        by: str,
        address: str,
        code: str = "",
        name: str = "",
        room: str = "",
        role: str = "",
    ) -> Pending:
        """Let a module in, or with its button: as soon as that was pressed.

        :param code: from the module's label, for that method
        :param by: who says so
        :raises UnknownRegistrationError: nobody asks under that id
        :raises TooEarlyError: the module has not said yet what that takes
        :raises ThrottledError: too many codes were tried
        :raises WrongProofError: the code is another one
        :raises ValueError: that is no code
        """
        pending = self._get(registration)
        if pending.accepted:
            return pending
        if method not in pending.proofs:
            can = ", ".join(pending.proofs)
            raise TooEarlyError(f"the module cannot show who it is by {method.value}: it can by {can}")
        if method is not Proof.BUTTON and not pending.nonce:
            raise TooEarlyError("the module has not told its number yet: try again in a second")
        pending.name, pending.room, pending.role = name, room, role
        if method is Proof.CODE:
            self._check_code(pending, code, by, address)
        elif method is Proof.BUTTON:
            now = self._clock.monotonic()
            pending.by, pending.awaited = by, now + BUTTON_WINDOW
            if pending.pressed is None or now - pending.pressed > BUTTON_WINDOW:
                pending.pressed = None
                self._room.keep(pending)
                return pending
        self._let_in(pending, method, by)
        return pending

    def refuse(self, registration: str, *, by: str) -> Pending:
        """Send a module away. Raise UnknownRegistrationError."""
        pending = self._get(registration)
        self._room.drop(pending)
        self._note(pending, "registration refused", "by a person", by=by)
        return pending

    # ------------------------------------------------------------------ inside

    def _check_code(self, pending: Pending, code: str, by: str, address: str) -> None:
        plain = pairing.normalized(code)
        if not pending.proof:
            raise TooEarlyError("the module has given no proof that it knows its label's code")
        self.attempts.count(address)
        if pairing.is_proof(pending.proof, plain, Side.MODULE, pending.facts(self.hub_ski)):
            pending.code = plain
            return
        pending.wrong_codes += 1
        self._note(pending, "registration refused", "wrong code", by=by)
        if pending.wrong_codes >= MOST_WRONG_CODES:
            self._room.drop(pending)
        else:
            self._room.keep(pending)
        raise WrongProofError("the module's proof was made with another code")

    def _let_in(self, pending: Pending, proof: str, by: str) -> None:
        """Make it a module of the home: on the disk and on Matter before anybody is told."""
        key = pending.module
        try:
            module = self._native.admit(pending.description)
        except ValueError as error:
            raise WrongProofError(str(error)) from error
        self._registry.found([module], NATIVE, name=pending.name, room=pending.room, role=pending.role)
        if self._registry[key].record.quarantined and proof != KNOWN_KEY:
            self._registry.set_quarantined(key, quarantined=False)
        before = self.members.get(key)
        credential = Credential.CERTIFICATE if pending.request else Credential.TOKEN
        if proof != KNOWN_KEY:
            self._access.modules.revoke(key)
            module.end("the module was registered anew")
        self.members.put(
            Membership(
                key,
                pending.ski.hex() if pending.request else "",
                credential,
                before.proof if before and proof == KNOWN_KEY else str(proof),
                before.by if before and proof == KNOWN_KEY else by,
                before.since if before and proof == KNOWN_KEY else self._access.now,
                self._access.now,
            )
        )
        pending.accepted = by
        self._room.keep(pending)
        self._poller.add(Source(NATIVE, key))
        self._note(pending, "registration active", str(proof), by=by)

    def _certificate(self, module: str, request: str, *, beside: str = "") -> str:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        pem = self._authority.sign_module(request.encode(), module, utc_now())
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        self._access.modules.trust_certificate(module, hashlib.sha256(der).hexdigest(), beside=beside)
        known = self.members.get(module)
        if known is not None:
            self.members.put(dataclasses.replace(known, renewed=self._access.now))
        return pem.decode()

    def _asked(self, registration: str, ticket: str, address: str) -> Pending:
        """Return the request of who holds its ticket."""
        pending = self._room.get(registration)
        if pending is None or not hmac.compare_digest(pending.ticket.encode(), ticket.encode()):
            self.attempts.count(address)
            raise UnknownRegistrationError("there is no such request, or it was too long ago: ask anew")
        return pending

    def _get(self, registration: str) -> Pending:
        pending = self._room.get(registration)
        if pending is None:
            raise UnknownRegistrationError(f"nobody asks under {registration}: the module has to ask anew")
        return pending

    def _removed(self, key: str) -> None:
        for pending in [each for each in self._room.all() if each.module == key]:
            self._room.drop(pending)
        known = self.members.get(key)
        if known is not None:
            self.members.put(dataclasses.replace(known, retired=self._access.now))

    def _note(self, pending: Pending, action: str, result: str, *, by: str = "") -> None:
        actor = by or f"module/{pending.module}"
        self._access.note(actor, action, result, subject=pending.module, address=pending.address)
