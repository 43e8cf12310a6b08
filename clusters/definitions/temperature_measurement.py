"""Temperature Measurement cluster as Matter 1.4.2 defines it."""

from matter_node.model import Cluster, Int16, Nullable, UInt16, attribute


class TemperatureMeasurement(Cluster):
    """Temperature Measurement, cluster 0x0402."""

    ID = 0x0402
    REVISION = 4
    NAME = "TemperatureMeasurement"
    PICS = "TMP"

    measured_value = attribute(0x0000, Nullable(Int16))
    min_measured_value = attribute(0x0001, Nullable(Int16.between(-27315)))
    max_measured_value = attribute(0x0002, Nullable(Int16.between(maximum=32767)))
    tolerance = attribute(0x0003, UInt16.between(maximum=2048), conformance="O")
