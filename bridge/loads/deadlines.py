"""What is wanted now of each load, and what becomes of it at its deadline."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bridge.loads.events import LoadMet, LoadMissed
from bridge.loads.needs import has_car, is_planned, needs
from bridge.loads.run import LoadState
from bridge.loads.wish import LoadKind
from bridge.state import StateError
from hw.module import ModuleKind
from hw.reading import PlugState

if TYPE_CHECKING:
    from bridge.home import Home
    from bridge.loads.run import LoadRun
    from bridge.registry import RegisteredModule

_ENOUGH: Final = 0.9
"""Share of what was wanted with which it was met."""
_HARDLY: Final = 0.2
"""Share of what its program usually takes below which a machine has not really run."""

_log = logging.getLogger(__name__)


class Deadlines:
    """Keeps each load's run at what is wanted of it now."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._why: dict[str, str] = {}
        """What has kept each load from running lately, for a person."""

    def look(self, now: float, waiting: str) -> None:
        """Begin what is wanted from now on, and tell what was not done in time.

        :param waiting: why the plan is not carried out, empty if it is
        """
        for module in self._home.registry:
            if module.record.kind not in {ModuleKind.LOAD, ModuleKind.EVSE}:
                continue
            run = self._home.runs.run(module.key)
            if not run.by and not is_planned(module, self._home):
                continue
            try:
                self._look_at(module, run, now, waiting)
            except StateError as error:
                _log.error("%s: what is wanted of it cannot be kept: %s", module.record.name, error)

    def note(self, module: str, why: str) -> None:
        """Note what the plan says of a load that does not run now."""
        self._why[module] = why

    def _look_at(self, module: RegisteredModule, run: LoadRun, now: float, waiting: str) -> None:
        key, runs = module.key, self._home.runs
        if why := _hindrance(module, run, now, waiting):
            self._why[key] = why
        going_on = run.state is LoadState.RUNNING
        if module.record.kind is ModuleKind.EVSE and run.state is LoadState.DONE and not has_car(module):
            run = run.idle()
        if run.by and run.by <= now:
            if not run.told and (not going_on or _is_late(run, now)):
                self._settle(module, run)
                run = replace(run, told=True)
            # A car that has what it was to get is kept from charging on for as long as it is there.
            run = run if going_on or _is_held(module, run) else run.idle()
        wish = module.record.wish
        over = run.state is LoadState.DONE or run.by <= now
        if wish.once_by is not None and (wish.once_by <= now or (over and run.by == wish.once_by)):
            self._home.registry.set_wish(key, wish.not_once())
        coming = needs(module, self._home, now, now + 1)
        current = next((need for need in coming if need.start <= now < need.by), None)
        if current is not None:
            known = run.need_wh if run.by == current.by else None
            full = current.sessions is not None
            run = run.wanted(current.by, current.energy_wh or known, wish.run_s, now, full=full)
        elif run.state is LoadState.WAITING and (module.record.kind is ModuleKind.LOAD or has_car(module)):
            # Nobody wants it any more. Of a car that is away it is not known.
            run = run.idle()
            self._home.bus.publish(LoadMet(key))
        runs.keep(key, run)

    def _settle(self, module: RegisteredModule, run: LoadRun) -> None:
        """Tell whether a load got in time what was wanted."""
        missing = _missing(module, run)
        if not missing:
            self._home.bus.publish(LoadMet(module.key))
            return
        by = datetime.fromtimestamp(run.by, self._home.zone)
        why = self._why.pop(module.key, "")
        text = f"{missing} by {by:%a %H:%M}." + (f" {why[:1].upper()}{why[1:]}" if why else "")
        _log.warning("%s: %s", module.record.name, text)
        self._home.bus.publish(LoadMissed(module.key, text))


def _is_held(module: RegisteredModule, run: LoadRun) -> bool:
    return run.state is LoadState.DONE and has_car(module)


def _missing(module: RegisteredModule, run: LoadRun) -> str:
    """Return what is missing, for a person; nothing when all is well."""
    reading = module.reading
    if module.record.kind is ModuleKind.EVSE:
        plug = None if reading is None or reading.evse is None else reading.evse.plug
        if plug in {PlugState.NOT_CONNECTED, PlugState.NO_DEMAND}:
            return ""  # a car that is away, or full, wants nothing
        if run.full:
            return f"It got {run.taken_wh / 1000:.1f} kWh, and the car was not full"
    if module.record.wish.kind is LoadKind.MACHINE:
        return _missing_run(run)
    if run.need_wh and run.taken_wh < _ENOUGH * run.need_wh:
        return f"It got {run.taken_wh / 1000:.1f} of {run.need_wh / 1000:.1f} kWh"
    return ""


def _missing_run(run: LoadRun) -> str:
    if run.started is None:
        return "It did not run"
    if run.ended is None:
        return "It was not done"
    if run.taken_wh < _HARDLY * run.need_wh:
        return f"It was switched on, but took {run.taken_wh:.0f} Wh only"
    return ""


def _hindrance(module: RegisteredModule, run: LoadRun, now: float, waiting: str) -> str:
    """Return what keeps a load from being commanded, for a person; nothing when nothing does."""
    if not module.reachable:
        return f"it did not answer: {module.unreachable_because}."
    if run.person_until > now and not run.person_on:
        return "a person had switched it off."
    return f"the plan was not carried out: {waiting}." if waiting else ""


def _is_late(run: LoadRun, now: float) -> bool:
    """Tell whether a program that still goes on at its deadline will not be over in a moment."""
    return run.left_s(now) > 120
