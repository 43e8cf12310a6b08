"""The command line of attestation: ``certs paa | pai | dac | cd | verify | show``."""

# ruff: noqa: D301 - a backspace in a docstring is how click is told to leave the lines after it as they are

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from certs import store
from certs.authority import Authority, make_dac, make_paa, make_pai
from certs.certificate import AttestationError
from certs.declaration import AGGREGATOR, TEST_CERTIFICATE_ID, CertificationType, Declaration
from certs.description import describe
from certs.public_test_roots import public_test_cd_signer, public_test_paa
from certs.verification import Trust
from certs.verification import verify as verify_material

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)


def number(text: str) -> int:
    """Return the number that `text` is, decimal or hexadecimal with 0x."""
    try:
        return int(text, 0)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number such as 0xFFF1") from None


_vendor = click.option("--vendor-id", type=number, required=True, help="Vendor id, such as 0xFFF1.")
_out = click.option(
    "--out", type=_DIRECTORY, default=Path(), show_default="here", help="Directory that the files go to."
)
_force = click.option("--force", is_flag=True, help="Replace files that exist, keys included.")
_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")


def _reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what can go wrong with files and material into a message and exit status 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except FileExistsError as error:
            raise click.ClickException(f"{error.filename} exists; --force replaces it") from error
        except (AttestationError, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error

    return run


@click.group()
def certs() -> None:
    """Make, check and show device attestation material.

    A Matter device proves its make with four files: a device attestation certificate (DAC) and its key,
    the intermediate certificate (PAI) that issued it, and a certification declaration (CD). At its first
    start the bridge makes TEST files, which commissioners in developer mode accept. A vendor puts its own in
    their place.

    \b
    A vendor's own authority, from nothing to a checked set:
      ores-bridge certs paa --name "Sunny PAA" --vendor-id 0x1234 --out authority
      ores-bridge certs pai --paa authority/paa.pem --paa-key authority/paa-key.pem \\
          --vendor-id 0x1234 --out authority
      ores-bridge certs dac --pai authority/pai.pem --pai-key authority/pai-key.pem \\
          --vendor-id 0x1234 --product-id 0x0001 --out unit-1
      ores-bridge certs cd --vendor-id 0x1234 --product-id 0x0001 --out unit-1
      ores-bridge certs verify unit-1 --paa authority/paa.pem
    """


@certs.command()
@click.option("--name", required=True, help="Common name.")
@click.option("--vendor-id", type=number, help="The only vendor it may vouch for; any if left out.")
@_out
@_force
@_reports_errors
def paa(name: str, vendor_id: int | None, out: Path, force: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Make a product attestation authority: paa.pem and paa-key.pem.

    Only commissioners that are given paa.pem will trust it.

    \b
    Example:
      ores-bridge certs paa --name "Sunny PAA" --vendor-id 0x1234 --out authority
    """
    _write(make_paa(name, vendor_id=vendor_id), "paa", out, force=force)


@certs.command()
@click.option(
    "--paa", "paa_file", type=_FILE, help="Certificate of the PAA; the public TEST root if left out."
)
@click.option("--paa-key", type=_FILE, help="Its private key.")
@click.option("--name", default="ores-bridge PAI", show_default=True, help="Common name.")
@_vendor
@click.option("--product-id", type=number, help="The only product it may vouch for; any if left out.")
@_out
@_force
@_reports_errors
def pai(
    paa_file: Path | None,
    paa_key: Path | None,
    name: str,
    vendor_id: int,
    product_id: int | None,
    out: Path,
    force: bool,  # noqa: FBT001
) -> None:
    """Make a product attestation intermediate: pai.pem and pai-key.pem.

    \b
    Example, under the public test root:
      ores-bridge certs pai --vendor-id 0xFFF1 --out test-authority
    """
    issuer = _authority(paa_file, paa_key, "--paa") or public_test_paa(vendor_id)
    _write(make_pai(issuer, name, vendor_id=vendor_id, product_id=product_id), "pai", out, force=force)


@certs.command()
@click.option("--pai", "pai_file", type=_FILE, required=True, help="Certificate of the PAI.")
@click.option("--pai-key", type=_FILE, required=True, help="Its private key.")
@click.option(
    "--name", default="ores-bridge DAC", show_default=True, help="Common name, best with a serial number."
)
@_vendor
@click.option("--product-id", type=number, required=True, help="Product id, such as 0x8000.")
@_out
@_force
@_reports_errors
def dac(
    pai_file: Path,
    pai_key: Path,
    name: str,
    vendor_id: int,
    product_id: int,
    out: Path,
    force: bool,  # noqa: FBT001
) -> None:
    """Make a device attestation certificate: dac.pem, dac-key.pem, and a copy of pai.pem beside them.

    \b
    Example:
      ores-bridge certs dac --pai authority/pai.pem --pai-key authority/pai-key.pem \\
          --vendor-id 0x1234 --product-id 0x0001 --name "Hub 000123" --out unit-123
    """
    issuer = _authority(pai_file, pai_key, "--pai")
    if issuer is None:
        raise AttestationError("--pai and --pai-key are needed")
    _write(make_dac(issuer, name, vendor_id=vendor_id, product_id=product_id), "dac", out, force=force)
    if (out / store.PAI).resolve() != pai_file.resolve():
        store.write_file(out / store.PAI, issuer.certificate.pem, force=force)


@certs.command()
@_vendor
@click.option(
    "--product-id", "product_ids", type=number, multiple=True, required=True, help="May be repeated."
)
@click.option("--device-type", type=number, default=f"0x{AGGREGATOR:04X}", show_default=True)
@click.option("--certificate-id", default=TEST_CERTIFICATE_ID, show_default=True)
@click.option("--signer", type=_FILE, help="Certificate of the signer; the public TEST signer if left out.")
@click.option("--signer-key", type=_FILE, help="Its private key.")
@_out
@_force
@_reports_errors
def cd(
    vendor_id: int,
    product_ids: tuple[int, ...],
    device_type: int,
    certificate_id: str,
    signer: Path | None,
    signer_key: Path | None,
    out: Path,
    force: bool,  # noqa: FBT001
) -> None:
    """Make a certification declaration for development: cd.der.

    A real one comes from the Connectivity Standards Alliance with the certificate of the product.

    \b
    Example:
      ores-bridge certs cd --vendor-id 0xFFF1 --product-id 0x8000 --product-id 0x8001 --out unit-1
    """
    authority = _authority(signer, signer_key, "--signer") or public_test_cd_signer()
    declaration = Declaration(
        vendor_id,
        product_ids,
        device_type_id=device_type,
        certificate_id=certificate_id,
        certification_type=CertificationType.DEVELOPMENT_AND_TEST,
    )
    out.mkdir(parents=True, exist_ok=True)
    store.write_file(out / store.DECLARATION, declaration.signed(authority), force=force)
    click.echo(f"wrote {out / store.DECLARATION}")


@certs.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--product-id", type=number, help="The node's, if the declaration lists several.")
@click.option(
    "--paa", "paas", type=_FILE, multiple=True, help="Trusted PAA; the public TEST roots if left out."
)
@click.option("--cd-signer", "cd_signers", type=_FILE, multiple=True, help="Trusted signer of declarations.")
@_json
@_reports_errors
def verify(
    directory: Path,
    product_id: int | None,
    paas: tuple[Path, ...],
    cd_signers: tuple[Path, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Check a set of attestation material the way a commissioner does; exit status 1 if it fails.

    \b
    Example:
      ores-bridge certs verify /var/lib/ores-bridge/attestation
    """
    default = Trust()
    trust = Trust(
        paas=[store.read_certificate(path) for path in paas] or default.paas,
        cd_signers=[store.read_certificate(path) for path in cd_signers] or default.cd_signers,
    )
    findings = verify_material(
        store.read(directory, product_id=product_id), trust=trust, at=datetime.now(UTC)
    )
    good = all(finding.holds for finding in findings)
    if as_json:
        rules = [{"rule": each.rule, "holds": each.holds, "detail": each.detail} for each in findings]
        click.echo(json.dumps({"good": good, "rules": rules}, indent=2))
    else:
        for each in findings:
            detail = f": {each.detail}" if each.detail else ""
            click.echo(f"{'yes' if each.holds else 'NO '}  {each.rule}{detail}")
        who = "these authorities" if paas else "the public TEST roots"
        click.echo(f"A commissioner that trusts {who} {'accepts' if good else 'refuses'} it.")
    if not good:
        raise click.exceptions.Exit(1)


@certs.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@_json
@_reports_errors
def show(files: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001
    """Show certificates (PEM, DER, Matter TLV) and certification declarations in words.

    \b
    Example:
      ores-bridge certs show /var/lib/ores-bridge/attestation/dac.pem
    """
    described = []
    for path in files:
        try:
            described.append((path, describe(path.read_bytes())))
        except AttestationError as error:
            raise AttestationError(f"{path}: {error}") from error
    if as_json:
        click.echo(
            json.dumps(
                [{"file": str(path), "kind": each.kind, **each.facts} for path, each in described], indent=2
            )
        )
    else:
        click.echo("\n\n".join(f"{path}: {each}" for path, each in described))


def _authority(certificate: Path | None, key: Path | None, option: str) -> Authority | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise AttestationError(f"{option} and {option}-key go together")
    return Authority(store.read_certificate(certificate), store.read_key(key))


def _write(made: Authority, name: str, out: Path, *, force: bool) -> None:
    """Write certificate and key; if either exists, neither is written unless forced."""
    out.mkdir(parents=True, exist_ok=True)
    key, certificate = out / f"{name}-key.pem", out / f"{name}.pem"
    for path in (key, certificate):
        if path.exists() and not force:
            raise AttestationError(f"{path} exists; --force replaces it")
    store.write_file(key, store.key_pem(made.key), secret=True, force=force)
    store.write_file(certificate, made.certificate.pem, force=force)
    click.echo(f"wrote {certificate} and {key}")
