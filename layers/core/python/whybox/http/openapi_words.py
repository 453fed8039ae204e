"""What the OpenAPI document says at every route: who may call, and how errors look."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from whybox.http.answers import JSON
from whybox.http.problem_catalogue import CATALOGUE
from whybox.http.problems import MEDIA_TYPE

SCHEME_NAME: Final = "bearer"
SECURITY: Final[dict[str, Any]] = {"security": [{SCHEME_NAME: []}]}
COMPONENT: Final = "#/components/schemas/"
PUBLIC: Final[dict[str, Any]] = {"security": []}

COMPONENTS: Final[dict[str, Any]] = {
    "securitySchemes": {
        SCHEME_NAME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT or an API key; on your own machine `whybox token --sub me` or "
            "`whybox keys create --sub me` prints one.",
        }
    },
    "schemas": {
        "Problem": {
            "type": "object",
            "description": "An error after RFC 9457; `type` is a page that says what to do.",
            "required": ["type", "title", "status", "detail", "instance"],
            "properties": {
                "type": {"type": "string", "enum": [f"/problems/{code}" for code in CATALOGUE]},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "What is wrong, where, and what to do."},
                "instance": {"type": "string", "description": "The request id, also in x-request-id."},
                "errors": {
                    "type": "array",
                    "maxItems": 20,
                    "description": "The first places that are wrong; rows count from 1, the header is row 1.",
                    "items": {
                        "type": "object",
                        "required": ["code", "detail"],
                        "properties": {
                            "row": {"type": "integer"},
                            "column": {"type": "string"},
                            "pointer": {
                                "type": "string",
                                "description": "RFC 6901; the place in the JSON body.",
                            },
                            "code": {"type": "string"},
                            "detail": {"type": "string"},
                        },
                    },
                },
                "errors_total": {"type": "integer"},
                "limit": {"type": "integer"},
                "actual": {"type": "integer"},
                "used": {"type": "integer"},
                "period": {"type": "string"},
                "resets_at": {"type": "string", "format": "date-time"},
            },
        }
    },
}

_PROBLEM_CONTENT: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REASONS: Final = {
    400: "The request cannot be read.",
    401: "No valid access token.",
    403: "The token does not carry the scope, or its owner's access is turned off.",
    404: "Nothing is here.",
    406: "The Accept header rules out the type of the answer.",
    409: "Not now: the first request with this Idempotency-Key still runs, a file has not arrived or is "
    "another one, or a job has not ended or has no result.",
    410: "It was here, and its time is over.",
    413: "The body or the file is too large.",
    415: "The body is of another type.",
    422: "A parameter or the table cannot be used.",
    429: "This month's requests are used up, or too many uploads are open.",
    431: "The query and the headers are too long.",
    500: "Our own numbers failed our own check, or an error nobody foresaw; nothing was charged.",
    503: "Something the service stands on does not answer; nothing was charged.",
}


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON body that a route needs; ``component_schemas`` describes the model."""
    schema = {"$ref": f"{COMPONENT}{model.__name__}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def component_schemas(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the schemas of models and of all that is in them, by their names."""
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=COMPONENT + "{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these statuses."""
    return {status: {"description": _REASONS[status], "content": _PROBLEM_CONTENT} for status in statuses}
