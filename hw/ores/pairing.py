"""How a module and a hub show each other that they belong together (docs/module-protocol.md, "Proof").

Both sides put the same facts into one transcript: who the module is, the keys of both, and a random number
of each. A code from the module's label makes it an authentication; without one, six digits of it are compared
by a person. The module commits to its number before it sees the hub's, so that nobody in between can try
numbers until the digits fit.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Final

CONTEXT: Final = b"ORES module pairing v1"
NONCE_LENGTH: Final = 16
"""Bytes of either side's random number."""
CODE_LENGTH: Final = 16
"""Characters of a label's code: 80 bits, too many to be tried even by who has seen an exchange."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter in it is taken for a digit."""
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
KEYLESS: Final = bytes(32)
"""Stands for the fingerprint of a module that has no key of its own."""


class Proof(StrEnum):
    """How a module shows that it is the one that a person means, the strongest first."""

    CODE = "code"
    """The code on its label."""
    BUTTON = "button"
    """A press of its button, within half a minute of the person's word."""
    COMPARE = "compare"
    """Six digits that module and hub show, compared by a person."""


class Side(StrEnum):
    """Whose proof it is: one side's cannot be sent back as the other's."""

    MODULE = "module"
    HUB = "hub"


def normalized(code: str) -> str:
    """Return a label's code as it counts, whatever separators and small letters it was typed with.

    :raises ValueError: it cannot be a code
    """
    plain = "".join(each for each in code.upper().translate(_MISREAD) if each not in " -_.")
    if len(plain) != CODE_LENGTH or not set(plain) <= set(ALPHABET):
        raise ValueError(f"a label's code has {CODE_LENGTH} letters and digits")
    return plain


def fingerprint(public_key: bytes) -> bytes:
    """Return the SHA-256 of a public key as SubjectPublicKeyInfo in DER: its SKI, 32 bytes."""
    return hashlib.sha256(public_key).digest()


def commitment(nonce: bytes) -> bytes:
    """Return what a module says of its number before it sees the hub's: 32 bytes."""
    return hashlib.sha256(CONTEXT + b" commitment" + nonce).digest()


def transcript(
    module: str, module_ski: bytes, hub_ski: bytes, module_nonce: bytes, hub_nonce: bytes
) -> bytes:
    """Return the facts that both sides show to know, 32 bytes.

    :param module: the module's key, such as `acme-m400-7`
    :param module_ski: fingerprint of the module's key, `KEYLESS` if it has none
    :param hub_ski: fingerprint of the key of the hub's certificate authority
    """
    facts = bytearray(CONTEXT)
    for fact in (module.encode(), module_ski, hub_ski, module_nonce, hub_nonce):
        facts += len(fact).to_bytes(2, "big") + fact
    return hashlib.sha256(facts).digest()


def proof(code: str, side: Side, facts: bytes) -> bytes:
    """Return a side's proof that it knows the label's code, 32 bytes. Raise ValueError for no code."""
    return hmac.digest(normalized(code).encode(), CONTEXT + b" " + side.encode() + facts, "sha256")


def is_proof(given: bytes, code: str, side: Side, facts: bytes) -> bool:
    """Tell whether a proof is right, in a time that tells nothing of where it is wrong."""
    return hmac.compare_digest(given, proof(code, side, facts))


def digits(facts: bytes) -> str:
    """Return the six digits that module and hub show."""
    number = int.from_bytes(hashlib.sha256(CONTEXT + b" digits" + facts).digest()[:8], "big")
    return f"{number % 1_000_000:06}"
