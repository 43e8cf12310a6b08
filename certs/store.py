"""Attestation material in a directory: kept, loaded, and made at the first start.

==================  ===============================================================================
file                content
==================  ===============================================================================
``dac.pem``         device attestation certificate (``dac.der`` will do)
``dac-key.pem``     its private key, PKCS#8 or SEC 1, unencrypted, readable by the owner alone
``pai.pem``         product attestation intermediate certificate (``pai.der`` will do)
``cd.der``          certification declaration, CMS
==================  ===============================================================================

A vendor replaces these four files with its own; nothing else changes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from certs.authority import make_dac, make_pai
from certs.certificate import AttestationCertificate, AttestationError
from certs.declaration import AGGREGATOR, Declaration, SignedDeclaration
from certs.public_test_roots import public_test_cd_signer, public_test_paa
from certs.verification import faults, verify_consistency
from matter_node.commissioning.attestation import KeyAttestation
from matter_node.crypto.keys import KeyPair

DAC, DAC_KEY, PAI, DECLARATION = "dac.pem", "dac-key.pem", "pai.pem", "cd.der"


def load_or_create(
    directory: Path | str, vendor_id: int, product_id: int, device_type: int = AGGREGATOR
) -> KeyAttestation:
    """Return the material in `directory`, or make test material there if it is empty or absent.

    :param device_type: primary device type for a new declaration
    :raises AttestationError: if what is there is incomplete, inconsistent or for another product, or if no
        test material can be made for the vendor
    :raises OSError: if the directory cannot be read or written
    """
    directory = Path(directory)
    if not directory.exists() or not any(directory.iterdir()):
        save(directory, make_test_material(vendor_id, product_id, device_type))
    attestation = load(directory, product_id=product_id)
    if attestation.vendor_id != vendor_id:
        raise AttestationError(
            f"the attestation material in {directory} is for vendor 0x{attestation.vendor_id:04X}, "
            f"but this node says that it is of vendor 0x{vendor_id:04X}"
        )
    return attestation


def make_test_material(vendor_id: int, product_id: int, device_type: int = AGGREGATOR) -> KeyAttestation:
    """Make a PAI, a DAC and a declaration under the public test roots.

    :raises AttestationError: if the vendor id is none of 0xFFF1 to 0xFFF4
    """
    try:
        paa = public_test_paa(vendor_id)
    except ValueError as error:
        raise AttestationError(f"{error}; a vendor brings its own attestation material") from error
    pai = make_pai(paa, "ores-bridge TEST PAI", vendor_id=vendor_id)
    serial = secrets.token_hex(4).upper()
    dac = make_dac(pai, f"ores-bridge TEST DAC {serial}", vendor_id=vendor_id, product_id=product_id)
    declaration = Declaration(vendor_id, (product_id,), device_type_id=device_type)
    return KeyAttestation(
        dac=dac.certificate.der,
        pai=pai.certificate.der,
        declaration=declaration.signed(public_test_cd_signer()),
        vendor_id=vendor_id,
        product_id=product_id,
        key=dac.key,
    )


def save(directory: Path, attestation: KeyAttestation) -> None:
    """Write material into a directory that is empty or absent: all of it or, if anything fails, none.

    :raises OSError: if that fails, or if the directory holds anything
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))  # mode 0700
    try:
        write_file(fresh / DAC, AttestationCertificate.from_der(attestation.dac).pem)
        write_file(fresh / PAI, AttestationCertificate.from_der(attestation.pai).pem)
        write_file(fresh / DECLARATION, attestation.declaration)
        write_file(fresh / DAC_KEY, key_pem(attestation.key), secret=True)
        fresh.replace(directory)
        _sync_directory(directory.parent)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def load(directory: Path | str, *, product_id: int | None = None) -> KeyAttestation:
    """Load material and check that its parts belong together, whoever vouches for them.

    :param product_id: the node's, of those that the declaration lists; by default the DAC's, or the only one
    :raises AttestationError: if a file is missing or malformed, or the parts do not belong together
    :raises OSError: if a file cannot be read
    """
    attestation = read(directory, product_id=product_id)
    if broken := faults(verify_consistency(attestation)):
        raise AttestationError(f"the attestation material in {directory} cannot be used: {broken}")
    return attestation


def read(directory: Path | str, *, product_id: int | None = None) -> KeyAttestation:
    """Read material without judging it; see `load`."""
    directory = Path(directory)
    dac = read_certificate(_present(directory, DAC, "dac.der"))
    pai = read_certificate(_present(directory, PAI, "pai.der"))
    key = read_key(_present(directory, DAC_KEY, "dac-key.der"))
    path = _present(directory, DECLARATION)
    cms = path.read_bytes()
    try:
        declaration = Declaration.from_tlv(SignedDeclaration.from_cms(cms).content)
    except AttestationError as error:
        raise AttestationError(f"{path}: {error}") from error
    return KeyAttestation(
        dac=dac.der,
        pai=pai.der,
        declaration=cms,
        vendor_id=declaration.vendor_id,
        product_id=product_id or _product_of(declaration, dac),
        key=key,
    )


def read_certificate(path: Path) -> AttestationCertificate:
    """Read a certificate, PEM or DER.

    :raises AttestationError: if the file holds none
    """
    try:
        return AttestationCertificate.from_bytes(path.read_bytes())
    except AttestationError as error:
        raise AttestationError(f"{path}: {error}") from error


def read_key(path: Path) -> KeyPair:
    """Read an unencrypted private key, PEM or DER.

    :raises AttestationError: if the file holds none of P-256
    """
    data = path.read_bytes()
    try:
        key = (load_pem_private_key if b"-----BEGIN" in data else load_der_private_key)(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AttestationError(f"{path}: no usable private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AttestationError(f"{path}: the key is not on P-256")
    return KeyPair(key)


def key_pem(key: KeyPair) -> bytes:
    """Return a private key as unencrypted PKCS#8 PEM."""
    return key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_file(path: Path, data: bytes, *, secret: bool = False, force: bool = False) -> None:
    """Write a file that reaches the disk.

    :param secret: only the owner may read it
    :param force: replace an existing file, as a whole
    :raises FileExistsError: if it exists and `force` is not given
    """
    target = path if not force else path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if force:
        target.replace(path)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _present(directory: Path, *names: str) -> Path:
    for name in names:
        if (directory / name).is_file():
            return directory / name
    raise AttestationError(
        f"attestation material is incomplete: {' or '.join(names)} is missing in {directory}"
    )


def _product_of(declaration: Declaration, dac: AttestationCertificate) -> int:
    if dac.product_id is not None and dac.product_id in declaration.product_ids:
        return dac.product_id
    if len(declaration.product_ids) == 1:
        return declaration.product_ids[0]
    raise AttestationError(
        "the declaration lists several products and the DAC's is none of them: name the product id"
    )
