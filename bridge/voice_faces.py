"""The voice faces on the Matter node: what each is made of, and what of a module it shows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bridge.energy_faces import blink
from bridge.grid import GridChanged, GridState
from bridge.load_switch import LoadSwitch
from bridge.module_face import ModuleFace, Stage
from bridge.voice import VoiceFace
from bridge.voice_switches import ChargingSwitch, ConnectionSwitch, ReserveSetting
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.contact_sensor import ContactSensorFace, contact_sensor
from device_types.dimmable import DimmableFace, dimmable
from device_types.switched_plug import SwitchedPlugFace, switched_plug
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.record import ModuleRecord
    from bridge.settings import FacesSettings
    from hw.reading import Reading

FULL_PERCENT = 99.5
NOT_FULL_PERCENT = 97.0
"""What was full is so until it is below this: a contact that chatters starts automations."""


def voice_part(face: VoiceFace, settings: FacesSettings) -> str:
    """Return the name of a voice face's endpoint. What is of another device type is another endpoint."""
    light = face is VoiceFace.RESERVE and settings.reserve_as == "light"
    return f"voice-{face.value}-light" if light else f"voice-{face.value}"


class PermissionPlug(ModuleFace):
    """A plug that says whether a module may do what it does: charge, or produce."""

    face: SwitchedPlugFace

    def __init__(self, face: SwitchedPlugFace, switch: ChargingSwitch | ConnectionSwitch) -> None:
        super().__init__(face)
        self._switch = switch

    def show(self, _: Reading) -> None:
        """Show that the module answers, and what it may."""
        self.face.update(on=self._switch.on)

    def command_changed(self, _: Command) -> None:
        """Show what it may now: somebody may have commanded it elsewhere."""
        self.face.on_off.show(self._switch.on)


class LoadPlug(ModuleFace):
    """A plug without measurements: a load."""

    face: SwitchedPlugFace

    def __init__(self, face: SwitchedPlugFace, switch: LoadSwitch) -> None:
        super().__init__(face)
        self._switch = switch

    def show(self, reading: Reading) -> None:
        """Show whether the load is on."""
        self.face.update(on=reading.connected)
        self._switch.show_start_up(self.face.on_off)


class ReserveDimmer(ModuleFace):
    """A level: how much a battery keeps back."""

    face: DimmableFace

    def __init__(self, face: DimmableFace, setting: ReserveSetting) -> None:
        super().__init__(face)
        self._setting = setting

    def show(self, _: Reading) -> None:
        """Show what the battery keeps back if a person set it; else the level stays as it was set last."""
        on = self._setting.on
        self.face.update(percent=self._setting.percent if on else None, on=on)


class FullContact(ModuleFace):
    """A contact that is open when a battery is full."""

    face: ContactSensorFace

    def __init__(self, face: ContactSensorFace) -> None:
        super().__init__(face)
        self._full: bool | None = None

    def show(self, reading: Reading) -> None:
        """Show whether it is full."""
        percent = reading.battery.soc_percent if reading.battery is not None else None
        if percent is not None:
            self._full = percent >= (NOT_FULL_PERCENT if self._full else FULL_PERCENT)
        self.face.update(so=self._full)


class OutageContact(ModuleFace):
    """A contact that is open when the grid is gone."""

    face: ContactSensorFace

    def __init__(self, face: ContactSensorFace, stage: Stage) -> None:
        super().__init__(face)
        self._grid = stage.home.grid
        self._unsubscribe = stage.home.bus.subscribe(GridChanged, lambda event: self._changed(event.state))

    def show(self, _: Reading) -> None:
        """Show that the meter answers, and whether the grid is there."""
        self._changed(self._grid.state)

    def close(self) -> None:
        """Follow the grid no more."""
        self._unsubscribe()

    def _changed(self, state: GridState) -> None:
        if state is not GridState.UNKNOWN:
            self.face.update(so=state is GridState.LOST)


def voice_face(
    face: VoiceFace, record: ModuleRecord, label: str, stage: Stage, *, renamed: Callable[[str], None]
) -> ModuleFace | None:
    """Return a voice face of a module, not yet on the node; None if the node has no groups for a switch.

    :param label: what it is called
    :param renamed: told the name that somebody gave it in an app
    """
    part = voice_part(face, stage.settings)
    device = BridgedDevice(
        unique_id=hashlib.sha256(f"{record.unique_id}/{part}".encode()).hexdigest()[:32],
        name=label,
        vendor=record.identity.vendor,
        product=record.identity.model,
        # Some controllers take two devices with one serial number for the same device.
        serial=f"{record.identity.serial[-20:]}-{face.value}",
        firmware=record.identity.firmware,
    )
    endpoints = stage.home.registry.endpoints
    place = Place(stage.aggregator, lambda name: endpoints.number(record.key, name), part=part)
    delegates = Delegates(blink=blink(label), renamed=renamed)
    match face:
        case VoiceFace.FULL:
            return FullContact(contact_sensor(device, place, delegates))
        case VoiceFace.OUTAGE:
            return OutageContact(contact_sensor(device, place, delegates), stage)
        case _:
            return _switchable(face, record, device, place, delegates, stage)


def _switchable(
    face: VoiceFace,
    record: ModuleRecord,
    device: BridgedDevice,
    place: Place,
    delegates: Delegates,
    stage: Stage,
) -> ModuleFace | None:
    if stage.grouping is None:
        return None
    module = stage.home.registry[record.key]
    match face:
        case VoiceFace.RESERVE:
            setting = ReserveSetting(module, stage.home.actions)
            dimmer = dimmable(
                device,
                place,
                setting,
                stage.grouping,
                delegates,
                percent=stage.settings.reserve_floor,
                floor_percent=stage.settings.reserve_floor,
                light=stage.settings.reserve_as == "light",
            )
            return ReserveDimmer(dimmer, setting)
        case VoiceFace.SWITCH:
            switch = LoadSwitch(module, stage.home)
            return LoadPlug(switched_plug(device, place, switch, stage.grouping, delegates), switch)
        case _:
            battery = record.kind is ModuleKind.BATTERY
            permission = (ChargingSwitch if battery else ConnectionSwitch)(module, stage.home.actions)
            plug = switched_plug(device, place, permission, stage.grouping, delegates)
            return PermissionPlug(plug, permission)
