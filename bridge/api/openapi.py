"""The OpenAPI 3.1 document, made from the operations' declarations and nothing else."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from bridge.api.identity import COOKIE, CSRF_HEADER
from bridge.api.models import Nothing
from bridge.api.operation import EVENTS, JSON, WEBSOCKET, ZIP
from bridge.api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.api.operation import Operation
    from bridge.api.problems import ProblemType

_REFERENCE: Final = "#/components/schemas/{model}"
_SECURITY: Final = {
    "session": {"type": "http", "scheme": "bearer", "description": "A session's token, for programs."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"A session's cookie, for browsers; with {CSRF_HEADER} on what changes something.",
    },
    "module": {"type": "http", "scheme": "bearer", "description": "A module's own token."},
    "certificate": {"type": "mutualTLS", "description": "A module's certificate, to open a session with."},
}
_PROBLEM: Final = {
    "type": "object",
    "description": "What went wrong (RFC 9457), why, and what to do.",
    "required": ["type", "title", "status", "detail", "cause", "remedy", "instance"],
    "properties": {
        "type": {"type": "string", "description": "Path of a page that explains this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened this time."},
        "cause": {"type": "string", "description": "Why this kind of problem happens."},
        "remedy": {"type": "string", "description": "What to do about it."},
        "instance": {"type": "string", "description": "Names the request in the hub's log and audit trail."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "detail"],
                "properties": {
                    "where": {"type": "string", "description": "JSON pointer into the body, or a parameter."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the document."""
    schemas, components = _schemas(operations)
    shared: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, shared
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ORES home energy hub",
            "version": version("ores-bridge"),
            "summary": "Energy modules of a home: what they do, and what they are told.",
            "description": (
                "Import and charging are positive, export and discharging negative, at a module's AC "
                "terminals. Names of fields carry their unit; times are RFC 3339 in UTC. Errors are problems "
                "(RFC 9457) with a cause and a remedy."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "responses": shared,
            "securitySchemes": _SECURITY,
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[dict[tuple[str, str], Any], dict[str, Any]]:
    """Return the schema of each part of an operation, by (operation, part), and what they refer to."""
    inputs = []
    for operation in operations:
        for part, mode, what in (
            ("query", "validation", operation.query if operation.query is not Nothing else None),
            ("body", "validation", operation.body),
            ("answer", "serialization", operation.answer),
            ("event", "serialization", operation.event),
        ):
            if what is not None:
                inputs.append(((operation.name, part), mode, TypeAdapter(what)))
    found, definitions = TypeAdapter.json_schemas(
        inputs,  # type: ignore[arg-type] # its modes are literals
        ref_template=_REFERENCE,
        schema_generator=GenerateJsonSchema,
    )
    return {key: schema for (key, _), schema in found.items()}, definitions.get("$defs", {})


def _operation(
    operation: Operation, schemas: dict[tuple[str, str], Any], shared: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name.lower().replace(" /", "_").replace("/", "_").replace("-", "_"),
        "tags": [operation.path.split("/")[1]],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas) | _problems(operation, shared),
        "security": _security(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schemas[operation.name, "body"]}},
        }
    return described


def _description(operation: Operation) -> str:
    least = "Anyone." if operation.least is None else f"Role {operation.least.word} and above."
    also = " A module, for itself." if operation.modules else ""
    return f"{operation.description}\n\n*May:* {least}{also}".strip()


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if operation.query is not Nothing:
        # A query is flat: what it refers to is resolved where it stands.
        schema = operation.query.model_json_schema(ref_template=_REFERENCE)
        for name, of in schema.get("properties", {}).items():
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in schema.get("required", ()),
                    "description": of.get("description", ""),
                    "schema": _without_null(of),
                }
            )
    if operation.control:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "Names this command for 24 hours; sent again, it is carried out once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"},
            }
        )
    if operation.event is not None and EVENTS in operation.media:
        parameters.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "What was seen last: the stream goes on after it.",
                "schema": {"type": "string", "maxLength": 200},
            }
        )
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema: one that may be left out is never null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    left_out = {"anyOf", "default", "title", "description"}
    rest = {key: value for key, value in schema.items() if key not in left_out}
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, **({"anyOf": kinds} if kinds else {})}


def _responses(operation: Operation, schemas: dict[tuple[str, str], Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media in operation.media:
        if media == ZIP:
            content[media] = {"schema": {"type": "string", "contentMediaType": ZIP}}
            continue
        part = "answer" if media == JSON else "event"
        if (operation.name, part) in schemas and media != WEBSOCKET:
            content[media] = {"schema": schemas[operation.name, part]}
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if content:
        good["content"] = content
    responses: dict[str, Any] = {str(operation.status): good}
    if WEBSOCKET in operation.media:
        responses["101"] = {"description": "The WebSocket is open."}
    return responses


def _problems(operation: Operation, shared: dict[str, Any]) -> dict[str, Any]:
    """Return the responses that tell of problems; each is described once, in `shared`."""
    by_status: dict[int, list[ProblemType]] = {}
    for kind in operation.all_problems():
        by_status.setdefault(kind.status, []).append(kind)
    responses = {}
    for status, kinds in sorted(by_status.items()):
        name = "-or-".join(kind.slug for kind in kinds)
        shared[name] = {
            "description": " Or: ".join(f"{kind.title} (`{kind.uri}`)" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return responses


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.least is None:
        return [{}]
    schemes = ["session", "cookie", *(("module",) if operation.modules else ())]
    return [{scheme: []} for scheme in schemes]
