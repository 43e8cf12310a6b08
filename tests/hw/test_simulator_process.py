"""The simulated home as a process: its devices on the network, its faults, its end."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from hardware_lab import reading_when

from hw import ModuleKind, ModuleUnreachable, OperatingState
from hw.simulator.process import ROOT, SimulatedHome, SimulationError
from hw.sunspec.discover import discover


@pytest.fixture
async def modules(home):
    found = [module for device in home.devices for module in await discover(device.address)]
    yield found
    for module in found:
        await module.close()


async def test_four_modules_are_two_inverters_a_battery_and_a_meter(home, modules):
    assert [module.kind.value for module in modules] == [device.kind for device in home.devices]
    assert [module.kind for module in modules] == [
        ModuleKind.MICROINVERTER,
        ModuleKind.MICROINVERTER,
        ModuleKind.BATTERY,
        ModuleKind.METER,
    ]
    assert len({module.identity.key for module in modules}) == 4


async def test_what_is_read_over_the_wire_is_what_is(home, modules):
    for _ in range(5):
        before = await home.state()
        readings = [await module.read() for module in modules]
        after = await home.state()
        if before["time"] == after["time"]:
            break
    truth = [*after["inverters_w"], after["battery_w"], after["grid_w"]]
    assert [reading.power_w for reading in readings] == pytest.approx(truth, abs=0.51)
    assert readings[2].battery.soc_percent == pytest.approx(after["battery_soc_percent"], abs=0.051)
    assert sum(phase.power_w for phase in readings[3].phases) == pytest.approx(readings[3].power_w, abs=2)


async def test_power_moves(modules):
    first = (await modules[0].read()).power_w
    later = (await reading_when(modules[0], lambda reading: reading.power_w != first)).power_w
    assert later != first
    assert max(first, later) < -50


async def test_time_can_be_skipped_into_the_night(home, modules):
    await home.skip(12 * 3600)
    reading = await modules[0].read()
    assert (reading.state, reading.power_w, reading.voltage_v) == (OperatingState.SLEEPING, 0, None)
    assert reading.energy_exported_wh > 0


async def test_an_unplugged_module_is_unreachable_quickly_alone_and_comes_back(home, modules):
    await home.fault(home.devices[0].serial, "link")
    began = time.monotonic()
    with pytest.raises(ModuleUnreachable):
        await modules[0].read()
    assert time.monotonic() - began < 3
    assert (await modules[1].read()).power_w < 0
    await home.heal(home.devices[0].serial)
    for _ in range(30):
        try:
            reading = await modules[0].read()
            break
        except ModuleUnreachable:
            await asyncio.sleep(0.1)
    assert reading.power_w < 0


async def test_a_module_that_answers_exceptions_is_unreachable(home, modules):
    for code in (2, 4, 6):
        await home.fault(home.devices[2].serial, "exception", code)
        with pytest.raises(ModuleUnreachable, match=f"exception {code}"):
            await modules[2].read()
    await home.heal(home.devices[2].serial)
    assert (await modules[2].read()).battery.soc_percent > 0


async def test_slow_answers_are_answers_and_slower_ones_are_none(home, modules):
    await home.fault(home.devices[1].serial, "slow", 0.4)
    assert (await modules[1].read()).power_w < 0
    await home.fault(home.devices[1].serial, "slow", 20)
    began = time.monotonic()
    with pytest.raises(ModuleUnreachable):
        await modules[1].read()
    assert time.monotonic() - began < 3


async def test_garbage_scale_factors_give_unknown_values_not_absurd_ones(home, modules):
    for module, device in zip(modules, home.devices, strict=True):
        await home.fault(device.serial, "garbage")
        reading = await module.read()
        assert (reading.power_w, reading.voltage_v, reading.frequency_hz) == (None, None, None)
        await home.heal(device.serial)
        assert (await module.read()).power_w is not None


@pytest.mark.parametrize("which", [0, 1])
async def test_a_dead_panel_is_a_fault_that_its_inverter_names(home, modules, which):
    await home.fault(home.devices[which].serial, "dead")
    reading = await reading_when(modules[which], lambda reading: reading.power_w == 0)
    assert reading.power_w == 0
    assert [fault.code for fault in reading.faults] == ["DC_DISCONNECT"]


async def test_a_sagging_panel_gives_less_and_says_nothing(home, modules):
    before = await modules[0].read()
    await home.fault(home.devices[0].serial, "sagging")
    after = await reading_when(modules[0], lambda reading: reading.power_w > 0.8 * before.power_w)
    assert 0.4 < after.power_w / before.power_w < 0.8
    assert after.faults == ()


async def test_an_inverter_can_be_put_to_sleep(home, modules):
    await home.fault(home.devices[1].serial, "asleep")
    reading = await reading_when(modules[1], lambda reading: reading.power_w == 0)
    assert (reading.state, reading.power_w) == (OperatingState.SLEEPING, 0)


@pytest.mark.parametrize(
    ("serial", "kind", "reason"),
    [("M000001", "gremlins", "no fault"), ("X", "link", "nothing called"), ("G000001", "dead", "no panels")],
)
async def test_faults_that_cannot_be_are_refused(home, serial, kind, reason):
    with pytest.raises(SimulationError, match=reason):
        await home.fault(serial, kind)


async def test_bad_options_are_named(capfd):
    with pytest.raises(SimulationError):
        await SimulatedHome(0).start()
    assert "1 to 1000" in capfd.readouterr().err


async def test_a_taken_port_is_named(home, capfd):
    port = int(home.devices[0].address.split(":")[1])
    with pytest.raises(SimulationError):
        await SimulatedHome(1, port_base=port).start()
    assert f"port {port}" in capfd.readouterr().err


async def test_two_homes_of_one_seed_and_start_are_equal():
    states = []
    for _ in range(2):
        async with SimulatedHome(6, seed=21, speed=0.001) as home:
            await home.skip(7200)
            states.append(await home.state())
    assert states[0] == states[1]


def processor_s(pid):
    """Seconds of the processor that a process has had; the time until now would be others' as well."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def test_a_home_starts_within_a_second_and_a_thousand_modules_within_five():
    async with SimulatedHome(4) as home:
        assert processor_s(home.pid) < 1
    async with SimulatedHome(1000) as home:
        assert processor_s(home.pid) < 5
        assert len({device.address for device in home.devices}) == 1000
        (last,) = await discover(home.devices[-1].address)
        assert (await last.read()).power_w < -100_000
        await last.close()


def ended(pid):
    """Whether a process is gone, or waits for somebody to take note of it."""
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


async def test_it_dies_with_its_parent_even_when_that_is_killed():
    script = (
        "import asyncio, sys\n"
        "from hw.simulator.process import SimulatedHome\n"
        "async def main():\n"
        "    home = SimulatedHome(1)\n"
        "    await home.start()\n"
        "    print(home.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    child = int(await parent.stdout.readline())
    assert not ended(child)
    parent.kill()
    await parent.wait()
    for _ in range(50):
        if ended(child):
            return
        await asyncio.sleep(0.1)
    pytest.fail("the simulated home outlived its parent")


async def test_alone_at_a_terminal_it_says_where_its_devices_are_and_ends_on_a_signal():
    command = [
        sys.executable,
        "-m",
        "hw.simulator",
        "--modules",
        "2",
        "--port-base",
        "0",
        "--start-time",
        "now",
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    hello = json.loads(await process.stdout.readline())
    assert [device["kind"] for device in hello["devices"]] == ["microinverter", "meter"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_control_line_that_is_none_is_answered_with_an_error():
    command = [sys.executable, "-m", "hw.simulator", "--modules", "1", "--port-base", "0", "--control"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    await process.stdout.readline()
    for line in (b"not json\n", b"[]\n", b"{}\n", b'{"do": "dance"}\n', b'{"do": "skip", "seconds": "x"}\n'):
        process.stdin.write(line)
        assert "error" in json.loads(await process.stdout.readline())
    process.stdin.close()
    assert await process.wait() == 0


async def test_an_outage_is_read_at_the_meter_and_at_the_battery(home, modules):
    battery, meter = modules[2], modules[3]
    assert (await battery.read()).grid_forming is False
    assert (await modules[0].read()).grid_forming is None
    await home.outage()
    for _ in range(40):
        said = await battery.read()
        if said.grid_forming:
            break
        await asyncio.sleep(0.1)
    assert (said.grid_forming, said.voltage_v) == (True, pytest.approx(230, abs=5))
    seen = await meter.read()
    assert (seen.power_w, seen.frequency_hz, seen.voltage_v < 1) == (0, 0, True)
    truth = await home.state()
    assert (truth["grid"], truth["supply"]) == (False, "island")
    await home.grid()
    with pytest.raises(SimulationError, match="no battery can be at"):
        await home.charge(140)


async def test_a_meter_may_fall_silent_with_the_grid(home, modules):
    meter = modules[3]
    await home.outage(meter_silent=True)
    with pytest.raises(ModuleUnreachable):
        await meter.read()
    await home.grid()
    for _ in range(80):
        try:
            assert (await meter.read()).voltage_v > 220
            break
        except ModuleUnreachable:
            await asyncio.sleep(0.1)
    else:
        raise AssertionError("the meter stays silent")
