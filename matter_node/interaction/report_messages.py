"""ReportData messages: reports packed as many to a message as fit (Matter Core 8.4.4, 10.7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.messages import END_OF_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ATTRIBUTES = b"\x36\x01"
_EVENTS = b"\x36\x02"
_END_OF_ARRAY = b"\x18"
_MORE = b"\x29\x03"
_SUPPRESS_RESPONSE = b"\x29\x04"
_ARRAY_OVERHEAD = 3
_CLOSING_LENGTH = len(_MORE) + len(END_OF_MESSAGE)


class ReportMessages:
    """The messages of one report, made one at a time: the reports are asked for when there is room for them.

    :param subscription_id: the subscription reported to, None for a read
    :param attributes: AttributeReportIBs
    :param events: EventReportIBs
    :param suppress_response: the last message wants no StatusResponse
    :ivar more: whether a message follows the one made last
    """

    __slots__ = ("_held", "_opening", "_sources", "_suppress_response", "more")

    def __init__(
        self,
        subscription_id: int | None,
        attributes: Iterable[bytes],
        events: Iterable[bytes],
        *,
        suppress_response: bool,
    ) -> None:
        opening = bytearray(b"\x15")
        if subscription_id is not None:
            tlv.put_uint(opening, 0, subscription_id)
        self._opening = bytes(opening)
        self._sources: list[tuple[bytes, Iterator[bytes]]] = [
            (_ATTRIBUTES, iter(attributes)),
            (_EVENTS, iter(events)),
        ]
        self._suppress_response = suppress_response
        self._held: bytes | None = None
        self.more = False

    def next_message(self) -> bytes:
        """Return the next message; `more` tells whether it was the last one."""
        parts = [self._opening]
        room = MAX_MESSAGE_PAYLOAD - len(self._opening) - _CLOSING_LENGTH
        while self._sources:
            array, source = self._sources[0]
            first = self._held if self._held is not None else next(source, None)
            self._held = None
            if first is None:
                self._sources.pop(0)
                continue
            room -= _ARRAY_OVERHEAD + len(first)
            if room < 0:
                self._held = first
                break
            parts += (array, first)
            for report in source:
                room -= len(report)
                if room < 0:
                    self._held = report
                    break
                parts.append(report)
            parts.append(_END_OF_ARRAY)
            if self._held is not None:
                break
            self._sources.pop(0)
        self.more = self._held is not None
        if self.more:
            parts.append(_MORE)
        elif self._suppress_response:
            parts.append(_SUPPRESS_RESPONSE)
        parts.append(END_OF_MESSAGE)
        return b"".join(parts)


def single_report_message(report: bytes) -> bytes:
    """Return the ReportData message that answers a read with one AttributeReportIB."""
    return b"".join((b"\x15", _ATTRIBUTES, report, _END_OF_ARRAY, _SUPPRESS_RESPONSE, END_OF_MESSAGE))
