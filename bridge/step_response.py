"""Whether the meter at the supply moves as the modules do: what steps tell of both.

Whatever the household does besides, a module that takes 500 W more makes the supply carry 500 W more. So each
step that the hub itself brings about has a ratio: what the meter moved, of what the modules moved. About a
good meter it is 1 and, for the load changes meanwhile, scatters. One ratio says nothing; the median of many
does, held against how far they scatter, so that a restless home needs more of them and is not accused.

A step also has witnesses. A battery that reads what it was told has two that agree: then it is the meter's
ratio. If the meter moved as was told and the battery reads something else, it is the battery's. A module that
was told no power (a plug, a charging point) has none: it lies if others show the meter right since.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final

STEP_W: Final = 250.0
"""Smaller changes say nothing: what a household does within seconds is as large."""
KEPT: Final = 12
"""Steps that are looked at together."""
ENOUGH: Final = 8
"""Steps that it takes to doubt; `KEPT` if there is too much and not too little."""
RETURN: Final = 4
"""Steps that it takes to believe again."""
LOWEST: Final = 0.6
HIGHEST: Final = 2.0
"""Ratios between them are no lie."""
CALM: Final = 0.3
"""Share of a step by which the meter may have moved in the seconds before it. When the hub answers a short
peak of the load, the peak ends and the answer comes, and the meter moves by both: that says nothing."""
NEAR: Final = (0.7, 1.5)
"""Ratios that are right."""
MOST: Final = 0.85
"""Share of the steps that must be off, each by itself."""
SURE: Final = 4.0
"""Standard errors of the median that it must be off by."""
ALIKE: Final = 0.06
"""Standard errors may be no larger a share of a median that is too high."""
_OF_MEDIAN: Final = 1.4826 * 1.2533
"""Standard error of a median, of the median deviation of what it is of and the square root of how many."""


@dataclass(frozen=True, slots=True)
class Step:
    """One time at which the hub changed what modules take, and what came of it. Powers in W, import positive.

    :ivar modules: those that were told, sorted
    :ivar own_w: by how much their readings changed
    :ivar moved_w: by how much those of all known modules changed
    :ivar metered_w: by how much the supply meter's reading changed
    :ivar restless_w: between which readings it moved in the seconds before, highest less lowest
    :ivar told_w: by how much they were told to change; None if no power was told before or now
    :ivar obeyed: whether they read what they were told; None if they were told no power
    """

    modules: tuple[str, ...]
    own_w: float
    moved_w: float
    metered_w: float
    restless_w: float = 0.0
    told_w: float | None = None
    obeyed: bool | None = None

    @property
    def ratio(self) -> float:
        """What the meter moved, of what the modules moved."""
        return self.metered_w / self.moved_w if self.moved_w else math.inf


@dataclass(frozen=True, slots=True)
class Lie:
    """A ratio that cannot be.

    :ivar ratio: of what is read to what is
    :ivar count: of how many steps
    :ivar step: the last of them
    """

    ratio: float
    count: int
    step: Step


@dataclass(frozen=True, slots=True)
class _Seen:
    number: int
    ratio: float
    step: Step


class StepResponses:
    """What the last steps showed."""

    def __init__(self) -> None:
        self._count = 0
        self._witnessed: deque[_Seen] = deque(maxlen=KEPT)
        """The meter's ratio in steps whose modules read what they were told."""
        self._alone: dict[tuple[str, ...], deque[_Seen]] = {}
        """The same of modules that were told no power."""
        self._own: dict[str, deque[_Seen]] = {}
        """What a module reads, of what it was told and the meter moved by."""

    def add(self, step: Step, *, honest: bool = True) -> None:
        """Note a step.

        :param honest: the meter is believed, so that it can be a witness
        """
        if step.restless_w > CALM * max(abs(step.metered_w), abs(step.moved_w), abs(step.told_w or 0.0)):
            return
        self._count += 1
        large = abs(step.moved_w) >= STEP_W and abs(step.own_w) >= STEP_W
        if step.obeyed is None:
            if large:
                kept = self._alone.setdefault(step.modules, deque(maxlen=KEPT))
                kept.append(_Seen(self._count, step.ratio, step))
            return
        if large and (step.obeyed or _is_near(step.ratio)):
            self._witnessed.append(_Seen(self._count, step.ratio, step))
        if step.told_w is None or abs(step.told_w) < STEP_W or len(step.modules) != 1:
            return
        ratio = step.own_w / step.told_w
        if not _is_near(ratio):
            room = (1 - NEAR[0]) * abs(step.told_w)
            if not honest:
                return
            if abs(step.metered_w - step.moved_w) <= room:
                ratio = 1.0  # it could not do what it was told, and says so
            elif abs(step.metered_w - step.told_w - (step.moved_w - step.own_w)) > room:
                return  # somebody else did something
        kept = self._own.setdefault(step.modules[0], deque(maxlen=KEPT))
        kept.append(_Seen(self._count, ratio, step))

    def lie_of_meter(self) -> Lie | None:
        """Return how the meter lies, None if it is not known to."""
        lie = _lie(self._witnessed)
        if lie is not None:
            return lie
        lies = {key: found for key, seen in self._alone.items() if (found := _lie(seen)) is not None}
        if not lies or any(self._is_right_since(self._alone[key][0].number, key) for key in lies):
            return None
        ratios = [each.ratio for each in lies.values()]
        if len(lies) == 1 and abs(ratios[0]) < 1 - NEAR[0]:
            only = next(iter(lies.values()))
            # One module that the meter does not see at all may be somewhere else.
            return only if abs(only.ratio) >= _UNSEEN else None
        agree = max(ratios) - min(ratios) <= (1 - NEAR[0]) * max(1.0, *map(abs, ratios))
        return next(iter(lies.values())) if agree else None

    def lie_of(self, module: str) -> Lie | None:
        """Return how a module lies, None if it is not known to."""
        lie = _lie(self._own.get(module, ()))
        if lie is not None:
            return lie
        seen = self._alone.get((module,))
        lie = None if seen is None else _lie(seen)
        if lie is None or seen is None or not self._is_right_since(seen[0].number, (module,)):
            return None
        return Lie(1 / lie.ratio if lie.ratio else math.inf, lie.count, lie.step)

    def is_meter_right(self) -> bool:
        """Tell whether the last steps show the meter right."""
        seen = [*self._witnessed, *(each for kept in self._alone.values() for each in kept)]
        return _is_right([each.ratio for each in sorted(seen, key=lambda each: each.number)])

    def is_right(self, module: str) -> bool:
        """Tell whether the last steps show a module right."""
        kept = self._own.get(module) or self._alone.get((module,)) or ()
        return _is_right([each.ratio for each in kept])

    def begin_anew(self) -> None:
        """Forget all steps: the meter is another one, or what is thought of it."""
        self._witnessed.clear()
        self._alone.clear()
        self._own.clear()

    def forget(self, module: str) -> None:
        """Forget the steps of a module."""
        self._own.pop(module, None)
        for key in [each for each in self._alone if module in each]:
            del self._alone[key]

    def _is_right_since(self, number: int, but: tuple[str, ...]) -> bool:
        """Tell whether steps of other modules than some show the meter right since one."""
        groups = [self._witnessed, *(seen for key, seen in self._alone.items() if key != but)]
        return any(_is_right([each.ratio for each in seen if each.number >= number]) for seen in groups)


_UNSEEN: Final = 0.05


def _is_near(ratio: float) -> bool:
    return NEAR[0] <= ratio <= NEAR[1]


def _is_right(ratios: list[float]) -> bool:
    last = ratios[-RETURN:]
    return len(last) == RETURN and _is_near(median(last)) and sum(map(_is_near, last)) >= RETURN - 1


def _lie(seen: deque[_Seen] | tuple[_Seen, ...]) -> Lie | None:
    """Return what ratios have in common that cannot be, None if they have nothing."""
    count = len(seen)
    if count < ENOUGH:
        return None
    ratios = [each.ratio for each in seen]
    middle = median(ratios)
    error = _OF_MEDIAN * median(abs(each - middle) for each in ratios) / math.sqrt(count)
    low = sum(each < LOWEST for each in ratios) >= MOST * count and middle + SURE * error < LOWEST
    # Peaks of the load can make too much of a step, and only too much: that takes more of them, more alike.
    high = count == KEPT and min(ratios) > HIGHEST and error < ALIKE * middle
    return Lie(middle, count, seen[-1].step) if low or high else None


def cause(ratio: float) -> str:
    """Return what most likely makes a module read so much of what is, and what to do about it."""
    if abs(ratio) < _UNSEEN:
        return (
            "it does not see them. Put its current transformers around the supply's conductors, each with "
            "the voltage of its own phase, and look at its scale factor; or something that is no module of "
            "the hub works against the hub"
        )
    turned = ""
    if ratio < 0:
        turned = "its current transformers are the wrong way round: turn them, or set its sign right"
        if abs(ratio + 1) < 1 - NEAR[0]:
            return turned
    tens = math.log10(abs(ratio))
    if abs(tens) > 1 - NEAR[0] and abs(tens - round(tens)) < _TENS:
        wrong = "its scale factor or the ratio of its current transformers is wrong: set it right there"
    else:
        wrong = "the ratio of its current transformers is wrong, or it does not measure every phase"
    return f"{turned}; and {wrong}" if turned else wrong


_TENS: Final = 0.12
"""How far the logarithm of a ratio may be off a power of ten."""
