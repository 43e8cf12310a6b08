"""What holds of a managed device whatever managers, users, its owner and time do to it, in any order."""

import asyncio
import contextlib
import random

from energy_lab import GRID, LOCAL, RANGE, Device, Manager, events, managed, place
from hypothesis import given, settings
from hypothesis import strategies as st
from node_lab.world import ManualClock

from clusters.definitions.device_energy_management import CauseEnum, ESAStateEnum, ForecastUpdateReasonEnum
from clusters.energy_adjusters import ForecastAdjusters
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.model import Context, NodeTree
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

CAUSES = st.sampled_from([LOCAL, GRID])
POWERS = st.sampled_from([0, 1_000_000, -2_000_000, 3_000_001])
SLOTS = st.builds(
    ForecastSlot,
    duration_s=st.sampled_from([1000, 50]),
    nominal_w=st.floats(-3000, 3000),
    pause_s=st.sampled_from([(1, 300), None]),
    adjust_w=st.just((-3000, 3000)),
    adjust_s=st.just((1, 900)),
)
PLANS = st.tuples(
    st.sampled_from([0, 600, -60]),
    st.lists(SLOTS, min_size=1, max_size=3),
    st.sampled_from([1000, 0, None]),
    st.sampled_from([5000, None, 0]),
)
"""When it begins from now, its slots, how much earlier it could begin, how much later it could be over."""

REQUESTS = st.one_of(
    st.tuples(st.just("adjust_power"), POWERS, st.sampled_from([60, 600, 9]), CAUSES),
    st.tuples(st.just("start_at"), st.sampled_from([300, 0, 3000, -1]), CAUSES),
    st.tuples(st.just("pause"), st.sampled_from([60, 100, 300, 700, 0]), CAUSES),
    st.tuples(
        st.just("modify"),
        st.lists(
            st.tuples(st.sampled_from([0, 0, 1, 2]), POWERS, st.sampled_from([900, 60, 5, 901])),
            min_size=1,
            max_size=2,
        ),
        CAUSES,
    ),
    st.tuples(st.just("constrain"), st.sampled_from([0, 300, -1]), PLANS, CAUSES),
    st.tuples(st.sampled_from(["cancel_power", "resume", "cancel"])),
)
ONLINE, OFFLINE, FAULT = ESAStateEnum.ONLINE, ESAStateEnum.OFFLINE, ESAStateEnum.FAULT
HAPPENINGS = st.one_of(
    st.tuples(st.just("state"), st.sampled_from([ONLINE, OFFLINE, FAULT])),
    st.tuples(st.just("opt_out"), st.booleans(), st.booleans()),
    st.tuples(st.just("plan"), PLANS | st.none()),
    st.tuples(st.just("capability"), st.booleans()),
    st.tuples(st.sampled_from(["abandon_power", "abandon_pause", "abandon_forecast", "skip_slot"])),
    st.tuples(st.just("pretend"), PLANS),
    st.tuples(st.just("stop_pretending")),
)
ASKED = st.tuples(st.just("ask"), REQUESTS, st.none())
DISTURBED = st.tuples(st.just("ask"), REQUESTS, HAPPENINGS | st.tuples(st.sampled_from(["refuse", "fail"])))
STEPS = st.one_of(
    ASKED,
    ASKED,
    DISTURBED,
    st.tuples(st.just("happen"), HAPPENINGS),
    st.tuples(st.just("happen"), st.tuples(st.just("plan"), PLANS)),
    st.tuples(
        st.just("happen"),
        st.sampled_from([("state", ONLINE), ("stop_pretending",), ("opt_out", False, False)]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([10, 0.3, 60, 600])),
)
LIVES = st.lists(STEPS, min_size=10, max_size=30)


class OopsError(Exception):
    """The device's driver has a fault."""


class Entropy:
    def below(self, limit):
        return random.Random(0).randrange(limit)


class Session:
    subject = Subject(AuthMode.CASE, fabric_index=1, node_id=1)
    attestation_challenge = bytes(16)


class Life:
    """One managed device, and everything that happens to it."""

    def __init__(self, clock, plan):
        self.clock = clock
        self.tree = NodeTree(MemoryStorage(), clock, Entropy())
        self.device, self.stand_in = Device(), Device()
        self.server = managed(self.device)
        place(self.tree, self.server)
        self.server.set_forecast(self.forecast(plan))
        self.manager = Manager(self.server, Context(Session.subject, Session()))

    @property
    def now(self):
        return int(self.clock.utc())

    def forecast(self, plan):
        if plan is None:
            return None
        after, slots, earlier, later = plan
        start = self.now + after
        end = start + sum(slot.duration_s for slot in slots)
        return PowerForecast(
            start,
            tuple(slots),
            earliest_start=None if earlier is None else start - earlier,
            latest_end=None if later is None else end + later,
        )

    def happen(self, happening):
        server, what = self.server, happening[0]
        if what == "refuse":
            raise StatusError(Status.BUSY)
        if what == "fail":
            raise OopsError
        match happening:
            case ("state", state):
                server.set_state(state)
            case ("opt_out", local, grid):
                server.set_opt_out(local=local, grid=grid)
            case ("plan", plan):
                server.set_forecast(self.forecast(plan))
            case ("capability", there):
                server.set_capability((RANGE,) if there else ())
            case ("pretend", plan):
                other = self.stand_in
                adjusters = ForecastAdjusters(other, other, other, other)
                server.pretend(other, adjusters, ranges=(RANGE,), forecast=self.forecast(plan))
            case ("abandon_power" | "abandon_pause",):
                getattr(server, what)(CauseEnum.FAULT)
            case (_,):
                getattr(server, what)()

    async def ask(self, request, meanwhile):
        for device in (self.device, self.stand_in):
            device.meanwhile = (lambda: None) if meanwhile is None else lambda: self.happen(meanwhile)
        with contextlib.suppress(StatusError, OopsError):
            await self._ask(request)

    @property
    def pretending(self):
        return self.server._situation is not self.server._real

    async def _ask(self, request):
        manager, now = self.manager, self.now
        match request:
            case ("adjust_power", power, duration, cause):
                await manager.adjust_power(power, duration, cause)
            case ("start_at", after, cause):
                await manager.start_at(now + after, cause)
            case ("pause", duration, cause):
                await manager.pause(duration, cause)
            case ("modify", adjustments, cause):
                await manager.modify(*adjustments, cause=cause)
            case ("constrain", after, plan, cause):
                self.device.plan = self.stand_in.plan = self.forecast(plan)
                await manager.constrain((now + after, 100, 0, 0), cause=cause)
            case (command,):
                await getattr(manager, command)()

    def said(self):
        """What the cluster says that the device does not do of its own."""
        said = set()
        if self.server.esa_state is ESAStateEnum.POWER_ADJUST_ACTIVE:
            said.add("power")
        if self.server.esa_state is ESAStateEnum.PAUSED:
            said.add("pause")
        if self.server._operation.adjustment is not None:
            said.add("forecast")
        return said

    def check(self):
        server, forecast = self.server, self.manager.forecast
        for id_, attribute in server.shape.attributes.items():
            attribute.datatype.check(server.value(id_))
        (idle, busy) = (self.device, self.stand_in) if self.pretending else (self.stand_in, self.device)
        assert idle.held == set()
        assert busy.held == self.said()
        assert (forecast is None) == (server.forecast is None)
        if forecast is None:
            assert server.esa_state is not ESAStateEnum.PAUSED
            assert "forecast" not in busy.held
        else:
            assert server.esa_state not in {ESAStateEnum.OFFLINE, ESAStateEnum.FAULT}
            server.ATTRIBUTES[6].datatype.check(forecast)
            assert forecast.earliest_start_time <= forecast.start_time
            assert forecast.start_time <= forecast.end_time <= forecast.latest_end_time
            assert forecast.forecast_id == server.forecast.forecast_id
            held = busy.held & {"pause", "forecast"}
            internal = forecast.forecast_update_reason is ForecastUpdateReasonEnum.INTERNAL_OPTIMIZATION
            assert internal == (not held)
            assert server.esa_state is not ESAStateEnum.PAUSED or forecast.active_slot_number is not None
        names = [name for name, _ in events(self.tree)]
        assert_alternates(names, "power_adjust_start", "power_adjust_end", open_="power" in busy.held)
        assert_alternates(names, "paused", "resumed", open_="pause" in busy.held)


def assert_alternates(names, first, second, *, open_):
    """Each first one has its second one before the next; the last one has it unless it is open."""
    seen = [name for name in names if name in {first, second}]
    assert seen == [(first, second)[index % 2] for index in range(len(seen))]
    assert bool(len(seen) % 2) == open_


async def live(life, steps):
    for step in steps:
        match step:
            case ("ask", request, meanwhile):
                await life.ask(request, meanwhile)
            case ("happen", happening):
                life.happen(happening)
            case ("wait", seconds):
                life.clock.advance(seconds)
        life.check()


@settings(max_examples=600)
@given(plan=PLANS, steps=LIVES)
def test_the_cluster_says_what_the_device_does_and_everything_ends(plan, steps):
    life = Life(ManualClock(), plan)
    asyncio.run(live(life, steps))
    life.clock.advance(30_000)
    life.check()
    assert life.device.held == life.stand_in.held == set()


@settings(max_examples=150)
@given(plan=PLANS, steps=LIVES)
def test_a_device_that_leaves_is_let_go(plan, steps):
    life = Life(ManualClock(), plan)
    asyncio.run(live(life, steps))
    life.tree.remove(2)
    assert life.device.held == life.stand_in.held == set()
    life.clock.advance(30_000)
