"""`certs` as a user types it: an authority from nothing, checked, shown, and never overwritten."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs.cli import certs

VECTORS = Path(__file__).parents[1] / "vectors"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(line, status=0):
        result = CliRunner().invoke(certs, line.split())
        assert result.exit_code == status, result.output
        return result.output

    return invoke


@pytest.fixture
def unit(run):
    """A unit's four files under a vendor's own authority."""
    run("paa --name Sunny --vendor-id 0x1234 --out authority")
    run("pai --paa authority/paa.pem --paa-key authority/paa-key.pem --vendor-id 0x1234 --out authority")
    run(
        "dac --pai authority/pai.pem --pai-key authority/pai-key.pem --vendor-id 0x1234 --product-id 1 "
        "--name Hub --out unit"
    )
    run("cd --vendor-id 0x1234 --product-id 1 --product-id 2 --out unit")
    return Path("unit")


def test_a_vendors_authority_from_nothing_to_a_checked_unit(run, unit):
    assert sorted(path.name for path in unit.iterdir()) == ["cd.der", "dac-key.pem", "dac.pem", "pai.pem"]
    assert "accepts it" in run("verify unit --paa authority/paa.pem")
    assert "NO   the PAI's authority is a trusted PAA" in run("verify unit", status=1)


def test_the_test_roots_are_the_default(run):
    run("pai --vendor-id 0xFFF1 --out authority")
    run(
        "dac --pai authority/pai.pem --pai-key authority/pai-key.pem --vendor-id 0xFFF1 --product-id 0x8000 "
        "--out unit"
    )
    run("cd --vendor-id 0xFFF1 --product-id 0x8000 --out unit")
    assert "trusts the public TEST roots accepts it" in run("verify unit")


def test_verification_for_programs(run, unit):
    good = json.loads(run("verify unit --json --paa authority/paa.pem"))
    assert good["good"] is True
    assert all(rule["holds"] for rule in good["rules"])
    bad = json.loads(run("verify unit --json", status=1))
    assert bad["good"] is False
    assert [rule["rule"] for rule in bad["rules"] if not rule["holds"]] == [
        "the PAI's authority is a trusted PAA"
    ]


def test_keys_are_for_the_owner_alone(run, unit):
    for path in ("authority/paa-key.pem", "authority/pai-key.pem", "unit/dac-key.pem"):
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_no_key_is_overwritten_unless_forced(run, unit):
    key = Path("authority/paa-key.pem").read_bytes()
    assert "--force" in run("paa --name Other --out authority", status=1)
    assert Path("authority/paa-key.pem").read_bytes() == key
    assert "--force" in run("cd --vendor-id 1 --product-id 1 --out unit", status=1)
    run("paa --name Other --out authority --force")
    assert Path("authority/paa-key.pem").read_bytes() != key
    assert stat.S_IMODE(Path("authority/paa-key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("pai --vendor-id 0x1234 --out x", "0xFFF1 to 0xFFF4"),
        (
            "pai --vendor-id 0x4321 --paa authority/paa.pem --paa-key authority/paa-key.pem --out x",
            "0x1234 only",
        ),
        ("pai --vendor-id 0x1234 --paa authority/paa.pem --out x", "go together"),
        (
            "pai --vendor-id 0x1234 --paa authority/paa.pem --paa-key unit/dac-key.pem --out x",
            "does not belong",
        ),
        ("cd --vendor-id 0x1234 --product-id 1 --certificate-id short --out x", "certificate id"),
        ("verify authority", "is missing"),
        ("show unit/dac-key.pem", "dac-key.pem"),
    ],
)
def test_what_cannot_be_done_is_said(run, unit, line, complaint):
    assert complaint in run(line, status=1)
    assert not Path("x").exists() or not list(Path("x").iterdir())


@pytest.mark.parametrize(
    "line", ["paa", "pai --vendor-id many", "dac", "show", "show nothing.pem", "verify nothing"]
)
def test_wrong_usage_is_explained(run, line):
    assert "Usage:" in run(line, status=2)


@pytest.mark.parametrize("command", ["paa", "pai", "dac", "cd", "verify", "show"])
def test_help_shows_an_example(run, command):
    assert "ores-bridge certs" in run(f"{command} --help")
    assert command in run("--help")


def test_files_are_shown_in_words(run, unit):
    words = run("show unit/dac.pem unit/cd.der authority/paa.pem")
    assert "device attestation certificate (DAC)" in words
    assert "certification declaration" in words
    assert "product attestation authority (PAA)" in words
    assert "0x1234" in words
    assert "the public TEST signer" in words


def test_files_are_shown_to_programs(run, unit):
    dac, declaration = json.loads(run("show --json unit/dac.pem unit/cd.der"))
    assert dac["file"] == "unit/dac.pem"
    assert (dac["vendor id"], dac["product id"]) == ("0x1234", "0x0001")
    assert declaration["product ids"] == ["0x0001", "0x0002"]
    assert declaration["device type"] == "0x000E"


def test_operational_certificates_are_shown_too(run):
    sets = json.loads((VECTORS / "vectors.json").read_text())["certificates"]["sets"]
    for kind, words in (("ROOT", "RCAC"), ("ICAC", "ICAC"), ("NOC", "NOC")):
        Path("certificate.tlv").write_bytes(bytes.fromhex(sets["Google Certificates"][kind]["TLV"]))
        assert f"({words})" in run("show certificate.tlv")


def test_the_public_test_root_is_shown_as_what_it_is(run):
    attestation = json.loads((VECTORS / "attestation.json").read_text())
    Path("paa.der").write_bytes(bytes.fromhex(attestation["paa_FFF1"]["der"]))
    assert "TEST root" in run("show paa.der")
