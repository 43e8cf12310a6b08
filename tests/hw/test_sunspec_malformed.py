"""Devices that answer with garbage, byte by byte over TCP: a clear error, quickly, and life afterwards."""

import asyncio
import contextlib
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunspec2.device import Model

from hw import ModuleError, ModuleUnreachable
from hw.sunspec.discover import discover
from hw.sunspec.transport import CONNECT_TIMEOUT, RESPONSE_TIMEOUT, Endpoint, ModbusRefused

INVERTER = Model(101, data={"W": 97, "W_SF": 0, "St": 4}).get_mb()
IMAGE = b"SunS" + Model(1, data={"Mn": "Acme", "Md": "One", "SN": "42"}).get_mb() + INVERTER + b"\xff\xff\0\0"


class RawServer:
    """A Modbus TCP server that answers right, or with whatever bytes a test makes of the request."""

    def __init__(self):
        self.garble = None
        """Takes the request's head and the right answer; returns the bytes to send, None for silence."""
        self.hang_up = False

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                _, address, count = struct.unpack(">BHH", body[:5])
                data = IMAGE[(address - 40000) * 2 : (address - 40000 + count) * 2]
                pdu = bytes([3, len(data)]) + data if len(data) == count * 2 else bytes([0x83, 2])
                answer = head[:4] + (len(pdu) + 1).to_bytes(2, "big") + head[6:7] + pdu
                if self.garble is not None:
                    answer = self.garble(head, answer)
                if answer:
                    writer.write(answer)
                if self.hang_up:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def frame(head, pdu, *, length=None, transaction=None, protocol=0, unit=None):
    return (
        (transaction or head[:2])
        + protocol.to_bytes(2, "big")
        + (len(pdu) + 1 if length is None else length).to_bytes(2, "big")
        + (head[6:7] if unit is None else bytes([unit]))
        + pdu
    )


GARBAGE = {
    "silence": lambda head, answer: None,
    "half a header": lambda head, answer: answer[:5],
    "half an answer": lambda head, answer: answer[: len(answer) // 2],
    "a length that promises more": lambda head, answer: answer[:4] + b"\xff\xff" + answer[6:],
    "a length of nothing": lambda head, answer: frame(head, answer[7:], length=0),
    "another protocol": lambda head, answer: frame(head, answer[7:], protocol=7),
    "another transaction": lambda head, answer: frame(head, answer[7:], transaction=b"\xde\xad"),
    "another unit": lambda head, answer: frame(head, answer[7:], unit=99),
    "another function": lambda head, answer: frame(head, bytes([4]) + answer[8:]),
    "a function that is none": lambda head, answer: frame(head, bytes([0x63, 1, 2])),
    "fewer registers": lambda head, answer: frame(head, bytes([3, 2]) + answer[9:11]),
    "more registers": lambda head, answer: frame(head, bytes([3, answer[8] + 2]) + answer[9:] + b"\0\0"),
    "a byte count that lies": lambda head, answer: frame(head, bytes([3, 0xFE]) + answer[9:]),
    "an odd byte count": lambda head, answer: frame(head, bytes([3, answer[8] - 1]) + answer[9:]),
    "an exception without a code": lambda head, answer: frame(head, bytes([0x83])),
    "an exception": lambda head, answer: frame(head, bytes([0x83, 4])),
    "an exception that is none": lambda head, answer: frame(head, bytes([0x83, 0x77])),
    "zeroes": lambda head, answer: bytes(64),
    "noise": lambda head, answer: bytes(range(256)),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_garbage_is_an_error_within_three_seconds_and_the_module_comes_back(monkeypatch, kind):
    if kind != "silence":
        # The real timeout is for silence to show; the others wait for it in vain as well.
        monkeypatch.setattr("hw.sunspec.transport.RESPONSE_TIMEOUT", 0.3)
    async with RawServer() as server:
        (module,) = await discover(f"127.0.0.1:{server.port}:1")
        server.garble = GARBAGE[kind]
        began = time.monotonic()
        with pytest.raises(ModuleUnreachable):
            await module.read()
        assert time.monotonic() - began < 3
        server.garble = None
        assert (await module.read()).power_w == -97
        await module.close()


@pytest.mark.parametrize("kind", ["half an answer", "noise", "an exception", "fewer registers", "silence"])
async def test_garbage_during_discovery_is_an_error(kind):
    async with RawServer() as server:
        server.garble = GARBAGE[kind]
        with pytest.raises(ModuleError):
            await discover(f"127.0.0.1:{server.port}:1")


async def test_a_device_that_hangs_up_is_noticed_at_once():
    async with RawServer() as server:
        (module,) = await discover(f"127.0.0.1:{server.port}:1")
        server.hang_up, server.garble = True, GARBAGE["silence"]
        began = time.monotonic()
        with pytest.raises(ModuleUnreachable):
            await module.read()
        assert time.monotonic() - began < RESPONSE_TIMEOUT
        await module.close()


async def test_nobody_at_the_address_is_unreachable_and_many_units_fail_together():
    endpoint = Endpoint("127.0.0.1", 9)
    began = time.monotonic()
    for unit in range(1, 20):
        with pytest.raises(ModuleUnreachable):
            await endpoint.read(unit, 40000, 2)
    assert time.monotonic() - began < 5 * CONNECT_TIMEOUT


async def test_an_exception_carries_its_code():
    async with RawServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port)
        with pytest.raises(ModbusRefused) as refused:
            await endpoint.read(1, 50000, 2)
        assert refused.value.code == ModbusRefused.ILLEGAL_ADDRESS
        await endpoint.close()


async def test_a_request_meant_for_a_lost_connection_is_not_sent_on_another():
    async with RawServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port)
        await endpoint.read(1, 40000, 2, connection=None)
        assert await endpoint.read(1, 40000, 2, connection=1) == b"SunS"
        await endpoint.close()
        with pytest.raises(ModuleUnreachable, match="connection was lost"):
            await endpoint.write(1, 40000, [0], connection=1)
        await endpoint.connect()
        with pytest.raises(ModuleUnreachable, match="connection was lost"):
            await endpoint.read(1, 40000, 2, connection=1)
        await endpoint.close()


async def test_requests_keep_their_distance():
    async with RawServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port, gap=0.05)
        began = time.monotonic()
        for _ in range(4):
            await endpoint.read(1, 40000, 2)
        assert time.monotonic() - began >= 0.15
        await endpoint.close()


async def test_a_cancelled_request_leaves_no_answer_for_the_next():
    async with RawServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port)
        await endpoint.read(1, 40000, 2)
        server.garble = GARBAGE["silence"]
        task = asyncio.create_task(endpoint.read(1, 40002, 2))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.garble = None
        assert await endpoint.read(1, 40000, 2) == b"SunS"
        await endpoint.close()


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_make_a_read_end_otherwise_than_by_an_answer_or_an_error(monkeypatch, data, framed):
    monkeypatch.setattr("hw.sunspec.transport.RESPONSE_TIMEOUT", 0.05)
    async with RawServer() as server:
        endpoint = Endpoint("127.0.0.1", server.port)
        server.garble = lambda head, answer: frame(head, data) if framed else data
        with contextlib.suppress(ModuleUnreachable, ModbusRefused):
            assert len(await endpoint.read(1, 40000, 2)) == 4
        server.garble = None
        assert await endpoint.read(1, 40000, 2) == b"SunS"
        await endpoint.close()
