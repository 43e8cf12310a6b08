"""What is done over HTTP, as an app sees it that has subscribed to the hub's Matter node."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from interaction_lab.client import Client, attribute_path, event_path, reported, reported_events
from interaction_lab.wire import Session, Wire

from clusters.ores.common import RegistrationChangeEnum
from clusters.ores.hub import Hub
from hw.module import ModuleKind, Nameplate
from hw.reading import BatteryReading
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.served_node import ServedNode
from matter_node.model import Privilege
from matter_node.subject import AuthMode, Subject

NODE_ID, WITHIN = 7, 60.0
AGGREGATOR = 1
FEATURE_MAP = 0xFFFC


class App:
    """A controller with a subscription to attributes and events of the Hub cluster."""

    def __init__(self, tree):
        access = AccessControl([AccessEntry(1, Privilege.ADMINISTER, AuthMode.CASE, (NODE_ID,))])
        groups = SimpleNamespace(endpoints=lambda *_: ())
        self.wire = Wire()
        self.engine = InteractionEngine(
            ServedNode(tree, access, {1: SimpleNamespace(node_id=1)}, groups), self.wire
        )
        session = Session(Subject(AuthMode.CASE, 1, NODE_ID))
        self.wire.sessions.add(session)
        self.client = Client(self.engine, session)
        self.values, self.events = {}, []

    def subscribe(self):
        exchange = self.client.subscribe(
            attribute_path(AGGREGATOR, Hub.ID), events=[event_path(AGGREGATOR, Hub.ID)]
        )
        while exchange.last[0] == "REPORT_DATA":
            exchange.confirm()
        self._take(exchange)
        exchange.acknowledge()

    def hear(self):
        """Take the reports that came, and confirm them."""
        opened, self.wire.opened = self.wire.opened, []
        for exchange in opened:
            while exchange.last[0] == "REPORT_DATA" and not exchange.closed:
                if exchange.last[1].get(4):
                    exchange.acknowledge()
                    break
                exchange.confirm()
            self._take(exchange)

    async def until(self, condition):
        async with asyncio.timeout(WITHIN):
            while not condition():
                await asyncio.sleep(0.02)
                self.hear()

    def told(self, event):
        return [data for endpoint, cluster, id_, _, data in self.events if id_ == event.id]

    def _take(self, exchange):
        self.values |= {attribute: value for _, _, attribute, value in reported(exchange)}
        self.events += reported_events(exchange)


@pytest.fixture
async def app(house):
    """An app, and a home with a meter and a battery whose hub knows no tariff."""
    hub = house.hub
    hub.matter.faces.start()
    hub.matter.hub_cluster.start()
    hub.economy.start()
    app = App(hub.matter.node.tree)
    app.house = house
    app.meter, _ = house.add("1001", ModuleKind.METER)
    app.battery, _ = house.add("1003", ModuleKind.BATTERY)
    record = hub.registry[app.battery].record
    plate = Nameplate(charge_power_w=3000, discharge_power_w=3000, capacity_wh=10_000)
    hub.registry[app.battery].record = replace(record, nameplate=plate)
    tell(app)
    yield app
    await app.engine.close()
    if hub.planner is not None:
        await hub.planner.stop()
    await hub.economy.stop()
    await hub.planning.stop()
    hub.matter.faces.stop()
    hub.matter.hub_cluster.stop()


def tell(app):
    now = datetime.now(UTC)
    app.house.reads(app.meter, time=now, power_w=800.0, voltage_v=230.0, strings=(), faults=())
    battery = BatteryReading(soc_percent=60.0)
    app.house.reads(app.battery, time=now, power_w=0.0, battery=battery, strings=(), faults=())


async def patch(app, **settings):
    answer = await app.house.owner()._ask("PATCH", "/hub/configure", json={"settings": settings})
    assert answer.status == 200, await answer.text()


async def test_the_plan_appears_when_the_first_tariff_is_set_and_goes_with_it(app):
    app.subscribe()
    features = app.values[FEATURE_MAP]
    assert (app.values[Hub.plan.id], app.values[Hub.planned_at.id]) == ([], None)
    await patch(app, tariff={"import_price": 0.30})
    await app.until(lambda: app.values[Hub.plan.id])
    assert app.values[Hub.planned_at.id] is not None
    await app.until(lambda: app.told(Hub.plan_changed))
    assert app.told(Hub.plan_changed)[-1][1] == len(app.values[Hub.plan.id])
    await patch(app, tariff={"import_price": None})
    await app.until(lambda: not app.values[Hub.plan.id])
    assert app.values[Hub.planned_at.id] is None
    assert app.values[FEATURE_MAP] == features, "it never changes (Matter Core 7.13.2)"


async def test_a_module_that_comes_and_goes_is_told_of_by_the_hub(app):
    app.subscribe()
    assert app.told(Hub.registration_changed)[0] == {0: app.meter, 1: 0, 2: "Device 1001"}
    answer = await app.house.owner()._ask("DELETE", f"/device/register?module={app.battery}")
    assert answer.status == 200, await answer.text()
    removed = RegistrationChangeEnum.REMOVED
    await app.until(lambda: app.told(Hub.registration_changed)[-1][1] == removed)
    assert app.told(Hub.registration_changed)[-1][0] == app.battery
