"""The Microinverter cluster at work: what it measures, and who holds it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from clusters.deadband import Deadband, Deadbands
from clusters.ores.bands import MemberBands
from clusters.ores.fitting import fitted
from clusters.ores.microinverter import InverterStateEnum, Microinverter
from clusters.ores.origin import FabricOrigins, tell_removed
from clusters.ores.quantities import epoch_s, scaled
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.ores.microinverter import DcStringStruct, SetEnabledRequest, SetPowerLimitRequest
    from matter_node.model import Attribute, Context, Urgency

_BANDS: Final = {
    Microinverter.energy_today.id: Deadband(10_000),
    Microinverter.energy_lifetime.id: Deadband(10_000),
    Microinverter.peer_ratio.id: Deadband(100),
}
_STRING_BANDS: Final = {
    "power": Deadband(5000, 0.01),
    "voltage": Deadband(1000, 0.01),
    "current": Deadband(50, 0.01),
    "energy": Deadband(10_000),
}


class PowerLimiter(FabricOrigins, Protocol):
    """Limits what a producer produces: the arbiter of its setpoints."""

    async def limit_power(
        self, *, power_w: float | None, percent: float | None, duration_s: float | None, fabric_index: int
    ) -> None:
        """Take a limit and return; an earlier one of the same fabric is replaced.

        :param power_w: the most that it may produce, a magnitude; None if `percent` says it
        :param percent: the same as a share of its rating, 0 to 100; None if `power_w` says it
        :param duration_s: after this the limit ends by itself; None: when it is withdrawn
        :raises StatusError: it cannot be limited now
        """

    async def withdraw_power_limit(self, *, fabric_index: int) -> None:
        """Let go of the limit that people set; harmless if there is none."""


class ProductionSwitch(FabricOrigins, Protocol):
    """Switches a producer off and on: the arbiter of its setpoints."""

    async def set_enabled(self, enabled: bool, *, fabric_index: int) -> None:  # noqa: FBT001 - on or off is what it is told
        """Let it produce, or not, and return when that is taken.

        :raises StatusError: it cannot be switched now
        """


@dataclass(frozen=True, slots=True)
class MicroinverterValues:
    """What a producer says at one instant; None for what is not known. All are magnitudes.

    :ivar energy_today: mWh since midnight
    :ivar energy_lifetime: mWh
    :ivar strings: its DC inputs
    """

    state: InverterStateEnum = InverterStateEnum.UNKNOWN
    energy_today: int | None = None
    energy_lifetime: int | None = None
    strings: tuple[DcStringStruct, ...] = ()


class MicroinverterServer(Microinverter):
    """Shows a producer and takes limits for it.

    :param rated_power: mW, a magnitude; None if it is not known
    :param limiter: who limits it; None if it cannot be limited
    :param switch: who switches it; None if it cannot be switched
    :param strings: it measures its DC inputs one by one
    :param peers: it is compared with others like it
    """

    def __init__(
        self,
        rated_power: int | None,
        *,
        limiter: PowerLimiter | None = None,
        switch: ProductionSwitch | None = None,
        strings: bool = False,
        peers: bool = False,
    ) -> None:
        feature = Microinverter.Feature
        super().__init__(
            features=(feature.LIM if limiter else 0)
            | (feature.ENA if switch else 0)
            | (feature.STR if strings else 0)
            | (feature.PEER if peers else 0),
            rated_power=fitted(Microinverter.rated_power.datatype, rated_power),
        )
        self._limiter = limiter
        self._switch = switch
        self._deadbands = Deadbands(_BANDS)
        self._string_bands = MemberBands(_STRING_BANDS)

    # ------------------------------------------------------------------ what the producer's owner says

    def measure(self, values: MicroinverterValues) -> None:
        """Show what the producer says; what it has no attribute for is left out."""
        self.state = values.state
        self._show(Microinverter.energy_today, values.energy_today)
        self._show(Microinverter.energy_lifetime, values.energy_lifetime)
        if self.has(Microinverter.dc_strings):
            self._show(Microinverter.dc_strings, values.strings)

    def lost(self) -> None:
        """Say that it does not answer; what it produced so far stays."""
        self.state = InverterStateEnum.UNKNOWN
        if self.has(Microinverter.enabled):
            self.enabled = None
        if self.has(Microinverter.dc_strings):
            self.dc_strings = ()
        if self.has(Microinverter.peer_ratio):
            self.peer_ratio = None

    def show_power_limit(self, power: int | None, percent: float | None, end: float | None = None) -> None:
        """Say which limit is in force, whoever asked for it.

        :param power: mW, a magnitude; None if there is no limit, or the rating is not known
        :param percent: 0 to 100; None if there is no limit, or the rating is not known
        :param end: when it ends by itself, UTC in seconds since 1970
        """
        self._show(Microinverter.power_limit, power)
        self._show(Microinverter.power_limit_percent, scaled(percent, 100))
        self.power_limit_end = epoch_s(end)

    def show_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001 - on or off is what it shows
        """Say whether it may produce; None if it does not answer."""
        self.enabled = enabled

    def show_peer_ratio(self, ratio: float | None) -> None:
        """Say how it does beside others like it: 1 is the same; None if it cannot be told."""
        self._show(Microinverter.peer_ratio, scaled(ratio, 10_000))

    # ------------------------------------------------------------------ commands

    async def handle_set_power_limit(self, context: Context, request: SetPowerLimitRequest) -> None:
        """Limit it, or withdraw the limit."""
        assert self._limiter is not None
        if request.power is None and request.percent is None:
            await self._limiter.withdraw_power_limit(fabric_index=context.fabric_index)
            return
        if request.power is not None and request.percent is not None:
            raise StatusError(Status.INVALID_COMMAND, "a limit is a power or a share, not both")
        if request.power is not None and self.rated_power is not None and request.power > self.rated_power:
            raise StatusError(
                Status.CONSTRAINT_ERROR, f"{request.power} mW is more than the rated {self.rated_power} mW"
            )
        await self._limiter.limit_power(
            power_w=None if request.power is None else request.power / 1000,
            percent=None if request.percent is None else request.percent / 100,
            duration_s=request.duration or None,
            fabric_index=context.fabric_index,
        )

    async def handle_set_enabled(self, context: Context, request: SetEnabledRequest) -> None:
        """Switch it."""
        assert self._switch is not None
        await self._switch.set_enabled(request.enabled, fabric_index=context.fabric_index)

    def fabric_removed(self, fabric_index: int) -> None:
        """Let what the fabric wanted go."""
        super().fabric_removed(fabric_index)
        tell_removed(fabric_index, self._limiter, self._switch)

    # ------------------------------------------------------------------ inside

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes wait."""
        if attribute.id in _BANDS:
            return self._deadbands.urgency(attribute.id, old, new)
        if attribute.id == Microinverter.dc_strings.id:
            return self._string_bands.urgency(old, new)
        return super().urgency(attribute, old, new)

    def _show(self, attribute: Attribute[Any], value: Any) -> None:
        self.set_value(attribute, fitted(attribute.datatype, value))
