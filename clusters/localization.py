"""Language, time and units: the three localization clusters of the root node (Matter Core 11.3-11.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.definitions.localization_configuration import LocalizationConfiguration
from clusters.definitions.time_format_localization import (
    CalendarTypeEnum,
    HourFormatEnum,
    TimeFormatLocalization,
)
from clusters.definitions.unit_localization import TempUnitEnum, UnitLocalization
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.model import Context

SUPPORTED_LOCALES = ("en-US", "en-GB")
"""Languages that the node's own texts are written in."""


class LocalizationConfigurationServer(LocalizationConfiguration):
    """Language of the node's texts."""

    def __init__(self, **values: Any) -> None:
        super().__init__(
            **{"active_locale": SUPPORTED_LOCALES[0], "supported_locales": SUPPORTED_LOCALES, **values}
        )

    def write_active_locale(self, _: Context, value: str) -> None:
        """Take one of the supported locales."""
        if value not in self.supported_locales:
            raise StatusError(Status.CONSTRAINT_ERROR, f"locale {value!r} is not supported")
        self.active_locale = value


class TimeFormatLocalizationServer(TimeFormatLocalization):
    """Clock and calendar of the node's texts."""

    def __init__(self, **values: Any) -> None:
        super().__init__(
            features=TimeFormatLocalization.Feature.CALFMT,
            **{
                "hour_format": HourFormatEnum.USE_ACTIVE_LOCALE,
                "active_calendar_type": CalendarTypeEnum.GREGORIAN,
                "supported_calendar_types": (CalendarTypeEnum.GREGORIAN,),
                **values,
            },
        )

    def write_active_calendar_type(self, _: Context, value: CalendarTypeEnum) -> None:
        """Take one of the supported calendars."""
        if value not in self.supported_calendar_types:
            raise StatusError(Status.CONSTRAINT_ERROR, f"calendar {value.name} is not supported")
        self.active_calendar_type = value


class UnitLocalizationServer(UnitLocalization):
    """Units of the node's texts."""

    def __init__(self, **values: Any) -> None:
        super().__init__(
            features=UnitLocalization.Feature.TEMP,
            **{
                "temperature_unit": TempUnitEnum.CELSIUS,
                "supported_temperature_units": (TempUnitEnum.FAHRENHEIT, TempUnitEnum.CELSIUS),
                **values,
            },
        )

    def write_temperature_unit(self, _: Context, value: TempUnitEnum) -> None:
        """Take one of the supported units."""
        if value not in self.supported_temperature_units:
            raise StatusError(Status.CONSTRAINT_ERROR, f"unit {value.name} is not supported")
        self.temperature_unit = value
