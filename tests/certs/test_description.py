"""Anything may be shown: words or a clean refusal, whatever the file holds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import store
from certs.certificate import AttestationCertificate, AttestationError
from certs.description import describe
from certs.public_test_roots import public_test_paa_fff1

SETS = json.loads((Path(__file__).parents[1] / "vectors" / "vectors.json").read_text())["certificates"][
    "sets"
]
OURS = store.make_test_material(0xFFF1, 0x8000)
FILES = [OURS.dac, OURS.pai, OURS.declaration, bytes.fromhex(SETS["Apple Certificates"]["NOC"]["TLV"])]


@pytest.mark.parametrize(
    ("data", "kind", "fact", "value"),
    [
        (OURS.dac, "device attestation certificate (DAC)", "product id", "0x8000"),
        (
            OURS.pai,
            "product attestation intermediate (PAI)",
            "vouched for by",
            "a public TEST root: by nobody",
        ),
        (OURS.declaration, "certification declaration", "device type", "0x000E"),
        (FILES[3], "node operational certificate (NOC)", "may issue certificates", False),
        (
            public_test_paa_fff1().certificate.der,
            "product attestation authority (PAA)",
            "valid until",
            "no end",
        ),
    ],
)
def test_files_of_every_kind(data, kind, fact, value):
    description = describe(data)
    assert description.kind == kind
    assert description.facts[fact] == value
    assert str(description).startswith(kind)


def test_an_issuer_that_is_no_name_makes_no_certificate():
    marker = b"ores-bridge TEST PAI"
    damaged = OURS.dac.replace(b"\x0c" + bytes([len(marker)]) + marker, b"\x0c\x7f" + marker)
    assert damaged != OURS.dac
    with pytest.raises(AttestationError):
        AttestationCertificate.from_der(damaged)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a changed byte may make it negative
@given(st.sampled_from(FILES), st.integers(0, 10_000), st.integers(0, 255))
def test_damaged_files_are_described_or_refused(data, position, byte):
    damaged = bytearray(data)
    damaged[position % len(damaged)] = byte
    try:
        assert str(describe(bytes(damaged)))
    except AttestationError:
        return
