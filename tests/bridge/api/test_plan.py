"""The plan and what was saved at /app/monitor, and having a plan made at /hub/configure."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.choices import Policy
from bridge.planner.settings import TariffSettings
from bridge.record import OperatingMode
from bridge.savings.book import ReckonedDay
from bridge.savings.day import Reckoned
from bridge.savings.savings import SavingsNow
from bridge.time_zone import local_day
from hw.module import ModuleKind, Nameplate
from hw.reading import BatteryReading

MONITOR, CONFIGURE = "/app/monitor", "/hub/configure"
TARIFF = TariffSettings(import_price=0.40, export_price=0.08)
FIGURES = Reckoned(
    seconds=86_400.0, known_s=43_200.0, currency="EUR", bill=1.25, bill_without_battery=2.0,
    bill_with_rule=1.5, bill_without_sun=4.0, saved_by_battery=0.75, saved_by_plan=0.25, produced_wh=8000.0,
    used_wh=10_000.0, imported_wh=4000.0, exported_wh=2000.0, co2_kg=None, co2_saved_kg=None,
)  # fmt: skip


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


@pytest.fixture
async def planned(make_house):
    """A home with a meter and a battery, and its plan."""
    house = await make_house(tariff=TARIFF)
    hub = house.hub
    house.meter, _ = house.add("1001", ModuleKind.METER)
    house.battery, _ = house.add("1003", ModuleKind.BATTERY)
    record = hub.registry[house.battery].record
    plate = Nameplate(charge_power_w=3000, discharge_power_w=3000, capacity_wh=10_000)
    hub.registry[house.battery].record = replace(record, nameplate=plate)
    tell(house)
    hub.planning.start()
    hub.planner.start()
    await until(lambda: hub.planner.state.plan is not None and not hub.planner.state.waiting)
    yield house
    await hub.planner.stop()
    await hub.planning.stop()


def tell(house):
    now = datetime.now(UTC)
    house.reads(house.meter, time=now, power_w=800.0, voltage_v=230.0, strings=(), faults=())
    battery = BatteryReading(soc_percent=60.0)
    house.reads(house.battery, time=now, power_w=0.0, battery=battery, strings=(), faults=())


async def patch(client, **body):
    return await client._ask("PATCH", CONFIGURE, json=body)


async def refusal(response):
    """What a 409 says: its slug and its detail."""
    assert response.status == 409
    return await problem(response), (await response.json())["detail"]


async def shown(client, view=""):
    answer = await client.get(MONITOR + (f"?view={view}" if view else ""))
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_the_plan_in_short_is_part_of_every_look(planned):
    found = await shown(planned.client(planned.user("gast", Role.GUEST)))
    plan = found["plan"]
    assert plan["carried_out"]
    assert (plan["waiting"], plan["failure"], plan["currency"]) == ("", "", "EUR")
    assert plan["backup_h"] > 0
    assert plan["without"] == []
    assert plan["made"] < plan["until"]
    assert found["steps"] is None
    assert found["savings"] is None


async def test_the_plan_in_full_has_every_step_with_its_reason(planned):
    found = await shown(planned.owner(), "plan")
    assert len(found["steps"]) == len(planned.hub.planner.state.plan.steps)
    for step in found["steps"]:
        (battery,) = step["batteries"]
        assert battery["module"] == planned.battery
        assert battery["text"]
        assert step["grid_w"] == pytest.approx(
            step["load_w"] + step["solar_w"] + battery["power_w"], abs=0.01
        )
    assert found["steps"][0]["batteries"][0]["power_w"] < 0, "it serves the home"


async def test_safe_mode_and_what_is_left_out_are_told(planned):
    hub, owner = planned.hub, planned.owner()
    hub.registry.lost(hub.registry[planned.battery], "pulled out")
    await until(lambda: hub.planner.state.plan.steps[0].batteries == {})
    assert (await shown(owner))["plan"]["without"] == [planned.battery]
    hub.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await until(lambda: hub.planner.state.waiting)
    plan = (await shown(owner))["plan"]
    assert not plan["carried_out"]
    assert plan["waiting"] == "the home is autonomous"


async def test_without_a_tariff_there_is_none(house):
    owner = house.owner()
    found = await shown(owner, "plan")
    assert (found["plan"], found["steps"]) == (None, [])
    slug, _ = await refusal(await patch(owner, replan=True))
    assert slug == "no-planner"


async def test_whoever_owns_the_home_may_have_a_plan_made(planned):
    before = planned.hub.planner.state.made
    owner = planned.owner()
    assert (await patch(planned.client(planned.user("gast", Role.GUEST)), replan=True)).status == 403
    answer = await patch(owner, replan=True, dry_run=True)
    assert answer.status == 200, await answer.text()
    await asyncio.sleep(0.3)
    assert planned.hub.planner.state.made == before
    assert (await patch(owner, replan=True)).status == 200
    await until(lambda: planned.hub.planner.state.made > before)
    assert (await shown(owner))["plan"]["trigger"] == "request"


async def test_a_plan_that_cannot_be_made_now_is_refused_and_nothing_else_is_changed(planned):
    hub, owner = planned.hub, planned.owner()
    hub.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    for dry in (True, False):
        found = await refusal(await patch(owner, replan=True, policy="backup", dry_run=dry))
        assert found == ("plan-not-now", "the home is autonomous")
    assert hub.home.choices.policy is Policy.SELF_CONSUMPTION


async def test_planning_that_was_switched_off_while_the_hub_runs_is_no_waiting(planned):
    owner = planned.owner()
    assert (await patch(owner, settings={"planner": {"enabled": False}})).status == 200
    assert await refusal(await patch(owner, replan=True)) == ("no-planner", "planning is switched off")


async def test_two_plans_are_not_made_at_once(planned):
    hub, owner = planned.hub, planned.owner()
    gate = asyncio.Event()

    async def slow(question, limit):
        await gate.wait()
        return hub.planner.state.plan

    hub.planner._make = slow
    assert (await patch(owner, replan=True)).status == 200
    await until(lambda: hub.planner._task is not None)
    refused = await patch(owner, replan=True)
    assert await refusal(refused) == ("plan-not-now", "a plan is being made")
    assert refused.headers["Retry-After"] == "5"
    gate.set()


@pytest.mark.parametrize("body", [{"replan": "soon"}, {"replan": 1}, {"replan": None}])
async def test_nonsense_is_refused(planned, body):
    assert (await patch(planned.owner(), **body)).status == 422


@pytest.mark.parametrize("view", ["", "everything", "plan,savings"])
async def test_an_unknown_view_is_refused(house, view):
    assert (await house.owner().get(f"{MONITOR}?view={view}")).status == 422


async def test_a_stream_tells_of_each_plan_in_full(planned):
    hub, found = planned.hub, []

    async def listen():
        accept = {"Accept": "text/event-stream"}
        async with planned.owner().http.get(f"{MONITOR}?view=plan", headers=accept) as response:
            name = ""
            async for line in response.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: ") and name == "plan":
                    found.append(json.loads(line[6:]))

    listening = asyncio.ensure_future(listen())
    await until(lambda: len(found) == 1)
    assert found[0]["steps"][0]["batteries"]
    tell(planned)
    hub.planner.replan()
    await until(lambda: len(found) == 2)
    assert found[1]["plan"]["trigger"] == "request"
    hub.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await until(lambda: len(found) == 3)
    assert not found[2]["plan"]["carried_out"]
    listening.cancel()


async def test_what_was_saved_is_there_with_its_coverage(planned):
    hub, owner = planned.hub, planned.owner()
    assert (await shown(owner, "savings"))["savings"] == dict.fromkeys(("reckoned", "today", "month", "year"))
    now = hub.clock.utc()
    hub.savings.book.put(ReckonedDay(local_day(now, hub.home.zone), now, FIGURES))
    hub.savings.now = SavingsNow(FIGURES, FIGURES, FIGURES, now)
    found = (await shown(owner, "savings"))["savings"]
    assert found["today"]["coverage"] == 0.5
    assert found["month"]["saved_by_battery"] == 0.75
    assert found["year"]["self_sufficiency"] == 0.6
    assert found["year"]["co2_kg"] is None
