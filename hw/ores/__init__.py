"""Modules that speak to the hub of themselves, over HTTPS and WebSocket: the ORES module protocol."""
