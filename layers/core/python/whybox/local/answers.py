"""What a function answered, read strictly: an HTTP answer in payload format 2.0, or an authorizer's decision.

A live gateway guesses a 200 from an answer without a status code. Here that is a failed function: ours always
answer in full, and a guess would hide the mistake until it is deployed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from whybox.errors import FunctionFailedError
from whybox.local.payloads import Payload

_KNOWN_FIELDS = frozenset({"statusCode", "headers", "cookies", "body", "isBase64Encoded"})
# The gateway speaks HTTP for itself: it frames the body and keeps the connection.
_GATEWAY_HEADERS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_BODILESS_STATUSES = frozenset({204, 205, 304})


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that is read from a file while it is sent; whoever sends it closes the file."""

    file: BinaryIO
    n_bytes: int


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to send: header names in lower case, the body as bytes or from a file."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | FileBody

    @property
    def n_bytes(self) -> int:
        """The length of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.n_bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """An authorizer's word on one identity, and what it tells the function about it."""

    is_authorized: bool
    context: Mapping[str, Any]


def read_http_answer(payload: Payload, *, function: str) -> HttpAnswer:
    """Turn a function's answer into HTTP; raises FunctionFailedError where it is not in format 2.0."""
    answer = _read_object(payload, function)
    unknown = sorted(set(answer) - _KNOWN_FIELDS)
    if unknown:
        # multiValueHeaders among them: it belongs to format 1.0, and a live gateway would drop it in silence.
        raise FunctionFailedError(
            function, cause=f"its answer has fields that format 2.0 does not: {unknown}"
        )
    status = answer.get("statusCode")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise FunctionFailedError(function, cause="its answer has no status code from 200 to 599")
    body = b"" if status in _BODILESS_STATUSES else _read_body(answer, payload.body, function)
    return HttpAnswer(status, _read_headers(answer, function), body)


def read_decision(payload: Payload, *, function: str) -> Decision:
    """Read an authorizer's simple response; raises FunctionFailedError for anything but a clear yes or no."""
    answer = _read_object(payload, function)
    is_authorized, context = answer.get("isAuthorized"), answer.get("context")
    if not isinstance(is_authorized, bool) or not isinstance(context, dict | None):
        raise FunctionFailedError(function, cause="its answer is not a simple authorizer response")
    return Decision(is_authorized, context or {})


def _read_object(payload: Payload, function: str) -> dict[str, Any]:
    answer = json.loads(payload.head)  # our own worker wrote it
    if not isinstance(answer, dict):
        raise FunctionFailedError(function, cause="its answer is not an object")
    return answer


def _read_headers(answer: Mapping[str, Any], function: str) -> tuple[tuple[str, str], ...]:
    headers, cookies = answer.get("headers"), answer.get("cookies")
    if not isinstance(headers, dict | None) or not isinstance(cookies, list | None):
        raise FunctionFailedError(function, cause="its headers are not an object or its cookies not a list")
    pairs = [(str(name).lower(), _header_text(value)) for name, value in (headers or {}).items()]
    pairs += [("set-cookie", _header_text(cookie)) for cookie in cookies or []]
    for name, value in pairs:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise FunctionFailedError(function, cause=f"header {name!r} cannot be sent")
    return tuple(pair for pair in pairs if pair[0] not in _GATEWAY_HEADERS)


def _header_text(value: Any) -> str:
    """Numbers and truth values are allowed, as on the live gateway."""
    return value if isinstance(value, str) else json.dumps(value)


def _read_body(answer: Mapping[str, Any], text: bytes, function: str) -> bytes:
    if answer.get("body"):  # text would stand beside the answer
        raise FunctionFailedError(function, cause="its body is not text")
    try:
        return base64.b64decode(text, validate=True) if answer.get("isBase64Encoded", False) else text
    except binascii.Error as error:
        raise FunctionFailedError(function, cause="its body is neither text nor base64") from error
