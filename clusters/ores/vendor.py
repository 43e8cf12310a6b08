"""Whose clusters these are: the prefix of manufacturer extensible identifiers (Matter Core 7.19.2).

Inside a manufacturer's cluster the ids of attributes, commands and events carry no prefix.
"""

from __future__ import annotations

from typing import Final

VENDOR_ID: Final = 0xFFF1
"""The first test vendor's. Whoever sells a hub puts the vendor id here that the CSA gave them, runs
`scripts/document_clusters.py`, and all ids and documents follow."""

_FIRST_SUFFIX: Final = 0xFC00
_LAST_SUFFIX: Final = 0xFFFE
_LAST_VENDOR: Final = 0xFFF4


def cluster_id(suffix: int) -> int:
    """Return the id of the vendor's cluster with that suffix, 0xFC00 to 0xFFFE.

    :raises ValueError: the suffix is no manufacturer's, or `VENDOR_ID` is no vendor's
    """
    if not _FIRST_SUFFIX <= suffix <= _LAST_SUFFIX:
        raise ValueError(f"a manufacturer's cluster has a suffix of 0xFC00 to 0xFFFE, not {suffix:#06x}")
    if not 0 < VENDOR_ID <= _LAST_VENDOR:
        raise ValueError(f"{VENDOR_ID:#06x} is no vendor id")
    return VENDOR_ID << 16 | suffix
