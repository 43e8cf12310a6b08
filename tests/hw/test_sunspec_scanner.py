"""Finding the models, on real Modbus TCP, with what real devices do wrong."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sunspec2.device import Model

from hw import ModuleUnreachable, NotSupported
from hw.sunspec.device import Device
from hw.sunspec.discover import parse_address
from hw.sunspec.scanner import LENGTH_LIMIT, BlockReader, ModelHeader, scan
from hw.sunspec.transport import Endpoint, ModbusRefused

SUNS = [0x5375, 0x6E53]
END = [0xFFFF, 0]


def words(model, **values):
    data = Model(model, data=values).get_mb()
    return list(struct.unpack(f">{len(data) // 2}H", data))


COMMON = words(1, Mn="Acme", Md="One", SN="42", Vr="1")
INVERTER = words(101, W=97, W_SF=0, St=4)


class Registers:
    """Registers as a device has them, without a network: what is missing answers exception 2."""

    def __init__(self, registers, base=40000):
        self.memory = {base + index: word for index, word in enumerate(registers) if word is not None}
        self.requests = []

    async def read(self, address, count):
        self.requests.append((address, count))
        try:
            return b"".join(self.memory[a].to_bytes(2, "big") for a in range(address, address + count))
        except KeyError:
            raise ModbusRefused(2, "here") from None


async def device_at(address):
    host, port, unit = parse_address(address)
    device = Device(Endpoint(host, port), unit)
    device.retain()
    await device.scan()
    return device


@pytest.mark.parametrize("base", [40000, 50000, 0])
async def test_the_map_is_found_at_its_three_places(serve, base):
    device = await device_at(await serve([*SUNS, *COMMON, *INVERTER, *END], base=base))
    assert [(model.id, model.address - base) for model in device.models] == [(1, 2), (101, 70)]
    await device.release()


async def test_a_map_may_end_without_an_end_model(serve):
    device = await device_at(await serve([*SUNS, *COMMON, *INVERTER]))
    assert [model.id for model in device.models] == [1, 101]
    await device.release()


async def test_a_map_may_end_with_a_single_zero(serve):
    device = await device_at(await serve([*SUNS, *COMMON, *INVERTER, 0]))
    assert [model.id for model in device.models] == [1, 101]
    await device.release()


async def test_the_length_is_the_device_s_and_a_stranger_s_model_is_stepped_over(serve):
    common = [*COMMON[:1], 65, *COMMON[2:67]]
    stranger = [64001, 7, 1, 2, 3, 4, 5, 6, 7]
    longer = [101, 53, *INVERTER[2:], 9, 9, 9]
    device = await device_at(await serve([*SUNS, *common, *stranger, *longer, *END]))
    assert [(model.id, model.length) for model in device.models] == [(1, 65), (64001, 7), (101, 53)]
    (view,) = await device.read([device.models[2]])
    assert view.number("W") == 97
    await device.release()


async def test_a_second_common_model_begins_a_second_section(serve):
    meter = words(1, Mn="Acme", Md="Meter", SN="43")
    device = await device_at(await serve([*SUNS, *COMMON, *INVERTER, *meter, *words(203), *END]))
    assert [(section.model, sorted(section.models)) for section in device.sections] == [
        ("One", [1, 101]),
        ("Meter", [1, 203]),
    ]
    await device.release()


async def test_no_map_is_not_supported(serve):
    with pytest.raises(NotSupported, match="no SunSpec map"):
        await device_at(await serve([1, 2, 3, 4]))


async def test_a_map_without_a_common_model_is_not_supported(serve):
    with pytest.raises(NotSupported, match="common model"):
        await device_at(await serve([*SUNS, *INVERTER, *END]))


@pytest.mark.parametrize("length", [LENGTH_LIMIT + 1, 0xFFFF])
async def test_an_absurd_length_is_garbage_for_now_not_for_ever(length):
    with pytest.raises(ModuleUnreachable, match="garbage"):
        await scan(Registers([*SUNS, *COMMON, 101, length, *INVERTER]))


async def test_a_map_without_an_end_stops_at_a_hundred_models():
    with pytest.raises(ModuleUnreachable, match="garbage"):
        await scan(Registers([*SUNS, *([101, 1, 0] * 200)]))


async def test_holes_are_met_once_and_then_left_out():
    device = Registers([*SUNS, *COMMON, *INVERTER[:27], None, *INVERTER[28:], *END])
    inverter = (await scan(device))[1]
    reader = BlockReader(device)
    (view,) = await reader.read([inverter])
    assert view.number("W") == 97
    assert view.raw("DCA") is None
    assert reader.holes == {inverter.address + 27}
    device.requests.clear()
    (again,) = await reader.read([inverter])
    assert again.symbol("St") == "MPPT"
    assert device.requests == [(inverter.address, 27), (inverter.address + 28, 24)]


async def test_a_model_longer_than_an_answer_is_cut_where_a_point_begins():
    measure = words(701, W=5, W_SF=0, Hz=5001, Hz_SF=-2, MnAlrmInfo="x" * 64)
    device = Registers([*SUNS, *COMMON, *measure, *END])
    model = (await scan(device))[1]
    device.requests.clear()
    (view,) = await BlockReader(device).read([model])
    assert [count for _, count in device.requests] == [123, 32]
    assert (view.number("W"), view.number("Hz"), view.text("MnAlrmInfo")) == (5, 50.01, "x" * 64)


async def test_neighbours_are_read_in_one_request():
    device = Registers([*SUNS, *COMMON, *INVERTER, *words(123), *END])
    models = await scan(device)
    device.requests.clear()
    await BlockReader(device).read(models[1:])
    assert device.requests == [(models[1].address, 52 + 26)]


async def test_a_model_refused_as_a_whole_is_an_error_and_not_remembered():
    device = Registers([*SUNS, *COMMON, *INVERTER, *END])
    models = await scan(device)
    reader = BlockReader(device)
    memory, device.memory = device.memory, {}
    with pytest.raises(ModbusRefused):
        await reader.read(models[1:])
    assert len(device.requests) < 12
    device.memory = memory
    (view,) = await reader.read(models[1:])
    assert view.number("W") == 97


@given(st.lists(st.integers(0, 0xFFFF), max_size=400), st.booleans())
@settings(max_examples=200)
async def test_no_registers_make_the_scan_fail_otherwise_than_by_its_errors(registers, marked):
    device = Registers([*(SUNS if marked else []), *registers])
    try:
        models = await scan(device)
    except (ModuleUnreachable, NotSupported):
        models = ()
    assert len(models) <= 100
    assert all(0 <= model.length <= LENGTH_LIMIT for model in models)
    assert len(device.requests) <= 110


@given(
    st.sampled_from([1, 101, 160, 701, 714, 802]),
    st.integers(0, LENGTH_LIMIT),
    st.sets(st.integers(1, 300), max_size=20),
)
@settings(max_examples=200)
async def test_no_length_and_no_holes_make_a_block_read_fail_otherwise(model, length, holes):
    registers = [model, *(None if index in holes else index for index in range(1, length + 2))]
    device = Registers(registers)
    try:
        (view,) = await BlockReader(device).read([ModelHeader(model, 40000, length)])
    except ModbusRefused:
        return
    for point in view:
        octets = view.octets(point.name)
        if octets is not None and point.name != "ID":
            assert octets == b"".join(
                (point.offset + index).to_bytes(2, "big") for index in range(point.size)
            ), point.name
    assert all(count <= 125 for _, count in device.requests)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("inverter.local", ("inverter.local", 502, None)),
        ("192.0.2.7:1502", ("192.0.2.7", 1502, None)),
        ("192.0.2.7:502:126", ("192.0.2.7", 502, 126)),
        ("[fe80::1%eth0]:502:3", ("fe80::1%eth0", 502, 3)),
    ],
)
def test_addresses_are_host_port_and_unit(text, parsed):
    assert parse_address(text) == parsed


@pytest.mark.parametrize(
    "text", ["", ":502", "host:0", "host:70000", "host:502:0", "host:502:248", "a:b", "::1"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"host|port|unit"):
        parse_address(text)
