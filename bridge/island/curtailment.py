"""How much the sun may give: what the home uses, once the batteries are full.

A battery that forms the grid usually sees to that itself: it lifts the frequency, and inverters give less
(IEEE 1547-2018, clause 6.5.2.7). Inverters that know no such thing are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.island.restoring import starting_w

if TYPE_CHECKING:
    from bridge.island.memory import Memory
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Situation

SHIFTED_HZ: Final = 0.2
"""Above the nominal frequency from here on, the battery is shifting it: inverters begin to give less."""
HIGHEST_HZ: Final = 1.3
"""Where shifting it has not helped: at 1.5 Hz the inverters would have to leave altogether."""
SMALL_W: Final = 50.0
"""What may be off without anything being done."""
FULL_MARGIN: Final = 3.0
"""Percent of charge below full at which the limit is taken back."""
RAISED_S: Final = 10.0
"""Seconds from one change to the next that lets the sun give more."""


def solar_limit_w(memory: Memory, situation: Situation, settings: IslandSettings) -> float | None:
    """Return what all producers together may give, None for all that they can."""
    if not any(source.limitable for source in situation.sources) or situation.soc_percent is None:
        return None
    too_much = _too_much_w(memory, situation, settings)
    now = memory.solar_limit_w
    if too_much > SMALL_W:
        wanted = max(0.0, situation.solar_w - too_much)
        return wanted if now is None else min(now, wanted)
    if now is None or situation.export_w > 0 or situation.now - memory.limited_at < RAISED_S:
        return now
    hertz = situation.frequency_off_hz
    calm = hertz is None or hertz <= SHIFTED_HZ
    if calm and situation.soc_percent < settings.full_percent - FULL_MARGIN:
        return None
    short = situation.carried_w
    return max(now, situation.solar_w + short) if short > SMALL_W else now


def _too_much_w(memory: Memory, situation: Situation, settings: IslandSettings) -> float:
    """Return by how much the sun gives more than the island can use."""
    if situation.dark:
        return 0.0
    hertz = situation.frequency_off_hz
    shifting = hertz is not None and hertz > SHIFTED_HZ
    charging = max(0.0, situation.storage_w)
    if hertz is not None and hertz >= HIGHEST_HZ:
        # The battery pushes as far as it can; whatever it still takes is too much.
        return max(charging, SMALL_W * 2)
    full = all(store.soc_percent >= settings.full_percent for store in situation.stores)
    # What has just come back takes its share of it in a moment.
    surplus = charging - starting_w(memory, situation) if full and not shifting else 0.0
    return max(surplus, situation.export_w)
