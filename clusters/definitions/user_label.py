"""User Label cluster as Matter 1.4.2 defines it."""

from clusters.definitions.common import LabelStruct
from matter_node.model import Cluster, ListOf, StructOf, attribute


class UserLabel(Cluster):
    """User Label, cluster 0x0041."""

    ID = 0x0041
    REVISION = 1
    NAME = "UserLabel"
    PICS = "ULABEL"

    label_list = attribute(0x0000, ListOf(StructOf(LabelStruct)), access="RW VM", quality="N")
