"""The isolation resistance of model 122: who tells it, how often it is asked for, what is not believed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import Model

from hw.simulator.process import SimulationError
from hw.sunspec.isolation import Isolation
from hw.sunspec.scanner import BlockReader, ModelHeader

SUNS, END = [0x5375, 0x6E53], [0xFFFF, 0]
STATUS_AT = 40000 + 2 + 68
"""Where model 122 is when it comes behind the common model."""
RIS_AT = STATUS_AT + 44
STATUS = {"PVConn": 7, "StorConn": 0, "ECPConn": 1}


def words(model, **values):
    data = Model(model, data=values).get_mb()
    return list(struct.unpack(f">{len(data) // 2}H", data))


def an_inverter(status):
    common = words(1, Mn="Acme", Md="One", SN="42", DA=1)
    assert len(common) == 68
    return [*SUNS, *common, *status, *words(101, W=97, W_SF=0, St=4), *END]


async def test_a_simulated_inverter_tells_its_isolation_over_modbus(home, discovered, monkeypatch):
    monkeypatch.setattr("hw.sunspec.isolation.EVERY_S", 0.0)
    classic, der = (home.device("microinverter", index) for index in (0, 1))
    (module,) = await discovered(classic.address)
    assert (await module.read()).isolation_ohm == 2_000_000
    await home.fault(classic.serial, "leaking", 1500)
    await home.skip(5)
    assert (await module.read()).isolation_ohm == 1500
    await home.heal(classic.serial)
    await home.skip(5)
    assert (await module.read()).isolation_ohm == 2_000_000
    await home.fault(classic.serial, "asleep")
    await home.skip(5)
    assert (await module.read()).isolation_ohm is None
    (other,) = await discovered(der.address)
    assert (await other.read()).isolation_ohm is None, "it has no model 122"
    with pytest.raises(SimulationError, match="measures no isolation"):
        await home.fault(der.serial, "leaking")


async def test_it_is_asked_for_once_a_minute_and_nothing_else_of_its_model(serve, discovered, monkeypatch):
    asked = []

    async def action(_function, _start, address, count, _memory, values):
        if values is None and address + count > STATUS_AT + 2 and address < STATUS_AT + 46:
            asked.append((address, count))

    registers = an_inverter(words(122, Ris=40, Ris_SF=3, **STATUS))
    (module,) = await discovered(await serve(registers, action=action))
    asked.clear()
    for _ in range(5):
        assert (await module.read()).isolation_ohm == 40_000
    assert asked == [(RIS_AT, 2)]
    monkeypatch.setattr("hw.sunspec.isolation.EVERY_S", 0.0)
    await module.read()
    assert asked == [(RIS_AT, 2)] * 2


@pytest.mark.parametrize(
    "said",
    [{}, {"Ris": 40}, {"Ris_SF": 3}, {"Ris": 40, "Ris_SF": 11}, {"Ris": 0, "Ris_SF": 3}],
    ids=["absent", "without scale", "scale alone", "garbage scale", "never filled"],
)
async def test_what_is_not_told_is_unknown(serve, discovered, said):
    (module,) = await discovered(await serve(an_inverter(words(122, **STATUS, **said))))
    reading = await module.read()
    assert (reading.power_w, reading.isolation_ohm) == (-97, None)


async def test_a_device_that_refuses_the_point_is_read_all_the_same(serve, discovered):
    registers = an_inverter(words(122, Ris=40, Ris_SF=3, **STATUS))
    registers[RIS_AT - 40000] = None
    (module,) = await discovered(await serve(registers))
    reading = await module.read()
    assert (reading.power_w, reading.isolation_ohm) == (-97, None)


async def test_a_model_that_ends_before_the_point_is_not_asked(serve, discovered):
    short = words(122, **STATUS)[: 2 + 40]
    short[1] = 40
    (module,) = await discovered(await serve(an_inverter(short)))
    assert (await module.read()).isolation_ohm is None
    assert Isolation.of(module.device, module.section.models) is None


class Answering:
    """A device whose two registers are any."""

    def __init__(self, octets):
        self._octets = octets

    async def read(self, _address, _count):
        return self._octets

    async def read_part(self, model, first, last):
        return await BlockReader(self).read_part(model, first, last)


@given(st.binary(min_size=4, max_size=4))
async def test_any_registers_are_a_resistance_or_unknown(octets):
    ohm = await Isolation(Answering(octets), ModelHeader(122, 40070, 44)).ohm()
    assert ohm is None or 0 < ohm <= 65534e10
