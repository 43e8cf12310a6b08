"""A charging point on a node of its own, and a charger that does what it is told."""

from clusters.charging_targets import DayTargets, SetTargetsFields
from clusters.definitions.energy_evse import (
    ChargingTargetStruct,
    EnableChargingRequest,
    StateEnum,
    TargetDayOfWeekBitmap,
)
from clusters.energy_evse import EnergyEvseServer
from clusters.evse_state import Condition
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError

AWAY, IDLE, WANTS, CHARGING = list(StateEnum)[:4]
EVERY_DAY = TargetDayOfWeekBitmap(0x7F)
NUMBER = 5


class Charger:
    """Does what it is told, unless it is stuck."""

    def __init__(self):
        self.calls = []
        self.plans = []
        self.modes = []
        self.stuck = False

    async def enable(self, current_a, until):
        self._do("enable", current_a, until)

    async def disable(self):
        self._do("disable")

    async def limit(self, current_a):
        self._do("limit", current_a)

    def planned(self, charge):
        self.plans.append(charge)

    def mode_chosen(self, *, time_of_use, solar):
        self.modes.append((time_of_use, solar))

    def _do(self, *call):
        if self.stuck:
            raise StatusError(Status.FAILURE, "stuck")
        self.calls.append(call)


class Point:
    """A charging point on a node, with what a test says to it."""

    def __init__(self, tree, charger, context, **options):
        self.tree, self.charger, self.context = tree, charger, context
        self.options = options
        self.cluster = EnergyEvseServer(
            charger, circuit_capacity=16_000, minimum_current=6_000, watts_per_ampere=690.0, **options
        )
        tree.add(Endpoint(NUMBER, [DeviceType(0x50C, 2)], [self.cluster]))

    def say(self, state=None, **what):
        self.cluster.sense(Condition(state, **what))

    async def enable(self, until=None, low=6_000, high=32_000):
        await self.cluster.handle_enable_charging(
            self.context,
            EnableChargingRequest(
                charging_enabled_until=until, minimum_charge_current=low, maximum_charge_current=high
            ),
        )

    async def disable(self):
        await self.cluster.handle_disable(self.context)

    def set_targets(self, *schedules):
        made = tuple(
            DayTargets(day_of_week_for_sequence=TargetDayOfWeekBitmap(days), charging_targets=tuple(targets))
            for days, targets in schedules
        )
        self.cluster.handle_set_targets(self.context, SetTargetsFields(charging_target_schedules=made))

    @property
    def targets(self):
        response = self.cluster.handle_get_targets(self.context)
        return [(s.day_of_week_for_sequence, s.charging_targets) for s in response.charging_target_schedules]

    @property
    def next(self):
        cluster = self.cluster
        return (
            cluster.next_charge_start_time,
            cluster.next_charge_target_time,
            cluster.next_charge_required_energy,
            cluster.next_charge_target_soc,
        )

    @property
    def shown(self):
        return self.cluster.state, self.cluster.supply_state

    def events(self, since=0):
        return [record.event.name for record in self.tree.events.since(since)]

    def last(self, event):
        record = [record for record in self.tree.events.since(0) if record.event is event][-1]
        return event.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:]))

    def in_seconds(self, seconds):
        return int(self.tree.clock.utc() + seconds - MATTER_EPOCH_OFFSET)

    def restarted(self):
        """The charging point as it comes up again after a kill: what is not in storage is gone."""
        tree = NodeTree(self.tree.storage, self.tree.clock, self.tree.entropy)
        return Point(tree, self.charger, self.context, **self.options)


def target(minutes, energy=None, soc=None):
    return ChargingTargetStruct(
        target_time_minutes_past_midnight=minutes, added_energy=energy, target_soc=soc
    )
