"""Energy: the Electrical Energy Measurement cluster (Matter Application Clusters 2.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_energy_measurement import (
    CumulativeEnergyMeasuredEvent,
    ElectricalEnergyMeasurement,
    EnergyMeasurementStruct,
    PeriodicEnergyMeasuredEvent,
)
from clusters.electrical_power_measurement import DEFAULT_PERCENT, accuracy
from clusters.energy_counter import MAXIMUM, EnergyCounter
from matter_node.clock import MATTER_EPOCH_OFFSET

if TYPE_CHECKING:
    from matter_node.model import Attribute, NodeTree
    from matter_node.storage import Storage

SNAPSHOT_SECONDS = 30.0
"""Time from one snapshot of the counters to the next. Each is a report and two events, so a snapshot a second
would push every other event of the hub out of the log."""
_WORKED_OUT_PERCENT = 5.0
_LEAST_SECONDS = 1.0
"""A period cannot be shorter: its ends are told in seconds."""


class _Instant(NamedTuple):
    """When a snapshot was taken.

    :ivar system: ms since boot
    :ivar epoch: s since 2000, None while the time is not known
    """

    system: int
    epoch: int | None


class _Direction:
    """The imported or the exported energy."""

    __slots__ = ("counter", "cumulative", "key", "periodic", "shown", "started")

    def __init__(
        self,
        key: str,
        cumulative: Attribute[EnergyMeasurementStruct | None],
        periodic: Attribute[EnergyMeasurementStruct | None],
    ) -> None:
        self.key = key
        self.cumulative = cumulative
        self.periodic = periodic
        self.counter = EnergyCounter()
        self.shown = 0
        self.started = False
        """A reading came since the node started: there is something that a period can start from."""


class ElectricalEnergyMeasurementServer(ElectricalEnergyMeasurement):
    """Shows lifetime and periodic energy, in snapshots.

    The lifetime energy survives a restart and never runs backwards, even if the device's own counter does.

    :param imported: the energy into the device is measured
    :param exported: the energy out of the device is measured
    :param measured: False if it is worked out from power, and less accurate
    """

    def __init__(self, *, imported: bool, exported: bool, measured: bool = True) -> None:
        feature = ElectricalEnergyMeasurement.Feature
        super().__init__(
            features=feature.CUME
            | feature.PERE
            | (feature.IMPE if imported else 0)
            | (feature.EXPE if exported else 0),
            accuracy=accuracy(
                MeasurementTypeEnum.ELECTRICAL_ENERGY,
                0,
                MAXIMUM,
                DEFAULT_PERCENT if measured else _WORKED_OUT_PERCENT,
                measured=measured,
            ),
        )
        cls = ElectricalEnergyMeasurement
        self._imported = (
            _Direction("imported", cls.cumulative_energy_imported, cls.periodic_energy_imported)
            if imported
            else None
        )
        self._exported = (
            _Direction("exported", cls.cumulative_energy_exported, cls.periodic_energy_exported)
            if exported
            else None
        )
        self._last = _Instant(0, None)
        self._test: dict[str, int] | None = None

    # ------------------------------------------------------------------ life on an endpoint

    def attached(self) -> None:
        """Take the counters up where they were."""
        self._last = self._now()
        for direction in self._directions():
            stored = self._storage.get(self._key(direction))
            if stored is not None:
                direction.counter = EnergyCounter.from_tlv(stored)
            direction.shown = direction.counter.total
            self.restore(direction.cumulative.id, self._cumulative(direction.shown, self._last))

    # ------------------------------------------------------------------ measuring

    def measure(self, imported: int | None, exported: int | None) -> None:
        """Take readings of the device's lifetime counters, in mWh; None for what it does not know.

        A snapshot is taken if the last one is old enough and something was counted.
        """
        now = self._now()
        for direction, reading in ((self._imported, imported), (self._exported, exported)):
            if direction is not None and reading is not None:
                direction.counter.follow(min(reading, MAXIMUM))
                if not direction.started:
                    self._start(direction, now)
        if self._test is None and now.system - self._last.system >= SNAPSHOT_SECONDS * 1000:
            self._snapshot(now, {direction.key: direction.counter.total for direction in self._directions()})

    def override(self, imported: int = 0, exported: int = 0) -> None:
        """Count a test's energy, in mWh, on top of what is shown, and take a snapshot at once."""
        if self._test is None:
            self._test = {direction.key: direction.shown for direction in self._directions()}
        for key, energy in (("imported", imported), ("exported", exported)):
            if key in self._test:
                self._test[key] += energy
        self._snapshot(self._now(), self._test)

    def end_override(self) -> None:
        """Show what is measured again."""
        if self._test is None:
            return
        self._test = None
        now = self._now()
        for direction in self._directions():
            direction.shown = direction.counter.total
            self.set_value(direction.cumulative, self._cumulative(direction.shown, now))
            self.set_value(direction.periodic, None)
        self._last = now

    # ------------------------------------------------------------------ snapshots

    def _start(self, direction: _Direction, now: _Instant) -> None:
        """Show the first total at once: what was counted before now belongs to no period."""
        direction.started = True
        direction.shown = direction.counter.total
        self._storage.put(self._key(direction), direction.counter.to_tlv())
        if self._test is None:
            self.set_value(direction.cumulative, self._cumulative(direction.shown, now))

    def _snapshot(self, now: _Instant, totals: dict[str, int]) -> None:
        """Show totals, if they changed and a period lies between."""
        if now.system - self._last.system < _LEAST_SECONDS * 1000:
            return
        if all(totals[direction.key] == direction.shown for direction in self._directions()):
            return
        cumulative: dict[str, EnergyMeasurementStruct] = {}
        periodic: dict[str, EnergyMeasurementStruct] = {}
        for direction in self._directions():
            total = totals[direction.key]
            cumulative[direction.key] = self._cumulative(total, now)
            periodic[direction.key] = self._periodic(max(0, total - direction.shown), now)
            self.set_value(direction.cumulative, cumulative[direction.key])
            self.set_value(direction.periodic, periodic[direction.key])
            direction.shown = total
            if self._test is None:
                self._storage.put(self._key(direction), direction.counter.to_tlv())
        self._last = now
        self.emit(
            self.cumulative_energy_measured,
            CumulativeEnergyMeasuredEvent(
                energy_imported=cumulative.get("imported"), energy_exported=cumulative.get("exported")
            ),
        )
        self.emit(
            self.periodic_energy_measured,
            PeriodicEnergyMeasuredEvent(
                energy_imported=periodic.get("imported"), energy_exported=periodic.get("exported")
            ),
        )

    @staticmethod
    def _cumulative(total: int, now: _Instant) -> EnergyMeasurementStruct:
        if now.epoch is None:
            return EnergyMeasurementStruct(energy=total, end_systime=now.system)
        return EnergyMeasurementStruct(energy=total, end_timestamp=now.epoch)

    def _periodic(self, energy: int, now: _Instant) -> EnergyMeasurementStruct:
        """Return the energy since the last snapshot; the time of day serves if it did not jump between."""
        start = self._last
        if now.epoch is None or start.epoch is None or now.epoch <= start.epoch:
            return EnergyMeasurementStruct(
                energy=energy, start_systime=start.system, end_systime=max(now.system, start.system + 1)
            )
        return EnergyMeasurementStruct(energy=energy, start_timestamp=start.epoch, end_timestamp=now.epoch)

    def _directions(self) -> tuple[_Direction, ...]:
        return tuple(item for item in (self._imported, self._exported) if item is not None)

    def _now(self) -> _Instant:
        clock = self._tree.clock
        utc = clock.utc()
        epoch = None if utc is None else int(utc) - MATTER_EPOCH_OFFSET
        known = epoch is not None and 0 <= epoch < (1 << 32)
        return _Instant(int(clock.monotonic() * 1000), epoch if known else None)

    @property
    def _storage(self) -> Storage:
        return self._tree.storage

    @property
    def _tree(self) -> NodeTree:
        if self.endpoint is None or self.endpoint.tree is None:
            raise RuntimeError("energy is measured on an endpoint of a node")
        return self.endpoint.tree

    def _key(self, direction: _Direction) -> str:
        """Return where a counter is kept: with the endpoint's attributes, which go when it goes."""
        assert self.endpoint is not None
        return f"attribute/{self.endpoint.number}/{self.ID}/{direction.key}"
