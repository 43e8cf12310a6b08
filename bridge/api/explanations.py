"""Pages that explain each kind of problem: what the `type` of a problem leads to."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.api.operation import Operation
    from bridge.api.problems import ProblemType


def explanations(operations: Sequence[Operation]) -> dict[str, str]:
    """Return the inside of the page of all problems and of each, by path."""
    kinds = {kind.slug: kind for operation in operations for kind in operation.all_problems()}
    each = {kind.uri: _explained(kind) for kind in kinds.values()}
    return {"/problems": "".join(each[uri] for uri in sorted(each)), **each}


def _explained(kind: ProblemType) -> str:
    return (
        f"<h2 id='{kind.slug}'><code>{kind.uri}</code> ({kind.status})</h2><p>{escape(kind.title)}</p>"
        f"<p><b>Cause.</b> {escape(kind.cause)}</p><p><b>Remedy.</b> {escape(kind.remedy)}</p>"
    )
