"""As many controllers as Matter asks a node to bear, the SDK's own, all alive at once, also after `kill -9`.

Five fabrics with three controllers each, full access control lists, and three subscriptions with three paths
for each controller (Matter Core 2.11): what the certification script TC_RR_1_1 asks for, and a restart more.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from interop.controller import Controller, sdk_unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.hub import Hub

pytestmark = pytest.mark.timeout(480)  # every wait below has its own limit, in their sum

FABRICS, CONTROLLERS, SUBSCRIPTIONS = 5, 3, 3
CONTROLLER_NODE_IDS = [112233 + number for number in range(CONTROLLERS)]
CEILING = 1800  # seconds: too long for reports that come because of it, or are missed because of it
REPORTS_LIMIT = 120.0

DESCRIPTOR, ACCESS_CONTROL, BASIC_INFORMATION, BRIDGED_DEVICE = 0x1D, 0x1F, 0x28, 0x39
OPERATIONAL_CREDENTIALS, COMMISSIONED_FABRICS, UPDATE_FABRIC_LABEL = 0x3E, 3, 9
PARTS_LIST, NODE_LABEL = 3, 5
ACL, SUBJECTS_PER_ENTRY, TARGETS_PER_ENTRY, ENTRIES_PER_FABRIC = 0, 2, 3, 4
VIEW, ADMINISTER, CASE = 1, 5, 2
PATHS = [
    [0, BASIC_INFORMATION, NODE_LABEL],
    [0, OPERATIONAL_CREDENTIALS, None],
    [None, DESCRIPTOR, PARTS_LIST],
]


@dataclass(slots=True)
class House:
    """A hub with all its controllers, all in one process.

    :ivar fabrics: the controllers of each fabric by fabric id, the one that commissioned the hub first
    :ivar held: the ids of each fabric's subscriptions
    """

    hub: Hub
    fabrics: dict[int, list[Controller]]
    held: dict[int, set[int]]

    @property
    def first(self) -> Controller:
        """The controller that commissioned the hub first."""
        return self.fabrics[1][0]

    def everything(self) -> tuple[str, list[dict[str, Any]], dict[int, list[Any]]]:
        """What a restart must not change: name, fabrics with their labels, and the list as each one sees it.

        Only who administers may read it.
        """
        lists = {
            fabric: [member.value(0, ACCESS_CONTROL, ACL) for member in members]
            for fabric, members in self.fabrics.items()
        }
        return self.first.value(0, BASIC_INFORMATION, NODE_LABEL), self.first.fabrics(), lists

    def sessions(self) -> list[int]:
        """The session that each controller has."""
        return [
            member.ask("connect", node=member.node, fresh=False)["session"]
            for members in self.fabrics.values()
            for member in members
        ]

    def subscriptions(self) -> set[int]:
        """The ids of all subscriptions there should be."""
        return set().union(*(self.held[fabric] for fabric in self.fabrics))

    def wait_for_reports(self, expected: set[int], since: int, path: list[int], value: Any) -> float:
        """Wait until each expected subscription reported this; when the last one did."""
        missing = set(expected)

        def complete(said: dict[str, Any]) -> bool:
            if said["told"] == "attribute" and (said["path"], said["value"]) == (path, value):
                missing.discard(said["id"])
            return not missing

        try:
            last: float = self.first.wait_for(complete, limit=REPORTS_LIMIT, since=since)["at"]
        except TimeoutError:
            pytest.fail(f"{len(missing)} of {len(expected)} subscriptions did not report {path}: {missing}")
        return last

    def rename(self, name: str) -> float:
        """Change what everyone subscribed to; seconds until the last subscription reported it."""
        mark, started = self.first.heard(), self.first.now()
        assert self.first.write(0, BASIC_INFORMATION, NODE_LABEL, name) == 0
        path = [0, BASIC_INFORMATION, NODE_LABEL]
        return self.wait_for_reports(self.subscriptions(), mark, path, name) - started

    def complaints(self) -> list[dict[str, Any]]:
        """What controllers said of subscriptions that they had to mend or lost."""
        return [said for said in self.first.told if said["told"] not in {"ready", "attribute"}]


def full_list(subjects: int, targets: int, entries: int) -> list[dict[str, Any]]:
    """As long a list as there may be: one entry lets the controllers administer, the others let many view."""
    places = [{"0": None, "1": 0, "2": None}]
    places += [{"0": DESCRIPTOR, "1": None, "2": None}, {"0": BRIDGED_DEVICE, "1": None, "2": None}]
    places += [{"0": None, "1": 1000 + number, "2": None} for number in range(targets - len(places))]
    strangers = iter(range(700_000, 700_000 + subjects * entries))
    return [
        {"1": privilege, "2": CASE, "3": [*members, *islice(strangers, subjects - len(members))], "4": places}
        for privilege, members in [(ADMINISTER, CONTROLLER_NODE_IDS)] + [(VIEW, [])] * (entries - 1)
    ]


def fill(hub: Hub, first: Controller) -> House:
    """Let everyone in, fill every list, and let everyone subscribe."""
    first.commission(hub.codes().qr)
    limits = [
        first.value(0, ACCESS_CONTROL, limit)
        for limit in (SUBJECTS_PER_ENTRY, TARGETS_PER_ENTRY, ENTRIES_PER_FABRIC)
    ]
    fabrics: dict[int, list[Controller]] = {}
    for fabric in range(1, FABRICS + 1):
        administrator = first
        if fabric > 1:
            administrator = first.another(fabric, CONTROLLER_NODE_IDS[0])
            administrator.commission(first.open_window()["manual"])
        entries = full_list(*limits)
        assert administrator.write(0, ACCESS_CONTROL, ACL, entries) == 0
        administrator.ask(
            "invoke",
            node=administrator.node,
            endpoint=0,
            cluster=OPERATIONAL_CREDENTIALS,
            command=UPDATE_FABRIC_LABEL,
            fields={"label": f"House {fabric}".ljust(32, ".")},
        )
        others = [administrator.another(fabric, node_id) for node_id in CONTROLLER_NODE_IDS[1:]]
        fabrics[fabric] = [administrator, *others]
    held: dict[int, set[int]] = {fabric: set() for fabric in fabrics}
    for _ in range(SUBSCRIPTIONS):
        asked = [
            (
                fabric,
                member.begin("subscribe", node=member.node, floor=0, ceiling=CEILING, keep=True, paths=PATHS),
            )
            for fabric, members in fabrics.items()
            for member in members
        ]
        for fabric, answer in asked:
            held[fabric].add(answer.result(REPORTS_LIMIT)["id"])
    return House(hub, fabrics, held)


@pytest.fixture(scope="module")
def house(new_hub: Callable[..., Hub], new_controller: Callable[..., Controller]) -> Iterator[House]:
    if (reason := sdk_unavailable()) is not None:
        pytest.skip(reason)
    hub = new_hub("--modules", "4", "--seed", "1")
    hub.start()
    with closing(new_controller("sdk", 1)) as first:
        yield fill(hub, first)


def test_everyone_is_served_at_once(house: House, figure: Callable[[str], None]) -> None:
    assert len(house.subscriptions()) == FABRICS * CONTROLLERS * SUBSCRIPTIONS
    sessions = house.sessions()
    assert len(set(sessions)) == FABRICS * CONTROLLERS
    seconds = house.rename("Cellar")
    _, fabrics, lists = house.everything()
    assert house.sessions() == sessions
    assert house.complaints() == []
    assert [row["fabric"] for row in fabrics] == list(house.fabrics)
    entries = lists[1][0]
    figure(
        f"full house: {len(fabrics)} fabrics, in each {len(entries)} entries with {len(entries[0]['3'])} "
        f"subjects and {len(entries[0]['4'])} targets; a change reached the {len(house.subscriptions())} "
        f"subscriptions of {len(sessions)} controllers within {seconds:.2f} s"
    )


def test_after_kill_all_subscriptions_go_on(house: House, figure: Callable[[str], None]) -> None:
    house.rename("Attic")
    before = house.everything()
    house.hub.kill()
    mark, killed = house.first.heard(), time.monotonic()
    house.hub.start()
    label = [0, BASIC_INFORMATION, NODE_LABEL]
    back = house.wait_for_reports(house.subscriptions(), mark, label, "Attic") - killed
    assert house.everything() == before
    seconds = house.rename("Roof")
    assert house.complaints() == []  # nobody had to subscribe again
    figure(
        f"full house: {len(house.subscriptions())} subscriptions went on {back:.1f} s after kill -9; "
        f"the next change reached them within {seconds:.2f} s"
    )


def test_removing_one_fabric_leaves_the_others_alone(house: House) -> None:
    gone = max(house.fabrics)
    _, fabrics, lists = house.everything()
    index = next(row["index"] for row in fabrics if row["fabric"] == gone)
    mark = house.first.heard()
    house.first.ask("remove_fabric", node=house.first.node, index=index)
    del house.fabrics[gone]
    house.wait_for_reports(
        house.subscriptions(), mark, [0, OPERATIONAL_CREDENTIALS, COMMISSIONED_FABRICS], FABRICS - 1
    )
    mark = house.first.heard()
    house.rename("Garden")
    told = {said["id"] for said in house.first.told[mark:] if said.get("value") == "Garden"}
    assert told == house.subscriptions()
    assert house.complaints() == []
    del lists[gone]
    assert house.everything() == ("Garden", [row for row in fabrics if row["fabric"] != gone], lists)
