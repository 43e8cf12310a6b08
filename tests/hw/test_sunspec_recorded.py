"""Recorded devices, served over Modbus TCP with their holes, against what other decoders made of them.

The SMA image and the values in it come from the Modbus Schema Toolkit's SunSpec device (Apache-2.0).
"""

import importlib.resources
import re
import shutil
import struct
import subprocess

import pytest
from sunspec2.device import Model
from sunspec2.file.client import FileClientDevice

from hw import AppliedState, ModuleKind, OperatingState, Quality, Setpoint, SetpointKind
from hw.sunspec.codec import definition
from hw.sunspec.device import Device
from hw.sunspec.discover import parse_address
from hw.sunspec.transport import Endpoint

SMA_UNIT = 126
SMA_MODELS = [1, 11, 12, 101, 120, 121, 122, 123, 124, 126, 127, 128, 131, 132, 160, 129, 130]


async def scanned(address):
    host, port, unit = parse_address(address)
    device = Device(Endpoint(host, port), unit)
    device.retain()
    await device.scan()
    return device


async def test_the_scanner_lists_the_seventeen_models_of_the_sma_image(serve, sma):
    device = await scanned(await serve(sma.registers, unit=SMA_UNIT))
    assert [model.id for model in device.models] == SMA_MODELS
    await device.release()


def ours(view, point):  # noqa: PLR0911 - one answer a type of point
    """A point as the toolkit prints it: a list of strings, empty for what is not there."""
    if point.type == "string":
        text = view.text(point.name)
        return None if view.octets(point.name) is None else [text or ""]
    if point.type.startswith("bitfield"):
        return list(view.bits(point.name))
    if point.type.startswith("enum"):
        return [] if view.symbol(point.name) is None else [view.symbol(point.name)]
    if point.type == "pad":
        return [" ".join(f"0x{octet:02X}" for octet in view.octets(point.name))]
    if point.type == "eui48":
        return [] if view.raw(point.name) is None else [view.raw(point.name)]
    value = view.number(point.name)
    if value is None:
        return []
    return [str(value) if point.scale is None else f"{value:.3f}"]


async def test_every_value_that_the_other_decoder_published_is_ours_too(serve, sma):
    device = await scanned(await serve(sma.registers, unit=SMA_UNIT))
    compared = 0
    differ = {}
    for header in device.models:
        (view,) = await device.read([header])
        for name, expected in sma.expected[f"Model_{header.id}"].items():
            if name not in view:
                assert re.match(r"R\d+_", name), name
                continue
            point = view.group.points[name]
            got = ours(view, point)
            compared += 1
            # A string in a hole has no value in theirs, an empty one in some.
            if got != expected and not (got is None and expected in ([], [""])):
                differ[f"{header.id}.{name}"] = (got, expected)
    # 0x8000 is no mark of absence in a uint16; the toolkit takes it for one.
    assert differ == {"128.DbVMin": (["32768.000"], [])}
    assert compared > 270
    await device.release()


async def test_repeated_groups_lie_where_the_alliance_puts_them_two_registers_behind_the_toolkit_s(
    serve, sma
):
    """The toolkit forgets the header before repeated groups: its first DC input's power is our current."""
    device = await scanned(await serve(sma.registers, unit=SMA_UNIT))
    header = next(model for model in device.models if model.id == 160)
    (view,) = await device.read([header])
    fields = next(block["fields"] for block in sma.blocks if block["id"] == "Model_160")
    theirs = {field["id"]: int(re.search(r"hr:(\d+)", field["expression"])[1]) for field in fields}
    group = definition(160).groups[0]
    for index in range(6):
        for point in group.points.values():
            address = header.address + definition(160).size + index * group.size + point.offset
            assert theirs[f"R{index}_{point.name}"] == address - 2
    # pysunspec2 agrees with us: 1.8 A, 330 V, 610 W, where the toolkit would have 180 W at no voltage.
    start = header.address - 40000
    words = [0xFFFF if word is None else word for word in sma.registers[start : start + 2 + header.length]]
    reference = Model(160, model_len=header.length, data=struct.pack(f">{len(words)}H", *words))
    for got, want in zip(view.groups("module"), reference.groups["module"], strict=True):
        for name in ("DCA", "DCV", "DCW"):
            assert got.number(name) == want.points[name].cvalue
    assert [view.groups("module")[0].number(name) for name in ("DCA", "DCV", "DCW")] == [1.8, 330, 610]
    await device.release()


async def test_the_sma_image_is_one_inverter_that_produces_970_w(serve, sma, discovered):
    (module,) = await discovered(await serve(sma.registers, unit=SMA_UNIT))
    assert (module.kind, module.identity.key) == (ModuleKind.MICROINVERTER, "sma-3005067415")
    assert (module.nameplate.power_w, module.nameplate.dc_strings) == (3680, 2)
    reading = await module.read()
    assert (reading.power_w, reading.voltage_v, reading.frequency_hz) == (-970, 239.3, 49.99)
    assert (reading.reactive_power_var, reading.power_factor) == (-100, -0.995)
    assert reading.energy_exported_wh == 29_708_760
    assert (reading.state, reading.quality) == (OperatingState.RUNNING, Quality.MEASURED)
    assert [string.power_w for string in reading.strings] == [610, 440]
    # It reads "disconnected" and 0 % in model 123 while it produces: what cannot be is not passed on.
    assert (reading.connected, reading.power_limit_percent) == (None, None)
    assert module.capabilities.reverts is False


async def test_holes_are_asked_for_once(serve, sma):
    requests = []

    async def action(_function, _start, address, count, *_):
        requests.append((address, count))

    device = await scanned(await serve(sma.registers, unit=SMA_UNIT, action=action))
    header = next(model for model in device.models if model.id == 160)
    await device.read([header])
    # Of each of the six inputs: its id (1 register), its name (8), its time (2) and its events (2).
    assert len(device.holes) == 6 * 13
    requests.clear()
    await device.read([header])
    # Only what can be read is asked for, and nothing is refused.
    assert sum(count for _, count in requests) == 130 - 6 * 13
    await device.release()


@pytest.mark.skipif(shutil.which("mbpoll") is None, reason="no mbpoll (Debian package mbpoll)")
async def test_mbpoll_reads_the_same_registers(serve, sma):
    import asyncio

    address = await serve(sma.registers, unit=SMA_UNIT)
    host, port, unit = parse_address(address)
    device = await scanned(address)
    for header in device.models[3:6]:
        (view,) = await device.read([header])
        await device.release()
        device.retain()
        command = ["mbpoll", "-m", "tcp", "-a", str(unit), "-p", str(port), "-0", "-1", "-t", "4:hex"]
        command += ["-r", str(header.address), "-c", str(header.length + 2), host]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=10)
        read = {int(a): int(v, 16) for a, v in re.findall(r"\[(\d+)\]:\s+0x([0-9A-F]{4})", done.stdout)}
        assert len(read) == header.length + 2, done.stdout + done.stderr
        for point in view:
            octets = b"".join(
                read[header.address + point.offset + index].to_bytes(2, "big") for index in range(point.size)
            )
            assert view.octets(point.name) == octets, point.name
    await device.release()


def alliance_image(name):
    """A device of the Alliance's own test data, encoded by its own library."""
    path = importlib.resources.files("sunspec2") / "tests" / "test_data" / name
    if not path.is_file():
        pytest.skip(f"this pysunspec2 comes without {name}")
    device = FileClientDevice(str(path))
    device.scan()
    data = b"SunS" + device.get_mb() + bytes.fromhex("ffff0000")
    return device, list(struct.unpack(f">{len(data) // 2}H", data))


async def test_the_alliance_s_1547_device_reads_as_its_own_library_reads_it(serve):
    image, registers = alliance_image("device_1547.json")
    device = await scanned(await serve(registers))
    assert [model.id for model in device.models] == [model.model_id for model in image.model_list]
    compared = 0
    for header, model in zip(device.models, image.model_list, strict=True):
        (view,) = await device.read([header])
        for point in view:
            if point.type == "string":
                assert (view.text(point.name) or "") == (model.points[point.name].value or "")
            elif point.type != "pad":
                assert view.raw(point.name) == model.points[point.name].value, f"{header.id}.{point.name}"
            compared += 1
    assert compared > 250
    await device.release()


async def test_the_alliance_s_1547_device_is_a_module_in_the_hub_s_signs(serve, discovered):
    _, registers = alliance_image("device_1547.json")
    (module,) = await discovered(await serve(registers))
    assert module.kind is ModuleKind.MICROINVERTER
    reading = await module.read()
    assert (reading.module, reading.power_w) == ("sunspectest-sn-123456789", -9800)
    assert (reading.energy_exported_wh, reading.frequency_hz) == (150_000, 60.01)
    # It has no InvSt, and its phase type is a number that the model does not name.
    assert (reading.state, module.nameplate.phases) == (OperatingState.UNKNOWN, 1)
    refused = await module.apply(Setpoint(SetpointKind.POWER_LIMIT_PERCENT, 50))
    assert (refused.state, module.capabilities.setpoints) == (AppliedState.REFUSED, frozenset())
