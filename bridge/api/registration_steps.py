"""The steps in which devices become modules: what is said in each, and what each answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.api.models import Model, ModuleKey, Moment
from bridge.registration.membership import State
from hw.ores.description import Description
from hw.ores.pairing import NONCE_LENGTH, Proof

Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes in hexadecimal digits."""
Nonce = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * NONCE_LENGTH}}}$")]
RequestPem = Annotated[str, Field(min_length=1, max_length=4096)]
RegistrationId = Annotated[str, Field(min_length=1, max_length=32)]
Ticket = Annotated[SecretStr, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(max_length=32)]


class Request(Model):
    """A module asks to be let in."""

    step: Literal["request"]
    description: Description
    certificate_request: RequestPem | None = None
    """PKCS #10 in PEM, signed with the module's key on P-256; left out by one that wants a token."""
    commitment: Hex32
    """SHA-256 of `ORES module pairing v1 commitment` and the module's number of 16 bytes."""
    proofs: Annotated[tuple[Proof, ...], Field(min_length=1, max_length=len(Proof))]
    """How it can show that it is the one that is meant."""


class Reveal(Model):
    """The module tells the number that it has committed to, and proves that it knows its label's code."""

    step: Literal["reveal"]
    registration: RegistrationId
    ticket: Ticket
    nonce: Nonce
    proof: Hex32 | None = None


class Press(Model):
    """The module's button was pressed."""

    step: Literal["press"]
    registration: RegistrationId
    ticket: Ticket


class Collect(Model):
    """The module asks whether it was let in, and for what it is known by from now on."""

    step: Literal["collect"]
    registration: RegistrationId
    ticket: Ticket


class Renew(Model):
    """A module asks for another certificate for its key, two thirds through the life of the present one."""

    step: Literal["renew"]
    certificate_request: RequestPem


class Accept(Model):
    """A person lets a module in."""

    step: Literal["accept"]
    registration: RegistrationId
    proof: Proof
    """How the module has shown that it is the one that is meant. With `button` it is let in when its button
    is pressed within 30 seconds; with `compare` the person has seen the same digits on both."""
    code: Annotated[SecretStr, Field(min_length=1, max_length=40)] | None = None
    """The 16 characters on the module's label."""
    name: Name = ""
    room: Name = ""
    role: Name = ""

    @model_validator(mode="after")
    def _code_where_due(self) -> Self:
        if (self.proof is Proof.CODE) != (self.code is not None):
            raise ValueError("`code` belongs to the proof `code`, and to no other")
        return self


class Adopt(Model):
    """A person makes a device a module that the hub calls: one of `candidate`, `address`, `setup_code`."""

    step: Literal["adopt"]
    candidate: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Id of one that was found."""
    address: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """`host`, `host:port` or for Modbus `host:port:unit`."""
    driver: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Who speaks with what is at `address`; all are tried without it."""
    setup_code: Annotated[str, Field(min_length=11, max_length=600)] | None = None
    """Of a Matter device: `MT:...`, or 11 or 21 digits."""
    name: Name = ""
    room: Name = ""
    role: Name = ""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(each is not None for each in (self.candidate, self.address, self.setup_code)) != 1:
            raise ValueError("give exactly one of candidate, address and setup_code")
        if self.driver is not None and self.address is None:
            raise ValueError("`driver` belongs to `address`")
        return self


Step = Annotated[Request | Reveal | Press | Collect | Renew | Accept | Adopt, Field(discriminator="step")]


class RegisterAnswer(Model):
    """How far it is, and what the step gives."""

    state: State
    modules: list[ModuleKey]
    """Keys of the modules that it is about."""
    registration: str | None = None
    """Id of a request."""
    ticket: str | None = None
    """With it, and only with it, the module goes on with its request."""
    hub_nonce: str | None = None
    """The hub's number, 16 bytes in hexadecimal digits."""
    hub_ski: str | None = None
    """Fingerprint of the key of the hub's certificate authority, 32 bytes in hexadecimal digits."""
    authority: str | None = None
    """Certificate of that authority in PEM: who shows a certificate of it is the hub."""
    expires: Moment | None = None
    """When the request is over."""
    digits: str | None = None
    """The six digits that the module shows."""
    certificate: str | None = None
    """The module's certificate in PEM."""
    token: str | None = None
    """The module's token; shown this once."""
    hub_proof: str | None = None
    """The hub's proof that it knows the label's code: the module keeps nothing before it is right."""
