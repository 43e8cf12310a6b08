"""What is wanted of a load: in the answers and the changes of `/device/register`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bridge.api.models import Model, Moment, moment
from bridge.api.problems import INVALID, Flaw, Problem
from bridge.loads.changing import changed
from bridge.loads.comfort import COLDEST_C, HOTTEST_C, MOST_BANDS
from bridge.loads.run import LoadState
from bridge.loads.wish import LONGEST_PAUSE, LONGEST_RUN, MOST_W, MOST_WH, Hours, LoadKind, WishError
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.hub import Hub
    from bridge.loads.wish import LoadWish
    from bridge.registry import RegisteredModule

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""Local time of the home, such as `07:00`."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Temperature = Annotated[float, Field(ge=COLDEST_C, le=HOTTEST_C)]
"""In °C."""
Pause = Annotated[float, Field(ge=0, le=LONGEST_PAUSE)]


class ComfortBandView(Model):
    """Between which temperatures it is kept, and when."""

    lowest_c: Temperature
    highest_c: Temperature
    start: TimeOfDay | None = None
    """Null, with `end`, for whenever no other band holds."""
    end: TimeOfDay | None = None
    """At or before `start`, it is on the next day."""


class ThermostatView(Model):
    """How a thermostat is of which a band is wanted; null where nobody knows."""

    temperature_c: float | None
    setpoint_c: float | None
    lowest_c: float | None
    """Of the band that holds now."""
    highest_c: float | None
    own_c: float | None
    """What it is set to again when the plan lets go of it; null while the plan does not set it."""
    planned_c: float | None
    """Its temperature at the end of the plan's present step."""
    person_until: Moment | None
    """Until when it stays as a person has set it; null if it is not."""
    why_not: str
    """Why the plan does not set it, for a person; empty if it does."""


class LoadChange(Model):
    """What is wanted of it from now on; what is left out stays, null gives back the usual."""

    kind: LoadKind | None = None
    planned: bool | None = None
    """Whether the plan may command it."""
    energy_wh: Annotated[float, Field(ge=1, le=MOST_WH)] | None = None
    """What it is to get by each deadline, or what a run takes; null for what is usual for it."""
    run_minutes: Annotated[float, Field(ge=1, le=LONGEST_RUN)] | None = None
    """How long it runs for that; null for what is usual for it."""
    power_w: Annotated[float, Field(ge=1, le=MOST_W)] | None = None
    """What it takes while it runs; null for what is usual for it."""
    done_by: TimeOfDay | None = None
    """When it is to be done on `days`."""
    days: Annotated[list[Day], Field(max_length=7)] | None = None
    """On which it is to be done by then, every week."""
    earliest: TimeOfDay | None = None
    """Before which it does not begin; null for a day before `done_by`."""
    hours: Hours | None = None
    """At which prices it may run."""
    min_on_minutes: Pause | None = None
    """How long it stays on at least."""
    min_off_minutes: Pause | None = None
    bands: Annotated[list[ComfortBandView], Field(max_length=MOST_BANDS)] | None = None
    """Of what keeps a temperature; one of them is without a time and says what holds else."""
    once_by: Moment | None = None
    """To be done once by then, besides; within seven days. Null: not any more."""


class LoadView(Model):
    """What is wanted of it, and how far it is."""

    kind: LoadKind
    planned: bool
    energy_wh: float | None
    run_minutes: float | None
    power_w: float | None
    done_by: TimeOfDay | None
    days: list[Day]
    earliest: TimeOfDay | None
    hours: Hours
    min_on_minutes: float
    min_off_minutes: float
    bands: list[ComfortBandView]
    once_by: Moment | None
    state: LoadState
    """`idle`: nothing is wanted of it now."""
    taken_wh: float
    """What it has got of what is wanted now."""
    thermostat: ThermostatView | None
    """Null of a load that keeps no temperature."""


def load_view(hub: Hub, module: RegisteredModule) -> LoadView | None:
    """Return what is wanted of a load or a charging point; None of another module."""
    if module.record.kind not in {ModuleKind.LOAD, ModuleKind.EVSE}:
        return None
    wish, run = module.record.wish, hub.home.runs.run(module.key)
    values = {name: value for name, value in wish.values().items() if name != "once_from"}
    once = None if wish.once_by is None else moment(wish.once_by)
    thermostat = None
    if wish.kind is LoadKind.COMFORT:
        from bridge.loads.thermostats import thermostat_now  # few homes have one

        thermostat = thermostat_now(hub, module)
        if isinstance(until := thermostat["person_until"], float):
            thermostat["person_until"] = moment(until)
    # The wish was judged when it was made: its words and times are those of the model.
    return LoadView.model_validate(
        values
        | {
            "once_by": once,
            "state": run.state,
            "taken_wh": round(run.taken_wh, 1),
            "thermostat": thermostat,
        }
    )


def wished(hub: Hub, module: RegisteredModule, change: LoadChange) -> LoadWish:
    """Return a module's wish with a change. Raise Problem when it cannot be meant."""
    changes: dict[str, Any] = change.model_dump(exclude_unset=True)
    once = changes.get("once_by")
    if once is not None:
        changes["once_by"] = once.timestamp()
    try:
        return changed(module.record, changes, hub.clock.utc() or 0.0, hub.home.zone)
    except WishError as error:
        detail = str(error)
        flaws = [Flaw(f"#/load/{error.field}", detail.removeprefix(f"{error.field}: "))]
        raise Problem(INVALID, detail, flaws=flaws) from error
