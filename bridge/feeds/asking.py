"""Having a source asked by a process of its own, with a limit on its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.child_process import ChildError, answered
from bridge.feeds.series import Series, SeriesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROCESS: Final = ("-m", "bridge.feeds.process")
PATIENCE: Final = 30.0
"""Seconds that asking may take."""


class FeedError(Exception):
    """Nothing came of it; the message is for a person and holds no secrets.

    :ivar wait: seconds after which the server wants to be asked again, None if it did not say
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said.

    :ivar rows: series by name; empty when nothing is new
    :ivar seen: what it wants to be told when it is asked again
    """

    rows: Mapping[str, Series]
    seen: Mapping[str, str]


async def ask(
    request: dict[str, Any], *, patience: float = PATIENCE, process: Sequence[str] = PROCESS
) -> Answer:
    """Return what a source says. Raise FeedError.

    :param request: of `bridge.feeds.source.Source.request`
    :param process: what the Python interpreter is to run
    """
    try:
        found = await answered(process, request, patience=patience)
        if "error" in found:
            raise FeedError(str(found["error"]), found["wait"])
        if "unchanged" in found:
            return Answer({}, request["seen"])
        return Answer(
            {name: Series.from_plain(rows) for name, rows in found["rows"].items()}, dict(found["seen"])
        )
    except ChildError as error:
        raise FeedError(str(error)) from error
    except (SeriesError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedError("the process that was asked failed") from error
