"""POST /device/register: how devices become modules, step by step for those that speak of themselves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from bridge.access.role import Role
from bridge.api.authority import AuthorityError
from bridge.api.local import is_local
from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import operation
from bridge.api.problems import (
    CONFLICT,
    FORBIDDEN,
    INVALID,
    NO_CREDENTIALS,
    TOO_MANY,
    UNAVAILABLE,
    Flaw,
    Problem,
    ProblemType,
)
from bridge.discovery import (
    NoCommissionerError,
    NoDeviceError,
    NotByAddressError,
    StillCommissioningError,
)
from bridge.registration import refusals
from bridge.registration.membership import State
from hw.ores.description import Description
from hw.ores.pairing import NONCE_LENGTH, Proof

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.api.context import Context
    from bridge.registration.desk import RegistrationDesk
    from bridge.registration.pending import Pending

PATH = "/device/register"

UNKNOWN_REGISTRATION = ProblemType(
    "unknown-registration",
    404,
    "Nobody asks to be registered under that id.",
    "The id was never given, or the request was refused, or made more than ten minutes ago.",
    "Switch on pairing on the module again; GET /device/register tells who asks.",
)
WRONG_PROOF = ProblemType(
    "wrong-proof",
    403,
    "The module has not shown that it is the one that is meant.",
    "The code was mistyped or is of another label, or somebody takes the module's place.",
    "Type the 16 characters on the module's label; if they are right, refuse the request.",
)
NO_DEVICE = ProblemType(
    "no-device",
    404,
    "No device was found there.",
    "Nothing answers at that place, or nothing that a driver of the hub understands.",
    "See what each driver says in `detail`; look whether the device is on and its interface enabled.",
)
NO_COMMISSIONER = ProblemType(
    "no-matter-server",
    409,
    "The hub cannot commission Matter devices.",
    "There is no Matter server among its drivers, and it needs one to speak with Matter devices.",
    "Set up a Matter server for the hub, or pair the device with an app.",
)
NOT_LOCAL = ProblemType(
    "module-not-local",
    403,
    "Modules are registered from the home network only.",
    "The request came from an address outside the networks that the hub is in.",
    "Connect the module to the same network as the hub.",
)

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


@operation(
    "POST",
    PATH,
    summary="Register a device",
    description=(
        "`adopt` is for devices that the hub calls. A module that speaks of itself goes through `request`, "
        "`reveal`, `press` (if it has a button) and `collect`, a person through `accept`; `renew` is for "
        "modules that were let in. Ten attempts a minute for a host. The documentation for makers of modules "
        "has the protocol. `adopt` and `accept` need the role owner."
    ),
    least=None,
    body=Step,
    answer=RegisterAnswer,
    routine=True,
    problems=(
        NO_CREDENTIALS,
        FORBIDDEN,
        NOT_LOCAL,
        UNKNOWN_REGISTRATION,
        WRONG_PROOF,
        NO_DEVICE,
        NO_COMMISSIONER,
        CONFLICT,
        TOO_MANY,
    ),
)
async def register(context: Context[None, Any]) -> RegisterAnswer:
    """Take the step that the body is."""
    body = context.body
    if isinstance(body, Accept | Adopt):
        _judge_person(context)
        return await _adopt(context, body) if isinstance(body, Adopt) else _accept(context, body)
    if not is_local(context.address):
        raise Problem(NOT_LOCAL)
    with translated():
        if isinstance(body, Request):
            return _request(context, body)
        if isinstance(body, Renew):
            return _renew(context, body)
        return _go_on(context, body)


def desk(context: Context[Any, Any]) -> RegistrationDesk:
    """Return where modules are registered. Raise Problem while that is nowhere."""
    try:
        return context.hub.registrations
    except LookupError as error:
        raise Problem(UNAVAILABLE, str(error)) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn what can be wrong with a registration into problems."""
    try:
        yield
    except refusals.UnknownRegistrationError as error:
        raise Problem(UNKNOWN_REGISTRATION, str(error)) from error
    except refusals.WrongProofError as error:
        raise Problem(WRONG_PROOF, str(error)) from error
    except refusals.FullError as error:
        raise Problem(TOO_MANY, str(error), headers={"Retry-After": "60"}) from error
    except AuthorityError as error:
        flaw = Flaw("#/certificate_request", str(error))
        raise Problem(INVALID, "the certificate request cannot be signed", flaws=[flaw]) from error
    except refusals.RegistrationError as error:
        raise Problem(CONFLICT, str(error)) from error


# ---------------------------------------------------------------------- what modules ask


def _request(context: Context[None, Any], body: Request) -> RegisterAnswer:
    place = desk(context)
    commitment = bytes.fromhex(body.commitment)
    pending = place.request(
        body.description, body.certificate_request or "", commitment, body.proofs, context.address
    )
    api = context.hub.api
    assert api is not None
    assert api.tls is not None
    left = pending.ends - context.hub.clock.monotonic()
    return _told(
        pending,
        ticket=pending.ticket,
        hub_nonce=pending.hub_nonce.hex(),
        hub_ski=place.hub_ski.hex(),
        authority=api.tls.authority.pem.decode(),
        expires=moment(context.access.now + left),
    )


def _go_on(context: Context[None, Any], body: Reveal | Press | Collect) -> RegisterAnswer:
    place, ticket = desk(context), body.ticket.get_secret_value()
    if isinstance(body, Reveal):
        nonce, proof = bytes.fromhex(body.nonce), bytes.fromhex(body.proof or "")
        pending = place.reveal(body.registration, ticket, nonce, proof, context.address)
        return _told(pending, digits=pending.digits(place.hub_ski))
    if isinstance(body, Press):
        return _told(place.press(body.registration, ticket, context.address))
    granted = place.collect(body.registration, ticket, context.address)
    if granted is None:
        return RegisterAnswer(state=State.PENDING, modules=[])
    return RegisterAnswer(
        state=State.ACTIVE,
        modules=[granted.module],
        certificate=granted.certificate or None,
        token=granted.token or None,
        hub_proof=granted.proof.hex() or None,
    )


def _renew(context: Context[None, Any], body: Renew) -> RegisterAnswer:
    known = context.known
    if known is None:
        raise Problem(NO_CREDENTIALS)
    present = context.thumbprint
    if not known.module or context.access.modules.of_certificate(present) != known.module:
        raise Problem(FORBIDDEN, "only a module that shows its certificate renews it")
    context.module(known.module)
    certificate = desk(context).renew(known.module, body.certificate_request, present)
    return RegisterAnswer(state=State.ACTIVE, modules=[known.module], certificate=certificate)


def _told(pending: Pending, **more: Any) -> RegisterAnswer:
    state = State.ACTIVE if pending.accepted else State.PENDING
    return RegisterAnswer(state=state, modules=[pending.module], registration=pending.id, **more)


# ---------------------------------------------------------------------- what people say


def _judge_person(context: Context[None, Any]) -> None:
    """Raise Problem for whoever may not register devices, and note that they tried."""
    if context.known is None:
        raise Problem(NO_CREDENTIALS, headers={"WWW-Authenticate": 'Bearer realm="ores-bridge"'})
    if not context.caller.may(Role.OWNER):
        raise Problem(FORBIDDEN, f"POST {PATH} is for the role {Role.OWNER.word} and above")


def _accept(context: Context[None, Any], body: Accept) -> RegisterAnswer:
    code = body.code.get_secret_value() if body.code is not None else ""
    with translated():
        try:
            pending = desk(context).accept(
                body.registration,
                body.proof,
                by=context.caller.name,
                address=context.address,
                code=code,
                name=body.name,
                room=body.room,
                role=body.role,
            )
        except ValueError as error:
            raise Problem(INVALID, "it is no code", flaws=[Flaw("#/code", str(error))]) from error
    return _told(pending)


async def _adopt(context: Context[None, Any], body: Adopt) -> RegisterAnswer:
    discovery, called = context.hub.discovery, {"name": body.name, "room": body.room, "role": body.role}
    place = "candidate" if body.candidate else "setup_code" if body.setup_code else "address"
    target = body.candidate or body.address or "setup code"
    try:
        if body.candidate is not None:
            keys = await discovery.register_candidate(body.candidate, **called)
        elif body.setup_code is not None:
            keys = await discovery.commission(body.setup_code, **called)
        else:
            keys = await discovery.register(body.address or "", driver=body.driver, **called)
    except ValueError as error:
        raise Problem(INVALID, "it cannot be meant", flaws=[Flaw(f"#/{place}", str(error))]) from error
    except StillCommissioningError:
        return RegisterAnswer(state=State.PENDING, modules=[])
    except NoCommissionerError as error:
        raise Problem(NO_COMMISSIONER, str(error)) from error
    except NotByAddressError as error:
        raise Problem(CONFLICT, "it takes more than that", remedy=str(error)) from error
    except NoDeviceError as error:
        _note(context, target, "404")
        raise Problem(NO_DEVICE, str(error)) from error
    for key in keys:
        _note(context, key, "200")
    return RegisterAnswer(state=State.ACTIVE, modules=list(keys))


def _note(context: Context[None, Any], target: str, result: str) -> None:
    context.access.note(
        context.caller.name,
        f"POST {PATH}",
        result,
        subject=target,
        address=context.address,
        request=context.request_id,
    )
