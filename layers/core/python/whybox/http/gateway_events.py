"""Events of the gateway (HTTP API, payload format 2.0): what to trust in them, and what to check."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from whybox.errors import BodyEncodingError, UnsupportedEventError

NOT_FOR_THE_APP: Final = frozenset({"host", "x-forwarded-port"})
"""Headers the application does not need and the adapter would parse, with errors for some spellings."""


def request_id(event: object, context: object = None) -> str:
    """Return the gateway's id of a request, else Lambda's of the invocation, else a new one."""
    given = _part(_part(event, "requestContext"), "requestId") or getattr(context, "aws_request_id", None)
    return given if isinstance(given, str) and given.isprintable() and given.isascii() else str(uuid4())


def authorizer_context(event: object) -> Mapping[str, Any] | None:
    """Return what the authorizer said about the caller, None if it did not speak."""
    said = _part(_part(_part(event, "requestContext"), "authorizer"), "lambda")
    return said if isinstance(said, Mapping) else None


def checked_event(event: object) -> dict[str, Any]:
    """Return the event in the form the adapter can read without an error.

    Raises
    ------
    UnsupportedEventError
        It is not an HTTP request in payload format 2.0.
    BodyEncodingError
        Its body is marked as base64 and is not base64, or is a text that has no bytes.

    """
    http = _part(_part(event, "requestContext"), "http")
    if not isinstance(event, dict) or event.get("version") != "2.0" or not isinstance(http, Mapping):
        raise UnsupportedEventError
    texts = (http.get("method"), http.get("sourceIp"), event.get("rawPath"), event.get("rawQueryString", ""))
    headers, body = event.get("headers") or {}, event.get("body") or ""
    if not (all(isinstance(text, str) for text in (*texts, body)) and isinstance(headers, Mapping)):
        raise UnsupportedEventError
    content = _read_body(body, is_base64=bool(event.get("isBase64Encoded")))
    # The adapter decodes the path once more: encode it, so that an encoded percent sign stays one.
    http = {**http, "path": quote(event["rawPath"], errors="replace")}
    return {
        **event,
        "headers": {
            name: value for name, value in _texts(headers).items() if name.lower() not in NOT_FOR_THE_APP
        },
        "rawQueryString": event.get("rawQueryString", "").encode("utf-8", "replace").decode("utf-8"),
        "body": content,
        "isBase64Encoded": False,  # the adapter takes bytes as they are
        "requestContext": {**event["requestContext"], "http": http},
    }


def _read_body(body: str, *, is_base64: bool) -> bytes:
    """Return a body's bytes; raises BodyEncodingError where it has none."""
    try:
        return binascii.a2b_base64(body, strict_mode=True) if is_base64 else body.encode("utf-8")
    except ValueError as error:
        raise BodyEncodingError from error


def _texts(headers: Mapping[Any, Any]) -> dict[str, str]:
    return {
        str(name): value.encode("utf-8", "replace").decode("utf-8")
        for name, value in headers.items()
        if isinstance(value, str)
    }


def _part(document: object, name: str) -> Any:
    return document.get(name) if isinstance(document, Mapping) else None
