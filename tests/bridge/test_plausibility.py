"""Modules that cannot be believed: dead producers, meters that lie or stand still, made-up charges."""

from datetime import UTC, datetime

import pytest

from bridge.command import Origin
from bridge.doubts import CHARGE_WRONG, CONTRADICTED, GIVES_NOTHING, STANDS_STILL, doubted
from bridge.faults import FaultCleared, FaultRaised
from bridge.plausibility import KNOWN, TICK
from hw.module import ModuleKind, Nameplate
from hw.reading import BatteryReading, OperatingState, Reading
from hw.setpoint import SetpointKind

METER, EAST, WEST, BATTERY = "acme-1", "acme-2", "acme-3", "acme-4"
KINDS = {
    METER: ModuleKind.METER,
    EAST: ModuleKind.MICROINVERTER,
    WEST: ModuleKind.MICROINVERTER,
    BATTERY: ModuleKind.BATTERY,
}


class House:
    """Two inverters of 400 W, a battery of 10 kWh, a meter, half a kilowatt of load. All speak the truth."""

    def __init__(self, home, clock, make_device):
        self.home, self.clock = home, clock
        self.load_w = 500.0
        self.power = {EAST: -200.0, WEST: -180.0, BATTERY: 0.0}
        self.soc = 50.0
        self.said = {}
        """What modules say otherwise."""
        self.silent = set()
        self.counts = False
        self.counted = [5000.0, 4000.0]
        self.told = []
        for key, kind in KINDS.items():
            device = make_device(key.removeprefix("acme-"), kind=kind, clock=clock)
            capacity = 10_000.0 if kind is ModuleKind.BATTERY else None
            device.nameplate = Nameplate(
                power_w=400.0 if kind is ModuleKind.MICROINVERTER else 5000.0, capacity_wh=capacity
            )
            home.registry.found([device], "sunspec")
        home.bus.subscribe(
            FaultRaised, lambda event: self.told.append((event.fault.module, event.fault.code))
        )
        home.bus.subscribe(FaultCleared, lambda event: self.told.append((event.fault.module, "over")))
        home.start()
        self.read()

    def read(self):
        now = datetime.fromtimestamp(self.clock.utc(), UTC)
        values = dict(self.power)
        values[METER] = (
            self.load_w + sum(self.power.values()) + self.clock.now % 7
        )  # of a meter that measures
        for key, value in (values | self.said).items():
            if key in self.silent:
                continue
            more = {}
            if key == BATTERY:
                more["battery"] = BatteryReading(soc_percent=self.soc)
                if self.counts:
                    more["energy_imported_wh"], more["energy_exported_wh"] = self.counted
            state = OperatingState.SLEEPING if value is None else OperatingState.RUNNING
            power = 0.0 if value is None else value
            self.home.registry.took(
                self.home.registry[key], Reading(key, now, power_w=power, state=state, **more)
            )

    async def pass_(self, seconds, speed=1.0):
        for _ in range(round(seconds / TICK)):
            await self.clock.pass_(TICK)
            energy = self.power[BATTERY] * TICK / 3600 * speed
            self.counted[0 if energy > 0 else 1] += abs(energy)
            self.soc += energy / 100
            self.read()


@pytest.fixture
def house(home, clock, make_device):
    return House(home, clock, make_device)


async def test_those_who_tell_the_truth_are_believed(house):
    for hour in range(4):
        house.power = {EAST: -100.0 * hour, WEST: -90.0 * hour, BATTERY: (-3000.0, 2500.0)[hour % 2]}
        await house.pass_(900)
    assert house.told == []


# ---------------------------------------------------------------- producers


async def test_an_inverter_that_gives_nothing_while_its_peers_do_is_dead(house):
    house.power[EAST] = 0.0
    await house.pass_(GIVES_NOTHING.lasts_s - TICK)
    assert house.told == []
    await house.pass_(3 * TICK)
    assert house.told == [(EAST, "GIVES_NOTHING")]
    (fault,) = house.home.faults.active(EAST)
    assert fault.evidence == "it gives nothing while the others give 45 % of their rating"
    assert doubted([fault]) is fault
    assert [alert.title for alert in house.home.alerts.unresolved()] == ["Device 2: gives nothing"]
    # At night nobody can tell, and in the morning it works.
    house.power |= {EAST: 0.0, WEST: 0.0}
    await house.pass_(3600)
    assert len(house.told) == 1
    house.power |= {EAST: -80.0, WEST: -80.0}
    await house.pass_(GIVES_NOTHING.clears_s + 2 * TICK)
    assert house.told[1:] == [(EAST, "over")]


@pytest.mark.parametrize("why", ["night", "limited", "small", "asleep"])
async def test_one_that_has_a_reason_is_not(house, why):
    house.power[EAST] = 0.0
    if why == "night":
        house.power[WEST] = -20.0
    elif why == "limited":
        house.home.arbiter.submit(EAST, SetpointKind.POWER_LIMIT_PERCENT, 0.0, origin=Origin.USER, source="t")
    elif why == "small":
        house.power[EAST] = -4.0
    else:
        house.said = {EAST: None, WEST: None}
        house.power[WEST] = 0.0
    await house.pass_(900)
    assert house.told == []


async def test_a_limit_that_leaves_it_much_is_no_reason(house):
    house.home.arbiter.submit(EAST, SetpointKind.POWER_LIMIT_PERCENT, 40.0, origin=Origin.USER, source="t")
    house.power[EAST] = 0.0
    await house.pass_(GIVES_NOTHING.lasts_s + 2 * TICK)
    assert house.told == [(EAST, "GIVES_NOTHING")]


async def test_the_only_inverter_has_no_peers(house):
    house.home.registry.remove(WEST)
    del house.power[WEST]
    house.power[EAST] = 0.0
    await house.pass_(900)
    assert house.told == []


def lost(house, key):
    house.silent.add(key)
    house.home.registry.lost(house.home.registry[key], "pulled out")
    return house.home.plausibility.lost_awake(house.home.registry[key])


async def test_an_inverter_that_is_lost_while_its_peers_give_is_lost_until_it_answers(house):
    await house.pass_(2 * TICK)
    assert lost(house, EAST)
    house.power[WEST] = 0.0
    await house.pass_(KNOWN)
    assert house.home.plausibility.lost_awake(house.home.registry[EAST]), "the night heals nothing"
    house.silent.clear()
    house.read()
    assert not house.home.plausibility.lost_awake(house.home.registry[EAST])


async def test_one_that_is_lost_at_dusk_sleeps_and_is_missed_in_the_morning(house):
    house.power |= {EAST: -15.0, WEST: -12.0}
    await house.pass_(KNOWN)
    assert not lost(house, EAST)
    house.power[WEST] = -150.0
    await house.pass_(2 * TICK)
    assert house.home.plausibility.lost_awake(house.home.registry[EAST])


async def test_the_last_one_of_all_is_lost_if_it_gave_something_then(house):
    house.home.registry.remove(WEST)
    del house.power[WEST]
    await house.pass_(2 * TICK)
    assert lost(house, EAST)


# ---------------------------------------------------------------- meters


async def test_a_meter_that_contradicts_the_modules_lies(house):
    house.said[METER] = -3000.0
    await house.pass_(CONTRADICTED.lasts_s + 2 * TICK)
    assert house.told == [(METER, "CONTRADICTED")]
    (fault,) = house.home.faults.active(METER)
    assert "so the home would use -2620 W" in fault.evidence
    house.said.clear()
    await house.pass_(CONTRADICTED.clears_s + 2 * TICK)
    assert house.told[1:] == [(METER, "over")]


async def test_what_measurements_may_be_off_contradicts_nothing(house):
    # 5 % of 400 W each, 5 % of the meter, and readings of different instants.
    house.load_w = -120.0
    await house.pass_(600)
    assert house.told == []


async def test_with_a_silent_module_nobody_can_tell_whether_the_meter_lies(house):
    lost(house, EAST)
    house.power[EAST] = -3000.0
    await house.pass_(600)
    assert (METER, "CONTRADICTED") not in house.told


async def test_a_meter_that_stands_still_while_the_others_change_is_stuck(house):
    house.said[METER] = 812.0
    await house.pass_(600)
    assert house.told == [], "nothing else changed: it may be so"
    house.power[BATTERY] = 1500.0
    await house.pass_(STANDS_STILL.lasts_s + 3 * TICK)
    assert house.told == [(METER, "STANDS_STILL")]
    house.said.clear()
    await house.pass_(STANDS_STILL.clears_s + 3 * TICK)
    assert house.told[1:] == [(METER, "over")]


async def test_a_meter_that_batteries_keep_at_zero_may_stand_still(house):
    house.said[METER] = 0.0
    for load in (500.0, 1500.0, 900.0):
        house.load_w = load
        house.power[BATTERY] = -(load - 380.0)
        await house.pass_(120)
    assert house.told == []


# ---------------------------------------------------------------- batteries


async def test_a_charge_that_jumps_is_wrong_until_it_follows_the_energy_for_a_while(house):
    house.power[BATTERY] = 1000.0
    await house.pass_(120)
    house.soc += 15.0
    await house.pass_(CHARGE_WRONG.lasts_s + 2 * TICK)
    assert house.told == [(BATTERY, "CHARGE_WRONG")]
    (fault,) = house.home.faults.active(BATTERY)
    assert "in which it took" in fault.evidence
    await house.pass_(CHARGE_WRONG.clears_s + 3 * TICK)
    assert house.told[1:] == [(BATTERY, "over")]


async def test_one_that_jumps_back_is_believed_after_a_while_too(house):
    await house.pass_(60)
    house.soc -= 30.0
    await house.pass_(CHARGE_WRONG.lasts_s + 2 * TICK)
    await house.pass_(120)
    house.soc += 30.0
    await house.pass_(CHARGE_WRONG.clears_s - TICK)
    assert house.told == [(BATTERY, "CHARGE_WRONG")]
    await house.pass_(4 * TICK)
    assert house.told[1:] == [(BATTERY, "over")]


async def test_a_charge_that_does_not_move_while_energy_goes_in_is_wrong(house):
    house.power[BATTERY] = 4000.0
    for _ in range(240):
        await house.clock.pass_(TICK)
        house.read()
    assert house.told == [(BATTERY, "CHARGE_WRONG")]


async def test_what_a_battery_counts_outweighs_its_power(house):
    # Of a simulated home that lives sixty times as fast the power of a moment says little.
    house.counts = True
    house.power[BATTERY] = 1000.0
    await house.pass_(120, speed=60.0)
    assert house.told == []
    house.counted = [0.0, 0.0]
    await house.pass_(60)
    assert house.told == [], "counters were reset"
    house.soc -= 20.0
    await house.pass_(CHARGE_WRONG.lasts_s + 2 * TICK)
    assert house.told == [(BATTERY, "CHARGE_WRONG")]


async def test_losses_and_coarse_figures_are_no_lie(house):
    house.power[BATTERY] = 3000.0
    for _ in range(720):
        await house.clock.pass_(TICK)
        house.soc += 0.9 * 3000.0 * TICK / 3600 / 100
        kept, house.soc = house.soc, float(round(house.soc))
        house.read()
        house.soc = kept
    assert house.told == []


# ---------------------------------------------------------------- over restarts


async def test_what_was_doubted_is_doubted_after_a_restart_and_clears_by_itself(
    house, clock, another_home, make_device
):
    house.power[EAST] = 0.0
    await house.pass_(GIVES_NOTHING.lasts_s + 2 * TICK)
    house.home.stop()
    again = another_home(house.home.storage, clock)
    house.home = again
    house.told.clear()
    again.bus.subscribe(FaultRaised, lambda event: house.told.append((event.fault.module, event.fault.code)))
    again.bus.subscribe(FaultCleared, lambda event: house.told.append((event.fault.module, "over")))
    again.start()
    await house.pass_(600)
    assert house.told == []
    assert [fault.code for fault in again.faults.active(EAST)] == ["GIVES_NOTHING"]
    assert len(again.alerts.unresolved()) == 1
    house.power[EAST] = -150.0
    await house.pass_(GIVES_NOTHING.clears_s + 3 * TICK)
    assert house.told == [(EAST, "over")]


async def test_a_removed_module_leaves_no_doubt_behind(house):
    house.power[EAST] = 0.0
    await house.pass_(GIVES_NOTHING.lasts_s + 2 * TICK)
    house.home.registry.remove(EAST)
    del house.power[EAST]
    await house.pass_(60)
    assert house.home.alerts.unresolved() == []
