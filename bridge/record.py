"""What the hub remembers about a registered module, so that it exists before it answers."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from bridge.loads.wish import LoadWish
from bridge.logs import CONTROLS
from hw.accuracy import Accuracy, Quantity
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from hw.module import Module

PRIORITIES: Final = range(10)
"""0 is the first to go without power when there is not enough, 9 the last."""
USUAL_PRIORITY: Final = {
    ModuleKind.EVSE: 2,
    ModuleKind.LOAD: 5,
    ModuleKind.BATTERY: 7,
    ModuleKind.MICROINVERTER: 8,
    ModuleKind.METER: 9,
}
"""Of modules that nobody gave another one: a car can wait, and what supplies the home is kept."""


class OperatingMode(StrEnum):
    """Who decides what a module does."""

    AUTONOMOUS = "autonomous"
    """Its own logic: neither plans nor programmes command it. People and what protects the home still do."""
    FEDERATED = "federated"
    """The hub, which joins it with the others."""


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    """One registered module."""

    identity: Identity
    kind: ModuleKind
    driver: str
    """Name of the driver that speaks with it, such as `sunspec`."""
    address: str
    """Where it was last found; the identity stays when it moves."""
    name: str
    """What apps show at first, 1 to 32 bytes of UTF-8."""
    room: str = ""
    role: str = ""
    """What it does in this home where its kind does not say, such as `grid` for the meter at the supply."""
    mode: OperatingMode = OperatingMode.FEDERATED
    faces: dict[str, bool] = field(default_factory=dict)
    """Which voice faces a person switched on or off; what is not here is as the settings say."""
    labels: dict[str, str] = field(default_factory=dict)
    """What its voice faces are called."""
    chosen_priority: int | None = None
    """What a person said of its priority; None while nobody did."""
    quarantined: bool = False
    """It is read and not commanded, for its identity is in doubt or a person wants it so."""
    wish: LoadWish = field(default_factory=LoadWish)
    """What the residents want of a load."""
    unique_id: str = field(default_factory=lambda: secrets.token_hex(16))
    """Matter's UniqueID of the bridged device: opaque, 32 characters, new after a factory reset."""
    nameplate: Nameplate = field(default_factory=Nameplate)
    capabilities: Capabilities = field(default_factory=Capabilities)

    @property
    def key(self) -> str:
        """The identity's key: the module's name everywhere in the hub."""
        return self.identity.key

    @property
    def priority(self) -> int:
        """How long it is to be supplied when there is not power enough for all: 0 to 9, 9 the longest."""
        return USUAL_PRIORITY[self.kind] if self.chosen_priority is None else self.chosen_priority

    def to_json(self) -> bytes:
        """Return the record as it is stored."""
        values = asdict(self)
        values["capabilities"]["setpoints"] = sorted(self.capabilities.setpoints)
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> ModuleRecord:
        """Read a stored record; what a newer version added is left out. Raise ValueError or KeyError."""
        values = json.loads(data)
        capabilities = _known(Capabilities, values["capabilities"])
        capabilities["setpoints"] = frozenset(
            SetpointKind(kind) for kind in capabilities["setpoints"] if kind in list(SetpointKind)
        )
        if "measures" in capabilities:
            capabilities["measures"] = {
                Quantity(quantity): Accuracy(**_known(Accuracy, accuracy))
                for quantity, accuracy in capabilities["measures"].items()
                if quantity in list(Quantity)
            }
        return cls(
            **_known(cls, values)
            | {
                "identity": Identity(**_known(Identity, values["identity"])),
                "kind": ModuleKind(values["kind"]),
                "mode": OperatingMode(values.get("mode", OperatingMode.FEDERATED)),
                "wish": LoadWish.of(values.get("wish", {})),
                "nameplate": Nameplate(**_known(Nameplate, values["nameplate"])),
                "capabilities": Capabilities(**capabilities),
            }
        )

    @classmethod
    def of(
        cls, module: Module, driver: str, *, name: str = "", room: str = "", role: str = ""
    ) -> ModuleRecord:
        """Return the record of a module that was just found."""
        return cls(
            identity=module.identity,
            kind=module.kind,
            driver=driver,
            address=module.address,
            name=shortened(name or _usual_name(module.identity, module.kind)),
            room=room,
            role=role,
            nameplate=module.nameplate,
            capabilities=module.capabilities,
        )


def shortened(name: str, limit: int = 32) -> str:
    """Return `name` cut to `limit` bytes of UTF-8, between characters, with spaces for control characters."""
    return CONTROLS.sub(" ", name).encode()[:limit].decode(errors="ignore").strip()


def _usual_name(identity: Identity, kind: ModuleKind) -> str:
    return f"{identity.model or kind.value.capitalize()} {identity.serial[-4:]}"


def _known(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in cls.__dataclass_fields__}  # type: ignore[attr-defined]
