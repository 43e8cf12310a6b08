"""How a simulated module speaks with a hub: it pairs, measures, obeys, and catches up.

Written as a maker of modules would write it, from docs/module-protocol.md: it shares nothing with the hub but
the arithmetic of the proof.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import ssl
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hw.ores import pairing
from hw.ores.pairing import Side
from hw.simulator.ores_device import SetpointRefusedError

if TYPE_CHECKING:
    from hw.simulator.ores_device import OresDevice
    from hw.simulator.ores_keys import ModuleKeys

REGISTER, COMMUNICATE = "/device/register", "/hub/communicate"
BATCH: Final = 120
"""Measurements in one message."""
KEPT: Final = 86_400
"""Measurements that are kept while the hub is away; the oldest are lost then."""
ASKED_EVERY: Final = 0.5
"""Seconds from one question whether it was let in to the next."""
LONGEST_PAUSE: Final = 8.0
"""Seconds between two attempts to reach the hub."""
_ANSWER: Final = aiohttp.ClientTimeout(total=15)

_log = logging.getLogger(__name__)


class HubError(Exception):
    """The hub cannot be reached, does not want the module, or is not the one that it says."""


class OresClient:
    """A module's side of the protocol.

    :param hub: such as `https://192.168.1.10:8443`
    :param code: on its label; empty if it has none
    :param interval: seconds between two measurements
    :param socket: False for one that sends single requests
    :param certificate: False for one that wants a token
    :ivar digits: what its display shows while it is paired
    :ivar welcomed: how often a hub has welcomed it
    """

    def __init__(
        self,
        device: OresDevice,
        keys: ModuleKeys,
        hub: str,
        *,
        code: str = "",
        interval: float = 1.0,
        socket: bool = True,
        certificate: bool = True,
    ) -> None:
        self.device = device
        self.keys = keys
        self._hub = hub.rstrip("/")
        self._code = code
        self._interval = interval
        self._socket = socket
        self._certified = certificate
        self._boot = secrets.token_hex(8)
        self._seq = 0
        self._loose: deque[dict[str, Any]] = deque(maxlen=KEPT)
        """Measurements that are in no message yet."""
        self._unacknowledged: dict[int, dict[str, Any]] = {}
        self._done: dict[str, dict[str, Any]] = {}
        """Results of the last setpoints, by id."""
        self._last_number = 0
        self._pressed = asyncio.Event()
        self._news = asyncio.Event()
        self._connection: aiohttp.ClientWebSocketResponse | None = None
        self.digits = ""
        self.welcomed = 0
        self.away = False
        """Set by a test: the cable is unplugged."""

    def press(self) -> None:
        """Press the button."""
        self._pressed.set()

    async def unplug(self) -> None:
        """Pull the network cable; what is measured meanwhile is kept."""
        self.away = True
        if self._connection is not None:
            await self._connection.close()

    def plug_in(self) -> None:
        """Plug it in again."""
        self.away = False

    async def run(self) -> None:
        """Pair if need be, then measure and speak for ever."""
        if not self.keys.known:
            await self.pair()
        await asyncio.gather(self._measure(), self._speak_for_ever())

    # ------------------------------------------------------------------ pairing

    async def pair(self) -> None:
        """Ask to be let in until a person has said so. Raise HubError when it is refused."""
        nonce = secrets.token_bytes(pairing.NONCE_LENGTH)
        asked: dict[str, Any] = {
            "step": "request",
            "description": self.device.description(),
            "commitment": pairing.commitment(nonce).hex(),
            "proofs": [*(["code"] if self._code else []), "button", "compare"],
        }
        if self._certified:
            asked["certificate_request"] = self.keys.certificate_request()
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname = False
        stranger.verify_mode = ssl.CERT_NONE  # whom it speaks with shows only now: see below
        answer = await self._post(REGISTER, asked, stranger)
        hub_ski = _ski_of(answer["authority"])
        if hub_ski.hex() != answer["hub_ski"]:
            raise HubError("the hub's certificate authority has another key than the hub says")
        context = self.keys.trusting(answer["authority"])
        ski = self.keys.ski if self._certified else pairing.KEYLESS
        module = self.device.identity.key
        facts = pairing.transcript(module, ski, hub_ski, nonce, bytes.fromhex(answer["hub_nonce"]))
        self.digits = pairing.digits(facts)
        ticket = {"registration": answer["registration"], "ticket": answer["ticket"]}
        revealed: dict[str, Any] = {"step": "reveal", **ticket, "nonce": nonce.hex()}
        if self._code:
            revealed["proof"] = pairing.proof(self._code, Side.MODULE, facts).hex()
        await self._post(REGISTER, revealed, context)
        granted = await self._collect(ticket, context)
        told = bytes.fromhex(granted["hub_proof"] or "")
        if told and not (self._code and pairing.is_proof(told, self._code, Side.HUB, facts)):
            raise HubError("the hub does not know the code on the label")
        self.keys.keep(
            authority=answer["authority"],
            certificate=granted["certificate"] or "",
            token=granted["token"] or "",
        )

    async def _collect(self, ticket: dict[str, str], context: ssl.SSLContext) -> dict[str, Any]:
        while True:
            try:
                if self._pressed.is_set():
                    await self._post(REGISTER, {"step": "press", **ticket}, context)
                    self._pressed.clear()
                granted = await self._post(REGISTER, {"step": "collect", **ticket}, context)
            except (aiohttp.ClientError, TimeoutError) as error:
                _log.info("the hub does not answer, and is asked again: %s", error)
                await asyncio.sleep(ASKED_EVERY)
                continue
            if granted["state"] == "active":
                return granted
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY):
                    await self._pressed.wait()

    async def renew(self) -> None:
        """Get another certificate for the same key."""
        body = {"step": "renew", "certificate_request": self.keys.certificate_request()}
        answer = await self._post(REGISTER, body, self.keys.trusting())
        self.keys.keep(certificate=answer["certificate"])

    # ------------------------------------------------------------------ measuring and speaking

    async def _measure(self) -> None:
        while True:
            self._loose.append(self.device.sample())
            self._news.set()
            await asyncio.sleep(self._interval)

    async def _speak_for_ever(self) -> None:
        pause = 0.2
        while True:
            try:
                if not self.away:
                    if self.keys.renewal_due(datetime.now(UTC)):
                        await self.renew()
                    await (self._converse() if self._socket else self._exchange())
                    pause = 0.2
            except (HubError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                _log.info("the hub is away: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE if not self.away else 0.2)

    async def _converse(self) -> None:
        context = self.keys.trusting()
        url = self._hub.replace("https://", "wss://") + COMMUNICATE
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=5)) as session,
            session.ws_connect(url, ssl=context, headers=self._headers(), heartbeat=15) as connection,
        ):
            self._connection = connection
            await connection.send_json(self._hello())
            welcome = await connection.receive_json(timeout=10)
            self._take(welcome)
            speaker = asyncio.create_task(self._speak(connection))
            try:
                async for message in connection:
                    for reply in self._take(json.loads(message.data)):
                        await connection.send_json(reply)
            finally:
                self._connection = None
                speaker.cancel()
                await asyncio.gather(speaker, return_exceptions=True)

    async def _speak(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        for message in tuple(self._unacknowledged.values()):
            await connection.send_json(message)
        while True:
            while self._loose:
                await connection.send_json(self._message(self._batch()))
                await asyncio.sleep(0.05)
            self._news.clear()
            await self._news.wait()

    async def _exchange(self) -> None:
        """Send what there is in one request, and do what the answer says."""
        context = self.keys.trusting()
        hello = [] if self.welcomed else [self._hello()]
        if self._loose and not hello:
            self._message(self._batch())
        messages = hello + ([] if hello else list(self._unacknowledged.values())[:16])
        answer = await self._post(COMMUNICATE, {"boot": self._boot, "messages": messages}, context)
        if answer["time"]:
            self._set_clock(answer["time"])
        for message in answer["messages"]:
            self._take(message)
        await asyncio.sleep(0 if hello else self._interval)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "protocol": 1,
            "boot": self._boot,
            "oldest": min(self._unacknowledged, default=self._seq + 1),
            "interval_s": max(self._interval, 0.2),
            "description": self.device.description(),
        }

    def _batch(self) -> dict[str, Any]:
        count = min(len(self._loose), BATCH)
        return {"type": "telemetry", "samples": [self._loose.popleft() for _ in range(count)]}

    def _message(self, message: dict[str, Any]) -> dict[str, Any]:
        """Give a message its number, and keep it until the hub has acknowledged it."""
        self._seq += 1
        numbered = message | {"seq": self._seq}
        self._unacknowledged[self._seq] = numbered
        return numbered

    def _take(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Take what the hub says; return what is to be said to it."""
        if message["type"] in {"welcome", "heartbeat"} and message["time"]:
            self._set_clock(message["time"])
        match message["type"]:
            case "welcome":
                self.welcomed += 1
                self._last_number = 0
                self._acknowledged(message["next_seq"] - 1)
            case "ack":
                self._acknowledged(message["seq"])
            case "again":
                return [each for seq, each in self._unacknowledged.items() if seq >= message["seq"]]
            case "setpoint":
                return [self._obey(message)]
            case "refusal":
                _log.warning("the hub takes that not: %s", message["reason"])
        return []

    def _set_clock(self, time: str) -> None:
        """Follow the hub's clock: a module has none that keeps time without power."""
        self.device.clock_ahead = datetime.fromisoformat(time) - datetime.now(UTC)

    def _acknowledged(self, last: int) -> None:
        for seq in [seq for seq in self._unacknowledged if seq <= last]:
            del self._unacknowledged[seq]

    def _obey(self, setpoint: dict[str, Any]) -> dict[str, Any]:
        """Do what a setpoint says, once; return the result."""
        known = self._done.get(setpoint["id"])
        if known is not None:
            return known
        result: dict[str, Any] = {"type": "result", "setpoint": setpoint["id"]}
        if setpoint["number"] <= self._last_number:
            result |= {"state": "failed", "detail": "a later setpoint was taken"}
        else:
            self._last_number = setpoint["number"]
            try:
                value, expires = self.device.apply(setpoint["kind"], setpoint["value"], setpoint["expires_s"])
            except SetpointRefusedError as error:
                result |= {"state": "refused", "detail": str(error)}
            else:
                result |= {"state": "applied", "value": value, "expires_s": expires}
        numbered = self._message(result)
        self._done[setpoint["id"]] = numbered
        while len(self._done) > 16:
            del self._done[next(iter(self._done))]
        self._loose.append(self.device.sample())
        return numbered

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.token}"} if self.keys.token else {}

    async def _post(self, path: str, body: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(timeout=_ANSWER) as session,
            session.post(self._hub + path, json=body, ssl=context, headers=self._headers()) as response,
        ):
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status == 409 and answer.get("type") == "/problems/say-hello":
                self.welcomed = 0
            if response.status >= 400:
                raise HubError(f"{answer['detail']}: {answer['remedy']}")
            return answer


def _ski_of(authority: str) -> bytes:
    key = x509.load_pem_x509_certificate(authority.encode()).public_key()
    return pairing.fingerprint(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
