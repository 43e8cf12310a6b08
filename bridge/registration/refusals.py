"""Why a module is not registered, or not yet."""

from __future__ import annotations


class RegistrationError(Exception):
    """It cannot be registered so; the message is for a person."""


class UnknownRegistrationError(RegistrationError):
    """There is no such request, or it was too long ago."""


class WrongProofError(RegistrationError):
    """The module is not the one that the person means, or the code was mistyped."""


class TooEarlyError(RegistrationError):
    """The module has not said yet what is needed for that."""


class FullError(RegistrationError):
    """Too many modules ask."""


class OtherDriverError(RegistrationError):
    """A module of that identity is registered with another driver."""
