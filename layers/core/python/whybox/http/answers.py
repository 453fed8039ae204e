"""JSON answers: compact, every float with all its digits, never NaN or infinity."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fastapi.responses import Response
from pydantic_core import PydanticSerializationError, to_json

from whybox.errors import ResultNotFiniteError, ResultTooLargeError

JSON: Final = "application/json"

MAX_BODY_BYTES: Final = 6_250_000
"""A function may answer 6,291,556 bytes; the rest is for status and headers."""

GUARD_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


NOT_FINITE_WORDS: Final = (b"NaN", b"Infinity")
NOT_FINITE: Final = re.compile(rb"(?:NaN|Infinity)(?:[,\]}]|$)")
"""What a number that is not finite looks like at the end of an item; a text may look so too."""


def render_json(document: Any) -> bytes:
    """Return a document as JSON bytes; raises ResultNotFiniteError where a number is NaN or infinite.

    pydantic writes the tens of thousands of floats of an answer twelve times faster than json does. json has
    the word where pydantic's answer is in doubt.
    """
    try:
        body = to_json(document, inf_nan_mode="constants")
    except PydanticSerializationError:
        return _render_slowly(document)
    # One letter is looked for many times faster than a word, and a word than by an expression.
    has_word = any(word[:1] in body and word in body for word in NOT_FINITE_WORDS)
    return _render_slowly(document) if has_word and NOT_FINITE.search(body) else body


def _render_slowly(document: Any) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ResultNotFiniteError("the answer") from error
    return text.encode("utf-8", "replace")


def refuse_large(body: bytes) -> None:
    """Raise ResultTooLargeError for a JSON body that a function cannot answer with.

    The body travels as a string inside JSON, so each of its quotes and backslashes takes two bytes.
    """
    if 2 * len(body) <= MAX_BODY_BYTES:
        return
    actual = len(body) + body.count(b'"') + body.count(b"\\")
    if actual > MAX_BODY_BYTES:
        raise ResultTooLargeError(limit=MAX_BODY_BYTES, actual=actual)


def json_answer(document: Any) -> Response:
    """Return a 200 with the document."""
    return Response(render_json(document), media_type=JSON, headers=GUARD_HEADERS)
