"""JSON answers: compact, every float with all its digits, never NaN or infinity."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi.responses import Response

from whybox.errors import ResultNotFiniteError

JSON: Final = "application/json"
GUARD_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def render_json(document: Any) -> bytes:
    """Return a document as JSON bytes; raises ResultNotFiniteError where a number is NaN or infinite."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ResultNotFiniteError("the answer") from error
    return text.encode("utf-8", "replace")


def json_answer(document: Any) -> Response:
    """Return a 200 with the document."""
    return Response(render_json(document), media_type=JSON, headers=GUARD_HEADERS)
