"""What the bodies of requests and answers have in common.

Names of fields carry their unit (`power_w`, `energy_wh`, `soc_percent`, `duration_s`), and times are RFC
3339 in UTC. Import and charging are positive, export and discharging negative, at the module's AC terminals.
What a device does not have, or does not know now, is null.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


class Model(BaseModel):
    """A body, or a part of one. What it does not know is an error; what it holds does not change.

    It is compiled when it is first used, so that the hub starts without waiting for it.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, use_attribute_docstrings=True
    )


class Nothing(Model):
    """No query at all."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the year is outside of 1 to 9999 in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant with its offset to UTC, such as `2026-06-21T12:00:00Z`; answers are in UTC."""

ModuleKey = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[0-9a-z.-]+$")]
"""A module's name everywhere in the hub, such as `sma-3005067415`."""


def moment(seconds: float) -> datetime:
    """Return an instant that is given in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
