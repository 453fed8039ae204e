"""The Idempotency-Key header: the name under which a request may be repeated."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from whybox.errors import IdempotencyKeyInvalidError

MAX_KEY_LENGTH: Final = 255

KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Repeat a request under its key: the same answer, byte for byte, charged once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
"""The header in OpenAPI: read here and not by FastAPI, which would take a second one for the first."""


def read_idempotency_key(request: Request) -> str | None:
    """Return the key, None without one; raises IdempotencyKeyInvalidError."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    is_printable = key.isascii() and key.isprintable() and key.strip() != ""
    if not is_printable or len(key) > MAX_KEY_LENGTH:
        raise IdempotencyKeyInvalidError(limit=MAX_KEY_LENGTH, actual=len(key))
    return key
