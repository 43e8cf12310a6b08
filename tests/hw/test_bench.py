"""The bench module's driver against the simulated module, and against answers that no device should give."""

import contextlib
import hashlib
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import ModuleKind, ModuleUnreachable, NotSupported
from hw.bench import answers
from hw.bench.address import parse_address
from hw.bench.discover import discover
from hw.firmware import FirmwareImage, SlotState, firmware_target
from hw.module import Module
from hw.setpoint import AppliedState, Setpoint, SetpointKind
from hw.simulator.bench import BenchDevice, BenchServer
from hw.simulator.slots import Bootloader

NOW = datetime(2026, 6, 15, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
OBJECT = st.dictionaries(
    st.sampled_from(["vendor", "model", "serial", "kind", "firmware", "faults", "power_w", "soc_percent"])
    | st.sampled_from(["hardware", "running", "slots", "offset"]),
    ANYTHING,
)
DATA = b"image " * 10_000
IMAGE = FirmwareImage("1.1.0", len(DATA), hashlib.sha256(DATA).hexdigest())


@pytest.fixture
async def server():
    loader = Bootloader("bench-1", "1.0.0", time.monotonic, confirm_within_s=0.5)
    server = BenchServer(BenchDevice(loader, kind="battery"), "127.0.0.1", 0)
    server.reboot_s = 0.0
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def module(server):
    (module,) = await discover(server.address)
    yield module
    await module.close()


async def filled(module):
    slots = firmware_target(module)
    assert await slots.begin(IMAGE) == 0
    await slots.write(0, DATA)
    await slots.finish()
    return slots


async def test_it_says_who_it_is_and_how_it_is(server, module):
    assert isinstance(module, Module)
    assert (module.identity.key, module.kind) == ("ores-b1", ModuleKind.BATTERY)
    assert (module.address, module.capabilities.firmware) == (server.address, True)
    reading = await module.read()
    assert (reading.power_w, reading.battery.soc_percent, reading.faults) == (0, 60, ())
    applied = await module.apply(Setpoint(SetpointKind.CONNECT, 1.0))
    assert applied.state is AppliedState.REFUSED


async def test_a_slot_is_filled_tried_and_confirmed(module):
    slots = await filled(module)
    assert (await slots.info()).holding(IMAGE.sha256).state is SlotState.READY
    await slots.reboot()
    info = await slots.info()
    assert (info.running, info.current.state, info.current.version) == ("B", SlotState.TRIAL, "1.1.0")
    assert await slots.self_test() == ""
    await slots.confirm()
    assert (await slots.info()).current.state is SlotState.GOOD
    await module.close()
    await module.read()
    assert module.identity.firmware == "1.1.0"


async def test_what_nobody_confirms_is_left_again(server, module):
    slots = await filled(module)
    server.device.bootloader.ill = True
    await slots.reboot()
    assert (await module.read()).faults[0].code == "UNWELL"
    assert "safe state" in await slots.self_test()
    server.device.bootloader._trial_since -= 1
    info = await slots.info()
    assert (info.running, info.holding(IMAGE.sha256).state) == ("A", SlotState.FAILED)


async def test_an_image_is_gone_on_with_and_compared(module):
    slots = firmware_target(module)
    await slots.begin(IMAGE)
    await slots.write(0, DATA[:1000])
    assert await slots.begin(IMAGE) == 1000
    with pytest.raises(NotSupported):
        await slots.write(2000, DATA)
    await slots.write(1000, b"!" * (len(DATA) - 1000))
    with pytest.raises(NotSupported):
        await slots.finish()
    assert await slots.begin(IMAGE) == 0


async def test_a_restarting_module_is_unreachable(server, module):
    server.reboot_s = 60
    await firmware_target(module).reboot()
    with pytest.raises(ModuleUnreachable):
        await module.read()


async def test_another_module_at_the_address_is_not_taken_for_it(server, module):
    server.device.serial = "B2"
    with pytest.raises(NotSupported):
        await module.open()


async def test_slots_outlive_the_module(tmp_path):
    file = tmp_path / "slots.json"
    loader = Bootloader("bench-1", "1.0.0", time.monotonic, file=file)
    loader.begin("1.1.0", len(DATA), IMAGE.sha256)
    loader.write(0, DATA)
    loader.finish()
    again = Bootloader("bench-1", "0.0.0", time.monotonic, file=file)
    again.restart()
    assert (again.running, again.current.version) == ("B", "1.1.0")


@pytest.mark.parametrize("address", ["127.0.0.1:80", "bench://", "bench://a:0", "http://a"])
def test_addresses_name_a_bench_module(address):
    with pytest.raises(ValueError, match=r"bench|port"):
        parse_address(address)
    assert parse_address("bench://[::1]:81") == ("::1", 81)


@given(st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_an_object_or_none(body):
    with contextlib.suppress(ValueError):
        assert isinstance(answers.parse_object(body), dict)


@given(OBJECT)
def test_any_object_is_read_or_refused(values):
    for parse in (
        answers.parse_identity,
        answers.parse_info,
        lambda each: answers.parse_reading("ores-b1", each, NOW),
        lambda each: answers.parse_offset(each, 100),
    ):
        with contextlib.suppress(ValueError):
            parse(values)
