"""Labels that users give: the User Label cluster (Matter Core 9.8, 9.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.user_label import UserLabel
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.definitions.common import LabelStruct
    from matter_node.model import Context

CAPACITY = 16
"""Labels that are kept; 4 is the least that a node must keep."""


class UserLabelServer(UserLabel):
    """Keeps the labels that controllers write."""

    def write_label_list(self, _: Context, value: tuple[LabelStruct, ...]) -> None:
        """Take the labels; RESOURCE_EXHAUSTED if there are too many."""
        if len(value) > CAPACITY:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{len(value)} labels, {CAPACITY} are kept")
        self.label_list = value
