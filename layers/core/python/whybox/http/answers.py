"""JSON answers: compact, every float with all its digits, never NaN or infinity."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi.responses import Response

from whybox.errors import ResultNotFiniteError, ResultTooLargeError

JSON: Final = "application/json"

MAX_BODY_BYTES: Final = 6_250_000
"""A function may answer 6,291,556 bytes; the rest is for status and headers."""

GUARD_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def render_json(document: Any) -> bytes:
    """Return a document as JSON bytes; raises ResultNotFiniteError where a number is NaN or infinite."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ResultNotFiniteError("the answer") from error
    return text.encode("utf-8", "replace")


def refuse_large(body: bytes) -> None:
    """Raise ResultTooLargeError for a JSON body that a function cannot answer with.

    The body travels as a string inside JSON, so each of its quotes and backslashes takes two bytes.
    """
    actual = len(body) + body.count(b'"') + body.count(b"\\")
    if actual > MAX_BODY_BYTES:
        raise ResultTooLargeError(limit=MAX_BODY_BYTES, actual=actual)


def json_answer(document: Any) -> Response:
    """Return a 200 with the document."""
    return Response(render_json(document), media_type=JSON, headers=GUARD_HEADERS)
