"""The Hub cluster at work: the home as a whole, and who runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from clusters.deadband import Deadband, Deadbands
from clusters.ores.bands import MemberBands
from clusters.ores.fitting import fitted, fitted_struct
from clusters.ores.hub import (
    GridLostEvent,
    GridRestoredEvent,
    GridStateEnum,
    Hub,
    LoadShedEvent,
    NetFlowsStruct,
    PlanChangedEvent,
    RegisterDeviceResponse,
    RegistrationChangedEvent,
)
from clusters.ores.origin import FabricOrigins, tell_removed
from clusters.ores.quantities import epoch_s, scaled
from matter_node.model import Urgency
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.ores.common import OperatingModeEnum, RegistrationChangeEnum
    from clusters.ores.hub import (
        CandidateStruct,
        DiscoverDevicesRequest,
        PlanStepStruct,
        PlanTriggerEnum,
        PolicyEnum,
        RegisterDeviceRequest,
        SavingsStruct,
        SetModeRequest,
        SetPolicyRequest,
    )
    from matter_node.model import Attribute, Context

_FLOW_BANDS: Final = dict.fromkeys(("grid", "solar", "storage", "load"), Deadband(10_000, 0.01))
_BACKUP_BAND: Final = Deadband(300, 0.05)


class HomeKeeper(FabricOrigins, Protocol):
    """Runs the home: the hub's energy management."""

    async def set_policy(self, policy: PolicyEnum, *, fabric_index: int) -> None:
        """Make the plan good for something else, and return when it is kept.

        :param fabric_index: who wants it
        :raises StatusError: it cannot be
        """

    async def set_mode(self, mode: OperatingModeEnum, *, fabric_index: int) -> None:
        """Let the home work in another mode, and return when it is kept.

        :raises StatusError: it cannot; INVALID_IN_STATE while what protects the home forbids it
        """


class HomePlanner(FabricOrigins, Protocol):
    """Plans ahead."""

    async def replan(self, *, fabric_index: int) -> None:
        """Begin to plan anew, and return; the plan is told through `HubServer.show_plan`.

        :raises StatusError: BUSY: it is planning; INVALID_IN_STATE: it cannot plan now
        """


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """A device that is a module of the home now.

    :ivar endpoint: its endpoint, None if it has none
    """

    module_id: str
    endpoint: int | None = None


class DeviceDiscovery(FabricOrigins, Protocol):
    """Finds devices and makes them modules of the home: drivers and registry."""

    async def discover_devices(self, address: str | None, *, fabric_index: int) -> None:
        """Begin to look for devices, and return; they are told through `HubServer.show_candidates`.

        :param address: where to look, None for wherever devices announce themselves
        :raises StatusError: BUSY: it is looking; CONSTRAINT_ERROR: that is no address
        """

    async def register_device(
        self,
        *,
        candidate_id: str | None,
        address: str | None,
        driver: str | None,
        name: str | None,
        fabric_index: int,
    ) -> RegisteredDevice:
        """Make a device a module, and return when it is kept and on the node.

        Clients wait for 10 s or so: what takes longer, such as commissioning, may go on after a TIMEOUT, and
        the module's endpoint tells of it.

        :param candidate_id: one of the candidates; None if `address` says which device
        :param address: where it is, or its Matter setup code; None if `candidate_id` says which device
        :param driver: who talks to what is at `address`; None to try all
        :param name: what to call it; None for what it calls itself
        :raises StatusError: NOT_FOUND: nobody knows it; ALREADY_EXISTS: it is a module; TIMEOUT: no answer
        """


class HubServer(Hub):
    """Shows the home and takes commands for it.

    :param keeper: runs the home
    :param mode: how it works, which its owner keeps
    :param policy: what the plan is to be good for, which its owner keeps
    :param planner: who plans; None if nobody ever does
    :param discovery: who finds devices; None if nobody does
    :param island: somebody looks after the home without the grid
    """

    def __init__(
        self,
        keeper: HomeKeeper,
        *,
        mode: OperatingModeEnum,
        policy: PolicyEnum,
        planner: HomePlanner | None = None,
        discovery: DeviceDiscovery | None = None,
        island: bool = False,
    ) -> None:
        feature = Hub.Feature
        super().__init__(
            features=(feature.PLAN if planner else 0)
            | (feature.DISC if discovery else 0)
            | (feature.ISL if island else 0),
            mode=mode,
            policy=policy,
            net_flows=NetFlowsStruct(grid=None, solar=None, storage=None, load=None),
        )
        self._keeper = keeper
        self._planner = planner
        self._discovery = discovery
        self._flow_bands = MemberBands(_FLOW_BANDS)
        self._deadbands = Deadbands({Hub.backup_time.id: _BACKUP_BAND})
        self._lost = False
        self._lost_at: float | None = None

    # ------------------------------------------------------------------ what the home's owner says

    def show_mode(self, mode: OperatingModeEnum) -> None:
        """Say how the home works."""
        self.mode = mode

    def show_policy(self, policy: PolicyEnum) -> None:
        """Say what the plan is to be good for."""
        self.policy = policy

    def show_grid_state(self, state: GridStateEnum) -> None:
        """Say whether the grid is there; its going and its coming back are events."""
        previous = self.grid_state
        if state is previous:
            return
        self.grid_state = state
        if state is GridStateEnum.LOST and not self._lost:
            self._lost = True
            # Whether it was there until now is known only of a grid that was seen.
            self._lost_at = self._monotonic() if previous is GridStateEnum.CONNECTED else None
            self.emit(self.grid_lost, GridLostEvent(backup_time=self._backup_time()))
        elif state is GridStateEnum.CONNECTED and self._lost:
            self._lost = False
            now = self._monotonic()
            outage = None if self._lost_at is None or now is None else round(now - self._lost_at)
            self.emit(self.grid_restored, GridRestoredEvent(outage=outage))

    def show_net_flows(self, flows: NetFlowsStruct) -> None:
        """Say which powers flow, in mW."""
        self.net_flows = fitted(Hub.net_flows.datatype, flows)

    def show_savings(self, savings: SavingsStruct | None) -> None:
        """Say what was saved; None if it is not known."""
        self.savings = fitted(Hub.savings.datatype, savings)

    def show_backup_time(self, seconds: float | None) -> None:
        """Say how long the home could go on without the grid; None if it is not known."""
        self.backup_time = fitted(Hub.backup_time.datatype, scaled(seconds))

    def show_plan(
        self, steps: Sequence[PlanStepStruct], trigger: PlanTriggerEnum, planned_at: float | None
    ) -> None:
        """Say what the hub wants for the coming hours; the first 48 steps are shown.

        :param trigger: why it planned anew
        :param planned_at: when, UTC in seconds since 1970; None if there is no plan
        """
        self.plan = fitted(Hub.plan.datatype, tuple(steps))
        self.planned_at = epoch_s(planned_at)
        self.emit(self.plan_changed, PlanChangedEvent(trigger=trigger, steps=len(self.plan)))

    def show_candidates(self, candidates: Sequence[CandidateStruct], *, discovering: bool) -> None:
        """Say which devices were found so far, sixteen at most, and whether more are looked for."""
        self.candidates = fitted(Hub.candidates.datatype, tuple(candidates))
        self.discovering = discovering

    def tell_load_shed(self, module_id: str, *, shed: bool, power: int | None) -> None:
        """Say that a load was switched off so that the home can go on, or was given power again.

        :param power: what it used or is expected to use, in mW
        """
        payload = LoadShedEvent(module_id=module_id, shed=shed, power=power)
        self.emit(self.load_shed, fitted_struct(payload))

    def tell_registration(self, module_id: str, change: RegistrationChangeEnum, name: str) -> None:
        """Say that a module was registered, changed or taken out."""
        payload = RegistrationChangedEvent(module_id=module_id, change=change, name=name)
        self.emit(self.registration_changed, fitted_struct(payload))

    # ------------------------------------------------------------------ commands

    async def handle_set_policy(self, context: Context, request: SetPolicyRequest) -> None:
        """Make the plan good for something else."""
        await self._keeper.set_policy(request.policy, fabric_index=context.fabric_index)
        self.show_policy(request.policy)

    async def handle_set_mode(self, context: Context, request: SetModeRequest) -> None:
        """Make the home work in another mode."""
        await self._keeper.set_mode(request.mode, fabric_index=context.fabric_index)
        self.show_mode(request.mode)

    async def handle_replan(self, context: Context) -> None:
        """Plan anew."""
        assert self._planner is not None
        await self._planner.replan(fabric_index=context.fabric_index)

    async def handle_discover_devices(self, context: Context, request: DiscoverDevicesRequest) -> None:
        """Look for devices."""
        assert self._discovery is not None
        await self._discovery.discover_devices(request.address, fabric_index=context.fabric_index)

    async def handle_register_device(
        self, context: Context, request: RegisterDeviceRequest
    ) -> RegisterDeviceResponse:
        """Make a device a module of the home."""
        assert self._discovery is not None
        candidate = request.candidate_id
        if (candidate is None) == (request.address is None):
            raise StatusError(Status.INVALID_COMMAND, "a device is one of the candidates or at an address")
        if candidate is not None and request.driver is not None:
            raise StatusError(Status.INVALID_COMMAND, "a candidate has its driver already")
        if candidate is not None and all(candidate != known.candidate_id for known in self.candidates):
            raise StatusError(Status.NOT_FOUND, f"there is no candidate {candidate}")
        registered = await self._discovery.register_device(
            candidate_id=candidate,
            address=request.address,
            driver=request.driver,
            name=request.name,
            fabric_index=context.fabric_index,
        )
        return fitted_struct(
            RegisterDeviceResponse(module_id=registered.module_id, endpoint=registered.endpoint)
        )

    def fabric_removed(self, fabric_index: int) -> None:
        """Let what the fabric wanted go."""
        super().fabric_removed(fabric_index)
        tell_removed(fabric_index, self._keeper, self._planner, self._discovery)

    # ------------------------------------------------------------------ inside

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes wait."""
        if attribute.id == Hub.net_flows.id:
            return self._flow_bands.urgency((old,), (new,))
        if attribute.id == Hub.backup_time.id:
            return self._deadbands.urgency(attribute.id, old, new)
        if attribute.id == Hub.savings.id and old is not None and new is not None:
            return Urgency.LAZY
        return super().urgency(attribute, old, new)

    def _backup_time(self) -> int | None:
        return self.backup_time if self.has(Hub.backup_time) else None

    def _monotonic(self) -> float | None:
        endpoint = self.endpoint
        return None if endpoint is None or endpoint.tree is None else endpoint.tree.clock.monotonic()
