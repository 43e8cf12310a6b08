"""Language, time and units: what is supported can be chosen, is kept, and nothing else."""

import pytest

from clusters.definitions.time_format_localization import CalendarTypeEnum, HourFormatEnum
from clusters.definitions.unit_localization import TempUnitEnum
from clusters.localization import (
    SUPPORTED_LOCALES,
    LocalizationConfigurationServer,
    TimeFormatLocalizationServer,
    UnitLocalizationServer,
)
from matter_node.entropy import SystemEntropy
from matter_node.model import Endpoint, NodeTree
from matter_node.status import Status, StatusError

LOCALE = LocalizationConfigurationServer
HOURS = TimeFormatLocalizationServer
UNITS = UnitLocalizationServer

CHOICES = [
    (LOCALE, "active_locale", SUPPORTED_LOCALES[1], "xx-YY"),
    (HOURS, "active_calendar_type", CalendarTypeEnum.GREGORIAN, CalendarTypeEnum.COPTIC),
    (UNITS, "temperature_unit", TempUnitEnum.FAHRENHEIT, TempUnitEnum.KELVIN),
]


@pytest.mark.parametrize(("server", "name", "good", "bad"), CHOICES)
def test_only_what_is_supported_can_be_chosen(server, name, good, bad, context):
    served = server()
    attribute = getattr(server, name)
    served.write(attribute, context, good)
    assert served.value(attribute.id) == good
    with pytest.raises(StatusError) as refused:
        served.write(attribute, context, bad)
    assert refused.value.status is Status.CONSTRAINT_ERROR
    assert served.value(attribute.id) == good


@pytest.mark.parametrize(
    ("server", "name", "chosen"),
    [
        (LOCALE, "active_locale", SUPPORTED_LOCALES[1]),
        (HOURS, "hour_format", HourFormatEnum.FORMAT_24_HR),
        (UNITS, "temperature_unit", TempUnitEnum.FAHRENHEIT),
    ],
)
def test_a_choice_survives_a_restart(server, name, chosen, context, memory, turned_clock):
    for _ in range(2):
        tree = NodeTree(memory, turned_clock, SystemEntropy())
        served = server()
        tree.add(Endpoint(0, [], [served]))
        attribute = getattr(server, name)
        if served.value(attribute.id) != chosen:
            served.write(attribute, context, chosen)
            continue
        break
    else:
        pytest.fail(f"{name} was forgotten")


def test_the_defaults_are_among_what_is_supported():
    locale, hours, units = LOCALE(), HOURS(), UNITS()
    assert locale.active_locale in locale.supported_locales
    assert hours.active_calendar_type in hours.supported_calendar_types
    assert units.temperature_unit in units.supported_temperature_units
    assert len(units.supported_temperature_units) >= 2
