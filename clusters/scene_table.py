"""The scenes of one endpoint, of every fabric (Matter Application Clusters 1.4.6)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.definitions.scenes_management import ExtensionFieldSetStruct
from matter_node.codec import tlv
from matter_node.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

MOST_LEFT = 253
"""FabricSceneInfo's RemainingCapacity says no more."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene.

    :ivar group_id: the group that it belongs to, 0 for none
    :ivar transition_time: milliseconds
    :ivar fields: what of which cluster has which value
    """

    fabric_index: int
    group_id: int
    id: int
    name: str
    transition_time: int
    fields: tuple[ExtensionFieldSetStruct, ...]

    @property
    def key(self) -> tuple[int, int, int]:
        """Fabric, group and scene: what tells it from others."""
        return self.fabric_index, self.group_id, self.id


class SceneTableFullError(Exception):
    """The fabric has as many scenes as it may have, or the table is full."""


class SceneTable:
    """Scenes, in storage when a method returns; the caller flushes.

    One fabric may fill half of it at most, so that there is room for another (1.4.8.2).

    :param prefix: of its keys in storage
    :param size: how many scenes there may be
    """

    def __init__(self, storage: Storage, prefix: str, size: int) -> None:
        self.size = size
        self._storage = storage
        self._prefix = prefix
        self._scenes: dict[tuple[int, int, int], Scene] = {}
        for key, record in storage.scan(prefix):
            try:
                fabric_index, group_id, scene_id = map(int, key.removeprefix(prefix).split("/"))
                values = tlv.decode(record)
                fields = tuple(ExtensionFieldSetStruct.from_tlv(each) for each in values[2])
                scene = Scene(fabric_index, group_id, scene_id, values[0], values[1], fields)
            except (ValueError, LookupError, TypeError, StatusError):
                _log.exception("Ignoring %s", key)
                continue
            self._scenes[scene.key] = scene

    def get(self, fabric_index: int, group_id: int, scene_id: int) -> Scene | None:
        """Return a scene, or None."""
        return self._scenes.get((fabric_index, group_id, scene_id))

    def of(self, fabric_index: int, group_id: int | None = None) -> tuple[Scene, ...]:
        """Return the scenes of a fabric, or of one of its groups, by their ids."""
        return tuple(
            self._scenes[key]
            for key in sorted(self._scenes)
            if key[0] == fabric_index and group_id in {None, key[1]}
        )

    def left(self, fabric_index: int) -> int:
        """Return how many more scenes the fabric may add, as far as Matter can say it."""
        own = (self.size - 1) // 2 - len(self.of(fabric_index))
        return max(0, min(own, self.size - len(self._scenes), MOST_LEFT))

    def put(self, *scenes: Scene) -> None:
        """Add a fabric's scenes, or put them in the place of those with their keys.

        :raises SceneTableFullError: there is no room for all of them; then none was added
        """
        new = {scene.key for scene in scenes} - self._scenes.keys()
        if new and len(new) > self.left(scenes[0].fabric_index):
            raise SceneTableFullError
        for scene in scenes:
            record = {0: scene.name, 1: scene.transition_time, 2: [_element(each) for each in scene.fields]}
            self._storage.put(self._key(scene.key), tlv.encode(record))
            self._scenes[scene.key] = scene

    def remove(self, scenes: Iterable[Scene]) -> None:
        """Forget scenes."""
        for scene in scenes:
            self._storage.delete(self._key(scene.key))
            del self._scenes[scene.key]

    def fabrics(self) -> frozenset[int]:
        """Return the fabrics that have scenes."""
        return frozenset(fabric_index for fabric_index, _, _ in self._scenes)

    def _key(self, key: tuple[int, int, int]) -> str:
        return f"{self._prefix}{key[0]}/{key[1]}/{key[2]}"


def _element(fields: ExtensionFieldSetStruct) -> tlv.Value:
    return tlv.decode(fields.to_tlv())
