"""What happens to the home in the scenario week."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.actions import Requester
from bridge.command import Origin
from hw.module import ModuleKind
from hw.simulator.physics import Health

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.simulation.house import VirtualHouse
    from hw.reading import Reading

HOUR: Final = 3600.0
DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
NIGHT: Final = (1 * DAY + 23 * HOUR, 2 * DAY + 3 * HOUR)
NOON: Final = (4 * DAY + 10 * HOUR, 4 * DAY + 14 * HOUR)
OUTAGES: Final = (NIGHT, NOON)
LIES: Final = ((3 * DAY + 12 * HOUR, 3 * DAY + 15 * HOUR), (5 * DAY + 9 * HOUR, 5 * DAY + 11 * HOUR))
"""When the meter lies."""
EXPORT_W: Final = 2500.0
"""Most that may be fed in."""
_COLD_C: Final = 30.0
"""What is left of the hot water after a bath: together the heaters are then more than the battery carries."""
_TURN: Final = 300.0
_PEOPLE: Final = Requester(Origin.USER, "an app")
_OPERATOR: Final = Requester(Origin.GRID_OPERATOR, "the grid operator")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to the home.

    :ivar at: virtual seconds after the start
    """

    at: float
    what: str
    do: Callable[[VirtualHouse], object]


def happenings() -> tuple[Happening, ...]:
    """Return what happens in the week, in its order."""
    return (
        Happening(10 * HOUR, "somebody lets the battery charge with 1.5 kW for an hour", _charge),
        Happening(18 * HOUR, "an app lets the battery discharge with 500 W", _discharge),
        Happening(19 * HOUR, "the app is removed", _remove_app),
        Happening(1 * DAY + 2 * HOUR, "the battery does not answer", _silence("B000001")),
        Happening(1 * DAY + 2.5 * HOUR, "the battery answers again", _hear("B000001")),
        Happening(NIGHT[0], "the grid goes", _lose_grid),
        Happening(NIGHT[0] + 0.5 * HOUR, "two baths take the hot water", _bathe),
        Happening(NIGHT[1], "the grid comes back", _return_grid),
        Happening(2 * DAY + 11 * HOUR, "an inverter dies", _health(Health.DEAD)),
        Happening(3 * DAY + 11 * HOUR, "the inverter is repaired", _health(Health.GOOD)),
        Happening(LIES[0][0], "the meter is stuck", _stick_meter),
        Happening(LIES[0][1], "the meter moves again", _honest_meter),
        Happening(NOON[0], "the grid goes", _lose_grid),
        Happening(NOON[0] + 1 * HOUR, "two baths take the hot water", _bathe),
        Happening(NOON[1], "the grid comes back", _return_grid),
        Happening(4 * DAY + 20 * HOUR, "nobody says what energy costs any more", _lose_prices),
        Happening(6 * DAY + 8 * HOUR, "somebody says what energy costs again", _return_prices),
        Happening(LIES[1][0], "the meter reads a tenth", _scale_meter),
        Happening(LIES[1][0] + 0.25 * HOUR, "an app lets the battery charge and rest in turn", _alternate),
        Happening(LIES[1][1], "the meter reads all again", _honest_meter),
        Happening(5 * DAY + 13 * HOUR, "the meter does not answer", _silence("G000001")),
        Happening(5 * DAY + 13.5 * HOUR, "the meter answers again", _hear("G000001")),
        Happening(6 * DAY + 11 * HOUR, "the grid operator allows half of the sun for two hours", _limit),
    )


def _key(house: VirtualHouse, serial: str) -> str:
    return house.physics.modules[serial].identity.key


def _charge(house: VirtualHouse) -> None:
    house.home.actions.charge(_key(house, "B000001"), 1500.0, _PEOPLE, duration=HOUR)


def _discharge(house: VirtualHouse) -> None:
    house.home.actions.discharge(_key(house, "B000001"), 500.0, _PEOPLE)


def _alternate(house: VirtualHouse) -> None:
    """Let the battery charge for five minutes and rest for five, nine times."""
    battery = _key(house, "B000001")

    def charge() -> None:
        house.home.actions.charge(battery, 1500.0, _PEOPLE, duration=_TURN)

    def rest() -> None:
        house.home.actions.hold(battery, _PEOPLE, duration=_TURN)

    for turn in range(18):
        house.clock.call_later(turn * _TURN, rest if turn % 2 else charge)


def _remove_app(house: VirtualHouse) -> None:
    house.home.arbiter.vanish(_PEOPLE.origin, _PEOPLE.source, "the app was removed")


def _limit(house: VirtualHouse) -> None:
    for module in house.home.registry:
        if module.record.kind is ModuleKind.MICROINVERTER:
            house.home.actions.limit_share(module.key, 50.0, _OPERATOR, duration=2 * HOUR)


def _bathe(house: VirtualHouse) -> None:
    for heater in house.physics.world.heaters:
        heater.water_c = _COLD_C


def _lose_grid(house: VirtualHouse) -> None:
    house.physics.world.supply.grid = False


def _return_grid(house: VirtualHouse) -> None:
    house.physics.world.supply.grid = True


def _lose_prices(house: VirtualHouse) -> None:
    house.market.lost = True


def _return_prices(house: VirtualHouse) -> None:
    house.market.lost = False


def _silence(serial: str) -> Callable[[VirtualHouse], None]:
    def do(house: VirtualHouse) -> None:
        house.physics.modules[serial].silent = "the cable is out"

    return do


def _hear(serial: str) -> Callable[[VirtualHouse], None]:
    def do(house: VirtualHouse) -> None:
        house.physics.modules[serial].silent = ""

    return do


def _health(health: Health) -> Callable[[VirtualHouse], None]:
    def do(house: VirtualHouse) -> None:
        house.physics.world.inverters[1].health = health

    return do


def _stick_meter(house: VirtualHouse) -> None:
    meter = house.physics.modules["G000001"]
    stuck: list[Reading] = []

    def distort(reading: Reading) -> Reading:
        stuck.append(reading)
        return replace(stuck[0], time=reading.time)

    meter.distortion = distort


def _scale_meter(house: VirtualHouse) -> None:
    def distort(reading: Reading) -> Reading:
        return replace(reading, power_w=None if reading.power_w is None else reading.power_w / 10)

    house.physics.modules["G000001"].distortion = distort


def _honest_meter(house: VirtualHouse) -> None:
    house.physics.modules["G000001"].distortion = None
