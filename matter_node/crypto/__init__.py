"""Cryptography of Matter on the `cryptography` package: AEAD, key derivation, keys, SPAKE2+."""
