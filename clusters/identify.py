"""Let a device show which one it is: the Identify cluster (Matter Application Clusters 1.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clusters.definitions.identify import (
    EffectIdentifierEnum,
    Identify,
    IdentifyRequest,
    IdentifyTypeEnum,
    TriggerEffectRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Timer
    from matter_node.model import Context


_EFFECT_SECONDS = 1.0
"""How long an effect is, which devices show as they show identification."""


class IdentifyServer(Identify):
    """Counts the seconds down while the device identifies itself.

    The count is worked out when it is read. It is reported when a client sets it and when it ends, never
    while it counts down (1.2.5.1).

    :param blink: told True when the device is to identify itself, and False when that is over
    :param kind: how the device does it
    """

    def __init__(
        self,
        blink: Callable[[bool], None] | None = None,
        kind: IdentifyTypeEnum = IdentifyTypeEnum.VISIBLE_INDICATOR,
    ) -> None:
        super().__init__(identify_type=kind if blink is not None else IdentifyTypeEnum.NONE)
        self._blink = blink
        self._until = 0.0
        self._timer: Timer | None = None

    @property
    def identifying(self) -> bool:
        """Whether the device identifies itself now."""
        return self._timer is not None

    def read_identify_time(self, _: Context) -> int:
        """Return the seconds that are left."""
        if self._timer is None or self.endpoint is None or self.endpoint.tree is None:
            return 0
        return max(0, math.ceil(self._until - self.endpoint.tree.clock.monotonic()))

    def write_identify_time(self, _: Context, value: int) -> None:
        """Start, restart or (with 0) end."""
        Identify.identify_time.datatype.check(value)
        self._set(value)

    def handle_identify(self, _: Context, request: IdentifyRequest) -> None:
        """Start, restart or (with 0) end."""
        self._set(request.identify_time)

    def detached(self) -> None:
        """End without a word."""
        self._stop()

    def _set(self, seconds: int) -> None:
        was = self.identifying
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds and self.endpoint is not None and self.endpoint.tree is not None:
            clock = self.endpoint.tree.clock
            self._until = clock.monotonic() + seconds
            self._timer = clock.call_later(seconds, self._over)
        if (was or seconds) and self.endpoint is not None:
            self.changed(Identify.identify_time)
        if self._blink is not None and was != self.identifying:
            self._blink(self.identifying)

    def _over(self) -> None:
        self._stop()
        self.changed(Identify.identify_time)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if self._blink is not None:
                self._blink(False)


class IdentifyEffectServer(IdentifyServer):
    """The same with TriggerEffect, which some device types demand.

    An effect is a short blink, whichever it is, and leaves IdentifyTime alone (1.2.6.2).
    """

    _effect: Timer | None = None

    def handle_trigger_effect(self, _: Context, request: TriggerEffectRequest) -> None:
        """Blink once, or stop."""
        if self.identifying or self._blink is None:
            return
        self._end_effect()
        over = {EffectIdentifierEnum.FINISH_EFFECT, EffectIdentifierEnum.STOP_EFFECT}
        if (
            request.effect_identifier not in over
            and self.endpoint is not None
            and self.endpoint.tree is not None
        ):
            self._blink(True)
            self._effect = self.endpoint.tree.clock.call_later(_EFFECT_SECONDS, self._end_effect)

    def detached(self) -> None:
        """End without a word."""
        self._end_effect()
        super().detached()

    def _set(self, seconds: int) -> None:
        self._end_effect()
        super()._set(seconds)

    def _end_effect(self) -> None:
        if self._effect is not None:
            self._effect.cancel()
            self._effect = None
            if self._blink is not None:
                self._blink(False)
