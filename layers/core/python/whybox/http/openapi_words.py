"""What the OpenAPI document says at every route: who may call, and how errors look."""

from __future__ import annotations

from typing import Any, Final

from whybox.http.problem_catalogue import CATALOGUE
from whybox.http.problems import MEDIA_TYPE

SCHEME_NAME: Final = "bearer"
SECURITY: Final[dict[str, Any]] = {"security": [{SCHEME_NAME: []}]}
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
EVERYWHERE: Final = (400, 406, 408, 413, 431, 500, 502, 503, 504)
"""What any request may be answered with, most of it by the gateway before a function sees the request."""

_REASONS: Final = {
    400: "The request cannot be read.",
    401: "No valid access token.",
    403: "The token does not carry the scope, or its owner's access is turned off.",
    404: "Nothing is here.",
    406: "The Accept header rules out the type of the answer.",
    408: "The request began to arrive and stopped.",
    409: "The first request with this Idempotency-Key still runs.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A parameter or the table cannot be used.",
    429: "This month's requests are used up.",
    431: "The request line and the headers together are too large.",
    500: "Our own numbers failed our own check, or an error nobody foresaw; nothing was charged.",
    502: "The function failed; nothing was charged.",
    503: "Something the service stands on does not answer, or everything is busy; nothing was charged.",
    504: "The function took too long; nothing was charged.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these statuses."""
    return {status: {"description": _REASONS[status], "content": _PROBLEM_CONTENT} for status in statuses}
