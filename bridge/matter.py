"""The hub's Matter node: a bridge with every module of the home behind it."""

from __future__ import annotations

import errno
import secrets
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from bridge.faces import Faces
from bridge.module_face import Stage
from bridge.ores.hub import HubCluster
from bridge.power_adjustment import end_leftovers
from bridge.voice import VoiceFace, wanted
from certs.store import load_or_create
from clusters.basic_information import BasicInformationServer
from clusters.energy_preference import EnergyPreferenceServer
from clusters.groups import Grouping
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.root_node import RootNodeOptions, root_node
from hw.matter_server.product import Product
from hw.module import ModuleKind
from matter_node.commissioning.device_info import DeviceInfo, SetupSecret
from matter_node.commissioning.group_table import GroupTable
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.entropy import SystemEntropy
from matter_node.node import MatterNode
from matter_node.system_clock import SystemClock
from matter_node.transport.interfaces import interfaces
from matter_node.transport.network import HomeNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.discovery import Discovery
    from bridge.home import Home
    from bridge.planner.planner import Planner
    from bridge.record import ModuleRecord
    from bridge.settings import FacesSettings, Settings
    from bridge.setup_code import SetupCode
    from matter_node.model import Cluster
    from matter_node.storage import Storage

VENDOR_ID: Final = 0xFFF1
"""A test vendor id, until there is one of our own."""
PRODUCT_ID: Final = 0x8000
PRODUCT_NAME: Final = "ORES Bridge"
VENDOR_NAME: Final = "ORES"
GROUPS_PER_SWITCH: Final = 4
"""Groups that every fabric may have for each endpoint that can be in groups (Matter Core 2.11.1.2)."""
FEWEST_SWITCHES: Final = 4
"""Room is made for so many of those, or for as many as there are when the hub starts."""
_UNIQUE_ID: Final = "node/unique-id"
_SERIAL: Final = "node/serial"


def software_version() -> str:
    """Return the installed version of the hub, such as `0.1.0`."""
    try:
        return version("ores-bridge")
    except PackageNotFoundError:
        return "0.0.0"


def version_number(text: str) -> int:
    """Return a version as the number that Matter orders releases by: 1.2.3 is 0x00010203."""
    parts = [int(part) if part.isdigit() else 0 for part in text.split(".")[:3]]
    parts += [0] * (3 - len(parts))
    return parts[0] << 16 | min(parts[1], 255) << 8 | min(parts[2], 255)


def hub_product(storage: Storage) -> Product:
    """Return what the hub calls itself on the Matter network."""
    return Product(VENDOR_NAME, PRODUCT_NAME, _kept(storage, _SERIAL, 8))


class NetworkError(OSError):
    """The node cannot be on the network; the message says why and what to do."""


class MatterBridge:
    """The Matter side of the hub: made from what is stored, started when everything else is there.

    :ivar network: the hub's presence on the home network, the only one that multicasts
    :ivar node: the node; its fabrics, sessions and commissioning window
    :ivar faces: the modules on it
    """

    def __init__(
        self,
        settings: Settings,
        setup: SetupCode,
        home: Home,
        discovery: Discovery,
        planner: Callable[[], Planner | None],
    ) -> None:
        """Make the node.

        :param planner: returns who plans now, None while nobody does
        """
        self._home = home
        self.hub_cluster = HubCluster(home, discovery, planner)
        self._settings = settings
        storage = home.storage
        clock = SystemClock()
        text = software_version()
        hub = hub_product(storage)
        info = DeviceInfo(
            vendor_id=VENDOR_ID,
            vendor_name=hub.vendor,
            product_id=PRODUCT_ID,
            product_name=hub.product,
            unique_id=_kept(storage, _UNIQUE_ID, 16),
            serial_number=hub.serial,
            hardware_version=1,
            hardware_version_string="1",
            software_version=version_number(text),
            software_version_string=text,
        )
        secret = SetupSecret(
            setup.discriminator, PaseVerifier.from_bytes(setup.verifier), setup.iterations, setup.salt
        )
        switches = sum(_switches(module.record, settings.faces) for module in home.registry)
        groups = GroupTable(storage, capacity=GROUPS_PER_SWITCH * max(switches, FEWEST_SWITCHES))
        self.network = HomeNetwork(
            port=settings.port, chosen=None if settings.interface is None else [settings.interface]
        )
        self.node = MatterNode(storage, clock, SystemEntropy(), info, secret, self.network, groups=groups)
        triggers = EventTriggers()
        attestation = load_or_create(settings.data_dir / "attestation", VENDOR_ID, PRODUCT_ID)
        options = RootNodeOptions(
            enable_key=None if settings.enable_key is None else bytes.fromhex(settings.enable_key),
            trigger=triggers,
            groups=groups,
        )
        root = root_node(self.node, clock, attestation, options)
        own: list[Cluster] = [self.hub_cluster.server]
        if settings.provisional:
            own.append(EnergyPreferenceServer(lambda percent: home.choices.choose(savings_percent=percent)))
        top = aggregator(root, clusters=own)
        self.node.tree.add(root, top)
        grouping = Grouping(groups, self.node.commissioning.group_keys)
        self.faces = Faces(self.node.tree, Stage(top, home, settings.faces, grouping), triggers)
        if len(home.registry):
            self.faces.start()

    async def start(self) -> None:
        """Answer and be found; the arbiter was started before.

        :raises NetworkError: the port is taken, or there is no such interface
        """
        if not self.faces.started:
            # Nothing is known of a new hub's modules until they have been looked for.
            self.faces.start()
        self.hub_cluster.start()
        end_leftovers(self._home.arbiter)
        try:
            await self.node.start()
        except OSError as error:
            raise NetworkError(self._remedy(error)) from error

    def remove_app(self, index: int) -> None:
        """Put an app out: what it had goes, and so do its sessions. Raise KeyError if there is none."""
        commissioning = self.node.commissioning
        self.node.tree.endpoints[0].cluster(BasicInformationServer).record_leave(index)
        with self._home.storage.transaction():
            commissioning.fabrics.remove(index)
        self._home.storage.flush()
        commissioning.sessions.close_fabric(index)

    def _remedy(self, error: OSError) -> str:
        """Say in words why the node's socket could not be opened, and what to do."""
        if error.errno == errno.EADDRINUSE:
            return (
                f"UDP port {self._settings.port} is in use: another hub or Matter bridge runs here. "
                "Stop it, or choose another --port (Alexa finds bridges on 5540 only)"
            )
        if error.errno == errno.ENODEV:
            known = ", ".join(interface.name for interface in interfaces() if not interface.loopback)
            return (
                f"there is no network interface {self._settings.interface!r}; there are: {known or 'none'}. "
                "Choose one with --interface, or leave it out for every suitable one"
            )
        return f"the Matter node cannot use the network: {error}"

    async def stop(self) -> None:
        """Take leave of the network."""
        self.faces.stop()
        self.hub_cluster.stop()
        await self.node.stop()


def _switches(record: ModuleRecord, settings: FacesSettings) -> int:
    """Return how many endpoints of a module can be in groups: a load's, and voice faces to be switched."""
    contacts = {VoiceFace.FULL, VoiceFace.OUTAGE}
    return (record.kind is ModuleKind.LOAD) + len(set(wanted(record, settings)) - contacts)


def _kept(storage: Storage, key: str, length: int) -> str:
    """Return a random name that was made once and stays, `2 * length` hexadecimal digits."""
    stored = storage.get(key)
    if stored is None:
        stored = secrets.token_hex(length).encode()
        storage.put(key, stored)
    return stored.decode()
