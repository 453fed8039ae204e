"""What tokens and key sets are made of: canonical base64url, and JSON objects without a name twice."""

from __future__ import annotations

import base64
import json
from typing import Any


def read_base64url(text: str) -> bytes | None:
    """Return the bytes of a text in their one canonical spelling (no padding, no stray end bits), or None."""
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        is_canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=") == text.encode()
    except ValueError:
        return None
    return decoded if is_canonical else None


def read_object(document: bytes) -> dict[str, Any] | None:
    """Return a JSON object in UTF-8 that can be read in one way only, or None."""
    try:
        parsed = json.loads(
            document.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is repeated")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
