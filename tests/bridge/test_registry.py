import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.endpoint_map import FIRST_ENDPOINT, LAST_ENDPOINT, EndpointMap, EndpointsExhaustedError
from bridge.events import (
    EventBus,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.logs import CONTROLS
from bridge.record import USUAL_PRIORITY, ModuleRecord, shortened
from bridge.registry import Registry, UnknownModuleError
from bridge.state import SqliteStorage
from hw.accuracy import USUAL, Accuracy, Quantity
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.reading import Reading
from hw.setpoint import SetpointKind
from matter_node.storage import MemoryStorage


class Device:
    """What a driver found: as much of `hw.module.Module` as the registry looks at."""

    def __init__(self, serial="1001", *, address="10.0.0.1:502:1", firmware="1.0"):
        self.identity = Identity("ACME", "Sun 400", serial, firmware)
        self.kind = ModuleKind.MICROINVERTER
        self.address = address
        self.nameplate = Nameplate(power_w=400, dc_strings=1)
        self.capabilities = Capabilities(frozenset({SetpointKind.POWER_LIMIT_PERCENT}), reverts=True)


class Listener:
    def __init__(self, bus):
        self.events = []
        kinds = (ModulesRegistered, ModuleChanged, ModuleRemoved, ReadingTaken, ReachabilityChanged)
        for kind in kinds:
            bus.subscribe(kind, self.events.append)


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def heard(bus):
    return Listener(bus).events


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def registry(storage, bus):
    return Registry(storage, bus)


def reading(key, **values):
    return Reading(module=key, time=datetime(2026, 6, 21, 12, tzinfo=UTC), **values)


def test_what_a_module_measures_survives_a_restart_and_a_night(registry, storage):
    day, night = Device(), Device()
    measures = {Quantity.POWER: Accuracy(0, 20.5), Quantity.DC_POWER: Accuracy(5, 1, measured=False)}
    day.capabilities = replace(day.capabilities, measures=measures, dc_energy_modulus_wh=2.0**32)
    night.capabilities = replace(night.capabilities, measures={Quantity.POWER: Accuracy(0, 20.5)})
    night.nameplate = Nameplate()
    registry.found([day], "sunspec")
    registry.found([night], "sunspec")
    (again,) = Registry(storage, EventBus())
    assert again.record.capabilities.measures == measures
    assert again.record.nameplate == day.nameplate


def test_a_record_of_an_older_hub_is_read_and_one_of_a_newer_too(registry):
    (module,) = registry.found([Device()], "sunspec")
    values = json.loads(module.record.to_json())
    del values["capabilities"]["measures"], values["nameplate"]["capacity_ah"]
    values["capabilities"]["reactive_power"] = True
    old = ModuleRecord.from_json(json.dumps(values).encode())
    assert old.capabilities.measures == USUAL
    assert old.nameplate == module.record.nameplate
    values["capabilities"]["measures"] = {"power": {"percent": 1, "colour": "blue"}, "noise": {"percent": 2}}
    new = ModuleRecord.from_json(json.dumps(values).encode())
    assert new.capabilities.measures == {Quantity.POWER: Accuracy(1)}


def test_a_found_module_is_registered_and_exists_unreachable_after_a_restart(registry, storage, heard):
    (module,) = registry.found([Device()], "sunspec", room="Roof")
    assert heard == [ModulesRegistered((module.record,))]
    assert module.record.name == "Sun 400 1001"
    (again,) = Registry(storage, EventBus())
    assert again.record == module.record
    assert again.record.nameplate.power_w == 400
    assert SetpointKind.POWER_LIMIT_PERCENT in again.record.capabilities.setpoints
    assert not again.reachable
    assert again.device is None


def test_many_modules_are_registered_in_one_write(tmp_path, bus, heard, monkeypatch):
    storage = SqliteStorage(tmp_path / "state.db")
    flushes = []
    monkeypatch.setattr(storage, "flush", lambda: flushes.append(1))
    Registry(storage, bus).found([Device(f"{n:04}") for n in range(1000)], "sunspec", name="All")
    assert len(flushes) == 1
    assert len(heard[0].records) == 1000
    assert len({record.unique_id for record in heard[0].records}) == 1000
    assert heard[0].records[7].name == "Sun 400 0007", "a shared name is nobody's name"
    storage._disk.flush()
    storage.close()


def test_a_module_that_moved_keeps_its_name_and_unique_id(registry, heard):
    (module,) = registry.found([Device()], "sunspec")
    registry.rename(module.key, name="South roof")
    before = module.record
    registry.found([Device(address="10.0.0.9:502:1", firmware="2.0")], "sunspec", name="ignored")
    assert module.record == replace(
        before, address="10.0.0.9:502:1", identity=replace(before.identity, firmware="2.0")
    )
    assert heard[-1] == ModuleChanged(before, module.record)
    assert len(registry) == 1


def test_readings_make_a_module_reachable_and_are_published(registry, heard):
    (module,) = registry.found([Device()], "sunspec")
    heard.clear()
    registry.took(module, reading(module.key, power_w=-100))
    registry.took(module, reading(module.key, power_w=-101))
    registry.lost(module, "connection refused")
    registry.lost(module, "connection refused")
    kinds = [type(event).__name__ for event in heard]
    assert kinds == ["ReadingTaken", "ReachabilityChanged", "ReadingTaken", "ReachabilityChanged"]
    assert heard[-1].reason == "connection refused"
    assert module.reading.power_w == -101
    assert not module.reachable


def test_a_removed_module_that_comes_back_is_another_one(registry, storage):
    (module,) = registry.found([Device()], "sunspec")
    first = registry.endpoints.number(module.key, "energy")
    unique_id = module.record.unique_id
    registry.remove(module.key)
    assert len(registry) == 0
    assert not list(Registry(storage, EventBus()))
    (module,) = registry.found([Device()], "sunspec")
    assert registry.endpoints.number(module.key, "energy") > first
    assert module.record.unique_id != unique_id


def test_a_removed_module_is_remembered_as_such_until_it_is_registered_again(registry, storage):
    (module,) = registry.found([Device()], "sunspec")
    registry.remove(module.key)
    again = Registry(storage, EventBus())
    assert again.is_retired(module.key)
    again.reinstate(module.key)
    assert not again.is_retired(module.key)
    assert not Registry(storage, EventBus()).is_retired(module.key)
    again.found([Device()], "sunspec")
    again.remove(module.key)
    again.found([Device()], "sunspec")
    assert not again.is_retired(module.key)


def test_a_priority_is_that_of_the_kind_until_somebody_chooses(registry, storage):
    (module,) = registry.found([Device()], "sunspec")
    usual = USUAL_PRIORITY[module.record.kind]
    assert module.record.priority == usual
    registry.set_priority(module.key, 0)
    assert Registry(storage, EventBus())[module.key].record.priority == 0
    with pytest.raises(ValueError, match="0 to 9"):
        registry.set_priority(module.key, 10)
    registry.set_priority(module.key, None)
    assert module.record.priority == usual


def test_modules_are_found_by_key_name_or_their_beginning(registry):
    registry.found([Device("1001"), Device("1002")], "sunspec")
    registry.rename("acme-1001", name="South roof")
    assert registry.find("acme-1001").key == "acme-1001"
    assert registry.find("south").key == "acme-1001"
    assert registry.find("SOUTH ROOF").key == "acme-1001"
    with pytest.raises(UnknownModuleError, match="fits several modules: acme-1001, acme-1002"):
        registry.find("acme")
    with pytest.raises(UnknownModuleError, match="no module is called 'cellar'"):
        registry.find("cellar")


def test_a_name_is_at_most_32_bytes_and_never_empty(registry):
    (module,) = registry.found([Device()], "sunspec")
    registry.rename(module.key, name="Süddach über der großen Scheune")
    assert len(module.record.name.encode()) <= 32
    with pytest.raises(ValueError, match="needs a name"):
        registry.rename(module.key, name=" \n\x1b ")
    registry.rename(module.key, name="Roof\n\x1b[31m south")
    assert module.record.name == "Roof  [31m south"


@given(st.text(max_size=60), st.integers(1, 40))
def test_shortening_never_splits_a_character(text, limit):
    plain = CONTROLS.sub(" ", text)
    assert plain.startswith(shortened(text, limit)) or plain.lstrip().startswith(shortened(text, limit))
    assert len(shortened(text, limit).encode()) <= limit


def test_a_record_of_a_newer_hub_is_read(registry, storage):
    (module,) = registry.found([Device()], "sunspec")
    data = module.record.to_json().replace(b'"room":', b'"colour":"blue","room":')
    assert ModuleRecord.from_json(data) == module.record


def test_a_record_that_cannot_be_read_is_left_alone(storage, caplog):
    storage.put("module/acme-1", b"{}")
    assert not list(Registry(storage, EventBus()))
    assert "module/acme-1" in caplog.text
    assert storage.get("module/acme-1") == b"{}"


def test_endpoint_numbers_are_kept_and_never_reused(storage):
    numbers = EndpointMap(storage)
    assert numbers.number("acme-1", "energy") == FIRST_ENDPOINT
    numbers.reserve([("acme-1", "battery"), ("acme-2", "energy"), ("acme-1", "energy")])
    assert numbers.faces("acme-1") == {"energy": 2, "battery": 3}
    numbers.forget("acme-2")
    again = EndpointMap(storage)
    assert again.faces("acme-1") == {"energy": 2, "battery": 3}
    assert again.number("acme-3", "energy") == 5, "4 was acme-2's"


def test_endpoint_numbers_run_out_cleanly(storage):
    storage.put("endpoint-next", LAST_ENDPOINT.to_bytes(4))
    numbers = EndpointMap(storage)
    with pytest.raises(EndpointsExhaustedError):
        numbers.reserve([("a", "energy"), ("b", "energy")])
    assert numbers.number("a", "energy") == LAST_ENDPOINT
    with pytest.raises(EndpointsExhaustedError):
        numbers.number("b", "energy")


def test_a_listener_that_fails_keeps_nobody_from_hearing(bus, caplog):
    heard = []

    def fail(event):
        raise RuntimeError("broken")

    bus.subscribe(ReachabilityChanged, fail)
    unsubscribe = bus.subscribe(ReachabilityChanged, heard.append)
    event = ReachabilityChanged("acme-1", reachable=True, reason="")
    bus.publish(event)
    unsubscribe()
    bus.publish(event)
    assert heard == [event]
    assert "broken" in caplog.text


async def test_a_modules_lock_lets_one_caller_at_its_device(registry):
    (module,) = registry.found([Device()], "sunspec")
    async with module.lock:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(module.lock.acquire(), 0.01)
