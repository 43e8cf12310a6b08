"""Network Commissioning cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bitmap,
    Bool,
    Cluster,
    Enum,
    Int8,
    Int32,
    ListOf,
    Nullable,
    Octets,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt64,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class NetworkInfoStruct(Struct):
    network_id: bytes = member(0, Octets(minimum=1, maximum=32))
    connected: bool = member(1, Bool)


class NetworkCommissioningStatusEnum(IntEnum):
    SUCCESS = 0
    OUT_OF_RANGE = 1
    BOUNDS_EXCEEDED = 2
    NETWORK_ID_NOT_FOUND = 3
    DUPLICATE_NETWORK_ID = 4
    NETWORK_NOT_FOUND = 5
    REGULATORY_ERROR = 6
    AUTH_FAILURE = 7
    UNSUPPORTED_SECURITY = 8
    OTHER_CONNECTION_FAILURE = 9
    IPV6_FAILED = 10
    IP_BIND_FAILED = 11
    UNKNOWN_ERROR = 12


class WiFiBandEnum(IntEnum):
    BAND_2G4 = 0
    BAND_3G65 = 1
    BAND_5G = 2
    BAND_6G = 3
    BAND_60G = 4
    BAND_1G = 5


class ThreadCapabilitiesBitmap(IntFlag):
    IS_BORDER_ROUTER_CAPABLE = 1 << 0
    IS_ROUTER_CAPABLE = 1 << 1
    IS_SLEEPY_END_DEVICE_CAPABLE = 1 << 2
    IS_FULL_THREAD_DEVICE = 1 << 3
    IS_SYNCHRONIZED_SLEEPY_END_DEVICE_CAPABLE = 1 << 4


@struct
class ScanNetworksRequest(Struct):
    ssid: bytes | None = member(0, Nullable(Octets(minimum=1, maximum=32)), optional=True, default=None)
    breadcrumb: int | None = member(1, UInt64, optional=True, default=None)


class WiFiSecurityBitmap(IntFlag):
    UNENCRYPTED = 1 << 0
    WEP = 1 << 1
    WPA_PERSONAL = 1 << 2
    WPA2_PERSONAL = 1 << 3
    WPA3_PERSONAL = 1 << 4


@struct
class WiFiInterfaceScanResultStruct(Struct):
    security: WiFiSecurityBitmap | None = member(0, Bitmap(WiFiSecurityBitmap), optional=True, default=None)
    ssid: bytes | None = member(1, Octets(maximum=32), optional=True, default=None)
    bssid: bytes | None = member(2, Octets(minimum=6, maximum=6), optional=True, default=None)
    channel: int | None = member(3, UInt16, optional=True, default=None)
    wifi_band: WiFiBandEnum | None = member(4, Enum(WiFiBandEnum), optional=True, default=None)
    rssi: int | None = member(5, Int8, optional=True, default=None)


@struct
class ThreadInterfaceScanResultStruct(Struct):
    pan_id: int | None = member(0, UInt16.between(maximum=65534), optional=True, default=None)
    extended_pan_id: int | None = member(1, UInt64, optional=True, default=None)
    network_name: str | None = member(2, Utf8(minimum=1, maximum=16), optional=True, default=None)
    channel: int | None = member(3, UInt16, optional=True, default=None)
    version: int | None = member(4, UInt8, optional=True, default=None)
    extended_address: bytes | None = member(5, Octets(minimum=6, maximum=8), optional=True, default=None)
    rssi: int | None = member(6, Int8, optional=True, default=None)
    lqi: int | None = member(7, UInt8, optional=True, default=None)


@struct
class ScanNetworksResponse(Struct):
    networking_status: NetworkCommissioningStatusEnum = member(0, Enum(NetworkCommissioningStatusEnum))
    debug_text: str | None = member(1, Utf8(maximum=512), optional=True, default=None)
    wifi_scan_results: tuple[WiFiInterfaceScanResultStruct, ...] | None = member(
        2, ListOf(StructOf(WiFiInterfaceScanResultStruct)), optional=True, default=None
    )
    thread_scan_results: tuple[ThreadInterfaceScanResultStruct, ...] | None = member(
        3, ListOf(StructOf(ThreadInterfaceScanResultStruct)), optional=True, default=None
    )


@struct
class AddOrUpdateWiFiNetworkRequest(Struct):
    ssid: bytes = member(0, Octets(maximum=32))
    credentials: bytes = member(1, Octets(maximum=64))
    breadcrumb: int | None = member(2, UInt64, optional=True, default=None)


@struct
class NetworkConfigResponse(Struct):
    networking_status: NetworkCommissioningStatusEnum = member(0, Enum(NetworkCommissioningStatusEnum))
    debug_text: str | None = member(1, Utf8(maximum=512), optional=True, default=None)
    network_index: int | None = member(2, UInt8, optional=True, default=None)


@struct
class AddOrUpdateThreadNetworkRequest(Struct):
    operational_dataset: bytes = member(0, Octets(maximum=254))
    breadcrumb: int | None = member(1, UInt64, optional=True, default=None)


@struct
class RemoveNetworkRequest(Struct):
    network_id: bytes = member(0, Octets(minimum=1, maximum=32))
    breadcrumb: int | None = member(1, UInt64, optional=True, default=None)


@struct
class ConnectNetworkRequest(Struct):
    network_id: bytes = member(0, Octets(minimum=1, maximum=32))
    breadcrumb: int | None = member(1, UInt64, optional=True, default=None)


@struct
class ConnectNetworkResponse(Struct):
    networking_status: NetworkCommissioningStatusEnum = member(0, Enum(NetworkCommissioningStatusEnum))
    debug_text: str | None = member(1, Utf8(), optional=True, default=None)
    error_value: int | None = member(2, Nullable(Int32))


@struct
class ReorderNetworkRequest(Struct):
    network_id: bytes = member(0, Octets(minimum=1, maximum=32))
    network_index: int = member(1, UInt8)
    breadcrumb: int | None = member(2, UInt64, optional=True, default=None)


class NetworkCommissioning(Cluster):
    """Network Commissioning, cluster 0x0031."""

    ID = 0x0031
    REVISION = 2
    NAME = "NetworkCommissioning"
    PICS = "CNET"

    class Feature(IntFlag):
        WI = 1 << 0  # WiFiNetworkInterface
        TH = 1 << 1  # ThreadNetworkInterface
        ET = 1 << 2  # EthernetNetworkInterface

    max_networks = attribute(0x0000, UInt8.between(1), access="R A", quality="F")
    networks = attribute(0x0001, ListOf(StructOf(NetworkInfoStruct)), access="R A")
    scan_max_time_seconds = attribute(0x0002, UInt8, quality="F", conformance="WI | TH")
    connect_max_time_seconds = attribute(0x0003, UInt8, quality="F", conformance="WI | TH")
    interface_enabled = attribute(0x0004, Bool, access="RW VA", quality="N")
    last_networking_status = attribute(0x0005, Nullable(Enum(NetworkCommissioningStatusEnum)), access="R A")
    last_network_id = attribute(0x0006, Nullable(Octets(minimum=1, maximum=32)), access="R A")
    last_connect_error_value = attribute(0x0007, Nullable(Int32), access="R A")
    supported_wifi_bands = attribute(
        0x0008, ListOf(Enum(WiFiBandEnum), minimum=1), quality="F", conformance="WI"
    )
    supported_thread_features = attribute(
        0x0009, Bitmap(ThreadCapabilitiesBitmap, 16), quality="F", conformance="TH"
    )
    thread_version = attribute(0x000A, UInt16, quality="F", conformance="TH")

    scan_networks = command(
        0x00, ScanNetworksRequest, ScanNetworksResponse, response_id=0x01, access="A", conformance="WI | TH"
    )
    add_or_update_wifi_network = command(
        0x02,
        AddOrUpdateWiFiNetworkRequest,
        NetworkConfigResponse,
        response_id=0x05,
        access="A",
        conformance="WI",
    )
    add_or_update_thread_network = command(
        0x03,
        AddOrUpdateThreadNetworkRequest,
        NetworkConfigResponse,
        response_id=0x05,
        access="A",
        conformance="TH",
    )
    remove_network = command(
        0x04, RemoveNetworkRequest, NetworkConfigResponse, response_id=0x05, access="A", conformance="WI | TH"
    )
    connect_network = command(
        0x06,
        ConnectNetworkRequest,
        ConnectNetworkResponse,
        response_id=0x07,
        access="A",
        conformance="WI | TH",
    )
    reorder_network = command(
        0x08,
        ReorderNetworkRequest,
        NetworkConfigResponse,
        response_id=0x05,
        access="A",
        conformance="WI | TH",
    )
