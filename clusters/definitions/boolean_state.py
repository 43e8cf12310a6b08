"""Boolean State cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from matter_node.model import Bool, Cluster, Priority, Struct, attribute, event, member, struct


@struct
class StateChangeEvent(Struct):
    state_value: bool = member(0, Bool)


class BooleanState(Cluster):
    """Boolean State, cluster 0x0045."""

    ID = 0x0045
    REVISION = 1
    NAME = "BooleanState"
    PICS = "BOOL"

    state_value = attribute(0x0000, Bool)

    state_change = event(0x00, StateChangeEvent, priority=Priority.INFO, conformance="O")
