"""The Aggregator: the endpoint that all bridged devices are below (Matter Device Library 11.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.identify import IdentifyServer
from device_types.composition import AGGREGATOR, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matter_node.model import Cluster, Endpoint

NUMBER = 1
"""Some controllers look for the bridge on endpoint 1 only."""


def aggregator(
    root: Endpoint,
    *,
    blink: Callable[[bool], None] | None = None,
    clusters: Iterable[Cluster] = (),
) -> Endpoint:
    """Return the aggregator's endpoint.

    :param root: endpoint 0
    :param blink: told when the hub is to show which one it is, and when that is over
    :param clusters: manufacturer clusters that it has besides
    """
    own: list[Cluster] = [] if blink is None else [IdentifyServer(blink)]
    return compose(NUMBER, [AGGREGATOR], [*own, *clusters], parent=root)
