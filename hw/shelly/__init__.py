"""Shelly devices of generation 2 and later: relays with meters, by JSON-RPC over HTTP.

Source: the vendor's documentation, https://shelly-api-docs.shelly.cloud/gen2/.
"""
