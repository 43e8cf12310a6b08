"""Modules that speak of themselves: what they say reaches the registry, what they are told reaches them.

Whoever carries the messages, a WebSocket or single requests, has shown before that they are the module's.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bridge.drivers import NATIVE
from bridge.events import ModuleRemoved
from hw.ores.module import OresModule
from hw.ores.modules import OresModules
from hw.ores.telemetry import Inbox, Order, Verdict, judge_time

if TYPE_CHECKING:
    from bridge.events import EventBus
    from bridge.late_readings import LateReadings
    from bridge.registry import Registry
    from hw.ores.description import Description
    from hw.ores.messages import Hello, Result, Telemetry
    from hw.ores.module import Outstanding
    from hw.ores.sample import Sample
    from hw.ores.wire import Message
    from hw.reading import Reading
    from matter_node.clock import Clock
    from matter_node.storage import Storage

_INBOX: Final = "inbox/"
_NOTED: Final = 30.0
"""Seconds between two notes on the disk of how far a module's messages were taken. What a hub that was killed
did not note, the module sends again."""
_WHY: Final = {
    Verdict.AHEAD: "its time has not come yet: set the clock by the hub's `time`",
    Verdict.REPEATED: "one as new or newer is known",
    Verdict.TOO_OLD: "it is older than a week",
}

_log = logging.getLogger(__name__)


class StrangeModuleError(ValueError):
    """A module says that it is another one than it has shown to be. It is in quarantine now."""


class NativeModules:
    """What the hub knows of each of them besides what the registry knows.

    :param late: keeps what modules measured while they were not heard
    """

    def __init__(
        self, registry: Registry, storage: Storage, bus: EventBus, clock: Clock, late: LateReadings
    ) -> None:
        self._registry = registry
        self._storage = storage
        self._clock = clock
        self._late = late
        self.modules = OresModules()
        self._inboxes: dict[str, Inbox] = {}
        self._noted: dict[str, float] = {}
        self._newest: dict[str, float] = {}
        for key, value in storage.scan(_INBOX):
            boot, last = json.loads(value)
            self._inboxes[key.removeprefix(_INBOX)] = Inbox(boot, last)
        for registered in registry:
            record = registered.record
            if record.driver == NATIVE:
                module = OresModule(
                    record.identity,
                    record.kind,
                    record.nameplate,
                    record.capabilities,
                    monotonic=clock.monotonic,
                )
                self.modules.add(module)
        bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key))

    def admit(self, description: Description) -> OresModule:
        """Let a module in that a person wants; return it. Raise ValueError when it is another kind now."""
        identity = description.to_identity()
        nameplate, capabilities = description.to_nameplate(), description.to_capabilities()
        module = self.modules.get(identity.key)
        if module is None:
            module = OresModule(
                identity, description.kind, nameplate, capabilities, monotonic=self._clock.monotonic
            )
            self.modules.add(module)
        else:
            module.describe(identity, description.kind, nameplate, capabilities)
        return module

    # ------------------------------------------------------------------ what a module says

    def greet(self, module: OresModule, hello: Hello) -> Message:
        """Take a hello; return the welcome.

        :raises StrangeModuleError: it describes another module
        """
        from hw.ores.messages import Welcome  # brings pydantic: only a hub with such modules pays for it

        key = module.identity.key
        said = hello.description
        try:
            changed = module.describe(
                said.to_identity(), said.kind, said.to_nameplate(), said.to_capabilities()
            )
        except ValueError as error:
            self._registry.set_quarantined(key, quarantined=True)
            _log.warning("%s is in quarantine: %s", key, error)
            raise StrangeModuleError(str(error)) from error
        if changed:
            self._registry.found([module], NATIVE)
        module.interval_s = hello.interval_s
        inbox = self._inboxes.setdefault(key, Inbox())
        wanted = inbox.greet(hello.boot, hello.oldest)
        self._note(key, inbox)
        return Welcome(module=key, time=self.time(), next_seq=wanted)

    def knows(self, module: OresModule, boot: str) -> bool:
        """Tell whether the module has said hello in its present run."""
        inbox = self._inboxes.get(module.identity.key)
        return inbox is not None and inbox.boot == boot

    async def take_telemetry(self, module: OresModule, telemetry: Telemetry) -> Message:
        """Take measurements; what is late is stored before this returns.

        Return the acknowledgement, or the wish to have missing messages again.
        """
        from hw.ores.messages import Ack, Again  # brings pydantic, as above

        key, inbox = self._inbox(module)
        order = inbox.take(telemetry.seq)
        if order is Order.GAP:
            return Again(seq=inbox.last + 1)
        if order is Order.REPEATED:
            return Ack(seq=inbox.last, refused=len(telemetry.samples), reason="the message was taken before")
        late: list[Reading] = []
        verdicts = [self._take_sample(module, sample, late) for sample in telemetry.samples]
        if late:
            await self._late.keep(key, late)
        self._note_now_and_then(key, inbox)
        counts = Counter(verdicts)
        bad = [verdict for verdict in verdicts if verdict in _WHY]
        return Ack(
            seq=inbox.last,
            current=counts[Verdict.CURRENT],
            late=counts[Verdict.LATE],
            refused=len(bad),
            reason=_WHY[bad[0]] if bad else "",
        )

    def take_result(self, module: OresModule, result: Result) -> Message:
        """Take a module's word on a setpoint."""
        from hw.ores.messages import Ack, Again  # brings pydantic, as above

        key, inbox = self._inbox(module)
        order = inbox.take(result.seq)
        if order is Order.GAP:
            return Again(seq=inbox.last + 1)
        if order is Order.NEXT:
            module.answered(result.setpoint, result.state, result.value, result.expires_s, result.detail)
            self._note_now_and_then(key, inbox)
        return Ack(seq=inbox.last)

    def left(self, module: OresModule) -> None:
        """Note that a module's conversation is over."""
        key, inbox = self._inbox(module)
        if self.modules.get(key) is module and inbox.boot:
            self._note(key, inbox)

    # ------------------------------------------------------------------ what a module is told

    def setpoint(self, told: Outstanding) -> Message:
        """Return a setpoint as a message."""
        from hw.ores.messages import SetpointMessage  # brings pydantic, as above

        return SetpointMessage(
            id=told.id,
            number=told.number,
            kind=told.setpoint.kind,
            value=told.setpoint.value,
            expires_s=told.setpoint.expires_in,
            time=self.time(),
        )

    def time(self) -> datetime | None:
        """Return the hub's time, None while it has no time of day."""
        now = self._clock.utc()
        return None if now is None else datetime.fromtimestamp(now, UTC)

    # ------------------------------------------------------------------ inside

    def _take_sample(self, module: OresModule, sample: Sample, late: list[Reading]) -> Verdict:
        key, time, now = module.identity.key, sample.time.timestamp(), self._clock.utc()
        verdict = judge_time(time, now, self._newest.get(key))
        if verdict not in {Verdict.CURRENT, Verdict.LATE}:
            return verdict
        self._newest[key] = time
        reading = sample.to_reading(key)
        if verdict is Verdict.LATE:
            late.append(reading)
            return verdict
        if now is not None and time > now:
            reading = dataclasses.replace(reading, time=datetime.fromtimestamp(now, UTC))
        module.took(reading)
        return verdict

    def _inbox(self, module: OresModule) -> tuple[str, Inbox]:
        key = module.identity.key
        return key, self._inboxes.setdefault(key, Inbox())

    def _note_now_and_then(self, key: str, inbox: Inbox) -> None:
        if self._clock.monotonic() - self._noted.get(key, float("-inf")) >= _NOTED:
            self._note(key, inbox)

    def _note(self, key: str, inbox: Inbox) -> None:
        self._noted[key] = self._clock.monotonic()
        self._storage.put(_INBOX + key, json.dumps([inbox.boot, inbox.last]).encode())

    def _forget(self, key: str) -> None:
        self.modules.forget(key)
        for known in (self._inboxes, self._noted, self._newest):
            known.pop(key, None)
        self._storage.delete(_INBOX + key)
