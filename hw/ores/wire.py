"""What all messages of the module protocol have in common: strict JSON with bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Message(BaseModel):
    """A message, or a part of one. What it does not know is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, use_attribute_docstrings=True
    )


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant as RFC 3339 has it, such as `2026-06-21T12:00:00.250Z`."""
Label = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[ -~]*[0-9A-Za-z][ -~]*$")]
"""A name or number that a maker gave: printable ASCII."""
Line = Annotated[str, Field(max_length=160)]
Id = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9a-zA-Z-]+$")]
Number = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""Counts messages: every JSON library has it exactly."""
Power = Annotated[float, Field(ge=-1e6, le=1e6)]
Magnitude = Annotated[float, Field(ge=0, le=1e6)]
Voltage = Annotated[float, Field(ge=0, le=2000)]
Current = Annotated[float, Field(ge=-10_000, le=10_000)]
Frequency = Annotated[float, Field(ge=0, le=1000)]
Energy = Annotated[float, Field(ge=0, le=1e12)]
Temperature = Annotated[float, Field(ge=-100, le=300)]
Resistance = Annotated[float, Field(ge=0, le=1e12)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=2**31)]
