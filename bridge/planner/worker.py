"""The planning process: questions on standard input, answers on standard output, until the input ends.

It is a process of its own so that numpy and scipy are not in the hub's memory, and so that a solver that
hangs or crashes takes nothing with it. `bridge.planner.solving` says what travels.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.loads.answering import LoadParts, load_parts, load_steps, titled
from bridge.planner import looking_ahead, scoring
from bridge.planner.foreseen import HeldBattery, as_told, foreseen
from bridge.planner.outlook import Foreseen
from bridge.planner.past import STEP as QUARTER_S
from bridge.planner.past import past
from bridge.planner.plan import BatteryStep, HomePlan, PlanStep
from bridge.planner.question import AskedBefore, Question
from bridge.planner.solving import MOST_BYTES
from bridge.savings import reckoning
from bridge.time_zone import time_zone
from optimizer.forecast.anchoring import anchored
from optimizer.forecast.clear_sky import Site
from optimizer.forecast.load_profile import forecast_load
from optimizer.horizon import Horizon
from optimizer.island import Island
from optimizer.load import BaseLoad
from optimizer.previous import Remembered
from optimizer.problem import Problem
from optimizer.solar import Solar
from optimizer.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.planner.past import Past
    from optimizer.forecast.forecast import Forecast
    from optimizer.formulation.program import Floats
    from optimizer.plan import Plan

_NICENESS: Final = 10
_LONGEST_S: Final = 310
"""Somewhat more than the longest time limit that can be set."""
_MOST_MEMORY: Final = 1024 * 1024 * 1024
"""Bytes of data; a problem that needs more is given up with a MemoryError."""
_PR_SET_PDEATHSIG: Final = 1
"""`prctl(2)`: the signal that this process gets when its parent ends."""
_GUESSED_LATITUDE: Final = 45.0
_STEADINESS: Final = 0.003
"""What moving a kWh against the plan in force must bring, of the highest price: a tenth of a cent of 33."""
_HASTE: Final = 0.0002
"""What it is worth that stored energy serves an hour sooner, of the highest price for each kWh: less than 1 %
in two days, and as much as the solver still sees between steps of five minutes."""
_OUTAGES_PER_HOUR: Final = 1 / (30 * 24)
"""Chance of an outage when the residents want to be ready for one."""


_known = lru_cache(maxsize=1)(past)
"""What was recorded until the last full quarter of an hour, kept until there is another one."""


def answer(question: Question, known: Past | None = None) -> HomePlan:
    """Return the plan to a question.

    :param known: what happened before; what was recorded when nobody says
    :raises ProblemError: the question is absurd
    :raises SolverError: its numbers are too far apart
    """
    zone = time_zone(question.zone)
    horizon = Horizon(datetime.fromtimestamp(question.start, UTC).astimezone(zone), question.steps_s)
    question = looking_ahead.priced(question, horizon, zone)
    if known is None:
        known = _known(question.recorded, question.start // QUARTER_S * QUARTER_S)
    load = forecast_load(known.load, horizon, zone, prior_w=question.load_w)
    load = anchored(load, horizon, question.load_w, load.expected_w[0])
    sun = looking_ahead.sun(question, known.production, horizon, _site(question))
    if not question.outlook.curtailed:
        # What panels give that are held back tells nothing of what they could.
        sun = _measured_sun(sun, horizon, question.production_w)
    co2 = looking_ahead.emissions(question, horizon, zone)
    grid, co2_price = looking_ahead.grid(question, horizon, co2)
    parts = _parts(question, horizon, known.loads)
    problem = Problem(
        horizon,
        grid,
        BaseLoad(
            _added(load.expected_w, parts.taken_w),
            low_w=_added(load.low_w, parts.taken_w),
            high_w=_added(load.high_w, parts.taken_w),
        ),
        Solar(
            _added(sun.expected_w, parts.fed_w),
            _added(sun.low_w, parts.fed_w),
            high_w=_added(sun.high_w, parts.fed_w),
            curtailable=question.outlook.curtailable,
        ),
        tuple(each.battery for each in parts.batteries),
        parts.loads.vehicles,
        shiftable=parts.loads.machines,
        co2_price=co2_price,
        island=None
        if question.backup_hours is None
        else Island(question.backup_hours, outages_per_hour=_OUTAGES_PER_HOUR),
    )
    expected = Foreseen(
        load.expected_w,
        load.low_w,
        load.high_w,
        sun.expected_w,
        sun.low_w,
        sun.high_w,
        co2,
        "history" if question.outlook.sun is None else "weather",
    )
    plan = solve(_steady(_prompt(problem), question.before))
    return _told(question, expected, plan, parts, known.days)


class _Parts(NamedTuple):
    """What of a question is not only the optimizer's.

    :ivar taken_w: by what runs whatever the plan is, in each step: loads, and batteries told to charge
    :ivar fed_w: what batteries are told to give, in each step: it is there like sun
    """

    loads: LoadParts
    batteries: tuple[HeldBattery, ...]
    taken_w: tuple[float, ...]
    fed_w: tuple[float, ...]


def _parts(question: Question, horizon: Horizon, past_w: Mapping[str, Floats]) -> _Parts:
    loads = load_parts(question, horizon, past_w)
    batteries = tuple(
        foreseen(each, horizon, looking_ahead.wear(question, each.wear)) for each in question.batteries
    )
    taken = loads.all_given_w(len(horizon))
    given = [power + sum(each.power_w[step] for each in batteries) for step, power in enumerate(taken)]
    return _Parts(
        loads,
        batteries,
        tuple(max(power, 0.0) for power in given),
        tuple(max(-power, 0.0) for power in given),
    )


def _added(forecast_w: tuple[float, ...], more_w: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(base + more for base, more in zip(forecast_w, more_w, strict=True))


def _prompt(problem: Problem) -> Problem:
    """Let batteries serve now rather than later where both bring the same: it leaves room for sun."""
    haste = _HASTE * problem.highest_price
    return replace(problem, batteries=tuple(replace(each, haste=haste) for each in problem.batteries))


def _steady(problem: Problem, before: AskedBefore | None) -> Problem:
    """Let departing from the plan in force cost a little, so that equals do not take turns."""
    if before is None:
        return problem
    start = datetime.fromtimestamp(before.start, UTC)
    previous = Remembered(Horizon(start, before.steps_s), before.power_w)
    return replace(problem, previous=previous, steadiness=_STEADINESS * problem.highest_price)


def _site(question: Question) -> Site:
    """Return where the home is; if nobody said, what its clocks tell of it."""
    if question.place is not None:
        return Site(*question.place)
    offset = datetime.fromtimestamp(question.start, UTC).astimezone(time_zone(question.zone)).utcoffset()
    hours = 0.0 if offset is None else offset.total_seconds() / 3600
    return Site(_GUESSED_LATITUDE, max(-180.0, min(180.0, 15 * hours)))


def _measured_sun(forecast: Forecast, horizon: Horizon, measured_w: float) -> Forecast:
    """Tie the forecast to what the panels give now; at night they give nothing, whatever they give now."""
    tied = anchored(forecast, horizon, measured_w, forecast.expected_w[0])
    rows = zip(forecast.expected_w, tied.expected_w, forecast.low_w, tied.low_w, tied.high_w, strict=True)
    lit = [(e, low, high) if said > 0 else (0.0, 0.0, 0.0) for said, e, _, low, high in rows]
    return type(forecast)(*(tuple(column) for column in zip(*lit, strict=True)))


def _told(question: Question, expected: Foreseen, plan: Plan, parts: _Parts, history_days: float) -> HomePlan:
    capacities = {each.name: max(each.capacity_wh, 1.0) for each in question.batteries}
    asked = {each.name: (each, also) for each, also in zip(question.batteries, parts.batteries, strict=True)}
    steps, loads = [], load_steps(parts.loads, plan)
    for number, start in enumerate(plan.horizon.offsets_s[:-1]):
        batteries = {}
        for each in plan.batteries:
            band, reason = each.bands[number], each.reasons[number]
            battery, also = asked[each.name]
            step = BatteryStep(
                each.power_w[number],
                100 * each.stored_wh[number] / capacities[each.name],
                band.mode,
                band.lowest_w,
                band.highest_w,
                reason.code,
                reason.sentence,
            )
            ends_s = start + question.steps_s[number]
            batteries[each.name] = as_told(step, battery, also.power_w[number], ends_s, also.held_s)
        steps.append(
            PlanStep(
                question.start + start,
                question.steps_s[number],
                question.import_price[number],
                question.export_price[number],
                expected.load_w[number] + sum(each.power_w for each in loads[number].values()),
                plan.solar_w[number] + parts.fed_w[number],
                plan.grid_w[number],
                batteries,
                loads[number],
                plan.curtailed_w[number],
            )
        )
    return HomePlan(
        tuple(steps),
        question.currency,
        sum(map(_bill, steps)),
        None if plan.backup is None else plan.backup.hours[0],
        (*parts.loads.notes, *(titled(each.sentence, parts.loads) for each in plan.violations)),
        plan.solved.exact,
        history_days,
        plan.solved.seconds,
        parts.loads.programs,
        question.outlook.notes,
        None
        if expected.co2 is None
        else sum(
            max(step.grid_w, 0.0) / 1000 * step.duration / 3600 * co2
            for step, co2 in zip(steps, expected.co2, strict=True)
        ),
        expected,
    )


def _bill(step: PlanStep) -> float:
    """Return what the supplier asks for a step."""
    price = step.import_price if step.grid_w > 0 else step.export_price
    return price * step.grid_w / 1000 * step.duration / 3600


def _plan(about: dict[str, Any]) -> dict[str, Any]:
    return answer(Question.from_values(about)).values()


ANSWERS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "plan": _plan,
    "score": scoring.answer,
    "savings": reckoning.answer,
}
"""What can be asked, in plain values, and who answers it with plain values."""


def reply(line: bytes) -> bytes:
    """Return the line that answers a line: what was asked for, or why there is none."""
    number = None
    try:
        asked = json.loads(line)
        number = asked["number"]
        said = {"number": number, "told": ANSWERS[asked["ask"]](asked["about"])}
        text = json.dumps(said, separators=(",", ":"), allow_nan=False)
    except Exception as error:  # noqa: BLE001 - whoever asked hears of it, and the next question may be better
        text = json.dumps({"number": number, "error": f"{type(error).__name__}: {error}"})
    return text.encode() + b"\n"


def main() -> None:
    """Answer questions until there are no more."""
    _be_modest()
    # Whatever a library prints is no answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        while (line := sys.stdin.buffer.readline(MOST_BYTES)).endswith(b"\n"):
            # The hub ends a process that takes too long; if the hub hangs, too, this does.
            signal.alarm(_LONGEST_S)
            answers.write(reply(line))
            answers.flush()
            signal.alarm(0)


def _be_modest() -> None:
    """Leave the processor to the hub, take no more memory than there may be, and end with the hub."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    with contextlib.suppress(OSError, AttributeError):
        # Also if the hub is killed while this is at work; when it waits it sees its input end.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
