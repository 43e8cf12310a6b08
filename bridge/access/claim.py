"""The first admin: whoever stands before the hub and reads the code that it shows."""

from __future__ import annotations

import secrets
from typing import Final

from bridge.access.tokens import same

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""What nobody mistakes for something else when it is read aloud or copied by hand."""
_LENGTH: Final = 8


class ClaimCode:
    """A code of 8 characters, 39 bits, new with every start of a hub that nobody has claimed."""

    def __init__(self) -> None:
        self._code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))

    def __str__(self) -> str:
        """Return the code as it is shown: `K7QD-2MXF`."""
        return f"{self._code[:4]}-{self._code[4:]}"

    def matches(self, text: str) -> bool:
        """Tell whether somebody typed the code, in small letters or with other separators."""
        typed = "".join(character for character in text.upper() if character in _ALPHABET)
        return same(typed, self._code)
