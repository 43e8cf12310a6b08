"""Which changes of a module the clusters Module and Hub tell as RegistrationChanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.record import ModuleRecord


def is_another(before: ModuleRecord, record: ModuleRecord) -> bool:
    """Tell whether a module's name, its address or what it can do is another."""
    return (before.name, before.address, before.capabilities) != (
        record.name,
        record.address,
        record.capabilities,
    )
