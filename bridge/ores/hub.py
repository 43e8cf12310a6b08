"""The Hub cluster on the aggregator: the home as a whole, and how modules come into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.adoption import NoCommissionerError, NoDeviceError, StillCommissioningError
from bridge.choices import ChoicesChanged, Policy
from bridge.discovery import CandidatesChanged, Discovery, DiscoveryBusyError
from bridge.events import ModuleChanged, ModuleRemoved, ModulesRegistered
from bridge.flows import Flows, FlowsChanged
from bridge.grid import GridChanged, GridState
from bridge.island.keeper import BackupChanged, LoadShed
from bridge.island.mode import ModeChanged
from bridge.module_face import ENERGY
from bridge.ores.mode import shown_mode
from bridge.ores.plan import TRIGGERS, shown_steps
from bridge.ores.registration import is_another
from bridge.ores.savings import shown_savings
from bridge.planner.news import NotNowError, PlanChanged, PlannerBusyError
from bridge.record import OperatingMode
from bridge.savings.savings import SavingsChanged
from bridge.scan import LatelyError
from bridge.state import StateError
from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
from clusters.ores.hub import CandidateStruct, GridStateEnum, NetFlowsStruct, PolicyEnum
from clusters.ores.hub_server import HubServer, RegisteredDevice
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.candidates import Candidate
    from bridge.home import Home
    from bridge.planner.planner import Planner
    from bridge.record import ModuleRecord

_CHOICES: Final = {
    OperatingModeEnum.AUTONOMOUS: OperatingMode.AUTONOMOUS,
    OperatingModeEnum.FEDERATED: OperatingMode.FEDERATED,
}
_POLICIES: Final = {
    Policy.SELF_CONSUMPTION: PolicyEnum.SELF_CONSUMPTION,
    Policy.SAVINGS: PolicyEnum.SAVINGS,
    Policy.BACKUP: PolicyEnum.BACKUP,
    Policy.GREEN: PolicyEnum.GREEN,
}
_GRID: Final = {
    GridState.UNKNOWN: GridStateEnum.UNKNOWN,
    GridState.CONNECTED: GridStateEnum.CONNECTED,
    GridState.LOST: GridStateEnum.LOST,
}


class HubCluster:
    """The Hub cluster, fed with what becomes of the home (`HomeKeeper`, `HomePlanner`, `DeviceDiscovery`).

    It has every feature at all times: FeatureMap is fixed, and a tariff or the island may be set while the
    hub runs. Until there is a plan, Plan is empty and PlannedAt null.
    """

    def __init__(self, home: Home, discovery: Discovery, planner: Callable[[], Planner | None]) -> None:
        """Show a home.

        :param planner: returns who plans now, None while nobody does
        """
        self._home = home
        self._discovery = discovery
        self._planner = planner
        self._unsubscribe: list[Callable[[], None]] = []
        self.server = HubServer(
            self,
            mode=shown_mode(home.island.mode),
            policy=_POLICIES[home.choices.policy],
            planner=self,
            discovery=self,
            island=True,
        )

    def start(self) -> None:
        """Follow the home; the cluster is on the node."""
        bus = self._home.bus
        self.server.show_grid_state(_GRID[self._home.grid.state])
        self._unsubscribe = [
            bus.subscribe(FlowsChanged, lambda event: self._show_flows(event.flows)),
            bus.subscribe(GridChanged, lambda event: self.server.show_grid_state(_GRID[event.state])),
            bus.subscribe(ChoicesChanged, self._choices_changed),
            bus.subscribe(SavingsChanged, lambda event: self.server.show_savings(shown_savings(event.now))),
            bus.subscribe(ModeChanged, lambda event: self.server.show_mode(shown_mode(event.mode))),
            bus.subscribe(CandidatesChanged, lambda event: self._show_candidates(looking=event.looking)),
            bus.subscribe(BackupChanged, lambda event: self.server.show_backup_time(event.seconds)),
            bus.subscribe(LoadShed, self._tell_load_shed),
            bus.subscribe(PlanChanged, self._show_plan),
            bus.subscribe(ModulesRegistered, self._tell_registered),
            bus.subscribe(ModuleChanged, self._tell_changed),
            bus.subscribe(ModuleRemoved, self._tell_removed),
        ]
        self.server.show_mode(shown_mode(self._home.island.mode))

    def stop(self) -> None:
        """Follow it no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    # ------------------------------------------------------------------ what is shown

    def _show_flows(self, flows: Flows) -> None:
        self.server.show_net_flows(
            NetFlowsStruct(
                grid=flows.grid_w * 1000,
                solar=flows.solar_w * 1000,
                storage=flows.storage_w * 1000,
                load=flows.load_w * 1000,
            )
        )

    def _tell_load_shed(self, event: LoadShed) -> None:
        self.server.tell_load_shed(event.module, shed=event.shed, power=round(event.power_w * 1000))

    def _tell_registered(self, event: ModulesRegistered) -> None:
        for record in event.records:
            self._tell_place(record, RegistrationChangeEnum.ADDED)

    def _tell_changed(self, event: ModuleChanged) -> None:
        if is_another(event.before, event.record):
            self._tell_place(event.record, RegistrationChangeEnum.UPDATED)

    def _tell_removed(self, event: ModuleRemoved) -> None:
        self._tell_place(event.record, RegistrationChangeEnum.REMOVED)

    def _tell_place(self, record: ModuleRecord, change: RegistrationChangeEnum) -> None:
        self.server.tell_registration(record.key, change, record.name)

    def _choices_changed(self, event: ChoicesChanged) -> None:
        self.server.show_policy(_POLICIES[event.policy])

    def _show_candidates(self, *, looking: bool) -> None:
        found = self._discovery.candidates()
        # Without a kind the cluster cannot tell of it; the HTTP API does.
        self.server.show_candidates([_candidate(each) for each in found if each.kind], discovering=looking)

    def _show_plan(self, event: PlanChanged) -> None:
        planner = self._planner()
        made = None if event.plan is None or planner is None else planner.state.made
        self.server.show_plan(shown_steps(event.plan), TRIGGERS[event.trigger], made)

    # ------------------------------------------------------------------ what is asked for

    async def set_policy(self, policy: PolicyEnum, *, fabric_index: int) -> None:  # noqa: ARG002 - whoever wants it
        """Make the plan good for something else."""
        chosen = next(each for each, number in _POLICIES.items() if number is policy)
        self._choose(policy=chosen)

    async def set_mode(self, mode: OperatingModeEnum, *, fabric_index: int) -> None:  # noqa: ARG002 - whoever wants it
        """Let plans and programmes command the home's modules, or leave them to themselves."""
        if mode is OperatingModeEnum.ISLAND:
            raise StatusError(Status.INVALID_IN_STATE, "the home is on an island when the grid is gone")
        if self._home.island.mode.apart:
            raise StatusError(Status.INVALID_IN_STATE, "the home is an island until the grid is back")
        self._choose(mode=_CHOICES[mode])

    def _choose(self, *, policy: Policy | None = None, mode: OperatingMode | None = None) -> None:
        try:
            self._home.choices.choose(policy=policy, mode=mode)
        except StateError as error:
            raise StatusError(Status.FAILURE, str(error)) from error

    async def replan(self, *, fabric_index: int) -> None:  # noqa: ARG002 - whoever wants it
        """Begin to plan anew."""
        planner = self._planner()
        if planner is None:
            raise StatusError(Status.INVALID_IN_STATE, "there is no tariff, or planning is switched off")
        try:
            planner.replan()
        except PlannerBusyError as error:
            raise StatusError(Status.BUSY, str(error)) from error
        except NotNowError as error:
            raise StatusError(Status.INVALID_IN_STATE, str(error)) from error

    async def discover_devices(self, address: str | None, *, fabric_index: int) -> None:  # noqa: ARG002 - whoever wants it
        """Begin to look for devices."""
        try:
            self._discovery.begin(address)
        except DiscoveryBusyError as error:
            raise StatusError(Status.BUSY, str(error)) from error
        except LatelyError as error:
            raise StatusError(Status.INVALID_IN_STATE, str(error)) from error
        except ValueError as error:
            raise StatusError(Status.CONSTRAINT_ERROR, str(error)) from error

    async def register_device(
        self,
        *,
        candidate_id: str | None,
        address: str | None,
        driver: str | None,
        name: str | None,
        fabric_index: int,  # noqa: ARG002 - whoever wants it
    ) -> RegisteredDevice:
        """Make a device a module of the home."""
        registry = self._home.registry
        before = {module.key for module in registry}
        try:
            if candidate_id is not None:
                keys = await self._discovery.adoption.register_candidate(candidate_id, name=name or "")
            elif driver is None and self._discovery.adoption.is_setup_code(address or ""):
                keys = await self._discovery.adoption.commission(address or "", name=name or "")
            else:
                keys = await self._discovery.adoption.register(address or "", driver=driver, name=name or "")
        except StillCommissioningError as error:
            raise StatusError(Status.TIMEOUT, str(error)) from error
        except NoCommissionerError as error:
            raise StatusError(Status.INVALID_IN_STATE, str(error)) from error
        except NoDeviceError as error:
            raise StatusError(Status.NOT_FOUND, str(error)) from error
        except ValueError as error:
            raise StatusError(Status.CONSTRAINT_ERROR, str(error)) from error
        if set(keys) <= before:
            raise StatusError(Status.ALREADY_EXISTS, f"{keys[0]} is a module already")
        new = next(key for key in keys if key not in before)
        return RegisteredDevice(new, registry.endpoints.faces(new).get(ENERGY))

    def fabric_removed(self, fabric_index: int) -> None:
        """Keep what the residents chose: it is the home's, whichever app told it."""


def _candidate(found: Candidate) -> CandidateStruct:
    return CandidateStruct(
        candidate_id=found.id[:64],
        driver=found.driver[:32],
        name=f"{found.vendor} {found.model}"[:64],
        address=found.address[:128],
        kind=ModuleKindEnum[found.kind.upper()],
    )
