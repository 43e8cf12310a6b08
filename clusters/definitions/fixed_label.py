"""Fixed Label cluster as Matter 1.4.2 defines it."""

from clusters.definitions.common import LabelStruct
from matter_node.model import Cluster, ListOf, StructOf, attribute


class FixedLabel(Cluster):
    """Fixed Label, cluster 0x0040."""

    ID = 0x0040
    REVISION = 1
    NAME = "FixedLabel"
    PICS = "FLABEL"

    label_list = attribute(0x0000, ListOf(StructOf(LabelStruct)), quality="N")
