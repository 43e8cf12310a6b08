"""The OpenAPI document as a page that a person can read: no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any


def body(described: dict[str, Any]) -> str:
    """Return the page's inside.

    :param described: the OpenAPI document
    """
    parts = [f"<p>{escape(described['info']['description'])}</p>", _contents(described["paths"])]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method.upper(), operation, described["components"]["responses"]))
    parts.append("<h2 id='schemas'>Schemas</h2>")
    for name, schema in sorted(described["components"]["schemas"].items()):
        parts.append(f"<h3 id='schema-{escape(name)}'>{escape(name)}</h3>{_object(schema)}")
    return "".join(parts)


def _contents(paths: dict[str, Any]) -> str:
    rows = (
        f"<tr><td class='method'>{method.upper()}</td><td><a href='#{escape(operation['operationId'])}'>"
        f"<code>{escape(path)}</code></a></td><td>{escape(operation['summary'])}</td></tr>"
        for path, methods in paths.items()
        for method, operation in methods.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _operation(path: str, method: str, operation: dict[str, Any], shared: dict[str, Any]) -> str:
    parts = [
        f"<h2 id='{escape(operation['operationId'])}'><span class='method'>{method}</span>",
        f" <code>{escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>",
        *(f"<p>{escape(text)}</p>" for text in operation["description"].replace("*", "").split("\n\n")),
    ]
    if operation["parameters"]:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code> ({each['in']})</td><td>{_kind(each['schema'])}</td>"
            f"<td>{'required. ' if each['required'] else ''}{escape(each['description'])}</td></tr>"
            for each in operation["parameters"]
        )
        parts.append(f"<h3>Parameters</h3><table>{rows}</table>")
    if "requestBody" in operation:
        for media, content in operation["requestBody"]["content"].items():
            parts.append(f"<h3>Body</h3><p><code>{escape(media)}</code>: {_kind(content['schema'])}</p>")
    answers = {
        status: shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for status, each in operation["responses"].items()
    }
    rows = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(each['description'])}</td><td>{_contents_of(each)}</td></tr>"
        for status, each in answers.items()
    )
    parts.append(f"<h3>Answers</h3><table>{rows}</table>")
    return "".join(parts)


def _contents_of(response: dict[str, Any]) -> str:
    return "<br>".join(
        f"<code>{escape(media)}</code>: {_kind(content.get('schema', {}))}"
        for media, content in response.get("content", {}).items()
    )


def _object(schema: dict[str, Any]) -> str:
    text = f"<p>{escape(schema.get('description', ''))}</p>"
    if "properties" not in schema:
        return text + f"<p>{_kind(schema)}</p>"
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_kind(of)}</td>"
        f"<td>{'required. ' if name in required else ''}{escape(of.get('description', ''))}</td></tr>"
        for name, of in schema["properties"].items()
    )
    return f"{text}<table>{rows}</table>"


def _kind(schema: dict[str, Any]) -> str:
    """Return a schema's type in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'>{name}</a>"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(map(_kind, schema[key]))
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    limits = ", ".join(
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "from"),
            ("maximum", "to"),
            ("minLength", "at least"),
            ("maxLength", "at most"),
        )
        if key in schema
    )
    kind = escape(str(schema.get("format") or schema.get("type", "anything")))
    return f"{kind} ({limits})" if limits else kind
