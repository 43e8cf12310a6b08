"""What modules measure and how well, as their drivers tell it."""

import struct

import pytest
from sunspec2.device import Model

from hw import Accuracy, Capabilities, ModuleKind, Nameplate, Quantity
from hw.accuracy import USUAL
from hw.shelly.answers import RelayStatus

SUNS, END = [0x5375, 0x6E53], [0xFFFF, 0]
INVERTER = {
    "W": 900,
    "W_SF": 0,
    "A": 391,
    "A_SF": -2,
    "PhVphA": 2300,
    "V_SF": -1,
    "Hz": 5000,
    "Hz_SF": -2,
    "St": 4,
}


def words(model, **values):
    data = Model(model, data=values).get_mb()
    return list(struct.unpack(f">{len(data) // 2}H", data))


async def found(serve, discovered, *models):
    common = words(1, Mn="Acme", Md="One", SN="42")
    (module,) = await discovered(await serve([*SUNS, *common, *(w for m in models for w in m), *END]))
    return module


async def test_an_inverter_measures_what_its_models_tell(serve, discovered):
    rating = words(120, WRtg=1000, WRtg_SF=0, ARtg=43, ARtg_SF=-1)
    module = await found(serve, discovered, rating, words(101, **INVERTER, WH=5, WH_SF=0, VA=90, VA_SF=1))
    measures = module.capabilities.measures
    assert measures.keys() == {
        Quantity.POWER,
        Quantity.VOLTAGE,
        Quantity.CURRENT,
        Quantity.FREQUENCY,
        Quantity.APPARENT_POWER,
        Quantity.ENERGY,
    }
    # 5 % of 1000 W, and the step: 1 W for the power, 10 VA for the apparent power.
    assert measures[Quantity.POWER] == Accuracy(0, 51)
    assert measures[Quantity.APPARENT_POWER] == Accuracy(0, 60)
    assert measures[Quantity.CURRENT].fixed == pytest.approx(0.05 * 4.3 + 0.01)
    assert measures[Quantity.ENERGY] == Accuracy(5, 1)
    assert module.capabilities.energy_modulus_wh == 2**32


async def test_a_value_in_hundreds_of_watts_is_no_better_than_100_w(serve, discovered):
    module = await found(serve, discovered, words(101, **INVERTER | {"W": 9, "W_SF": 2}, WH=5, WH_SF=3))
    measures = module.capabilities.measures
    assert measures[Quantity.POWER] == Accuracy(5, 100), "and without a rating the percentage is of the value"
    assert measures[Quantity.ENERGY] == Accuracy(5, 1000)
    assert module.capabilities.energy_modulus_wh == 2**32 * 1000


async def test_after_ieee_1547_frequency_is_good_to_10_mhz_and_a_power_factor_is_no_percentage(
    serve, discovered
):
    ac = words(
        701, ACType=0, InvSt=3, W=900, W_SF=0, Hz=50000, Hz_SF=-3, PF=995, PF_SF=-3, TotWhInj=7, TotWh_SF=0
    )
    capacity = words(702, WMaxRtg=1000, VNomRtg=240, W_SF=0, V_SF=0)
    module = await found(serve, discovered, capacity, ac)
    measures = module.capabilities.measures
    assert measures[Quantity.FREQUENCY].fixed == pytest.approx(0.011)
    assert measures[Quantity.VOLTAGE].fixed == pytest.approx(2.4)
    assert measures[Quantity.POWER_FACTOR].fixed == pytest.approx(0.201)
    assert module.capabilities.energy_modulus_wh is None, "64 bits are enough for ever"
    assert (await module.read()).power_factor == 0.995


async def test_at_night_scale_factors_tell_what_is_measured_by_day(serve, discovered):
    scales = {"A_SF": -2, "V_SF": -1, "W_SF": 0, "Hz_SF": -2, "VAr_SF": 0, "PF_SF": -2, "WH_SF": 0}
    module = await found(serve, discovered, words(101, St=2, WH=7, **scales))
    measures = module.capabilities.measures
    assert {Quantity.REACTIVE_POWER, Quantity.POWER_FACTOR, Quantity.POWER} <= measures.keys()
    assert Quantity.APPARENT_POWER not in measures
    assert measures[Quantity.POWER_FACTOR].fixed == pytest.approx(0.2001)


async def test_dc_inputs_measure_what_each_of_them_does(serve, discovered):
    inputs = [{"DCA": 18, "DCV": 330, "DCW": 61, "DCWH": 5}, {"DCA": 13, "DCV": 340, "DCW": 44}]
    mppt = words(160, N=2, DCA_SF=-1, DCV_SF=0, DCW_SF=1, DCWH_SF=0, module=inputs)
    module = await found(serve, discovered, words(120, WRtg=1000, WRtg_SF=0), words(101, **INVERTER), mppt)
    measures = module.capabilities.measures
    assert measures[Quantity.DC_POWER] == Accuracy(0, 50 + 2 * 10), "the sum of two values in tens of watts"
    assert measures[Quantity.DC_CURRENT] == Accuracy(5, 0.2)
    assert Quantity.DC_ENERGY not in measures, "one input does not count"
    assert module.capabilities.dc_energy_modulus_wh is None


async def test_an_inverter_without_a_list_of_inputs_tells_of_its_whole_dc_side(serve, discovered):
    direct = {"DCW": 940, "DCW_SF": 0, "DCV": 381, "DCV_SF": 0, "DCA": 246, "DCA_SF": -2}
    module = await found(serve, discovered, words(101, **INVERTER, **direct))
    assert module.nameplate.dc_strings == 1
    (string,) = (await module.read()).strings
    assert (string.name, string.power_w, string.voltage_v, string.current_a) == ("DC", 940, 381, 2.46)
    assert Quantity.DC_POWER in module.capabilities.measures


async def test_a_meter_is_as_good_as_any_that_bills(serve, discovered):
    values = {"W": 500, "W_SF": 0, "PhV": 2301, "V_SF": -1, "A": 22, "A_SF": -1, "Hz": 50, "Hz_SF": 0}
    values |= {"VAR": 10, "VAR_SF": 0, "PF": 99, "PF_SF": 0, "TotWhImp": 9, "TotWhExp": 1, "TotWh_SF": 0}
    module = await found(serve, discovered, words(203, **values))
    measures = module.capabilities.measures
    assert module.kind is ModuleKind.METER
    assert measures[Quantity.POWER] == Accuracy(2, pytest.approx(3 * 11.5 + 1))
    assert measures[Quantity.POWER_FACTOR] == Accuracy(0, pytest.approx(0.03))
    assert Quantity.APPARENT_POWER not in measures
    assert module.capabilities.energy_modulus_wh == 2**32


async def test_a_float_has_no_step(serve, discovered):
    module = await found(serve, discovered, words(213, W=500.0, PhV=230.0, TotWhImp=9.0, TotWhExp=1.0))
    assert module.capabilities.measures[Quantity.ENERGY] == Accuracy(2, 0)
    assert module.capabilities.energy_modulus_wh is None


async def test_the_battery_of_a_hybrid_tells_its_dc_side_and_its_power_is_worked_out(serve, discovered):
    rating = words(120, DERTyp=82, WRtg=5000, WRtg_SF=0)
    bank = {"WHRtg": 10240, "WHRtg_SF": 0, "AHRtg": 200, "AHRtg_SF": 0, "SoC": 55, "SoC_SF": 0, "ChaSt": 4}
    bank |= {"W": -80, "W_SF": 1, "V": 512, "V_SF": -1, "A": -15, "A_SF": 0, "Evt1": 0b1000000010}
    registers = [*SUNS, *words(1, Mn="Acme", Md="One", SN="42"), *rating, *words(101, **INVERTER)]
    _, battery = await discovered(await serve([*registers, *words(802, **bank), *END]))
    measures = battery.capabilities.measures
    assert measures[Quantity.DC_POWER] == Accuracy(5, 10)
    assert measures[Quantity.DC_VOLTAGE] == Accuracy(2, 0.1)
    assert not measures[Quantity.POWER].measured
    assert Quantity.VOLTAGE not in measures
    assert (battery.nameplate.capacity_wh, battery.nameplate.capacity_ah) == (10240, 200)
    faults = (await battery.read()).faults
    assert [(fault.code, fault.battery) for fault in faults] == [
        ("OVER_TEMP_ALARM", True),
        ("OVER_VOLT_ALARM", True),
    ]


async def test_the_simulated_home_measures_everything(home, discovered):
    modules = [module for device in home.devices for module in await discovered(device.address)]
    alternating = {quantity for quantity in Quantity if not quantity.startswith("dc_")}
    for module in modules:
        measures = module.capabilities.measures
        assert alternating <= measures.keys()
        direct = {quantity for quantity in measures if quantity.startswith("dc_")}
        expected = {ModuleKind.MICROINVERTER: 4, ModuleKind.BATTERY: 3, ModuleKind.METER: 0}
        assert len(direct) == expected[module.kind]


def test_a_relay_measures_what_its_status_has():
    metered = {"output": True, "apower": 1.0, "voltage": 230.1, "current": 0.1, "aenergy": {"total": 5.0}}
    assert RelayStatus.parse(metered).measured() == {
        Quantity.POWER,
        Quantity.VOLTAGE,
        Quantity.CURRENT,
        Quantity.ENERGY,
    }
    assert RelayStatus.parse({"output": False}).measured() == set()


class TestRemembering:
    """A device that was found asleep must not lose what it was seen to measure by day."""

    DAY = Capabilities(
        measures={Quantity.POWER: Accuracy(5), Quantity.DC_POWER: Accuracy(3)}, temperature=True
    )

    def test_what_was_measured_stays_and_what_is_known_now_counts(self):
        night = Capabilities(measures={Quantity.POWER: Accuracy(1)}, exported_energy=True)
        both = night.remembering(self.DAY)
        assert both.measures == {Quantity.POWER: Accuracy(1), Quantity.DC_POWER: Accuracy(3)}
        assert both.temperature
        assert both.exported_energy

    def test_what_was_only_taken_for_true_does_not(self):
        assert self.DAY.remembering(Capabilities()).measures == self.DAY.measures
        assert Capabilities().measures == USUAL

    def test_a_plate_keeps_what_is_not_said_again(self):
        day, night = Nameplate(400, voltage_v=230, dc_strings=2), Nameplate(420)
        assert night.remembering(day) == Nameplate(420, voltage_v=230, dc_strings=2)
