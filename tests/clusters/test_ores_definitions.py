"""The project's own clusters as tables: ids, access, sizes, and that nothing is without a meaning."""

import ast
import importlib
import itertools
import json
import subprocess
import sys
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

import clusters.ores
from clusters.deadband import Deadband
from clusters.ores.bands import MemberBands
from clusters.ores.energy_storage import EnergyStorage
from clusters.ores.fitting import fitted
from clusters.ores.hub import Hub
from clusters.ores.microinverter import DcStringStruct, Microinverter
from clusters.ores.module import Module
from clusters.ores.quantities import EpochS, Percent, Quantity, epoch_s, scaled
from clusters.ores.vendor import VENDOR_ID, cluster_id
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.model import (
    Bool,
    Enum,
    Integer,
    ListOf,
    Nullable,
    Privilege,
    Struct,
    StructOf,
    UInt16,
    Urgency,
    Utf8,
    member,
    struct,
)

ALL = (Module, Microinverter, EnergyStorage, Hub)
REPORT_OVERHEAD = 60
"""Bytes of a message around one value: report, paths, versions, with room to spare."""


def elements(cluster):
    return [*cluster.ATTRIBUTES.values(), *cluster.COMMANDS.values(), *cluster.EVENTS.values()]


@pytest.mark.parametrize("cluster", ALL)
class TestIds:
    def test_the_cluster_is_the_vendors(self, cluster):
        assert cluster.ID >> 16 == VENDOR_ID
        assert 0xFC00 <= cluster.ID & 0xFFFF <= 0xFFFE

    def test_elements_have_plain_ids_in_their_ranges(self, cluster):
        """As TC_IDM_10_1 asks: attributes up to 0x4FFF, commands up to 0xDF, none twice."""
        attributes = list(cluster.ATTRIBUTES)
        assert attributes == list(range(len(attributes)))
        requests = [(command.id, "in") for command in cluster.COMMANDS.values()]
        responses = [
            (command.response_id, "out")
            for command in cluster.COMMANDS.values()
            if command.response_id is not None
        ]
        ids = [id_ for id_, _ in requests + responses]
        assert sorted(ids) == list(range(len(ids)))
        assert max(ids) <= 0xDF
        assert sorted(cluster.EVENTS) == list(range(len(cluster.EVENTS)))

    def test_conformance_names_features_that_there_are(self, cluster):
        codes = {flag.name for flag in cluster.Feature}
        for element in elements(cluster):
            assert element.conformance in {"M", *codes}

    def test_what_is_read_is_for_all_and_nothing_is_written(self, cluster):
        for attribute in cluster.ATTRIBUTES.values():
            assert (attribute.access.read, attribute.access.write) == (Privilege.VIEW, None)

    def test_no_pics(self, cluster):
        assert cluster.PICS == ""


def test_who_may_do_what():
    granted = {
        f"{cluster.__name__}.{command.name}": command.access.write.name
        for cluster in ALL
        for command in cluster.COMMANDS.values()
        if command.access.write is not Privilege.OPERATE
    }
    assert granted == {
        "Module.set_operating_mode": "MANAGE",
        "Module.start_firmware_update": "ADMINISTER",
        "Module.clear_fault": "MANAGE",
        "Hub.set_mode": "MANAGE",
        "Hub.discover_devices": "MANAGE",
        "Hub.register_device": "MANAGE",
    }


class TestVendor:
    def test_the_constant_moves_all_ids(self):
        script = """
import importlib, json
import clusters.ores.vendor
clusters.ores.vendor.VENDOR_ID = 0x1234
names = {"module": "Module", "microinverter": "Microinverter"}
names |= {"energy_storage": "EnergyStorage", "hub": "Hub"}
found = [getattr(importlib.import_module(f"clusters.ores.{module}"), name) for module, name in names.items()]
print(json.dumps([[cluster.ID, list(cluster.ATTRIBUTES)[0]] for cluster in found]))
"""
        told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
        assert json.loads(told) == [[0x1234_FC00 + n, 0] for n in (1, 2, 3, 4)]

    @pytest.mark.parametrize("suffix", [0xFBFF, 0xFFFF, 1])
    def test_a_suffix_that_is_no_manufacturers(self, suffix):
        with pytest.raises(ValueError, match="suffix"):
            cluster_id(suffix)

    @pytest.mark.parametrize("vendor", [0, 0xFFF5, 0x1_0000])
    def test_an_id_that_is_no_vendors(self, monkeypatch, vendor):
        monkeypatch.setattr("clusters.ores.vendor.VENDOR_ID", vendor)
        with pytest.raises(ValueError, match="vendor"):
            cluster_id(0xFC01)


# ---------------------------------------------------------------------- meanings


def undocumented():
    """Yield what a definitions module declares without a string behind it."""
    for path in sorted(Path(clusters.ores.__path__[0]).glob("*.py")):
        module = importlib.import_module(f"clusters.ores.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text())):
            cls = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
            if not isinstance(cls, type) or not issubclass(cls, (Struct, IntEnum, IntFlag, *ALL)):
                continue
            if path.stem.endswith("_server"):
                continue
            if not ast.get_docstring(node):
                yield f"{path.stem}.{node.name}"
            for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
                    continue
                target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                followed = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if not followed and target.id not in {"ID", "REVISION", "NAME", "QUIET_SECONDS"}:
                    yield f"{path.stem}.{node.name}.{target.id}"


def test_every_element_says_what_it_means():
    assert list(undocumented()) == []


# ---------------------------------------------------------------------- sizes


def largest(datatype):  # noqa: PLR0911 - one return a data type
    """Return the value of a data type that takes the most bytes."""
    match datatype:
        case Nullable():
            return largest(datatype.inner)
        case ListOf():
            assert datatype.maximum is not None, "every list has an end"
            return (largest(datatype.entry),) * datatype.maximum
        case StructOf():
            return datatype.struct(**{m.name: largest(m.datatype) for m in datatype.struct.MEMBERS})
        case Utf8():
            assert datatype.maximum < 0xFFFF, "every text has an end"
            return "x" * datatype.maximum
        case Integer():
            return datatype.maximum
        case Enum():
            return max(datatype.members)
    assert datatype is Bool
    return True


@pytest.mark.parametrize("cluster", ALL)
class TestSizes:
    """What is reported or sent at once fits in one message; a list may come entry by entry."""

    def test_attributes(self, cluster):
        for attribute in cluster.ATTRIBUTES.values():
            value = largest(attribute.datatype)
            attribute.datatype.check(value)
            parts = (
                [attribute.entry.encode(item) for item in value]
                if attribute.is_list
                else [attribute.datatype.encode(value)]
            )
            assert max(map(len, parts)) < MAX_MESSAGE_PAYLOAD - REPORT_OVERHEAD

    def test_commands_responses_and_events(self, cluster):
        payloads = [event.payload for event in cluster.EVENTS.values()]
        payloads += [command.request for command in cluster.COMMANDS.values()]
        payloads += [command.response for command in cluster.COMMANDS.values()]
        for payload in filter(None, payloads):
            encoded = payload.DATATYPE.encode(largest(payload.DATATYPE))
            assert len(encoded) < MAX_MESSAGE_PAYLOAD - REPORT_OVERHEAD, payload


# ---------------------------------------------------------------------- quantities, fitting, bands


class TestQuantities:
    def test_narrower_bounds_leave_the_meaning(self):
        narrow = Percent.between(maximum=50)
        assert isinstance(narrow, Quantity)
        assert (narrow.maximum, narrow.meaning) == (50, "percent")
        assert Nullable(EpochS).inner.maximum == 0xFFFF_FFFE

    def test_times_before_and_behind_what_can_be_said(self):
        assert epoch_s(946_684_800.9) == 0
        assert epoch_s(None) is None
        assert epoch_s(0) is None
        assert epoch_s(946_684_800 + 2**32 - 1) is None
        assert epoch_s(946_684_800 + 2**32 - 2) == 2**32 - 2

    def test_smaller_units(self):
        assert scaled(1.2345, 1000) == 1234
        assert scaled(None) is None
        assert scaled(float("nan")) is None
        assert scaled(float("-inf"), 1000) == -(2**62)


class TestFitting:
    def test_every_kind_of_value(self):
        assert fitted(UInt16, 70_000) == 65_535
        assert fitted(Nullable(UInt16), 70_000) == 65_534
        assert fitted(Nullable(UInt16), None) is None
        assert fitted(Utf8(maximum=4), "añbc") == "añb"
        assert fitted(Utf8(maximum=2), "añ") == "a"
        assert fitted(ListOf(UInt16, maximum=2), (1, -1, 3)) == (1, 0)
        assert fitted(Bool, True) is True
        wild = DcStringStruct(name="n" * 20, power=-1, voltage=None, current=2**63, energy=5)
        assert fitted(StructOf(DcStringStruct), wild) == DcStringStruct(
            name="n" * 16, power=0, voltage=None, current=2**62, energy=5
        )


@struct
class Pair(Struct):
    name: str = member(0, Utf8())
    value: int = member(1, UInt16)


class TestMemberBands:
    def test_a_slow_drift_matters_when_it_adds_up(self):
        bands = MemberBands({"value": Deadband(10)})
        values = [100, 104, 108, 112, 116]
        pairs = [(Pair(name="a", value=value),) for value in values]
        told = [bands.urgency(old, new) for old, new in itertools.pairwise(pairs)]
        assert told == [Urgency.LAZY, Urgency.LAZY, Urgency.QUIET, Urgency.LAZY]

    def test_another_name_or_another_number_of_them_is_told_at_once(self):
        bands = MemberBands({})
        one, other = Pair(name="a", value=1), Pair(name="b", value=1)
        assert bands.urgency((one,), (other,)) is Urgency.NOW
        assert bands.urgency((other,), (other, one)) is Urgency.NOW
        assert bands.urgency((other, one), ()) is Urgency.NOW
        assert bands.urgency((), ()) is Urgency.NOW
