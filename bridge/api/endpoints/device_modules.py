"""GET, PATCH and DELETE /device/register: the modules of the home, and who asks to become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from bridge import voice
from bridge.access.role import Role
from bridge.api.endpoints.device_register import PATH
from bridge.api.load_view import LoadChange, LoadView, load_view, wished
from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import operation
from bridge.api.problems import INVALID, UNKNOWN_MODULE, Flaw, Problem
from bridge.api.registration_problems import UNKNOWN_REGISTRATION, desk
from bridge.drivers import NATIVE
from bridge.module_face import ENERGY
from bridge.record import PRIORITIES, OperatingMode
from bridge.registration.membership import Credential, State
from bridge.registration.refusals import UnknownRegistrationError
from hw.module import ModuleKind
from hw.ores.pairing import Proof

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.registration.pending import Pending
    from bridge.registry import RegisteredModule

Name = Annotated[str, Field(min_length=1, max_length=32)]
Room = Annotated[str, Field(max_length=32)]
Priority = Annotated[int, Field(ge=PRIORITIES[0], le=PRIORITIES[-1])]


class ModulesQuery(Model):
    """Which modules."""

    module: ModuleKey | None = None
    """Key of the only one to tell of."""


class RegisteredView(Model):
    """A module of the home."""

    module: str
    """Its key: its name everywhere in the hub."""
    state: State
    name: str
    room: str
    role: str
    kind: ModuleKind
    priority: int
    """0 to 9: how long it is to be supplied when there is not power enough for all; 9 the longest."""
    mode: OperatingMode
    load: LoadView | None
    """What is wanted of a load or a charging point; null for others."""
    faces: dict[str, bool]
    """The voice faces that it can have, and which of them it has."""
    driver: str
    address: str
    """Where it was last found; the key of a module that speaks of itself."""
    vendor: str
    model: str
    serial: str
    firmware: str
    reachable: bool
    endpoint: int | None
    """Matter endpoint of its energy face."""
    credential: Credential
    """What it shows to be known by."""
    ski: str | None
    """Fingerprint of its key: SHA-256, in hexadecimal digits."""
    proof: str | None
    """How it has shown that it is the one that was meant."""
    registered: Moment | None
    """Since when, of a module that has asked for it."""
    renewed: Moment | None
    """When it got its present certificate or token."""


class PendingView(Model):
    """A module that asks to be let in."""

    registration: str
    """Its id: what accepting and refusing call it by."""
    state: State
    module: str
    """The key that it would have."""
    vendor: str
    model: str
    serial: str
    kind: ModuleKind
    ski: str | None
    """Fingerprint of its key; null for one without a key."""
    replaces: bool
    """Whether a module of that identity is known by another key: somebody may try to take its place."""
    proofs: list[Proof]
    """How it can show that it is the one that is meant."""
    ready: bool
    """Whether it has told its number, which `code` and `compare` need."""
    digits: str | None
    """Six digits: let it in by `compare` only if the module shows the same."""
    address: str


class RegisterView(Model):
    """The modules of the home, and who asks to become one."""

    modules: list[RegisteredView]
    registrations: list[PendingView]
    """For owners and above; empty for others."""


class ModuleChange(Model):
    """What is to be another; what is left out stays."""

    module: ModuleKey
    name: Name | None = None
    """What apps show, at most 32 bytes."""
    room: Room | None = None
    role: Room | None = None
    """What it does where its kind does not say, such as `grid` for the meter at the supply."""
    priority: Priority | None = None
    mode: OperatingMode | None = None
    faces: Annotated[dict[str, bool | None], Field(max_length=16)] | None = None
    """Voice faces to be switched on or off; null leaves one to the settings."""
    load: LoadChange | None = None
    """What is wanted of a load or a charging point."""
    quarantined: bool | None = None
    """True: it is read and not commanded any more; false: it is commanded again."""


class RemovalQuery(Model):
    """What is to go: a module, or a request to become one."""

    module: ModuleKey | None = None
    registration: Annotated[str, Field(min_length=1, max_length=32)] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.module is None) == (self.registration is None):
            raise ValueError("give module or registration, and not both")
        return self


class RemovedModule(Model):
    """What went."""

    module: str
    state: State
    """`retired`: it was a module; `candidate`: it was refused and may ask again."""


@operation(
    "GET",
    PATH,
    summary="The modules of the home, and who asks to become one",
    description="One module or all, reachable or not. A module is told of itself.",
    least=Role.GUEST,
    modules=True,
    query=ModulesQuery,
    answer=RegisterView,
    problems=(UNKNOWN_MODULE,),
)
async def registered(context: Context[ModulesQuery, None]) -> RegisterView:
    """Tell of the modules."""
    key = context.query.module
    modules = context.modules() if key is None else [context.module(key)]
    waiting = []
    if key is None and context.caller.may(Role.OWNER):
        waiting = [_pending(context, each) for each in desk(context).pending()]
    return RegisterView(modules=[view(context, each) for each in modules], registrations=waiting)


@operation(
    "PATCH",
    PATH,
    summary="Change what a module is called, and what it may",
    description=(
        "Name, room, role, priority, voice faces, operating mode, quarantine, and what is wanted of a load: "
        "how much by when, which the plan sees to. Apps show a new name."
    ),
    least=Role.OWNER,
    body=ModuleChange,
    answer=RegisteredView,
    problems=(UNKNOWN_MODULE,),
)
async def change(context: Context[None, ModuleChange]) -> RegisteredView:
    """Change what the body names, after all of it was judged."""
    body, registry = context.body, context.hub.registry
    module = context.module(body.module)
    if body.name is not None and not body.name.strip():
        raise Problem(INVALID, "a module needs a name", flaws=[Flaw("#/name", "it is empty")])
    possible = {face.value for face in voice.possible(module.record)}
    for face in body.faces or ():
        if face not in possible:
            can = ", ".join(sorted(possible)) or "none"
            flaw = Flaw(f"#/faces/{face[:40]}", f"there is no such face of it; it can have {can}")
            raise Problem(INVALID, "it has no such face", flaws=[flaw])
    wish = None if body.load is None else wished(context.hub, module, body.load)
    registry.rename(module.key, name=body.name, room=body.room, role=body.role)
    if body.priority is not None:
        registry.set_priority(module.key, body.priority)
    if body.mode is not None:
        registry.set_mode(module.key, body.mode)
    if body.faces:
        registry.set_faces(module.key, body.faces)
    if wish is not None:
        registry.set_wish(module.key, wish)
    if body.quarantined is not None:
        registry.set_quarantined(module.key, quarantined=body.quarantined)
    return view(context, module)


@operation(
    "DELETE",
    PATH,
    summary="Remove a module, or refuse one that asks",
    description=(
        "Apps delete a removed module with its room and its scenes, and what it was known by opens nothing "
        "any more. It comes back only when a person registers it again, as another device. One that is "
        "switched off or away need not be removed."
    ),
    least=Role.OWNER,
    query=RemovalQuery,
    answer=RemovedModule,
    problems=(UNKNOWN_MODULE, UNKNOWN_REGISTRATION),
)
async def remove(context: Context[RemovalQuery, None]) -> RemovedModule:
    """Remove it."""
    if context.query.registration is not None:
        try:
            refused = desk(context).refuse(context.query.registration, by=context.caller.name)
        except UnknownRegistrationError as error:
            raise Problem(UNKNOWN_REGISTRATION, str(error)) from error
        return RemovedModule(module=refused.module, state=State.CANDIDATE)
    key = context.module(context.query.module or "").key
    context.hub.registry.remove(key)
    return RemovedModule(module=key, state=State.RETIRED)


def view(context: Context[Any, Any], module: RegisteredModule) -> RegisteredView:
    """Return a module as it is shown."""
    record = module.record
    on = voice.wanted(record, context.hub.book.now.faces)
    member = desk(context).members.get(module.key) if record.driver == NATIVE else None
    return RegisteredView(
        module=record.key,
        state=State.QUARANTINED if record.quarantined else State.ACTIVE,
        name=record.name,
        room=record.room,
        role=record.role,
        kind=record.kind,
        priority=record.priority,
        mode=record.mode,
        load=load_view(context.hub, module),
        faces={face.value: face in on for face in sorted(voice.possible(record))},
        driver=record.driver,
        address=record.address,
        vendor=record.identity.vendor,
        model=record.identity.model,
        serial=record.identity.serial,
        firmware=record.identity.firmware,
        reachable=module.reachable,
        endpoint=context.hub.registry.endpoints.faces(module.key).get(ENERGY),
        credential=member.credential if member else Credential.NONE,
        ski=member.ski or None if member else None,
        proof=member.proof if member else None,
        registered=moment(member.since) if member else None,
        renewed=moment(member.renewed) if member else None,
    )


def _pending(context: Context[Any, Any], pending: Pending) -> PendingView:
    said = pending.description
    return PendingView(
        registration=pending.id,
        state=State.PENDING,
        module=pending.module,
        vendor=said.vendor,
        model=said.model,
        serial=said.serial,
        kind=said.kind,
        ski=pending.ski.hex() if pending.request else None,
        replaces=pending.replaces,
        proofs=list(pending.proofs),
        ready=bool(pending.nonce),
        digits=pending.digits(desk(context).hub_ski) or None,
        address=pending.address,
    )
