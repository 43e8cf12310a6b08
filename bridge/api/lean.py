"""aiohttp without what only a client or a whole web framework needs.

`import aiohttp.web` costs 13 MB and 0.14 s, for the package's own `__init__` brings the client, its connector
with two loaded TLS contexts, cookie jars and tracing. What a server stands on costs half of that.
"""

from __future__ import annotations

from matter_node.late_package import prepare

prepare("aiohttp")
