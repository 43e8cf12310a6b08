from dataclasses import replace
from datetime import UTC, datetime

from api_lab.client import Client
from bridge.access.role import Role
from hw.module import ModuleKind
from hw.reading import DcString, Fault, OperatingState, Reading
from matter_node.clock import AsyncioClock


class ShiftedClock:
    """The event loop's clock, which a test sets forward."""

    def __init__(self):
        self.ahead = 0.0
        self._clock = AsyncioClock()

    def monotonic(self):
        return self._clock.monotonic() + self.ahead

    def utc(self):
        return self._clock.utc() + self.ahead

    def call_later(self, delay, callback):
        return self._clock.call_later(delay, callback)


class House:
    """A hub with modules whose API listens on the loopback interface, and people who may use it."""

    def __init__(self, hub, clock, make_device):
        self.hub = hub
        self.clock = clock
        self.access = hub.access
        self._make_device = make_device
        self._clients = []

    def add(self, serial="1001", kind=ModuleKind.MICROINVERTER, **options):
        """Register a module; return its key and the device behind it."""
        device = self._make_device(serial, kind=kind, clock=self.clock, **options)
        (module,) = self.hub.registry.found([device], "sunspec")
        self.reads(module.key)
        return module.key, device

    def counts(self, key):
        """Let a module be one that counts its energy."""
        module = self.hub.registry[key]
        able = replace(module.record.capabilities, imported_energy=True, exported_energy=True)
        module.record = replace(module.record, capabilities=able)
        return key

    def reads(self, key, **values):
        usual = Reading(
            module=key,
            time=datetime(2026, 6, 21, 12, tzinfo=UTC),
            state=OperatingState.RUNNING,
            power_w=-333.0,
            power_limit_percent=100.0,
            connected=True,
            strings=(DcString("PV1", power_w=340.0, voltage_v=34.0),),
            faults=(Fault("OVER_TEMP", "103.Evt1"),),
        )
        self.hub.registry.took(self.hub.registry[key], replace(usual, **values))

    async def audited(self, count=10):
        """Return what was done last, by the audit trail, but by the hub itself, the newest last."""
        await self.hub.telemetry.flush()
        deeds = [entry.deed for entry in await self.hub.telemetry.audit_trail()]
        return [deed for deed in deeds if deed.actor != "hub"][-count:]

    def user(self, name="anna", role=Role.OWNER, password_hash="none"):
        """Make an account and open a session for it; return its token."""
        if self.access.accounts.get(name) is None:
            self.access.accounts.add(name, role, password_hash, self.access.now)
        token, _ = self.access.sessions.open(user=name, address="127.0.0.1")
        return token

    def client(self, token=None, **options):
        """Return a client, with a session or without."""
        client = Client(self.hub.api, **options)
        self._clients.append(client)
        return client.bearing(token) if token else client

    def owner(self):
        return self.client(self.user())

    async def close(self):
        for client in self._clients:
            await client.http.close()
