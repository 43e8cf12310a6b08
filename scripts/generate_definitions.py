#!/usr/bin/env python3
"""Write `clusters/definitions/` from the Matter data model as data.

    python scripts/generate_definitions.py MODEL.json clusters/definitions

MODEL.json is the data model that the npm package ``@matter/model`` (Apache-2.0, see NOTICE) carries, dumped
as ``{"clusters": [...], "deviceTypes": [...], "datatypes": [...]}``: each element with its id, name, type,
base, conformance, access, quality and constraint as the specification's tables print them. Version 0.16.11
of the package is Matter 1.4.2, which is what the committed definitions say.

The output is committed and reviewed like any other source; nothing is generated at run time.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from served_clusters import SERVED

Element = dict[str, Any]


def _field(id_: int, name: str, type_: str, base: str, **more: str) -> Element:
    return {"id": id_, "name": name, "type": type_, "base": base, "conformance": "M", **more}


def _struct(name: str, *members: Element) -> Element:
    return {"name": name, "base": "struct", "members": list(members)}


BASE_DATATYPES: list[Element] = [
    # Of the abstract clusters Label (Matter Core 9.8) and Mode Base (Matter Application Clusters 1.10), which
    # have no id and so no place among the model's clusters.
    _struct(
        "LabelStruct",
        _field(0, "Label", "string", "string", constraint="max 16"),
        _field(1, "Value", "string", "string", constraint="max 16"),
    ),
    _struct(
        "ModeTagStruct",
        _field(0, "MfgCode", "vendor-id", "uint16") | {"conformance": "O"},
        _field(1, "Value", "enum16", "uint16"),
    ),
    _struct(
        "ModeOptionStruct",
        _field(0, "Label", "string", "string", constraint="max 64"),
        _field(1, "Mode", "uint8", "uint8"),
        _field(2, "ModeTags", "list", "list", constraint="max 8", entry="ModeTagStruct"),
    ),
    {
        "name": "ModeChangeStatus",
        "base": "uint8",
        "kind": "enum",
        "members": [
            {"id": id_, "name": name}
            for id_, name in enumerate(("Success", "UnsupportedMode", "GenericFailure", "InvalidInMode"))
        ],
    },
]

RELAXED = {
    # A command, or one field of its request.
    # The handler judges these itself, since another status than CONSTRAINT_ERROR answers them.
    "AttestationRequest": "Matter Core 11.18.6: a wrong length is an invalid command",
    "CertificateChainRequest": "Matter Core 11.18.6: an unknown type is an invalid command",
    "CsrRequest": "Matter Core 11.18.6: a wrong length is an invalid command",
    "AddNoc": "Matter Core 11.18.6: a wrong length is an invalid command or a NOC status",
    "UpdateNoc": "Matter Core 11.18.6: a wrong length is an invalid command or a NOC status",
    "AddTrustedRootCertificate": "Matter Core 11.18.6: a wrong length is an invalid command",
    "SetVidVerificationStatement": "Matter Core 11.18.6: the statement's length and emptiness have a meaning",
    "OpenCommissioningWindow": "Matter Core 11.19.8: wrong parameters have a status of their own",
    "AddGroup": "Matter Application Clusters 1.3.7.1: what breaks a constraint is answered in the response",
    "ViewGroup": "Matter Application Clusters 1.3.7.2: the same",
    "RemoveGroup": "Matter Application Clusters 1.3.7.4: the same",
    "AddScene": "Matter Application Clusters 1.4.9.2: the same",
    "ViewScene": "Matter Application Clusters 1.4.9.4: the same",
    "RemoveScene": "Matter Application Clusters 1.4.9.6: the same",
    "StoreScene": "Matter Application Clusters 1.4.9.10: the same",
    "CopyScene": "Matter Application Clusters 1.4.9.15: the same",
    "SetRegulatoryConfig": "commissioners in the field send an empty country code",
    "TriggerEffectRequest.EffectVariant": "Matter Application Clusters 1.2.6.2: an unknown one is default",
}

INTEGERS = {
    f"{sign}int{width}": f"{sign.upper()}Int{width}" for sign in ("", "u") for width in range(8, 65, 8)
}
NARROWER = {"percent": (None, "100"), "percent100ths": (None, "10000")}
PLAIN = {
    "bool": ("Bool", "bool"),
    "single": ("Float32", "float"),
    "double": ("Float64", "float"),
    "any": ("AnyTlv", "Any"),
}
FABRIC_INDEX_TAG = 0xFE
GLOBAL_ATTRIBUTES = 0xF000
EXEMPTION = "the names are the specification's, and it says what they mean"


def snake(name: str) -> str:
    """Return CamelCase as snake_case: ``UtcTime`` utc_time, ``WiFiScanResults`` wifi_scan_results."""
    for spelt, as_word in (("WiFi", "Wifi"), ("IPv", "Ipv"), ("IDs", "Ids"), ("kWh", "Kwh"), ("SoC", "Soc")):
        name = name.replace(spelt, as_word)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"(?<=[a-z])(?=\d+[A-Z])", "_", name).lower()


def constant(name: str, prefix: str) -> str:
    """Return the name of an enumeration's member; one that would start with a digit gets a prefix."""
    upper = snake(name).upper()
    return f"{prefix}_{upper}" if upper[0].isdigit() else upper


def number(text: str) -> str | None:
    """Return a constraint's bound as Python, or None if it names another element."""
    match = re.fullmatch(r"\(?(-?)(\d+)(?:\^(\d+))?\)?( - 1)?", text.strip())
    if match is None:
        return None
    sign, base, power, less_one = match.groups()
    if power is None:
        return f"{sign}{base}"
    value = f"-({base}**{power})" if sign else f"{base}**{power}"
    return f"{value} - 1" if less_one else value


def bounds(constraint: str) -> tuple[str | None, str | None]:
    """Return the least and the greatest value or length of a constraint, where they are plain numbers."""
    constraint = re.sub(r"\[.*\]", "", constraint or "").strip()
    if constraint.startswith("max "):
        return None, number(constraint[4:])
    if constraint.startswith("min "):
        return number(constraint[4:]), None
    if " to " in constraint:
        low, high = constraint.split(" to ")
        return number(low), number(high)
    sizes = [size for size in map(number, constraint.split(",")) if size is not None]
    return (sizes[0], sizes[-1]) if sizes else (None, None)


def at_revision(value: Any, revision: int) -> Any:
    """Return elements with what their conformance says for one revision: ``Rev >= v4, O`` is M from 4 on."""
    if isinstance(value, list):
        return [at_revision(item, revision) for item in value]
    if not isinstance(value, dict):
        return value
    element = {key: at_revision(item, revision) for key, item in value.items()}
    if "Rev >= v" in element.get("conformance", ""):
        judged = [
            (("O" if match[1] else "M") if revision >= int(match[2]) else "")
            if (match := re.fullmatch(r"(\[?)Rev >= v(\d+)\]?", clause))
            else clause
            for clause in element["conformance"].split(", ")
        ]
        clauses = [clause for clause in judged if clause]
        element["conformance"] = "M" if clauses[:1] == ["M"] else ", ".join(clauses) or "X"
    return element


def merged(attributes: list[Element]) -> list[Element]:
    """Return attributes by id: what features define differently is one, with the last, widest constraint."""
    found: dict[int, Element] = {}
    for item in attributes:
        before = found.get(item["id"])
        conformance = item.get("conformance", "M")
        if before is not None:
            conformance = f"{before.get('conformance', 'M')}, {conformance}"
        found[item["id"]] = item | {"conformance": conformance}
    return list(found.values())


class Module:
    """The source of one definitions module."""

    def __init__(self, name: str, datatypes: list[Element], shared: dict[str, str]) -> None:
        self.name = name
        self.datatypes = {datatype["name"]: datatype for datatype in datatypes if datatype.get("members")}
        self.shared = shared
        self.model: set[str] = set()
        self.imports: dict[str, set[str]] = {}
        self.lines: list[str] = []
        self.has_features = False
        self._written: set[str] = set()

    # ------------------------------------------------------------------ types

    def datatype(self, element: Element, *, relaxed: bool = False) -> tuple[str, str]:
        """Return the data type expression of an element, and its annotation."""
        expression, annotation = self._bare(element, relaxed=relaxed)
        if "X" in element.get("quality", "").split():
            self.model.add("Nullable")
            return f"Nullable({expression})", f"{annotation} | None"
        return expression, annotation

    def _bare(self, element: Element, *, relaxed: bool) -> tuple[str, str]:
        type_: str = element["type"]
        base: str = element.get("base", type_)
        constraint = "" if relaxed else element.get("constraint", "")
        low, high = bounds(constraint)
        low = None if low == "0" and base in {"list", "string", "octstr"} else low
        if base == "list":
            inner, annotation = self._entry(element["entry"], constraint)
            self.model.add("ListOf")
            limits = [f"{word}={value}" for word, value in (("minimum", low), ("maximum", high)) if value]
            return f"ListOf({', '.join([inner, *limits])})", f"tuple[{annotation}, ...]"
        named = self._named(type_)
        if named is not None:
            return self._plain(base, base, None, None) if relaxed and base in INTEGERS else named
        return self._plain(type_, base, low, high)

    def _plain(self, type_: str, base: str, low: str | None, high: str | None) -> tuple[str, str]:
        if base in PLAIN:
            self.model.add(PLAIN[base][0])
            return PLAIN[base]
        if base in {"string", "octstr"}:
            kind, annotation = ("Utf8", "str") if base == "string" else ("Octets", "bytes")
            self.model.add(kind)
            limits = [f"{word}={value}" for word, value in (("minimum", low), ("maximum", high)) if value]
            return (f"{kind}({', '.join(limits)})", annotation)
        # An enumeration that the specification does not spell out, such as the status codes of a response.
        integer = INTEGERS[re.sub(r"^enum", "uint", base)]
        self.model.add(integer)
        floor, ceiling = NARROWER.get(type_, (None, None))
        low, high = low or floor, high or ceiling
        if integer.startswith("U") and low == "0":
            low = None
        if low is None and high is None:
            return integer, "int"
        if low is None:
            return f"{integer}.between(maximum={high})", "int"
        return f"{integer}.between({low}{f', {high}' if high else ''})", "int"

    def _entry(self, name: str, constraint: str) -> tuple[str, str]:
        named = self._named(name)
        if named is not None:
            return named
        known = MODEL_DATATYPES.get(name, {"type": name, "base": name})
        within = re.search(r"\[(.*)\]", constraint)
        low, high = bounds(within[1] if within else known.get("constraint", ""))
        return self._plain(name, known.get("base", name), low, high)

    def _named(self, name: str) -> tuple[str, str] | None:
        """Return the expression for an enumeration, bitmap or struct, which is written first if need be."""
        name = ALIASES.get(name, name)
        if name in self.datatypes:
            self.write_datatype(self.datatypes[name])
            found = self.datatypes[name]
        elif name in self.shared:
            self.imports.setdefault(self.shared[name], set()).add(name)
            found = SHARED[name]
        else:
            return None
        if found["base"] == "struct":
            self.model.add("StructOf")
            return f"StructOf({name})", name
        width = int(re.sub(r"\D", "", found["base"]))
        kind = "Bitmap" if found.get("kind") == "bitmap" else "Enum"
        self.model.add(kind)
        return f"{kind}({name}{'' if width == 8 else f', {width}'})", name

    # ------------------------------------------------------------------ declarations

    def write_datatype(self, datatype: Element) -> None:
        """Write an enumeration, a bitmap or a struct, once."""
        name = datatype["name"]
        if name in self._written:
            return
        self._written.add(name)
        if datatype["base"] == "struct":
            self.write_struct(name, datatype["members"])
            return
        lines = []
        if datatype.get("kind") == "bitmap":
            self.imports.setdefault("enum", set()).add("IntFlag")
            lines.append(f"class {name}(IntFlag):")
            lines += [f"    {flag} = {value}" for flag, value in bitmap(datatype["members"])]
        else:
            self.imports.setdefault("enum", set()).add("IntEnum")
            prefix = snake(name.removesuffix("Enum").removesuffix("Type")).rsplit("_", 1)[-1].upper()
            lines.append(f"class {name}(IntEnum):")
            lines += [f"    {constant(item['name'], prefix)} = {item['id']}" for item in datatype["members"]]
        self.lines += ["", "", *lines]

    def write_struct(self, name: str, members: list[Element], *, relaxed: bool = False) -> None:
        """Write a struct or a payload, after the types that it is made of."""
        self.model |= {"Struct", "member", "struct"}
        lines = [f"@struct\nclass {name}(Struct):"]
        for item in members:
            if item.get("conformance") == "X" or item.get("type") is None:
                continue
            tag = item["id"]
            if tag == FABRIC_INDEX_TAG:
                self.model.add("UInt8")
                lines.append("    fabric_index: int = member(0xFE, UInt8, default=0)")
                continue
            loose = relaxed or f"{name}.{item['name']}" in RELAXED
            expression, annotation = self.datatype(item, relaxed=loose)
            more = ""
            if item.get("conformance", "M") != "M":
                more += ", optional=True, default=None"
                annotation = annotation if annotation.endswith("None") else f"{annotation} | None"
            if " S " in f" {item.get('access', '')} ":
                more += ", fabric_sensitive=True"
            field = snake(item["name"])
            reason = ""
            if field == "fabric_index" and annotation != "int":
                reason = "  # type: ignore[assignment] # a plain field here, which may be absent"
            lines.append(f"    {field}: {annotation} = member({tag}, {expression}{more}){reason}")
        self.lines += ["", "", *lines]

    def source(self, docstring: str) -> str:
        """Return the whole module."""
        text = f'"""{docstring}"""\n\n'
        bare = [("D101", self._written or "struct" in self.model), ("D106", self.has_features)]
        if codes := ", ".join(code for code, needed in bare if needed):
            text += f"# ruff: noqa: {codes} - {EXEMPTION}\n\n"
        enums = self.imports.pop("enum", set())
        if enums:
            text += f"from enum import {', '.join(sorted(enums))}\n\n"
        imports = {**self.imports, "matter_node.model": self.model}
        for module in sorted(imports):
            names = sorted(imports[module], key=lambda name: (not name[0].isupper(), name))
            text += f"from {module} import {', '.join(names)}\n"
        return text + "\n".join(self.lines) + "\n"


def bitmap(members: list[Element]) -> list[tuple[str, str]]:
    """Return the flags of a bitmap; a field of several bits gives its mask and one flag a bit."""
    flags = []
    for item in members:
        name, low, high = snake(item.get("name") or item["code"]).upper(), *bounds(str(item["bits"]))
        first, last = int(low or 0), int(high or 0)
        if item.get("conformance") == "X":
            continue
        if first == last:
            flags.append((name, f"1 << {first}"))
            continue
        flags += [(f"{name}_{bit - first}", f"1 << {bit}") for bit in range(first, last + 1)]
        flags.append((name, hex(((1 << (last - first + 1)) - 1) << first)))
    return flags


class ClusterModule(Module):
    """The source of one cluster's module."""

    def __init__(self, cluster: Element, base: Element | None, shared: dict[str, str]) -> None:
        super().__init__(cluster["name"], cluster.get("datatypes", []), shared)
        self.cluster = cluster
        self.base = base
        self.body: list[str] = []

    def write(self, version: str) -> str:
        """Return the module's source; `version` is the specification's."""
        cluster, name = self.cluster, self.cluster["name"]
        self.model.add("Cluster")
        spoken = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
        features = [
            {"name": feature["code"], "bits": feature["bit"], "conformance": feature.get("conformance")}
            for feature in cluster.get("features", [])
        ]
        flags = bitmap(features)
        if flags:
            self.has_features = True
            self.imports.setdefault("enum", set()).add("IntFlag")
            named = {feature["code"]: feature["name"] for feature in cluster["features"]}
            self.body += ["", "    class Feature(IntFlag):"]
            self.body += [f"        {flag} = {value}  # {named[flag]}" for flag, value in flags]
        names = {snake(item["name"]) for item in cluster.get("attributes", [])}
        self._attributes()
        self._commands(names)
        self._events(names)
        self.lines += ["", "", f"class {name}(Cluster):"]
        self.lines.append(f'    """{spoken}, cluster {cluster["id"]:#06x}."""')
        self.lines += ["", f"    ID = {cluster['id']:#06x}", f"    REVISION = {cluster['revision']}"]
        self.lines += [f'    NAME = "{name}"', f'    PICS = "{SERVED[name]}"', *self.body]
        return self.source(f"{spoken} cluster as Matter {version} defines it.")

    def _cells(self, element: Element, access: str, default: str) -> str:
        quality = " ".join(
            word for word in element.get("quality", "").split() if word in {"N", "F", "Q", "C"}
        )
        conformance = element.get("conformance", "M")
        cells = (("access", access, default), ("quality", quality, ""), ("conformance", conformance, "M"))
        return "".join(f', {cell}="{text}"' for cell, text, usual in cells if text != usual)

    def _attributes(self) -> None:
        attributes = [
            item
            for item in merged(self.cluster.get("attributes", []))
            if item["id"] < GLOBAL_ATTRIBUTES and item.get("conformance") != "X"
        ]
        if attributes:
            self.model.add("attribute")
            self.body.append("")
        for item in attributes:
            expression, _ = self.datatype(item)
            cells = self._cells(item, item["access"], "R V")
            self.body.append(f"    {snake(item['name'])} = attribute({item['id']:#06x}, {expression}{cells})")

    def _commands(self, taken: set[str]) -> None:
        commands = {item["name"]: item for item in self.cluster.get("commands", [])}
        requests = [item for item in commands.values() if item.get("direction") != "response"]
        if requests:
            self.model.add("command")
            self.body.append("")
        for item in requests:
            # A command whose type is another command has that one's fields, as MoveToLevelWithOnOff has.
            shape = commands.get(item.get("type", ""), item)
            fields = [
                field
                for field in shape.get("members", [])
                if field["id"] != FABRIC_INDEX_TAG and field.get("conformance") != "X"
            ]
            request = shape["name"] if shape["name"].endswith("Request") else f"{shape['name']}Request"
            arguments = [f"{item['id']:#04x}"]
            if fields and request in self._written:
                arguments.append(request)
            elif fields:
                self._written.add(request)
                self.write_struct(request, fields, relaxed=item["name"] in RELAXED)
                arguments.append(request)
            response = commands.get(item.get("response", ""))
            if response is not None:
                if response["name"] not in self._written:
                    self._written.add(response["name"])
                    self.write_struct(response["name"], response.get("members", []))
                arguments += [] if fields else ["None"]
                arguments += [response["name"], f"response_id={response['id']:#04x}"]
            access = " ".join(item["access"].split()[1:])
            name = snake(item["name"])
            taken.add(name)
            self.body.append(f"    {name} = command({', '.join(arguments)}{self._cells(item, access, 'O')})")

    def _events(self, taken: set[str]) -> None:
        inherited = {item["name"]: item for item in (self.base or {}).get("events", [])}
        events = [item for item in self.cluster.get("events", []) if item.get("conformance") != "X"]
        if events:
            self.model |= {"event", "Priority"}
            self.body.append("")
        for item in events:
            parent = inherited.get(item["name"], {})
            own = {field["id"]: field for field in item.get("members", [])}
            fields = [
                field
                for field in {**{f["id"]: f for f in parent.get("members", [])}, **own}.values()
                if field.get("conformance") != "X"
            ]
            priority = parent.get("priority", item["priority"]).upper()
            arguments = [f"{item['id']:#04x}"]
            if fields:
                self.write_struct(f"{item['name']}Event", fields)
                arguments.append(f"{item['name']}Event")
            name = snake(item["name"])
            name = f"{name}_event" if name in taken else name
            access = " ".join(item["access"].split()[1:])
            access = "V" if access == "VO" else access
            cells = self._cells(item, access, "V")
            self.body.append(
                f"    {name} = event({', '.join(arguments)}, priority=Priority.{priority}{cells})"
            )


ALIASES = {
    "semtag": "SemanticTagStruct",
    "ProductAppearance": "ProductAppearanceStruct",
    "CapabilityMinima": "CapabilityMinimaStruct",
}
"""Types that the model names differently where they are used and where they are defined."""
MODEL_DATATYPES: dict[str, Element] = {}
SHARED: dict[str, Element] = {}


def main() -> int:
    """Write the modules and let the formatter break their lines."""
    parser = argparse.ArgumentParser(description="Write clusters/definitions from the Matter data model.")
    parser.add_argument("model", type=Path, help="the data model as JSON")
    parser.add_argument("out", type=Path, help="folder of the definitions")
    parser.add_argument("--specification", default="1.4.2", help="the version it has to be (1.4.2)")
    arguments = parser.parse_args()
    model = json.loads(arguments.model.read_text())
    version = arguments.specification
    if model["specification"] != version:
        parser.error(f"{arguments.model} is Matter {model['specification']}, not {version}")
    clusters = {cluster["name"]: cluster for cluster in model["clusters"]}
    MODEL_DATATYPES.update({datatype["name"]: datatype for datatype in model["datatypes"]})
    semantic_tag = {**MODEL_DATATYPES["semtag"], "name": "SemanticTagStruct"}
    for field in semantic_tag["members"]:
        field["type"] = field["base"] if field["name"] == "NamespaceId" else field["type"]
    basic = {datatype["name"]: datatype for datatype in clusters["BasicInformation"]["datatypes"]}
    measurement = ("MeasurementTypeEnum", "MeasurementAccuracyRangeStruct", "MeasurementAccuracyStruct")
    appearance = ("ProductFinishEnum", "ColorEnum", "ProductAppearanceStruct")
    common = [semantic_tag, *map(MODEL_DATATYPES.__getitem__, measurement)]
    common += [*map(basic.__getitem__, appearance), *BASE_DATATYPES]
    module = Module("common", common, {})
    for datatype in common:
        module.write_datatype(datatype)
    SHARED.update(module.datatypes)
    shared = dict.fromkeys(SHARED, "clusters.definitions.common")
    docstring = f"Data types that several clusters share, as Matter {version} defines them."
    sources = {"common": module.source(docstring)}
    for name in SERVED:
        cluster = clusters[name]
        cluster["datatypes"] = [item for item in cluster.get("datatypes", []) if item["name"] not in SHARED]
        base = clusters.get(cluster.get("derivedFrom", ""))
        sources[snake(name)] = ClusterModule(at_revision(cluster, cluster["revision"]), base, shared).write(
            version
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        (arguments.out / f"{name}.py").write_text(source)
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", "--select", "F401,I", "--fix", str(arguments.out)], check=True)
    subprocess.run([*ruff, "format", "--quiet", str(arguments.out)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
