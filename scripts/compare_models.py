#!/usr/bin/env python3
"""Tell what another Matter version changes for the clusters and device types that the hub serves.

    python scripts/compare_models.py MODEL-1.4.2.json MODEL-1.6.json > table.md

The models are dumps of the npm package ``@matter/model``, as `generate_definitions.py` takes them. Only what
a device can notice is compared: revisions, features, attributes, commands, events and the requirements of
device types, each with its conformance, access, quality, type and constraint; not words, defaults and ids.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from served_clusters import SERVED

Element = dict[str, Any]

DEVICE_TYPES = (
    "RootNode",
    "Aggregator",
    "BridgedNode",
    "PowerSource",
    "ElectricalSensor",
    "SolarPower",
    "BatteryStorage",
    "DeviceEnergyManagement",
    "TemperatureSensor",
    "EnergyEvse",
    "OnOffPlugInUnit",
    "DimmablePlugInUnit",
    "DimmableLight",
    "ContactSensor",
)
KINDS = (
    ("feature", "features", "code"),
    ("attribute", "attributes", "name"),
    ("command", "commands", "name"),
    ("event", "events", "name"),
    ("type", "datatypes", "name"),
)
COMPARED = ("conformance", "access", "quality", "type", "entry", "constraint", "priority")
DISTINGUISHING = {"ElectricalPowerMeasurement", "PowerSource"}
NO_CONSTRAINT = {"all", "desc", "derived", "min 0"}
FEATURE_MAP = "FeatureMap"  # says the features again
FABRIC_INDEX = "FabricIndex"  # follows from being fabric-scoped
NO_CHANGE = "nothing"


def main() -> None:
    """Read two models and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (options.old, options.new))
    print("\n".join(tables(old, new)))


def tables(old: Element, new: Element) -> list[str]:
    """Return the lines of both tables, for models as dumped."""
    before, after = old["specification"], new["specification"]
    lines = [f"| cluster | revision | {before} to {after} |", "|---|---|---|"]
    lines += [row(name, old["clusters"], new["clusters"], cluster_changes) for name in SERVED]
    lines += ["", f"| device type | revision | {before} to {after} |", "|---|---|---|"]
    lines += [row(name, old["deviceTypes"], new["deviceTypes"], requirement_changes) for name in DEVICE_TYPES]
    return lines


def row(name: str, old: list[Element], new: list[Element], changes: Any) -> str:
    """Return one line of a table."""
    before, after = (next((item for item in items if item["name"] == name), None) for items in (old, new))
    if before is None:
        return f"| {name} | | not in the old model |"
    if after is None:
        return f"| {name} | {before['revision']} | gone |"
    revisions = dict.fromkeys((before["revision"], after["revision"]))
    text = "; ".join(changes(before, after)) or NO_CHANGE
    escaped = text.replace("|", "\\|")
    return f"| {name} | {' to '.join(map(str, revisions))} | {escaped} |"


def cluster_changes(old: Element, new: Element) -> list[str]:
    """Return what is new, gone or other in a cluster."""
    found = []
    for kind, plural, key in KINDS:
        before = {item[key]: item for item in old.get(plural, ()) if item["name"] != FEATURE_MAP}
        after = {item[key]: item for item in new.get(plural, ()) if item["name"] != FEATURE_MAP}
        found += differences(kind, before, after)
    return found


def differences(kind: str, before: dict[str, Element], after: dict[str, Element]) -> list[str]:
    """Return what is new, gone or other among named elements."""
    found = [f"new {kind} {name} ({rule(after[name])})" for name in after if name not in before]
    found += [f"{kind} {name} is gone" for name in before if name not in after]
    for name in before.keys() & after.keys():
        other = element_differences(before[name], after[name])
        if other:
            found.append(f"{kind} {name}: {', '.join(other)}")
    return sorted(found)


def element_differences(before: Element, after: Element) -> list[str]:
    """Return which properties differ, and which members came, went or differ."""
    found = [
        f"{field} {before.get(field) or 'none'} to {after.get(field) or 'none'}"
        for field in COMPARED
        if normal(field, before) != normal(field, after)
    ]
    mine, theirs = (
        {member["name"]: member for member in item.get("members", ()) if member["name"] != FABRIC_INDEX}
        for item in (before, after)
    )
    found += [f"new member {name}" for name in theirs if name not in mine]
    found += [f"member {name} is gone" for name in mine if name not in theirs]
    found += [
        f"member {name} ({', '.join(inner)})"
        for name in theirs
        if name in mine and (inner := element_differences(mine[name], theirs[name]))
    ]
    return found


def normal(field: str, element: Element) -> Any:
    """Return a property so that two ways to write the same are equal."""
    value = element.get(field) or None
    if field == "constraint" and value in NO_CONSTRAINT:
        return None
    if isinstance(value, str) and field in {"access", "quality"}:
        return frozenset(value.split())
    return value


def rule(element: Element) -> str:
    """Return an element's conformance, for a reader."""
    return str(element.get("conformance") or "as its parent")


def requirement_changes(old: Element, new: Element) -> list[str]:
    """Return what a device type asks for more, less or otherwise."""
    before, after = (
        {title(item).lower(): item for item in device_type["requirements"]} for device_type in (old, new)
    )
    found = []
    for key, item in after.items():
        inner = flat(item)
        if key not in before:
            parts = f" with {', '.join(inner.values())}" if inner else ""
            found.append(f"asks for {title(item)}{said(item)}{parts}")
            continue
        earlier, changes = flat(before[key]), []
        if before[key].get("conformance") != item.get("conformance"):
            changes.append(f"{before[key].get('conformance')} to {item.get('conformance')}")
        changes += [f"also {name}" for path, name in inner.items() if path not in earlier]
        changes += [f"no longer {name}" for path, name in earlier.items() if path not in inner]
        if changes:
            found.append(f"{title(item)}: {', '.join(changes)}")
    return found + [f"no longer asks for {title(item)}" for key, item in before.items() if key not in after]


def title(requirement: Element) -> str:
    """Return the name of a requirement; sensors for alternating and for direct current are two."""
    told_apart = distinction(requirement) if requirement.get("element") == "deviceType" else ""
    return f"{requirement['name']} ({told_apart})" if told_apart else str(requirement["name"])


def flat(requirement: Element, above: str = "") -> dict[str, str]:
    """Return what is asked for within a requirement: names by paths that are the same in every model."""
    found: dict[str, str] = {}
    for item in requirement.get("members", ()):
        path = f"{above}{item['name']}"
        if item.get("conformance"):
            found[path.lower()] = f"{path}{said(item)}"
        found |= flat(item, f"{path}.")
    return found


def said(requirement: Element) -> str:
    """Return a conformance in parentheses, where it is not plainly mandatory."""
    conformance = requirement.get("conformance", "M")
    return "" if conformance == "M" else f" ({conformance})"


def distinction(requirement: Element) -> str:
    """Return the features that a required device type is asked to have."""
    return ", ".join(
        feature["name"].lower()
        for cluster in requirement.get("members", ())
        for feature in cluster.get("members", ())
        if feature.get("element") == "feature" and cluster["name"] in DISTINGUISHING
    )


if __name__ == "__main__":
    main()
