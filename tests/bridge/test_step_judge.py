"""Steps of a battery by the hub's own commands, and what is thought of the meter and the battery then."""

from datetime import UTC, datetime

import pytest

from bridge.command import Origin
from bridge.doubts import OUT_OF_STEP, doubted
from bridge.faults import FaultCleared, FaultRaised
from bridge.step_response import ENOUGH, RETURN
from hw.module import ModuleKind
from hw.reading import BatteryReading, Reading
from hw.setpoint import SetpointKind

METER, BATTERY, PLUG = "acme-1", "acme-2", "acme-3"
KINDS = {METER: ModuleKind.METER, BATTERY: ModuleKind.BATTERY, PLUG: ModuleKind.LOAD}
EVERY = 2.0


class House:
    """A meter, a battery that obeys, a heater of 2 kW behind a plug, and a load that wanders.

    :ivar share: what the meter reads, of what is; `reads` the same of the battery
    :ivar full: the battery takes nothing
    :ivar late: seconds after which the battery's reading follows
    """

    def __init__(self, home, clock, make_device):
        self.home, self.clock = home, clock
        self.share = self.reads = 1.0
        self.full = False
        self.late = 0.0
        self.load_w = 600.0
        self.said = []
        self.told = []
        self.devices = {}
        self._powers = []
        for key, kind in KINDS.items():
            self.devices[key] = make_device(key.removeprefix("acme-"), kind=kind, clock=clock)
            home.registry.found([self.devices[key]], "sunspec")
        self.follow()
        home.start()

    def follow(self):
        def raised(event):
            self.told.append((event.fault.module, event.fault.code))

        def cleared(event):
            self.told.append((event.fault.module, "over"))

        self.home.bus.subscribe(FaultRaised, raised)
        self.home.bus.subscribe(FaultCleared, cleared)

    @property
    def battery_w(self):
        kind, value = (self.devices[BATTERY].values or [(SetpointKind.AUTO, None)])[-1]
        wanted = {
            SetpointKind.AUTO: -self.load_w,
            SetpointKind.HOLD: 0.0,
            SetpointKind.CHARGE_W: value,
            SetpointKind.DISCHARGE_W: -(value or 0.0),
        }[kind]
        return min(wanted, 0.0) if self.full else wanted

    @property
    def plug_w(self):
        return 2000.0 if (self.devices[PLUG].values or [(None, 0.0)])[-1][1] else 0.0

    def read(self):
        now = datetime.fromtimestamp(self.clock.utc(), UTC)
        self._powers.append((self.clock.now, self.battery_w))
        since = self.clock.now - self.late
        shown = next(watts for time, watts in reversed(self._powers) if time <= since or not time)
        power = self.load_w + self.clock.now % 7 + self.battery_w + self.plug_w
        for reading in (
            Reading(METER, now, power_w=self.share * power, voltage_v=230.0),
            Reading(BATTERY, now, power_w=self.reads * shown, battery=BatteryReading(soc_percent=50.0)),
            Reading(PLUG, now, power_w=self.plug_w, connected=bool(self.plug_w)),
        ):
            self.home.registry.took(self.home.registry[reading.module], reading)

    async def pass_(self, seconds):
        for _ in range(round(seconds / EVERY)):
            await self.clock.pass_(EVERY)
            self.read()

    async def steps(self, count, seconds=30.0, watts=510.0):
        """Let the hub tell the battery something else, again and again."""
        for n in range(count):
            kind = SetpointKind.DISCHARGE_W if n % 2 else SetpointKind.CHARGE_W
            self.home.arbiter.submit(BATTERY, kind, watts / 2, origin=Origin.PLAN, source="t", duration=600)
            await self.pass_(seconds)

    async def switchings(self, count):
        for n in range(count):
            value = float(n % 2 == 0)
            self.home.arbiter.submit(PLUG, SetpointKind.CONNECT, value, origin=Origin.PLAN, source="t")
            await self.pass_(40)

    def evidence(self, module):
        return doubted(self.home.faults.active(module)).evidence


@pytest.fixture
async def house(home, clock, make_device):
    house = House(home, clock, make_device)
    house._powers.append((0.0, 0.0))
    await house.pass_(30)
    return house


async def test_a_meter_that_follows_is_believed(house):
    for load in (600.0, 2000.0, 150.0, 900.0):
        house.load_w = load
        await house.steps(10)
        await house.switchings(4)
    assert house.told == []


async def test_a_meter_that_reads_a_tenth_is_doubted_and_believed_again(house):
    house.share = 0.1
    await house.steps(ENOUGH - 1)
    assert house.told == []
    await house.steps(4)
    assert house.told == [(METER, "OUT_OF_STEP")]
    evidence = house.evidence(METER)
    assert evidence.startswith("it moved ")
    assert "W when Device 2 changed by " in evidence
    assert "0.1 times what it should in 8 steps in a row" in evidence
    assert evidence.endswith(
        "scale factor or the ratio of its current transformers is wrong: set it right there"
    )
    (alert,) = house.home.alerts.unresolved()
    assert alert.title == "Device 1: out of step"
    await house.steps(10)
    assert len(house.told) == 1
    house.share = 1.0
    await house.steps(RETURN + 2)
    assert house.told[1:] == [(METER, "over")]
    assert house.home.alerts.unresolved() == []


@pytest.mark.parametrize(("share", "said"), [(-1.0, "the wrong way round"), (0.0, "it does not see them")])
async def test_what_is_wrong_with_it_is_told(house, share, said):
    house.share = share
    await house.steps(ENOUGH + 3)
    assert (METER, "OUT_OF_STEP") in house.told
    fault = next(each for each in house.home.faults.active(METER) if each.code == "OUT_OF_STEP")
    assert said in fault.evidence


async def test_what_it_is_doubted_for_is_doubted_after_a_restart(house, another_home, clock):
    house.share = 0.1
    await house.steps(ENOUGH + 2)
    await house.home.arbiter.close()
    house.home.stop()
    house.home = again = another_home(house.home.storage, clock)
    for key, device in house.devices.items():
        again.registry.found([device], "sunspec")
        assert again.registry[key].device is device
    again.start()
    house.told.clear()
    house.follow()
    assert [each.code for each in again.faults.active(METER)] == ["OUT_OF_STEP"]
    house.share = 1.0
    await house.pass_(30)
    await house.steps(RETURN + 2)
    assert house.told == [(METER, "over")]


@pytest.mark.parametrize("reads", [0.1, -1.0, 0.0])
async def test_a_battery_that_reads_something_else_than_it_does_is_doubted_itself(house, reads):
    house.reads = reads
    await house.steps(ENOUGH + 3, seconds=80)
    assert house.told == [(BATTERY, "OUT_OF_STEP")]
    assert "what it says of its power is not what it does" in house.evidence(BATTERY)
    house.reads = 1.0
    await house.steps(RETURN + 3)
    assert house.told[1:] == [(BATTERY, "over")]


async def test_a_battery_that_is_full_says_nothing_against_anybody(house):
    house.full = True
    await house.steps(40, seconds=80, watts=1600.0)
    assert house.told == []


@pytest.mark.parametrize("late", [6.0, 14.0, 30.0])
async def test_one_that_tells_its_power_late_neither(house, late):
    house.late = late
    await house.steps(40, seconds=10)
    await house.steps(20, seconds=80)
    assert house.told == []


async def test_a_battery_that_follows_its_own_logic_shows_nothing(house):
    """It keeps the meter where it is, whatever happens: that is its work."""
    for n in range(40):
        house.load_w = 300.0 + 900.0 * (n % 2)
        await house.pass_(20)
        house.home.arbiter.vanish(Origin.PLAN, "t", "over")
    assert house.told == []


async def test_plugs_alone_show_it_too(house):
    house.share = 0.1
    await house.switchings(ENOUGH + 2)
    assert house.told == [(METER, "OUT_OF_STEP")]
    assert OUT_OF_STEP.source == "hub.steps"


async def test_a_module_that_is_removed_leaves_no_step_behind(house):
    house.share = 0.1
    await house.steps(ENOUGH - 2)
    house.home.arbiter.submit(
        BATTERY, SetpointKind.CHARGE_W, 900.0, origin=Origin.PLAN, source="t", duration=600
    )
    house.home.registry.remove(PLUG)
    house.home.registry.remove(METER)
    await house.clock.pass_(30)
    assert house.told == []
