"""The documents of the project's own clusters: up to date, whole, and what other tools take."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from enum import IntEnum
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum
from clusters.ores.energy_storage import EnergyStorage, StorageSetpointStruct
from clusters.ores.hub import (
    CandidateStruct,
    Hub,
    NetFlowsStruct,
    PlanReasonEnum,
    PlanStepStruct,
    RegisterDeviceResponse,
    SavingsStruct,
)
from clusters.ores.microinverter import DcStringStruct, Microinverter, SetPowerLimitRequest
from clusters.ores.module import FaultRaisedEvent, FaultSeverityEnum, FaultStruct, Module
from matter_node.codec import tlv
from matter_node.model import Cluster, UInt8, attribute

ROOT = Path(__file__).parents[2]
ALL = (Module, Microinverter, EnergyStorage, Hub)
MATTERJS = ROOT / "tests/interop/matterjs/node_modules"
PLAIN = {
    "boolean",
    "char_string",
    "array",
    "power_mw",
    "energy_mwh",
    "voltage_mv",
    "amperage_ma",
    "temperature",
}
PLAIN |= {"percent", "percent100ths", "epoch_s", "elapsed_s", "int8u", "int16u", "int32u", "int64s"}
FAULT = FaultStruct(code="GROUND_FAULT", source="103.Evt1", severity=FaultSeverityEnum.ERROR, since=None)


@pytest.fixture
def script(monkeypatch):
    """Import a script by its name."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module


def test_the_committed_documents_are_up_to_date(script):
    stale = script("document_clusters").stale()
    assert list(stale) == [], "run scripts/document_clusters.py"


def test_a_stale_document_is_noticed(script, tmp_path):
    documents = script("document_clusters")
    for path, text in documents.documents().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert documents.stale(tmp_path) == {}
    (tmp_path / "docs/clusters.md").write_text("by hand")
    (tmp_path / "docs/clusters/ores-clusters.xml").unlink()
    assert list(documents.stale(tmp_path)) == ["docs/clusters.md", "docs/clusters/ores-clusters.xml"]


def test_the_check_writes_nothing():
    run = [sys.executable, ROOT / "scripts/document_clusters.py", "--check"]
    assert subprocess.run(run, check=False, capture_output=True, text=True).stdout == ""


def test_the_vendor_id_moves_every_document():
    script = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import clusters.ores.vendor
clusters.ores.vendor.VENDOR_ID = 0x1234
from document_clusters import documents
for path, text in documents().items():
    assert "1234fc0" in text.lower() and "fff1" not in text.lower(), path
    assert "PICS_SDK_CI_ONLY" not in text, path
"""
    subprocess.run([sys.executable, "-c", script], check=True)


class NoMeaning(IntEnum):
    """An enumeration."""

    HERE = 1
    """It has one."""
    MISSING = 2


class Undocumented(Cluster):
    """A cluster."""

    ID = 1
    value = attribute(0, UInt8)


def test_an_element_without_a_meaning_is_refused(script):
    reader = script("read_clusters")
    assert reader.strings(NoMeaning) == {"HERE": "It has one."}
    with pytest.raises(reader.UndocumentedError, match="value"):
        reader.read_cluster(Undocumented)


# ---------------------------------------------------------------------- Markdown


def test_the_specification_names_every_element(script):
    camel = script("read_clusters").camel
    text = (ROOT / "docs/clusters.md").read_text()
    for cluster in ALL:
        section = re.search(rf"^## {cluster.__name__}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
        assert f"0x{cluster.ID:08X}" in section
        for element in cluster.ATTRIBUTES.values():
            row = re.search(rf"^\| 0x{element.id:04X} \| {camel(element.name)} \|.*$", section, re.MULTILINE)
            assert row[0].endswith(". |")
        for element in (*cluster.COMMANDS.values(), *cluster.EVENTS.values()):
            assert re.search(rf"^\| 0x{element.id:02X} \| {camel(element.name)} \|", section, re.MULTILINE)
        for flag in cluster.Feature:
            assert re.search(rf"^\| {flag.bit_length() - 1} \| {flag.name} \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    "row",
    [
        "| 0x0002 | OperatingMode | OperatingModeEnum |  | N | Autonomous | R V | M | How the module",
        "| 0x0004 | ActiveFaults | list[FaultStruct] | max 16 |  | empty | R V | M | What is wrong",
        "| 0x0001 | RatedPower | power-mW | 0 to 2^62 | X F |  | R V | M | The most",
        "| 0x0008 | LastSeen | epoch-s |  | X C | null | R V | M | When the module",
        "| 0x0004 | PowerLimit | power-mW | 0 to 2^62 | X | null | R V | LIM | The limit",
        "| 0x03 | StartFirmwareUpdate | client to server | status | A | FWUP | Begin",
        "| 0x05 | RegisterDeviceResponse | server to client |  |  | DISC | Answer to RegisterDevice. |",
        "| 0x00 | FaultRaised | CRITICAL | V | M | Something has gone wrong. |",
        "| 2 | Duration | elapsed-s | max 2592000 | X | O | How long;",
    ],
)
def test_rows_say_what_definitions_say(row):
    assert f"\n{row}" in (ROOT / "docs/clusters.md").read_text()


# ---------------------------------------------------------------------- ZAP


@pytest.fixture(scope="module")
def zap():
    return ET.parse(ROOT / "docs/clusters/ores-clusters.xml").getroot()


def ids(elements):
    return [int(element.get("code"), 16) for element in elements]


def test_zap_has_every_element(zap):
    assert zap.tag == "configurator"
    found = {int(cluster.findtext("code"), 16): cluster for cluster in zap.findall("cluster")}
    assert list(found) == [cluster.ID for cluster in ALL]
    for cluster in ALL:
        element = found[cluster.ID]
        assert ids(element.findall("attribute")) == list(cluster.ATTRIBUTES)
        assert ids(element.findall("command[@source='client']")) == list(cluster.COMMANDS)
        responses = [c.response_id for c in cluster.COMMANDS.values() if c.response_id is not None]
        assert ids(element.findall("command[@source='server']")) == responses
        assert ids(element.findall("event")) == list(cluster.EVENTS)
        features = element.findall("features/feature")
        assert [1 << int(feature.get("bit")) for feature in features] == [int(bit) for bit in cluster.Feature]
        assert element.find("globalAttribute").get("value") == str(cluster.REVISION)


def test_zap_knows_every_type_that_is_used(zap):
    owners = {}
    for datatype in (*zap.findall("enum"), *zap.findall("struct")):
        assert datatype.get("name") not in owners
        owners[datatype.get("name")] = {int(each.get("code"), 16) for each in datatype.findall("cluster")}
    for cluster in zap.findall("cluster"):
        own = {name for name, ids in owners.items() if int(cluster.findtext("code"), 16) in ids}
        for element in (*cluster.iter("attribute"), *cluster.iter("arg"), *cluster.iter("field")):
            assert element.get("type") in PLAIN | own
            assert element.get("entryType", "boolean") in PLAIN | own
        defines = [each.get("define") for each in cluster.findall("attribute")]
        assert len(set(defines)) == len(defines)
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", define) for define in defines)
    for item in zap.iterfind("struct/item"):
        assert item.get("type") in PLAIN | owners.keys()


def test_zap_knows_who_may_and_when(zap):
    def command(name):
        return zap.find(f"cluster/command[@name='{name}']")

    assert command("StartFirmwareUpdate").find("access").get("privilege") == "administer"
    assert command("SetMode").find("access").get("privilege") == "manage"
    assert command("Charge").find("access") is None  # operate, as usual
    assert command("RunDiagnostics").get("response") == "RunDiagnosticsResponse"
    assert command("RunDiagnosticsResponse").get("disableDefaultResponse") == "true"
    limit = zap.find("cluster/attribute[@name='PowerLimit']")
    assert (limit.get("optional"), limit.get("isNullable")) == ("true", "true")
    assert limit.find("mandatoryConform/feature").get("name") == "LIM"
    assert limit.get("max") == str(2**62)


# ---------------------------------------------------------------------- matter.js


@pytest.fixture(scope="module")
def matterjs(tmp_path_factory):
    """matter.js with the clusters loaded; ask it one thing at a time."""
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    if not (MATTERJS / "@matter/main").exists():
        pytest.skip("matter.js is not installed (make setup)")
    folder = tmp_path_factory.mktemp("matterjs")
    (folder / "node_modules").symlink_to(MATTERJS.resolve())
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        clusters = importlib.import_module("read_clusters").read_clusters()
        javascript = importlib.import_module("cluster_matterjs").javascript(clusters)
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    (folder / "ores-clusters.mjs").write_text(javascript)
    process = subprocess.Popen(
        ["node", MATTERJS.parent / "clusters.mjs", folder / "ores-clusters.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def ask(what, **more):
        process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        line = process.stdout.readline()
        while line and not line.startswith("{"):  # what matter.js has to tell
            line = process.stdout.readline()
        assert line, "node has ended"
        return json.loads(line)["result"]

    yield ask
    process.stdin.close()
    process.wait(timeout=30)


def test_javascript_is_the_typescript_without_its_types(script):
    matterjs, clusters = script("cluster_matterjs"), script("read_clusters").read_clusters()
    whole = (ROOT / "docs/clusters/ores-clusters.ts").read_text()
    rest = re.sub(r"^import type .*?;\n", "", whole, flags=re.MULTILINE)
    rest = re.sub(
        r"^export (declare namespace|interface) .*?^}\n\n?", "", rest, flags=re.MULTILINE | re.DOTALL
    )
    rest = re.sub(r" as unknown as \w+\.Namespace;", ";", rest)
    assert rest.split() == matterjs.javascript(clusters).split()


def test_matterjs_finds_the_clusters_valid_and_knows_every_id(script, matterjs):
    camel = script("read_clusters").camel
    found = {each["id"]: each for each in matterjs("clusters")}
    assert sorted(found) == [cluster.ID for cluster in ALL]
    for cluster in ALL:
        told = found[cluster.ID]
        assert (told["name"], told["found"]) == (cluster.NAME, cluster.NAME)
        assert (told["revision"], told["invalid"]) == (cluster.REVISION, 0)
        elements = cluster.ATTRIBUTES.values()
        assert told["attributes"] == [[each.id, camel(each.name)] for each in elements]
        commands = cluster.COMMANDS.values()
        assert told["commands"] == [[each.id, camel(each.name)] for each in commands]
        assert told["responses"] == [each.response_id for each in commands]
        assert told["events"] == [[each.id, camel(each.name)] for each in cluster.EVENTS.values()]
        assert [1 << bit for bit, _ in told["features"]] == [int(flag) for flag in cluster.Feature]
    assert matterjs("constant", at=["OresModule", "ModuleKind", "Battery"]) == ModuleKindEnum.BATTERY
    assert matterjs("constant", at=["OresHub", "OperatingMode", "Island"]) == OperatingModeEnum.ISLAND


STEP = PlanStepStruct(
    start=800_000_000,
    duration=900,
    grid=None,
    solar=-2_000_000,
    storage=1_500_000,
    load=500_000,
    reason=PlanReasonEnum.CHEAP_ENERGY,
    text="10 ct now, 30 ct tonight",
)
VALUES = [
    (Module.module_id, "sma-1", "sma-1"),
    (Module.kind, ModuleKindEnum.BATTERY, 2),
    (
        Module.active_faults,
        (FAULT,),
        [{"code": "GROUND_FAULT", "source": "103.Evt1", "severity": 2, "since": None}],
    ),
    (Microinverter.rated_power, 400_000, 400_000),
    (Microinverter.power_limit_percent, None, None),
    (
        Microinverter.dc_strings,
        (DcStringStruct(name="1", power=200_000, voltage=32_000, current=6250, energy=None),),
        [{"name": "1", "power": 200_000, "voltage": 32_000, "current": 6250, "energy": None}],
    ),
    (EnergyStorage.temperature, -325, -325),
    (
        EnergyStorage.setpoint,
        StorageSetpointStruct(power=-1_500_000, target_soc=30, end=None),
        {"power": -1_500_000, "targetSoc": 30, "end": None},
    ),
    (
        Hub.net_flows,
        NetFlowsStruct(grid=1_000, solar=-(2**40), storage=None, load=5),
        {"grid": 1_000, "solar": -(2**40), "storage": None, "load": 5},
    ),
    (
        Hub.savings,
        SavingsStruct(currency=978, decimal_points=2, today=-5, month=1234),
        {"currency": 978, "decimalPoints": 2, "today": -5, "month": 1234},
    ),
    (
        Hub.plan,
        (STEP,),
        [
            {
                "start": 946_684_800 + 800_000_000,  # matter.js counts from 1970
                "duration": 900,
                "grid": None,
                "solar": -2_000_000,
                "storage": 1_500_000,
                "load": 500_000,
                "reason": 2,
                "text": "10 ct now, 30 ct tonight",
            }
        ],
    ),
    (
        Hub.candidates,
        (CandidateStruct(candidate_id="c", driver="d", name="n", address="a", kind=ModuleKindEnum.EVSE),),
        [{"candidateId": "c", "driver": "d", "name": "n", "address": "a", "kind": 5}],
    ),
]


def where(element, kind="attributes"):
    """Return where matter.js has an element."""
    (cluster,) = [each for each in ALL if element in vars(each).values()]
    first, *rest = element.name.split("_")
    return [cluster.NAME, kind, "".join([first, *(part.capitalize() for part in rest)])]


@pytest.mark.parametrize(("element", "value", "expected"), VALUES, ids=[each[0].name for each in VALUES])
def test_values_travel_both_ways(matterjs, element, value, expected):
    encoded = element.datatype.encode(value).hex()
    assert matterjs("decode", at=where(element), hex=encoded) == expected
    theirs = bytes.fromhex(matterjs("encode", at=where(element), value=expected))
    assert element.datatype.take(tlv.decode(theirs)) == value


def test_commands_and_events_travel_too(matterjs):
    at = where(Microinverter.set_power_limit, "commands")
    theirs = matterjs("encode", at=at, value={"percent": 5000, "duration": 60})
    request = SetPowerLimitRequest.from_tlv(tlv.decode(bytes.fromhex(theirs)))
    assert request == SetPowerLimitRequest(percent=5000, duration=60)

    response = RegisterDeviceResponse(module_id="sma-1", endpoint=12)
    at = where(Hub.register_device, "responses")
    assert matterjs("decode", at=at, hex=response.to_tlv().hex()) == {"moduleId": "sma-1", "endpoint": 12}

    at = where(Module.fault_raised, "events")
    decoded = matterjs("decode", at=at, hex=FaultRaisedEvent(fault=FAULT).to_tlv().hex())
    assert decoded["fault"]["code"] == "GROUND_FAULT"
