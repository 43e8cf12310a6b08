"""Judging attestation material the way a commissioner does (Matter Core 6.2.3.1, 6.3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from certs.certificate import AttestationCertificate, AttestationError, Role
from certs.declaration import Declaration, SignedDeclaration
from certs.public_test_roots import public_test_cd_signer, public_test_paa_fff1, public_test_paa_no_vid
from matter_node.crypto.keys import verify as verify_signature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from matter_node.commissioning.attestation import Attestation

_PROBE = b"ores-bridge attestation probe"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule and whether the material keeps it.

    :ivar rule: the rule, in words
    :ivar holds: whether it is kept
    :ivar detail: what was found
    """

    rule: str
    holds: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the commissioner trusts; the public test roots unless said otherwise.

    :ivar paas: trusted product attestation authorities
    :ivar cd_signers: certificates of trusted signers of certification declarations
    """

    paas: Sequence[AttestationCertificate] = field(
        default_factory=lambda: (public_test_paa_fff1().certificate, public_test_paa_no_vid().certificate)
    )
    cd_signers: Sequence[AttestationCertificate] = field(
        default_factory=lambda: (public_test_cd_signer().certificate,)
    )


def verify(
    attestation: Attestation, *, trust: Trust | None = None, at: datetime | None = None
) -> list[Finding]:
    """Check everything a commissioner checks, and that the key is the certificate's.

    :param attestation: its vendor and product id stand for those of the basic information
    :param trust: whom to trust; the public test roots by default
    :param at: time for the validity periods (aware), or None to leave them aside
    :return: a finding for each rule; the material is good if all of them hold
    """
    return _judge(attestation, trust or Trust(), at)


def verify_consistency(attestation: Attestation) -> list[Finding]:
    """Check only that the parts belong together, whoever vouches for them."""
    return _judge(attestation, None, None)


def _judge(attestation: Attestation, trust: Trust | None, at: datetime | None) -> list[Finding]:
    findings: list[Finding] = []
    dac = _parse(findings, "DAC", attestation.dac)
    pai = _parse(findings, "PAI", attestation.pai)
    paa = None
    if pai and trust:
        paa = next((each for each in trust.paas if each.skid == pai.akid and pai.akid is not None), None)
        detail = f"{paa.parsed.subject.rfc4514_string()}" if paa else f"key {_hex(pai.akid)} is not known"
        findings.append(Finding("the PAI's authority is a trusted PAA", paa is not None, detail))
    findings += _check_chain(dac, pai, paa, at)
    if dac:
        findings.append(_check_key(dac, attestation))
    findings += _check_declaration(dac, pai, paa, attestation, trust)
    return findings


def faults(findings: Sequence[Finding]) -> str:
    """Return the rules that do not hold, in words; empty if all do."""
    broken = [
        f"{each.rule} ({each.detail})" if each.detail else each.rule for each in findings if not each.holds
    ]
    return "; ".join(f"it does not hold that {rule}" for rule in broken)


def _check_chain(
    dac: AttestationCertificate | None,
    pai: AttestationCertificate | None,
    paa: AttestationCertificate | None,
    at: datetime | None = None,
) -> list[Finding]:
    """Check the form of the certificates that are given, and how they follow from each other."""
    findings = []
    for certificate, role in ((dac, Role.DAC), (pai, Role.PAI), (paa, Role.PAA)):
        if certificate:
            broken = "; it ".join(certificate.faults(role))
            findings.append(
                Finding(f"the {role.name} has the form of one", not broken, broken and f"it {broken}")
            )
            if at is not None:
                findings.append(
                    Finding(f"the {role.name} is valid at {at:%Y-%m-%d}", certificate.is_valid_at(at))
                )
    if dac and pai:
        findings += [
            Finding("the PAI issued the DAC", dac.is_issued_by(pai)),
            _same("DAC and PAI have one vendor id", dac.vendor_id, pai.vendor_id),
        ]
        if pai.product_id is not None:
            findings.append(_same("DAC and PAI have one product id", dac.product_id, pai.product_id))
        start = dac.parsed.not_valid_before_utc
        findings.append(Finding("the PAI was valid when the DAC was made", pai.is_valid_at(start)))
    if pai and paa:
        findings.append(Finding("the PAA issued the PAI", pai.is_issued_by(paa)))
        findings.append(Finding("the PAA signed itself", _is_self_signed(paa)))
        if paa.vendor_id is not None:
            findings.append(_same("the PAA is for the PAI's vendor id", paa.vendor_id, pai.vendor_id))
    return findings


def _check_content(declaration: Declaration, *, vendor_id: int, product_id: int) -> list[Finding]:
    """Check a declaration against the vendor and product id of the basic information."""
    products = ", ".join(f"0x{each:04X}" for each in declaration.product_ids)
    security = declaration.security_level, declaration.security_information
    return [
        Finding("the declaration's security fields are 0", security == (0, 0)),
        _same("the declaration is for the vendor id", declaration.vendor_id, vendor_id),
        Finding("the declaration lists the product id", product_id in declaration.product_ids, products),
    ]


def _check_declaration(
    dac: AttestationCertificate | None,
    pai: AttestationCertificate | None,
    paa: AttestationCertificate | None,
    attestation: Attestation,
    trust: Trust | None,
) -> list[Finding]:
    rule = "the certification declaration is well formed"
    try:
        envelope = SignedDeclaration.from_cms(attestation.declaration)
        declaration = Declaration.from_tlv(envelope.content)
    except AttestationError as error:
        return [Finding(rule, holds=False, detail=str(error))]
    findings = [Finding(rule, holds=True)]
    if trust:
        findings += _check_signer(envelope, trust)
    findings += _check_content(
        declaration, vendor_id=attestation.vendor_id, product_id=attestation.product_id
    )
    findings += _check_origin(declaration, dac, "DAC")
    findings += _check_origin(declaration, pai, "PAI")
    if declaration.authorized_paas and paa:
        listed = paa.skid in declaration.authorized_paas
        findings.append(Finding("the declaration authorizes the PAA", listed, _hex(paa.skid)))
    return findings


def _check_signer(envelope: SignedDeclaration, trust: Trust) -> list[Finding]:
    signer = next((each for each in trust.cd_signers if each.skid == envelope.signer), None)
    rule = "the declaration's signer is trusted"
    if signer is None:
        return [Finding(rule, holds=False, detail=f"key {_hex(envelope.signer)} is not known")]
    genuine = envelope.is_signed_by(signer.public_key)
    return [
        Finding(rule, holds=True, detail=signer.parsed.subject.rfc4514_string()),
        Finding("the declaration's signature is the signer's", genuine),
    ]


def _check_origin(
    declaration: Declaration, certificate: AttestationCertificate | None, name: str
) -> list[Finding]:
    """Check a certificate's ids against those of the declaration, or against its DAC origin if it has one."""
    if certificate is None:
        return []
    if declaration.dac_origin:
        vendor_id, *product_ids = declaration.dac_origin
        source = "the declaration's DAC origin"
    else:
        vendor_id, product_ids = declaration.vendor_id, list(declaration.product_ids)
        source = "the declaration"
    findings = [_same(f"the {name}'s vendor id is that of {source}", certificate.vendor_id, vendor_id)]
    if certificate.product_id is not None:
        listed = certificate.product_id in product_ids
        rule = f"the {name}'s product id is in {source}"
        findings.append(Finding(rule, listed, f"0x{certificate.product_id:04X}"))
    return findings


def _check_key(dac: AttestationCertificate, attestation: Attestation) -> Finding:
    rule = "the key is the DAC's"
    try:
        return Finding(rule, verify_signature(dac.public_key, _PROBE, attestation.sign(_PROBE)))
    except (OSError, ValueError) as error:  # a TPM or secure element may be out of reach
        return Finding(rule, holds=False, detail=str(error))


def _parse(findings: list[Finding], name: str, data: bytes) -> AttestationCertificate | None:
    try:
        return AttestationCertificate.from_der(data)
    except AttestationError as error:
        findings.append(Finding(f"the {name} is a certificate", holds=False, detail=str(error)))
        return None


def _is_self_signed(paa: AttestationCertificate) -> bool:
    return paa.parsed.subject == paa.parsed.issuer and paa.is_signed_by(paa)


def _same(rule: str, one: int | None, other: int | None) -> Finding:
    words = " and ".join("none" if each is None else f"0x{each:04X}" for each in (one, other))
    return Finding(rule, one is not None and one == other, words)


def _hex(data: bytes | None) -> str:
    return data.hex(":").upper() if data else "none"
