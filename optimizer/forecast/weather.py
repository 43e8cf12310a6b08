"""What a source of weather forecasts tells: a service, a file, a station."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather over a horizon, one value a step; NaN for steps that the source says nothing about.

    :ivar issued: when the forecast was made
    :ivar irradiance_w_m2: global horizontal irradiance; None from sources that tell production alone
    :ivar low_irradiance_w_m2: P10 of it, None when the source does not say
    :ivar temperature_c: of the air, None when the source does not say
    :ivar production_w: what all panels will give, None from sources that know no panels. It goes before
        irradiance
    :ivar low_production_w: P10 of it, None when the source does not say; `high_production_w` its P90
    """

    issued: datetime
    irradiance_w_m2: tuple[float, ...] | None = None
    low_irradiance_w_m2: tuple[float, ...] | None = None
    temperature_c: tuple[float, ...] | None = None
    production_w: tuple[float, ...] | None = None
    low_production_w: tuple[float, ...] | None = None
    high_production_w: tuple[float, ...] | None = None
