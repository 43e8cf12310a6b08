"""What is asked of a service, and by what its answer is judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from bridge.feeds.formats.strict import FormatError
from bridge.time_zone import time_zone

if TYPE_CHECKING:
    from datetime import tzinfo


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked.

    :ivar row: which quantity: `price` (per kWh), `co2` (kg per kWh) or `sun`
    :ivar zone_name: IANA name of the zone whose clocks times without an offset are of
    :ivar begin: from when on, UTC in seconds since 1970
    :ivar end: until when
    :ivar highest: magnitude beyond which a value cannot be meant
    :ivar currency: of prices that name theirs
    :ivar area: bidding zone or country, for services that have several
    :ivar place: latitude and longitude
    :ivar plane: declination and azimuth of the panels in degrees, and their peak power in kW
    """

    row: str
    zone_name: str = "UTC"
    begin: int = 0
    end: int = 0
    highest: float = 10.0
    currency: str = "EUR"
    area: str = ""
    place: tuple[float, float] | None = None
    plane: tuple[float, float, float] | None = field(default=None)

    @property
    def zone(self) -> tzinfo:
        """The zone."""
        return time_zone(self.zone_name)

    def price(self, per_kwh: float) -> float:
        """Return a price that can be meant. Raise FormatError."""
        if abs(per_kwh) > self.highest:
            raise FormatError(
                f"a price of {per_kwh:g} {self.currency}/kWh is refused: more than {self.highest:g} is taken "
                "for a mistake, such as a price per MWh; set `highest` if it is right"
            )
        return round(per_kwh, 9)

    def plain(self) -> dict[str, Any]:
        """Return it as it travels."""
        return asdict(self)

    @classmethod
    def from_plain(cls, found: dict[str, Any]) -> Self:
        """Read what `plain` gave."""
        pairs = {name: None if found[name] is None else tuple(found[name]) for name in ("place", "plane")}
        return cls(**found | pairs)
