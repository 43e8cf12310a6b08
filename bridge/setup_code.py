"""The installation's setup code: what a person scans or types to pair the hub, and the node's check of it.

It is made once, at random, and stays: a factory reset gives up the fabrics, not the code on the label.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from matter_node.codec.onboarding import (
    MAX_DISCRIMINATOR,
    MAX_PASSCODE,
    MIN_PASSCODE,
    SetupPayload,
    is_valid_passcode,
)

if TYPE_CHECKING:
    from matter_node.storage import Storage

KEY: Final = "setup/code"
ITERATIONS: Final = 1000
"""PBKDF2 iterations. The passcode has 27 bits: more would cost time and add no safety."""
SALT_LENGTH: Final = 32


class Readable(Protocol):
    """Where a stored code is read from."""

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""


@dataclass(frozen=True, slots=True)
class SetupCode:
    """Passcode and discriminator, with the SPAKE2+ verifier that PASE needs (Matter Core 3.10)."""

    passcode: int = field(repr=False)
    discriminator: int
    salt: bytes = field(repr=False)
    iterations: int
    verifier: bytes = field(repr=False)
    """w0 and L, 97 bytes: `PaseVerifier.from_bytes` takes them."""

    def payload(self, vendor_id: int, product_id: int) -> SetupPayload:
        """Return what the QR code and the manual code say."""
        return SetupPayload(vendor_id, product_id, self.discriminator, self.passcode)


def load(storage: Readable) -> SetupCode | None:
    """Return the installation's code, or None before its first start."""
    stored = storage.get(KEY)
    if stored is None:
        return None
    values = json.loads(stored)
    return SetupCode(
        values["passcode"],
        values["discriminator"],
        bytes.fromhex(values["salt"]),
        values["iterations"],
        bytes.fromhex(values["verifier"]),
    )


def load_or_create(
    storage: Storage, *, passcode: int | None = None, discriminator: int | None = None
) -> SetupCode:
    """Return the installation's code, making what is missing; given numbers replace stored ones for good."""
    stored = load(storage)
    if discriminator is None:
        discriminator = stored.discriminator if stored else secrets.randbelow(MAX_DISCRIMINATOR + 1)
    if passcode is None:
        passcode = stored.passcode if stored else _random_passcode()
    if stored and (stored.passcode, stored.discriminator) == (passcode, discriminator):
        return stored
    if stored and stored.passcode == passcode:
        code = SetupCode(passcode, discriminator, stored.salt, stored.iterations, stored.verifier)
    else:
        code = _made(passcode, discriminator)
    values = {
        "passcode": code.passcode,
        "discriminator": code.discriminator,
        "salt": code.salt.hex(),
        "iterations": code.iterations,
        "verifier": code.verifier.hex(),
    }
    storage.put(KEY, json.dumps(values).encode())
    storage.flush()
    return code


def _made(passcode: int, discriminator: int) -> SetupCode:
    from matter_node.crypto.spake2p import PaseVerifier  # brings cryptography: not for every command

    salt = secrets.token_bytes(SALT_LENGTH)
    verifier = PaseVerifier.from_passcode(passcode, salt, ITERATIONS).to_bytes()
    return SetupCode(passcode, discriminator, salt, ITERATIONS, verifier)


def _random_passcode() -> int:
    while True:
        passcode = MIN_PASSCODE + secrets.randbelow(MAX_PASSCODE)
        if is_valid_passcode(passcode):
            return passcode
