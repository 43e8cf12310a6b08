"""Fitting: what devices say, brought within what attributes can hold.

A device may send any text and any number. One that is too long or out of bounds must not keep the rest from
being shown, so it is cut rather than refused; what clients send is refused, as the specification wants it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, cast

from matter_node.model import Integer, ListOf, Nullable, StructOf, Utf8

if TYPE_CHECKING:
    from matter_node.model import Datatype, Struct

T = TypeVar("T")
S = TypeVar("S", bound="Struct")


def fitted(datatype: Datatype[T], value: T) -> T:
    """Return a value brought within its data type: numbers within bounds, texts and lists cut at the end."""
    return cast("T", _fitted(datatype, value))


def fitted_struct(value: S) -> S:
    """Return a struct whose members are brought within their data types."""
    return fitted(type(value).DATATYPE, value)  # type: ignore[no-any-return] # a struct's own type gives it back


def _fitted(datatype: Datatype[Any], value: Any) -> Any:
    if isinstance(datatype, Nullable):
        return None if value is None else _fitted(datatype.inner, value)
    if isinstance(datatype, Integer):
        return min(max(value, datatype.minimum), datatype.maximum)
    if isinstance(datatype, Utf8):
        return value.encode()[: datatype.maximum].decode(errors="ignore")
    if isinstance(datatype, ListOf):
        return tuple(_fitted(datatype.entry, item) for item in value[: datatype.maximum])
    if isinstance(datatype, StructOf):
        return dataclasses.replace(
            value, **{m.name: _fitted(m.datatype, getattr(value, m.name)) for m in datatype.struct.MEMBERS}
        )
    return value
