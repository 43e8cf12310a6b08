"""Memory and threads of this process: the Software Diagnostics cluster (Matter Core 11.13)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from clusters.definitions.software_diagnostics import SoftwareDiagnostics, ThreadMetricsStruct
from matter_node import host

if TYPE_CHECKING:
    from matter_node.model import Context

_log = logging.getLogger(__name__)
_MAX_THREADS = 64
_MAX_NAME = 8


class SoftwareDiagnosticsServer(SoftwareDiagnostics):
    """Reports the resident memory of the process as its heap."""

    def __init__(self) -> None:
        super().__init__(features=SoftwareDiagnostics.Feature.WTRMRK)

    def read_thread_metrics(self, _: Context) -> tuple[ThreadMetricsStruct, ...]:
        """List the threads; Linux grows their stacks on demand, so there is no size to tell."""
        return tuple(
            ThreadMetricsStruct(id=thread.id, name=_short(thread.name))
            for thread in host.threads()[:_MAX_THREADS]
        )

    def read_current_heap_free(self, _: Context) -> int:
        """Bytes that the machine can still give."""
        return host.memory().free

    def read_current_heap_used(self, _: Context) -> int:
        """Bytes that the process holds."""
        return host.memory().used

    def read_current_heap_high_watermark(self, _: Context) -> int:
        """Most bytes that the process held since the start or the last reset."""
        return host.memory().high_water

    def handle_reset_watermarks(self, _: Context) -> None:
        """Start the high watermark anew; a kernel that does not allow it keeps the old one."""
        try:
            host.reset_memory_high_water()
        except OSError as error:
            _log.warning("The kernel does not let the memory watermark be reset: %s", error)


def _short(name: str) -> str:
    return name.encode()[:_MAX_NAME].decode(errors="ignore")
