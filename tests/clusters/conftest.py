"""A root endpoint that can be commissioned: real servers on real state, and an administrator's tools."""

from __future__ import annotations

import heapq
import itertools
import random
from hashlib import sha1

import pytest

from clusters.access_control import AccessControlServer
from clusters.administrator_commissioning import AdministratorCommissioningServer
from clusters.basic_information import BasicInformationServer
from clusters.definitions.general_commissioning import ArmFailSafeRequest
from clusters.definitions.operational_credentials import (
    AddNocRequest,
    AddTrustedRootCertificateRequest,
    CsrRequest,
    UpdateNocRequest,
)
from clusters.general_commissioning import GeneralCommissioningServer
from clusters.group_key_management import GroupKeyManagementServer
from clusters.network_commissioning import EthernetCommissioningServer
from clusters.operational_credentials import OperationalCredentialsServer
from matter_node.codec import tlv
from matter_node.codec.certificate import (
    AttributeType,
    BasicConstraints,
    Certificate,
    DistinguishedName,
    ExtensionType,
    KeyPurpose,
    KeyUsage,
)
from matter_node.commissioning.attestation import KeyAttestation
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.device_info import DeviceInfo, SetupSecret
from matter_node.commissioning.window import CommissioningWindow
from matter_node.crypto.keys import KeyPair
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.interaction.access import AccessControl as AccessDecisions
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

ADMIN = 112233
"""Node id of the administrator of every fabric."""
NODE = 0x1234
IPK = bytes(range(16))
SECRET = SetupSecret(
    3840, PaseVerifier.from_passcode(20202021, b"SPAKE2P Key Salt", 1000), 1000, b"SPAKE2P Key Salt"
)
INFO = DeviceInfo(
    vendor_id=0xFFF1,
    vendor_name="Vendor",
    product_id=0x8000,
    product_name="Hub",
    unique_id="0123456789ABCDEF",
    software_version=7,
    software_version_string="0.7",
    serial_number="S-1",
)


class ManualClock:
    """Time stands still until `advance`, which calls the timers in order, each at its own time."""

    def __init__(self):
        self.now = 1000.0
        self._timers = []
        self._order = itertools.count()

    def monotonic(self):
        return self.now

    def utc(self):
        return 1_800_000_000.0 + self.now

    def call_later(self, delay, callback):
        timer = ManualTimer(callback)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def next_due(self):
        """Return when the next timer is called, None if there is none."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance(self, seconds):
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
        self.now = end


class ManualTimer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class SeededEntropy:
    """The same numbers in every run."""

    def __init__(self, seed=0):
        self._random = random.Random(seed)

    def token(self, length):
        return self._random.randbytes(length)

    def below(self, limit):
        return self._random.randrange(limit)


class Session:
    """A session as commissioning sees it."""

    def __init__(self, subject):
        self.subject = subject
        self.attestation_challenge = bytes(range(100, 116))


class Sessions:
    """The live sessions; who ends one on the other side tells the fail-safe, as the session table does."""

    def __init__(self):
        self.alive = []
        self.on_closed = []

    def open(self, subject):
        session = Session(subject)
        self.alive.append(session)
        return session

    def close(self, session):
        if session in self.alive:
            self.alive.remove(session)
            for callback in self.on_closed:
                callback(session)

    def close_pase(self, *, keep=None):
        for session in tuple(self.alive):
            if session.subject.auth_mode is AuthMode.PASE and session is not keep:
                self.close(session)

    def close_fabric(self, fabric_index, *, keep=None):
        for session in tuple(self.alive):
            if session.subject.fabric_index == fabric_index and session is not keep:
                self.close(session)


class Gate:
    """The PASE responder's door."""

    def __init__(self):
        self.offer = None

    def open(self, verifier, iterations, salt):
        self.offer = (verifier, iterations, salt)

    def close(self):
        self.offer = None


class Announcer:
    """What the network sees of the window: (discriminator, mode) or None."""

    def __init__(self):
        self.shown = None

    def announce(self, discriminator, mode):
        self.shown = (discriminator, int(mode))

    def withdraw(self):
        self.shown = None


class Authority:
    """A fabric's certificate authority, with an intermediate one or without.

    Keys may be given, so that examples by the hundred need not make new ones.
    """

    def __init__(self, fabric_id=1, *, with_icac=False, key=None):
        self.fabric_id = fabric_id
        self.key = key or KeyPair.generate()
        self.icac_key = KeyPair.generate() if with_icac else None
        self._root_name = ((AttributeType.RCAC_ID, 1),)
        self._icac_name = ((AttributeType.ICAC_ID, 2),)
        self.root = self._issue(self._root_name, self._root_name, self.key.public_key, self.key, ca=True)
        self.icac = (
            self._issue(self._icac_name, self._root_name, self.icac_key.public_key, self.key, ca=True)
            if self.icac_key
            else None
        )

    def noc(self, public_key, node_id=NODE, fabric_id=None):
        subject = (
            (AttributeType.NODE_ID, node_id),
            (AttributeType.FABRIC_ID, self.fabric_id if fabric_id is None else fabric_id),
        )
        issuer = self._icac_name if self.icac_key else self._root_name
        return self._issue(subject, issuer, public_key, self.icac_key or self.key, ca=False)

    @staticmethod
    def _issue(subject, issuer, public_key, issuer_key, *, ca):
        usage = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN if ca else KeyUsage.DIGITAL_SIGNATURE
        purposes = (
            ()
            if ca
            else ((ExtensionType.EXTENDED_KEY_USAGE, (KeyPurpose.CLIENT_AUTH, KeyPurpose.SERVER_AUTH)),)
        )
        unsigned = Certificate(
            serial=b"\x01",
            issuer=DistinguishedName(issuer),
            not_before=0x2000_0000,
            not_after=0,
            subject=DistinguishedName(subject),
            public_key=public_key,
            extensions=(
                (ExtensionType.BASIC_CONSTRAINTS, BasicConstraints(is_ca=ca)),
                (ExtensionType.KEY_USAGE, usage),
                *purposes,
                (ExtensionType.SUBJECT_KEY_ID, sha1(public_key).digest()),
                (ExtensionType.AUTHORITY_KEY_ID, sha1(issuer_key.public_key).digest()),
            ),
            signature=bytes(64),
        )
        return unsigned.signed(issuer_key).to_tlv()


class RootNode:
    """A node with nothing but the clusters of commissioning, joined as a node joins them."""

    def __init__(self, storage=None, clock=None, *, max_fabrics=16):
        self.storage = storage or MemoryStorage()
        self.clock = clock or ManualClock()
        self.entropy = SeededEntropy()
        self.sessions = Sessions()
        self.state = Commissioning.restore(
            self.storage, self.clock, self.entropy, self.sessions, max_fabrics=max_fabrics
        )
        self.fabrics, self.fail_safe = self.state.fabrics, self.state.fail_safe
        self.gate, self.announcer = Gate(), Announcer()
        self.window = CommissioningWindow(
            SECRET, self.gate, self.announcer, self.fabrics, self.fail_safe, self.sessions, self.clock
        )
        self.decisions = AccessDecisions()
        self.basic = BasicInformationServer(INFO)
        self.acl = AccessControlServer(self.decisions)
        self.general = GeneralCommissioningServer(self.fail_safe, self.window, self.sessions, self.basic)
        self.administrator = AdministratorCommissioningServer(self.window, self.fabrics, self.fail_safe)
        self.attestation_key = KeyPair.generate(self.entropy)
        attestation = KeyAttestation(b"dac", b"pai", b"declaration", 0xFFF1, 0x8000, self.attestation_key)
        self.credentials = OperationalCredentialsServer(self.state, attestation, self.acl, self.basic)
        self.groups = GroupKeyManagementServer(self.state.group_keys, self.storage)
        self.network = EthernetCommissioningServer("eth0")
        self.tree = NodeTree(self.storage, self.clock, self.entropy)
        self.endpoint = Endpoint(
            0,
            [DeviceType(0x0016, 3)],
            [
                self.basic,
                self.acl,
                self.general,
                self.administrator,
                self.credentials,
                self.groups,
                self.network,
            ],
        )
        self.tree.add(self.endpoint)
        self.sessions.on_closed.append(self.fail_safe.session_closed)
        self.fabrics.on_removed.append(lambda fabric: self.tree.fabric_removed(fabric.index))
        self.fail_safe.recover()

    def restarted(self):
        """Return the node as it comes up again after a kill: what is not in storage is gone."""
        return RootNode(self.storage, self.clock)

    # ------------------------------------------------------------------ peers

    def commissioner(self):
        """Return the context of a commissioner that proved the passcode."""
        session = self.sessions.open(Subject(AuthMode.PASE))
        self.window.established(session)
        return Context(session.subject, session)

    def administrator_of(self, fabric_index, node_id=ADMIN):
        """Return the context of a fabric's administrator."""
        session = self.sessions.open(Subject(AuthMode.CASE, fabric_index, node_id))
        return Context(session.subject, session)

    @staticmethod
    def answered(context):
        """Let the peer have its answer; return what the same session asks with next."""
        while context.afterwards:
            context.afterwards.pop(0)()
        return Context(context.session.subject, context.session)

    # ------------------------------------------------------------------ the steps of a commissioning

    def arm(self, context, seconds=60, breadcrumb=0):
        request = ArmFailSafeRequest(expiry_length_seconds=seconds, breadcrumb=breadcrumb)
        return self.general.handle_arm_fail_safe(context, request).error_code

    def csr(self, context, *, for_update=False):
        """Return the public key that the node made."""
        request = CsrRequest(csr_nonce=bytes(32), is_for_update_noc=for_update)
        self.credentials.handle_csr_request(context, request)
        return self.fail_safe.pending.key.public_key

    def add_root(self, context, root):
        self.credentials.handle_add_trusted_root_certificate(
            context, AddTrustedRootCertificateRequest(root_ca_certificate=root)
        )

    def add_noc(self, context, noc, icac=None, *, ipk=IPK, subject=ADMIN, vendor_id=0xFFF1):
        return self.credentials.handle_add_noc(
            context,
            AddNocRequest(
                noc_value=noc,
                icac_value=icac,
                ipk_value=ipk,
                case_admin_subject=subject,
                admin_vendor_id=vendor_id,
            ),
        )

    def update_noc(self, context, noc, icac=None):
        return self.credentials.handle_update_noc(context, UpdateNocRequest(noc_value=noc, icac_value=icac))

    def join(self, authority, context=None):
        """Go through a commissioning up to AddNOC; return the new fabric's index."""
        context = context or self.commissioner()
        self.arm(context)
        key = self.csr(context)
        self.add_root(context, authority.root)
        response = self.add_noc(context, authority.noc(key), authority.icac)
        return response.fabric_index

    def commission(self, authority, context=None):
        """Go through a whole commissioning; return the administrator's context on the new fabric."""
        administrator = self.administrator_of(self.join(authority, context))
        self.general.handle_commissioning_complete(administrator)
        return administrator

    def events(self, event):
        """Return the payloads of the events of a kind, oldest first."""
        return [
            event.payload.from_tlv(_payload(record.data)) if event.payload else None
            for record in self.tree.events.since(0)
            if record.event is event
        ]


def _payload(data):
    return tlv.decode(b"\x15" + data[2:])


@pytest.fixture
def node():
    return RootNode()


@pytest.fixture
def make_node():
    return RootNode


@pytest.fixture
def make_authority():
    return Authority


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def status_of():
    """Return a function that runs a call and gives the (status, cluster status) it fails with."""

    def run(call, *arguments):
        try:
            call(*arguments)
        except StatusError as error:
            return error.status, error.cluster_status
        return None

    return run
