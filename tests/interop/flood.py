"""Garbage for a Matter node: `flood.py ADDRESS PORT PACKETS_PER_SECOND SECONDS` prints how many went out.

Four kinds in turn: noise; noise behind a header that reads as an unsecured message; PASE and CASE openings
that are cut or bent; and secured messages for sessions that nobody has. Seeded, so a failure can be repeated.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import time
from itertools import count

SECURE_CHANNEL = 0
PBKDF_PARAM_REQUEST, SIGMA1, STATUS_REPORT = 0x20, 0x30, 0x40
LONGEST = 1280


def noise(source: random.Random) -> bytes:
    """Anything."""
    return source.randbytes(source.randint(0, LONGEST))


def unsecured(source: random.Random) -> bytes:
    """A header for session 0 with a source node id, and noise."""
    header = struct.pack("<BHBIQ", 0x04, 0, 0, source.getrandbits(32), source.getrandbits(64))
    return header + source.randbytes(source.randint(0, 200))


def handshake(source: random.Random) -> bytes:
    """An opening of PASE or CASE, or a status report out of nowhere, whose payload is cut and bent."""
    header = struct.pack("<BHBIQ", 0x04, 0, 0, source.getrandbits(32), source.getrandbits(64))
    opcode = source.choice((PBKDF_PARAM_REQUEST, SIGMA1, STATUS_REPORT))
    protocol = struct.pack("<BBHH", 0x05, opcode, source.getrandbits(16), SECURE_CHANNEL)
    payload = (
        b"\x15\x30\x01\x20"
        + source.randbytes(32)
        + b"\x25\x02"
        + source.randbytes(2)
        + b"\x24\x03\x00\x28\x04\x18"
    )
    bent = bytearray(payload[: source.randint(0, len(payload))])
    if bent:
        bent[source.randrange(len(bent))] = source.getrandbits(8)
    return header + protocol + bytes(bent)


def secured(source: random.Random) -> bytes:
    """A message for some session, encrypted with nobody's key."""
    header = struct.pack(
        "<BHBI", 0, source.getrandbits(16), source.choice((0, 0, 1, 0x80)), source.getrandbits(32)
    )
    return header + source.randbytes(source.randint(16, 400))


def flood(address: str, port: int, rate: int, seconds: float) -> int:
    """Send `rate` packets a second for `seconds`; how many were sent."""
    source = random.Random(1)
    kinds = (noise, unsecured, handshake, secured)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect((address, port))
        started = time.perf_counter()
        for sent in count():
            ahead = sent / rate - (time.perf_counter() - started)
            if sent >= rate * seconds:
                return sent
            if ahead > 0:
                time.sleep(ahead)
            try:
                out.send(kinds[sent % len(kinds)](source))
            except ConnectionRefusedError:  # nobody listens any more: the test will see it
                continue
    raise AssertionError


if __name__ == "__main__":
    sent_in_all = flood(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    sys.stdout.write(f"{sent_in_all}\n")
