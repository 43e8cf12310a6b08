"""The part of ASN.1 DER that Matter's certificates and declarations use (ITU-T X.690).

The functions write; `Reader` reads, and refuses what DER forbids: indefinite and padded lengths, padded
integers.
"""

from __future__ import annotations

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31


class DerError(ValueError):
    """The bytes are no DER of the expected shape."""


def element(tag: int, *content: bytes) -> bytes:
    """Return an element with any tag around the content's parts."""
    body = b"".join(content)
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return element(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF, its parts in DER's order."""
    return element(SET, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Return a constructed context-specific element."""
    return element(0xA0 | number, *parts)


def implicit(number: int, content: bytes) -> bytes:
    """Return a primitive context-specific element."""
    return element(0x80 | number, content)


def integer(value: int) -> bytes:
    """Return an INTEGER of a number from 0 up."""
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value: bool) -> bytes:  # noqa: FBT001 - the value, not a switch
    """Return a BOOLEAN."""
    return element(BOOLEAN, b"\xff" if value else b"\x00")


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(OCTET_STRING, value)


def bit_string(value: bytes, unused: int = 0) -> bytes:
    """Return a BIT STRING whose last `unused` bits do not count."""
    return element(BIT_STRING, bytes((unused,)), value)


def named_bits(value: int) -> bytes:
    """Return a BIT STRING of flags: bit 0 of `value` comes first, trailing zero bits are left out."""
    count = value.bit_length()
    bits = "".join("1" if value >> i & 1 else "0" for i in range(count))
    size = (count + 7) // 8
    return bit_string(int(bits.ljust(size * 8, "0") or "0", 2).to_bytes(size, "big"), size * 8 - count)


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        body += bytes(reversed(septets))
    return element(OID, bytes(body))


def named_bits_value(content: bytes) -> int:
    """Return the flags of a BIT STRING's content: the inverse of `named_bits`.

    :raises DerError: if it is not in DER's shortest form
    """
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise DerError("malformed BIT STRING")
    bits = "".join(f"{byte:08b}" for byte in content[1:])
    used = bits[: len(bits) - content[0]]
    if "1" in bits[len(used) :] or (used and used[-1] == "0"):
        raise DerError("BIT STRING is not in its shortest form")
    return int(used[::-1] or "0", 2)


class Reader:
    """Reads the elements of a DER encoding one after the other."""

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0
        self._end = len(data)

    @property
    def tag(self) -> int | None:
        """Tag of the next element, or None at the end."""
        return self._data[self._pos] if self._pos < self._end else None

    def any(self) -> tuple[int, bytes, bytes]:
        """Read the next element, whatever it is: its tag, its content, and the whole of it.

        :raises DerError: if it is truncated or not DER
        """
        start = self._pos
        try:
            tag, length = self._data[start], self._data[start + 1]
        except IndexError:
            raise DerError("truncated element") from None
        if tag & 0x1F == 0x1F:
            raise DerError("tag numbers above 30 are not used here")
        pos = start + 2
        if length & 0x80:
            size = length & 0x7F
            digits = self._data[pos : pos + size]
            if not 1 <= size <= 4 or len(digits) < size:
                raise DerError("indefinite, oversized or truncated length")
            length = int.from_bytes(digits, "big")
            if length < 0x80 or digits[0] == 0:
                raise DerError("length is not in its shortest form")
            pos += size
        end = pos + length
        if end > self._end:
            raise DerError("element longer than the data")
        self._pos = end
        return tag, self._data[pos:end], self._data[start:end]

    def content(self, tag: int) -> bytes:
        """Read the next element, which must have that tag, and return its content."""
        if self.tag != tag:
            raise DerError(
                f"tag {tag:#04x} expected, found {self.tag if self.tag is None else hex(self.tag)}"
            )
        return self.any()[1]

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """Read the next element, which must have that tag, and return a reader of its content."""
        return Reader(self.content(tag))

    def integer_bytes(self) -> bytes:
        """Read an INTEGER and return its content as it stands, leading zero included."""
        content = self.content(INTEGER)
        padded = len(content) > 1 and content[0] in {0x00, 0xFF} and (content[0] ^ content[1]) & 0x80 == 0
        if not content or padded:
            raise DerError("INTEGER is not in its shortest form")
        return content

    def integer(self) -> int:
        """Read an INTEGER."""
        return int.from_bytes(self.integer_bytes(), "big", signed=True)

    def boolean(self) -> bool:
        """Read a BOOLEAN."""
        content = self.content(BOOLEAN)
        if content not in {b"\x00", b"\xff"}:
            raise DerError("malformed BOOLEAN")
        return content == b"\xff"

    def oid(self) -> str:
        """Read an OBJECT IDENTIFIER in dotted form."""
        content = self.content(OID)
        if not content or content[-1] & 0x80:
            raise DerError("malformed OBJECT IDENTIFIER")
        arcs, arc = [], 0
        for byte in content:
            if arc == 0 and byte == 0x80:
                raise DerError("OBJECT IDENTIFIER is not in its shortest form")
            arc = arc << 7 | byte & 0x7F
            if not byte & 0x80:
                arcs.append(arc)
                arc = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(str(number) for number in (first, arcs[0] - first * 40, *arcs[1:]))

    def finish(self) -> None:
        """Check that nothing is left.

        :raises DerError: if something is
        """
        if self._pos != self._end:
            raise DerError(f"{self._end - self._pos} bytes too many")
