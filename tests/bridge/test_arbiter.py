import itertools
from datetime import UTC, datetime

import pytest

from bridge.arbiter import HISTORY, Arbiter, UnknownCommandError
from bridge.command import Command, CommandState, Origin
from bridge.command_queue import PATIENCE, SPACING
from bridge.record import OperatingMode
from bridge.registry import UnknownModuleError
from hw.module import ModuleKind
from hw.reading import BatteryReading, Reading
from hw.setpoint import SetpointKind as Kind

KEY = "acme-1001"
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


@pytest.fixture
def device(home):
    return home.add()


@pytest.fixture
async def arbiter(home, clock, device):
    arbiter = Arbiter(home.registry, home.storage, home.bus, clock)
    arbiter.start()
    return arbiter


def limit(arbiter, percent, origin=Origin.USER, *, duration=None, source="test", module=KEY):
    return arbiter.submit(
        module, Kind.POWER_LIMIT_PERCENT, percent, origin=origin, source=source, duration=duration
    )


def state(arbiter, command):
    return arbiter.command(command.id).state


def owed(home):
    return [key for key, _ in home.storage.scan("limited/")]


async def test_a_command_is_queued_written_read_back_and_applied(arbiter, device, clock, home):
    command = limit(arbiter, 50, duration=600)
    assert state(arbiter, command) is CommandState.QUEUED
    await clock.pass_(0)
    assert device.told == [(1000.0, Kind.POWER_LIMIT_PERCENT, 50, 60.0)]
    assert arbiter.command(command.id).state is CommandState.APPLIED
    assert arbiter.command(command.id).applied_value == 50
    assert [change.state for change in home.changes] == [CommandState.QUEUED, CommandState.APPLIED]


async def test_when_a_command_expires_the_module_follows_its_own_logic_again(arbiter, device, clock, home):
    command = limit(arbiter, 50, duration=40)
    await clock.pass_(39)
    assert owed(home) == ["limited/" + KEY]
    await clock.pass_(2)
    assert state(arbiter, command) is CommandState.EXPIRED
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 50), (Kind.AUTO, None)]
    assert owed(home) == []


async def test_the_table_decides_who_wins_and_who_takes_over(arbiter, device, clock):
    plan = limit(arbiter, 80, Origin.PLAN)
    await clock.pass_(10)
    user = limit(arbiter, 50, Origin.USER, duration=100)
    await clock.pass_(10)
    operator = limit(arbiter, 30, Origin.GRID_OPERATOR, duration=20)
    await clock.pass_(10)
    assert [each.id for each in arbiter.live(KEY)] == [operator.id, user.id, plan.id]
    assert state(arbiter, operator) is CommandState.APPLIED
    superseded = arbiter.command(user.id)
    assert (superseded.state, superseded.by) == (CommandState.SUPERSEDED, operator.id)
    await clock.pass_(15)
    assert state(arbiter, operator) is CommandState.EXPIRED
    assert state(arbiter, user) is CommandState.APPLIED
    await clock.pass_(80)
    assert state(arbiter, user) is CommandState.EXPIRED
    assert state(arbiter, plan) is CommandState.APPLIED
    changes = [value for index, value in enumerate(device.values) if value not in device.values[:index]]
    assert changes == [(Kind.POWER_LIMIT_PERCENT, value) for value in (80, 50, 30)]
    assert device.values[-1] == (Kind.POWER_LIMIT_PERCENT, 80)


@pytest.mark.parametrize("weightier", list(Origin)[:-1])
async def test_every_origin_yields_to_the_one_before_it(arbiter, clock, weightier):
    lighter = Origin(weightier + 1)
    first = limit(arbiter, 20, weightier)
    second = limit(arbiter, 60, lighter)
    await clock.pass_(60)
    assert state(arbiter, first) is CommandState.APPLIED
    assert state(arbiter, second) is CommandState.SUPERSEDED


async def test_an_origin_that_vanishes_takes_its_commands_along(arbiter, device, clock):
    mine = limit(arbiter, 40, source="fabric 1")
    plan = limit(arbiter, 70, Origin.PLAN, source="plan 7")
    await clock.pass_(1)
    assert arbiter.vanish(Origin.USER, "fabric 1", "its fabric was removed") == 1
    await clock.pass_(10)
    assert arbiter.command(mine.id).state is CommandState.WITHDRAWN
    assert arbiter.command(mine.id).reason == "its fabric was removed"
    assert state(arbiter, plan) is CommandState.APPLIED


async def test_an_origins_new_command_replaces_its_old_one(arbiter, device, clock):
    old = limit(arbiter, 40)
    await clock.pass_(10)
    new = limit(arbiter, 60)
    await clock.pass_(10)
    assert (state(arbiter, old), arbiter.command(old.id).by) == (CommandState.REPLACED, new.id)
    assert [each.id for each in arbiter.live(KEY)] == [new.id]


async def test_writes_keep_their_distance_and_the_newest_value_is_written(arbiter, device, clock):
    for percent in (10, 20, 30, 40):
        limit(arbiter, percent, Origin.PLAN)
        await clock.pass_(1)
    await clock.pass_(10)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 10), (Kind.POWER_LIMIT_PERCENT, 40)]
    assert device.told[1][0] - device.told[0][0] == SPACING


async def test_a_person_waits_a_second_at_most_and_not_for_the_plan_s_distance(arbiter, device, clock):
    limit(arbiter, 80, Origin.PLAN)
    await clock.pass_(0.3)
    for percent in (10, 20, 30):
        limit(arbiter, percent)
    await clock.pass_(1)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 80), (Kind.POWER_LIMIT_PERCENT, 30)]
    assert device.told[1][0] - device.told[0][0] == 1.0


async def test_safety_waits_for_nobody(arbiter, device, clock):
    limit(arbiter, 90)
    await clock.pass_(0)
    limit(arbiter, 89.5, Origin.SAFETY)
    await clock.pass_(0)
    assert device.told[-1][:3] == (1000.0, Kind.POWER_LIMIT_PERCENT, 89.5)


async def test_a_change_below_the_deadband_is_not_written(arbiter, device, clock):
    limit(arbiter, 50)
    await clock.pass_(6)
    second = limit(arbiter, 50.5)
    await clock.pass_(6)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 50)]
    assert arbiter.command(second.id).state is CommandState.APPLIED
    assert arbiter.command(second.id).applied_value == 50
    limit(arbiter, 51.5)
    await clock.pass_(6)
    assert device.values[-1] == (Kind.POWER_LIMIT_PERCENT, 51.5)


async def test_what_lasts_is_repeated_before_the_device_falls_back(arbiter, device, clock):
    limit(arbiter, 50)
    await clock.pass_(200)
    times = [time for time, *_ in device.told]
    assert len(times) == 7
    assert all(later - earlier == 30 for earlier, later in itertools.pairwise(times))


async def test_a_module_that_cannot_refuses_at_once(home, clock):
    device = home.add("2002", kinds=(Kind.AUTO,))
    arbiter = Arbiter(home.registry, home.storage, home.bus, clock)
    command = limit(arbiter, 50, module="acme-2002")
    assert command.state is CommandState.REFUSED
    assert "cannot be told power limit percent" in command.reason
    await clock.pass_(10)
    assert device.told == []
    assert owed(home) == []


async def test_a_module_that_fails_gives_way_to_the_next_command(arbiter, device, clock):
    user = limit(arbiter, 40)
    device.broken = "exception 4"
    await clock.pass_(60)
    assert state(arbiter, user) is CommandState.FAILED
    assert arbiter.command(user.id).reason == "exception 4"


async def test_safety_is_tried_for_as_long_as_it_lives(arbiter, device, clock):
    device.broken = "exception 4"
    safety = limit(arbiter, 0, Origin.SAFETY)
    await clock.pass_(600)
    assert state(arbiter, safety) is CommandState.QUEUED
    device.broken = ""
    await clock.pass_(60)
    assert state(arbiter, safety) is CommandState.APPLIED


async def test_a_command_waits_a_while_for_a_module_that_does_not_answer(arbiter, device, clock, home):
    module = home.registry[KEY]
    home.registry.lost(module, "no connection")
    command = limit(arbiter, 40)
    await clock.pass_(PATIENCE - 1)
    assert state(arbiter, command) is CommandState.QUEUED
    home.answers(module)
    await clock.pass_(0)
    assert state(arbiter, command) is CommandState.APPLIED
    home.registry.lost(module, "no connection")
    late = limit(arbiter, 60)
    await clock.pass_(PATIENCE + 1)
    assert state(arbiter, late) is CommandState.FAILED
    assert "no connection" in arbiter.command(late.id).reason


async def test_a_module_that_comes_back_is_told_again(arbiter, device, clock, home):
    module = home.registry[KEY]
    limit(arbiter, 40)
    await clock.pass_(10)
    home.registry.lost(module, "no connection")
    await clock.pass_(100)
    home.answers(module)
    await clock.pass_(0)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 40)] * 2


async def test_auto_takes_back_what_its_origin_commanded(arbiter, device, clock):
    charge = arbiter.submit(KEY, Kind.CHARGE_W, 2000, origin=Origin.USER, source="cli")
    capped = limit(arbiter, 40)
    plan = arbiter.submit(KEY, Kind.DISCHARGE_W, 500, origin=Origin.PLAN, source="plan")
    await clock.pass_(20)
    auto = arbiter.submit(KEY, Kind.AUTO, origin=Origin.USER, source="cli")
    await clock.pass_(30)
    assert state(arbiter, charge) is state(arbiter, capped) is CommandState.REPLACED
    assert state(arbiter, auto) is CommandState.APPLIED
    assert state(arbiter, plan) is CommandState.APPLIED
    assert (Kind.DISCHARGE_W, 500) in device.values
    assert (Kind.POWER_LIMIT_PERCENT, 100) in device.values


async def test_auto_reaches_a_module_that_someone_else_has_limited(arbiter, device, clock, home):
    auto = arbiter.submit(KEY, Kind.AUTO, origin=Origin.USER, source="cli")
    await clock.pass_(1)
    assert device.values == [(Kind.AUTO, None)]
    assert state(arbiter, auto) is CommandState.APPLIED
    assert owed(home) == []


async def test_one_aspect_is_taken_back_and_the_others_stay(arbiter, device, clock):
    charge = arbiter.submit(KEY, Kind.CHARGE_W, 2000, origin=Origin.USER, source="cli", duration=20)
    limit(arbiter, 40)
    await clock.pass_(60)
    assert state(arbiter, charge) is CommandState.EXPIRED
    auto = device.values.index((Kind.AUTO, None))
    assert (Kind.POWER_LIMIT_PERCENT, 40) in device.values[auto:]


async def test_after_kill_9_a_users_command_is_taken_up_and_a_plans_is_not(
    arbiter, device, clock, home, another_home
):
    user = limit(arbiter, 40, duration=600)
    plan = limit(arbiter, 70, Origin.PLAN)
    short = arbiter.submit(KEY, Kind.HOLD, origin=Origin.USER, source="cli", duration=30)
    await clock.pass_(20)

    after = another_home(home.storage, clock)
    clock._timers.clear()
    await clock.pass_(60)
    resumed = Arbiter(after.registry, after.storage, after.bus, clock)
    resumed.start()
    assert resumed.command(user.id).state is CommandState.QUEUED
    assert resumed.command(plan.id).state is CommandState.WITHDRAWN
    assert resumed.command(short.id).state is CommandState.EXPIRED
    device.told.clear()
    after.registry.found([device], "sunspec")
    after.answers(after.registry[KEY])
    await clock.pass_(0)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 40)]
    assert resumed.command(user.id).state is CommandState.APPLIED


async def test_after_kill_9_a_limit_that_nobody_wants_any_more_is_taken_back(
    arbiter, device, clock, home, another_home
):
    limit(arbiter, 70, Origin.PLAN)
    await clock.pass_(1)
    after = another_home(home.storage, clock)
    clock._timers.clear()
    device.told.clear()
    Arbiter(after.registry, after.storage, after.bus, clock).start()
    await clock.pass_(5)
    after.registry.found([device], "sunspec")
    after.answers(after.registry[KEY])
    await clock.pass_(1)
    assert device.values == [(Kind.AUTO, None)]
    assert owed(after) == []


async def test_stopping_takes_back_every_limit_and_keeps_the_commands(arbiter, device, clock, home):
    command = limit(arbiter, 40, duration=600)
    await clock.pass_(1)
    await arbiter.close()
    assert device.values[-1] == (Kind.AUTO, None)
    assert owed(home) == []
    stored = Command.from_json(home.storage.get("command/" + command.id))
    assert not stored.state.final


async def test_a_removed_modules_commands_end(arbiter, device, clock, home):
    command = limit(arbiter, 40)
    await clock.pass_(1)
    home.registry.remove(KEY)
    assert state(arbiter, command) is CommandState.WITHDRAWN
    assert arbiter.live(KEY) == ()
    assert owed(home) == []


async def test_what_cannot_be_meant_is_an_error_and_changes_nothing(arbiter, device, clock, home):
    with pytest.raises(UnknownModuleError):
        limit(arbiter, 50, module="nobody")
    with pytest.raises(ValueError, match="0 to 100 percent"):
        limit(arbiter, 150)
    with pytest.raises(ValueError, match="duration"):
        limit(arbiter, 50, duration=0)
    with pytest.raises(ValueError, match="auto takes no duration"):
        arbiter.submit(KEY, Kind.AUTO, origin=Origin.USER, source="cli", duration=5)
    with pytest.raises(UnknownCommandError):
        arbiter.command("none")
    await clock.pass_(10)
    assert device.told == []
    assert home.storage.scan("command/") == []


async def test_history_is_bounded(arbiter, clock, home):
    live = limit(arbiter, 50, Origin.SAFETY)
    for _ in range(HISTORY + 100):
        limit(arbiter, 40)
    assert len(home.storage.scan("command/")) <= HISTORY + 52
    assert not state(arbiter, live).final


async def test_a_drivers_bug_fails_the_command_and_not_the_queue(arbiter, device, clock, monkeypatch):
    async def broken(setpoint):
        raise KeyError("bug")

    apply = device.apply
    device.apply = broken
    command = limit(arbiter, 40)
    await clock.pass_(60)
    assert state(arbiter, command) is CommandState.FAILED
    device.apply = apply
    again = limit(arbiter, 40)
    await clock.pass_(60)
    assert state(arbiter, again) is CommandState.APPLIED


class TestLoads:
    """A person's switching of a load does what a press of its button does; a plan's is a loan."""

    @pytest.fixture
    def device(self, home):
        return home.add(kind=ModuleKind.LOAD, kinds=(Kind.CONNECT, Kind.AUTO))

    def switch(self, arbiter, on, origin=Origin.USER, *, duration=None):
        return arbiter.submit(KEY, Kind.CONNECT, on, origin=origin, source="test", duration=duration)

    async def test_it_is_written_once_without_an_end_and_then_it_is_so(self, arbiter, device, clock, home):
        command = self.switch(arbiter, 0)
        await clock.pass_(0)
        assert device.told == [(1000.0, Kind.CONNECT, 0, None)]
        assert state(arbiter, command) is CommandState.DONE
        assert arbiter.live(KEY) == ()
        await clock.pass_(3600)
        await arbiter.close()
        assert len(device.told) == 1
        assert owed(home) == []

    async def test_a_restart_does_not_repeat_it(self, arbiter, device, clock, home, another_home):
        self.switch(arbiter, 0)
        await clock.pass_(0)
        again = another_home(home.storage, clock)
        device = again.add(kind=ModuleKind.LOAD, kinds=(Kind.CONNECT, Kind.AUTO))
        Arbiter(again.registry, again.storage, again.bus, clock).start()
        await clock.pass_(SPACING)
        assert device.told == []

    async def test_people_need_not_wait_between_two_presses(self, arbiter, device, clock):
        for on in (0, 1, 0):
            self.switch(arbiter, on)
            await clock.pass_(0.1)
        assert device.values == [(Kind.CONNECT, 0), (Kind.CONNECT, 1), (Kind.CONNECT, 0)]

    async def test_it_ends_what_a_plan_had_switched(self, arbiter, device, clock, home):
        plan = self.switch(arbiter, 0, Origin.PLAN, duration=3600)
        await clock.pass_(0)
        person = self.switch(arbiter, 1)
        await clock.pass_(SPACING)
        assert (state(arbiter, plan), state(arbiter, person)) == (CommandState.REPLACED, CommandState.DONE)
        assert device.told[-1][1:] == (Kind.CONNECT, 1, None)
        await clock.pass_(3600)
        assert len(device.told) == 2
        assert owed(home) == []

    async def test_it_makes_a_plans_switching_last(self, arbiter, device, clock):
        self.switch(arbiter, 0, Origin.PLAN, duration=3600)
        await clock.pass_(0)
        self.switch(arbiter, 0)
        await clock.pass_(0)
        assert [told[1:] for told in device.told] == [(Kind.CONNECT, 0, 60.0), (Kind.CONNECT, 0, None)]

    async def test_what_protects_the_home_comes_first(self, arbiter, device, clock):
        self.switch(arbiter, 0, Origin.SAFETY, duration=60)
        await clock.pass_(0)
        person = self.switch(arbiter, 1)
        await clock.pass_(1)
        assert state(arbiter, person) is CommandState.SUPERSEDED
        await clock.pass_(60)
        assert state(arbiter, person) is CommandState.DONE

    async def test_a_plans_switching_is_taken_back_as_the_device_would(self, arbiter, device, clock, home):
        self.switch(arbiter, 0, Origin.PLAN, duration=20)
        await clock.pass_(30)
        assert device.values == [(Kind.CONNECT, 0), (Kind.AUTO, None)]
        assert owed(home) == []


@pytest.mark.parametrize(("kind", "values"), [(Kind.CONNECT, (0, 1)), (Kind.CHARGE_CURRENT_A, (8, 9))])
async def test_no_switching_and_no_ampere_is_too_small_a_change(arbiter, device, clock, kind, values):
    for value in values:
        arbiter.submit(KEY, kind, value, origin=Origin.PLAN, source="plan")
        await clock.pass_(10)
    assert device.values == [(kind, value) for value in values]


# ---------------------------------------------------------------------- batteries


@pytest.fixture
def holds(home):
    """Let the battery say how much it holds, and what it keeps back."""

    def say(soc, reserve=20.0):
        battery = BatteryReading(soc_percent=soc, reserve_percent=reserve)
        module = home.registry[KEY]
        home.registry.took(module, Reading(module=KEY, time=NOON, power_w=0.0, battery=battery))

    return say


async def test_charging_ends_where_it_was_told_to(arbiter, device, clock, holds):
    command = arbiter.submit(KEY, Kind.CHARGE_W, 1000, origin=Origin.USER, source="test", target_percent=80)
    holds(79.9)
    await clock.pass_(1)
    assert state(arbiter, command) is CommandState.APPLIED
    holds(80.0)
    await clock.pass_(10)
    done = arbiter.command(command.id)
    assert (done.state, done.reason) == (CommandState.DONE, "the battery holds 80 %")
    assert device.values == [(Kind.CHARGE_W, 1000), (Kind.AUTO, None)]


async def test_discharging_ends_below_its_target(arbiter, device, clock, holds):
    command = arbiter.submit(
        KEY, Kind.DISCHARGE_W, 1000, origin=Origin.USER, source="test", target_percent=30
    )
    holds(55)
    await clock.pass_(1)
    holds(30)
    assert state(arbiter, command) is CommandState.DONE


@pytest.mark.parametrize(("kind", "percent"), [(Kind.HOLD, 50), (Kind.CHARGE_W, 101), (Kind.CHARGE_W, -1)])
async def test_a_target_that_cannot_be_meant_commands_nothing(arbiter, device, clock, kind, percent):
    value = None if kind is Kind.HOLD else 100
    with pytest.raises(ValueError, match="state of charge"):
        arbiter.submit(KEY, kind, value, origin=Origin.USER, source="test", target_percent=percent)
    await clock.pass_(1)
    assert device.told == []


def keep_back(arbiter, percent, duration=None):
    return arbiter.submit(
        KEY, Kind.RESERVE_PERCENT, percent, origin=Origin.USER, source="test", duration=duration
    )


async def test_after_a_reserve_the_battery_has_its_own_again(arbiter, device, clock, holds):
    holds(60, reserve=20.0)
    keep_back(arbiter, 40, duration=30)
    await clock.pass_(10)
    holds(60, reserve=40.0)
    again = keep_back(arbiter, 50)
    await clock.pass_(10)
    arbiter.withdraw(again.id)
    await clock.pass_(60)
    reserves = [value for kind, value in device.values if kind is Kind.RESERVE_PERCENT]
    assert reserves == [40, 50, 20]


async def test_a_reserve_that_ran_out_while_the_hub_was_gone_is_taken_back(
    arbiter, device, clock, holds, home, another_home
):
    holds(60, reserve=20.0)
    keep_back(arbiter, 40, duration=100)
    await clock.pass_(10)
    again = another_home(home.storage, clock)
    clock.now += 200
    later = Arbiter(again.registry, again.storage, again.bus, clock)
    later.start()
    (module,) = again.registry.found([device], "sunspec")
    again.answers(module)
    await clock.pass_(60)
    assert (Kind.RESERVE_PERCENT, 20) in device.values
    assert list(again.storage.scan("reserve/")) == []


@pytest.mark.parametrize("stored", [b"20.0", b"[20.0]"])
async def test_a_reserve_that_an_older_hub_noted_is_given_back(stored, device, clock, home, another_home):
    home.storage.put("reserve/" + KEY, stored)
    again = another_home(home.storage, clock)
    again.arbiter.start()
    (module,) = again.registry.found([device], "sunspec")
    again.answers(module)
    await clock.pass_(60)
    assert (Kind.RESERVE_PERCENT, 20) in device.values


# ---------------------------------------------------------------------- who decides


async def test_plans_and_programmes_leave_an_autonomous_module_alone(arbiter, device, clock, home):
    home.registry.set_mode(KEY, OperatingMode.AUTONOMOUS)
    for origin in (Origin.PLAN, Origin.DEMAND_RESPONSE, Origin.DEFAULT):
        refused = limit(arbiter, 50, origin)
        assert refused.state is CommandState.REFUSED
        assert "autonomous" in refused.reason
    await clock.pass_(1)
    assert device.told == []
    for origin in (Origin.USER, Origin.GRID_OPERATOR, Origin.SAFETY):
        assert limit(arbiter, 50, origin).state is CommandState.QUEUED


async def test_a_module_that_becomes_autonomous_is_let_go(arbiter, device, clock, home):
    plan = limit(arbiter, 50, Origin.PLAN)
    await clock.pass_(10)
    home.registry.set_mode(KEY, OperatingMode.AUTONOMOUS)
    await clock.pass_(10)
    assert state(arbiter, plan) is CommandState.WITHDRAWN
    assert device.values[-1] == (Kind.AUTO, None)


# ---------------------------------------------------------------------- the island


async def test_a_load_that_is_shed_falls_back_later_than_others_do(home, arbiter, clock):
    plug = home.add("1002", kind=ModuleKind.LOAD)
    arbiter.submit("acme-1002", Kind.CONNECT, 0.0, origin=Origin.ISLAND, source="island")
    await clock.pass_(0)
    assert plug.told == [(1000.0, Kind.CONNECT, 0.0, 600.0)]


async def test_a_load_given_power_again_is_switched_on_once_and_owes_nothing(home, arbiter, clock):
    plug = home.add("1002", kind=ModuleKind.LOAD)
    arbiter.submit("acme-1002", Kind.CONNECT, 0.0, origin=Origin.ISLAND, source="island")
    await clock.pass_(5)
    back = arbiter.submit("acme-1002", Kind.CONNECT, 1.0, origin=Origin.ISLAND, source="island")
    await clock.pass_(120)
    assert state(arbiter, back) is CommandState.DONE
    assert plug.told[-1][1:] == (Kind.CONNECT, 1.0, None)
    assert (len(plug.told), owed(home)) == (2, [])


async def test_a_person_is_told_why_a_shed_load_stays_off(home, arbiter, clock):
    home.add("1002", kind=ModuleKind.LOAD)
    arbiter.submit("acme-1002", Kind.CONNECT, 0.0, origin=Origin.ISLAND, source="island")
    person = arbiter.submit("acme-1002", Kind.CONNECT, 1.0, origin=Origin.USER, source="cli")
    await clock.pass_(1)
    assert state(arbiter, person) is CommandState.SUPERSEDED
    reason = arbiter.command(person.id).reason
    assert reason == "the grid is gone, and what keeps the home alive comes first"


async def test_an_orderly_end_gives_a_shed_load_no_power(home, arbiter, clock):
    plug = home.add("1002", kind=ModuleKind.LOAD)
    arbiter.submit("acme-1002", Kind.CONNECT, 0.0, origin=Origin.ISLAND, source="island")
    await clock.pass_(1)
    await arbiter.close()
    assert plug.values == [(Kind.CONNECT, 0.0)]
    assert owed(home) == ["limited/acme-1002"]
