"""A whole node in memory, with the endpoint 0 that the hub has, and an administrator who commissions it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.authority import make_dac, make_paa, make_pai
from device_types.root_node import root_node
from matter_node.codec import tlv
from matter_node.commissioning.attestation import KeyAttestation
from matter_node.commissioning.device_info import DeviceInfo, SetupSecret
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.ids import ProtocolId
from matter_node.interaction.messages import status_response
from matter_node.interaction.opcode import Opcode
from matter_node.node import MatterNode
from matter_node.storage import MemoryStorage
from matter_node.system_clock import TimeQuality
from node_lab.sessions import CONTROLLER, DEVICE, ITERATIONS, PASSCODE, SALT, Commissioner, Node, Wire
from node_lab.world import Authority, Fabrics, ManualClock, SeededEntropy

INFO = DeviceInfo(0xFFF1, "Vendor", 0x8000, "Hub", "0123456789ABCDEF")
SECRET = SetupSecret(3840, PaseVerifier.from_passcode(PASSCODE, SALT, ITERATIONS), ITERATIONS, SALT)
ADMINISTRATOR, NODE_ID = 11, 22

GENERAL_COMMISSIONING, BASIC_INFORMATION, CREDENTIALS = 0x30, 0x28, 0x3E


def make_attestation():
    """Make a device's attestation material; its keys are new each time."""
    paa = make_paa("Test PAA")
    pai = make_pai(paa, "Test PAI", vendor_id=0xFFF1)
    dac = make_dac(pai, "Test DAC", vendor_id=0xFFF1, product_id=0x8000)
    return KeyAttestation(dac.certificate.der, pai.certificate.der, b"declaration", 0xFFF1, 0x8000, dac.key)


class TrueClock(ManualClock):
    quality = TimeQuality.SYNCHRONIZED

    def set_utc(self, utc):
        return False


class MemoryNetwork:
    """A place on the wire, and what the node shows there.

    :ivar places: where other nodes are: addresses by (compressed fabric id, node id)
    """

    port = 5540

    def __init__(self, wire, address=DEVICE):
        self._wire = wire
        self._address = address
        self.send = wire.sender(address)
        self.on_interfaces = []
        self.interfaces = []
        self.operational = []
        self.commissionable = None
        self.groups = set()
        self.places = {}
        self.announced = 0
        self.asked = []

    def start(self, receive):
        self._wire.attach(self._address, SimpleNamespace(receive=receive))

    def close(self):
        self._wire.detach(self._address)

    def set_operational(self, nodes):
        self.operational = list(nodes)

    def set_commissionable(self, record):
        self.commissionable = record

    def announce(self):
        self.announced += 1

    def set_groups(self, groups):
        self.groups = set(groups)

    async def resolve(self, compressed_id, node_id, *, wait):
        self.asked.append((compressed_id, node_id))
        return self.places.get((compressed_id, node_id), [])


class World:
    """A wire with a controller at one end and a node at the other; the same in every run.

    :param authority: certificate authority of the controller's fabric
    :param membership: the controller's own place in that fabric
    """

    def __init__(self, authority, membership, attestation, storage=None, seed=0, groups=None):
        self.authority = authority
        self.attestation = attestation
        self.clock = TrueClock()
        self.wire = Wire(self.clock)
        self.storage = storage or MemoryStorage()
        self.controller = Node(
            self.clock, SeededEntropy(seed + 1), self.wire, CONTROLLER, Fabrics({1: membership})
        )
        self.network = MemoryNetwork(self.wire)
        self.node = self.make_node(seed, groups)

    def make_node(self, seed, groups=None):
        node = MatterNode(
            self.storage, self.clock, SeededEntropy(seed), INFO, SECRET, self.network, groups=groups
        )
        node.tree.add(root_node(node, self.clock, self.attestation))
        return node

    async def restart(self, seed=9):
        """Let the node stop, and come up again with what it has stored."""
        stopping = asyncio.create_task(self.node.stop())
        await settle()
        self.clock.advance(2)
        await stopping
        await self.come_back(seed)

    async def commission(self):
        """Go through a commissioning as administrators do; return their CASE session."""
        await self.join()
        peer = await self.connect()
        assert (await peer.invoke(GENERAL_COMMISSIONING, 4, {}))[0] == 0
        return peer

    async def join(self):
        """Go through a commissioning up to AddNOC."""
        session = Commissioner(self.controller, DEVICE).start().session
        peer = Peer(self.controller, session)
        await peer.invoke(GENERAL_COMMISSIONING, 0, {0: 60, 1: 1})
        for kind in (1, 2):
            await peer.invoke(CREDENTIALS, 2, {0: kind})
        await peer.invoke(CREDENTIALS, 0, {0: bytes(32)})
        noc = await self.new_noc(peer)
        await peer.invoke(CREDENTIALS, 0x0B, {0: self.authority.root})
        added = await peer.invoke(
            CREDENTIALS, 6, {0: noc, 2: self.authority.epoch_key, 3: ADMINISTRATOR, 4: 0xFFF1}
        )
        assert added[0] == 0

    async def new_noc(self, peer, *, for_update=False):
        """Let the node make a key; return the certificate for it."""
        elements = (await peer.invoke(CREDENTIALS, 4, {0: bytes(32), 1: for_update}))[0]
        request = x509.load_der_x509_csr(tlv.decode(elements)[1])
        key = request.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return self.authority.noc(NODE_ID, key)

    async def come_back(self, seed=9):
        """Let the node come up again after a kill, with what it had stored."""
        self.node = self.make_node(seed)
        await self.node.start()

    async def connect(self):
        """Return the administrator on a CASE session."""
        fabric = self.controller.fabrics[1]
        return Peer(self.controller, await self.controller.initiator.connect(fabric, NODE_ID, DEVICE))


def same_world():
    """Return a function that makes worlds which differ in nothing."""
    authority, attestation = Authority(), make_attestation()
    membership = authority.fabric(1, ADMINISTRATOR)
    return lambda **options: World(authority, membership, attestation, **options)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


class Peer:
    """The administrator in one session: commands, and subscriptions whose reports it confirms.

    :ivar events: (cluster, event) of every event reported
    :ivar reports: subscription id of every report
    """

    def __init__(self, node, session):
        self.session = session
        self.events = []
        self.reports = []
        self.confirms = True
        self._node = node
        self._answers = []
        node.layer.register(ProtocolId.INTERACTION_MODEL, self)

    async def invoke(self, cluster, command, fields):
        """Return the fields of the response."""
        path = tlv.TlvList([(0, 0), (1, cluster), (2, command)])
        answer = await self._ask(Opcode.INVOKE_REQUEST, {0: False, 1: False, 2: [{0: path, 1: fields}]})
        response = answer[1][0]
        return response[0][1] if 0 in response else response[1][1]

    async def subscribe_to_events(self, cluster, longest=60):
        """Subscribe; return the subscription id."""
        path = tlv.TlvList([(1, 0), (2, cluster)])
        answer = await self._ask(Opcode.SUBSCRIBE_REQUEST, {0: True, 1: 30, 2: longest, 4: [path], 7: True})
        return answer[0]

    async def _ask(self, opcode, message):
        self._answers.clear()
        exchange = self._node.layer.open_exchange(self.session, ProtocolId.INTERACTION_MODEL, self)
        exchange.send(opcode, tlv.encode({**message, 0xFF: 12}))
        await settle()
        return self._answers[-1]

    def on_exchange(self, exchange, opcode, payload):
        exchange.handler = self
        self.on_message(exchange, opcode, payload)

    def on_message(self, exchange, opcode, payload):
        message = tlv.decode(payload)
        if opcode != Opcode.REPORT_DATA:
            self._answers.append(message)
            exchange.close()
            return
        self.reports.append(message[0])
        for report in message.get(2, []):
            path = dict(report[1][0])
            self.events.append((path[2], path[3]))
        if self.confirms and not message.get(4):
            exchange.send(Opcode.STATUS_RESPONSE, status_response(0))
        if not exchange.initiator:
            exchange.close()

    def on_acknowledged(self, exchange):
        pass

    def on_failed(self, exchange):
        pass
