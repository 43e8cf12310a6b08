"""One module that asks to be let in, and how far that is."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Any, Final, Self

from hw.ores import pairing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.ores.description import Description
    from hw.ores.pairing import Proof

LIFETIME: Final = 600.0
"""Seconds that a module and a person have."""
BUTTON_WINDOW: Final = 30.0
"""Seconds between a person's word and the press of the module's button, whichever comes first."""
MOST_WRONG_CODES: Final = 5
"""Codes that a person may mistype before the module has to ask anew."""


@dataclass(slots=True)
class Pending:
    """One request.

    :ivar request: the module's certificate request in PEM; empty for one that cannot have a certificate
    :ivar ski: fingerprint of its key, `pairing.KEYLESS` without one
    :ivar commitment: what it said of its number before it saw the hub's
    :ivar proofs: how it can show that it is the one that is meant
    :ivar replaces: whether a module of the same identity and another key is known
    :ivar ends: when it is over, by the monotonic clock
    :ivar nonce: the module's number, once it has told it
    :ivar proof: its proof by the label's code, once it has given it
    :ivar pressed: when its button was pressed
    :ivar awaited: until when a press of the button counts, by the word of `by`
    :ivar code: the label's code as a person typed it, and the module has proven
    :ivar accepted: by whom, once it was
    :ivar name: what to call it, as are room and role
    """

    module: str
    description: Description
    request: str
    ski: bytes
    commitment: bytes
    proofs: Sequence[Proof]
    address: str
    ends: float
    replaces: bool
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    hub_nonce: bytes = field(default_factory=lambda: secrets.token_bytes(pairing.NONCE_LENGTH))
    nonce: bytes = b""
    proof: bytes = b""
    pressed: float | None = None
    awaited: float | None = None
    by: str = ""
    wrong_codes: int = 0
    code: str = field(default="", repr=False)
    accepted: str = ""
    name: str = ""
    room: str = ""
    role: str = ""

    def facts(self, hub_ski: bytes) -> bytes:
        """Return the transcript of both sides; the module has told its number."""
        return pairing.transcript(self.module, self.ski, hub_ski, self.nonce, self.hub_nonce)

    def digits(self, hub_ski: bytes) -> str:
        """Return the six digits to compare; empty until the module has told its number."""
        return pairing.digits(self.facts(hub_ski)) if self.nonce else ""

    def button_agrees(self, now: float) -> bool:
        """Tell whether a person waits for the button, which was pressed just now."""
        return self.awaited is not None and now <= self.awaited

    def to_json(self, ahead: float) -> dict[str, Any]:
        """Return the request as it is stored, with times in UTC.

        :param ahead: seconds that UTC is ahead of the monotonic clock
        """
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields_of(self)}
        values["description"] = json.loads(self.description.model_dump_json())
        values["proofs"] = [str(proof) for proof in self.proofs]
        values |= {name: values[name].hex() for name in _OCTETS}
        return values | {name: _moved(values[name], ahead) for name in _TIMES}

    @classmethod
    def from_json(cls, data: bytes, ahead: float) -> Self:
        """Read a stored request. Raise ValueError, KeyError or TypeError."""
        from hw.ores.description import (
            Description,  # brings pydantic: only a hub that somebody asks pays for it
        )

        values = json.loads(data)
        values["description"] = Description.model_validate_json(json.dumps(values["description"]))
        values["proofs"] = tuple(pairing.Proof(proof) for proof in values["proofs"])
        values |= {name: bytes.fromhex(values[name]) for name in _OCTETS}
        return cls(**values | {name: _moved(values[name], -ahead) for name in _TIMES})


_OCTETS: Final = ("ski", "commitment", "hub_nonce", "nonce", "proof")
_TIMES: Final = ("ends", "pressed", "awaited")


def _moved(time: float | None, by: float) -> float | None:
    return None if time is None else time + by
