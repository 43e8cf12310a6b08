"""Operational Credentials cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from enum import IntEnum

from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Octets,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt64,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class NOCStruct(Struct):
    noc: bytes = member(1, Octets(maximum=400))
    icac: bytes | None = member(2, Nullable(Octets(maximum=400)))
    vvsc: bytes | None = member(3, Octets(maximum=400), optional=True, default=None)
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class FabricDescriptorStruct(Struct):
    root_public_key: bytes = member(1, Octets(minimum=65, maximum=65))
    vendor_id: int = member(2, UInt16)
    fabric_id: int = member(3, UInt64)
    node_id: int = member(4, UInt64)
    label: str = member(5, Utf8(maximum=32))
    vid_verification_statement: bytes | None = member(
        6, Octets(minimum=85, maximum=85), optional=True, default=None
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class AttestationRequest(Struct):
    attestation_nonce: bytes = member(0, Octets())


@struct
class AttestationResponse(Struct):
    attestation_elements: bytes = member(0, Octets(maximum=900))
    attestation_signature: bytes = member(1, Octets(minimum=64, maximum=64))


class CertificateChainTypeEnum(IntEnum):
    DAC_CERTIFICATE = 1
    PAI_CERTIFICATE = 2


@struct
class CertificateChainRequest(Struct):
    certificate_type: int = member(0, UInt8)


@struct
class CertificateChainResponse(Struct):
    certificate: bytes = member(0, Octets(maximum=600))


@struct
class CsrRequest(Struct):
    csr_nonce: bytes = member(0, Octets())
    is_for_update_noc: bool | None = member(1, Bool, optional=True, default=None)


@struct
class CsrResponse(Struct):
    nocsr_elements: bytes = member(0, Octets(maximum=900))
    attestation_signature: bytes = member(1, Octets(minimum=64, maximum=64))


@struct
class AddNocRequest(Struct):
    noc_value: bytes = member(0, Octets())
    icac_value: bytes | None = member(1, Octets(), optional=True, default=None)
    ipk_value: bytes = member(2, Octets())
    case_admin_subject: int = member(3, UInt64)
    admin_vendor_id: int = member(4, UInt16)


class NodeOperationalCertStatusEnum(IntEnum):
    OK = 0
    INVALID_PUBLIC_KEY = 1
    INVALID_NODE_OP_ID = 2
    INVALID_NOC = 3
    MISSING_CSR = 4
    TABLE_FULL = 5
    INVALID_ADMIN_SUBJECT = 6
    FABRIC_CONFLICT = 9
    LABEL_CONFLICT = 10
    INVALID_FABRIC_INDEX = 11


@struct
class NocResponse(Struct):
    status_code: NodeOperationalCertStatusEnum = member(0, Enum(NodeOperationalCertStatusEnum))
    fabric_index: int | None = member(1, UInt8.between(1, 254), optional=True, default=None)  # type: ignore[assignment] # a plain field here, which may be absent
    debug_text: str | None = member(2, Utf8(maximum=128), optional=True, default=None)


@struct
class UpdateNocRequest(Struct):
    noc_value: bytes = member(0, Octets())
    icac_value: bytes | None = member(1, Octets(), optional=True, default=None)


@struct
class UpdateFabricLabelRequest(Struct):
    label: str = member(0, Utf8(maximum=32))


@struct
class RemoveFabricRequest(Struct):
    fabric_index: int = member(0, UInt8.between(1, 254))


@struct
class AddTrustedRootCertificateRequest(Struct):
    root_ca_certificate: bytes = member(0, Octets())


@struct
class SetVidVerificationStatementRequest(Struct):
    vendor_id: int | None = member(0, UInt16, optional=True, default=None)
    vid_verification_statement: bytes | None = member(1, Octets(), optional=True, default=None)
    vvsc: bytes | None = member(2, Octets(), optional=True, default=None)


@struct
class SignVidVerificationRequest(Struct):
    fabric_index: int = member(0, UInt8.between(1, 254))
    client_challenge: bytes = member(1, Octets(minimum=32, maximum=32))


@struct
class SignVidVerificationResponse(Struct):
    fabric_index: int = member(0, UInt8.between(1, 254))
    fabric_binding_version: int = member(1, UInt8.between(1, 255))
    signature: bytes = member(2, Octets(minimum=1))


class OperationalCredentials(Cluster):
    """Operational Credentials, cluster 0x003e."""

    ID = 0x003E
    REVISION = 2
    NAME = "OperationalCredentials"
    PICS = "OPCREDS"

    nocs = attribute(0x0000, ListOf(StructOf(NOCStruct)), access="R F A", quality="N C")
    fabrics = attribute(0x0001, ListOf(StructOf(FabricDescriptorStruct)), access="R F V", quality="N")
    supported_fabrics = attribute(0x0002, UInt8.between(5, 254), quality="F")
    commissioned_fabrics = attribute(0x0003, UInt8, quality="N")
    trusted_root_certificates = attribute(0x0004, ListOf(Octets(maximum=400)), quality="N C")
    current_fabric_index = attribute(0x0005, UInt8)

    attestation_request = command(0x00, AttestationRequest, AttestationResponse, response_id=0x01, access="A")
    certificate_chain_request = command(
        0x02, CertificateChainRequest, CertificateChainResponse, response_id=0x03, access="A"
    )
    csr_request = command(0x04, CsrRequest, CsrResponse, response_id=0x05, access="A")
    add_noc = command(0x06, AddNocRequest, NocResponse, response_id=0x08, access="A")
    update_noc = command(0x07, UpdateNocRequest, NocResponse, response_id=0x08, access="F A")
    update_fabric_label = command(0x09, UpdateFabricLabelRequest, NocResponse, response_id=0x08, access="F A")
    remove_fabric = command(0x0A, RemoveFabricRequest, NocResponse, response_id=0x08, access="A")
    add_trusted_root_certificate = command(0x0B, AddTrustedRootCertificateRequest, access="A")
    set_vid_verification_statement = command(0x0C, SetVidVerificationStatementRequest, access="F A")
    sign_vid_verification_request = command(
        0x0D, SignVidVerificationRequest, SignVidVerificationResponse, response_id=0x0E, access="A"
    )
