"""What waits for a response: see `Context.after_response`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.model.context import Context

_log = logging.getLogger(__name__)


def run_afterwards(context: Context | None) -> None:
    """Call what was to wait for the response, each once and in order; one that fails stops no other."""
    while context is not None and context.afterwards:
        callback = context.afterwards.pop(0)
        try:
            callback()
        except Exception:  # noqa: BLE001 - whose request it was has its answer already
            _log.exception("What was to follow a response failed")
