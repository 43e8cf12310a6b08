"""What the plan has panels and batteries do where feeding in costs, and where the supply has a limit."""

from dataclasses import replace

import pytest

from bridge.command import Aspect, Origin
from bridge.planner.import_limit import within
from bridge.planner.plan import BatteryStep, PlanStep
from bridge.planner.planner import TICK
from bridge.planner.posing import PlannedModule
from hw.module import Nameplate
from hw.setpoint import SetpointKind
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

BATTERY, SUN = "acme-2", "acme-3"


def told(home):
    return [each for each in home.arbiter.live(SUN) if each.aspect is Aspect.OUTPUT]


@pytest.fixture
def paying(simulated, posing, make_device):
    """Feeding in costs at any time; the panels are rated for 5 kW, and the battery is full."""
    device = simulated.devices[SUN]
    device.nameplate = Nameplate(power_w=5000)
    simulated.home.registry.found([device], "sunspec")
    posing._tariff = replace(posing._tariff, export_price=-0.05)
    simulated.soc, simulated.load_w, simulated.sun_w = 100.0, 800.0, 4000.0
    return simulated


async def test_where_feeding_in_costs_panels_give_what_the_home_takes(paying, make_planner, home):
    paying.read()
    planner = make_planner()
    planner.start()
    await paying.pass_(2 * TICK, step=1.0)
    (command,) = told(home)
    assert (command.origin, command.kind) == (Origin.PLAN, SetpointKind.POWER_LIMIT_W)
    assert command.value == pytest.approx(800, abs=300)
    assert 0 < command.expires - home.clock.utc() <= 300
    await planner.stop()
    await home.clock.pass_(1)
    assert told(home) == [], "nothing is left behind"


async def test_where_it_pays_again_they_give_all_they_have(paying, make_planner, home, posing):
    paying.read()
    planner = make_planner()
    planner.start()
    await paying.pass_(2 * TICK, step=1.0)
    assert told(home)
    posing._tariff = replace(posing._tariff, export_price=0.05)
    planner.replan()
    await paying.pass_(2 * TICK, step=1.0)
    assert told(home) == []
    await planner.stop()


async def test_what_a_person_says_of_the_panels_comes_first(paying, make_planner, home):
    paying.read()
    home.arbiter.submit(SUN, SetpointKind.POWER_LIMIT_W, 2500.0, origin=Origin.USER, source="anna")
    planner = make_planner()
    planner.start()
    await paying.pass_(3 * TICK, step=1.0)
    values = [value for kind, value in paying.devices[SUN].values if kind is SetpointKind.POWER_LIMIT_W]
    assert set(values) == {2500.0}
    await planner.stop()


def step(**batteries):
    return PlanStep(0, 300, 0.1, 0.0, 500.0, 0.0, 0.0, batteries)


def charging(power_w):
    return BatteryStep(power_w, 50.0, BatteryMode.CHARGE, power_w, power_w, ReasonCode.CHARGE_CHEAP, "")


class TestImportLimit:
    """What is drawn stays below its limit, though the load is not as foreseen."""

    def batteries(self, home, *powers):
        for number, _ in enumerate(powers):
            home.add(str(2001 + number))
        return [
            PlannedModule(home.registry[f"acme-{2001 + number}"], 1e4, 50, 0, 4e3, 4e3, power)
            for number, power in enumerate(powers)
        ]

    async def test_batteries_charge_with_what_it_leaves(self, home):
        batteries = self.batteries(home, 3000.0, 1000.0)
        wanted = step(**{"acme-2001": charging(3000.0), "acme-2002": charging(1000.0)})
        # The home itself takes 2 kW of 5.
        found = within(wanted, batteries, 6000.0, 5000.0)
        assert [each.lowest_w for each in found.batteries.values()] == [2250.0, 750.0]
        assert within(wanted, batteries, 6000.0, 6000.0) == wanted
        assert within(wanted, batteries, 6000.0, None) == wanted

    async def test_where_it_leaves_nothing_none_is_charged(self, home):
        (battery,) = self.batteries(home, 0.0)
        found = within(step(**{"acme-2001": charging(3000.0)}), [battery], 9000.0, 5000.0)
        assert found.batteries["acme-2001"].lowest_w == 0.0
