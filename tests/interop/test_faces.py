"""Energy and voice faces in a real controller's hands, against a battery that obeys or does not."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from interop.hub import ores_bridge
from interop.simulated_home import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.controller import Controller, Kind
    from interop.hub import Hub
    from interop.network import Network, Side

pytestmark = pytest.mark.timeout(240)  # every wait below has its own limit, in their sum

ON_OFF, LEVEL_CONTROL = 0x06, 0x08
BRIDGED_DEVICE, NODE_LABEL = 0x39, 0x05
DESCRIPTOR, PARTS = 0x1D, 0x03
MANAGEMENT, ADJUST, CANCEL = 0x98, 0, 1
ADJUST_START, ADJUST_END = 0, 1
ORES_MODULE, ORES_STORAGE, ORES_HUB = 0xFFF1FC01, 0xFFF1FC03, 0xFFF1FC04
RESERVE, STORAGE_MODE, POLICY = 0x04, 0x03, 0x03
PLAN, PLANNED_AT, PLAN_CHANGED, REGISTRATION_CHANGED = 0x06, 0x07, 0x02, 0x04
CHARGE, AUTO, SET_POLICY = 0x00, 0x03, 0x00
OBEYS_WITHIN = 4.0
"""Seconds in which a module does what an energy manager asks of it; a simulated one moves once a second."""
SETTLES_WITHIN = 12.0
"""Seconds after which a module that was let go follows its own logic; writes are five seconds apart."""


@dataclass(slots=True)
class Watched:
    """A home with a battery, the hub of it, and an app that has it."""

    side: Side
    home: SimulatedHome
    hub: Hub
    app: Controller
    endpoints: dict[str, int]

    def battery_w(self) -> float:
        """The truth about the battery; positive while it charges."""
        power: float = self.home.state()["battery_w"]
        return power

    def until(self, wanted: Callable[[float], bool], limit: float, since: float | None = None) -> float:
        """Seconds until the battery's power is as wanted."""
        since = time.monotonic() if since is None else since
        while not wanted(power := self.battery_w()):
            assert time.monotonic() - since < limit, f"{power:.0f} W after {limit:.0f} s"
            time.sleep(0.02)
        return time.monotonic() - since

    def invoke(self, face: str, cluster: int, command: int, fields: dict[str, Any] | None = None) -> None:
        self.app.ask(
            "invoke",
            node=self.app.node,
            endpoint=self.endpoints[face],
            cluster=cluster,
            command=command,
            **({} if fields is None else {"fields": fields}),
        )

    def invoke_raw(self, endpoint: int, cluster: int, command: int, **fields: list[Any]) -> None:
        """Invoke a command of a cluster that the controller does not know."""
        self.app.ask(
            "invoke_raw",
            node=self.app.node,
            endpoint=endpoint,
            cluster=cluster,
            command=command,
            fields={tag.removeprefix("f"): field for tag, field in fields.items()},
        )

    def told(self, *arguments: str) -> dict[str, Any]:
        """What the command line answers."""
        command = ores_bridge(*arguments, "--data-dir", str(self.hub.data_dir), "--json")
        answer: dict[str, Any] = json.loads(self.side.run(*command))
        return answer


@pytest.fixture(scope="module")
def watched(
    kind: Kind,
    network: Network,
    new_hub: Callable[..., Hub],
    new_controller: Callable[..., Controller],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    config = tmp_path_factory.mktemp("config") / "ores-bridge.toml"
    with ExitStack() as stack:
        home = stack.enter_context(closing(SimulatedHome.start(network.hub, modules=4, speed=1)))
        home.write_config(config, "[faces]\nreserve = true\nfull = true\noutage = true\n")
        hub = new_hub(mode="run", environment={"ORES_BRIDGE_CONFIG": str(config)})
        stack.enter_context(closing(hub)).start()
        app = stack.enter_context(closing(new_controller(kind, 1)))
        app.commission(hub.codes().manual)
        watched = Watched(network.hub, home, hub, app, {})
        modules = watched.told("status")["modules"]
        watched.endpoints |= next(each["endpoints"] for each in modules if each["kind"] == "battery")
        app.subscribe(floor=0, ceiling=10)
        yield watched


def test_an_energy_manager_adjusts_the_battery_and_hears_of_it(
    watched: Watched, figure: Callable[[str], None]
) -> None:
    mark, began = watched.app.heard(), time.monotonic()
    watched.invoke("energy", MANAGEMENT, ADJUST, {"power": 700_000, "duration": 60, "cause": 0})
    took = watched.until(lambda power: abs(power - 700) < 20, OBEYS_WITHIN, began)
    figure(f"{watched.app.name}: the battery follows a power adjustment in {took:.2f} s")
    _hears(watched, mark, MANAGEMENT, ADJUST_START)
    time.sleep(1.5)
    watched.invoke("energy", MANAGEMENT, CANCEL)
    end = _hears(watched, mark, MANAGEMENT, ADJUST_END)
    cause, duration, energy = (_field(end, *names) for names in _END_FIELDS)
    assert cause == 4, "cancelled"
    assert 1 <= duration < 20
    assert 100 < energy < 4000, "mWh; 700 W for 1.5 s are 292"
    watched.until(lambda power: abs(power - 700) > 20, SETTLES_WITHIN)


def test_battery_charging_off_stops_the_charging(watched: Watched, figure: Callable[[str], None]) -> None:
    watched.until(lambda power: power > 50, 30)
    began = time.monotonic()
    watched.invoke("voice-charging", ON_OFF, 0)
    took = watched.until(lambda power: power < 1, OBEYS_WITHIN, began)
    figure(f"{watched.app.name}: battery charging is off in {took:.2f} s")
    assert watched.app.value(watched.endpoints["voice-charging"], ON_OFF, 0) is False
    watched.invoke("voice-charging", ON_OFF, 1)
    assert watched.app.value(watched.endpoints["voice-charging"], ON_OFF, 0) is True
    watched.until(lambda power: power > 50, SETTLES_WITHIN + 20)


def test_the_reserve_is_set_by_its_level_and_read_in_percent(watched: Watched) -> None:
    level = round(0.40 * 254)
    fields = {"level": level, "transitionTime": 0, "optionsMask": {}, "optionsOverride": {}}
    if watched.app.name.startswith("sdk"):
        fields = {"level": level, "transitionTime": 0, "optionsMask": 0, "optionsOverride": 0}
    watched.invoke("voice-reserve", LEVEL_CONTROL, 4, fields)
    energy = watched.endpoints["energy"]
    _becomes(lambda: _raw(watched, energy, ORES_STORAGE, RESERVE), 40)
    assert watched.app.value(watched.endpoints["voice-reserve"], ON_OFF, 0) is True
    watched.invoke("voice-reserve", ON_OFF, 0)
    _becomes(lambda: _raw(watched, energy, ORES_STORAGE, RESERVE) != 40, True)


def test_the_project_s_own_clusters_work_by_raw_ids(watched: Watched) -> None:
    energy = watched.endpoints["energy"]
    assert _raw(watched, energy, ORES_STORAGE, STORAGE_MODE) == 0
    watched.invoke_raw(energy, ORES_STORAGE, CHARGE, f0=["int", 500_000], f2=["uint", 60])
    watched.until(lambda power: abs(power - 500) < 20, SETTLES_WITHIN)
    _becomes(lambda: _raw(watched, energy, ORES_STORAGE, STORAGE_MODE), 1)
    watched.invoke_raw(energy, ORES_STORAGE, AUTO)
    watched.until(lambda power: abs(power - 500) > 20, SETTLES_WITHIN)
    watched.invoke_raw(1, ORES_HUB, SET_POLICY, f0=["uint", 2])
    assert _raw(watched, 1, ORES_HUB, POLICY) == 2
    key = _raw(watched, energy, ORES_MODULE, 0)
    assert key in {module["key"] for module in watched.told("status")["modules"]}


def test_faces_and_names_come_and_go_under_a_subscription(watched: Watched) -> None:
    mark = watched.app.heard()
    full = watched.endpoints["voice-full"]
    before = set(watched.app.value(1, DESCRIPTOR, PARTS))
    battery = _raw(watched, watched.endpoints["energy"], ORES_MODULE, 0)
    watched.told("module", "faces", battery, "full=off")
    _parts_told(watched, mark, before - {full})
    mark = watched.app.heard()
    watched.told("module", "faces", battery, "full=on")
    _parts_told(watched, mark, before)
    mark = watched.app.heard()
    watched.told("module", "rename", battery, "Cellar")
    told = watched.app.wait_for(
        lambda said: (
            said["told"] == "attribute"
            and said["path"] == [watched.endpoints["energy"], BRIDGED_DEVICE, NODE_LABEL]
        ),
        limit=10,
        since=mark,
    )
    assert told["value"] == "Cellar"
    watched.app.write(watched.endpoints["energy"], BRIDGED_DEVICE, NODE_LABEL, "Akku")
    names = {module["key"]: module["name"] for module in watched.told("status")["modules"]}
    assert names[battery] == "Akku"


def test_the_plan_appears_under_a_subscription_with_the_first_tariff(watched: Watched) -> None:
    assert (_raw(watched, 1, ORES_HUB, PLAN), _raw(watched, 1, ORES_HUB, PLANNED_AT)) == ([], None)
    mark = watched.app.heard()
    watched.told("configure", "--set", "tariff.import_price=0.3")
    watched.app.wait_for(
        lambda said: said["told"] == "attribute" and said["path"] == [1, ORES_HUB, PLAN] and said["value"],
        limit=40,
        since=mark,
    )
    _hub_tells(watched, mark, PLAN_CHANGED)
    assert _raw(watched, 1, ORES_HUB, PLANNED_AT) is not None
    watched.told("configure", "--set", "tariff.import_price=")
    _becomes(lambda: _raw(watched, 1, ORES_HUB, PLAN), [], 20)


def test_a_removed_module_vanishes_and_its_numbers_stay_its_own(watched: Watched) -> None:
    solar = next(each for each in watched.told("status")["modules"] if each["kind"] == "microinverter")
    mark = watched.app.heard()
    before = set(watched.app.value(1, DESCRIPTOR, PARTS))
    watched.told("module", "remove", solar["key"], "--yes")
    _parts_told(watched, mark, before - set(solar["endpoints"].values()))
    assert solar["key"] in str(_hub_tells(watched, mark, REGISTRATION_CHANGED))
    watched.hub.terminate()
    watched.hub.start()
    _becomes(lambda: all(each["reachable"] for each in watched.told("status")["modules"]), True, 20)
    assert solar["serial"] not in {each["serial"] for each in watched.told("status")["modules"]}
    watched.told("module", "add", solar["address"])
    again = next(each for each in watched.told("status")["modules"] if each["serial"] == solar["serial"])
    assert min(again["endpoints"].values()) > max(before)


_END_FIELDS = (("cause", "0"), ("duration", "1"), ("energyUse", "energy_use", "2"))


def _hears(watched: Watched, mark: int, cluster: int, event: int) -> dict[str, Any]:
    """The fields of the first such event of the battery since a mark."""
    told = watched.app.wait_for(
        lambda said: (
            said["told"] == "event" and said["row"][1:4] == [watched.endpoints["energy"], cluster, event]
        ),
        limit=10,
        since=mark,
    )
    fields: dict[str, Any] = told["row"][5]
    return fields


def _hub_tells(watched: Watched, mark: int, event: int) -> Any:
    """The fields of the first such event of the Hub cluster since a mark."""
    told = watched.app.wait_for(
        lambda said: said["told"] == "event" and said["row"][1:4] == [1, ORES_HUB, event],
        limit=15,
        since=mark,
    )
    return told["row"][5]


def _field(fields: dict[str, Any], *names: str) -> Any:
    return next(fields[name] for name in names if name in fields)


def _raw(watched: Watched, endpoint: int, cluster: int, attribute: int) -> Any:
    return watched.app.value(endpoint, cluster, attribute)


def _parts_told(watched: Watched, mark: int, parts: set[int]) -> None:
    watched.app.wait_for(
        lambda said: (
            said["told"] == "attribute"
            and said["path"] == [1, DESCRIPTOR, PARTS]
            and set(said["value"]) == parts
        ),
        limit=15,
        since=mark,
    )


def _becomes(read: Callable[[], Any], value: Any, limit: float = 15.0) -> None:
    deadline = time.monotonic() + limit
    while (found := read()) != value:
        assert time.monotonic() < deadline, f"{found} instead of {value}"
        time.sleep(0.2)
