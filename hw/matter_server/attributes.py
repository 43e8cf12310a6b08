"""The attributes that the driver knows, each a cluster's id and its own (Matter 1.4.2).

Vendor, product, serial number and the like have the same ids in Basic Information and in Bridged Device Basic
Information: they are here as ids alone.
"""

from __future__ import annotations

from typing import Final

ON_OFF_CLUSTER: Final = 0x0006
ON_OFF: Final = (ON_OFF_CLUSTER, 0x0000)

DEVICE_TYPES: Final = (0x001D, 0x0000)
PARTS_LIST: Final = (0x001D, 0x0003)

BASIC_INFORMATION: Final = 0x0028
BRIDGED_DEVICE: Final = 0x0039
VENDOR_NAME: Final = 0x0001
PRODUCT_NAME: Final = 0x0003
SOFTWARE_VERSION_STRING: Final = 0x000A
SERIAL_NUMBER: Final = 0x000F
UNIQUE_ID: Final = 0x0012
REACHABLE: Final = (BRIDGED_DEVICE, 0x0011)

POWER_MEASUREMENT: Final = 0x0090
POWER_ACCURACY: Final = (POWER_MEASUREMENT, 0x0002)
VOLTAGE: Final = (POWER_MEASUREMENT, 0x0004)
ACTIVE_CURRENT: Final = (POWER_MEASUREMENT, 0x0005)
ACTIVE_POWER: Final = (POWER_MEASUREMENT, 0x0008)
RMS_VOLTAGE: Final = (POWER_MEASUREMENT, 0x000B)
RMS_CURRENT: Final = (POWER_MEASUREMENT, 0x000C)
FREQUENCY: Final = (POWER_MEASUREMENT, 0x000E)

ENERGY_MEASUREMENT: Final = 0x0091
ENERGY_ACCURACY: Final = (ENERGY_MEASUREMENT, 0x0000)
ENERGY_IMPORTED: Final = (ENERGY_MEASUREMENT, 0x0001)
ENERGY_EXPORTED: Final = (ENERGY_MEASUREMENT, 0x0002)

POWER_TOPOLOGY: Final = 0x009C
AVAILABLE_ENDPOINTS: Final = (POWER_TOPOLOGY, 0x0000)
TOPOLOGY_FEATURES: Final = (POWER_TOPOLOGY, 0xFFFC)

THERMOSTAT: Final = 0x0201
LOCAL_TEMPERATURE: Final = (THERMOSTAT, 0x0000)
CONTROL_SEQUENCE: Final = (THERMOSTAT, 0x001B)
SYSTEM_MODE: Final = (THERMOSTAT, 0x001C)
RUNNING_STATE: Final = (THERMOSTAT, 0x0029)
THERMOSTAT_FEATURES: Final = (THERMOSTAT, 0xFFFC)

KEPT_CLUSTERS: Final = frozenset(
    {
        ON_OFF_CLUSTER,
        PARTS_LIST[0],
        BASIC_INFORMATION,
        BRIDGED_DEVICE,
        POWER_MEASUREMENT,
        ENERGY_MEASUREMENT,
        POWER_TOPOLOGY,
        THERMOSTAT,
    }
)
"""Of a node's hundreds of attributes, only those of these clusters are kept."""
STRUCTURE: Final = frozenset({PARTS_LIST[0], BASIC_INFORMATION, POWER_TOPOLOGY})
"""Clusters that say which loads a node has and what measures them. They change when its firmware does."""
