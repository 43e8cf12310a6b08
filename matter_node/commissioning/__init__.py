"""Commissioning: fabrics, the fail-safe, windows, group keys, attestation (Matter Core 5, 11)."""
