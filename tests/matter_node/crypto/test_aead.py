"""AES-CCM and header privacy, against the secured frames of the published vectors."""

import json
from pathlib import Path

import pytest

from matter_node.crypto import aead, fabric_keys

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())
SECURE_MESSAGES = VECTORS["secure_messages"]["cases"]
UNICAST_HEADER = 8


def unicast_frames(*, accepted):
    return [
        pytest.param(case, id=case["name"])
        for case in SECURE_MESSAGES
        if case["name"].startswith("secure pase") and bool(case["accepted"]) is accepted
    ]


def frame(case):
    encrypted = bytes.fromhex(case["encrypted"])
    plain = bytes.fromhex(case["plain"])
    return encrypted[:UNICAST_HEADER], encrypted[UNICAST_HEADER:], plain[UNICAST_HEADER:]


@pytest.mark.parametrize("case", unicast_frames(accepted=True))
def test_a_secured_frame_decrypts_and_encrypts_to_the_published_bytes(case):
    header, ciphertext, plaintext = frame(case)
    cipher = aead.Cipher(bytes.fromhex(case["encryptKey"]))
    nonce = bytes.fromhex(case["nonce"])
    assert cipher.decrypt(nonce, ciphertext, header) == plaintext
    assert cipher.encrypt(nonce, plaintext, header) == ciphertext


@pytest.mark.parametrize("case", unicast_frames(accepted=False))
def test_a_frame_with_a_wrong_tag_is_refused(case):
    header, ciphertext, _ = frame(case)
    if case["name"].endswith("wrong MIC)"):
        with pytest.raises(aead.DecryptError):
            aead.decrypt(bytes.fromhex(case["encryptKey"]), bytes.fromhex(case["nonce"]), ciphertext, header)


@pytest.mark.parametrize("changed", ["nonce", "ciphertext", "aad", "short"])
def test_any_change_is_refused(changed):
    parts = {
        "nonce": bytes(13),
        "ciphertext": aead.encrypt(bytes(16), bytes(13), b"hello", b"head"),
        "aad": b"head",
    }
    if changed == "short":
        parts["ciphertext"] = parts["ciphertext"][:10]
    else:
        parts[changed] = bytes([parts[changed][0] ^ 1]) + parts[changed][1:]
    with pytest.raises(aead.DecryptError):
        aead.decrypt(bytes(16), parts["nonce"], parts["ciphertext"], parts["aad"])


def test_a_key_of_another_length_is_no_key():
    with pytest.raises(ValueError, match="16 bytes"):
        aead.Cipher(bytes(32))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, id=c["name"])
        for c in SECURE_MESSAGES
        if c["encrypted"] != c["privacy"] and c["accepted"]
    ],
)
def test_the_privacy_keystream_hides_and_shows_the_group_header(case):
    encrypted, private = bytes.fromhex(case["encrypted"]), bytes.fromhex(case["privacy"])
    key = fabric_keys.privacy_key(bytes.fromhex(case["encryptKey"]))
    nonce = encrypted[2:0:-1] + encrypted[-11:]
    header_end = next(i for i in range(len(private), 0, -1) if private[i - 1] != encrypted[i - 1])
    assert aead.ctr(key, nonce, encrypted[4:header_end]) == private[4:header_end]
    assert aead.ctr(key, nonce, private[4:header_end]) == encrypted[4:header_end]


def test_the_privacy_nonce_has_thirteen_bytes():
    with pytest.raises(ValueError, match="13 bytes"):
        aead.ctr(bytes(16), bytes(12), b"header")
