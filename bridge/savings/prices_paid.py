"""Prices as they were in force, noted while they are: a tariff that changes does not rewrite the past."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Protocol

from bridge.time_zone import local_day, midnight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from matter_node.storage import Storage

SLOT: Final = 300
"""Seconds for which a price holds at least, as the plan has it."""
KEPT_DAYS: Final = 40
"""Days whose prices are kept, in case a day is reckoned late; what came of the others is kept as figures."""
_PREFIX: Final = "prices-paid/"
_LONGEST: Final = 86_400
"""A gap that is longer is not filled."""

_log = logging.getLogger(__name__)


class Pricing(Protocol):
    """A tariff."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the import and the export price of each step."""

    def charged(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the import price of each step, None where it is only guessed."""


class Emissions(Protocol):
    """Says how clean the grid's energy is."""

    def __call__(self, start: int, steps_s: Sequence[int]) -> Sequence[float | None] | None:
        """Return the kg of CO2 of a kWh in each step, None where, or if, that is not known."""


@dataclass(frozen=True, slots=True)
class PricePaid:
    """Prices of a kWh over a time.

    :ivar start: UTC, seconds since 1970; `end` the same
    :ivar co2_kg_per_kwh: of what is drawn; None when nobody says
    """

    start: int
    end: int
    import_price: float
    export_price: float
    currency: str
    co2_kg_per_kwh: float | None = None

    def goes_on_as(self, other: PricePaid) -> bool:
        """Tell whether another one follows at once and says the same."""
        return self.end == other.start and _said(self) == _said(other)


class PriceBook:
    """Which prices were in force when, by the home's days."""

    def __init__(
        self,
        storage: Storage,
        zone: tzinfo,
        tariff: Callable[[], Pricing | None],
        basis: Callable[[], str] = str,
        emissions: Emissions | None = None,
    ) -> None:
        """Open the book.

        :param tariff: returns the one in force; None without prices: then only energy can be reckoned
        :param basis: returns what the tariff is made from; while the hub was off it held if that is as before
        """
        self._storage = storage
        self._zone = zone
        self._tariff = tariff
        self._made_from = basis
        self._emissions = emissions
        self._noted = 0
        self._basis = ""

    def note(self, now: float) -> None:
        """Note the prices that are in force. Raise StateError."""
        until = int(now) // SLOT * SLOT + SLOT
        if until == self._noted:
            return
        self._basis = hashlib.sha256(self._made_from().encode()).hexdigest()
        day = local_day(until - SLOT, self._zone)
        begin = midnight(day, self._zone)
        before = local_day(begin - 1, self._zone)
        known, basis = self._read(before)
        went_on = bool(known) and basis == self._basis
        if went_on:
            self._extend(before, known, known[-1].end, begin)
        known, basis = self._read(day)
        first = known[-1].end if known else begin
        held = basis == self._basis if known else went_on
        self._extend(day, known, first if held and until - first <= _LONGEST else until - SLOT, until)
        self._noted = until
        self._forget(day)

    def paid(self, day: date) -> list[PricePaid]:
        """Return the prices of a day, in order; what nobody noted is missing."""
        return self._read(day)[0]

    def days(self) -> list[date]:
        """Return the days of which any prices are known, the first one first."""
        found = []
        for key, _ in self._storage.scan(_PREFIX):
            try:
                found.append(_day(key))
            except ValueError:
                continue
        return found

    # Inside

    def _now(self, start: int) -> PricePaid | None:
        """Return what holds at a time, None where that is only guessed."""
        emissions = None if self._emissions is None else self._emissions(start, (SLOT,))
        co2 = None if emissions is None else emissions[0]
        tariff = self._tariff()
        if tariff is None:
            return PricePaid(start, start + SLOT, 0.0, 0.0, "", co2)
        if tariff.charged(start, (SLOT,))[0] is None:
            return None
        ((drawn,), (fed,)) = tariff.over(start, (SLOT,))
        return PricePaid(start, start + SLOT, drawn, fed, tariff.currency, co2)

    def _extend(self, day: date, known: list[PricePaid], begin: int, end: int) -> None:
        """Add what holds from some time on to a day; what is noted already stays."""
        begin = max(begin, known[-1].end) if known else begin
        if begin >= end:
            return
        for start in range(begin, end, SLOT):
            paid = self._now(start)
            if paid is None:
                continue
            if known and known[-1].goes_on_as(paid):
                known[-1] = PricePaid(known[-1].start, paid.end, *_said(paid))
            else:
                known.append(paid)
        values = {"basis": self._basis, "paid": [list(asdict(each).values()) for each in known]}
        self._storage.put(_key(day), json.dumps(values, separators=(",", ":")).encode())

    def _read(self, day: date) -> tuple[list[PricePaid], str]:
        data = self._storage.get(_key(day))
        if data is None:
            return [], ""
        try:
            values: dict[str, Any] = json.loads(data)
            return [PricePaid(*each) for each in values["paid"]], str(values["basis"])
        except (ValueError, TypeError, KeyError) as error:
            _log.warning("the prices of %s cannot be read: %r", day, error)
            return [], ""

    def _forget(self, today: date) -> None:
        for day in self.days():
            if today.toordinal() - day.toordinal() > KEPT_DAYS:
                self._storage.delete(_key(day))


def _said(paid: PricePaid) -> tuple[float, float, str, float | None]:
    return paid.import_price, paid.export_price, paid.currency, paid.co2_kg_per_kwh


def _key(day: date) -> str:
    return f"{_PREFIX}{day.isoformat()}"


def _day(key: str) -> date:
    return date.fromisoformat(key.removeprefix(_PREFIX))
