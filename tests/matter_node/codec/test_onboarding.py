"""Onboarding codes: published ones, both directions, and mistyped ones."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import onboarding, tlv
from matter_node.codec.onboarding import (
    Discovery,
    Flow,
    ManualPayload,
    OnboardingError,
    SetupPayload,
    is_valid_passcode,
    manual_code,
    parse_manual_code,
    parse_qr_code,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())["onboarding"]
QR = VECTORS["qr"]
PAYLOAD = SetupPayload(
    vendor_id=QR["vendor"],
    product_id=QR["product"],
    discriminator=QR["discriminator"],
    passcode=QR["passcode"],
    flow=Flow(QR["flow"]),
    discovery=Discovery(QR["caps"]),
)


def test_the_published_qr_code():
    assert PAYLOAD.qr_code() == QR["code"]
    assert parse_qr_code(QR["code"]) == [PAYLOAD]


def test_bytes_after_the_payload_are_where_the_published_code_has_them():
    code = VECTORS["qr_tlv"]["code"].removeprefix("MT:")
    data = onboarding._unbase38(code)
    assert data[11:].hex() == VECTORS["qr_tlv"]["tlv"]
    assert onboarding._base38(data) == code


def test_the_published_additional_data():
    vector = VECTORS["qr_serial_tlv"]
    assert tlv.encode({0: vector["serial"]}).hex() == vector["tlv"]
    payload = SetupPayload(1, 2, 3, 4, tlv={0: vector["serial"]})
    assert parse_qr_code(payload.qr_code()) == [payload]


@pytest.mark.parametrize("vector", VECTORS["manual"], ids=lambda vector: vector["code"])
def test_the_published_manual_codes(vector):
    assert manual_code(vector["discriminator"], vector["passcode"]) == vector["code"]
    assert parse_manual_code(vector["code"]) == ManualPayload(
        vector["discriminator"] >> 8, vector["passcode"]
    )


def test_a_manual_code_may_be_typed_in_groups():
    assert parse_manual_code("3497-011-2332") == parse_manual_code("3497 011 2332")


def test_a_flow_that_needs_the_vendor_has_the_long_code():
    payload = SetupPayload(0xFFF1, 0x8000, 3840, 20202021, flow=Flow.CUSTOM)
    code = payload.manual_code()
    assert len(code) == 21
    assert parse_manual_code(code) == ManualPayload(15, 20202021, 0xFFF1, 0x8000)
    assert len(SetupPayload(0xFFF1, 0x8000, 3840, 20202021).manual_code()) == 11


def test_several_devices_in_one_code():
    other = SetupPayload(1, 2, 3, 4)
    assert parse_qr_code(f"{QR['code']}*{other.qr_code().removeprefix('MT:')}") == [PAYLOAD, other]


@pytest.mark.parametrize(
    ("passcode", "valid"),
    [
        *((int(digit * 8), False) for digit in "0123456789"),
        (12345678, False),
        (87654321, False),
        (-1, False),
        (99999999, False),
        (100000000, False),
        (1, True),
        (20202021, True),
        (99999998, True),
    ],
)
def test_which_passcodes_are_allowed(passcode, valid):
    assert is_valid_passcode(passcode) is valid


@pytest.mark.parametrize(
    ("digits", "expected"), [("236", "3"), ("3497011233", "2"), ("2631862109", "5"), ("", "0"), ("0", "4")]
)
def test_check_digits(digits, expected):
    assert onboarding.check_digit(digits) == expected


@pytest.mark.parametrize(
    "code",
    [
        "",
        "MT:",
        "MT",
        "mt:YNJV7VSC00CMVH7SR00",
        "YNJV7VSC00CMVH7SR00",
        QR["code"][:-1],
        QR["code"] + "A",
        QR["code"] + "00",
        QR["code"] + "*",
        QR["code"].replace("Y", "y"),
        QR["code"].replace("Y", "é"),
        "MT:.....0000000000000",
        "MT:" + "." * 18,
        "MT:Z0000000000000000",
        "MT:" + onboarding._base38(bytes([1]) + bytes(10)),
        "MT:" + onboarding._base38(bytes(10) + b"\x80"),
        "MT:" + onboarding._base38(bytes(4) + b"\x18" + bytes(6)),
        "MT:" + onboarding._base38(bytes(11) + tlv.encode([1])),
        "MT:" + onboarding._base38(bytes(11) + b"\x15"),
        "MT:" + "0" * 5000,
    ],
)
def test_a_malformed_qr_code_is_refused(code):
    with pytest.raises(OnboardingError):
        parse_qr_code(code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "34970112333",
        "3497011233",
        "349701123322",
        "3497011233a",
        "34970112332\n",
        "\uff134970112332",
        "".join(("80000000000"[:10], onboarding.check_digit("8000000000"))),
        "".join(("4000000000", onboarding.check_digit("4000000000"))),
        "".join(("0999990000", onboarding.check_digit("0999990000"))),
        "".join(("0000009999", onboarding.check_digit("0000009999"))),
        "".join(("0" * 20, onboarding.check_digit("0" * 20))),
        "".join(
            ("4" + "0" * 9 + "99999" + "00001", onboarding.check_digit("4" + "0" * 9 + "99999" + "00001"))
        ),
    ],
)
def test_a_malformed_manual_code_is_refused(code):
    with pytest.raises(OnboardingError):
        parse_manual_code(code)


@pytest.mark.parametrize(
    "change",
    [
        {"vendor_id": 1 << 16},
        {"product_id": -1},
        {"discriminator": 1 << 12},
        {"passcode": 1 << 27},
        {"flow": 4},
        {"discovery": 256},
        {"version": 8},
    ],
)
def test_a_number_that_does_not_fit_is_refused(change):
    with pytest.raises(OnboardingError):
        SetupPayload(**{"vendor_id": 1, "product_id": 2, "discriminator": 3, "passcode": 4} | change)


@pytest.mark.parametrize(
    "arguments", [(1 << 12, 1), (-1, 1), (1, 1 << 27), (1, 1, (1 << 16, 1)), (1, 1, (1, -1))]
)
def test_a_manual_code_of_what_does_not_fit_is_refused(arguments):
    with pytest.raises(OnboardingError):
        manual_code(*arguments)


def test_the_passcode_is_not_in_the_repr():
    assert str(QR["passcode"]) not in repr(PAYLOAD)


def test_every_mistyped_digit_and_every_swap_of_neighbours_is_noticed():
    code = VECTORS["manual"][0]["code"]
    mistyped = {code[:i] + digit + code[i + 1 :] for i in range(11) for digit in "0123456789"}
    swapped = {code[:i] + code[i + 1] + code[i] + code[i + 2 :] for i in range(10)}
    for wrong in (mistyped | swapped) - {code}:
        with pytest.raises(OnboardingError):
            parse_manual_code(wrong)


PAYLOADS = st.builds(
    SetupPayload,
    vendor_id=st.integers(0, 0xFFFF),
    product_id=st.integers(0, 0xFFFF),
    discriminator=st.integers(0, 0xFFF),
    passcode=st.integers(0, (1 << 27) - 1),
    flow=st.sampled_from(Flow),
    discovery=st.integers(0, 255).map(Discovery),
    tlv=st.none() | st.dictionaries(st.integers(0, 255), st.integers(0, 2**32) | st.text("abc"), max_size=4),
)


@given(PAYLOADS)
def test_every_payload_survives_both_codes(payload):
    assert parse_qr_code(payload.qr_code()) == [payload]
    manual = parse_manual_code(payload.manual_code())
    assert (manual.passcode, manual.short_discriminator) == (payload.passcode, payload.discriminator >> 8)
    assert manual.vendor_id == (None if payload.flow is Flow.STANDARD else payload.vendor_id)


@given(
    st.text() | st.text(onboarding._ALPHABET + "*", max_size=60).map("MT:".__add__) | st.text("0123456789- ")
)
def test_no_text_does_anything_but_parse_or_raise_onboarding_error(text):
    for parse in (parse_qr_code, parse_manual_code):
        try:
            parse(text)
        except OnboardingError:
            continue
