"""A device that energy managers adjust, and what they ask of it, for the tests of its management."""

from __future__ import annotations

import pytest

from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    ConstraintsStruct,
    ESAStateEnum,
    ESATypeEnum,
    ModifyForecastRequest,
    PauseRequest,
    PowerAdjustRequest,
    PowerAdjustStruct,
    RequestConstraintBasedForecastRequest,
    SlotAdjustmentStruct,
    StartTimeAdjustRequest,
)
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.energy_adjusters import ForecastAdjusters
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint
from matter_node.status import StatusError

LOCAL, GRID = AdjustmentCauseEnum.LOCAL_OPTIMIZATION, AdjustmentCauseEnum.GRID_OPTIMIZATION
RANGE = PowerAdjustStruct(min_power=-3_000_000, max_power=3_000_000, min_duration=10, max_duration=3600)


class Device:
    """Does everything that it is asked for, or refuses it; `held` says what it does not do of its own."""

    def __init__(self):
        self.calls = []
        self.held = set()
        self.error = None
        self.meanwhile = lambda: None
        self.released = lambda: None
        self.plan = None

    async def adjust_power(self, power_w, duration_s, *, grid):
        self._do("power", power_w, duration_s, grid)

    def release_power(self):
        self._let_go("power")

    async def start_at(self, start, *, grid):
        self._do("forecast", "start", start, grid)

    async def follow(self, forecast, *, grid):
        self._do("forecast", "follow", forecast, grid)

    async def plan_within(self, constraints, *, grid):
        self._do("forecast", "plan", constraints, grid)
        return self.plan

    def release_forecast(self):
        self._let_go("forecast")
        self.released()

    async def pause(self, duration_s, *, grid):
        self._do("pause", duration_s, grid)

    def resume(self):
        self._let_go("pause")

    def _do(self, what, *details):
        if self.error is not None:
            raise self.error
        self.calls.append((what, *details))
        try:
            self.meanwhile()
        except StatusError:
            raise
        except BaseException:
            self.held.add(what)  # it may have come that far
            raise
        self.held.add(what)

    def _let_go(self, what):
        self.calls.append(f"{what} released")
        self.held.discard(what)


def managed(device):
    """Return a cluster with everything that a device can be asked for with a power forecast."""
    return DeviceEnergyManagementServer(
        ESATypeEnum.EVSE,
        can_generate=True,
        minimum=-3_000_000,
        maximum=3_000_000,
        adjuster=device,
        forecast=ForecastAdjusters(start=device, pause=device, slots=device, plan=device),
    )


def place(tree, server):
    """Put it on a node, online and adjustable."""
    tree.add(Endpoint(2, [DeviceType(0x50D, 2)], [server]))
    server.set_state(ESAStateEnum.ONLINE)
    server.set_capability((RANGE,))


def charging(start, **limits):
    """Return a plan: half an hour with 2 kW that can be paused and changed, then an hour with 1 kW."""
    return PowerForecast(
        start,
        (
            ForecastSlot(
                1800, 2000, 1800, 2200, pause_s=(60, 600), adjust_w=(1000, 3000), adjust_s=(900, 3600)
            ),
            ForecastSlot(3600, 1000),
        ),
        **limits,
    )


class Manager:
    """Asks a device; times are UTC in seconds since 1970, powers mW."""

    def __init__(self, server, context):
        self.server = server
        self.context = context

    async def adjust_power(self, power=1_000_000, duration=60, cause=LOCAL):
        await self._ask(
            "power_adjust_request", PowerAdjustRequest(power=power, duration=duration, cause=cause)
        )

    async def cancel_power(self):
        await self._ask("cancel_power_adjust_request")

    async def start_at(self, start, cause=LOCAL):
        await self._ask(
            "start_time_adjust_request",
            StartTimeAdjustRequest(requested_start_time=start - MATTER_EPOCH_OFFSET, cause=cause),
        )

    async def pause(self, duration=60, cause=LOCAL):
        await self._ask("pause_request", PauseRequest(duration=duration, cause=cause))

    async def resume(self):
        await self._ask("resume_request")

    async def modify(self, *adjustments, cause=LOCAL, forecast_id=None):
        """Each adjustment is a slot's index, power and duration."""
        if forecast_id is None:
            forecast_id = self.forecast.forecast_id if self.forecast else 0
        slots = tuple(
            SlotAdjustmentStruct(slot_index=index, nominal_power=power, duration=duration)
            for index, power, duration in adjustments
        )
        await self._ask(
            "modify_forecast_request",
            ModifyForecastRequest(forecast_id=forecast_id, slot_adjustments=slots, cause=cause),
        )

    async def constrain(self, *constraints, cause=LOCAL):
        """Each constraint is a start, a duration, a power and an energy."""
        wanted = tuple(
            ConstraintsStruct(
                start_time=start - MATTER_EPOCH_OFFSET,
                duration=duration,
                nominal_power=power,
                maximum_energy=energy,
            )
            for start, duration, power, energy in constraints
        )
        await self._ask(
            "request_constraint_based_forecast",
            RequestConstraintBasedForecastRequest(constraints=wanted, cause=cause),
        )

    async def cancel(self):
        await self._ask("cancel_request")

    @property
    def forecast(self):
        """What it reads of the forecast now."""
        return self.server.read_forecast(self.context)

    async def _ask(self, name, request=None):
        command = next(command for command in self.server.COMMANDS.values() if command.name == name)
        await self.server.invoke(command, self.context, request)


def events(tree):
    """Return what was reported, oldest first: (name, payload)."""
    return [
        (
            record.event.name,
            record.event.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:]))
            if record.event.payload
            else None,
        )
        for record in tree.events.since(0)
    ]


async def refused(request, status):
    """Expect a status that is an error."""
    with pytest.raises(StatusError) as error:
        await request
    assert error.value.status is status


def epoch(seconds):
    """Return a time since 1970 as Matter says it."""
    return seconds - MATTER_EPOCH_OFFSET
