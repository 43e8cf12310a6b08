"""zeroconf without what keeps a registry and a socket of its own.

The package's `__init__` brings all of it, most of it compiled: 2.5 MB that messages need not.
"""

from __future__ import annotations

from matter_node.late_package import prepare

prepare("zeroconf")
