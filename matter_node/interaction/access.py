"""Access control: which privileges a subject has on a cluster (Matter Core 6.6, 9.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from matter_node.ids import is_case_authenticated_tag
from matter_node.model.qualities import Privilege
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from matter_node.model.endpoint import Endpoint
    from matter_node.subject import Subject

_VIEW = 1 << Privilege.VIEW
_OPERATE = 1 << Privilege.OPERATE | _VIEW
_MANAGE = 1 << Privilege.MANAGE | _OPERATE
_PROXY_VIEW = 1 << Privilege.PROXY_VIEW | _VIEW
_ADMINISTER = 1 << Privilege.ADMINISTER | _MANAGE | _PROXY_VIEW

_INCLUDED = {
    Privilege.VIEW: _VIEW,
    Privilege.PROXY_VIEW: _PROXY_VIEW,
    Privilege.OPERATE: _OPERATE,
    Privilege.MANAGE: _MANAGE,
    Privilege.ADMINISTER: _ADMINISTER,
}
"""Each privilege with those that it includes, as a mask of ``1 << privilege`` (Matter Core 6.6.2.1)."""

_MAX_CACHED_SUBJECTS = 1024


@dataclass(frozen=True, slots=True)
class AccessTarget:
    """What an entry reaches: every field that is not None must fit (Matter Core 9.10.5.5)."""

    cluster: int | None = None
    endpoint: int | None = None
    device_type: int | None = None

    def covers(self, endpoint: Endpoint, cluster_id: int) -> bool:
        """Tell whether the cluster on that endpoint is reached."""
        if self.cluster is not None and self.cluster != cluster_id:
            return False
        if self.endpoint is not None and self.endpoint != endpoint.number:
            return False
        return self.device_type is None or any(
            device_type.id == self.device_type for device_type in endpoint.device_types
        )


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One entry of the access control list (Matter Core 9.10.5.6).

    :ivar subjects: node ids and CASE authenticated tags, or group ids; empty means every subject
    :ivar targets: empty means every cluster of every endpoint
    """

    fabric_index: int
    privilege: Privilege
    auth_mode: AuthMode
    subjects: tuple[int, ...] = ()
    targets: tuple[AccessTarget, ...] = ()

    def names(self, subject: Subject) -> bool:
        """Tell whether the entry is about a subject."""
        if subject.fabric_index != self.fabric_index or subject.auth_mode is not self.auth_mode:
            return False
        if not self.subjects:
            return True
        if subject.auth_mode is AuthMode.GROUP:
            return subject.group_id in self.subjects
        return subject.node_id in self.subjects or any(
            _tag_matches(named, subject.cats) for named in self.subjects if is_case_authenticated_tag(named)
        )


def _tag_matches(named: int, cats: Iterable[int]) -> bool:
    """Tell whether one of the tags has the named identifier in at least the named version."""
    identifier, version = named >> 16 & 0xFFFF, named & 0xFFFF
    return any(cat >> 16 == identifier and cat & 0xFFFF >= version for cat in cats)


class GroupMembership(Protocol):
    """Which endpoints are in which groups: where group messages find what they are for."""

    on_changed: list[Callable[[], None]]
    """Called after every change."""

    def groups(self) -> Collection[tuple[int, int]]:
        """Return (fabric index, group id) of every group that an endpoint is in."""

    def endpoints(self, fabric_index: int, group_id: int) -> Collection[int]:
        """Return the numbers of the endpoints that are in a group."""


class Grants:
    """What one subject may do, as masks of ``1 << privilege``.

    :ivar everywhere: privileges on every cluster of every endpoint
    """

    __slots__ = ("_known", "_targeted", "everywhere")

    def __init__(self, everywhere: int, targeted: tuple[tuple[int, tuple[AccessTarget, ...]], ...]) -> None:
        self.everywhere = everywhere
        self._targeted = targeted
        self._known: dict[tuple[int, int], int] = {}

    def on(self, endpoint: Endpoint, cluster_id: int) -> int:
        """Return the privileges on a cluster of an endpoint."""
        if not self._targeted:
            return self.everywhere
        key = (endpoint.number, cluster_id)
        mask = self._known.get(key)
        if mask is None:
            mask = self.everywhere
            for privileges, targets in self._targeted:
                if privileges & ~mask and any(target.covers(endpoint, cluster_id) for target in targets):
                    mask |= privileges
            if cluster_id in endpoint.clusters:  # what clients invent is not worth remembering
                self._known[key] = mask
        return mask

    def anywhere(self, endpoint_number: int | None, cluster_id: int | None) -> int:
        """Return the privileges on a cluster that need not exist: no device type is known there then."""
        mask = self.everywhere
        for privileges, targets in self._targeted:
            for target in targets:
                if (
                    target.device_type is None
                    and target.cluster in {None, cluster_id}
                    and target.endpoint in {None, endpoint_number}
                ):
                    mask |= privileges
        return mask


_ALL = Grants(_ADMINISTER, ())


class AccessControl:
    """The access control list in force, and the decisions that follow from it.

    :ivar listeners: called after every change of the list
    """

    def __init__(self, entries: Iterable[AccessEntry] = ()) -> None:
        self._entries = tuple(entries)
        self._grants: dict[Subject, Grants] = {}
        self.listeners: list[Callable[[], None]] = []

    @property
    def entries(self) -> tuple[AccessEntry, ...]:
        """The entries of all fabrics."""
        return self._entries

    def replace(self, entries: Iterable[AccessEntry]) -> None:
        """Put another list in force."""
        self._entries = tuple(entries)
        self._grants.clear()
        for listener in tuple(self.listeners):
            listener()

    def forget_decisions(self) -> None:
        """Decide anew: an endpoint number may stand for other device types now."""
        self._grants.clear()

    def grants(self, subject: Subject) -> Grants:
        """Return what a subject may do."""
        if subject.auth_mode is AuthMode.PASE:
            return _ALL
        grants = self._grants.get(subject)
        if grants is None:
            if len(self._grants) >= _MAX_CACHED_SUBJECTS:
                self._grants.clear()
            grants = self._grants[subject] = self._judge(subject)
        return grants

    def allows(self, subject: Subject, endpoint: Endpoint, cluster_id: int, privilege: Privilege) -> bool:
        """Tell whether a subject has a privilege on a cluster of an endpoint."""
        return bool(self.grants(subject).on(endpoint, cluster_id) >> privilege & 1)

    def _judge(self, subject: Subject) -> Grants:
        everywhere = 0
        targeted: list[tuple[int, tuple[AccessTarget, ...]]] = []
        for entry in self._entries:
            if not entry.names(subject):
                continue
            if entry.auth_mode is AuthMode.GROUP and entry.privilege is Privilege.ADMINISTER:
                continue  # a shared key proves no administrator (Matter Core 9.10.5.6.1)
            privileges = _INCLUDED[entry.privilege]
            if entry.targets:
                targeted.append((privileges, entry.targets))
            else:
                everywhere |= privileges
        return Grants(everywhere, tuple(targeted))
