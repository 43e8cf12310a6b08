"""PICS: told by the live data model, in the two forms that certification tools read."""

import re
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.data_dir import DataDirectory
from bridge.events import EventBus
from bridge.pics import Section, base_pics, node_pics
from bridge.registry import Registry
from bridge.settings import Settings
from bridge.setup_code import load_or_create
from bridge.state import SqliteStorage
from bridge.stored_node import stored_tree
from clusters.fixed_label import FixedLabelServer
from clusters.ores.microinverter_server import MicroinverterServer
from hw.module import ModuleKind
from matter_node.model import Endpoint


@pytest.fixture
def settings(tmp_path, make_device):
    """A hub that has run, with a battery, an inverter and a meter."""
    directory = DataDirectory(tmp_path / "hub")
    directory.create()
    storage = SqliteStorage(directory.state)
    load_or_create(storage, passcode=20202021, discriminator=3840)
    kinds = (ModuleKind.BATTERY, ModuleKind.MICROINVERTER, ModuleKind.METER)
    devices = [make_device(str(1001 + number), kind=kind) for number, kind in enumerate(kinds)]
    Registry(storage, EventBus()).found(devices, "sunspec")
    storage.close()
    return Settings(data_dir=directory.path, interface="lo")


@pytest.fixture
async def tree(settings):
    return await stored_tree(settings)


def supported(cluster, section):
    return [item.code for item in cluster.items if item.section is section and item.supported]


def test_every_endpoint_tells_what_its_global_attributes_tell(tree):
    pics = {endpoint.number: endpoint for endpoint in node_pics(tree)}
    assert list(pics) == list(tree.endpoints)
    assert len(pics) > 5
    for endpoint in tree:
        told = {cluster.code: cluster for cluster in pics[endpoint.number].clusters}
        told.pop("MCORE", None)
        standard = [cluster for id_, cluster in endpoint.clusters.items() if id_ <= 0x7FFF]
        assert set(told) == {cluster.PICS for cluster in standard}
        for cluster in standard:
            code = cluster.PICS
            attributes = [id_ for id_ in cluster.value(0xFFFB) if id_ < 0xF000]
            bits = [bit for bit in range(32) if cluster.value(0xFFFC) >> bit & 1]
            expected = {
                Section.USAGE: [f"{code}.S"],
                Section.ATTRIBUTE: [f"{code}.S.A{id_:04x}" for id_ in attributes],
                Section.COMMAND_RECEIVED: [f"{code}.S.C{id_:02x}.Rsp" for id_ in cluster.value(0xFFF9)],
                Section.COMMAND_SENT: [f"{code}.S.C{id_:02x}.Tx" for id_ in cluster.value(0xFFF8)],
                Section.FEATURE: [f"{code}.S.F{bit:02x}" for bit in bits],
                Section.EVENT: [f"{code}.S.E{id_:02x}" for id_ in sorted(cluster.shape.events)],
            }
            for section, codes in expected.items():
                assert supported(told[code], section) == codes


def test_mandatory_elements_are_all_there(tree):
    for endpoint in node_pics(tree):
        for cluster in endpoint.clusters:
            assert [item.code for item in cluster.items if item.mandatory and not item.supported] == []


def test_what_the_hub_cannot_do_is_asked_and_denied(tree):
    root = node_pics(tree)[0]
    answers = {item.code: item.supported for cluster in root.clusters for item in cluster.items}
    assert answers["CNET.S.F00"] is False  # Wi-Fi
    assert answers["CNET.S.F02"] is True  # Ethernet
    assert answers["DGSW.S.E00"] is False  # no software fault is ever reported
    assert answers["BINFO.S.E02"] is True  # leaving a fabric is


def test_manufacturers_clusters_have_no_pics(tree):
    number = max(tree.endpoints) + 1
    own = MicroinverterServer(400_000)
    tree.add(Endpoint(number, [], [own, FixedLabelServer({})], parent=tree.endpoints[1]))
    (endpoint,) = [pics for pics in node_pics(tree) if pics.number == number]
    assert [cluster.code for cluster in endpoint.clusters] == ["FLABEL"]


def test_the_base_items_follow_the_node(tree):
    def answer(code):
        return next(item.supported for item in base_pics(tree).items if item.code == code)

    assert answer("MCORE.COM.ETH")
    assert not answer("MCORE.COM.WIFI")
    assert answer("MCORE.BRIDGE")
    for number in [endpoint.number for endpoint in tree if endpoint.number > 1]:
        if number in tree.endpoints:
            tree.remove(number)
    assert not answer("MCORE.BRIDGE")


def test_looking_changes_nothing_that_is_stored(settings):
    state = settings.data_dir / "state.db"
    before = state.read_bytes()
    result = CliRunner().invoke(
        main, ["pics", "--data-dir", str(settings.data_dir), "--out", str(settings.data_dir / "pics")]
    )
    assert result.exit_code == 0, result.output
    assert state.read_bytes() == before


def test_xml_and_values_say_the_same(settings, tmp_path):
    for form in ("xml", "values"):
        arguments = ["pics", "--data-dir", str(settings.data_dir), "--format", form]
        result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / form)])
        assert result.exit_code == 0, result.output
    folders = sorted((tmp_path / "xml").iterdir())
    assert len(folders) > 5
    everything = set()
    for folder in folders:
        from_xml = set()
        for path in folder.glob("*.xml"):
            top = ET.parse(path).getroot()
            assert top.findtext("picsRoot") == path.stem
            for item in top.iter("picsItem"):
                assert re.fullmatch(r"[A-Z]+\.[A-Za-z0-9._]+", item.findtext("itemNumber"))
                if item.findtext("support") == "true":
                    from_xml.add(f"{item.findtext('itemNumber')}=1")
        lines = (tmp_path / "values" / f"{folder.name}.pics").read_text().splitlines()
        assert set(lines) == from_xml
        everything |= from_xml
    assert set((tmp_path / "values" / "node.pics").read_text().splitlines()) == everything


def test_files_of_a_cluster_that_went_do_not_stay(settings, tmp_path):
    stale = tmp_path / "pics" / "endpoint-0" / "OLD.xml"
    stale.parent.mkdir(parents=True)
    stale.write_text("<clusterPICS/>")
    CliRunner().invoke(main, ["pics", "--data-dir", str(settings.data_dir), "--out", str(tmp_path / "pics")])
    assert not stale.exists()
    assert (tmp_path / "pics" / "endpoint-0" / "BINFO.xml").exists()


def test_without_a_hub_there_is_nothing_to_tell(tmp_path):
    result = CliRunner().invoke(
        main, ["pics", "--data-dir", str(tmp_path / "none"), "--out", str(tmp_path / "o")]
    )
    assert result.exit_code == 1
    assert "start it once" in result.output
    assert not (tmp_path / "o").exists()
