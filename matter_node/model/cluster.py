"""Clusters: what one is (its declaration) and one at work (an instance on an endpoint).

A definition is a subclass of `Cluster` that holds declarations alone; a server is a subclass of the
definition with behaviour:

    class OnOffServer(OnOff):
        async def handle_toggle(self, context: Context) -> None:
            self.on_off = not self.on_off

A server may define, for an attribute ``x``, ``read_x(context)`` that computes the value whenever it is read
and ``write_x(context, value)`` that takes a client's write; for a command ``y``,
``handle_y(context[, request])``.

An instance keeps the TLV of its attributes ready to send: a report costs the encoding of what changed since
the last one, and a wildcard read of an idle cluster costs no encoding at all.
"""

from __future__ import annotations

from enum import Enum as _Enum
from enum import IntFlag
from typing import TYPE_CHECKING, Any, ClassVar

from matter_node.codec import tlv
from matter_node.model.elements import Attribute, Command, Event
from matter_node.model.qualities import Quality
from matter_node.model.shape import make_shape
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matter_node.model.context import Context
    from matter_node.model.endpoint import Endpoint
    from matter_node.model.shape import Shape
    from matter_node.model.struct import Struct


class NoFeatures(IntFlag):
    """The feature map of a cluster without features."""


class Urgency(_Enum):
    """How soon subscribers are to learn of a change."""

    NOW = "now"
    """With the next report."""
    QUIET = "quiet"
    """With the next report, but not within `Cluster.QUIET_SECONDS` of the last report of this attribute."""
    LAZY = "lazy"
    """A change too small to matter: within 60 s, or along with the next one that matters."""
    NEVER = "never"
    """Quality C: the change is not reported at all."""


LAZY_SECONDS = 60.0
"""A change is reported after this at the latest, however small (Matter Application Clusters 2.13.6)."""


_shapes: dict[tuple[type[Cluster], int, frozenset[str]], Shape] = {}


def _shape(cluster: type[Cluster], features: int, given: frozenset[str]) -> Shape:
    key = (cluster, features, given)
    shape = _shapes.get(key)
    if shape is None:
        shape = _shapes[key] = make_shape(cluster, features, given)
    return shape


class Cluster:
    """Base of every cluster definition and server."""

    ID: ClassVar[int] = -1
    REVISION: ClassVar[int] = 1
    NAME: ClassVar[str] = ""
    PICS: ClassVar[str] = ""
    Feature: ClassVar[type[IntFlag]] = NoFeatures
    ATTRIBUTES: ClassVar[Mapping[int, Attribute[Any]]] = {}
    COMMANDS: ClassVar[Mapping[int, Command]] = {}
    EVENTS: ClassVar[Mapping[int, Event]] = {}
    OPTIONAL_EVENTS: ClassVar[frozenset[Event]] = frozenset()
    """The optional events that a server reports; the mandatory ones are there by themselves."""
    QUIET_SECONDS: ClassVar[float] = 1.0
    """Least time between two reports of one attribute of quality Q to one subscriber."""

    KEPT: ClassVar[frozenset[str]] = frozenset()
    """Names of nonvolatile attributes that clients cannot write, whose stored value counts more than a given
    one: what the server counts on from start to start."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        declared = list(vars(cls).values())
        cls.ATTRIBUTES = {**cls.ATTRIBUTES, **{e.id: e for e in declared if isinstance(e, Attribute)}}
        cls.COMMANDS = {**cls.COMMANDS, **{e.id: e for e in declared if isinstance(e, Command)}}
        cls.EVENTS = {**cls.EVENTS, **{e.id: e for e in declared if isinstance(e, Event)}}
        cls.NAME = cls.NAME or cls.__name__

    def __init__(self, *, features: int = 0, **values: Any) -> None:
        """Make an instance.

        :param features: its feature map
        :param values: attributes' values by name; naming an optional attribute makes it present
        :raises TypeError: see `make_shape`; StatusError: a value breaks its constraint
        """
        names = {attribute.name for attribute in self.ATTRIBUTES.values()}
        if unknown := values.keys() - names:
            raise TypeError(f"{type(self).__name__} has no attribute {', '.join(sorted(unknown))}")
        self.features = features
        self.shape: Shape = _shape(type(self), features, frozenset(values))
        self.endpoint: Endpoint | None = None
        self._version = 0
        self._version_seen = True
        self._transaction = 0
        self._head = b""
        self._place = b""
        self._tails: dict[int, bytes] = {}
        self._values: dict[int, Any] = {}
        for id_, attribute in self.shape.attributes.items():
            if id_ in self.shape.globals:
                continue
            value = values.get(attribute.name, attribute.default)
            if attribute.name in values:
                attribute.datatype.check(value)
            self._values[id_] = value

    # ------------------------------------------------------------------ life on an endpoint

    def attached(self) -> None:
        """Take up work: the endpoint is part of a node now, and stored values are back."""

    def detached(self) -> None:
        """End work: the endpoint leaves the node."""

    def forgotten(self) -> None:
        """Delete what the server stored elsewhere than in attributes: the endpoint has left for ever."""

    def tree_changed(self) -> None:
        """Notice that this endpoint, or one below it, came or went; on the root, any endpoint."""

    def fabric_removed(self, fabric_index: int) -> None:
        """Forget what belonged to a fabric that is gone.

        Entries of fabric-scoped lists that the instance holds vanish; one that keeps more overrides this.
        """
        for id_, attribute in self.shape.attributes.items():
            if attribute.fabric_scoped and id_ not in self.shape.computed:
                kept = tuple(item for item in self._values[id_] if item.fabric_index != fabric_index)
                self.set_value(attribute, kept)

    # ------------------------------------------------------------------ values

    @property
    def data_version(self) -> int:
        """The version of all values together (Matter Core 7.10.3).

        It counts the changes of one request as one, and so it does others that nobody looked between: who
        was told a version was told everything that it stands for.
        """
        self._version_seen = True
        return self._version

    @data_version.setter
    def data_version(self, version: int) -> None:
        self._version, self._version_seen, self._head = version, True, b""

    def value(self, id_: int) -> Any:
        """Return the value that the instance holds; AttributeError if it does not have the attribute."""
        try:
            return self._values[id_]
        except KeyError:
            if id_ in self.shape.globals:
                return self.shape.globals[id_]
            raise AttributeError(f"{type(self).__name__} does not have attribute {id_:#06x}") from None

    def has(self, attribute: Attribute[Any]) -> bool:
        """Tell whether the instance has the attribute."""
        return attribute.id in self.shape.attributes

    def set_value(self, attribute: Attribute[Any], value: Any) -> None:
        """Set an attribute: check it, keep it, store it if it is nonvolatile, tell subscribers.

        :raises StatusError: the value breaks its constraint; the old one stays
        :raises AttributeError: the instance does not have the attribute
        """
        id_ = attribute.id
        old = self.value(id_)
        if old == value and type(old) is type(value):
            return
        attribute.datatype.check(value)
        endpoint = self.endpoint
        placed = endpoint is not None and endpoint.tree is not None
        if endpoint is not None and endpoint.tree is not None and id_ in self.shape.nonvolatile:
            endpoint.tree.store_attribute(endpoint.number, self.ID, id_, attribute.datatype.encode(value))
        self._values[id_] = value
        if placed:
            self.changed(attribute, self.urgency(attribute, old, value))

    def restore(self, id_: int, value: Any) -> None:
        """Put a stored value back, before the instance takes up work; nothing is stored or reported."""
        self._values[id_] = value

    def changed(self, attribute: Attribute[Any], urgency: Urgency = Urgency.NOW) -> None:
        """Note that an attribute's value is another one now; a server that computes it calls this itself."""
        self._tails.pop(attribute.id, None)
        endpoint = self.endpoint
        tree = endpoint.tree if endpoint is not None else None
        transaction = tree.transaction if tree is not None else 0
        if self._version_seen or transaction != self._transaction:
            self._version = (self._version + 1) & 0xFFFF_FFFF
            self._version_seen = False
            self._transaction = transaction
            self._head = b""
        if endpoint is not None and tree is not None and urgency is not Urgency.NEVER:
            tree.attribute_changed(endpoint, self, attribute.id, urgency)

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Judge how soon a change is to be reported; a server with finer rules of its own overrides this."""
        if attribute.quality & Quality.CHANGES_OMITTED:
            return Urgency.NEVER
        if attribute.quality & Quality.QUIETER and old is not None and new is not None:
            return Urgency.QUIET
        return Urgency.NOW

    def read(self, attribute: Attribute[Any], context: Context) -> Any:
        """Return an attribute's value for a reader: computed if the server computes it, else the kept one."""
        reader = self.shape.computed.get(attribute.id)
        return self.value(attribute.id) if reader is None else getattr(self, reader)(context)

    def write(self, attribute: Attribute[Any], context: Context, value: Any) -> None:
        """Take a client's write of a whole value.

        In a fabric-scoped list it replaces the entries of the accessing fabric.

        :raises StatusError: it is refused
        """
        if attribute.fabric_scoped:
            others = tuple(
                item for item in self.read(attribute, context) if item.fabric_index != context.fabric_index
            )
            value = others + value
        writer = getattr(self, f"write_{attribute.name}", None)
        if writer is None:
            self.set_value(attribute, value)
        else:
            writer(context, value)

    async def invoke(self, command: Command, context: Context, request: Struct | None) -> Struct | None:
        """Run a command's handler and return its response, or None for a status of success."""
        handler = getattr(self, f"handle_{command.name}")
        result = handler(context) if request is None else handler(context, request)
        if result is not None and not hasattr(type(result), "MEMBERS"):
            result = await result
        if command.response is not None and not isinstance(result, command.response):
            raise StatusError(Status.FAILURE, f"{command.name} gave no {command.response.__name__}")
        response: Struct | None = result
        return response

    def emit(self, event: Event, payload: Struct | None = None, *, fabric_index: int = 0) -> int | None:
        """Report an event.

        :param fabric_index: the fabric that a fabric-sensitive event belongs to
        :returns: its event number, or None if the instance does not have the event or is on no node
        """
        if event.id not in self.shape.events or self.endpoint is None or self.endpoint.tree is None:
            return None
        data = b"\x35\x07\x18" if payload is None else payload.to_tlv(7)
        return self.endpoint.tree.events.record(self.endpoint.number, self.ID, event, data, fabric_index)

    # ------------------------------------------------------------------ ready-made reports

    def report(self, id_: int, context: Context, *, fabric_filtered: bool) -> bytes:
        """Return the AttributeReportIB of an attribute, as an anonymous element (Matter Core 10.6.4).

        :param fabric_filtered: a fabric-scoped list shows the accessing fabric's entries alone
        """
        tail = self._tails.get(id_)
        if tail is None:
            tail = self._make_tail(id_, context, fabric_filtered=fabric_filtered)
        return (self._head or self.report_head()) + tail

    def report_head(self) -> bytes:
        """Return the first bytes of every report of this cluster: the opening tags and the data version."""
        if not self._head:
            out = bytearray(b"\x15\x35\x01")  # AttributeReportIB { 1: AttributeDataIB {
            tlv.put_uint(out, 0, self.data_version)
            self._head = bytes(out)
        return self._head

    def report_items(self, id_: int, context: Context, *, fabric_filtered: bool) -> list[bytes]:
        """Return a list attribute as one report for the empty list and one appending report an entry.

        This is the form for a list that does not fit in one message (Matter Core 10.6.4.3.1).
        """
        attribute = self.shape.attributes[id_]
        entry = attribute.entry
        if entry is None:
            raise TypeError(f"{attribute!r} is no list")
        head = self.report_head()
        reports = [head + self._path(id_) + b"\x36\x02\x18\x18\x18"]
        for item in self._visible(attribute, context, fabric_filtered=fabric_filtered):
            out = bytearray(self._path(id_, append=True))
            entry.put_for(out, 2, item, context.fabric_index)
            out += b"\x18\x18"
            reports.append(head + bytes(out))
        return reports

    def _visible(self, attribute: Attribute[Any], context: Context, *, fabric_filtered: bool) -> Any:
        value = self.read(attribute, context)
        if attribute.fabric_scoped and fabric_filtered:
            return tuple(item for item in value if item.fabric_index == context.fabric_index)
        return value

    def _path(self, id_: int, *, append: bool = False) -> bytes:
        place = self._place or self._make_place()
        return place + self.shape.attributes[id_].path_end + (b"\x34\x05\x18" if append else b"\x18")

    def _make_place(self) -> bytes:
        """Return the first bytes of every path in this cluster: the opening tag, endpoint and cluster."""
        out = bytearray(b"\x37\x01")  # 1: AttributePathIB [
        tlv.put_uint(out, 2, self.endpoint.number if self.endpoint is not None else 0)
        tlv.put_uint(out, 3, self.ID)
        if self.endpoint is not None:
            self._place = bytes(out)
        return bytes(out)

    def _make_tail(self, id_: int, context: Context, *, fabric_filtered: bool) -> bytes:
        attribute = self.shape.attributes[id_]
        out = bytearray(self._path(id_))
        value = self._visible(attribute, context, fabric_filtered=fabric_filtered)
        if attribute.fabric_scoped:
            attribute.datatype.put_for(out, 2, value, context.fabric_index)
        else:
            attribute.datatype.put(out, 2, value)
        out += b"\x18\x18"
        tail = bytes(out)
        if id_ not in self.shape.computed and not attribute.fabric_scoped:
            self._tails[id_] = tail
        return tail
