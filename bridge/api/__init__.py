"""The ORES HTTP API: it begins at `bridge.api.server`, and who does not import that pays nothing for it."""
