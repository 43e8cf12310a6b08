"""One Modbus TCP connection to one endpoint, shared by all units behind it.

Many inverters accept a single TCP client and want pauses between requests, so every unit of an endpoint goes
through one `Endpoint` and one request is in flight at a time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from typing import TYPE_CHECKING

from pymodbus.client.tcp import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse

from hw.module import ModuleError, ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymodbus.pdu import ModbusPDU

READ_LIMIT = 125
"""Registers in one answer (Modbus Application Protocol 1.1b3, section 6.3)."""
CONNECT_TIMEOUT = 1.0
RESPONSE_TIMEOUT = 1.5
"""Some gateways need about a second for the first answer."""
RETRY_PAUSE = 1.0
"""After a refused connection nobody tries again for this long: many units fail together, not in turn."""
FIELD_GAP = 0.05
"""Seconds between requests on a field device: SolarEdge and Huawei drop requests that follow faster."""

_pymodbus_log = logging.getLogger("pymodbus.logging")
if _pymodbus_log.level == logging.NOTSET:
    # Every failure reaches our caller as an exception; the library would write each to the log as well.
    _pymodbus_log.setLevel(logging.CRITICAL)


class ModbusRefused(ModuleError):  # noqa: N818 - it names what the device did
    """The device answered with a Modbus exception code (section 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    BUSY = 6

    def __init__(self, code: int, where: str) -> None:
        super().__init__(f"{where}: answered with Modbus exception {code}")
        self.code = code


class RegistersAnswer(ReadHoldingRegistersResponse):
    """Holding registers as octets: the library makes numbers of them one by one, a fifth of a poll's cost."""

    octets = b""

    def decode(self, data: bytes) -> None:
        """Take the answer behind its function code. Raise ModbusIOException when its byte count lies."""
        if not data or data[0] != len(data) - 1:
            raise ModbusIOException("the byte count is not that of the answer")
        self.octets = data[1:]


class Endpoint:
    """A Modbus TCP server at `host`:`port`. Connects when it is first needed and again after a loss."""

    def __init__(self, host: str, port: int, *, gap: float | None = None) -> None:
        """`gap` is the least time between requests in seconds; by default 0 on this machine, else 0.05."""
        self.host = host
        self.port = port
        self.gap = (0.0 if _is_loopback(host) else FIELD_GAP) if gap is None else gap
        self.connections = 0
        """How often a connection was made: a change tells that another device may answer now."""
        self.users = 0
        """How many modules read through it."""
        self._client: AsyncModbusTcpClient | None = None
        self._lock = asyncio.Lock()
        self._last = 0.0
        self._refused_until = 0.0

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._client is not None and self._client.connected

    async def read(self, unit: int, address: int, count: int, *, connection: int | None = None) -> bytes:
        """Return `count` holding registers, big-endian. Raise ModbusRefused or ModuleUnreachable.

        With `connection` only on that connection (see `connections`), whose other end the caller knows.
        """
        async with self._lock:
            client = await self._connected(connection)
            try:
                answer = await client.read_holding_registers(address, count=count, device_id=unit)
            except (ModbusException, OSError, asyncio.CancelledError) as error:
                self._lost(error)
                raise ModuleUnreachable(f"{self} unit {unit}: no answer") from error
            self._judge(answer, unit, address)
            if not isinstance(answer, RegistersAnswer) or len(answer.octets) != count * 2:
                self._drop()
                raise ModuleUnreachable(
                    f"{self} unit {unit}: asked for {count} registers at {address}, answered {answer}"
                )
            return answer.octets

    async def write(
        self, unit: int, address: int, registers: Sequence[int], *, connection: int | None = None
    ) -> None:
        """Write holding registers with function 16, the only one that SunSpec asks of a device."""
        async with self._lock:
            client = await self._connected(connection)
            try:
                answer = await client.write_registers(address, list(registers), device_id=unit)
            except (ModbusException, OSError, asyncio.CancelledError) as error:
                self._lost(error)
                raise ModuleUnreachable(f"{self} unit {unit}: no answer") from error
            self._judge(answer, unit, address)

    async def connect(self) -> None:
        """Connect now. Raise ModuleUnreachable."""
        async with self._lock:
            await self._connected()

    async def close(self) -> None:
        """Close the connection in order; the next request opens it again."""
        async with self._lock:
            self._drop()

    async def _connected(self, connection: int | None = None) -> AsyncModbusTcpClient:
        if connection is not None and not (self.connected and connection == self.connections):
            raise ModuleUnreachable(f"{self}: the connection was lost")
        if self.gap and (wait := self._last + self.gap - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        self._last = time.monotonic()
        if self._client is not None and self._client.connected:
            return self._client
        self._drop()
        if self._last < self._refused_until:
            raise ModuleUnreachable(f"{self}: no connection")
        client = AsyncModbusTcpClient(
            self.host,
            port=self.port,
            timeout=CONNECT_TIMEOUT,
            retries=0,
            reconnect_delay=0,
            trace_connect=lambda connected: None if connected else _hung_up(client),
        )
        client.register(RegistersAnswer)
        if not await client.connect():
            client.close()
            self._refused_until = time.monotonic() + RETRY_PAUSE
            raise ModuleUnreachable(f"{self}: no connection")
        client.ctx.comm_params.timeout_connect = RESPONSE_TIMEOUT
        self._client = client
        self.connections += 1
        return client

    def _judge(self, answer: ModbusPDU, unit: int, address: int) -> None:
        self._last = time.monotonic()
        if answer.isError():
            raise ModbusRefused(answer.exception_code, f"{self} unit {unit} register {address}")

    def _lost(self, error: BaseException) -> None:
        # An answer that comes late would be taken for that of the next request: begin anew.
        self._drop()
        if isinstance(error, asyncio.CancelledError):
            raise error

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _hung_up(client: AsyncModbusTcpClient) -> None:
    """Fail the request in flight when the device hangs up; the library would wait for its timeout."""
    future = client.ctx.response_future
    if not future.done():
        future.set_exception(ConnectionException("the device hung up"))
        # Nobody waits for it when no request is in flight; asking now keeps it from being logged as lost.
        future.exception()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
