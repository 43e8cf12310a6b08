"""POST /device/register: how devices become modules, step by step for those that speak of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.access.role import Role
from bridge.adoption import (
    NoCommissionerError,
    NoDeviceError,
    NotByAddressError,
    StillCommissioningError,
)
from bridge.api.local import is_local
from bridge.api.models import moment
from bridge.api.operation import operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, NO_CREDENTIALS, TOO_MANY, Flaw, Problem
from bridge.api.registration_problems import (
    NO_COMMISSIONER,
    NO_DEVICE,
    NOT_LOCAL,
    UNKNOWN_REGISTRATION,
    WRONG_PROOF,
    desk,
    translated,
)
from bridge.api.registration_steps import (
    Accept,
    Adopt,
    Collect,
    Press,
    RegisterAnswer,
    Renew,
    Request,
    Reveal,
    Step,
)
from bridge.registration.membership import State

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.registration.pending import Pending

PATH = "/device/register"


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
            keys = await discovery.adoption.register_candidate(body.candidate, **called)
        elif body.setup_code is not None:
            keys = await discovery.adoption.commission(body.setup_code, **called)
        else:
            keys = await discovery.adoption.register(body.address or "", driver=body.driver, **called)
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
