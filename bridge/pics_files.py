"""PICS as files: the XML that the certification tools exchange, and plain `CODE=1` values."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from bridge.pics import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bridge.pics import ClusterPics, EndpointPics, PicsItem

_SECTIONS: Final = (
    ("attributes", Section.ATTRIBUTE),
    ("events", Section.EVENT),
    ("commandsGenerated", Section.COMMAND_SENT),
    ("commandsReceived", Section.COMMAND_RECEIVED),
    ("features", Section.FEATURE),
    ("manually", None),
)


def write_xml(folder: Path, endpoints: Iterable[EndpointPics]) -> list[Path]:
    """Write `endpoint-N/CODE.xml`, one file for each cluster, and return their paths.

    What an earlier call left for an endpoint vanishes: a tool reads a whole folder.
    """
    written = []
    for endpoint in endpoints:
        place = folder / f"endpoint-{endpoint.number}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for cluster in endpoint.clusters:
            path = place / f"{cluster.code}.xml"
            path.write_bytes(cluster_xml(cluster))
            written.append(path)
    return written


def write_values(folder: Path, endpoints: Sequence[EndpointPics]) -> list[Path]:
    """Write `endpoint-N.pics` with what each endpoint has, and `node.pics` with what any of them has."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for endpoint in endpoints:
        path = folder / f"endpoint-{endpoint.number}.pics"
        path.write_text(values(endpoint.supported), encoding="ascii")
        written.append(path)
    whole = folder / "node.pics"
    whole.write_text(
        values({code for endpoint in endpoints for code in endpoint.supported}), encoding="ascii"
    )
    return [*written, whole]


def values(codes: Iterable[str]) -> str:
    """Return one line `CODE=1` for each code, sorted."""
    return "".join(f"{code}=1\n" for code in sorted(codes))


def cluster_xml(cluster: ClusterPics) -> bytes:
    """Return the PICS file of one cluster."""
    top = ET.Element(
        "clusterPICS",
        {
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "Generic-PICS-XML-Schema.xsd",
        },
    )
    ET.SubElement(top, "name").text = cluster.name
    ET.SubElement(top, "clusterId").text = "" if cluster.cluster_id is None else f"{cluster.cluster_id:#06x}"
    ET.SubElement(top, "picsRoot").text = cluster.code
    usage = ET.SubElement(top, "usage")
    for item in cluster.items:
        if item.section is Section.USAGE:
            _put(usage, item)
    ET.SubElement(top, "pixit")
    for side in ("Server", "Client"):
        parent = ET.SubElement(top, "clusterSide", type=side)
        for tag, section in _SECTIONS:
            place = ET.SubElement(parent, tag)
            for item in cluster.items:
                if side == "Server" and item.section is section:
                    _put(place, item)
    ET.indent(top, "\t")
    text = ET.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _put(parent: ET.Element, item: PicsItem) -> None:
    entry = ET.SubElement(parent, "picsItem")
    ET.SubElement(entry, "itemNumber").text = item.code
    what = item.element if item.section is Section.USAGE else f"{item.element} {item.section.value}"
    ET.SubElement(entry, "feature").text = what
    ET.SubElement(entry, "reference")
    ET.SubElement(entry, "status").text = "M" if item.mandatory else "O"
    ET.SubElement(entry, "support").text = "true" if item.supported else "false"
