"""What can be wrong with a registration, as problems, and where modules are registered."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from bridge.api.authority import AuthorityError
from bridge.api.problems import CONFLICT, INVALID, TOO_MANY, UNAVAILABLE, Flaw, Problem, ProblemType
from bridge.registration import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.api.context import Context
    from bridge.registration.desk import RegistrationDesk

UNKNOWN_REGISTRATION: Final = ProblemType(
    "unknown-registration",
    404,
    "Nobody asks to be registered under that id.",
    "The id was never given, or the request was refused, or made more than ten minutes ago.",
    "Switch on pairing on the module again; GET /device/register tells who asks.",
)
WRONG_PROOF: Final = ProblemType(
    "wrong-proof",
    403,
    "The module has not shown that it is the one that is meant.",
    "The code was mistyped or is of another label, or somebody takes the module's place.",
    "Type the 16 characters on the module's label; if they are right, refuse the request.",
)
NO_DEVICE: Final = ProblemType(
    "no-device",
    404,
    "No device was found there.",
    "Nothing answers at that place, or nothing that a driver of the hub understands.",
    "See what each driver says in `detail`; look whether the device is on and its interface enabled.",
)
NO_COMMISSIONER: Final = ProblemType(
    "no-matter-server",
    409,
    "The hub cannot commission Matter devices.",
    "There is no Matter server among its drivers, and it needs one to speak with Matter devices.",
    "Set up a Matter server for the hub, or pair the device with an app.",
)
NOT_LOCAL: Final = ProblemType(
    "module-not-local",
    403,
    "Modules are registered from the home network only.",
    "The request came from an address outside the networks that the hub is in.",
    "Connect the module to the same network as the hub.",
)


def desk(context: Context[Any, Any]) -> RegistrationDesk:
    """Return where modules are registered. Raise Problem while that is nowhere."""
    try:
        return context.hub.registrations
    except LookupError as error:
        raise Problem(UNAVAILABLE, str(error)) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn what can be wrong with a registration into problems."""
    try:
        yield
    except refusals.UnknownRegistrationError as error:
        raise Problem(UNKNOWN_REGISTRATION, str(error)) from error
    except refusals.WrongProofError as error:
        raise Problem(WRONG_PROOF, str(error)) from error
    except refusals.FullError as error:
        raise Problem(TOO_MANY, str(error), headers={"Retry-After": "60"}) from error
    except AuthorityError as error:
        flaw = Flaw("#/certificate_request", str(error))
        raise Problem(INVALID, "the certificate request cannot be signed", flaws=[flaw]) from error
    except refusals.RegistrationError as error:
        raise Problem(CONFLICT, str(error)) from error


# ---------------------------------------------------------------------- what modules ask
