"""Serves simulated devices over Modbus TCP with pymodbus's server, each on its own port, faults included."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hw.simulator.registers import BASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.simulator.devices import SimulatedDevice

UNIT = 1
WRITE_FUNCTIONS = (6, 16)

# A client that asks for what is not there is the client's business; the answer says so.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class DeviceServer:
    """One device on one port."""

    def __init__(self, device: SimulatedDevice, host: str, port: int, now: Callable[[], int]) -> None:
        """`now` lets the world live up to the present and returns its step; registers follow its changes."""
        self.device = device
        self.host = host
        self.port = port
        self.exception: int | None = None
        """Modbus exception code that every request is answered with."""
        self.delay_s = 0.0
        """How long every answer takes."""
        self._now = now
        self._step = -1
        self._server: ModbusTcpServer | None = None

    @property
    def address(self) -> str:
        """Where the device answers: `host:port:unit`."""
        return f"{self.host}:{self.port}:{UNIT}"

    async def start(self) -> None:
        """Listen. Raise OSError when the port is taken."""
        if self._server is not None:
            return
        data = SimData(BASE, values=list(self.device.registers), datatype=DataType.REGISTERS)
        simulated = SimDevice(UNIT, simdata=[data], action=self._access)
        server = ModbusTcpServer(simulated, address=(self.host, self.port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"port {self.port} cannot be listened on") from error
        listener = server.transport
        assert isinstance(listener, asyncio.Server)
        self.port = listener.sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        """Stop listening and hang up on every client."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.shutdown()  # type: ignore[no-untyped-call]

    async def _access(
        self,
        function: int,
        _start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer one request; called by the server before it reads or writes `registers`."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.exception is not None:
            return ExcCodes(self.exception)
        step = self._now()
        if values is not None and function in WRITE_FUNCTIONS:
            if not self.device.writable(address, count):
                return ExcCodes.ILLEGAL_ADDRESS
            if not self.device.write(address, [int(value) for value in values]):
                return ExcCodes.ILLEGAL_VALUE
            self._step = -1
            return None
        if step != self._step or self.device.overlay:
            self.device.refresh()
            registers[:-1] = self.device.registers
            for offset, value in self.device.overlay.items():
                registers[offset] = value
            self._step = -1 if self.device.overlay else step
        return None
