"""The telemetry store: what the hub remembers of its home over time.

    Recorder (event bus) -> Backlog, EventQueue (memory) -> Writer (one thread) -> telemetry.db, events.db
    Telemetry (for others) -> History, latest, energy, hours of the day <- Reader <- telemetry.db, Backlog

A reading becomes a frame, a packed row a second; every quarter of an hour frames become blocks, compressed
seconds, and rollups of minutes and quarters. See docs/telemetry.md.
"""
