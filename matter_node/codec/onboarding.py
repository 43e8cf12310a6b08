"""Onboarding payloads: the QR code and the manual pairing code (Matter Core 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

from matter_node.codec import tlv

if TYPE_CHECKING:
    from collections.abc import Sequence

QR_PREFIX = "MT:"
MAX_DISCRIMINATOR = 0xFFF
MIN_PASSCODE, MAX_PASSCODE = 1, 99_999_998

FORBIDDEN_PASSCODES = frozenset([*(int(str(digit) * 8) for digit in range(10)), 12345678, 87654321])
"""Passcodes that are too easy to guess (Matter Core 5.1.7.1)."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-."
_CHARACTERS = {1: 2, 2: 4, 3: 5}  # base-38 characters for that many bytes
_BYTES = {characters: size for size, characters in _CHARACTERS.items()}
_PAYLOAD_LENGTH = 11
_FIELDS = {  # bits, from the least significant on
    "version": 3,
    "vendor_id": 16,
    "product_id": 16,
    "flow": 2,
    "discovery": 8,
    "discriminator": 12,
    "passcode": 27,
}
_MAX_QR_LENGTH = 4296  # characters that the largest QR code holds


class OnboardingError(ValueError):
    """A code is mistyped or malformed, or a payload has no code; says what is wrong."""


class Flow(IntEnum):
    """What the user must do before the device can be commissioned (Matter Core 5.1.3.1)."""

    STANDARD = 0
    USER_INTENT = 1
    CUSTOM = 2


class Discovery(IntFlag):
    """Where an uncommissioned device can be found (Matter Core 5.1.3.1)."""

    SOFT_AP = 1 << 0
    BLE = 1 << 1
    ON_NETWORK = 1 << 2
    WIFI_PAF = 1 << 3
    NFC = 1 << 4


def is_valid_passcode(passcode: int) -> bool:
    """Tell whether Matter allows `passcode`: 1 to 99999998, and none that is easy to guess."""
    return MIN_PASSCODE <= passcode <= MAX_PASSCODE and passcode not in FORBIDDEN_PASSCODES


@dataclass(frozen=True, slots=True)
class SetupPayload:
    """What a QR code says.

    Any number that fits its field is allowed, so that a strange device's code can be read; whether a passcode
    is a good one says `is_valid_passcode`.

    :ivar discovery: where the device can be found; an Ethernet bridge is found on the network
    :ivar discriminator: 12 bits that tell devices apart while they can be commissioned
    :ivar tlv: more facts, a TLV structure: 0 serial number, 1 PBKDF iterations, 2 salt, 3 number of devices,
        4 commissioning timeout, 0x80 and up the vendor's; or None
    :raises OnboardingError: if a number does not fit its field
    """

    vendor_id: int
    product_id: int
    discriminator: int
    passcode: int = field(repr=False)
    flow: Flow = Flow.STANDARD
    discovery: Discovery = Discovery.ON_NETWORK
    version: int = 0
    tlv: dict[int, tlv.Value] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for name, width in _FIELDS.items():
            value = getattr(self, name)
            if not 0 <= value < 1 << width:
                raise OnboardingError(f"{name.replace('_', ' ')} {value} does not fit {width} bits")

    def qr_code(self) -> str:
        """Return the text of the QR code."""
        bits = position = 0
        for name, width in _FIELDS.items():
            bits |= int(getattr(self, name)) << position
            position += width
        extra = b"" if self.tlv is None else tlv.encode(self.tlv)
        return QR_PREFIX + _base38(bits.to_bytes(_PAYLOAD_LENGTH, "little") + extra)

    def manual_code(self) -> str:
        """Return the digits to type: 11, or 21 with vendor and product where the flow needs them.

        :raises OnboardingError: if vendor or product are needed and have no five digits
        """
        return manual_code(
            self.discriminator,
            self.passcode,
            None if self.flow is Flow.STANDARD else (self.vendor_id, self.product_id),
        )


@dataclass(frozen=True, slots=True)
class ManualPayload:
    """What a manual pairing code says.

    :ivar short_discriminator: upper 4 bits of the discriminator
    :ivar vendor_id: None unless the code has 21 digits
    :ivar product_id: None unless the code has 21 digits
    """

    short_discriminator: int
    passcode: int = field(repr=False)
    vendor_id: int | None = None
    product_id: int | None = None


def parse_qr_code(text: str) -> list[SetupPayload]:
    """Return the payloads of a QR code's text: one a device, several only if they are joined by ``*``.

    :raises OnboardingError: saying what is wrong
    """
    if not text.startswith(QR_PREFIX):
        raise OnboardingError(f"a Matter QR code starts with {QR_PREFIX}")
    if len(text) > _MAX_QR_LENGTH:
        raise OnboardingError("longer than any QR code")
    return [_parse_payload(part) for part in text.removeprefix(QR_PREFIX).split("*")]


def _parse_payload(text: str) -> SetupPayload:
    data = _unbase38(text)
    if len(data) < _PAYLOAD_LENGTH:
        raise OnboardingError("the QR code is too short")
    bits = int.from_bytes(data[:_PAYLOAD_LENGTH], "little")
    numbers = {}
    for name, width in _FIELDS.items():
        numbers[name] = bits & (1 << width) - 1
        bits >>= width
    if bits:
        raise OnboardingError("the padding is not zero")
    if numbers["version"] != 0:
        raise OnboardingError(f"version {numbers['version']} of the QR code is not known")
    try:
        flow = Flow(numbers.pop("flow"))
    except ValueError:
        raise OnboardingError("the commissioning flow is not known") from None
    extra = None
    if len(data) > _PAYLOAD_LENGTH:
        try:
            extra = tlv.decode(data[_PAYLOAD_LENGTH:])
        except tlv.TlvError as error:
            raise OnboardingError(f"malformed additional data: {error}") from error
        if not isinstance(extra, dict):
            raise OnboardingError("additional data is a structure")
    discovery = Discovery(numbers.pop("discovery"))
    return SetupPayload(**numbers, flow=flow, discovery=discovery, tlv=extra)


def manual_code(discriminator: int, passcode: int, ids: tuple[int, int] | None = None) -> str:
    """Return a manual pairing code.

    :param discriminator: 12 bits, of which the code holds the upper 4
    :param ids: vendor and product id for the long form
    :raises OnboardingError: if a number does not fit
    """
    if not 0 <= discriminator <= MAX_DISCRIMINATOR:
        raise OnboardingError(f"discriminator {discriminator} does not fit 12 bits")
    if not 0 <= passcode < 1 << 27:
        raise OnboardingError("the passcode does not fit 27 bits")
    short = discriminator >> 8
    first = short >> 2 | (4 if ids else 0)
    digits = f"{first}{(short & 3) << 14 | passcode & 0x3FFF:05}{passcode >> 14:04}"
    for number in ids or ():
        if not 0 <= number <= 0xFFFF:
            raise OnboardingError(f"id {number} does not fit 16 bits")
        digits += f"{number:05}"
    return digits + check_digit(digits)


def parse_manual_code(text: str) -> ManualPayload:
    """Return what a manual pairing code says; spaces and dashes between its digits are left aside.

    :raises OnboardingError: saying what is wrong
    """
    digits = text.replace("-", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        raise OnboardingError("a manual pairing code is made of digits")
    if len(digits) not in {11, 21}:
        raise OnboardingError(f"a manual pairing code has 11 or 21 digits, not {len(digits)}")
    if check_digit(digits[:-1]) != digits[-1]:
        raise OnboardingError("the check digit is wrong: a digit is mistyped")
    first, second, third = int(digits[0]), int(digits[1:6]), int(digits[6:10])
    if first > 7 or second > 0xFFFF or third >= 1 << 13:
        raise OnboardingError("a number in the code is out of range")
    if (first & 4 != 0) != (len(digits) == 21):
        raise OnboardingError("the first digit does not fit the length")
    vendor_id = product_id = None
    if first & 4:
        vendor_id, product_id = int(digits[10:15]), int(digits[15:20])
        if max(vendor_id, product_id) > 0xFFFF:
            raise OnboardingError("vendor or product id is out of range")
    return ManualPayload(
        short_discriminator=(first & 3) << 2 | second >> 14,
        passcode=third << 14 | second & 0x3FFF,
        vendor_id=vendor_id,
        product_id=product_id,
    )


def _base38(data: bytes) -> str:
    text = []
    for start in range(0, len(data), 3):
        chunk = data[start : start + 3]
        number = int.from_bytes(chunk, "little")
        for _ in range(_CHARACTERS[len(chunk)]):
            number, digit = divmod(number, 38)
            text.append(_ALPHABET[digit])
    return "".join(text)


def _unbase38(text: str) -> bytes:
    data = bytearray()
    for start in range(0, len(text), 5):
        chunk = text[start : start + 5]
        size = _BYTES.get(len(chunk))
        if size is None:
            raise OnboardingError("characters are missing at the end")
        number = 0
        for character in reversed(chunk):
            digit = _ALPHABET.find(character)
            if digit < 0:
                raise OnboardingError(f"{character!r} does not occur in a QR code of Matter")
            number = number * 38 + digit
        if number >> 8 * size:
            raise OnboardingError(f"{chunk!r} stands for no bytes")
        data += number.to_bytes(size, "little")
    return bytes(data)


def _dihedral(one: int, other: int) -> int:
    """Multiply in the dihedral group of the pentagon, on which Verhoeff's check digit stands."""
    rotation = one + other if one < 5 else one - other
    return rotation % 5 + (5 if (one < 5) != (other < 5) else 0)


def _verhoeff_permutations() -> Sequence[Sequence[int]]:
    step = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    rows = [tuple(range(10))]
    while len(rows) < 8:
        rows.append(tuple(step[digit] for digit in rows[-1]))
    return rows


_PERMUTATIONS = _verhoeff_permutations()


def check_digit(digits: str) -> str:
    """Return Verhoeff's check digit of a string of decimal digits."""
    state = 0
    for position, digit in enumerate(reversed(digits), start=1):
        state = _dihedral(state, _PERMUTATIONS[position % 8][int(digit)])
    return str(next(digit for digit in range(10) if _dihedral(state, digit) == 0))
