"""Why a battery charges, discharges or holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.explanation.facts import SMALL_KW
from optimizer.explanation.stored_value import StoredValue, stored_value
from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optimizer.explanation.facts import Facts
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.program import Floats
    from optimizer.hedging import Hedge
    from optimizer.plan import Band

_SMALL_W: Final = 25.0
_SMALL_SHARE: Final = 0.05
"""A plan that differs by less from what is told is not worth a word."""


def battery_reasons(
    facts: Facts, part: BatteryPart, hedge: Hedge | None, hedged: Sequence[Band]
) -> tuple[Reason, ...]:
    """Return why a battery does what it does, one reason a step.

    :param hedged: what it is told in the first steps because load and sun may differ from the forecast
    """
    story = _Story(
        facts,
        part,
        stored_value(facts, part),
        facts.values(part.charge),
        facts.values(part.discharge),
        np.concatenate(([part.battery.stored_wh / 1000], facts.values(part.stored))),
        _forbidden(facts, part),
    )
    reasons: list[Reason] = []
    for step in range(facts.home.bus.count):
        if hedge is not None and step < len(hedged) and not story.obeys(step, hedged[step]):
            reasons.append(story.hedged(step, hedge.worth))
        else:
            reasons.append(story.reason(step))
    return tuple(reasons)


def _forbidden(facts: Facts, part: BatteryPart) -> dict[str, Floats]:
    """Return what a kWh would gain, in each step, if it might go where it must not, by the words for that."""
    bus = facts.home.bus
    gains: dict[str, Floats] = {}
    if not part.battery.grid_charging and facts.home.sun_only:
        limits = [-facts.most_duals(rows) for rows in facts.home.sun_only]
        gains["charging from the grid"] = np.max(limits, axis=0) / bus.hours
    if bus.stored is not None:
        gains["feeding a load that batteries must not feed"] = -facts.most_duals(bus.stored) / bus.hours
    if bus.unsold is not None and not part.battery.feed_in:
        gains["selling"] = -facts.most_duals(bus.unsold) / bus.hours
    return gains


@dataclass(frozen=True, slots=True)
class _Story:
    """One battery's flows and worths; `held_kwh` begins with what it holds now."""

    facts: Facts
    part: BatteryPart
    worth: StoredValue
    charge: Floats
    discharge: Floats
    held_kwh: Floats
    forbidden: Mapping[str, Floats]

    def reason(self, step: int) -> Reason:
        battery, share = self.part.battery, self.part.share[step]
        if share <= 0 or not (battery.charge_w or battery.discharge_w):
            return self.facts.reason(ReasonCode.UNAVAILABLE, step, "The battery cannot be used now.")
        if self.facts.keeps(battery.name, step):
            sentence = f"{self._does(step)} as planned before: anything else would gain too little."
            return self._say(ReasonCode.KEEP_PLAN, step, sentence)
        if self.charge[step] > SMALL_KW:
            return self._charging(step)
        if self.discharge[step] > SMALL_KW:
            return self._discharging(step)
        return self._holding(step)

    def obeys(self, step: int, band: Band) -> bool:
        """Say whether the plan has the battery do what it would do in a band, were all as forecast."""
        planned = 1000 * float(self.charge[step] - self.discharge[step])
        meter = 1000 * float(self.facts.drawn[step] - self.facts.fed[step] - self.facts.aside[step])
        told = min(max(planned - meter, band.lowest_w), band.highest_w)
        return abs(told - planned) <= _SMALL_W + _SMALL_SHARE * abs(planned)

    def hedged(self, step: int, worth: float) -> Reason:
        price = self.facts.cost(step, from_battery=False)
        return self.facts.reason(
            ReasonCode.HEDGE,
            step,
            f"{self._does(step)} if the forecast were certain. As load and sun may differ from it, a stored "
            f"kWh is worth {self.facts.money(worth)} on average, and a kWh costs "
            f"{self.facts.money(price)} now.",
            worth,
        )

    def _does(self, step: int) -> str:
        for flow, verb in ((self.charge, "Charges"), (self.discharge, "Discharges")):
            if flow[step] > SMALL_KW:
                return f"{verb} with {flow[step] * 1000:.0f} W"
        return "Holds"

    # ------------------------------------------------------------------ what acting would gain, per kWh

    def _charge_gain(self, step: int, value: float) -> float:
        battery = self.part.battery
        return value * battery.charge_efficiency - battery.wear / 2 - float(self.facts.worth[step])

    def _discharge_gain(self, step: int, value: float) -> float:
        battery = self.part.battery
        return float(self.facts.worth[step]) - value / battery.discharge_efficiency - battery.wear / 2

    def _later(self, step: int) -> str:
        """Return what a stored kWh is worth, and where that comes from, in words."""
        facts, use = self.facts, self.worth.use[step]
        if use >= 0:
            return f"{facts.money(facts.avoided(use))} at {facts.clock(use)}, when it is used"
        value = facts.money(self.worth.value[step])
        if self.worth.filled[step]:
            return f"{value} stored, since the battery fills up anyway"
        return f"{value} stored"

    def _say(self, code: ReasonCode, step: int, sentence: str) -> Reason:
        use = self.worth.use[step]
        if use >= 0:
            return self.facts.reason(code, step, sentence, self.facts.avoided(use), use)
        return self.facts.reason(code, step, sentence, self.worth.value[step])

    # ------------------------------------------------------------------ charging

    def _charging(self, step: int) -> Reason:
        facts, worth = self.facts, self.worth
        power = f"{self.charge[step] * 1000:.0f} W"
        value, small = float(worth.value[step]), facts.small
        price = facts.money(facts.import_price[step])
        if self._charge_gain(step, value - worth.for_reserve[step]) < -small:
            return self._say(
                ReasonCode.CHARGE_RESERVE,
                step,
                f"Charges with {power} to reach its reserve of "
                f"{self.part.reserve_kwh[step]:.1f} kWh; it holds {self.held_kwh[step]:.1f} kWh.",
            )
        if self._charge_gain(step, value - worth.for_reserve[step] - worth.for_backup[step]) < -small:
            return self._say(
                ReasonCode.CHARGE_BACKUP,
                step,
                f"Charges with {power} to have enough for an outage; it holds {self.held_kwh[step]:.1f} kWh.",
            )
        if facts.draws(step) and facts.import_price[step] < 0:
            return self._say(
                ReasonCode.CHARGE_PAID, step, f"Charges with {power}: taking a kWh is paid for with {price}."
            )
        if facts.draws(step) or not facts.home.bus.sun_kw[step] > SMALL_KW:
            return self._say(
                ReasonCode.CHARGE_CHEAP,
                step,
                f"Charges with {power} from the grid: a kWh costs {price} now, and is worth "
                f"{self._later(step)}.",
            )
        return self._say(
            ReasonCode.CHARGE_SUN,
            step,
            f"Charges with {power} of sun: a kWh would bring {facts.money(self._sun_brings(step))} now, and "
            f"is worth {self._later(step)}.",
        )

    def _sun_brings(self, step: int) -> float:
        if not self.facts.home.problem.grid.feed_in or self.facts.curtailed[step] > SMALL_KW:
            return 0.0
        return float(self.facts.export_price[step])

    # ------------------------------------------------------------------ discharging

    def _discharging(self, step: int) -> Reason:
        facts = self.facts
        power = f"{self.discharge[step] * 1000:.0f} W"
        price = facts.money(facts.import_price[step])
        if not facts.connected[step]:
            return self._say(
                ReasonCode.DISCHARGE_OUTAGE, step, f"Feeds the home with {power}: the grid is gone."
            )
        if facts.feeds(step):
            return self._say(
                ReasonCode.DISCHARGE_SELL,
                step,
                f"Sells {power}: the grid pays {facts.money(facts.export_price[step])} for a kWh now, and "
                f"what stays is worth {self._later(step)}.",
            )
        if facts.draws(step) and facts.worth[step] > facts.import_price[step] + facts.small:
            return self._say(
                ReasonCode.DISCHARGE_PEAK,
                step,
                f"Discharges with {power} to keep the import at {facts.drawn[step] * 1000:.0f} W: a kWh more "
                f"would cost {facts.money(facts.worth[step])}.",
            )
        return self._say(
            ReasonCode.DISCHARGE_LOAD,
            step,
            f"Feeds the home with {power}: a kWh from the grid costs {price} now, and what stays is worth "
            f"{self._later(step)}.",
        )

    # ------------------------------------------------------------------ neither

    def _holding(self, step: int) -> Reason:
        facts = self.facts
        lowest, highest = self.part.lowest_kwh[step], self.part.highest_kwh[step]
        empty = self.held_kwh[step + 1] <= lowest + SMALL_KW
        full = self.held_kwh[step + 1] >= highest - SMALL_KW
        surplus = facts.feeds(step) or facts.curtailed[step] > SMALL_KW
        if full and surplus:
            return self._say(ReasonCode.HOLD_FULL, step, f"Is full with {self.held_kwh[step + 1]:.1f} kWh.")
        what, gain = max(
            ((what, float(gains[step])) for what, gains in self.forbidden.items()),
            key=lambda each: each[1],
            default=("", 0.0),
        )
        if gain > facts.small:
            return self._say(
                ReasonCode.HOLD_NOT_ALLOWED,
                step,
                f"Would gain {facts.money(gain)} for a kWh by {what}, which is not allowed.",
            )
        if full and (empty or self._charge_gain(step, self.worth.room[step]) > facts.small):
            return self._say(ReasonCode.HOLD_FULL, step, f"Is full with {self.held_kwh[step + 1]:.1f} kWh.")
        if surplus or empty:
            return self._not_charging(step, empty=empty)
        return self._not_discharging(step)

    def _not_charging(self, step: int, *, empty: bool) -> Reason:
        facts, worth = self.facts, self.worth
        price = facts.money(facts.cost(step, from_battery=False))
        if self._charge_gain(step, float(worth.room[step])) > facts.small:
            return self._say(
                ReasonCode.HOLD_ROOM,
                step,
                f"Leaves room, since the battery fills up anyway: a kWh costs {price} now, "
                f"and room saves as much later.",
            )
        if empty and not facts.feeds(step):
            return self._say(
                ReasonCode.HOLD_EMPTY,
                step,
                f"Is empty, and charging does not pay: a kWh costs {price} now, and is worth "
                f"{self._later(step)}.",
            )
        return self._no_gain(step)

    def _not_discharging(self, step: int) -> Reason:
        facts, worth = self.facts, self.worth
        value = float(worth.value[step])
        held = f"{self.held_kwh[step + 1]:.1f} kWh"
        if self._discharge_gain(step, value - worth.for_reserve[step]) > facts.small:
            return self._say(ReasonCode.HOLD_RESERVE, step, f"Keeps {held} as its reserve.")
        if self._discharge_gain(step, value - worth.for_reserve[step] - worth.for_backup[step]) > facts.small:
            return self._say(ReasonCode.HOLD_BACKUP, step, f"Keeps {held} for an outage.")
        if worth.use[step] >= 0:
            return self._say(
                ReasonCode.HOLD_LATER,
                step,
                f"Keeps {held}: a kWh from the grid costs "
                f"{facts.money(facts.cost(step, from_battery=False))} now, and is worth {self._later(step)}.",
            )
        return self._no_gain(step)

    def _no_gain(self, step: int) -> Reason:
        facts = self.facts
        return self._say(
            ReasonCode.HOLD_NO_GAIN,
            step,
            f"Neither charging nor discharging pays after losses and wear: a kWh is worth "
            f"{facts.money(facts.worth[step])} now and {self._later(step)}.",
        )
