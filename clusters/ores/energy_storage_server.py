"""The EnergyStorage cluster at work: what a battery measures, and who tells it what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from clusters.deadband import Deadband, Deadbands
from clusters.ores.bands import MemberBands
from clusters.ores.energy_storage import (
    CellVoltagesStruct,
    EnergyStorage,
    StorageModeEnum,
    StorageSetpointStruct,
)
from clusters.ores.fitting import fitted
from clusters.ores.origin import FabricOrigins, tell_removed
from clusters.ores.quantities import epoch_s, scaled
from matter_node.model import Urgency
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.ores.energy_storage import (
        ChargeRequest,
        DischargeRequest,
        HoldRequest,
        SetReserveRequest,
    )
    from matter_node.model import Attribute, Context

_BANDS: Final = {
    EnergyStorage.state_of_charge.id: Deadband(50),
    EnergyStorage.state_of_health.id: Deadband(10),
    EnergyStorage.temperature.id: Deadband(50),
    EnergyStorage.charge_power_limit.id: Deadband(10_000, 0.01),
    EnergyStorage.discharge_power_limit.id: Deadband(10_000, 0.01),
    EnergyStorage.available_energy.id: Deadband(10_000, 0.01),
}
_CELL_BANDS: Final = {"lowest": Deadband(10), "highest": Deadband(10)}


class StorageControl(FabricOrigins, Protocol):
    """Tells a battery what to do with its energy: the arbiter of its setpoints."""

    async def charge(
        self,
        *,
        power_w: float | None,
        target_percent: float | None,
        duration_s: float | None,
        fabric_index: int,
    ) -> None:
        """Take the wish to charge and return; an earlier wish of the same fabric is replaced.

        :param power_w: how fast; None for as fast as it can
        :param target_percent: the state of charge at which it ends, None for none
        :param duration_s: after this it ends by itself; None: when it is told otherwise
        :raises StatusError: it cannot be done now
        """

    async def discharge(
        self,
        *,
        power_w: float | None,
        target_percent: float | None,
        duration_s: float | None,
        fabric_index: int,
    ) -> None:
        """Take the wish to discharge and return; as `charge`, with a power that is a magnitude."""

    async def hold(self, *, duration_s: float | None, fabric_index: int) -> None:
        """Take the wish to do neither and return; as `charge`."""

    async def auto(self, *, fabric_index: int) -> None:
        """Let go of what people wished; harmless if they wished nothing."""


class ReserveKeeper(FabricOrigins, Protocol):
    """Sets what a battery keeps back: the arbiter of its setpoints."""

    async def set_reserve(self, percent: float, *, fabric_index: int) -> None:
        """Take a state of charge that it must not go below, 0 to 100, and return.

        :raises StatusError: it cannot be set now
        """


@dataclass(frozen=True, slots=True)
class StorageValues:
    """What a battery says at one instant; None for what is not known.

    :ivar state_of_charge: percent
    :ivar state_of_health: percent
    :ivar temperature: degrees Celsius
    :ivar charge_limit: the most that it may charge with now, mW
    :ivar discharge_limit: the most that it may discharge with now, mW, a magnitude
    :ivar capacity: when full, mWh
    :ivar available: what can be taken out now, mWh
    :ivar lowest_cell: of the emptiest cell, mV
    :ivar highest_cell: of the fullest cell, mV
    :ivar reserve: state of charge that it keeps back, percent
    """

    state_of_charge: float | None = None
    state_of_health: float | None = None
    temperature: float | None = None
    charge_limit: int | None = None
    discharge_limit: int | None = None
    capacity: int | None = None
    available: int | None = None
    cycles: int | None = None
    lowest_cell: int | None = None
    highest_cell: int | None = None
    reserve: float | None = None


class EnergyStorageServer(EnergyStorage):
    """Shows a battery and takes wishes for it.

    :param charge_power: the most that it can ever charge with, mW; None if it is not known
    :param discharge_power: the most that it can ever discharge with, mW, a magnitude
    :param control: who tells it what to do; None if it cannot be told
    :param reserve: who sets its reserve; None if that cannot be set
    :param health: it says how old it has become
    """

    def __init__(
        self,
        *,
        charge_power: int | None = None,
        discharge_power: int | None = None,
        control: StorageControl | None = None,
        reserve: ReserveKeeper | None = None,
        health: bool = False,
    ) -> None:
        feature = EnergyStorage.Feature
        super().__init__(
            features=(feature.CTL if control else 0)
            | (feature.RSV if reserve else 0)
            | (feature.HLTH if health else 0)
        )
        self._charge_power = charge_power
        self._discharge_power = discharge_power
        self._control = control
        self._reserve = reserve
        self._deadbands = Deadbands(_BANDS)
        self._cell_bands = MemberBands(_CELL_BANDS)

    # ------------------------------------------------------------------ what the battery's owner says

    def measure(self, values: StorageValues) -> None:
        """Show what the battery says; what it has no attribute for is left out."""
        cells = CellVoltagesStruct(lowest=values.lowest_cell, highest=values.highest_cell)
        known = values.lowest_cell is not None or values.highest_cell is not None
        cls = EnergyStorage
        self._show(cls.state_of_charge, scaled(values.state_of_charge, 100))
        self._show(cls.state_of_health, scaled(values.state_of_health, 100))
        self._show(cls.temperature, scaled(values.temperature, 100))
        self._show(cls.charge_power_limit, values.charge_limit)
        self._show(cls.discharge_power_limit, values.discharge_limit)
        self._show(cls.capacity, values.capacity)
        self._show(cls.available_energy, values.available)
        self._show(cls.cycles, values.cycles)
        self._show(cls.cell_voltages, cells if known else None)
        self._show(cls.reserve, scaled(values.reserve))

    def lost(self) -> None:
        """Say that it does not answer: nothing is known of it, but for what does not change by itself."""
        self.measure(
            StorageValues(
                capacity=self.capacity,
                cycles=self.cycles if self.has(EnergyStorage.cycles) else None,
                reserve=self.reserve if self.has(EnergyStorage.reserve) else None,
            )
        )

    def show_mode(
        self,
        mode: StorageModeEnum,
        *,
        power: int | None = None,
        target_soc: int | None = None,
        end: float | None = None,
    ) -> None:
        """Say what it is told to do, whoever wished it.

        :param power: mW, positive into the battery; None for as much as it can
        :param target_soc: percent at which it ends
        :param end: when it ends by itself, UTC in seconds since 1970
        """
        self.mode = mode
        setpoint = StorageSetpointStruct(power=power, target_soc=target_soc, end=epoch_s(end))
        self._show(EnergyStorage.setpoint, None if mode is StorageModeEnum.AUTO else setpoint)

    # ------------------------------------------------------------------ commands

    async def handle_charge(self, context: Context, request: ChargeRequest) -> None:
        """Charge it."""
        assert self._control is not None
        _judge_power(request.power, self._charge_power)
        soc = self.state_of_charge
        if request.target_soc is not None and soc is not None and soc >= request.target_soc * 100:
            raise StatusError(Status.INVALID_IN_STATE, f"it is as full as {request.target_soc} % already")
        await self._control.charge(
            power_w=_watts(request.power),
            target_percent=request.target_soc,
            duration_s=request.duration or None,
            fabric_index=context.fabric_index,
        )

    async def handle_discharge(self, context: Context, request: DischargeRequest) -> None:
        """Discharge it."""
        assert self._control is not None
        _judge_power(request.power, self._discharge_power)
        soc, target = self.state_of_charge, request.target_soc
        reserve = self.reserve if self.has(EnergyStorage.reserve) else None
        if target is not None and reserve is not None and target < reserve:
            raise StatusError(Status.CONSTRAINT_ERROR, f"{target} % is below the reserve of {reserve} %")
        if target is not None and soc is not None and soc <= target * 100:
            raise StatusError(Status.INVALID_IN_STATE, f"it is as empty as {target} % already")
        await self._control.discharge(
            power_w=_watts(request.power),
            target_percent=target,
            duration_s=request.duration or None,
            fabric_index=context.fabric_index,
        )

    async def handle_hold(self, context: Context, request: HoldRequest) -> None:
        """Let it do neither."""
        assert self._control is not None
        await self._control.hold(duration_s=request.duration or None, fabric_index=context.fabric_index)

    async def handle_auto(self, context: Context) -> None:
        """Leave it to itself."""
        assert self._control is not None
        await self._control.auto(fabric_index=context.fabric_index)

    async def handle_set_reserve(self, context: Context, request: SetReserveRequest) -> None:
        """Set what it keeps back."""
        assert self._reserve is not None
        await self._reserve.set_reserve(request.percent, fabric_index=context.fabric_index)

    def fabric_removed(self, fabric_index: int) -> None:
        """Let what the fabric wanted go."""
        super().fabric_removed(fabric_index)
        tell_removed(fabric_index, self._control, self._reserve)

    # ------------------------------------------------------------------ inside

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes wait."""
        if attribute.id in _BANDS:
            return self._deadbands.urgency(attribute.id, old, new)
        if attribute.id == EnergyStorage.cell_voltages.id:
            both = old is not None and new is not None
            return self._cell_bands.urgency((old,), (new,)) if both else Urgency.NOW
        return super().urgency(attribute, old, new)

    def _show(self, attribute: Attribute[Any], value: Any) -> None:
        if self.has(attribute):
            self.set_value(attribute, fitted(attribute.datatype, value))


def _judge_power(power: int | None, most: int | None) -> None:
    if power is not None and most is not None and power > most:
        raise StatusError(Status.CONSTRAINT_ERROR, f"{power} mW is more than the {most} mW that it can")


def _watts(power: int | None) -> float | None:
    return None if power is None else power / 1000
