import base64
import hashlib
import ssl
from datetime import timedelta

import aiohttp
import pytest
from api_lab.client import AUTHENTICATE, problem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.api import tls
from bridge.api.authority import Authority, AuthorityError, utc_now, vouchable

STATUS = "/microinverter/status"


def request(key, name="anything"):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


def forged():
    """A request whose signature is not its key's."""
    honest = x509.load_pem_x509_csr(request(ec.generate_private_key(ec.SECP256R1())))
    der = honest.public_bytes(Encoding.DER)
    text = base64.encodebytes(der[:-1] + bytes([der[-1] ^ 1])).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n".encode()


class ModuleWithCertificate:
    """A module that has had its certificate signed."""

    def __init__(self, house, module, folder, *, authority=None):
        self.house = house
        key = ec.generate_private_key(ec.SECP256R1())
        pem = (authority or house.hub.api.tls.authority).sign_module(request(key), module, utc_now())
        self.certificate = x509.load_pem_x509_certificate(pem)
        self.thumbprint = hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).hexdigest()
        self.file = folder / f"{module}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.file.write_bytes(private + pem)

    def client(self, token=None):
        client = self.house.client(token)
        client.context.load_cert_chain(self.file)
        return client


async def test_browsers_and_curl_trust_the_hub_with_its_authority_and_not_without(house):
    assert (await house.owner().get(STATUS)).status == 200
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await stranger.get(f"https://localhost:{house.hub.api.port}/")


async def test_nothing_older_than_tls_1_3_is_spoken(house):
    client = house.owner()
    client.context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(STATUS)


async def test_the_authority_is_kept_and_its_key_is_its_owners(make_house):
    house = await make_house()
    folder = house.hub.directory.path / "tls"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "ca.crt": "0o600",
        "ca.key": "0o600",
        "server.pem": "0o600",
    }
    before = house.hub.api.fingerprint
    await house.hub.api.stop()
    assert (await make_house()).hub.api.fingerprint == before


async def test_the_authority_vouches_for_the_home_and_for_nothing_else(house):
    constraints = house.hub.api.tls.authority.certificate.extensions.get_extension_for_class(
        x509.NameConstraints
    )
    assert constraints.critical
    assert vouchable("hub.local")
    assert vouchable("192.168.1.7")
    assert vouchable("fd00::7")
    for name in ("example.org", "local.example.org", "8.8.8.8", "2001:db8::1", "notlocal"):
        assert not vouchable(name)
    issued = house.hub.api.tls.authority.issue_server(["hub.local", "example.org", "8.8.8.8"], utc_now())
    names = x509.load_pem_x509_certificate(issued.certificate).extensions
    alternative = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [each.value for each in alternative] == ["hub.local"]


def test_a_certificate_follows_names_and_addresses_and_is_renewed_in_time(tmp_path, monkeypatch):
    addresses = {"127.0.0.1", "192.168.1.7"}
    monkeypatch.setattr(tls, "addresses", lambda: frozenset(addresses))

    def shown():
        certificate = x509.load_pem_x509_certificate((tmp_path / "tls/server.pem").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return certificate, {str(each.value) for each in names}

    server = tls.ServerTls(tmp_path / "tls", ["hub.local", "hub.example.org"])
    names = shown()[1]
    assert names == {"hub.local", "127.0.0.1", "192.168.1.7"}
    assert not server.refresh()
    addresses.add("192.168.2.7")
    assert server.refresh()
    assert "192.168.2.7" in shown()[1]
    assert not tls.ServerTls(tmp_path / "tls", ["hub.local"]).refresh(), "a restart keeps it"
    later = utc_now() + timedelta(days=61)
    monkeypatch.setattr(tls, "utc_now", lambda: later)
    assert server.refresh()
    assert shown()[0].not_valid_after_utc > later + timedelta(days=60)


def test_an_authority_that_cannot_be_read_is_said_to_be_so(tmp_path):
    Authority.load_or_create(tmp_path / "tls", utc_now())
    (tmp_path / "tls/ca.key").write_text("no key")
    with pytest.raises(AuthorityError, match="put it back from a copy"):
        Authority.load_or_create(tmp_path / "tls", utc_now())
    (tmp_path / "tls/ca.key").unlink()
    with pytest.raises(AuthorityError):
        Authority.load_or_create(tmp_path / "tls", utc_now())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no request",
        request(ec.generate_private_key(ec.SECP384R1())),
        forged(),
    ],
)
def test_what_is_no_request_of_a_module_is_not_signed(tmp_path, data):
    authority = Authority.load_or_create(tmp_path / "tls", utc_now())
    with pytest.raises(AuthorityError):
        authority.sign_module(data, "acme-1001", utc_now())


async def test_a_module_with_its_certificate_gets_a_token_bound_to_it(house, tmp_path):
    key, _ = house.add()
    module = ModuleWithCertificate(house, key, tmp_path)
    unknown = await module.client().post(AUTHENTICATE, json={"grant": "module"})
    assert (unknown.status, await problem(unknown)) == (401, "no-credentials")
    house.access.modules.trust_certificate(key, module.thumbprint)
    opened = await (await module.client().post(AUTHENTICATE, json={"grant": "module"})).json()
    assert opened["module"] == key
    token = opened["token"]
    assert (await module.client(token).get(STATUS)).status == 200
    stolen = await house.client(token).get(STATUS)
    assert (stolen.status, await problem(stolen)) == (401, "bad-credentials")
    house.clock.ahead += 601
    assert (await module.client(token).get(STATUS)).status == 401


async def test_a_certificate_of_another_authority_ends_the_handshake(house, tmp_path):
    key, _ = house.add()
    other = Authority.load_or_create(tmp_path / "other", utc_now())
    stranger = ModuleWithCertificate(house, key, tmp_path, authority=other)
    with pytest.raises(aiohttp.ClientError):
        await stranger.client().post(AUTHENTICATE, json={"grant": "module"})


async def test_a_certificate_of_ones_own_is_used_and_read_again(make_house, tmp_path):
    authority = Authority.load_or_create(tmp_path / "mine", utc_now())
    issued = authority.issue_server(["localhost"], utc_now())
    (tmp_path / "chain.pem").write_bytes(issued.certificate)
    (tmp_path / "key.pem").write_bytes(issued.key)
    files = {"certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem"}
    house = await make_house(**files)
    context = ssl.create_default_context(cadata=authority.pem.decode())
    url = f"https://localhost:{house.hub.api.port}/"
    async with aiohttp.ClientSession() as client, client.get(url, ssl=context) as answer:
        assert answer.status == 200
    assert not house.hub.api.tls.refresh()


async def test_a_certificate_of_ones_own_that_is_none_is_a_warning(make_house, tmp_path, caplog):
    (tmp_path / "chain.pem").write_text("none")
    house = await make_house(certificate=tmp_path / "chain.pem", key=tmp_path / "chain.pem")
    assert house.hub.api.port == 0
    assert "the API is not served: cannot use the certificate" in caplog.text
