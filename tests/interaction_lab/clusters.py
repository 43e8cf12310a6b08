"""Clusters with elements of every kind."""

from __future__ import annotations

import asyncio
from enum import IntFlag
from typing import Any

from matter_node.model import (
    Bool,
    Cluster,
    ListOf,
    Nullable,
    Octets,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)
from matter_node.status import Status, StatusError

LAMP, DIARY, VAULT = 0x0006, 0xFFF1_FC01, 0xFFF1_FC02


@struct
class AddRequest(Struct):
    first: int = member(0, UInt8.between(0, 100))
    second: int = member(1, UInt8)


@struct
class AddResponse(Struct):
    total: int = member(0, UInt16)


@struct
class BlobResponse(Struct):
    blob: bytes = member(0, Octets())


@struct
class BlobRequest(Struct):
    length: int = member(0, UInt16)


@struct
class Note(Struct):
    text: str = member(1, Utf8(64))
    secret: str | None = member(2, Utf8(64), optional=True, fabric_sensitive=True)
    fabric_index: int = member(0xFE, UInt8)


@struct
class JotRequest(Struct):
    note: Note = member(0, StructOf(Note))


@struct
class Turned(Struct):
    on: bool = member(0, Bool)


class LampServer(Cluster):
    """Everything that concerns everybody."""

    ID, REVISION, NAME = LAMP, 6, "Lamp"

    class Feature(IntFlag):
        DIM = 1

    on = attribute(0, Bool, quality="N", access="RW VO")
    label = attribute(1, Utf8(2000), access="RW VM")
    level = attribute(2, Nullable(UInt8), quality="Q X")
    wear = attribute(3, UInt16, quality="C")
    model = attribute(4, UInt8, quality="F", default=7)
    scenes = attribute(5, ListOf(UInt16, maximum=2000), access="RW VO")
    broken = attribute(6, UInt8)
    code = attribute(7, UInt16, access="RW VA", quality="N")
    toggle = command(0)
    add = command(1, AddRequest, AddResponse, response_id=0x10)
    fail = command(2)
    blob = command(3, BlobRequest, BlobResponse, response_id=0x11)
    slow = command(4)
    crash = command(5)
    locked = command(6, access="O T")
    reset = command(7, access="A")
    flash = command(8)
    turned = event(0, Turned, priority=Priority.INFO)
    jammed = event(1, None, priority=Priority.CRITICAL)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.calls: list[str] = []
        self.gate = asyncio.Event()

    def read_broken(self, context):
        raise StatusError(Status.FAILURE, "no reading")

    async def handle_toggle(self, context):
        self.calls.append("toggle")
        self.on = not self.on

    def handle_add(self, context, request):
        self.calls.append("add")
        return AddResponse(total=request.first + request.second)

    def handle_fail(self, context):
        raise StatusError(Status.FAILURE, "as told", cluster_status=0x42)

    def handle_blob(self, context, request):
        return BlobResponse(blob=bytes(request.length))

    async def handle_slow(self, context):
        await self.gate.wait()
        self.calls.append("slow")

    async def handle_crash(self, context):
        raise RuntimeError("a bug")

    def handle_locked(self, context):
        self.calls.append("locked")

    def handle_flash(self, context):
        self.on, self.label, self.level = True, "flash", 100

    def handle_reset(self, context):
        self.calls.append("reset")
        context.after_response(lambda: self.calls.append("after reset"))


class DiaryServer(Cluster):
    """What belongs to fabrics."""

    ID, NAME = DIARY, "Diary"
    notes = attribute(0, ListOf(StructOf(Note), maximum=30), access="RW F VA", quality="N")
    wipe = command(0, access="F O")
    jot = command(1, JotRequest, access="F O")
    written = event(0, Note, priority=Priority.INFO, access="S A")

    def handle_jot(self, context, request):
        self.notes = (*self.notes, request.note)

    def handle_wipe(self, context):
        self.notes = tuple(note for note in self.notes if note.fabric_index != context.fabric_index)


class VaultServer(Cluster):
    """What takes more than View, and more than a plain write."""

    ID, NAME = VAULT, "Vault"
    pin = attribute(0, UInt16, access="RW AA T")
    drop = attribute(1, UInt8, access="W O")
