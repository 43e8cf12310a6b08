"""Fabrics come, change and go; every refusal has its own status."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.definitions.access_control import (
    AccessControl,
    AccessControlEntryAuthModeEnum,
    AccessControlEntryPrivilegeEnum,
    ChangeTypeEnum,
)
from clusters.definitions.basic_information import BasicInformation
from clusters.definitions.operational_credentials import (
    AddTrustedRootCertificateRequest,
    AttestationRequest,
    CertificateChainRequest,
    CsrRequest,
    NodeOperationalCertStatusEnum,
    RemoveFabricRequest,
    SetVidVerificationStatementRequest,
    SignVidVerificationRequest,
    UpdateFabricLabelRequest,
)
from matter_node.codec import tlv
from matter_node.crypto.keys import KeyPair, verify
from matter_node.model import Context
from matter_node.status import Status
from matter_node.subject import AuthMode, Subject

OK = NodeOperationalCertStatusEnum.OK
ADMIN, NODE, IPK = 112233, 0x1234, bytes(range(16))


def failure(status_of, *call):
    found = status_of(*call)
    return None if found is None else found[0]


# ---------------------------------------------------------------------- attestation


def test_attestation_is_signed_for_this_session(node):
    context = node.commissioner()
    answer = node.credentials.handle_attestation_request(
        context, AttestationRequest(attestation_nonce=b"n" * 32)
    )
    assert tlv.decode(answer.attestation_elements) == {
        1: b"declaration",
        2: b"n" * 32,
        3: int(node.clock.utc()) - 946_684_800,
    }
    signed = answer.attestation_elements + context.session.attestation_challenge
    assert verify(node.attestation_key.public_key, signed, answer.attestation_signature)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_nonce_has_32_bytes(node, status_of, length):
    context = node.commissioner()
    attestation = AttestationRequest(attestation_nonce=bytes(length))
    assert (
        failure(status_of, node.credentials.handle_attestation_request, context, attestation)
        is Status.INVALID_COMMAND
    )
    csr = CsrRequest(csr_nonce=bytes(length))
    assert failure(status_of, node.credentials.handle_csr_request, context, csr) is Status.INVALID_COMMAND


def test_certificates_above_the_attestation_key(node, status_of):
    context = node.commissioner()

    def ask(kind):
        request = CertificateChainRequest(certificate_type=kind)
        return node.credentials.handle_certificate_chain_request(context, request)

    assert (ask(1).certificate, ask(2).certificate) == (b"dac", b"pai")
    assert failure(status_of, ask, 3) is Status.INVALID_COMMAND


def test_a_csr_holds_the_new_key_and_the_nonce(node):
    context = node.commissioner()
    answer = node.credentials.handle_csr_request(context, CsrRequest(csr_nonce=b"c" * 32))
    elements = tlv.decode(answer.nocsr_elements)
    assert elements[2] == b"c" * 32
    assert node.fail_safe.pending.key.public_key in elements[1]
    signed = answer.nocsr_elements + context.session.attestation_challenge
    assert verify(node.attestation_key.public_key, signed, answer.attestation_signature)


# ---------------------------------------------------------------------- AddNOC


@pytest.mark.parametrize("with_icac", [False, True])
def test_joining_a_fabric(node, make_authority, with_icac):
    authority = make_authority(0xFAB, with_icac=with_icac)
    commissioner = node.commissioner()
    index = node.join(authority, commissioner)

    assert index == 1
    (fabric,) = node.credentials.read_fabrics(commissioner)
    assert (fabric.fabric_id, fabric.node_id, fabric.vendor_id) == (0xFAB, NODE, 0xFFF1)
    assert fabric.root_public_key == authority.key.public_key
    (nocs,) = node.credentials.read_nocs(commissioner)
    assert nocs.icac == authority.icac
    assert node.credentials.read_trusted_root_certificates(commissioner) == (authority.root,)
    assert node.credentials.read_commissioned_fabrics(commissioner) == 1
    assert node.state.group_keys.get(1, 0).epoch_keys == (IPK,)
    assert commissioner.session.subject == Subject(AuthMode.PASE, 1)


def test_the_administrator_gets_the_first_entry_and_everybody_hears(node, authority):
    node.join(authority)
    (entry,) = node.acl.acl
    assert entry.privilege is AccessControlEntryPrivilegeEnum.ADMINISTER
    assert entry.auth_mode is AccessControlEntryAuthModeEnum.CASE
    assert (entry.subjects, entry.targets, entry.fabric_index) == ((ADMIN,), None, 1)
    (event,) = node.events(AccessControl.access_control_entry_changed)
    assert (event.change_type, event.admin_node_id, event.admin_passcode_id) == (
        ChangeTypeEnum.ADDED,
        None,
        0,
    )
    assert (event.latest_value, event.fabric_index) == (entry, 1)
    assert node.decisions.entries[0].subjects == (ADMIN,)


def test_without_the_fail_safe_nothing_is_taken(node, authority, status_of):
    context = node.commissioner()
    node.fail_safe.expire()
    noc = authority.noc(KeyPair.generate().public_key)
    for call in (
        (node.csr, context),
        (node.add_root, context, authority.root),
        (node.add_noc, context, noc),
    ):
        assert failure(status_of, *call) is Status.FAILSAFE_REQUIRED
    administrator = node.commission(authority)
    assert failure(status_of, node.update_noc, administrator, noc) is Status.FAILSAFE_REQUIRED


def test_the_fail_safe_of_another_fabric_does_not_help(node, make_authority, status_of):
    first, second = node.commission(make_authority(1)), node.commission(make_authority(2))
    node.arm(first)
    assert failure(status_of, node.csr, second) is Status.FAILSAFE_REQUIRED


@pytest.mark.parametrize(
    "change",
    [
        {"ipk": bytes(15)},
        {"ipk": bytes(17)},
        {"vendor_id": 0},
        {"vendor_id": 0xFFF5},
        {"noc": bytes(401)},
        {"icac": bytes(401)},
    ],
)
def test_arguments_are_looked_at_first(node, status_of, change):
    context = node.commissioner()
    node.fail_safe.expire()
    arguments = {"noc": b"noc", **change}
    assert failure(status_of, lambda: node.add_noc(context, **arguments)) is Status.INVALID_COMMAND


def test_a_root_is_taken_once(node, authority, make_authority, status_of):
    context = node.commissioner()
    node.add_root(context, authority.root)
    assert node.credentials.read_trusted_root_certificates(context) == (authority.root,)
    other = make_authority().root
    assert failure(status_of, node.add_root, context, other) is Status.CONSTRAINT_ERROR
    assert node.credentials.read_trusted_root_certificates(context) == (authority.root,)


def test_a_root_that_waits_goes_with_a_fabric_and_can_be_given_again(node, make_authority):
    first, second = node.commission(make_authority(1)), node.commission(make_authority(2))
    authority, context = make_authority(3), node.commissioner()
    key = node.csr(context)
    node.add_root(context, authority.root)
    node.credentials.handle_remove_fabric(first, RemoveFabricRequest(fabric_index=second.fabric_index))
    staying = node.fabrics.get(first.fabric_index).root
    assert node.credentials.read_trusted_root_certificates(first) == (staying,)
    node.add_root(context, authority.root)
    assert node.credentials.read_trusted_root_certificates(first) == (staying, authority.root)
    assert node.add_noc(context, authority.noc(key)).status_code is OK


def test_a_bad_root_is_refused(node, authority, status_of):
    context = node.commissioner()
    spoiled = authority.root[:-5] + bytes(4) + authority.root[-1:]
    for root in (spoiled, b"", bytes(401), authority.noc(authority.key.public_key)):
        request = AddTrustedRootCertificateRequest(root_ca_certificate=root)
        call = (node.credentials.handle_add_trusted_root_certificate, context, request)
        assert failure(status_of, *call) is Status.INVALID_COMMAND
    assert node.credentials.read_trusted_root_certificates(context) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=400), place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_whatever_comes_as_a_certificate_is_refused_politely(node, authority, status_of, noise, place, flip):
    context = node.commissioner()
    spoiled = bytearray(authority.root)
    spoiled[place % len(spoiled)] ^= flip
    for root in (noise, bytes(spoiled)):
        assert failure(status_of, node.add_root, context, root) is Status.INVALID_COMMAND
    key = node.csr(context)
    node.fail_safe.stage_root(authority.root)
    noc = bytearray(authority.noc(key))
    noc[place % len(noc)] ^= flip
    for chain in ((noise, None), (bytes(noc), None), (authority.noc(key), noise or b"x")):
        assert node.add_noc(context, *chain).status_code in {
            NodeOperationalCertStatusEnum.INVALID_NOC,
            NodeOperationalCertStatusEnum.INVALID_PUBLIC_KEY,
        }
    node.fail_safe.pending.root = None
    assert len(node.fabrics) == 0


def test_a_certificate_needs_a_request_for_it_in_the_same_session(node, authority):
    context = node.commissioner()
    node.add_root(context, authority.root)
    noc = authority.noc(KeyPair.generate().public_key)
    assert node.add_noc(context, noc).status_code is NodeOperationalCertStatusEnum.MISSING_CSR

    key = node.csr(context)
    elsewhere = Context(context.subject, node.sessions.open(Subject(AuthMode.PASE)))
    refusal = node.add_noc(elsewhere, authority.noc(key))
    assert refusal.status_code is NodeOperationalCertStatusEnum.MISSING_CSR
    assert node.add_noc(context, authority.noc(key)).status_code is OK


def test_a_certificate_needs_a_root(node, authority):
    context = node.commissioner()
    key = node.csr(context)
    refusal = node.add_noc(context, authority.noc(key))
    assert refusal.status_code is NodeOperationalCertStatusEnum.INVALID_NOC
    assert refusal.fabric_index is None


def test_a_certificate_for_another_key_or_from_another_root(node, authority, make_authority):
    context = node.commissioner()
    node.csr(context)
    key = node.csr(context)
    node.add_root(context, authority.root)
    other_key = authority.noc(KeyPair.generate().public_key)
    refusal = node.add_noc(context, other_key)
    assert refusal.status_code is NodeOperationalCertStatusEnum.INVALID_PUBLIC_KEY
    for noc in (make_authority().noc(key), b"nonsense", b""):
        assert node.add_noc(context, noc).status_code is NodeOperationalCertStatusEnum.INVALID_NOC
    assert node.credentials.read_fabrics(context) == ()


@pytest.mark.parametrize("subject", [0, 0xFFFF_FFFD_0001_0000, 0xFFFF_FFFF_FFFF_0001, 0xFFFF_FFFB_0000_0000])
def test_an_administrator_is_a_node_or_a_tag(node, authority, subject):
    context = node.commissioner()
    key = node.csr(context)
    node.add_root(context, authority.root)
    refusal = node.add_noc(context, authority.noc(key), subject=subject)
    assert refusal.status_code is NodeOperationalCertStatusEnum.INVALID_ADMIN_SUBJECT
    tag = 0xFFFF_FFFD_0001_0001
    assert node.add_noc(context, authority.noc(key), subject=tag).status_code is OK


def test_one_certificate_a_commissioning(node, authority, status_of):
    context = node.commissioner()
    node.join(authority, context)
    context = node.answered(context)
    noc = authority.noc(KeyPair.generate().public_key)
    for call in (
        (node.add_noc, context, noc),
        (node.csr, context),
        (node.add_root, context, authority.root),
        (node.update_noc, node.administrator_of(1), noc),
    ):
        assert failure(status_of, *call) is Status.CONSTRAINT_ERROR


def test_a_fabric_is_joined_once(node, authority):
    administrator = node.commission(authority)
    node.arm(administrator)
    key = node.csr(administrator)
    node.add_root(administrator, authority.root)
    refusal = node.add_noc(administrator, authority.noc(key, node_id=NODE + 1))
    assert refusal.status_code is NodeOperationalCertStatusEnum.FABRIC_CONFLICT


def test_a_full_table(make_node, make_authority):
    node = make_node(max_fabrics=5)
    for fabric_id in range(1, 6):
        node.commission(make_authority(fabric_id))
    authority, context = make_authority(6), node.commissioner()
    key = node.csr(context)
    node.add_root(context, authority.root)
    refusal = node.add_noc(context, authority.noc(key))
    assert refusal.status_code is NodeOperationalCertStatusEnum.TABLE_FULL


def test_a_fabric_that_comes_back_has_a_new_index(node, make_authority):
    authority = make_authority(2)
    first, second = node.commission(make_authority(1)), node.commission(authority)
    node.credentials.handle_remove_fabric(first, RemoveFabricRequest(fabric_index=second.fabric_index))
    assert node.commission(authority).fabric_index == 3


@pytest.mark.parametrize("full_at", ["fail-safe/", "fabrics/", "fabric/", "group-keys/", "attribute/0/31/0"])
def test_a_full_disk_ends_the_commissioning(node, authority, full_at):
    context = node.commissioner()
    key = node.csr(context)
    node.add_root(context, authority.root)
    put = node.storage.put

    def put_if_there_is_room(key, value):
        if key.startswith(full_at) and value != b"\x16\x18":
            raise OSError(28, "No space left on device")
        put(key, value)

    node.storage.put = put_if_there_is_room
    with pytest.raises(OSError, match="No space"):
        node.add_noc(context, authority.noc(key))
    node.answered(context)
    assert (len(node.fabrics), node.acl.acl, node.decisions.entries) == (0, (), ())
    assert (node.fail_safe.is_armed, node.sessions.alive) == (False, [])
    assert len(node.restarted().fabrics) == 0


def test_an_administrator_adds_a_fabric_over_case(node, make_authority):
    administrator, authority = node.commission(make_authority(1)), make_authority(2)
    assert node.join(authority, administrator) == 2
    assert administrator.session.subject.fabric_index == 1
    assert node.fail_safe.is_armed_for(2)


# ---------------------------------------------------------------------- UpdateNOC


def test_updating_keeps_index_label_and_access(node, make_authority):
    authority = make_authority(with_icac=True)
    administrator = node.commission(authority)
    node.credentials.handle_update_fabric_label(administrator, UpdateFabricLabelRequest(label="home"))
    other_session = node.administrator_of(1)
    node.arm(administrator)
    key = node.csr(administrator, for_update=True)
    answer = node.update_noc(administrator, authority.noc(key, node_id=99), authority.icac)

    assert (answer.status_code, answer.fabric_index) == (OK, 1)
    fabric = node.fabrics.get(1)
    assert (fabric.node_id, fabric.key.public_key, fabric.label) == (99, key, "home")
    assert len(node.acl.acl) == 1
    assert administrator.session in node.sessions.alive
    assert other_session.session not in node.sessions.alive
    node.general.handle_commissioning_complete(administrator)
    assert node.restarted().fabrics.get(1).key.public_key == key


def test_updates_that_are_refused(node, authority, make_authority, status_of):
    administrator = node.commission(authority)
    before = node.fabrics.get(1)
    noc = authority.noc(KeyPair.generate().public_key)
    node.arm(administrator)
    refusal = node.update_noc(administrator, noc)
    assert refusal.status_code is NodeOperationalCertStatusEnum.MISSING_CSR

    key = node.csr(administrator, for_update=False)
    assert failure(status_of, node.update_noc, administrator, authority.noc(key)) is Status.CONSTRAINT_ERROR

    key = node.csr(administrator, for_update=True)
    assert failure(status_of, node.add_noc, administrator, authority.noc(key)) is Status.CONSTRAINT_ERROR
    refusal = node.update_noc(administrator, noc)
    assert refusal.status_code is NodeOperationalCertStatusEnum.INVALID_PUBLIC_KEY
    for bad in (make_authority().noc(key), authority.noc(key, fabric_id=77)):
        refusal = node.update_noc(administrator, bad)
        assert refusal.status_code is NodeOperationalCertStatusEnum.INVALID_NOC

    node.add_root(administrator, make_authority().root)
    refusal = node.update_noc(administrator, authority.noc(key))
    assert refusal.status_code is NodeOperationalCertStatusEnum.MISSING_CSR
    assert node.fabrics.get(1) == before


def test_a_commissioner_updates_nothing(node, authority, status_of):
    context = node.commissioner()
    request = CsrRequest(csr_nonce=bytes(32), is_for_update_noc=True)
    assert failure(status_of, node.credentials.handle_csr_request, context, request) is Status.INVALID_COMMAND
    key = node.csr(context)
    assert failure(status_of, node.update_noc, context, authority.noc(key)) is Status.UNSUPPORTED_ACCESS


# ---------------------------------------------------------------------- labels and leaving


def test_a_label_is_one_fabrics_own(node, make_authority):
    first, second = node.commission(make_authority(1)), node.commission(make_authority(2))

    def label(context, text):
        request = UpdateFabricLabelRequest(label=text)
        return node.credentials.handle_update_fabric_label(context, request).status_code

    assert label(first, "home") is OK
    assert label(first, "home") is OK
    assert label(second, "home") is NodeOperationalCertStatusEnum.LABEL_CONFLICT
    assert label(second, "cabin") is OK
    assert label(first, "") is OK
    assert label(second, "") is OK
    assert label(first, "home") is OK
    assert [fabric.label for fabric in node.restarted().fabrics] == ["home", ""]


def test_leaving_is_answered_before_the_session_ends(node, make_authority):
    staying, leaving = node.commission(make_authority(1)), node.commission(make_authority(2))
    idle = node.administrator_of(2)
    answer = node.credentials.handle_remove_fabric(leaving, RemoveFabricRequest(fabric_index=2))

    assert (answer.status_code, answer.fabric_index) == (OK, 2)
    assert leaving.session in node.sessions.alive
    assert idle.session not in node.sessions.alive
    node.answered(leaving)
    assert leaving.session not in node.sessions.alive
    assert staying.session in node.sessions.alive
    assert [event.fabric_index for event in node.events(BasicInformation.leave)] == [2]
    assert {entry.fabric_index for entry in node.acl.acl} == {1}
    assert node.state.group_keys.ids(2) == ()
    assert [fabric.index for fabric in node.restarted().fabrics] == [1]


def test_leaving_an_unknown_fabric(node, authority):
    administrator = node.commission(authority)
    answer = node.credentials.handle_remove_fabric(administrator, RemoveFabricRequest(fabric_index=7))
    assert answer.status_code is NodeOperationalCertStatusEnum.INVALID_FABRIC_INDEX


def test_leaving_the_fabric_that_is_being_joined_ends_the_commissioning(node, make_authority):
    first = node.commission(make_authority(1))
    index = node.join(make_authority(2))
    node.credentials.handle_remove_fabric(first, RemoveFabricRequest(fabric_index=index))
    assert not node.fail_safe.is_armed
    assert [fabric.index for fabric in node.restarted().fabrics] == [1]


# ---------------------------------------------------------------------- vendor id verification

STATEMENT = b"\x21" + bytes(84)


def test_the_node_signs_its_binding_to_a_fabric(node, authority):
    administrator = node.commission(authority)
    request = SetVidVerificationStatementRequest(
        vendor_id=0xFFF2, vid_verification_statement=STATEMENT, vvsc=b"cert"
    )
    node.credentials.handle_set_vid_verification_statement(administrator, request)
    (descriptor,) = node.credentials.read_fabrics(administrator)
    assert (descriptor.vendor_id, descriptor.vid_verification_statement) == (0xFFF2, STATEMENT)
    assert node.credentials.read_nocs(administrator)[0].vvsc == b"cert"

    answer = node.credentials.handle_sign_vid_verification_request(
        administrator, SignVidVerificationRequest(fabric_index=1, client_challenge=b"c" * 32)
    )
    challenge = administrator.session.attestation_challenge
    binding = b"\x01" + authority.key.public_key + (1).to_bytes(8, "big") + b"\xff\xf2"
    message = b"\x01" + b"c" * 32 + challenge + b"\x01" + binding + STATEMENT
    assert answer.fabric_binding_version == 1
    assert verify(node.fabrics.get(1).key.public_key, message, answer.signature)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.INVALID_COMMAND),
        ({"vendor_id": 0}, Status.CONSTRAINT_ERROR),
        ({"vendor_id": 0xFFF5}, Status.CONSTRAINT_ERROR),
        ({"vid_verification_statement": bytes(86)}, Status.CONSTRAINT_ERROR),
        ({"vid_verification_statement": STATEMENT[:-1]}, Status.CONSTRAINT_ERROR),
        ({"vvsc": bytes(401)}, Status.CONSTRAINT_ERROR),
        ({"vid_verification_statement": b""}, None),
        ({"vvsc": b""}, None),
    ],
)
def test_what_may_vouch_for_a_vendor_id(node, authority, status_of, fields, status):
    administrator = node.commission(authority)
    before = node.fabrics.get(1)
    request = SetVidVerificationStatementRequest(**fields)
    call = (node.credentials.handle_set_vid_verification_statement, administrator, request)
    assert failure(status_of, *call) is status
    assert node.fabrics.get(1) == before


def test_a_signer_certificate_takes_the_place_of_an_icac(node, make_authority, status_of):
    administrator = node.commission(make_authority(with_icac=True))
    request = SetVidVerificationStatementRequest(vvsc=b"cert")
    call = (node.credentials.handle_set_vid_verification_statement, administrator, request)
    assert failure(status_of, *call) is Status.INVALID_COMMAND


def test_signing_for_an_unknown_fabric(node, authority, status_of):
    administrator = node.commission(authority)
    request = SignVidVerificationRequest(fabric_index=2, client_challenge=bytes(32))
    call = (node.credentials.handle_sign_vid_verification_request, administrator, request)
    assert failure(status_of, *call) is Status.CONSTRAINT_ERROR


def test_everything_of_a_fabric_survives_a_restart(node, make_authority):
    administrator = node.commission(make_authority(5, with_icac=True))
    node.credentials.handle_update_fabric_label(administrator, UpdateFabricLabelRequest(label="home"))
    before = node.fabrics.get(1)
    again = node.restarted()
    assert again.fabrics.get(1) == before
    assert dataclasses.asdict(again.acl.acl[0]) == dataclasses.asdict(node.acl.acl[0])
    assert again.decisions.entries == node.decisions.entries
    assert again.state.group_keys.get(1, 0) == node.state.group_keys.get(1, 0)
