"""Asking an address gently whether SunSpec is spoken there: what a device sees of it."""

import asyncio
import struct
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.module import ModuleKind, ModuleUnreachable, NotSupported
from hw.simulator.process import SimulatedHome
from hw.sunspec import probe
from hw.sunspec.discover import UNITS
from hw.sunspec.probe import look


class Witness:
    """A Modbus server that notes what is done to it, and answers what a test says."""

    def __init__(self, answer):
        self.answer = answer
        self.connections = 0
        self.requests = []
        self.ended = asyncio.Event()
        self.closed_in_order = False

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while request := await reader.readexactly(12):
                self.requests.append((asyncio.get_running_loop().time(), *struct.unpack(">HHHBBHH", request)))
                answer = self.answer(*self.requests[-1][1:])
                if answer is not None:
                    writer.write(answer)
        except asyncio.IncompleteReadError as end:
            self.closed_in_order = not end.partial
        except ConnectionError:
            self.closed_in_order = False
        finally:
            writer.close()
            self.ended.set()


def refusing(number, protocol, length, unit, function, address, count):
    return struct.pack(">HHHBBB", number, 0, 3, unit, function | 0x80, 2)


async def test_devices_of_a_home_are_seen_as_the_driver_finds_them():
    async with SimulatedHome(modules=4) as home:
        kinds = {}
        for device in home.devices:
            (seen,) = await look(device.address)
            assert seen.identity.serial == device.serial
            assert seen.address.startswith(device.address)
            kinds.setdefault(seen.kind, []).append(device.kind)
        assert set(kinds) == {ModuleKind.MICROINVERTER, ModuleKind.BATTERY, ModuleKind.METER}
        assert all(kind == each for kind, seen in kinds.items() for each in seen)


async def test_a_device_sees_one_connection_only_reads_pauses_and_an_orderly_end():
    async with Witness(refusing) as witness:
        with pytest.raises(NotSupported):
            await look(witness.address)
        await asyncio.wait_for(witness.ended.wait(), 5)
    assert witness.connections == 1
    assert witness.closed_in_order
    assert {function for _, _, _, _, _, function, _, _ in witness.requests} == {3}
    units = {unit for _, _, _, _, unit, _, _, _ in witness.requests}
    assert units == set(UNITS)
    assert 0 not in units
    assert len(units) <= 15
    times = [request[0] for request in witness.requests]
    assert min(b - a for a, b in pairwise(times)) >= 0.045


async def test_who_answers_nothing_is_left_alone_soon():
    async with Witness(lambda *_: None) as witness:
        began = asyncio.get_running_loop().time()
        with pytest.raises(NotSupported, match="no answer"):
            await look(witness.address)
        assert asyncio.get_running_loop().time() - began < 5
        await asyncio.wait_for(witness.ended.wait(), 5)
    assert witness.connections == 1
    assert len(witness.requests) == 3
    assert witness.closed_in_order


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next(monkeypatch):
    monkeypatch.setattr(probe, "ANSWER", 0.1)
    late = []

    def answer(number, protocol, length, unit, function, address, count):
        before, late[:] = late[:], [struct.pack(">HHHBBB", number, 0, 7, unit, 3, 4) + b"SunS"]
        return b"".join(before) + (refusing(number, 0, 0, unit, function, 0, 0) if before else b"")

    async with Witness(answer) as witness:
        with pytest.raises(NotSupported):
            await look(witness.address)
    assert witness.connections == 1


async def test_nobody_listening_is_no_connection():
    with pytest.raises(ModuleUnreachable, match="no connection"):
        await look("127.0.0.1:9")


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_answer_is_a_device_or_none(answers):
    async def scenario():
        rest = iter(answers)

        def answer(number, protocol, length, unit, *_):
            body = next(rest, b"")
            return struct.pack(">HHHB", number, 0, len(body) + 1, unit) + body

        async with Witness(answer) as witness:
            with pytest.raises(NotSupported):
                await look(witness.address + ":1")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "GAP", 0)
        patch.setattr(probe, "ANSWER", 0.05)
        patch.setattr(probe, "FAREWELL", 0.05)
        asyncio.run(scenario())
