"""Loads in the planning process: from what is asked to parts of the problem, and from its plan to steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.loads.asked import AskedLoad, GivenLoad, LoadProgram, LoadStep
from bridge.loads.learned import Usual, usual_day, usual_run
from bridge.loads.wish import Hours, LoadKind
from optimizer.horizon import Horizon, Window
from optimizer.load import ShiftableLoad
from optimizer.reason import ReasonCode
from optimizer.vehicle import Vehicle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.planner.question import Question
    from optimizer.formulation.program import Floats
    from optimizer.plan import Plan

ROOM_WH: Final = 50_000.0
"""Room that a car is taken to have, which does not tell, for sun beyond what it needs."""
_SLOT_S: Final = 300
_HASTE: Final = 0.002
"""Share of the highest price that it is worth to have a kWh an hour sooner: what hardly gains by waiting does
not wait, and something may still go wrong without harm."""
_EXACT_S: Final = 2 * 3600.0
"""For so long what is on or off is planned as such; later it is so in the mean, and planned anew before."""
_MARGIN: Final = 0.05
_MOST_MARGIN_S: Final = 900.0
"""Before its deadline a load is to be done: this share of its time, and so many seconds at most."""
_LEAST_SHARE: Final = 0.5
"""Of its least power a load must get in a step to be on in it."""
_SMALL_W: Final = 1.0
_SAYS_LITTLE: Final = {ReasonCode.UNAVAILABLE, ReasonCode.DONE}


class LoadParts(NamedTuple):
    """What loads are in the problem.

    :ivar vehicles: whatever does not mind pauses is one to the optimizer
    :ivar keys: what was asked of each part, by the part's name
    :ivar given_w: power of the loads that run whatever the plan is, in each step, by module; `why` they do
    :ivar notes: why something that is asked is not in the problem
    """

    vehicles: tuple[Vehicle, ...]
    machines: tuple[ShiftableLoad, ...]
    keys: dict[str, AskedLoad]
    given_w: dict[str, tuple[float, ...]]
    why: dict[str, str]
    programs: dict[str, LoadProgram]
    notes: tuple[str, ...]

    def all_given_w(self, count: int) -> tuple[float, ...]:
        """Return what they take together in each step."""
        return tuple(sum(power[step] for power in self.given_w.values()) for step in range(count))


def load_parts(question: Question, horizon: Horizon, past_w: Mapping[str, Floats]) -> LoadParts:
    """Return the loads of a question as parts of its problem.

    :param past_w: what each took in the quarters of an hour of the last weeks
    """
    wish = 10 * max(0.1, *map(abs, question.import_price), *map(abs, question.export_price))
    energies: list[Vehicle] = []
    machines: list[ShiftableLoad] = []
    notes: list[str] = []
    keys: dict[str, AskedLoad] = {}
    programs: dict[str, LoadProgram] = {}
    for asked in question.loads:
        usual = _usual(asked, past_w)
        program = _program(asked, usual)
        if program is None:
            notes.append(
                f"{asked.title}: what it takes is not known yet: say its energy and power, "
                "or let it run once as usual."
            )
            continue
        name = asked.key if asked.key not in keys else f"{asked.key} {len(keys)}"
        keys[name] = asked
        programs.setdefault(asked.key, program)
        # Where there is not enough for all, what people gave a higher priority comes first.
        price = wish * (0.55 + 0.1 * asked.priority)
        if asked.kind is LoadKind.MACHINE:
            machines.append(_machine(name, asked, program, question, price))
        else:
            energies.append(_energy(name, asked, program, (horizon, question), price))
    given_w, why = _given(question.given, horizon, past_w)
    return LoadParts(tuple(energies), tuple(machines), keys, given_w, why, programs, tuple(notes))


def load_steps(parts: LoadParts, plan: Plan) -> list[dict[str, LoadStep]]:
    """Return what each load does in each step of a plan."""
    steps: list[dict[str, LoadStep]] = [{} for _ in plan.horizon.steps_s]
    for load in plan.loads:
        asked = parts.keys[load.name]
        least = parts.programs[asked.key].power_w if asked.least_w is None else asked.least_w
        enough = _SMALL_W if asked.kind is LoadKind.MACHINE else max(_LEAST_SHARE * least, _SMALL_W)
        for step, watts, reason in zip(steps, load.power_w, load.reasons, strict=True):
            found = LoadStep(watts, watts >= enough, reason.code, reason.sentence)
            step[asked.key] = _joined(step.get(asked.key), found)
    for key, powers in parts.given_w.items():
        for step, watts in zip(steps, powers, strict=True):
            if watts > 0:
                given = LoadStep(watts, True, ReasonCode.GIVEN, parts.why[key])
                step[key] = _joined(step.get(key), given)
    return steps


def _joined(known: LoadStep | None, other: LoadStep) -> LoadStep:
    """Return what several things come to that are asked of one load: what runs tells why."""
    if known is None:
        return other
    tells = other if (other.on and not known.on) or known.code in _SAYS_LITTLE else known
    return replace(tells, power_w=known.power_w + other.power_w)


def titled(sentence: str, parts: LoadParts) -> str:
    """Return a sentence of the optimizer with the name that people know a load by."""
    for name in sorted(parts.keys, key=len, reverse=True):
        if sentence.startswith(f"{name}:"):
            return parts.keys[name].title + sentence.removeprefix(name)
    return sentence


def _usual(asked: AskedLoad, past_w: Mapping[str, Floats]) -> Usual | None:
    if not asked.learns or asked.key not in past_w:
        return None
    usual = usual_run if asked.kind is LoadKind.MACHINE else usual_day
    return usual(past_w[asked.key])


def _program(asked: AskedLoad, usual: Usual | None) -> LoadProgram | None:
    """Return what a load is taken for: what people said, and for the rest what is usual for it."""
    energy, length, power = asked.need_wh, asked.run_s, asked.power_w
    if usual is not None:
        power = power or usual.power_w
        if energy is None and length is None:
            energy, length = usual.energy_wh, usual.run_s
    if energy is None and length is not None and power:
        energy = length * power / 3600
    if length is None and energy is not None and power:
        length = energy / power * 3600
    if energy is None or length is None:
        return None
    if not power or (asked.power_w is None and asked.kind is LoadKind.MACHINE):
        power = energy / length * 3600
    people_said = None not in {asked.need_wh, asked.run_s, asked.power_w}
    learned_from = 0 if usual is None or people_said else usual.of
    return LoadProgram(energy, length, power, learned_from if asked.sessions is None else asked.sessions)


def _machine(
    name: str, asked: AskedLoad, program: LoadProgram, question: Question, price: float
) -> ShiftableLoad:
    slots = max(1, round(program.run_s / _SLOT_S))
    length = slots * _SLOT_S
    start, by = asked.start, asked.by
    late = start <= question.start and by < question.start + length
    if late:
        # Too late is better than never.
        by = question.start + length
    parts = None if late else _windows(asked.hours, start, by, question)
    return ShiftableLoad(
        name,
        (program.need_wh * 3600 / length,) * slots,
        Window(_moment(start), _moment(by)),
        _SLOT_S,
        price,
        None if asked.hours is Hours.ANY else parts,
        _haste(question),
    )


def _energy(
    name: str, asked: AskedLoad, program: LoadProgram, when: tuple[Horizon, Question], price: float
) -> Vehicle:
    horizon, question = when
    need = max(program.need_wh - asked.taken_wh, 0.0)
    start = max(asked.start, float(question.start))
    early = _early(asked.start, asked.by)
    by = early if start < early else max(asked.by, start)
    if asked.spare_wh:
        # What it may need more has its time afterwards, if what it needs has its own before.
        sooner = by - asked.spare_wh / program.power_w * 3600
        by = max(sooner, min(by, start + need / program.power_w * 3600))
    windows = _windows(asked.hours, start, by, question)
    if asked.sessions is not None:
        # Of what is only assumed nothing lacks that no time is left for.
        need = min(need, program.power_w * sum(_lasts_h(each) for each in windows))
    # What is on or off takes whole steps, and a car has a least power: the last step may bring too much.
    if asked.least_w is None:
        spare = program.power_w * _longest_h(horizon, windows)
    else:
        spare = asked.least_w * question.steps_s[0] / 3600
    room = need + (spare if need else 0.0) if not asked.takes_sun else ROOM_WH
    return Vehicle(
        name,
        windows or (Window(_moment(start), _moment(start)),),
        need,
        program.power_w,
        deadline=_moment(max(asked.by, by)),
        min_w=program.power_w if asked.least_w is None else min(asked.least_w, program.power_w),
        efficiency=1.0,
        room_wh=room,
        value=_sun_value(question) if asked.takes_sun else 0.0,
        from_battery=asked.from_battery,
        price=price,
        haste=_haste(question),
        exact_s=_EXACT_S,
    )


def _sun_value(question: Question) -> float:
    """Return what a kWh of sun is worth in a car: more than feeding it in, less than drawing one."""
    sold = max(*question.export_price, 0.0) if question.feed_in_counts else 0.0
    return sold + 0.1 * max(min(question.import_price) - sold, 0.0)


def _haste(question: Question) -> float:
    return _HASTE * max(map(abs, question.import_price))


def _early(start: float, by: float) -> float:
    """Return when something is to be done so that it is done in time, though not all goes by the plan."""
    return by - min(_MARGIN * (by - start), _MOST_MARGIN_S)


def _given(
    loads: Sequence[GivenLoad], horizon: Horizon, past_w: Mapping[str, Floats]
) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
    powers: dict[str, tuple[float, ...]] = {}
    why: dict[str, str] = {}
    for each in loads:
        power = each.power_w
        if power is None:
            usual = usual_day(past_w[each.key]) if each.learns and each.key in past_w else None
            power = 0.0 if usual is None else usual.power_w
        start = horizon.start
        until = datetime.fromtimestamp(start.timestamp() + each.left_s, UTC)
        shares = horizon.shares(Window(start.astimezone(UTC), until))
        powers[each.key] = tuple(power * share for share in shares)
        why[each.key] = each.why
    return powers, why


def _windows(hours: Hours, start: float, by: float, question: Question) -> tuple[Window, ...]:
    """Return the parts of a time in which something may run at its prices; neighbours are joined."""
    if hours is Hours.ANY:
        return (Window(_moment(start), _moment(by)),) if by > start else ()
    low, high = min(question.import_price), max(question.import_price)
    third = (high - low) / 3
    spans: list[tuple[float, float]] = []
    time = float(question.start)
    for seconds, price in zip(question.steps_s, question.import_price, strict=True):
        fits = price <= low + third if hours is Hours.OFF_PEAK else price < high - third or low == high
        begin, end = max(time, start), min(time + seconds, by)
        if fits and begin < end:
            joined = bool(spans) and spans[-1][1] == begin
            begin = spans.pop()[0] if joined else begin
            spans.append((begin, end))
        time += seconds
    return tuple(Window(_moment(begin), _moment(end)) for begin, end in spans)


def _longest_h(horizon: Horizon, windows: Sequence[Window]) -> float:
    """Return how long the longest step is that lies in the windows, in hours."""
    shares = horizon.shares(*windows)
    return max((hours for hours, share in zip(horizon.hours, shares, strict=True) if share > 0), default=0.0)


def _lasts_h(window: Window) -> float:
    return (window.end - window.start).total_seconds() / 3600


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
