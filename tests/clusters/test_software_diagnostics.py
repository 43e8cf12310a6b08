"""Memory and threads of this very process."""

import threading

import pytest

from clusters.definitions.software_diagnostics import SoftwareDiagnostics
from clusters.software_diagnostics import SoftwareDiagnosticsServer
from matter_node import host


@pytest.fixture
def server():
    return SoftwareDiagnosticsServer()


def test_memory_is_what_the_kernel_says(server, context):
    used = server.read(SoftwareDiagnostics.current_heap_used, context)
    peak = server.read(SoftwareDiagnostics.current_heap_high_watermark, context)
    assert 5_000_000 < used < 5_000_000_000
    assert peak > 5_000_000
    assert server.read(SoftwareDiagnostics.current_heap_free, context) > 0


def test_the_watermark_starts_anew(server, context):
    block = bytearray(64 << 20)
    block[::4096] = b"x" * len(block[::4096])
    high = server.read(SoftwareDiagnostics.current_heap_high_watermark, context)
    del block
    server.handle_reset_watermarks(context)
    low = server.read(SoftwareDiagnostics.current_heap_high_watermark, context)
    if low == high:
        pytest.skip("this kernel does not reset the watermark")
    assert low < high - (32 << 20)


def test_a_kernel_that_refuses_keeps_the_watermark(server, context, monkeypatch, caplog):
    def refuse():
        raise PermissionError("not here")

    monkeypatch.setattr(host, "reset_memory_high_water", refuse)
    server.handle_reset_watermarks(context)
    assert "not here" in caplog.text


def test_threads_are_listed_with_short_names(server, context):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        shown = server.read(SoftwareDiagnostics.thread_metrics, context)
    finally:
        stop.set()
        thread.join()
    SoftwareDiagnostics.thread_metrics.datatype.check(shown)
    assert {threading.main_thread().native_id, thread.native_id} <= {item.id for item in shown}


def test_many_threads_and_long_names_fit(server, context, monkeypatch):
    many = [host.Thread(number, "ü" * 10) for number in range(200)]
    monkeypatch.setattr(host, "threads", lambda: many)
    shown = server.read(SoftwareDiagnostics.thread_metrics, context)
    SoftwareDiagnostics.thread_metrics.datatype.check(shown)
    assert (len(shown), shown[0].name) == (64, "üüüü")
