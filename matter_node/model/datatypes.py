"""Data types: how a value looks in Python, in TLV, and what it may be (Matter Core 7.19).

| data type | Python value |
|---|---|
| bool, integers, floats | bool, int, float |
| enum, bitmap | `IntEnum`, `IntFlag` |
| string, octet string | str, bytes |
| struct | an instance of a `Struct` subclass |
| list | tuple |
| null | None |

Every value is immutable, so that comparing the old with the new one tells a change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from matter_node.codec import tlv
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.model.struct import Struct

FABRIC_INDEX_TAG = 0xFE
"""Context tag of the global field FabricIndex (Matter Core 7.13.6)."""

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)
F = TypeVar("F", bound=IntFlag)
S = TypeVar("S", bound="Struct")


class Datatype(Generic[T]):
    """A data type with its constraint."""

    default: T

    def put(self, out: bytearray, tag: int | None, value: T) -> None:
        """Append the element of `value` to `out`."""
        raise NotImplementedError

    def take(self, element: Any) -> T:
        """Return the value of a decoded TLV element.

        :raises StatusError: INVALID_DATA_TYPE for another type, CONSTRAINT_ERROR for a value out of bounds
        """
        raise NotImplementedError

    def take_for(self, element: Any, fabric_index: int) -> T:
        """Return the value as `take`; fabric-scoped structs in it belong to that fabric, whatever it says.

        (Matter Core 7.13.6: the server, not the client, fills FabricIndex in.)
        """
        _ = fabric_index
        return self.take(element)

    def check(self, value: T) -> None:
        """Raise StatusError(CONSTRAINT_ERROR) if `value` breaks the constraint."""

    def put_for(self, out: bytearray, tag: int | None, value: T, fabric_index: int) -> None:
        """Append as `put`, without what is sensitive to fabrics other than `fabric_index`."""
        _ = fabric_index
        self.put(out, tag, value)

    def encode(self, value: T, tag: int | None = None) -> bytes:
        """Return the element of `value`."""
        out = bytearray()
        self.put(out, tag, value)
        return bytes(out)


def wrong_type(expected: str, element: object) -> StatusError:
    """Return the error for an element of another type than `expected`."""
    return StatusError(Status.INVALID_DATA_TYPE, f"expected {expected}, got {type(element).__name__}")


def out_of_bounds(text: str) -> StatusError:
    """Return the error for a value that breaks its constraint."""
    return StatusError(Status.CONSTRAINT_ERROR, text)


class _Bool(Datatype[bool]):
    default = False

    def put(self, out: bytearray, tag: int | None, value: bool) -> None:  # noqa: FBT001 - the value is a bool
        tlv.put_bool(out, tag, value)

    def take(self, element: Any) -> bool:
        if element is True or element is False:
            return bool(element)
        raise wrong_type("bool", element)

    def check(self, value: bool) -> None:  # noqa: FBT001 - the value is a bool
        if value is not True and value is not False:
            raise wrong_type("bool", value)


@dataclass(frozen=True)
class Integer(Datatype[int]):
    """An integer of a fixed width, signed or not, within bounds that both belong to it."""

    name: str
    minimum: int
    maximum: int
    signed: bool
    default: int = 0

    def put(self, out: bytearray, tag: int | None, value: int) -> None:
        """Append as a signed or unsigned TLV integer in its smallest width."""
        if self.signed:
            tlv.put_int(out, tag, value)
        else:
            tlv.put_uint(out, tag, value)

    def take(self, element: Any) -> int:
        """Return the integer; either TLV sign is understood, as the value decides."""
        if type(element) is not int:
            raise wrong_type(self.name, element)
        if not self.minimum <= element <= self.maximum:
            raise out_of_bounds(f"{element} is not within {self.minimum}..{self.maximum}")
        return element

    def check(self, value: int) -> None:
        """Raise StatusError unless it is an integer within the bounds."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(self.name, value)
        if not self.minimum <= value <= self.maximum:
            raise out_of_bounds(f"{value} is not within {self.minimum}..{self.maximum}")

    def between(self, minimum: int | None = None, maximum: int | None = None) -> Integer:
        """Return this type with narrower bounds."""
        low = self.minimum if minimum is None else max(self.minimum, minimum)
        high = self.maximum if maximum is None else min(self.maximum, maximum)
        return replace(self, minimum=low, maximum=high, default=min(max(self.default, low), high))

    def nullable_range(self) -> Integer:
        """Return this type without the value that a nullable one reserves for null (Matter Core 7.19.1)."""
        reserved = self.reserved
        if reserved < 0:
            return self.between(minimum=reserved + 1)
        return self.between(maximum=reserved - 1)

    @property
    def reserved(self) -> int:
        """The value that stands for null where there is no TLV: all ones, or the lowest signed one."""
        width = int("".join(c for c in self.name if c.isdigit()))
        return -(1 << (width - 1)) if self.signed else (1 << width) - 1


def _unsigned(width: int) -> Integer:
    return Integer(f"uint{width}", 0, (1 << width) - 1, signed=False)


def _signed(width: int) -> Integer:
    return Integer(f"int{width}", -(1 << (width - 1)), (1 << (width - 1)) - 1, signed=True)


Bool = _Bool()
UInt8, UInt16, UInt24, UInt32 = _unsigned(8), _unsigned(16), _unsigned(24), _unsigned(32)
UInt40, UInt48, UInt56, UInt64 = _unsigned(40), _unsigned(48), _unsigned(56), _unsigned(64)
Int8, Int16, Int24, Int32 = _signed(8), _signed(16), _signed(24), _signed(32)
Int40, Int48, Int56, Int64 = _signed(40), _signed(48), _signed(56), _signed(64)


@dataclass(frozen=True)
class Float(Datatype[float]):
    """A floating-point number of single or double precision."""

    double: bool
    default: float = 0.0

    def put(self, out: bytearray, tag: int | None, value: float) -> None:
        """Append in this type's precision."""
        (tlv.put_float64 if self.double else tlv.put_float32)(out, tag, value)

    def take(self, element: Any) -> float:
        """Return the number."""
        if type(element) is not float:
            raise wrong_type("float", element)
        return element


Float32, Float64 = Float(double=False), Float(double=True)


@dataclass(frozen=True)
class Utf8(Datatype[str]):
    """A string; its length limits count bytes of UTF-8 (Matter Core 7.19.2.37)."""

    maximum: int = 0xFFFF
    minimum: int = 0
    default: str = ""

    def put(self, out: bytearray, tag: int | None, value: str) -> None:
        """Append as a UTF-8 string."""
        tlv.put_utf8(out, tag, value)

    def take(self, element: Any) -> str:
        """Return the string."""
        if type(element) is not str:
            raise wrong_type("string", element)
        self.check(element)
        return element

    def check(self, value: str) -> None:
        """Raise StatusError if it is too short or too long."""
        if not isinstance(value, str):
            raise wrong_type("string", value)
        if not self.minimum <= len(value.encode()) <= self.maximum:
            raise out_of_bounds(
                f"string of {len(value.encode())} bytes, {self.minimum}..{self.maximum} allowed"
            )


@dataclass(frozen=True)
class Octets(Datatype[bytes]):
    """An octet string."""

    maximum: int = 0xFFFF
    minimum: int = 0
    default: bytes = b""

    def put(self, out: bytearray, tag: int | None, value: bytes) -> None:
        """Append as a byte string."""
        tlv.put_bytes(out, tag, value)

    def take(self, element: Any) -> bytes:
        """Return the bytes."""
        if type(element) is not bytes:
            raise wrong_type("octet string", element)
        self.check(element)
        return element

    def check(self, value: bytes) -> None:
        """Raise StatusError if it is too short or too long."""
        if not isinstance(value, bytes):
            raise wrong_type("octet string", value)
        if not self.minimum <= len(value) <= self.maximum:
            raise out_of_bounds(f"{len(value)} bytes, {self.minimum}..{self.maximum} allowed")


class Enum(Datatype[E]):
    """An enumeration of 8 or 16 bits."""

    def __init__(self, members: type[E], width: int = 8, *, default: E | None = None) -> None:
        self.members = members
        self.width = width
        self.default = next(iter(members)) if default is None else default
        self._by_value: dict[int, E] = {int(member): member for member in members}

    def put(self, out: bytearray, tag: int | None, value: E) -> None:
        """Append as an unsigned integer."""
        tlv.put_uint(out, tag, value)

    def take(self, element: Any) -> E:
        """Return the member; a value that the enumeration does not list breaks the constraint."""
        if type(element) is not int:
            raise wrong_type(self.members.__name__, element)
        member = self._by_value.get(element)
        if member is None:
            raise out_of_bounds(f"{element} is no {self.members.__name__}")
        return member

    def check(self, value: E) -> None:
        """Raise StatusError unless it is a listed value."""
        if value not in self._by_value:
            raise out_of_bounds(f"{value!r} is no {self.members.__name__}")


class Bitmap(Datatype[F]):
    """A bitmap of 8 to 64 bits."""

    def __init__(self, flags: type[F], width: int = 8) -> None:
        self.flags = flags
        self.width = width
        self.default = flags(0)
        self._mask = 0
        for flag in flags:
            self._mask |= int(flag)

    def put(self, out: bytearray, tag: int | None, value: F) -> None:
        """Append as an unsigned integer."""
        tlv.put_uint(out, tag, value)

    def take(self, element: Any) -> F:
        """Return the flags; a bit that the bitmap does not list breaks the constraint."""
        if type(element) is not int:
            raise wrong_type(self.flags.__name__, element)
        self.check(element)  # type: ignore[arg-type] # a plain integer is judged by its bits alone
        return self.flags(element)

    def check(self, value: F) -> None:
        """Raise StatusError if a bit is set that the bitmap does not list."""
        if value < 0 or value & ~self._mask:
            raise out_of_bounds(f"{int(value):#x} has bits that {self.flags.__name__} has not")


class Nullable(Datatype["T | None"], Generic[T]):
    """A value of another type, or null."""

    default = None

    def __init__(self, inner: Datatype[T]) -> None:
        self.inner: Datatype[T] = inner.nullable_range() if isinstance(inner, Integer) else inner  # type: ignore[assignment] # still an integer type

    def put(self, out: bytearray, tag: int | None, value: T | None) -> None:
        """Append the value, or null."""
        if value is None:
            tlv.put_null(out, tag)
        else:
            self.inner.put(out, tag, value)

    def put_for(self, out: bytearray, tag: int | None, value: T | None, fabric_index: int) -> None:
        """Append as `put`, without what is sensitive to other fabrics."""
        if value is None:
            tlv.put_null(out, tag)
        else:
            self.inner.put_for(out, tag, value, fabric_index)

    def take(self, element: Any) -> T | None:
        """Return the value, or None."""
        return None if element is None else self.inner.take(element)

    def take_for(self, element: Any, fabric_index: int) -> T | None:
        """Return the value, a fabric's own, or None."""
        return None if element is None else self.inner.take_for(element, fabric_index)

    def check(self, value: T | None) -> None:
        """Raise StatusError if it is neither null nor a valid value."""
        if value is not None:
            self.inner.check(value)


class ListOf(Datatype["tuple[T, ...]"], Generic[T]):
    """A list of values of one type."""

    default: tuple[T, ...] = ()

    def __init__(self, entry: Datatype[T], *, maximum: int | None = None, minimum: int = 0) -> None:
        self.entry = entry
        self.maximum = maximum
        self.minimum = minimum

    def put(self, out: bytearray, tag: int | None, value: tuple[T, ...]) -> None:
        """Append as an array."""
        tlv.start_array(out, tag)
        for item in value:
            self.entry.put(out, None, item)
        tlv.end(out)

    def put_for(self, out: bytearray, tag: int | None, value: tuple[T, ...], fabric_index: int) -> None:
        """Append as `put`, without what is sensitive to other fabrics."""
        tlv.start_array(out, tag)
        for item in value:
            self.entry.put_for(out, None, item, fabric_index)
        tlv.end(out)

    def take(self, element: Any) -> tuple[T, ...]:
        """Return the entries; a list that is too long is a constraint error before any entry is looked at."""
        if type(element) is not list:
            raise wrong_type("list", element)
        self._check_length(len(element))
        return tuple(self.entry.take(item) for item in element)

    def take_for(self, element: Any, fabric_index: int) -> tuple[T, ...]:
        """Return the entries, a fabric's own."""
        if type(element) is not list:
            raise wrong_type("list", element)
        self._check_length(len(element))
        return tuple(self.entry.take_for(item, fabric_index) for item in element)

    def check(self, value: tuple[T, ...]) -> None:
        """Raise StatusError if the length or an entry is out of bounds."""
        if not isinstance(value, tuple):
            raise wrong_type("list", value)
        self._check_length(len(value))
        for item in value:
            self.entry.check(item)

    def _check_length(self, length: int) -> None:
        if length < self.minimum or (self.maximum is not None and length > self.maximum):
            raise out_of_bounds(f"{length} entries, {self.minimum}..{self.maximum} allowed")


class StructOf(Datatype[S]):
    """A struct."""

    _cache: ClassVar[dict[type[Any], StructOf[Any]]] = {}
    default: S

    def __init__(self, struct: type[S]) -> None:
        self.struct = struct

    def put(self, out: bytearray, tag: int | None, value: S) -> None:
        """Append as a struct."""
        tlv.start_struct(out, tag)
        for member in self.struct.MEMBERS:
            field = getattr(value, member.name)
            if field is not None or not member.optional:
                member.datatype.put(out, member.tag, field)
        tlv.end(out)

    def put_for(self, out: bytearray, tag: int | None, value: S, fabric_index: int) -> None:
        """Append as `put`; if the struct is another fabric's, without its sensitive members."""
        if not self.struct.FABRIC_SCOPED or value.fabric_index == fabric_index:
            self.put(out, tag, value)
            return
        tlv.start_struct(out, tag)
        for member in self.struct.MEMBERS:
            field = getattr(value, member.name)
            if not member.fabric_sensitive and (field is not None or not member.optional):
                member.datatype.put(out, member.tag, field)
        tlv.end(out)

    def take(self, element: Any) -> S:
        """Return the struct; unknown members are ignored, a missing mandatory one breaks the constraint."""
        return self._take(element, None)

    def take_for(self, element: Any, fabric_index: int) -> S:
        """Return the struct, a fabric's own."""
        return self._take(element, fabric_index)

    def _take(self, element: Any, fabric_index: int | None) -> S:
        if type(element) is not dict:
            raise wrong_type(self.struct.__name__, element)
        fields: dict[str, Any] = {}
        for member in self.struct.MEMBERS:
            if member.tag == FABRIC_INDEX_TAG and fabric_index is not None:
                fields[member.name] = fabric_index
            elif member.tag in element:
                item = element[member.tag]
                if not (item is None and member.optional):
                    datatype = member.datatype
                    fields[member.name] = (
                        datatype.take(item) if fabric_index is None else datatype.take_for(item, fabric_index)
                    )
            elif member.required:
                raise StatusError(Status.INVALID_COMMAND, f"{self.struct.__name__}.{member.name} is missing")
        return self.struct(**fields)

    def check(self, value: S) -> None:
        """Raise StatusError if a member is out of bounds."""
        if not isinstance(value, self.struct):
            raise wrong_type(self.struct.__name__, value)
        for member in self.struct.MEMBERS:
            field = getattr(value, member.name)
            if field is not None or not member.optional:
                member.datatype.check(field)


class _AnyTlv(Datatype[Any]):
    """Whatever TLV holds: for elements whose type another document defines."""

    default = None

    def put(self, out: bytearray, tag: int | None, value: Any) -> None:
        out += tlv.encode(value, tag)

    def take(self, element: Any) -> Any:
        return element


AnyTlv = _AnyTlv()
