"""The public Matter TEST roots: anyone may sign with them, so they vouch for NOTHING.

The keys below are published with the Matter SDK for the test vendor ids 0xFFF1 to 0xFFF4. Commissioners that
are set up for development trust them; nobody else does or may. Source: connectedhomeip,
credentials/test/attestation and credentials/test/certification-declaration (Apache-2.0).
"""

from __future__ import annotations

from functools import cache

from certs.authority import Authority
from certs.certificate import AttestationCertificate
from matter_node.crypto.keys import KeyPair

TEST_VENDOR_IDS = range(0xFFF1, 0xFFF5)

_PAA_FFF1_DER = bytes.fromhex(
    """
    308201bd30820164a00302010202084ea8e83182d41c1c300a06082a8648ce3d04030230303118301606035504030c0f
    4d617474657220546573742050414131143012060a2b0601040182a27c02010c04464646313020170d32313036323831
    34323334335a180f39393939313233313233353935395a30303118301606035504030c0f4d6174746572205465737420
    50414131143012060a2b0601040182a27c02010c04464646313059301306072a8648ce3d020106082a8648ce3d030107
    03420004b6cb6372887f2928f5bac81aa9d93ae2431cada9d79e242f65177ef9ced932a28ecd03baaf6a8fca184a1a50
    3542960d453f303f1f19421d751e8f8f1a9a9b75a366306430120603551d130101ff040830060101ff020101300e0603
    551d0f0101ff040403020106301d0603551d0e041604146afd22771f511fecbf1641976710dcdc31a1717e301f060355
    1d230418301680146afd22771f511fecbf1641976710dcdc31a1717e300a06082a8648ce3d0403020347003044022050
    aa8002f4d932a9a00538f65368ad0fffc8efbbc9beb7da569835cf9aa7510e022023bac8fe0f23e75445b65339081a47
    994929c72aaf0a1548d40d034d514b25de
    """
)
_PUBLIC_TEST_PAA_FFF1_SCALAR = bytes.fromhex(
    "6512caecaecfc543d60623161597162f014684c565a129b62fd28c27ab1ccc50"
)

_PAA_NO_VID_DER = bytes.fromhex(
    """
    3082019130820137a00302010202070b8fbaa8dd86ee300a06082a8648ce3d040302301a3118301606035504030c0f4d
    61747465722054657374205041413020170d3231303632383134323334335a180f39393939313233313233353935395a
    301a3118301606035504030c0f4d61747465722054657374205041413059301306072a8648ce3d020106082a8648ce3d
    0301070342000410ef02a81a87b68121fba8d31978f807a317e50aa8a828446828914b933de8edd4a5c39c9ff71a4ce3
    647fd7f62653b7d2495fcba4c0f47f876880039e07204aa366306430120603551d130101ff040830060101ff02010130
    0e0603551d0f0101ff040403020106301d0603551d0e04160414785ce705b86b8f4e6fc793aa60cb43ea696882d5301f
    0603551d23041830168014785ce705b86b8f4e6fc793aa60cb43ea696882d5300a06082a8648ce3d0403020348003045
    022100b9efdb3ea06a52ec0bf01e61daed2c2d156ddb6cf014101dab798fac05fa47e5022060061d3e35d60d9d4b0d44
    8dad7612f7e85c582e3fc312dc18794dd373715e5d
    """
)
_PUBLIC_TEST_PAA_NO_VID_SCALAR = bytes.fromhex(
    "e1f073c934853baffb38bf7e8bdad7a0a674107c7769892a0ff2e06c1a2ef7a7"
)

_CD_SIGNER_DER = bytes.fromhex(
    """
    308201b33082015aa003020102020845daf39de47aa08f300a06082a8648ce3d040302302b3129302706035504030c20
    4d61747465722054657374204344205369676e696e6720417574686f726974793020170d323130363238313432333433
    5a180f39393939313233313233353935395a302b3129302706035504030c204d61747465722054657374204344205369
    676e696e6720417574686f726974793059301306072a8648ce3d020106082a8648ce3d030107034200043c398922452b
    55caf389c25bd1bca4656952ccb90e8869249ad8474653014cbf95d687965e036b521c51037e6b8cedefca1eb4404669
    4fa08882eed6519decbaa366306430120603551d130101ff040830060101ff020101300e0603551d0f0101ff04040302
    0106301d0603551d0e0416041462fa823359acfaa9963e1cfa140addf504f37160301f0603551d2304183016801462fa
    823359acfaa9963e1cfa140addf504f37160300a06082a8648ce3d040302034700304402202c545ce4e457d8a6f0d9d9
    bbebd6ece1ddfe7f8c6d9a6cf375321fc6fac713840220540778e8743972527eedebaf58686220b54078f2cd4e62a76a
    e7cbb92ff54c8b
    """
)
_PUBLIC_TEST_CD_SIGNER_SCALAR = bytes.fromhex(
    "aef3484116e9481ec57be0472df41bf499064e5024ad869eca5e889802d48075"
)


@cache
def public_test_paa_fff1() -> Authority:
    """Return the test PAA of vendor 0xFFF1, with its public private key."""
    return _authority(_PAA_FFF1_DER, _PUBLIC_TEST_PAA_FFF1_SCALAR)


@cache
def public_test_paa_no_vid() -> Authority:
    """Return the test PAA that is scoped to no vendor, with its public private key."""
    return _authority(_PAA_NO_VID_DER, _PUBLIC_TEST_PAA_NO_VID_SCALAR)


@cache
def public_test_cd_signer() -> Authority:
    """Return the signer of test certification declarations, with its public private key."""
    return _authority(_CD_SIGNER_DER, _PUBLIC_TEST_CD_SIGNER_SCALAR)


def public_test_paa(vendor_id: int) -> Authority:
    """Return the test PAA that may vouch for a test vendor id.

    :raises ValueError: if it is no test vendor id
    """
    if vendor_id not in TEST_VENDOR_IDS:
        raise ValueError(f"the public test roots are for vendors 0xFFF1 to 0xFFF4, not 0x{vendor_id:04X}")
    return public_test_paa_fff1() if vendor_id == 0xFFF1 else public_test_paa_no_vid()


def _authority(certificate: bytes, scalar: bytes) -> Authority:
    return Authority(AttestationCertificate.from_der(certificate), KeyPair.from_scalar(scalar))
