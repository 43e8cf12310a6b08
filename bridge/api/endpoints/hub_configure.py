"""/hub/configure: what the hub is to do, what it was told before, and which apps belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from bridge import pairing
from bridge.access.role import Role
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import operation
from bridge.api.problems import INVALID, UNKNOWN_REVISION, Flaw, Problem, ProblemType
from bridge.choices import Policy
from bridge.island.mode import HomeMode
from bridge.live_settings import Section
from bridge.planner.news import NotNowError, PlannerBusyError, SwitchedOffError
from bridge.record import OperatingMode
from bridge.revisions import UnknownRevisionError
from bridge.settings_book import BadSettingsError, as_shown, without_secrets

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.configuration import Configured
    from bridge.hub import Hub
    from bridge.revisions import Revision

PATH = "/hub/configure"
WINDOW_BUSY = ProblemType(
    "window-busy",
    409,
    "No app can be let in now.",
    "A window is open already, or an app is being paired.",
    "Wait until it is closed, or close it with window close.",
)
UNKNOWN_APP = ProblemType(
    "unknown-app",
    404,
    "There is no such app.",
    "No fabric has this index: the app was removed, or never there.",
    "GET /hub/configure lists the apps.",
)

NO_PLANNER = ProblemType(
    "no-planner",
    409,
    "The hub does not plan.",
    "There is no tariff in its settings, or planning is switched off there.",
    "Set import_price in [tariff], or enabled in [planner], of the hub's settings.",
)
PLAN_NOT_NOW = ProblemType(
    "plan-not-now",
    409,
    "No plan can be made now.",
    "A plan is being made, or what is known of the home is not fit to plan by; the detail says which.",
    "Wait for what the detail names; GET /app/monitor shows when plans are made again.",
)


Table = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}]})]
"""Keys and values of a table of the settings, as docs/configuration.md has them; of `log_level` the value."""


class Configuration(Model):
    """What people configured."""

    policy: Policy
    """What the home's plan is to be good for."""
    operating_mode: OperatingMode
    """`autonomous`: neither plans nor programmes command any module. It holds when the grid is there."""
    savings_percent: Annotated[int, Field(ge=0, le=100)]
    """How much comfort may be given up for savings."""
    settings: dict[Section, Table]
    """What is set of these settings, over what the settings file says. Tokens are not shown."""


class RevisionView(Model):
    """One change."""

    revision: int
    time: Moment
    by: str
    before: Configuration
    after: Configuration


class App(Model):
    """An app that belongs to the hub: a Matter fabric."""

    index: int
    label: str
    """What the app calls itself; may be empty."""
    vendor_id: int
    fabric_id: str
    node_id: str


class Pairing(Model):
    """How apps are let in."""

    open: bool
    """Whether one can come in now."""
    qr_code: str | None
    """Null for who may not let apps in."""
    manual_code: str | None


class HubConfiguration(Model):
    """All of it."""

    configuration: Configuration
    settings: dict[Section, Table]
    """These settings as they hold, settings file and all."""
    restart_required: list[str]
    """Keys, such as `api.names`, that hold from the next start of the hub on."""
    mode: HomeMode
    """How the home works now: as configured, or `island`, `returning` and `restoring` around an outage."""
    history: list[RevisionView]
    """The changes that are remembered, the newest last."""
    apps: list[App]
    pairing: Pairing


class Change(Model):
    """What is to be another; what is left out stays."""

    policy: Policy | None = None
    operating_mode: OperatingMode | None = None
    savings_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    settings: dict[Section, Table] | None = None
    """What is to be another in these settings, nested as in the settings file; null for what that says."""
    back_to_before: Annotated[int, Field(ge=1)] | None = None
    """Configure what was so before this revision; nothing else may be given."""
    window: Literal["open", "close"] | None = None
    """Let another app in, or do so no more."""
    window_s: Annotated[int, Field(ge=180, le=900)] = 900
    """How long it is let in."""
    remove_app: Annotated[int, Field(ge=1, le=254)] | None = None
    """Index of an app that is to be put out."""
    replan: bool = False
    """Have a new plan made now; GET /app/monitor shows it when it is there."""
    dry_run: bool = False
    """Judge the configuration and say what it would be, but change nothing."""


@operation(
    "GET",
    PATH,
    summary="How the hub is configured",
    description="What people configured, what it was before, the apps that belong to it, the way in.",
    least=Role.GUEST,
    answer=HubConfiguration,
)
async def read(context: Context[None, None]) -> HubConfiguration:
    """Tell it; the codes only to those who may let apps in."""
    return _shown(context.hub, context.hub.configuration.now, codes=context.caller.may(Role.OWNER))


@operation(
    "PATCH",
    PATH,
    summary="Configure the hub",
    description=(
        "Changes what is given and leaves the rest, or goes back to what was before a revision. Also opens "
        "and closes the window for another app, puts an app out, and has a new plan made. With `dry_run` "
        "everything is judged and nothing is changed."
    ),
    least=Role.OWNER,
    body=Change,
    answer=HubConfiguration,
    problems=(WINDOW_BUSY, UNKNOWN_REVISION, UNKNOWN_APP, NO_PLANNER, PLAN_NOT_NOW),
)
async def change(context: Context[None, Change]) -> HubConfiguration:
    """Change it in the name of the session's user."""
    hub, body, by = context.hub, context.body, context.caller.name
    known = {fabric.index for fabric in hub.matter.node.fabrics}
    if body.remove_app is not None and body.remove_app not in known:
        raise Problem(UNKNOWN_APP, f"there is no app of index {body.remove_app}")
    values: dict[str, object] = {
        "policy": body.policy,
        "operating_mode": body.operating_mode,
        "savings_percent": body.savings_percent,
    }
    if body.settings is not None:
        values["settings"] = hub.book.patched({str(name): table for name, table in body.settings.items()})
    if body.back_to_before is not None:
        values = _before(hub, body.back_to_before)
    try:
        wished = hub.configuration.judged(**values)
    except BadSettingsError as error:
        flaws = [Flaw("/".join(("#/settings", *map(str, path))), message) for path, message in error.problems]
        raise Problem(INVALID, "the settings do not fit", flaws=flaws) from error
    if body.replan:
        _replan(hub, dry=body.dry_run)
    if body.dry_run:
        return _shown(hub, wished, codes=True)
    hub.configuration.change(by, **values)
    if body.window == "open":
        try:
            pairing.open_window(hub.matter, body.window_s)
        except pairing.WindowError as error:
            raise Problem(WINDOW_BUSY, str(error)) from error
    elif body.window == "close":
        hub.matter.node.window.close()
    if body.remove_app is not None:
        hub.matter.remove_app(body.remove_app)
    return _shown(hub, hub.configuration.now, codes=True)


def _replan(hub: Hub, *, dry: bool) -> None:
    """Begin to plan anew, or only say whether that can be."""
    if hub.planner is None:
        raise Problem(NO_PLANNER, "the hub has no tariff, or planning is switched off")
    try:
        hub.planner.replan(dry=dry)
    except PlannerBusyError as error:
        raise Problem(PLAN_NOT_NOW, str(error), headers={"Retry-After": "5"}) from error
    except SwitchedOffError as error:
        raise Problem(NO_PLANNER, str(error)) from error
    except NotNowError as error:
        raise Problem(PLAN_NOT_NOW, str(error)) from error


def _before(hub: Hub, number: int) -> dict[str, object]:
    try:
        return hub.configuration.before(number)
    except UnknownRevisionError as error:
        raise Problem(UNKNOWN_REVISION, str(error)) from error


def _shown(hub: Hub, configured: Configured, *, codes: bool) -> HubConfiguration:
    info = hub.matter.node.info
    setup = pairing.codes(hub.setup, info.vendor_id, info.product_id) if codes else {}
    settings = hub.book.judged(configured.settings)
    return HubConfiguration(
        configuration=_configuration(configured),
        settings=as_shown(settings),
        restart_required=list(hub.book.restart_required(settings)),
        mode=hub.home.island.mode,
        history=[_revision(each) for each in hub.configuration.history()],
        apps=[App.model_validate(each) for each in pairing.fabrics(hub.matter)],
        pairing=Pairing(
            open=hub.matter.node.window.is_open,
            qr_code=_text(setup.get("qr_code")),
            manual_code=_text(setup.get("manual_code")),
        ),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _configuration(configured: Configured) -> Configuration:
    return Configuration(
        policy=configured.policy,
        operating_mode=configured.operating_mode,
        savings_percent=configured.savings_percent,
        settings=without_secrets(configured.settings),
    )


def _revision(revision: Revision[Configured]) -> RevisionView:
    return RevisionView(
        revision=revision.number,
        time=moment(revision.time),
        by=revision.by,
        before=_configuration(revision.before),
        after=_configuration(revision.after),
    )
