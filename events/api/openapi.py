"""The OpenAPI document: every operation says how it can fail, and what headers it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ninja import NinjaAPI

from events.api.problems import MEDIA_TYPE, PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ninja.openapi.schema import OpenAPISchema
    from ninja.operation import Operation

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and what to do next."},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "problem", "remedy"],
                "properties": {name: {"type": "string"} for name in ("field", "problem", "remedy")},
            },
        },
    },
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": 'The ETag that you saw, such as "3". Without it: 428; of another version: 412.',
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key with the same request within 24 hours: the same answer, and no second effect.",
}


class PunctualAPI(NinjaAPI):
    """With operations named after their module and function."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Such as rules_pause."""
        module = operation.view_func.__module__.rpartition(".")[2]
        return f"{module}_{operation.view_func.__name__}"

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        """The document."""
        document = super().get_openapi_schema(**given)
        document["components"]["schemas"]["Problem"] = PROBLEM
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(path, method, operation)
        return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    is_versioned, more = operation.pop("x-versioned", False), operation.pop("x-problems", ())
    if is_versioned:
        operation["parameters"].append(IF_MATCH)
    if method == "post" and operation.get("security"):
        operation["parameters"].append(IDEMPOTENCY_KEY)
    for slug in (*more, *_ways_to_fail(path, method, operation, is_versioned=is_versioned)):
        status, title = PROBLEMS[slug]
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation["responses"].setdefault(status, {"description": title, "content": content})


def _ways_to_fail(path: str, method: str, operation: dict[str, Any], *, is_versioned: bool) -> Iterator[str]:
    yield from ("bad-request", "invalid", "too-many", "broken", "database-away")
    if operation.get("security"):
        yield from ("no-key", "forbidden")
    if "{" in path:
        yield "missing"
    if method != "get":
        yield "conflict"
    if method in {"post", "put", "patch"}:
        yield from ("too-large", "wrong-type")
    if is_versioned:
        yield from ("stale", "version-needed")
