"""Deadbands of structs: a struct of measured values matters when one of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.model import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.deadband import Deadband
    from matter_node.model import Struct


class MemberBands:
    """The deadbands of a struct's members, or of a list of such structs, in one attribute.

    They lie around the last value of the attribute that mattered. What has no band matters always, and so
    does a member that comes from or goes to null, or a list that grows or shrinks: these are told at once.

    :param bands: by name of the member
    """

    __slots__ = ("_bands", "_reference")

    def __init__(self, bands: Mapping[str, Deadband]) -> None:
        self._bands = bands
        self._reference: tuple[Struct, ...] = ()

    def urgency(self, old: Sequence[Struct], new: Sequence[Struct]) -> Urgency:
        """Judge a change; a single struct is a sequence of one."""
        if len(old) != len(new):
            urgency = Urgency.NOW
        else:
            if len(self._reference) != len(old):
                self._reference = tuple(old)
            urgency = max(
                (self._change(*pair) for pair in zip(self._reference, new, strict=True)),
                key=_ORDER.index,
                default=Urgency.NOW,
            )
        if urgency is not Urgency.LAZY:
            self._reference = tuple(new)
        return urgency

    def _change(self, reference: Struct, new: Struct) -> Urgency:
        worst = Urgency.LAZY
        for member in type(new).MEMBERS:
            before, now = getattr(reference, member.name), getattr(new, member.name)
            band = self._bands.get(member.name)
            if band is None or before is None or now is None:
                if before != now:
                    return Urgency.NOW
            elif band.left(before, now):
                worst = Urgency.QUIET
        return worst


_ORDER = [Urgency.LAZY, Urgency.QUIET, Urgency.NOW]
