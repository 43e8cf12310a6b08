"""OperationalCredentials at work: fabrics come, change and go (Matter Core 11.18)."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from clusters.access_control import is_access_subject
from clusters.definitions.operational_credentials import (
    AddNocRequest,
    AddTrustedRootCertificateRequest,
    AttestationRequest,
    AttestationResponse,
    CertificateChainRequest,
    CertificateChainResponse,
    CertificateChainTypeEnum,
    CsrRequest,
    CsrResponse,
    FabricDescriptorStruct,
    NocResponse,
    NOCStruct,
    OperationalCredentials,
    RemoveFabricRequest,
    SetVidVerificationStatementRequest,
    SignVidVerificationRequest,
    SignVidVerificationResponse,
    UpdateFabricLabelRequest,
    UpdateNocRequest,
)
from clusters.definitions.operational_credentials import NodeOperationalCertStatusEnum as CertStatus
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.codec.certificate import Certificate, CertificateError
from matter_node.codec.chain import validate_chain, validate_root
from matter_node.commissioning.fabric_record import make_fabric
from matter_node.commissioning.fabrics import LabelConflictError
from matter_node.commissioning.group_keys import IPK_KEY_SET, GroupKeySet
from matter_node.commissioning.vid_verification import (
    FABRIC_BINDING_VERSION,
    SignerNotAllowedError,
    VidVerificationError,
    apply_statement,
    is_vendor_id,
    to_be_signed,
)
from matter_node.crypto.keys import KeyPair
from matter_node.model import Urgency
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from clusters.access_control import AccessControlServer
    from clusters.basic_information import BasicInformationServer
    from matter_node.codec.chain import OperationalIdentity
    from matter_node.commissioning.attestation import Attestation
    from matter_node.commissioning.commissioning import Commissioning
    from matter_node.fabric import Fabric
    from matter_node.model import Context

_log = logging.getLogger(__name__)

_NONCE_LENGTH = 32
_IPK_LENGTH = 16
_MAX_CERTIFICATE = 400
_MAX_DEBUG_TEXT = 128


class OperationalCredentialsServer(OperationalCredentials):
    """The node's OperationalCredentials.

    :param attestation: what proves the device's make
    :param access_control: gets the first administrator's entry of every new fabric
    :param basic_information: reports that the node leaves a fabric
    """

    def __init__(
        self,
        commissioning: Commissioning,
        attestation: Attestation,
        access_control: AccessControlServer,
        basic_information: BasicInformationServer,
    ) -> None:
        fabrics = commissioning.fabrics
        super().__init__(supported_fabrics=fabrics.capacity)
        self._commissioning = commissioning
        self._fabrics = fabrics
        self._fail_safe = commissioning.fail_safe
        self._attestation = attestation
        self._access_control = access_control
        self._basic_information = basic_information
        fabrics.on_added.append(self._fabric_came_or_went)
        fabrics.on_removed.append(self._fabric_came_or_went)
        fabrics.on_updated.append(self._fabric_updated)
        commissioning.fail_safe.on_changed.append(self._roots_changed)

    # ------------------------------------------------------------------ attributes

    def read_nocs(self, _: Context) -> tuple[NOCStruct, ...]:
        """Return the operational certificates of all fabrics."""
        return tuple(
            NOCStruct(noc=fabric.noc, icac=fabric.icac, vvsc=fabric.vvsc or None, fabric_index=fabric.index)
            for fabric in self._fabrics
        )

    def read_fabrics(self, _: Context) -> tuple[FabricDescriptorStruct, ...]:
        """Return who the fabrics are."""
        return tuple(
            FabricDescriptorStruct(
                root_public_key=fabric.root_public_key,
                vendor_id=fabric.vendor_id,
                fabric_id=fabric.fabric_id,
                node_id=fabric.node_id,
                label=fabric.label,
                vid_verification_statement=fabric.vid_verification_statement or None,
                fabric_index=fabric.index,
            )
            for fabric in self._fabrics
        )

    def read_commissioned_fabrics(self, _: Context) -> int:
        """Return how many fabrics there are."""
        return len(self._fabrics)

    def read_trusted_root_certificates(self, _: Context) -> tuple[bytes, ...]:
        """Return every fabric's root, and the one that waits for its AddNOC."""
        roots = tuple(fabric.root for fabric in self._fabrics)
        pending = self._fail_safe.pending.root
        return roots if pending is None else (*roots, pending)

    def read_current_fabric_index(self, context: Context) -> int:
        """Return the fabric of who asks, 0 for none."""
        return context.fabric_index

    # ------------------------------------------------------------------ attestation

    def handle_attestation_request(
        self, context: Context, request: AttestationRequest
    ) -> AttestationResponse:
        """Prove the device's make to this session."""
        _check_nonce(request.attestation_nonce)
        utc = self._commissioning.clock.utc()
        elements = tlv.encode(
            {
                1: self._attestation.declaration,
                2: request.attestation_nonce,
                3: 0 if utc is None else int(utc - MATTER_EPOCH_OFFSET),
            }
        )
        return AttestationResponse(
            attestation_elements=elements, attestation_signature=self._attest(elements, context)
        )

    def handle_certificate_chain_request(
        self,
        _: Context,
        request: CertificateChainRequest,
    ) -> CertificateChainResponse:
        """Return one of the certificates above the attestation key."""
        if request.certificate_type == CertificateChainTypeEnum.DAC_CERTIFICATE:
            return CertificateChainResponse(certificate=self._attestation.dac)
        if request.certificate_type == CertificateChainTypeEnum.PAI_CERTIFICATE:
            return CertificateChainResponse(certificate=self._attestation.pai)
        raise StatusError(Status.INVALID_COMMAND, f"certificate type {request.certificate_type}")

    def handle_csr_request(self, context: Context, request: CsrRequest) -> CsrResponse:
        """Make a new operational key and ask for its certificate."""
        _check_nonce(request.csr_nonce)
        self._check_fail_safe(context)
        if self._fail_safe.pending.has_noc:
            raise StatusError(Status.CONSTRAINT_ERROR, "this commissioning has its certificate")
        for_update = bool(request.is_for_update_noc)
        if for_update and context.subject.auth_mode is AuthMode.PASE:
            raise StatusError(Status.INVALID_COMMAND, "only a fabric's own administrator updates it")
        key = KeyPair.generate(self._commissioning.entropy)
        self._fail_safe.stage_key(key, context.session, for_update=for_update)
        elements = tlv.encode({1: key.csr(), 2: request.csr_nonce})
        return CsrResponse(nocsr_elements=elements, attestation_signature=self._attest(elements, context))

    # ------------------------------------------------------------------ fabrics come and change

    def handle_add_trusted_root_certificate(
        self, context: Context, request: AddTrustedRootCertificateRequest
    ) -> None:
        """Take the root of the fabric that AddNOC is to add."""
        root = request.root_ca_certificate
        _check_certificate_length(root)
        self._check_fail_safe(context)
        pending = self._fail_safe.pending
        if pending.root is not None or pending.has_noc:
            raise StatusError(Status.CONSTRAINT_ERROR, "this commissioning has its root")
        try:
            validate_root(root)
        except CertificateError as error:
            raise StatusError(Status.INVALID_COMMAND, str(error)) from error
        self._fail_safe.stage_root(root)

    def handle_add_noc(self, context: Context, request: AddNocRequest) -> NocResponse:
        """Join a fabric."""
        noc, icac = request.noc_value, request.icac_value or None
        _check_certificate_length(noc, icac)
        if len(request.ipk_value) != _IPK_LENGTH:
            raise StatusError(Status.INVALID_COMMAND, f"an IPK of {len(request.ipk_value)} bytes")
        if not is_vendor_id(request.admin_vendor_id):
            raise StatusError(Status.INVALID_COMMAND, f"vendor id {request.admin_vendor_id:#06x}")
        try:
            key = self._pending_key(context, for_update=False)
            fabric = self._new_fabric(request, noc, icac, key)
        except _RefusedError as refusal:
            return refusal.response
        try:
            self._join(fabric, request.case_admin_subject)
        except Exception:
            # The storage is full or broken: nothing was stored, and memory is not to say otherwise.
            self._fail_safe.expire(context)
            raise
        if context.subject.auth_mode is AuthMode.PASE:
            context.session.subject = dataclasses.replace(context.subject, fabric_index=fabric.index)
        return NocResponse(status_code=CertStatus.OK, fabric_index=fabric.index)

    def handle_update_noc(self, context: Context, request: UpdateNocRequest) -> NocResponse:
        """Change key and certificates within a fabric."""
        noc, icac = request.noc_value, request.icac_value or None
        _check_certificate_length(noc, icac)
        fabric = self._fabrics.get(context.fabric_index)
        if fabric is None or context.subject.auth_mode is not AuthMode.CASE:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "only a fabric's own administrator updates it")
        try:
            key = self._pending_key(context, for_update=True)
            updated = self._updated_fabric(fabric, noc, icac, key)
        except _RefusedError as refusal:
            return refusal.response
        with self._commissioning.storage.transaction():
            self._fail_safe.update_fabric(updated)
        self._commissioning.storage.flush()
        self._commissioning.sessions.close_fabric(fabric.index, keep=context.session)
        return NocResponse(status_code=CertStatus.OK, fabric_index=fabric.index)

    def handle_update_fabric_label(self, context: Context, request: UpdateFabricLabelRequest) -> NocResponse:
        """Name the accessing fabric."""
        index = context.fabric_index
        try:
            self._fabrics.set_label(index, request.label)
        except LabelConflictError:
            return _RefusedError(CertStatus.LABEL_CONFLICT, "another fabric has that label").response
        except KeyError as error:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "no accessing fabric") from error
        self._commissioning.storage.flush()
        return NocResponse(status_code=CertStatus.OK, fabric_index=index)

    def handle_remove_fabric(self, context: Context, request: RemoveFabricRequest) -> NocResponse:
        """Leave a fabric."""
        index = request.fabric_index
        if self._fabrics.get(index) is None:
            return _RefusedError(CertStatus.INVALID_FABRIC_INDEX, f"no fabric {index}").response
        self._basic_information.record_leave(index)
        with self._commissioning.storage.transaction():
            self._fabrics.remove(index)
        self._commissioning.storage.flush()
        session, sessions = context.session, self._commissioning.sessions
        sessions.close_fabric(index, keep=session)
        if session.subject.fabric_index == index:
            context.after_response(lambda: sessions.close(session))
        return NocResponse(status_code=CertStatus.OK, fabric_index=index)

    # ------------------------------------------------------------------ vendor id verification

    def handle_set_vid_verification_statement(
        self, context: Context, request: SetVidVerificationStatementRequest
    ) -> None:
        """Keep what vouches for the vendor id of the accessing fabric's administrator."""
        fabric = self._fabrics.get(context.fabric_index)
        if fabric is None:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "no accessing fabric")
        fields = (request.vendor_id, request.vid_verification_statement, request.vvsc)
        if all(field is None for field in fields):
            raise StatusError(Status.INVALID_COMMAND, "nothing to set")
        try:
            changed = apply_statement(fabric, vendor_id=fields[0], statement=fields[1], vvsc=fields[2])
        except SignerNotAllowedError as error:
            raise StatusError(Status.INVALID_COMMAND, str(error)) from error
        except VidVerificationError as error:
            raise StatusError(Status.CONSTRAINT_ERROR, str(error)) from error
        self._fabrics.replace(changed)
        self._commissioning.storage.flush()

    def handle_sign_vid_verification_request(
        self, context: Context, request: SignVidVerificationRequest
    ) -> SignVidVerificationResponse:
        """Sign what binds this node to one of its fabrics."""
        fabric = self._fabrics.get(request.fabric_index)
        if fabric is None:
            raise StatusError(Status.CONSTRAINT_ERROR, f"no fabric {request.fabric_index}")
        message = to_be_signed(fabric, request.client_challenge, context.session.attestation_challenge)
        return SignVidVerificationResponse(
            fabric_index=fabric.index,
            fabric_binding_version=FABRIC_BINDING_VERSION,
            signature=fabric.key.sign(message),
        )

    # ------------------------------------------------------------------ inside

    def _join(self, fabric: Fabric, administrator: int) -> None:
        ipk = GroupKeySet(IPK_KEY_SET, 0, fabric.ipk_epoch_keys, (0,))
        with self._commissioning.storage.transaction():
            self._fail_safe.add_fabric(fabric)
            self._commissioning.group_keys.write(fabric.index, ipk)
            self._access_control.add_administrator(fabric.index, administrator)
        self._commissioning.storage.flush()

    def _attest(self, elements: bytes, context: Context) -> bytes:
        return self._attestation.sign(elements + context.session.attestation_challenge)

    def _check_fail_safe(self, context: Context) -> None:
        if not self._fail_safe.is_armed_for(context.fabric_index):
            raise StatusError(Status.FAILSAFE_REQUIRED, "the fail-safe is not armed for this administrator")

    def _pending_key(self, context: Context, *, for_update: bool) -> KeyPair:
        """Return the key pair that a certificate has to be for; an error if this is not its turn."""
        self._check_fail_safe(context)
        pending = self._fail_safe.pending
        if pending.has_noc:
            raise StatusError(Status.CONSTRAINT_ERROR, "this commissioning has its certificate")
        if pending.key is None or pending.key_session is not context.session:
            raise _RefusedError(CertStatus.MISSING_CSR, "no CSRRequest in this session")
        if pending.key_for_update is not for_update:
            raise StatusError(Status.CONSTRAINT_ERROR, "the CSRRequest was for the other command")
        return pending.key

    def _new_fabric(self, request: AddNocRequest, noc: bytes, icac: bytes | None, key: KeyPair) -> Fabric:
        """Return the fabric that the certificates make this node part of; an error if it cannot be."""
        root = self._fail_safe.pending.root
        if root is None:
            raise _RefusedError(CertStatus.INVALID_NOC, "no root certificate")
        if self._fabrics.is_full:
            raise _RefusedError(CertStatus.TABLE_FULL, f"{len(self._fabrics)} fabrics")
        identity = _judge(noc, icac, root, key)
        if self._fabrics.find(identity.root_public_key, identity.fabric_id) is not None:
            raise _RefusedError(CertStatus.FABRIC_CONFLICT, "the node is in that fabric")
        if not is_access_subject(request.case_admin_subject):
            raise _RefusedError(
                CertStatus.INVALID_ADMIN_SUBJECT, "neither node id nor CASE authenticated tag"
            )
        return make_fabric(
            index=self._fabrics.next_index(),
            fabric_id=identity.fabric_id,
            node_id=identity.node_id,
            vendor_id=request.admin_vendor_id,
            root=root,
            root_public_key=identity.root_public_key,
            noc=noc,
            icac=icac,
            key=key,
            ipk_epoch_keys=(request.ipk_value,),
        )

    def _updated_fabric(self, fabric: Fabric, noc: bytes, icac: bytes | None, key: KeyPair) -> Fabric:
        """Return a fabric with other certificates; an error if they are not for it."""
        if self._fail_safe.pending.root is not None:
            raise _RefusedError(CertStatus.MISSING_CSR, "an update keeps the root")
        identity = _judge(noc, icac, fabric.root, key)
        if identity.fabric_id != fabric.fabric_id:
            raise _RefusedError(CertStatus.INVALID_NOC, "another fabric's certificate")
        vvsc = fabric.vvsc if icac is None else b""
        return dataclasses.replace(fabric, node_id=identity.node_id, noc=noc, icac=icac, key=key, vvsc=vvsc)

    def _fabric_came_or_went(self, _: Fabric) -> None:
        self.changed(OperationalCredentials.nocs, Urgency.NEVER)
        self.changed(OperationalCredentials.fabrics)
        self.changed(OperationalCredentials.commissioned_fabrics)
        self._roots_changed()

    def _fabric_updated(self, *_: Fabric) -> None:
        self.changed(OperationalCredentials.nocs, Urgency.NEVER)
        self.changed(OperationalCredentials.fabrics)

    def _roots_changed(self) -> None:
        self.changed(OperationalCredentials.trusted_root_certificates, Urgency.NEVER)


class _RefusedError(Exception):
    """A command about certificates is answered with another status than OK."""

    def __init__(self, status: CertStatus, reason: str) -> None:
        super().__init__(reason)
        _log.info("Refused with %s: %s", status.name, reason)
        self.response = NocResponse(status_code=status, debug_text=reason[:_MAX_DEBUG_TEXT])


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != _NONCE_LENGTH:
        raise StatusError(Status.INVALID_COMMAND, f"a nonce of {len(nonce)} bytes")


def _check_certificate_length(*certificates: bytes | None) -> None:
    for certificate in certificates:
        if certificate is not None and len(certificate) > _MAX_CERTIFICATE:
            raise StatusError(Status.INVALID_COMMAND, f"a certificate of {len(certificate)} bytes")


def _judge(noc: bytes, icac: bytes | None, root: bytes, key: KeyPair) -> OperationalIdentity:
    """Return who the certificates make this node; an error if they do not hold or are for another key."""
    try:
        if Certificate.from_tlv(noc).public_key != key.public_key:
            raise _RefusedError(CertStatus.INVALID_PUBLIC_KEY, "the certificate is for another key")
        return validate_chain(noc, icac, root)
    except CertificateError as error:
        raise _RefusedError(CertStatus.INVALID_NOC, str(error)) from error
