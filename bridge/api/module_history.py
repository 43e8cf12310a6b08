"""What modules of one kind did, as JSON beside something else, or alone as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.api.models import Model, ModuleKey
from bridge.api.operation import CSV
from bridge.api.recorded import HistoryQuery, as_objects, by_name, opened, rfc3339, span, spans
from bridge.api.streams import Document, Rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from bridge.api.context import Context
    from bridge.api.recorded import Span
    from bridge.hub import Hub
    from bridge.registry import RegisteredModule
    from bridge.telemetry.history import Point
    from bridge.telemetry.metrics import MetricSpec
    from hw.module import ModuleKind

    Points = Mapping[str, tuple[MetricSpec, Point]]


class ModuleHistoryQuery(HistoryQuery):
    """Which modules, and how far back."""

    module: ModuleKey | None = None
    """Key of the only one to tell of; all of the kind without it."""


@dataclass(frozen=True, slots=True)
class ModuleHistory:
    """Rows of modules of one kind, one module after the other.

    :ivar row: names the columns: `module`, `start`, `end`, and those that `values` returns
    :ivar metrics: what has to be read for them
    :ivar values: returns a row's values of what is known in its span
    :ivar file: what a table is called
    """

    kind: ModuleKind
    row: type[Model]
    metrics: tuple[str, ...]
    values: Callable[[Points], Sequence[Any]]
    file: str

    async def answer(
        self,
        context: Context[ModuleHistoryQuery, None],
        head: Callable[[Sequence[RegisteredModule], str | None], Awaitable[Model]],
    ) -> Model | Document | Rows:
        """Return what a request asks for.

        :param head: makes the answer without its history, of the modules and of what `auto` came to
        :raises Problem: the query does not fit, or there is no such module
        """
        hub, query = context.hub, context.query
        asked = span(hub, query, table=context.media == CSV)
        if query.module is not None:
            modules = [context.module(query.module, self.kind)]
        else:
            modules = context.modules(self.kind)
        columns = tuple(self.row.__annotations__)
        if asked is not None and context.media == CSV:
            return Rows(CSV, columns, self._rows(hub, modules, asked), file=self.file)
        told = await head(modules, None if asked is None else asked.resolution)
        return told if asked is None else Document(told, as_objects(columns, self._rows(hub, modules, asked)))

    async def _rows(
        self, hub: Hub, modules: Sequence[RegisteredModule], asked: Span
    ) -> AsyncIterator[Sequence[Any]]:
        for module in modules:
            stream = await opened(hub, module.key, self.metrics, asked)
            if stream is None:
                continue
            async for row in spans(stream):
                values = self.values(by_name(stream, row))
                yield (module.key, rfc3339(row.start), rfc3339(row.end), *values)
