"""AccessControl at work: the list that administrators write, and the rules it obeys (Matter Core 9.10)."""

from __future__ import annotations

import dataclasses
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from clusters.definitions.access_control import (
    AccessControl,
    AccessControlEntryAuthModeEnum,
    AccessControlEntryChangedEvent,
    AccessControlEntryPrivilegeEnum,
    AccessControlEntryStruct,
    AccessControlExtensionChangedEvent,
    AccessControlExtensionStruct,
    AccessControlTargetStruct,
    ChangeTypeEnum,
)
from matter_node.codec import tlv
from matter_node.ids import is_case_authenticated_tag, is_operational_node_id
from matter_node.interaction.access import AccessEntry, AccessTarget
from matter_node.model import ListOf, Privilege, StructOf, attribute
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from matter_node.interaction.access import AccessControl as AccessDecisions
    from matter_node.model import Context

_MAX_VENDOR_ID = 0xFFF4
_PASSCODE_ID = 0
"""The id of the one passcode that there is, in events about changes made over PASE."""

E = TypeVar("E", AccessControlEntryStruct, AccessControlExtensionStruct)


def is_access_subject(subject: int) -> bool:
    """Tell whether a CASE entry may name it: a node id, or a CASE authenticated tag with a version."""
    return is_operational_node_id(subject) or is_case_authenticated_tag(subject)


class AccessControlServer(AccessControl):
    """The node's access control list; what decides on access follows it at once.

    :param decisions: what decides on access
    """

    # The specification keeps both lists over a restart in words; its table says no quality.
    acl = attribute(0x0000, ListOf(StructOf(AccessControlEntryStruct)), access="RW F A", quality="N")
    extension = attribute(
        0x0001,
        ListOf(StructOf(AccessControlExtensionStruct)),
        access="RW F A",
        quality="N",
        conformance="EXTS",
    )

    def __init__(
        self,
        decisions: AccessDecisions,
        *,
        entries_per_fabric: int = 4,
        subjects_per_entry: int = 4,
        targets_per_entry: int = 3,
    ) -> None:
        super().__init__(
            features=AccessControl.Feature.EXTS,
            subjects_per_access_control_entry=subjects_per_entry,
            targets_per_access_control_entry=targets_per_entry,
            access_control_entries_per_fabric=entries_per_fabric,
        )
        self._decisions = decisions

    def attached(self) -> None:
        """Put the stored list in force."""
        self._apply()

    def fabric_removed(self, fabric_index: int) -> None:
        """Drop the fabric's entries."""
        super().fabric_removed(fabric_index)
        self._apply()

    def add_administrator(self, fabric_index: int, subject: int) -> None:
        """Give the first administrator of a new fabric its entry, as AddNOC does."""
        entry = AccessControlEntryStruct(
            privilege=AccessControlEntryPrivilegeEnum.ADMINISTER,
            auth_mode=AccessControlEntryAuthModeEnum.CASE,
            subjects=(subject,),
            targets=None,
            fabric_index=fabric_index,
        )
        self.acl = (*self.acl, entry)
        self._apply()
        self._entry_changed(Subject(AuthMode.PASE, fabric_index), ChangeTypeEnum.ADDED, entry)

    def write_acl(self, context: Context, value: tuple[AccessControlEntryStruct, ...]) -> None:
        """Take a fabric's new list, whole."""
        index = context.fabric_index
        own = [entry for entry in value if entry.fabric_index == index]
        if len(own) > self.access_control_entries_per_fabric:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{len(own)} access control entries")
        new = tuple(self._checked(entry) for entry in own)
        others = tuple(entry for entry in self.acl if entry.fabric_index != index)
        old = tuple(entry for entry in self.acl if entry.fabric_index == index)
        self.acl = others + new
        self._flush()
        self._apply()
        for change, entry in _changes(old, new, context):
            self._entry_changed(context.subject, change, entry)

    def write_extension(self, context: Context, value: tuple[AccessControlExtensionStruct, ...]) -> None:
        """Take a fabric's extension: one entry at most, which nothing here interprets."""
        index = context.fabric_index
        new = tuple(entry for entry in value if entry.fabric_index == index)
        if len(new) > 1:
            raise StatusError(Status.CONSTRAINT_ERROR, "a fabric has one access control extension")
        for entry in new:
            _check_extension(entry.data)
        others = tuple(entry for entry in self.extension if entry.fabric_index != index)
        old = tuple(entry for entry in self.extension if entry.fabric_index == index)
        self.extension = others + new
        self._flush()
        for change, entry in _changes(old, new, context):
            node_id, passcode_id = _administrator(context.subject)
            self.emit(
                AccessControl.access_control_extension_changed,
                AccessControlExtensionChangedEvent(
                    admin_node_id=node_id,
                    admin_passcode_id=passcode_id,
                    change_type=change,
                    latest_value=entry,
                    fabric_index=index,
                ),
                fabric_index=index,
            )

    def _checked(self, entry: AccessControlEntryStruct) -> AccessControlEntryStruct:
        """Return an entry in its stored form; StatusError if it is not allowed."""
        subjects, targets = entry.subjects or (), entry.targets or ()
        if len(subjects) > self.subjects_per_access_control_entry:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{len(subjects)} subjects")
        if len(targets) > self.targets_per_access_control_entry:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{len(targets)} targets")
        if entry.auth_mode is AccessControlEntryAuthModeEnum.PASE:
            raise StatusError(Status.CONSTRAINT_ERROR, "no entry is for PASE")
        if entry.auth_mode is AccessControlEntryAuthModeEnum.GROUP:
            if entry.privilege is AccessControlEntryPrivilegeEnum.ADMINISTER:
                raise StatusError(Status.CONSTRAINT_ERROR, "a group cannot administer")
            allowed = all(1 <= subject <= 0xFFFF for subject in subjects)
        else:
            allowed = all(is_access_subject(subject) for subject in subjects)
        if not allowed:
            raise StatusError(Status.CONSTRAINT_ERROR, f"a subject that {entry.auth_mode.name} cannot be")
        for target in targets:
            _check_target(target)
        return dataclasses.replace(entry, subjects=subjects or None, targets=targets or None)

    def _entry_changed(
        self, subject: Subject, change: ChangeTypeEnum, entry: AccessControlEntryStruct
    ) -> None:
        node_id, passcode_id = _administrator(subject)
        self.emit(
            AccessControl.access_control_entry_changed,
            AccessControlEntryChangedEvent(
                admin_node_id=node_id,
                admin_passcode_id=passcode_id,
                change_type=change,
                latest_value=entry,
                fabric_index=entry.fabric_index,
            ),
            fabric_index=entry.fabric_index,
        )

    def _apply(self) -> None:
        self._decisions.replace(
            AccessEntry(
                fabric_index=entry.fabric_index,
                privilege=Privilege(entry.privilege),
                auth_mode=AuthMode(entry.auth_mode),
                subjects=entry.subjects or (),
                targets=tuple(
                    AccessTarget(target.cluster, target.endpoint, target.device_type)
                    for target in entry.targets or ()
                ),
            )
            for entry in self.acl
        )

    def _flush(self) -> None:
        if self.endpoint is not None and self.endpoint.tree is not None:
            self.endpoint.tree.storage.flush()


def _changes(old: tuple[E, ...], new: tuple[E, ...], context: Context) -> list[tuple[ChangeTypeEnum, E]]:
    """Return what a write did: changes and additions in the order of the list, removals from its end.

    A list that is replaced changes every entry, even one that is written as it was (Matter Core 9.10.7.1);
    one that is appended to changes none.
    """
    forward: list[tuple[ChangeTypeEnum, E]] = []
    removed: list[tuple[ChangeTypeEnum, E]] = []
    for before, after in zip_longest(old, new):
        if after is None:
            removed.append((ChangeTypeEnum.REMOVED, before))
        elif before is None:
            forward.append((ChangeTypeEnum.ADDED, after))
        elif not context.appending:
            forward.append((ChangeTypeEnum.CHANGED, after))
    return forward + removed[::-1]


def _administrator(subject: Subject) -> tuple[int | None, int | None]:
    """Return who made a change, as events say it: node id or passcode id."""
    if subject.auth_mode is AuthMode.PASE:
        return None, _PASSCODE_ID
    return subject.node_id, None


def _check_target(target: AccessControlTargetStruct) -> None:
    if target.cluster is None and target.endpoint is None and target.device_type is None:
        raise StatusError(Status.CONSTRAINT_ERROR, "a target that names nothing")
    if target.endpoint is not None and target.device_type is not None:
        raise StatusError(Status.CONSTRAINT_ERROR, "a target with endpoint and device type")
    if target.cluster is not None and not _is_cluster_id(target.cluster):
        raise StatusError(Status.CONSTRAINT_ERROR, f"cluster id {target.cluster:#x}")
    if target.device_type is not None and not (
        target.device_type >> 16 <= _MAX_VENDOR_ID and target.device_type & 0xFFFF <= 0xBFFF
    ):
        raise StatusError(Status.CONSTRAINT_ERROR, f"device type id {target.device_type:#x}")


def _is_cluster_id(cluster: int) -> bool:
    vendor, number = cluster >> 16, cluster & 0xFFFF
    if vendor == 0:
        return number <= 0x7FFF
    return vendor <= _MAX_VENDOR_ID and 0xFC00 <= number <= 0xFFFE


def _check_extension(data: bytes) -> None:
    """Raise CONSTRAINT_ERROR unless the bytes are a TLV list of profile-tagged elements."""
    try:
        content = tlv.decode(data)
    except tlv.TlvError as error:
        raise StatusError(Status.CONSTRAINT_ERROR, f"extension: {error}") from error
    if not isinstance(content, tlv.TlvList) or any(not isinstance(tag, tuple) for tag, _ in content):
        raise StatusError(Status.CONSTRAINT_ERROR, "an extension is a list of profile-tagged elements")
