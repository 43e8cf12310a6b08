"""How many subscriptions and paths there may be, and who gives way when there are too many."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from matter_node.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.interaction.subscription import Subscription

MAX_SUBSCRIPTIONS = 1024
MAX_PATHS = 8192
MAX_PATHS_PER_SUBSCRIPTION = 256


class SubscriptionQuota:
    """Limits that all fabrics share: the one that holds most gives way to one that holds less.

    So that none can keep others from the few subscriptions that they are guaranteed (Matter Core 2.11.2.2).
    """

    __slots__ = ("_max_paths", "_max_subscriptions")

    def __init__(self, max_subscriptions: int = MAX_SUBSCRIPTIONS, max_paths: int = MAX_PATHS) -> None:
        self._max_subscriptions = max_subscriptions
        self._max_paths = max_paths

    def admit(
        self, fabric_index: int, paths: int, held: Iterable[Subscription]
    ) -> tuple[Status, list[Subscription]]:
        """Judge a new subscription.

        :param paths: how many paths it has
        :param held: the subscriptions there are, oldest first
        :returns: SUCCESS and the subscriptions that have to go, or why it is refused
        """
        if paths > MAX_PATHS_PER_SUBSCRIPTION:
            return Status.PATHS_EXHAUSTED, []
        remaining = list(held)
        evicted: list[Subscription] = []
        while len(remaining) >= self._max_subscriptions:
            counts = Counter(item.record.peer.fabric_index for item in remaining)
            victim = _oldest_of_largest(remaining, counts, fabric_index, counts[fabric_index] + 1)
            if victim is None:
                return Status.RESOURCE_EXHAUSTED, []
            remaining.remove(victim)
            evicted.append(victim)
        while sum(item.record.paths for item in remaining) + paths > self._max_paths:
            counts = Counter()
            for item in remaining:
                counts[item.record.peer.fabric_index] += item.record.paths
            victim = _oldest_of_largest(remaining, counts, fabric_index, counts[fabric_index] + paths)
            if victim is None:
                return Status.PATHS_EXHAUSTED, []
            remaining.remove(victim)
            evicted.append(victim)
        return Status.SUCCESS, evicted


def _oldest_of_largest(
    held: list[Subscription], counts: Counter[int], fabric_index: int, wanted: int
) -> Subscription | None:
    """Return the one to give way, None if no other fabric would hold more than the one that asks."""
    if not counts:
        return None
    largest = max(counts, key=counts.__getitem__)
    if largest == fabric_index or counts[largest] <= wanted:
        return None
    return next(item for item in held if item.record.peer.fabric_index == largest)
