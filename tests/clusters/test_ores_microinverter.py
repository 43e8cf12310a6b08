"""The Microinverter cluster: what a producer says, and how it is held back."""

import math

import pytest

from clusters.ores.microinverter import (
    DcStringStruct,
    InverterStateEnum,
    Microinverter,
    SetEnabledRequest,
    SetPowerLimitRequest,
)
from clusters.ores.microinverter_server import MicroinverterServer, MicroinverterValues
from matter_node.model import DeviceType, Endpoint, Urgency
from matter_node.status import Status, StatusError

RATED = 400_000


class Arbiter:
    """Takes limits and switchings."""

    def __init__(self):
        self.calls = []
        self.error = None

    async def limit_power(self, *, power_w, percent, duration_s, fabric_index):
        if self.error is not None:
            raise self.error
        self.calls.append(("limit", power_w, percent, duration_s, fabric_index))

    async def withdraw_power_limit(self, *, fabric_index):
        self.calls.append(("withdraw", fabric_index))

    async def set_enabled(self, enabled, *, fabric_index):
        if self.error is not None:
            raise self.error
        self.calls.append(("enable", enabled, fabric_index))

    def fabric_removed(self, fabric_index):
        self.calls.append(("gone", fabric_index))


@pytest.fixture
def arbiter():
    return Arbiter()


@pytest.fixture
def make_inverter(tree):
    def make(rated=RATED, **more):
        server = MicroinverterServer(rated, **more)
        tree.add(Endpoint(3, [DeviceType(0x0017, 1)], [server]))
        return server

    return make


@pytest.fixture
def inverter(make_inverter, arbiter):
    return make_inverter(limiter=arbiter, switch=arbiter, strings=True, peers=True)


@pytest.fixture
def limit(inverter, context):
    async def limit(**fields):
        await inverter.invoke(Microinverter.set_power_limit, context, SetPowerLimitRequest(**fields))

    return limit


def string(name="1", power=200_000, voltage=32_000, current=6250, energy=1_000_000):
    return DcStringStruct(name=name, power=power, voltage=voltage, current=current, energy=energy)


class TestWhatItSays:
    def test_a_reading(self, inverter):
        inverter.measure(
            MicroinverterValues(
                state=InverterStateEnum.PRODUCING,
                energy_today=1_200_000,
                energy_lifetime=9_000_000_000,
                strings=(string("1"), string("2", power=None)),
            )
        )
        assert inverter.state is InverterStateEnum.PRODUCING
        assert (inverter.energy_today, inverter.energy_lifetime) == (1_200_000, 9_000_000_000)
        assert [each.name for each in inverter.dc_strings] == ["1", "2"]

    def test_one_that_can_do_nothing(self, make_inverter):
        inverter = make_inverter(None)
        inverter.measure(MicroinverterValues(strings=(string(),)))
        assert (inverter.features, inverter.rated_power) == (0, None)
        assert inverter.shape.commands == {}
        for attribute in (Microinverter.dc_strings, Microinverter.power_limit, Microinverter.enabled):
            assert not inverter.has(attribute)

    def test_lost_it_says_nothing_of_now(self, inverter):
        inverter.measure(MicroinverterValues(InverterStateEnum.PRODUCING, 1_200_000, 9_000_000, (string(),)))
        inverter.show_enabled(True)
        inverter.show_peer_ratio(0.97)
        inverter.lost()
        assert inverter.state is InverterStateEnum.UNKNOWN
        assert (inverter.enabled, inverter.dc_strings, inverter.peer_ratio) == (None, (), None)
        assert (inverter.energy_today, inverter.energy_lifetime) == (1_200_000, 9_000_000)

    def test_a_limit_in_force(self, inverter, turned_clock):
        inverter.show_power_limit(200_000, 50.0, turned_clock.utc() + 60)
        assert (inverter.power_limit, inverter.power_limit_percent) == (200_000, 5000)
        assert inverter.power_limit_end == int(turned_clock.utc()) + 60 - 946_684_800
        inverter.show_power_limit(None, None)
        assert (inverter.power_limit, inverter.power_limit_percent, inverter.power_limit_end) == (None,) * 3

    @pytest.mark.parametrize(
        ("ratio", "shown"), [(1.0, 10_000), (0.5, 5000), (None, None), (math.nan, None), (1e9, 65_534)]
    )
    def test_a_peer_ratio(self, inverter, ratio, shown):
        inverter.show_peer_ratio(ratio)
        assert inverter.peer_ratio == shown

    def test_garbage_is_brought_within_bounds(self, inverter):
        inverter.measure(
            MicroinverterValues(energy_today=-5, strings=(string("a name that is too long", power=-1),) * 20)
        )
        assert inverter.energy_today == 0
        assert len(inverter.dc_strings) == 12
        assert inverter.dc_strings[0].name == "a name that is t"
        assert inverter.dc_strings[0].power == 0


class TestHowSoonItIsTold:
    def test_small_steps_wait_and_add_up(self, inverter, reports):
        for energy in (1_000_000, 1_004_000, 1_008_000, 1_012_000):
            inverter.measure(MicroinverterValues(energy_today=energy))
        assert reports.of("energy_today") == [Urgency.NOW, Urgency.LAZY, Urgency.LAZY, Urgency.QUIET]

    def test_strings_matter_when_one_of_them_does(self, inverter, reports):
        def show(*strings):
            inverter.measure(MicroinverterValues(strings=strings))
            return reports.of("dc_strings")[-1]

        assert show(string("1"), string("2")) is Urgency.NOW  # they were not there before
        assert show(string("1"), string("2", power=201_000)) is Urgency.LAZY
        assert show(string("1"), string("2", power=206_000)) is Urgency.QUIET
        assert show(string("1"), string("2", power=207_000)) is Urgency.LAZY  # of 206 W now
        assert show(string("1"), string("2", power=None)) is Urgency.NOW
        assert show(string("1")) is Urgency.NOW
        assert show(string("A")) is Urgency.NOW


class TestWhatItTakes:
    async def test_a_limit_in_watts(self, limit, arbiter):
        await limit(power=250_500, duration=3600)
        assert arbiter.calls == [("limit", 250.5, None, 3600, 1)]

    async def test_a_limit_in_percent(self, limit, arbiter):
        await limit(percent=5050)
        assert arbiter.calls == [("limit", None, 50.5, None, 1)]

    @pytest.mark.parametrize("duration", [0, None])
    async def test_no_duration_is_until_it_is_withdrawn(self, limit, arbiter, duration):
        await limit(power=0, duration=duration)
        assert arbiter.calls == [("limit", 0.0, None, None, 1)]

    async def test_withdrawing(self, limit, arbiter):
        await limit()
        await limit(power=None, percent=None, duration=60)
        assert arbiter.calls == [("withdraw", 1), ("withdraw", 1)]

    async def test_both_units_contradict_each_other(self, limit, arbiter):
        with pytest.raises(StatusError) as error:
            await limit(power=100_000, percent=5000)
        assert error.value.status is Status.INVALID_COMMAND
        assert arbiter.calls == []

    async def test_more_than_it_can_is_no_limit(self, limit, arbiter):
        with pytest.raises(StatusError) as error:
            await limit(power=RATED + 1)
        assert error.value.status is Status.CONSTRAINT_ERROR
        assert arbiter.calls == []
        await limit(power=RATED)

    async def test_without_a_rating_every_power_may_be_one(self, make_inverter, arbiter, context):
        inverter = make_inverter(None, limiter=arbiter)
        request = SetPowerLimitRequest(power=5_000_000)
        await inverter.invoke(Microinverter.set_power_limit, context, request)
        assert arbiter.calls[0][1] == 5000.0

    async def test_what_cannot_be_now_is_refused_as_the_arbiter_says(self, limit, arbiter):
        arbiter.error = StatusError(Status.INVALID_IN_STATE, "it protects the home")
        with pytest.raises(StatusError) as error:
            await limit(percent=0)
        assert error.value.status is Status.INVALID_IN_STATE

    async def test_switching(self, inverter, arbiter, context):
        await inverter.invoke(Microinverter.set_enabled, context, SetEnabledRequest(enabled=False))
        assert arbiter.calls == [("enable", False, 1)]
        assert inverter.enabled is None  # until the device says so
        inverter.show_enabled(False)
        assert inverter.enabled is False

    @pytest.mark.parametrize(
        "fields",
        [
            {0: -1},  # a power is a magnitude
            {0: 2**62 + 1},
            {1: 10_001},
            {0: 100_000, 2: 30 * 86_400 + 1},
        ],
    )
    def test_what_cannot_be_meant(self, fields):
        with pytest.raises(StatusError) as error:
            SetPowerLimitRequest.from_tlv(fields)
        assert error.value.status is Status.CONSTRAINT_ERROR

    def test_a_fabric_that_is_gone_is_told_once(self, tree, inverter, arbiter):
        tree.fabric_removed(2)
        assert arbiter.calls == [("gone", 2)]
