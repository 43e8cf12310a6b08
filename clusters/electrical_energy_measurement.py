"""Energy: the Electrical Energy Measurement cluster (Matter Application Clusters 2.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_energy_measurement import (
    CumulativeEnergyMeasuredEvent,
    CumulativeEnergyResetStruct,
    ElectricalEnergyMeasurement,
    EnergyMeasurementStruct,
    PeriodicEnergyMeasuredEvent,
)
from clusters.energy_counter import EnergyCounter
from clusters.measurement_accuracy import MOST_POWER, Accuracy, accuracy_struct
from matter_node.clock import MATTER_EPOCH_OFFSET

if TYPE_CHECKING:
    from matter_node.model import Attribute, NodeTree
    from matter_node.storage import Storage

SNAPSHOT_SECONDS: Final = 30.0
"""Time from one snapshot of the counters to the next. Each is a report and two events, so a snapshot a second
would push every other event of the hub out of the log."""
_LEAST_SECONDS: Final = 1.0
"""A period cannot be shorter: its ends are told in seconds."""
_USUAL: Final = Accuracy(5, 1_000_000)
_SLACK: Final = 1_000_000
"""mWh that any counter may jump by: some count in whole kilowatt-hours."""


class _Instant(NamedTuple):
    """When a snapshot was taken.

    :ivar system: ms since boot
    :ivar epoch: s since 2000, None while the time is not known
    """

    system: int
    epoch: int | None


class _Direction:
    """The imported or the exported energy."""

    __slots__ = ("believed", "counter", "cumulative", "kept", "key", "periodic", "shown", "started")

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
        self.kept = b""
        """What is stored of the counter."""
        self.believed: _Instant | None = None
        """When the device's counter was last believed since the node started."""
        self.started = False
        """A reading came since the node started: there is something that a period can start from."""


class ElectricalEnergyMeasurementServer(ElectricalEnergyMeasurement):
    """Shows lifetime and periodic energy, in snapshots.

    The lifetime energy survives a restart and never runs backwards, even if the device's own counter does. It
    is told by a device that counts (`measure`), or worked out and counted here (`count`); then it is also
    shown when that began.

    :param imported: the energy into the device is measured
    :param exported: the energy out of the device is measured
    :param accuracy: of the energy; one that is not measured is counted here
    :param modulus: what the device's counters begin anew at, in mWh
    """

    def __init__(
        self,
        *,
        imported: bool,
        exported: bool,
        accuracy: Accuracy = _USUAL,
        modulus: int | None = None,
    ) -> None:
        feature = ElectricalEnergyMeasurement.Feature
        begun = {} if accuracy.measured else {"cumulative_energy_reset": None}
        super().__init__(
            features=feature.CUME
            | feature.PERE
            | (feature.IMPE if imported else 0)
            | (feature.EXPE if exported else 0),
            accuracy=accuracy_struct(MeasurementTypeEnum.ELECTRICAL_ENERGY, accuracy),
            **begun,
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
        self._modulus = modulus
        self._slack = max(_SLACK, round(2 * accuracy.fixed))
        self._last = _Instant(0, None)
        self._kept = 0
        self._test: dict[str, int] | None = None

    # ------------------------------------------------------------------ life on an endpoint

    def attached(self) -> None:
        """Take the counters up where they were."""
        self._last = self._now()
        self._kept = self._last.system
        for direction in self._directions():
            stored = self._storage.get(self._key(direction))
            if stored is not None:
                direction.counter = EnergyCounter.from_tlv(stored)
                direction.kept = stored
            direction.shown = direction.counter.total
            self.restore(direction.cumulative.id, self._cumulative(direction.shown, self._last))
        if self.has(ElectricalEnergyMeasurement.cumulative_energy_reset):
            self.restore(ElectricalEnergyMeasurement.cumulative_energy_reset.id, self._begun())

    # ------------------------------------------------------------------ measuring

    def measure(self, imported: int | None, exported: int | None) -> None:
        """Take readings of the device's lifetime counters, in mWh; None for what it does not know.

        A snapshot is taken if the last one is old enough and something was counted.
        """
        now = self._now()
        for direction, reading in ((self._imported, imported), (self._exported, exported)):
            if direction is None or reading is None:
                continue
            if direction.counter.follow(reading, self._believable(direction, now), self._modulus):
                direction.believed = now
                if not direction.started:
                    self._start(direction, now)
        self._settle(now)

    def count(self, imported: float, exported: float) -> None:
        """Count what was worked out since the last call, in mWh."""
        now = self._now()
        for direction, energy in ((self._imported, imported), (self._exported, exported)):
            if direction is None:
                continue
            counter = direction.counter
            if counter.total == 0 and counter.begun is None and now.epoch is not None:
                counter.begun = now.epoch
                self.set_value(ElectricalEnergyMeasurement.cumulative_energy_reset, self._begun())
            counter.add(energy)
            if not direction.started:
                self._start(direction, now)
        self._settle(now)

    def _believable(self, direction: _Direction, now: _Instant) -> int:
        """Return the most that can have been counted since the device's counter was last believed."""
        if direction.believed is None:
            return self._slack
        return MOST_POWER * max(now.system - direction.believed.system, 0) // 3_600_000 + self._slack

    def _settle(self, now: _Instant) -> None:
        """Store and show what was counted, if it is time to."""
        if now.system - self._kept >= SNAPSHOT_SECONDS * 1000:
            self._kept = now.system
            for direction in self._directions():
                self._keep(direction)
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
        self._keep(direction)
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
            self._keep(direction)
            cumulative[direction.key] = self._cumulative(total, now)
            periodic[direction.key] = self._periodic(max(0, total - direction.shown), now)
            self.set_value(direction.cumulative, cumulative[direction.key])
            self.set_value(direction.periodic, periodic[direction.key])
            direction.shown = total
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

    def _keep(self, direction: _Direction) -> None:
        """Store a counter before it is shown: it must not go back when the hub is killed."""
        state = direction.counter.to_tlv()
        if state != direction.kept:
            direction.kept = state
            self._storage.put(self._key(direction), state)

    def _begun(self) -> CumulativeEnergyResetStruct | None:
        """Return when counting began; None while the time of day was not known yet."""
        times = {
            f"{direction.key}_reset_timestamp": direction.counter.begun for direction in self._directions()
        }
        if all(time is None for time in times.values()):
            return None
        return CumulativeEnergyResetStruct(**times)

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
