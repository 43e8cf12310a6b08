"""A home's hub lives through its first days with a real controller: the SDK's, then matter.js's.

One hub serves all tests of one controller; every test finds it commissioned and leaves it so.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from interop.controller import Controller, ControllerError, Reading
from interop.trust import write_foreign_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from interop.controller import Kind
    from interop.hub import Hub

pytestmark = pytest.mark.timeout(300)  # every wait below has its own limit, in their sum

DESCRIPTOR, BRIDGED_DEVICE = 0x1D, 0x39
DEVICE_TYPE_LIST, SERVER_LIST, PARTS_LIST, ATTRIBUTE_LIST = 0, 1, 3, 0xFFFB
NODE_LABEL, REACHABLE, UNIQUE_ID = 5, 0x11, 0x12
ELECTRICAL_POWER_MEASUREMENT, ACTIVE_POWER = 0x90, 8
SOLAR_POWER, BATTERY_STORAGE = 0x17, 0x18
AGGREGATOR = 1
VENDOR_PREFIX = 0xFFF1  # of the project's own clusters: no controller has objects for them

FIRST_FABRIC, SECOND_FABRIC, STRANGER_FABRIC = 1, 2, 3


@dataclass(slots=True)
class Home:
    """A hub, and the controller that commissioned it first."""

    hub: Hub
    first: Controller
    commissioning: dict[str, Any]

    def module_endpoints(self) -> list[int]:
        """Endpoints of the modules: the aggregator's parts that say they are bridged."""
        reading = self.first.read(cluster=BRIDGED_DEVICE, attribute=UNIQUE_ID)
        return sorted(endpoint for endpoint, _, _ in reading.values)

    def identities(self, controller: Controller) -> dict[int, tuple[str, str]]:
        """Unique id and label of each module endpoint."""
        ids = controller.read(cluster=BRIDGED_DEVICE, attribute=UNIQUE_ID).values
        labels = controller.read(cluster=BRIDGED_DEVICE, attribute=NODE_LABEL).values
        return {
            endpoint: (value, labels[endpoint, BRIDGED_DEVICE, NODE_LABEL])
            for (endpoint, _, _), value in ids.items()
        }


@pytest.fixture(scope="module")
def home(
    kind: Kind, new_hub: Callable[..., Hub], new_controller: Callable[..., Controller]
) -> Iterator[Home]:
    # Closed before the next controller's turn: there is one port 5540.
    with closing(new_hub("--modules", "4", "--seed", "1", "--speed", "60")) as hub:
        hub.start()
        with closing(new_controller(kind, FIRST_FABRIC)) as first:
            yield Home(hub, first, first.commission(hub.codes().qr))


@pytest.fixture(scope="module")
def second(kind: Kind, home: Home, new_controller: Callable[..., Controller]) -> Iterator[Controller]:
    """A controller with a fabric of its own, let in through a window that the first opened."""
    window = home.first.open_window()
    with closing(new_controller(kind, SECOND_FABRIC)) as joined:
        joined.commission(window["manual"])
        yield joined


def device_types(reading: Reading, endpoint: int) -> set[int]:
    """Device type ids of an endpoint, however the controller spells the struct."""
    rows = reading.values[endpoint, DESCRIPTOR, DEVICE_TYPE_LIST]
    return {row.get("0", row.get("deviceType")) for row in rows}


def test_the_first_controller_commissions_with_attestation_verified(
    home: Home, figure: Callable[[str], None]
) -> None:
    (fabric,) = home.first.fabrics()
    assert (fabric["fabric"], fabric["node"]) == (FIRST_FABRIC, home.first.node)
    # matter.js says what it found odd; a test device may be odd in being one, and in nothing else.
    assert all(found["level"] == "info" for found in home.commissioning.get("findings", []))
    figure(f"{home.first.name}: commissioned in {home.commissioning['seconds']:.2f} s")


def test_a_controller_that_trusts_other_roots_refuses(
    kind: Kind, home: Home, new_controller: Callable[..., Controller], tmp_path: Path
) -> None:
    write_foreign_root(tmp_path / "trust")
    window = home.first.open_window()
    with (
        closing(new_controller(kind, STRANGER_FABRIC, tmp_path / "trust")) as stranger,
        pytest.raises(ControllerError) as refusal,
    ):
        stranger.commission(window["manual"])
    assert "attestation" in str(refusal.value).lower()
    assert [fabric["fabric"] for fabric in home.first.fabrics() if fabric["fabric"] == STRANGER_FABRIC] == []


def test_every_attribute_of_every_endpoint_reads_and_decodes(
    home: Home, figure: Callable[[str], None]
) -> None:
    started = time.monotonic()
    reading = home.first.read()
    seconds = time.monotonic() - started
    assert reading.failures == []
    assert [path for path in reading.unknown if path[1] >> 16 != VENDOR_PREFIX] == []
    by_cluster: dict[tuple[int, int], set[int]] = {}
    for endpoint, cluster, attribute in reading.values:
        by_cluster.setdefault((endpoint, cluster), set()).add(attribute)
    for (endpoint, cluster), attributes in by_cluster.items():
        listed = set(reading.values[endpoint, cluster, ATTRIBUTE_LIST])
        assert attributes == listed, f"endpoint {endpoint} cluster {cluster:#06x}"
    for endpoint in {endpoint for endpoint, _ in by_cluster}:
        clusters = {cluster for where, cluster in by_cluster if where == endpoint}
        assert clusters == set(reading.values[endpoint, DESCRIPTOR, SERVER_LIST])
    figure(f"{home.first.name}: {len(reading.values)} attributes read in {seconds:.2f} s (decoding included)")


def test_every_module_is_a_bridged_node_under_the_aggregator(home: Home) -> None:
    reading = home.first.read(cluster=DESCRIPTOR)
    modules = home.module_endpoints()
    assert set(modules) <= set(reading.values[AGGREGATOR, DESCRIPTOR, PARTS_LIST])
    kinds = set().union(*(device_types(reading, endpoint) for endpoint in modules))
    assert {SOLAR_POWER, BATTERY_STORAGE} <= kinds


def test_a_wildcard_subscription_follows_the_sun(home: Home) -> None:
    descriptors = home.first.read(cluster=DESCRIPTOR)
    panels = [
        endpoint for endpoint in home.module_endpoints() if SOLAR_POWER in device_types(descriptors, endpoint)
    ]
    held = home.first.subscribe(floor=0, ceiling=30)
    assert held["primed"] == len(home.first.read().values)
    mark = home.first.heard()
    seen: dict[int, list[tuple[float, int]]] = {endpoint: [] for endpoint in panels}

    def enough(said: dict[str, Any]) -> bool:
        if said["told"] == "attribute" and said["path"][1:] == [ELECTRICAL_POWER_MEASUREMENT, ACTIVE_POWER]:
            seen.get(said["path"][0], []).append((said["at"], said["value"]))
        return all(len({value for _, value in reports}) >= 3 for reports in seen.values())

    home.first.wait_for(enough, limit=60, since=mark)
    home.first.ask("unsubscribe", subscription=held["subscription"])
    for reports in seen.values():
        assert all(power <= 0 for _, power in reports)  # a panel exports: import is positive
        gaps = [later - sooner for (sooner, _), (later, _) in pairwise(reports)]
        assert min(gaps, default=1.0) > 0.9  # a measured value at most once a second


def test_a_name_given_by_an_app_stays(home: Home) -> None:
    endpoint = home.module_endpoints()[0]
    assert home.first.write(endpoint, BRIDGED_DEVICE, NODE_LABEL, "Roof, east side") == 0
    assert home.first.value(endpoint, BRIDGED_DEVICE, NODE_LABEL) == "Roof, east side"
    home.hub.kill()
    home.hub.start()
    home.first.connect()
    assert home.first.value(endpoint, BRIDGED_DEVICE, NODE_LABEL) == "Roof, east side"


def test_a_second_controller_joins_with_its_own_fabric(home: Home, second: Controller) -> None:
    ours, theirs = sorted(home.first.fabrics(), key=lambda row: row["fabric"])
    assert (ours["fabric"], theirs["fabric"]) == (FIRST_FABRIC, SECOND_FABRIC)
    assert ours["root"] != theirs["root"]
    assert second.read().failures == []
    assert home.identities(second) == home.identities(home.first)


def test_after_kill_both_answer_with_the_same_home_and_subscriptions_go_on(
    home: Home, second: Controller, figure: Callable[[str], None]
) -> None:
    both = (home.first, second)
    before = [(home.identities(controller), controller.fabrics()) for controller in both]
    held = [controller.subscribe(floor=0, ceiling=60) for controller in both]
    home.hub.kill()
    marks = [controller.heard() for controller in both]
    killed = time.monotonic()
    home.hub.start()
    for controller, mark, subscription in zip(both, marks, held, strict=True):
        again = controller.wait_for(lambda said: said["told"] != "ready", limit=45, since=mark)
        assert again["told"] in {"attribute", "event"}, f"{controller.name} had to help itself: {again}"
        assert again["id"] == subscription["id"]
        figure(f"{controller.name}: its subscription went on {again['at'] - killed:.1f} s after kill -9")
    for controller in both:
        controller.connect()
    assert [(home.identities(controller), controller.fabrics()) for controller in both] == before


def test_removing_one_fabric_leaves_the_other_alone(home: Home, second: Controller) -> None:
    index = next(row["index"] for row in home.first.fabrics() if row["fabric"] == SECOND_FABRIC)
    home.first.ask("remove_fabric", node=home.first.node, index=index)
    assert [row["fabric"] for row in home.first.fabrics()] == [FIRST_FABRIC]
    assert home.first.read().failures == []
    with pytest.raises(ControllerError):
        second.ask("connect", node=second.node, seconds=5)


def test_a_factory_reset_makes_it_commissionable_again(
    home: Home, kind: Kind, new_controller: Callable[..., Controller]
) -> None:
    assert home.hub.terminate() == 0
    home.hub.factory_reset()
    home.hub.start()
    fresh = new_controller(kind, STRANGER_FABRIC)
    fresh.commission(home.hub.codes().manual)
    assert [row["fabric"] for row in fresh.fabrics()] == [STRANGER_FABRIC]
    with pytest.raises(ControllerError):
        home.first.ask("connect", node=home.first.node, seconds=5)
