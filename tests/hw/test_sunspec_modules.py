"""What devices mean: kinds, signs, sleep, hybrids, vendors."""

import struct

import pytest
from sunspec2.device import Model

from hw import ChargeState, ModuleKind, ModuleUnreachable, NotSupported, OperatingState, Quality
from hw.sunspec.discover import Endpoints, discover

SUNS, END = [0x5375, 0x6E53], [0xFFFF, 0]


def words(model, **values):
    data = Model(model, data=values).get_mb()
    return list(struct.unpack(f">{len(data) // 2}H", data))


def common(vendor="Acme", serial="42", **values):
    return words(1, Mn=vendor, Md="One", SN=serial, **values)


async def one(serve, discovered, *models):
    (module,) = await discovered(await serve([*SUNS, *common(), *(w for m in models for w in m), *END]))
    return module, await module.read()


async def test_an_inverter_that_produces_reads_negative(serve, discovered):
    module, reading = await one(
        serve, discovered, words(103, W=32, W_SF=2, VAr=-5, VAr_SF=1, St=4, WH=7, WH_SF=3)
    )
    assert (module.kind, module.nameplate.phases) == (ModuleKind.MICROINVERTER, 3)
    assert (reading.power_w, reading.reactive_power_var, reading.energy_exported_wh) == (-3200, 50, 7000)


async def test_a_float_inverter_reads_like_an_integer_one(serve, discovered):
    values = {"W": 1500.5, "Hz": 50.02, "WH": 12345.0, "PhVphA": 230.5, "St": 4, "Evt1": 0, "PF": -99.0}
    _, reading = await one(serve, discovered, words(111, **values))
    assert (reading.power_w, reading.state) == (-1500.5, OperatingState.RUNNING)
    assert (reading.voltage_v, reading.energy_exported_wh) == (230.5, 12345)
    assert reading.power_factor == -0.99


async def test_an_inverter_at_night_sleeps_at_0_w_and_keeps_its_counter(serve, discovered):
    _, reading = await one(serve, discovered, words(101, WH=29, WH_SF=6))
    assert (reading.state, reading.power_w) == (OperatingState.SLEEPING, 0)
    assert (reading.voltage_v, reading.energy_exported_wh) == (None, 29_000_000)


async def test_faults_have_names(serve, discovered):
    _, reading = await one(serve, discovered, words(101, W=0, W_SF=0, St=7, Evt1=0b10001, EvtVnd2=0b100))
    assert [(fault.code, fault.source) for fault in reading.faults] == [
        ("GROUND_FAULT", "101.Evt1"),
        ("GRID_DISCONNECT", "101.Evt1"),
        ("VENDOR_2_02", "101.EvtVnd2"),
    ]


@pytest.mark.parametrize(("vendor", "power"), [("Acme", 500), ("SolarEdge Technologies", -500)])
async def test_a_meter_imports_positive_whatever_its_vendor_thinks(serve, discovered, vendor, power):
    meter = words(203, W=500, WphA=300, WphB=200, WphC=0, W_SF=0, TotWhImp=9, TotWhExp=0, TotWh_SF=0)
    (module,) = await discovered(await serve([*SUNS, *common(vendor), *meter, *END]))
    reading = await module.read()
    assert (module.kind, reading.power_w, reading.phases[0].power_w) == (ModuleKind.METER, power, power * 0.6)
    # It counts, so its 0 Wh of export are 0 Wh and not "unknown".
    assert (reading.energy_imported_wh, reading.energy_exported_wh) == (9, 0)


async def test_a_meter_behind_an_inverter_is_a_module_of_its_own(serve, discovered):
    registers = [*SUNS, *common(), *words(101, W=5, W_SF=0), *common(), *words(201, W=7, W_SF=0), *END]
    inverter, meter = await discovered(await serve(registers))
    assert (inverter.identity.key, meter.identity.key) == ("acme-42", "acme-42-meter-1")
    assert [(await module.read()).power_w for module in (inverter, meter)] == [-5, 7]


async def test_storage_models_without_values_make_no_battery(serve, discovered):
    module, _ = await one(serve, discovered, words(101, W=5, W_SF=0), words(124))
    assert module.kind is ModuleKind.MICROINVERTER


async def test_a_hybrid_is_an_inverter_and_a_battery(serve, discovered):
    bank = {
        "WHRtg": 10000,
        "WHRtg_SF": 0,
        "SoC": 55,
        "SoC_SF": 0,
        "ChaSt": 4,
        "W": -800,
        "W_SF": 0,
        "NCyc": 12,
    }
    registers = [
        *SUNS,
        *common(),
        *words(120, DERTyp=82, WRtg=5000, WRtg_SF=0),
        *words(101, W=900, W_SF=0, St=4),
    ]
    registers += [*words(802, V=520, V_SF=-1, A=-150, A_SF=-1, **bank), *END]
    inverter, battery = await discovered(await serve(registers))
    assert (inverter.identity.key, battery.identity.key) == ("acme-42", "acme-42-battery")
    reading = await battery.read()
    # It charges, so its power is positive whatever sign the device gives; and it is that of the DC side.
    assert (reading.power_w, reading.quality) == (800, Quality.ESTIMATED)
    assert reading.battery.charge_state is ChargeState.CHARGING
    assert (reading.battery.current_a, reading.battery.soc_percent, reading.battery.cycles) == (15, 55, 12)
    assert reading.battery.available_wh == 5500
    assert (await inverter.read()).battery is None


@pytest.mark.parametrize("mode", [124, 704])
async def test_a_battery_of_its_own_has_the_power_of_its_ac_side(serve, discovered, mode):
    ac = words(701, ACType=0, InvSt=3, W=-1200, W_SF=0, TotWhAbs=5, TotWhInj=4, TotWh_SF=3)
    capacity = words(702, WMaxRtg=3000, WChaRteMaxRtg=2500, WDisChaRteMaxRtg=3000, W_SF=0)
    energy = words(713, WHRtg=500, WHAvail=250, WH_SF=1, SoC=500, Pct_SF=-1)
    control = (
        words(124, WChaMax=2500, WChaMax_SF=0, StorCtl_Mod=0, InWRte=100, OutWRte=100, InOutWRte_SF=0)
        if mode == 124
        else words(704, WSetEna=0, WSetMod=1, WSet=0, WSet_SF=0, WSetRvrtTms=0, WSetEnaRvrt=0)
    )
    module, reading = await one(serve, discovered, capacity, ac, control, energy)
    assert (module.kind, module.nameplate.charge_power_w) == (ModuleKind.BATTERY, 2500)
    assert (reading.power_w, reading.energy_imported_wh, reading.energy_exported_wh) == (1200, 5000, 4000)
    assert (reading.battery.soc_percent, reading.battery.available_wh) == (50, 2500)
    from hw import AppliedState, Setpoint, SetpointKind

    charge = await module.apply(Setpoint(SetpointKind.CHARGE_W, 1000))
    assert (charge.state, charge.value) == (AppliedState.APPLIED, 1000)
    discharge = await module.apply(Setpoint(SetpointKind.DISCHARGE_W, 9000))
    assert (discharge.state, discharge.value) == (AppliedState.APPLIED, 3000)
    released = await module.apply(Setpoint(SetpointKind.AUTO))
    assert released.state is AppliedState.APPLIED


async def test_another_device_at_the_address_is_not_taken_for_the_old_one(serve, discovered):
    registers = [*SUNS, *common(serial="42"), *words(101, W=5, W_SF=0), *END]
    current = list(registers)

    async def action(_function, _start, _address, _count, memory, _values):
        memory[: len(current)] = current

    (module,) = await discovered(await serve(registers, action=action))
    assert (await module.read()).power_w == -5
    current[:] = [*SUNS, *common(serial="43"), *words(101, W=6, W_SF=0), *END]
    await module.device.endpoint.close()
    for _ in range(2):
        with pytest.raises(ModuleUnreachable, match="43 answers instead"):
            await module.read()
    current[:] = registers
    await module.device.endpoint.close()
    assert (await module.read()).power_w == -5


async def test_a_map_that_changes_with_new_firmware_is_scanned_again(serve, discovered):
    inverter = words(101, W=5, W_SF=0)
    registers = [*SUNS, *common(Vr="1"), *inverter, *words(120), *END]
    current = list(registers)

    async def action(_function, _start, _address, _count, memory, _values):
        memory[: len(current)] = current

    (module,) = await discovered(await serve(registers, action=action))
    assert (await module.read()).power_w == -5
    current[:] = [*SUNS, *common(Vr="2"), *words(120), *inverter, *END]
    # On the old connection the next read finds another model in the place; the one after it, the new map.
    with pytest.raises(ModuleUnreachable, match="model 120 where model 101 was"):
        await module.read()
    assert (await module.read()).power_w == -5


async def test_units_of_one_endpoint_share_its_only_connection(serve, discovered):
    address = await serve(
        [*SUNS, *common(), *words(101, W=5, W_SF=0), *common(serial="43"), *words(201), *END]
    )
    modules = await discovered(address, endpoints=Endpoints())
    endpoints = {module.device.endpoint for module in modules}
    assert len(endpoints) == 1
    assert endpoints.pop().connections == 1


async def test_without_a_unit_the_usual_ones_are_asked(serve, discovered):
    address = await serve([*SUNS, *common(), *words(101, W=5, W_SF=0), *END], unit=126)
    (module,) = await discovered(address.rsplit(":", 1)[0])
    assert module.address.endswith(":126")


async def test_a_device_without_a_serial_number_needs_one_from_the_settings(serve, discovered):
    address = await serve([*SUNS, *common(serial=""), *words(101, W=5, W_SF=0), *END])
    with pytest.raises(NotSupported, match="serial"):
        await discover(address)
    (module,) = await discovered(address, serial="roof-1")
    assert module.identity.key == "acme-roof-1"


async def test_a_map_with_nothing_for_the_hub_is_not_supported(serve):
    with pytest.raises(NotSupported, match="no inverter"):
        await discover(await serve([*SUNS, *common(), *words(11), *END]))
