"""Encodings: TLV, certificates, onboarding payloads. Bytes in, values out; nothing here does I/O."""
