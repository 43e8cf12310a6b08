"""Matter's tag-length-value encoding (Matter Core appendix A).

Decoding gives plain Python values:

=====================  ====================================================================
element                value
=====================  ====================================================================
signed, unsigned int   `int`
boolean, null          `bool`, `None`
float32, float64       `float`
UTF-8, octet string    `str`, `bytes`
structure              `dict` by tag
array                  `list`
list                   `TlvList` of (tag, value), in the order of the wire
=====================  ====================================================================

A tag is an `int` (context specific), a `(vendor id, profile, number)` tuple (common profile: vendor and
profile 0), or `None` (anonymous). Implicit-profile tags are refused: no Matter message implies a profile.

Encoding goes the other way with `encode`, or piece by piece with the ``put_*`` functions, which append one
element to a `bytearray` and are what message encoders use.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - `error` alone says nothing here
from typing import Any, TypeAlias

Tag: TypeAlias = int | tuple[int, int, int] | None
Value: TypeAlias = Any

MAX_DEPTH = 32
"""Containers inside one another that the decoder follows; Matter's deepest message uses about ten."""

_STRUCT, _ARRAY, _LIST, _END = 0x15, 0x16, 0x17, 0x18
_NULL = 0x14

_U8, _U16, _U32, _U64 = (Struct(f"<{code}") for code in "BHIQ")
_FLOAT32, _FLOAT64 = Struct("<f"), Struct("<d")
_FULLY_QUALIFIED = {0xC0: Struct("<HHH"), 0xE0: Struct("<HHI")}
_COMMON_PROFILE = {0x40: _U16, 0x60: _U32}

_UNSIGNED = tuple((1 << bits, bits // 8, 0x04 + i) for i, bits in enumerate((8, 16, 32, 64)))
_SIGNED = tuple((1 << (bits - 1), bits // 8, i) for i, bits in enumerate((8, 16, 32, 64)))
_INT_WIDTH = (1, 2, 4, 8, 1, 2, 4, 8)


class TlvError(ValueError):
    """The bytes are no TLV of the expected shape, or the value has no TLV form."""


class TlvList(list[tuple[Tag, Any]]):
    """A TLV list: (tag, value) pairs whose order carries meaning."""

    __slots__ = ()


def decode(data: bytes | bytearray | memoryview) -> Value:
    """Decode exactly one anonymous element.

    :raises TlvError: for anything else, including trailing bytes
    """
    value, end = decode_from(data, 0)
    if end != len(data):
        raise TlvError(f"{len(data) - end} bytes after the element")
    return value


def decode_from(data: bytes | bytearray | memoryview, offset: int) -> tuple[Value, int]:
    """Decode the anonymous element at `offset`.

    :return: its value, and the offset of the byte after it
    :raises TlvError: if it is truncated, malformed or nested deeper than `MAX_DEPTH`
    """
    if type(data) is not bytes:
        data = bytes(data)
    try:
        return _decode_element(data, offset)
    except IndexError:
        raise TlvError("truncated element") from None
    except StructError:
        raise TlvError("truncated element") from None
    except UnicodeDecodeError as error:
        raise TlvError(f"invalid UTF-8: {error.reason}") from None


def _decode_element(data: bytes, pos: int) -> tuple[Value, int]:  # noqa: C901, PLR0912, PLR0915 - one loop: the node's hottest
    """Decode one anonymous element; IndexError, StructError and UnicodeDecodeError escape."""
    size = len(data)
    outer: list[tuple[Any, int, Tag]] = []
    container: Any = None
    kind = 0  # element type of `container`, 0 outside of all
    value: Any
    tag: Tag
    while True:
        control = data[pos]
        element = control & 0x1F
        form = control & 0xE0
        if form == 0x20:
            tag = data[pos + 1]
            pos += 2
        elif form == 0:
            tag = None
            pos += 1
        else:
            tag, pos = _decode_profile_tag(data, pos + 1, form)

        if element < 8:
            width = _INT_WIDTH[element]
            if width == 1 and element == 4:
                value = data[pos]
                pos += 1
            else:
                end = pos + width
                if end > size:
                    raise TlvError("truncated integer")
                value = int.from_bytes(data[pos:end], "little", signed=element < 4)
                pos = end
        elif element >= _STRUCT:
            if element < _END:
                _check_tag(kind, tag)
                if len(outer) >= MAX_DEPTH:
                    raise TlvError(f"containers nested deeper than {MAX_DEPTH}")
                outer.append((container, kind, tag))
                container = {} if element == _STRUCT else [] if element == _ARRAY else TlvList()
                kind = element
                continue
            if control != _END or not outer:
                raise TlvError(f"element type {control:#04x} where a value should be")
            value = container
            container, kind, tag = outer.pop()
        elif element < 0x0A:
            value = element == 0x09
        elif element >= 0x0C and element != _NULL:
            length_width = 1 << (element & 3)
            start = pos + length_width
            end = start + (data[pos] if length_width == 1 else int.from_bytes(data[pos:start], "little"))
            if end > size or start > size:
                raise TlvError("string longer than the data")
            value = data[start:end]
            if element < 0x10:
                value = value.decode()
            pos = end
        elif element == _NULL:
            value = None
        elif element == 0x0A:
            (value,) = _FLOAT32.unpack_from(data, pos)
            pos += 4
        else:
            (value,) = _FLOAT64.unpack_from(data, pos)
            pos += 8

        if kind == _STRUCT:
            if tag is None or tag in container:
                raise TlvError("anonymous structure member" if tag is None else f"member {tag} twice")
            container[tag] = value
        elif kind == _LIST:
            container.append((tag, value))
        elif tag is not None:
            raise TlvError(f"tag {tag} on an element that has none")
        elif kind == _ARRAY:
            container.append(value)
        else:
            return value, pos


def _check_tag(kind: int, tag: Tag) -> None:
    """Refuse a container whose tag does not fit where it stands, before its contents are decoded."""
    if kind == _STRUCT:
        if tag is None:
            raise TlvError("anonymous structure member")
    elif kind != _LIST and tag is not None:
        raise TlvError(f"tag {tag} on an element that has none")


def _decode_profile_tag(data: bytes, pos: int, form: int) -> tuple[Tag, int]:
    if fully := _FULLY_QUALIFIED.get(form):
        vendor, profile, number = fully.unpack_from(data, pos)
        return (vendor, profile, number), pos + fully.size
    if common := _COMMON_PROFILE.get(form):
        return (0, 0, common.unpack_from(data, pos)[0]), pos + common.size
    raise TlvError("implicit-profile tag and no profile is implied")


def encode(value: Value, tag: Tag = None) -> bytes:
    """Encode a value as `decode` would give it.

    Integers take the smallest width: unsigned from 0 up, signed below. Floats become float64. Structure
    members are written in ascending order of their tags, context tags first. A tuple is an array like a list.

    :raises TlvError: if the value has no TLV form
    """
    out = bytearray()
    put(out, tag, value)
    return bytes(out)


def put(out: bytearray, tag: Tag, value: Value) -> None:  # noqa: C901, PLR0912 - one branch a type
    """Append any value; see `encode`."""
    if value is None:
        put_null(out, tag)
    elif value is True or value is False:
        put_bool(out, tag, value)
    elif isinstance(value, int):
        if value >= 0:
            put_uint(out, tag, value)
        else:
            put_int(out, tag, value)
    elif isinstance(value, str):
        put_utf8(out, tag, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        put_bytes(out, tag, value)
    elif isinstance(value, float):
        put_float64(out, tag, value)
    elif isinstance(value, dict):
        start_struct(out, tag)
        for member in sorted(value, key=_tag_order):
            if member is None:
                raise TlvError("anonymous structure member")
            put(out, member, value[member])
        end(out)
    elif isinstance(value, TlvList):
        start_list(out, tag)
        for member, item in value:
            put(out, member, item)
        end(out)
    elif isinstance(value, (list, tuple)):
        start_array(out, tag)
        for item in value:
            put(out, None, item)
        end(out)
    else:
        raise TlvError(f"{type(value).__name__} has no TLV form")


def _tag_order(tag: Tag) -> tuple[int, int, int, int]:
    return (0, 0, 0, tag) if isinstance(tag, int) else (1, *(tag or (0, 0, 0)))


def _put_control(out: bytearray, tag: Tag, element: int) -> None:
    if tag is None:
        out.append(element)
    elif isinstance(tag, int):
        if not 0 <= tag <= 0xFF:
            raise TlvError(f"context tag {tag} is outside 0..255")
        out.append(0x20 | element)
        out.append(tag)
    else:
        vendor, profile, number = tag
        wide = number > 0xFFFF
        try:
            if vendor == profile == 0:
                out.append((0x60 if wide else 0x40) | element)
                out += (_U32 if wide else _U16).pack(number)
            else:
                form = 0xE0 if wide else 0xC0
                out.append(form | element)
                out += _FULLY_QUALIFIED[form].pack(vendor, profile, number)
        except StructError:
            raise TlvError(f"profile tag {tag} is out of range") from None


def put_uint(out: bytearray, tag: Tag, value: int) -> None:
    """Append an unsigned integer in its smallest width."""
    if value < 0:
        raise TlvError(f"{value} is negative")
    if value < 0x100:
        _put_control(out, tag, 0x04)
        out.append(value)
        return
    for limit, width, element in _UNSIGNED:
        if value < limit:
            _put_control(out, tag, element)
            out += value.to_bytes(width, "little")
            return
    raise TlvError(f"{value} needs more than 64 bits")


def put_int(out: bytearray, tag: Tag, value: int) -> None:
    """Append a signed integer in its smallest width."""
    for limit, width, element in _SIGNED:
        if -limit <= value < limit:
            _put_control(out, tag, element)
            out += value.to_bytes(width, "little", signed=True)
            return
    raise TlvError(f"{value} needs more than 64 bits")


def put_bool(out: bytearray, tag: Tag, value: bool) -> None:  # noqa: FBT001 - the value, not a switch
    """Append a boolean."""
    _put_control(out, tag, 0x09 if value else 0x08)


def put_null(out: bytearray, tag: Tag) -> None:
    """Append a null."""
    _put_control(out, tag, _NULL)


def put_float32(out: bytearray, tag: Tag, value: float) -> None:
    """Append a number as float32."""
    try:
        packed = _FLOAT32.pack(value)
    except OverflowError:
        raise TlvError(f"{value} is too large for float32") from None
    _put_control(out, tag, 0x0A)
    out += packed


def put_float64(out: bytearray, tag: Tag, value: float) -> None:
    """Append a number as float64."""
    _put_control(out, tag, 0x0B)
    out += _FLOAT64.pack(value)


def put_utf8(out: bytearray, tag: Tag, value: str) -> None:
    """Append a UTF-8 string."""
    try:
        _put_string(out, tag, 0x0C, value.encode())
    except UnicodeEncodeError as error:
        raise TlvError(f"text has no UTF-8 form: {error.reason}") from None


def put_bytes(out: bytearray, tag: Tag, value: bytes | bytearray | memoryview) -> None:
    """Append an octet string."""
    _put_string(out, tag, 0x10, value)


def _put_string(out: bytearray, tag: Tag, element: int, value: bytes | bytearray | memoryview) -> None:
    length = len(value)
    if length < 0x100:
        _put_control(out, tag, element)
        out.append(length)
    elif length < 0x1_0000:
        _put_control(out, tag, element + 1)
        out += _U16.pack(length)
    else:
        _put_control(out, tag, element + 2)
        out += _U32.pack(length)
    out += value


def start_struct(out: bytearray, tag: Tag) -> None:
    """Open a structure; its members follow in ascending tag order, then `end`."""
    _put_control(out, tag, _STRUCT)


def start_array(out: bytearray, tag: Tag) -> None:
    """Open an array; anonymous elements follow, then `end`."""
    _put_control(out, tag, _ARRAY)


def start_list(out: bytearray, tag: Tag) -> None:
    """Open a list; elements follow in their order, then `end`."""
    _put_control(out, tag, _LIST)


def end(out: bytearray) -> None:
    """Close the innermost open container."""
    out.append(_END)
