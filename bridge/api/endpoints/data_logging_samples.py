"""POST /device/data/logging: what a module logged itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey
from bridge.api.operation import operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, UNKNOWN_MODULE, Flaw, Problem
from bridge.api.recorded import unreadable
from bridge.telemetry.database import StoreError

if TYPE_CHECKING:
    from bridge.api.context import Context

MOST_SAMPLES: Final = 5000
BATCH_LIMIT: Final = 1024 * 1024
"""Bytes of a batch."""


Value = float | str | bool | None


class Batch(Model):
    """Samples of one module."""

    module: ModuleKey | None = None
    """Key of the module that logs; it may be left out, and is no other's."""
    samples: Annotated[list[dict[str, Value]], Field(min_length=1, max_length=MOST_SAMPLES)]
    """What was measured in one second each: `time`, RFC 3339 with its offset or seconds since 1970, and
    metrics by their names, such as `power_w`; states by their words. Null says nothing."""


class Logged(Model):
    """What became of a batch."""

    stored: int
    """Values that are new, or differ from what was there."""
    known: int
    """Values that were there already."""


@operation(
    "POST",
    "/device/data/logging",
    summary="Log samples as a module",
    description=(
        "A module that measured on its own tells it afterwards, for itself alone. A batch is checked whole "
        "and stored whole before it is answered; it may come again, or overlap with another, and changes "
        "nothing twice. Samples may be as old as seconds are kept. People log nothing, whatever their role."
    ),
    least=Role.ADMIN,
    modules=True,
    body=Batch,
    body_limit=BATCH_LIMIT,
    answer=Logged,
    routine=True,
    problems=(UNKNOWN_MODULE, CONFLICT),
)
async def log_samples(context: Context[None, Batch]) -> Logged:
    """Store what the module says."""
    module = context.caller.module
    if not module:
        raise Problem(FORBIDDEN, "only a module logs samples, with its own token or certificate")
    context.module(context.body.module or module)
    hub = context.hub
    if not hub.settings.telemetry.enabled:
        raise Problem(CONFLICT, "recording is switched off", remedy="Switch it on under [telemetry].")
    batch = {"samples": context.body.samples}
    try:
        ingested = await hub.telemetry.ingest(module, batch)
    except ValueError as error:
        raise Problem(INVALID, "the batch does not fit", flaws=[Flaw("#/samples", str(error))]) from error
    except StoreError as error:
        raise unreadable(error) from error
    return Logged(stored=ingested.stored, known=ingested.known)
