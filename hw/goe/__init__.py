"""go-eChargers of hardware version 3 and later, by their local HTTP API v2.

Source: the vendor's documentation, https://github.com/goecharger/go-eCharger-API-v2 (`http-en.md`, and
`API_KEYS_FIRMWARE/` for what each key means in which firmware). What an answer looks like when something is
refused is not written there; it is what the vendor's issues 30, 62, 97 and 312 show.
"""
