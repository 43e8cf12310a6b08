"""What apps see and do of firmware in the Module cluster: the same as the API, by the same service."""

import pytest
from firmware_lab.workshop import until

from bridge.faces import Faces
from bridge.firmware.job import FirmwareChanged
from bridge.module_face import Stage
from bridge.ores.module import ModuleCluster
from bridge.settings import FacesSettings
from clusters.descriptor import DescriptorServer
from clusters.ores.module import Module, StartFirmwareUpdateRequest, UpdateStateEnum
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

APP = Context(Subject(AuthMode.CASE, 1, 2), 2)


@pytest.fixture
async def home(make_home, module):
    return await make_home()


@pytest.fixture
def cluster(home):
    cluster = ModuleCluster(home.home.registry[home.key()], home.home)
    cluster.shown = []

    def show(event):
        cluster.show_update(event.job)
        cluster.shown.append(cluster.server.update_state)

    home.home.bus.subscribe(FirmwareChanged, show)
    return cluster


async def start(cluster, version=None):
    request = StartFirmwareUpdateRequest(version=version)
    await cluster.server.handle_start_firmware_update(APP, request)


async def test_an_app_updates_a_module_and_sees_how_it_goes(maker, home, cluster):
    maker.release("1.1.0")
    assert cluster.server.features & Module.Feature.FWUP
    assert cluster.server.update_state == UpdateStateEnum.IDLE
    await start(cluster)
    await until(lambda: not home.job().active)
    states = list(dict.fromkeys(cluster.shown))
    assert states == [
        UpdateStateEnum.DOWNLOADING,
        UpdateStateEnum.APPLYING,
        UpdateStateEnum.VERIFYING,
        UpdateStateEnum.IDLE,
    ]
    assert home.job().by.startswith("fabric-")
    assert home.home.registry[home.key()].record.identity.firmware == "1.1.0"


async def test_what_is_refused_has_its_status(maker, home, cluster):
    maker.release("0.9.0")
    for version in (None, "0.9.0", "7.0.0"):
        with pytest.raises(StatusError) as caught:
            await start(cluster, version)
        assert caught.value.status == Status.NOT_FOUND
    maker.release("1.1.0", rollout={"percent": 0})
    with pytest.raises(StatusError) as caught:
        await start(cluster)
    assert caught.value.status == Status.INVALID_IN_STATE
    maker.release("1.2.0")
    await start(cluster)
    with pytest.raises(StatusError) as caught:
        await start(cluster)
    assert caught.value.status == Status.BUSY


async def test_a_failed_update_shows_also_after_a_restart(maker, module, home, make_home):
    maker.release("1.1.0")
    module.device.bootloader.dead = True
    await home.service.update(home.key(), "x")
    await until(lambda: not home.job().active)
    again = await make_home()
    cluster = ModuleCluster(again.home.registry[again.key()], again.home)
    assert cluster.server.update_state == UpdateStateEnum.FAILED


async def test_a_module_without_slots_has_no_such_feature(home, make_device):
    (other,) = home.home.registry.found([make_device("7")], "sunspec")
    assert not ModuleCluster(other, home.home).server.features & Module.Feature.FWUP


async def test_the_face_of_a_module_follows_its_update(maker, home):
    maker.release("1.1.0")
    tree = NodeTree(home.home.storage, home.home.clock, SystemEntropy())
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    top = aggregator(root, blink=lambda _: None)
    tree.add(root, top)
    faces = Faces(tree, Stage(top, home.home, FacesSettings(charging=False), None), EventTriggers())
    faces.start()
    cluster = tree.endpoints[home.home.registry.endpoints.number(home.key(), "energy")].cluster(Module)
    request = StartFirmwareUpdateRequest(version="1.1.0")
    await cluster.handle_start_firmware_update(APP, request)
    assert cluster.update_state == UpdateStateEnum.DOWNLOADING
    await until(lambda: cluster.update_state == UpdateStateEnum.VERIFYING)
    await until(lambda: not home.job().active)
    assert (cluster.update_state, cluster.firmware_version) == (UpdateStateEnum.IDLE, "1.1.0")
    faces.stop()
