"""Panels that are held back so that no more is fed in than may be; physics pass with the clock."""

from datetime import UTC, datetime

import pytest

from bridge.command import Aspect, Origin
from bridge.doubts import OUT_OF_STEP
from bridge.export_limit import SOURCE, ExportLimit
from bridge.faults import ActiveFault, Severity
from hw.module import ModuleKind, Nameplate
from hw.reading import BatteryReading, Quality, Reading
from hw.setpoint import SetpointKind

METER, BATTERY, ROOF, SHED = "acme-1", "acme-2", "acme-3", "acme-4"


class SunnyHome:
    """Two inverters of 6 and 2 kW in full sun, a battery that stores what the meter shows, and a load."""

    def __init__(self, home, clock, make_device):
        self.home, self.clock = home, clock
        self.load_w, self.sun, self.battery_most_w, self.soc = 500.0, 1.0, 0.0, 100.0
        self.battery_w = 0.0
        self.silent = False
        self.fed = []
        self.devices = {}
        kinds = (
            (METER, ModuleKind.METER, tuple(SetpointKind), Nameplate()),
            (BATTERY, ModuleKind.BATTERY, tuple(SetpointKind), Nameplate(charge_power_w=3000)),
            (ROOF, ModuleKind.MICROINVERTER, (SetpointKind.POWER_LIMIT_W,), Nameplate(power_w=6000)),
            (SHED, ModuleKind.MICROINVERTER, (SetpointKind.POWER_LIMIT_PERCENT,), Nameplate(power_w=2000)),
        )
        for key, kind, told, plate in kinds:
            device = make_device(
                key.removeprefix("acme-"), kind=kind, clock=clock, kinds=(*told, SetpointKind.AUTO)
            )
            device.nameplate = plate
            self.devices[key] = device
            home.registry.found([device], "sunspec")
        self.read()

    def gives(self, key):
        rating = self.devices[key].nameplate.power_w
        values = self.devices[key].values
        kind, value = values[-1] if values else (SetpointKind.AUTO, None)
        limit = {
            SetpointKind.POWER_LIMIT_W: value,
            SetpointKind.POWER_LIMIT_PERCENT: (value or 0) * rating / 100,
        }.get(kind, rating)
        return min(rating * self.sun, limit)

    @property
    def sun_w(self):
        return self.gives(ROOF) + self.gives(SHED)

    def read(self, *only):
        """Let physics settle, and the hub read the modules, or only some."""
        surplus = self.sun_w - self.load_w
        self.battery_w = min(max(surplus, 0.0), self.battery_most_w)
        self.grid_w = self.load_w + self.battery_w - self.sun_w
        now = datetime.fromtimestamp(self.clock.utc(), UTC)
        battery = BatteryReading(soc_percent=self.soc)
        for key, reading in {
            METER: Reading(METER, now, power_w=self.grid_w),
            BATTERY: Reading(BATTERY, now, power_w=self.battery_w, battery=battery),
            ROOF: Reading(ROOF, now, power_w=-self.gives(ROOF)),
            SHED: Reading(SHED, now, power_w=-self.gives(SHED)),
        }.items():
            if (key in only or not only) and (key != METER or not self.silent):
                self.home.registry.took(self.home.registry[key], reading)

    async def pass_(self, seconds):
        for _ in range(int(seconds)):
            self.read()
            await self.clock.pass_(1.0)
            self.fed.append(max(-self.grid_w, 0.0))

    async def pass_slowly(self, rounds):
        """Each half minute the modules are read, one a second."""
        for _ in range(rounds):
            for key in (ROOF, METER, SHED, BATTERY):
                self.read(key)
                await self.clock.pass_(1.0)
                self.fed.append(max(-self.grid_w, 0.0))
            await self.clock.pass_(26.0)
            self.fed.append(max(-self.grid_w, 0.0))


@pytest.fixture
def sunny(home, clock, make_device):
    home.start()
    return SunnyHome(home, clock, make_device)


@pytest.fixture
async def limit(home, sunny):
    limit = ExportLimit(home)
    limit.start()
    yield limit
    limit.stop()


def limits(home):
    return [each for key in (ROOF, SHED) for each in home.arbiter.live(key) if each.aspect is Aspect.OUTPUT]


async def test_no_more_is_fed_in_than_may_be_after_some_seconds(sunny, limit, home):
    limit.use(3000.0)
    await sunny.pass_(15)
    sunny.fed.clear()
    await sunny.pass_(120)
    assert max(sunny.fed) <= 3000
    assert sum(sunny.fed) / len(sunny.fed) > 2700, "no more is lost than must be"
    assert {(each.origin, each.source) for each in limits(home)} == {(Origin.GRID_OPERATOR, SOURCE)}
    assert all(0 < each.expires - home.clock.utc() <= 300 for each in limits(home))
    # By rating: the same share of both.
    assert sunny.gives(ROOF) / 6000 == pytest.approx(sunny.gives(SHED) / 2000, abs=0.01)


async def test_a_limit_is_not_changed_back_by_what_was_read_before_it_held(sunny, limit, home):
    limit.use(3000.0)
    await sunny.pass_slowly(4)
    sunny.fed.clear()
    told = len(sunny.devices[ROOF].values)
    await sunny.pass_slowly(20)
    assert max(sunny.fed) <= 3000
    assert {value for _, value in sunny.devices[ROOF].values[told:]} <= {
        sunny.devices[ROOF].values[told - 1][1]
    }
    assert sunny.fed[-1] > 2700


async def test_a_cloud_that_passes_between_two_readings_is_no_load(sunny, limit):
    limit.use(3000.0)
    for sun in (0.2, 1.0) * 10:
        await sunny.pass_slowly(2)
        sunny.fed.clear()
        sunny.sun = sun
        await sunny.pass_slowly(1)
        assert max(sunny.fed) <= 3000 * 1.02


async def test_what_the_home_takes_comes_on_top(sunny, limit, home):
    limit.use(1000.0)
    await sunny.pass_(60)
    assert sunny.sun_w == pytest.approx(1500, abs=100)
    sunny.load_w = 4000.0
    await sunny.pass_(60)
    assert sunny.sun_w == pytest.approx(5000, abs=200)
    assert max(sunny.fed[-20:]) <= 1010


async def test_a_battery_with_room_is_filled_before_anything_is_lost(sunny, limit):
    sunny.soc, sunny.battery_most_w = 40.0, 3000.0
    limit.use(0.0)
    await sunny.pass_(1200)
    assert sunny.battery_w == pytest.approx(3000, abs=150)
    assert sum(sunny.fed[-600:]) / 600 < 60


async def test_when_the_sun_goes_the_limits_go(sunny, limit, home):
    limit.use(3000.0)
    await sunny.pass_(60)
    assert limits(home)
    sunny.sun = 0.2
    await sunny.pass_(60)
    assert sunny.sun_w == pytest.approx(0.2 * 8000), "a limit above it is none"
    sunny.load_w = 7000.0
    await sunny.pass_(60)
    assert limits(home) == []


async def test_while_no_meter_says_what_is_fed_in_the_panels_give_the_limit_at_most(sunny, limit, home):
    limit.use(3000.0)
    await sunny.pass_(60)
    sunny.silent = True
    await sunny.pass_(60)
    assert sunny.sun_w == pytest.approx(3000, abs=100)
    sunny.silent = False
    sunny.load_w = 6000.0
    await sunny.pass_(60)
    assert sunny.sun_w == 8000


async def test_a_meter_that_is_not_believed_says_nothing(sunny, limit, home):
    limit.use(2000)
    await sunny.pass_(60)
    time = datetime.fromtimestamp(home.clock.utc(), UTC)
    code, source = OUT_OF_STEP.code, OUT_OF_STEP.source
    home.faults.raise_fault(ActiveFault(METER, code, source, Severity.WARNING, time, "it reads a tenth"))
    await sunny.pass_(60)
    assert sunny.sun_w <= 2001
    home.faults.clear(METER, code, source, time)
    await sunny.pass_(60)
    assert sunny.sun_w > 2300


async def test_a_limit_that_is_taken_back_is_gone(sunny, limit, home):
    limit.use(500.0)
    await sunny.pass_(30)
    assert limits(home)
    limit.use(None)
    await sunny.pass_(10)
    assert limits(home) == []
    assert sunny.sun_w == 8000
    await sunny.pass_(60)
    assert limits(home) == []


async def test_an_inverter_that_cannot_be_limited_is_made_up_for_by_the_other(
    sunny, limit, home, make_device
):
    device = make_device("5", kind=ModuleKind.MICROINVERTER, kinds=())
    device.nameplate = Nameplate(power_w=1500)
    (fixed,) = home.registry.found([device], "sunspec")
    now = datetime.fromtimestamp(home.clock.utc(), UTC)
    home.registry.took(fixed, Reading(fixed.key, now, power_w=-1500.0))
    limit.use(2000.0)
    sunny.load_w = -1000.0  # what the fixed one gives, less the home's load
    await sunny.pass_(60)
    assert -sunny.grid_w == pytest.approx(2000, abs=120)


async def test_stale_readings_are_no_readings(sunny, limit, home):
    limit.use(3000.0)
    await sunny.pass_(30)
    now = datetime.fromtimestamp(home.clock.utc(), UTC)
    sunny.silent = True
    home.registry.took(home.registry[METER], Reading(METER, now, Quality.STALE, power_w=5000.0))
    await sunny.pass_(20)
    assert sunny.sun_w == pytest.approx(3000, abs=100)


async def test_without_the_grid_no_limit_keeps_the_sun_from_the_home(sunny, limit, home, clock):
    limit.use(0.0)
    await sunny.pass_(30)
    assert limits(home)
    sunny.silent = True
    for _ in range(2):
        now = datetime.fromtimestamp(clock.utc(), UTC)
        home.registry.took(home.registry[METER], Reading(METER, now, power_w=0.0, voltage_v=0.0))
    await sunny.pass_(30)
    assert [each for each in limits(home) if each.origin is Origin.GRID_OPERATOR] == []
    assert sunny.sun_w == 8000


async def test_a_meter_that_is_read_once_a_minute_is_believed_for_some_minutes(sunny, limit, home):
    limit.use(1000.0)
    for _ in range(4):
        sunny.read()
        await home.clock.pass_(60.0)
    sunny.load_w = 5000.0
    for _ in range(3):
        sunny.read()
        await home.clock.pass_(60.0)
    assert sunny.sun_w == pytest.approx(6000, abs=200)
    await home.clock.pass_(300.0)
    assert sunny.sun_w == pytest.approx(1000, abs=100)


async def test_at_the_end_the_inverters_keep_a_limit_that_needs_no_hub(sunny, limit, home):
    limit.use(2000.0)
    sunny.load_w = 3000.0
    await sunny.pass_(60)
    assert sunny.sun_w > 4000, "what the home takes comes on top, while the hub looks"
    before = len(sunny.devices[ROOF].told)
    limit.stop()
    await home.arbiter.close()
    told = {key: sunny.devices[key].told[before:] for key in (ROOF, SHED)}
    assert [each[1:] for each in told[ROOF]] == [(SetpointKind.POWER_LIMIT_W, 1500, None)]
    assert told[SHED][-1][1:] == (SetpointKind.POWER_LIMIT_PERCENT, 25.0, None)


async def test_what_cannot_be_limited_is_made_up_for_at_the_end_too(sunny, limit, home):
    limit.use(3500.0)
    home.registry.set_quarantined(SHED, quarantined=True)
    await sunny.pass_(30)
    limit.stop()
    await home.arbiter.close()
    assert sunny.devices[ROOF].told[-1][1:] == (SetpointKind.POWER_LIMIT_W, 1500, None)


async def test_in_an_island_no_limit_is_left(sunny, limit, home, clock):
    limit.use(0.0)
    await sunny.pass_(30)
    sunny.silent = True
    for _ in range(2):
        now = datetime.fromtimestamp(clock.utc(), UTC)
        home.registry.took(home.registry[METER], Reading(METER, now, power_w=0.0, voltage_v=0.0))
    await sunny.pass_(30)
    limit.stop()
    await home.arbiter.close()
    assert sunny.sun_w == 8000


async def test_a_legal_limit_is_told_without_a_revert_timer_so_a_killed_hub_leaves_it(sunny, limit):
    limit.use(1000.0)
    await sunny.pass_(60)
    assert {expires for _, _, _, expires in sunny.devices[ROOF].told} == {None}
