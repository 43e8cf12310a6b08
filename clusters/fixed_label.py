"""Labels that the maker or the hub gives: the Fixed Label cluster (Matter Core 9.8, 9.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.common import LabelStruct
from clusters.definitions.fixed_label import FixedLabel

if TYPE_CHECKING:
    from collections.abc import Mapping


class FixedLabelServer(FixedLabel):
    """Shows labels, each a name and a value of at most 16 characters.

    :raises StatusError: one is longer
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(
            label_list=tuple(LabelStruct(label=label, value=value) for label, value in labels.items())
        )
