"""PATCH /device/data/logging: for how long what was recorded is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bridge.access.role import Role
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import operation
from bridge.api.problems import INVALID, UNKNOWN_REVISION, Flaw, Problem
from bridge.api.retention_view import RetentionRevision, RetentionView
from bridge.retention import MOST_DAYS
from bridge.revisions import UnknownRevisionError

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.retention import Retention, RetentionBook

Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class RetentionChange(Model):
    """What is to be kept for another time; what is left out stays. 0 is for ever."""

    seconds_days: Days | None = None
    """Days for which every second is kept."""
    minutes_days: Days | None = None
    """Days for which mean, least and most of each minute are kept; no fewer than of seconds."""
    quarters_days: Days | None = None
    """The same of quarters of an hour; no fewer than of minutes."""
    events_days: Days | None = None
    """Days for which events are kept. The audit trail stays for ever."""
    back_to_before: Annotated[int, Field(ge=1)] | None = None
    """Keep for as long as before this revision; nothing else may be given."""
    as_settings: bool = False
    """Keep for as long as the settings file says; nothing else may be given."""
    dry_run: bool = False
    """Judge the change and say what it would be and remove, but change nothing."""


class RemovedHistory(Model):
    """What is removed for good, within the next hours."""

    what: str
    """The field that was made shorter."""
    before: Moment
    """What was recorded before this time."""


class RetentionChanged(Model):
    """What is kept from now on, or would be."""

    retention: RetentionView
    chosen: bool
    """Whether somebody chose it; if not, it is what the settings file says."""
    removes: list[RemovedHistory]
    history: list[RetentionRevision]
    """The changes that are remembered, the newest last."""


@operation(
    "PATCH",
    "/device/data/logging",
    summary="Keep what was recorded for longer or shorter",
    description=(
        "Changes what is given and leaves the rest, or goes back to what was before a revision, or to what "
        "the settings file says. What is coarser is kept as long as what is finer, at least. With `dry_run` "
        "everything is judged and nothing is changed. What was removed does not come back."
    ),
    least=Role.OWNER,
    body=RetentionChange,
    answer=RetentionChanged,
    problems=(UNKNOWN_REVISION,),
)
async def keep(context: Context[None, RetentionChange]) -> RetentionChanged:
    """Change it in the name of the session's user."""
    book, body = context.hub.retention, context.body
    before, wished = book.now, _wished(book, body)
    chosen = wished is not None and (wished != before or book.chosen)
    after = wished or book.settings
    if not body.dry_run:
        book.choose(context.caller.name, wished)
    removed = after.removed(before, context.access.now)
    return RetentionChanged(
        retention=RetentionView.of(after),
        chosen=chosen,
        removes=[RemovedHistory(what=name, before=moment(time)) for name, time in removed.items()],
        history=[RetentionRevision.of(each) for each in book.history()],
    )


def _wished(book: RetentionBook, body: RetentionChange) -> Retention | None:
    """Return what is wished for, None for what the settings file says. Raise Problem."""
    days = body.model_dump(include=set(asdict(book.now)), exclude_none=True)
    alone = (body.back_to_before is not None) + body.as_settings + bool(days)
    if alone > 1:
        flaw = Flaw("#", "days, back_to_before and as_settings exclude each other")
        raise Problem(INVALID, "the body does not fit", flaws=[flaw])
    if body.as_settings:
        return None
    if body.back_to_before is not None:
        try:
            return book.before(body.back_to_before)
        except UnknownRevisionError as error:
            raise Problem(UNKNOWN_REVISION, str(error)) from error
    try:
        return book.judged(days)
    except ValueError as error:
        raise Problem(INVALID, "the body does not fit", flaws=[Flaw("#", str(error))]) from error
