"""Commands to the simulated home, over the wire: written, read back, reverted by the device itself."""

import struct

import pytest
from hardware_lab import reading_when
from sunspec2.device import Model

from hw import AppliedState, ChargeState, OperatingState, Setpoint, SetpointKind
from hw.sunspec.discover import discover

Kind = SetpointKind


@pytest.fixture
async def modules(home):
    """The classic microinverter, the IEEE 1547 one, the battery and the meter."""
    found = [module for device in home.devices for module in await discover(device.address)]
    yield found
    for module in found:
        await module.close()


@pytest.mark.parametrize("which", [0, 1])
async def test_a_limit_is_read_back_takes_effect_and_reverts_by_itself(modules, which):
    inverter = modules[which]
    assert (await inverter.read()).power_limit_percent == 100
    applied = await inverter.apply(Setpoint(Kind.POWER_LIMIT_PERCENT, 30, expires_in=3))
    assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 30, 3)
    limit = inverter.nameplate.power_w * 0.3
    limited = await reading_when(inverter, lambda r: r.state is OperatingState.THROTTLED)
    assert limited.power_w == pytest.approx(-limit)
    assert (limited.power_limit_percent, limited.power_limit_w) == (30, limit)
    free = await reading_when(inverter, lambda r: r.power_limit_percent == 100 and r.power_w < -limit)
    assert (free.state, free.power_w < -limit) == (OperatingState.RUNNING, True)


@pytest.mark.parametrize("which", [0, 1])
async def test_a_limit_in_watts_becomes_a_share_of_the_rating(modules, which):
    applied = await modules[which].apply(Setpoint(Kind.POWER_LIMIT_W, 100))
    assert (applied.state, applied.value) == (AppliedState.APPLIED, 100)
    assert (await modules[which].read()).power_limit_w == 100


@pytest.mark.parametrize("which", [0, 1])
async def test_auto_takes_a_limit_back(modules, which):
    await modules[which].apply(Setpoint(Kind.POWER_LIMIT_PERCENT, 0))
    off = await reading_when(modules[which], lambda r: r.power_w == 0)
    assert off.power_w == 0
    applied = await modules[which].apply(Setpoint(Kind.AUTO))
    assert applied.state is AppliedState.APPLIED
    assert (await reading_when(modules[which], lambda r: r.power_w < 0)).power_limit_percent == 100


async def test_an_inverter_is_disconnected_and_comes_back_by_itself(modules):
    applied = await modules[0].apply(Setpoint(Kind.CONNECT, 0, expires_in=2))
    assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 0, 2)
    off = await reading_when(modules[0], lambda r: r.state is OperatingState.OFF)
    assert (off.connected, off.power_w, off.state) == (False, 0, OperatingState.OFF)
    assert (await reading_when(modules[0], lambda r: r.connected)).connected is True


async def test_a_battery_charges_discharges_holds_and_goes_back_to_its_own_logic(modules):
    battery = modules[2]
    applied = await battery.apply(Setpoint(Kind.CHARGE_W, 1000))
    assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 1000, 60)
    charging = await reading_when(battery, lambda r: r.power_w == 1000)
    assert charging.power_w == 1000
    assert charging.battery.charge_state is ChargeState.CHARGING
    assert charging.battery.current_a > 0
    assert charging.dc_power_w == pytest.approx(960)
    await battery.apply(Setpoint(Kind.DISCHARGE_W, 700))
    discharging = await reading_when(battery, lambda r: r.power_w == -700)
    assert discharging.power_w == -700
    assert discharging.battery.charge_state is ChargeState.DISCHARGING
    assert discharging.battery.current_a < 0
    await battery.apply(Setpoint(Kind.HOLD))
    held = await reading_when(battery, lambda r: r.power_w == 0)
    assert (held.power_w, held.battery.charge_limit_w, held.battery.discharge_limit_w) == (0, 0, 0)
    await battery.apply(Setpoint(Kind.AUTO))
    own = await reading_when(battery, lambda r: r.power_w > 0)
    assert own.battery.charge_limit_w == battery.nameplate.charge_power_w


async def test_a_battery_that_must_not_charge_may_still_discharge(home, modules):
    battery = modules[2]
    assert (await reading_when(battery, lambda r: r.power_w > 0)).power_w > 0
    applied = await battery.apply(Setpoint(Kind.CHARGE_LIMIT_W, 0))
    assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 0, 60)
    idle = await reading_when(battery, lambda r: r.power_w == 0)
    assert idle.battery.charge_limit_w == 0
    assert idle.battery.discharge_limit_w == battery.nameplate.discharge_power_w
    applied = await battery.apply(Setpoint(Kind.CHARGE_LIMIT_W, 500))
    assert applied.value == 500
    assert (await reading_when(battery, lambda r: r.power_w > 0)).power_w <= 500


async def test_a_battery_s_command_reverts_by_itself(modules):
    await modules[2].apply(Setpoint(Kind.DISCHARGE_W, 2000, expires_in=2))
    assert (await reading_when(modules[2], lambda r: r.power_w == -2000)).power_w == -2000
    assert (await reading_when(modules[2], lambda r: r.power_w > 0)).power_w > 0


async def test_more_than_a_battery_can_is_what_it_can(modules):
    applied = await modules[2].apply(Setpoint(Kind.CHARGE_W, 99_000))
    assert (applied.state, applied.value) == (AppliedState.APPLIED, 2500)


async def test_a_reserve_is_kept_and_has_no_expiry(modules):
    applied = await modules[2].apply(Setpoint(Kind.RESERVE_PERCENT, 25))
    assert (applied.state, applied.value, applied.expires_in) == (AppliedState.APPLIED, 25, None)
    assert (await modules[2].read()).battery.reserve_percent == 25


@pytest.mark.parametrize(
    ("which", "kind", "value"),
    [(3, Kind.HOLD, None), (1, Kind.CONNECT, 0), (0, Kind.CHARGE_W, 100), (2, Kind.POWER_LIMIT_PERCENT, 50)],
)
async def test_what_a_module_cannot_do_is_refused_and_nothing_is_written(modules, which, kind, value):
    before = await modules[which].read()
    refused = await modules[which].apply(Setpoint(kind, value))
    assert (refused.state, refused.value) == (AppliedState.REFUSED, None)
    assert kind not in modules[which].capabilities.setpoints
    assert (await modules[which].read()).power_limit_percent == before.power_limit_percent


async def test_a_command_to_a_lost_module_fails_with_a_reason(home, modules):
    await home.fault(home.devices[0].serial, "link")
    failed = await modules[0].apply(Setpoint(Kind.POWER_LIMIT_PERCENT, 50))
    assert failed.state is AppliedState.FAILED
    assert "no " in failed.detail


def words(model, **values):
    data = Model(model, data=values).get_mb()
    return list(struct.unpack(f">{len(data) // 2}H", data))


def inverter_map(vendor):
    controls = {"WMaxLimPct": 80, "WMaxLimPct_SF": 0, "WMaxLimPct_RvrtTms": 0, "WMaxLim_Ena": 1, "Conn": 1}
    return [
        *[0x5375, 0x6E53],
        *words(1, Mn=vendor, Md="One", SN="42"),
        *words(120, WRtg=4000, WRtg_SF=0),
        *words(101, W=3000, W_SF=0, St=4),
        *words(123, **controls),
        *[0xFFFF, 0],
    ]


@pytest.mark.parametrize(("vendor", "toggles"), [("Acme", []), ("Fronius", [0])])
async def test_value_then_timer_then_enable_and_a_toggle_where_the_vendor_needs_it(
    serve, discovered, vendor, toggles
):
    written = []

    async def action(_function, _start, address, count, _registers, values):
        if values is not None:
            written.append((address, list(values)))

    (module,) = await discovered(await serve(inverter_map(vendor), action=action))
    applied = await module.apply(Setpoint(Kind.POWER_LIMIT_PERCENT, 50, expires_in=120))
    assert (applied.state, applied.expires_in) == (AppliedState.APPLIED, 120)
    controls = module.section.models[123].address
    limit, revert, enable = controls + 5, controls + 7, controls + 9
    assert written == [*((enable, [word]) for word in toggles), (limit, [50]), (revert, [120]), (enable, [1])]


async def test_a_device_that_keeps_its_old_value_has_not_applied_the_new_one(serve, discovered):
    async def action(_function, start, _address, _count, registers, values):
        if values is not None:
            values[:] = registers[_address - start : _address - start + len(values)]

    (module,) = await discovered(await serve(inverter_map("Acme"), action=action))
    failed = await module.apply(Setpoint(Kind.POWER_LIMIT_PERCENT, 50))
    assert (failed.state, failed.value) == (AppliedState.FAILED, 80)
    assert failed.detail == "WMaxLimPct reads 80, wrote 50"
