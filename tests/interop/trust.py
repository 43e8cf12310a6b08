"""Which attestation roots the controllers trust: files as they want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certs.authority import make_paa
from certs.public_test_roots import public_test_cd_signer, public_test_paa_fff1, public_test_paa_no_vid

if TYPE_CHECKING:
    from pathlib import Path

    from certs.authority import Authority


def write_test_roots(folder: Path) -> None:
    """Trust the public test roots, and the public signer of test certification declarations."""
    _write(folder, paa=[public_test_paa_fff1(), public_test_paa_no_vid()])


def write_foreign_root(folder: Path) -> None:
    """Trust one attestation root that nobody's device stands under."""
    _write(folder, paa=[make_paa("Somebody else's PAA")])


def _write(folder: Path, *, paa: list[Authority]) -> None:
    for kind, authorities in {"paa": paa, "cd": [public_test_cd_signer()]}.items():
        (folder / kind).mkdir(parents=True)
        for number, authority in enumerate(authorities):
            (folder / kind / f"{number}.der").write_bytes(authority.certificate.der)
