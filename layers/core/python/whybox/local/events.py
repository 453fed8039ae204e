"""The events an HTTP API sends to its functions: payload format 2.0, for integrations and for authorizers.

Sources: "Create AWS Lambda proxy integrations for HTTP APIs" and "Control access to HTTP APIs with AWS Lambda
authorizers" of the API Gateway developer guide. Where the guide is silent, what others measured on the live
gateway: rawPath arrives decoded, and a body counts as text for five families of media types only.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from whybox.local.intrinsics import LOCAL_ACCOUNT, LOCAL_REGION
from whybox.local.payloads import Payload
from whybox.local.routes import RouteMatch
from whybox.local.worker import LONGEST_ESCAPE

LOCAL_API_ID = "local"
_STAGE = "$default"
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_BODY_FIELD = ',"body":""'


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came in: the path still percent-encoded, header names in lower case and in order."""

    method: str
    raw_path: str
    query_string: str
    headers: tuple[tuple[str, str], ...]
    http_version: str
    source_ip: str
    port: int

    def header(self, name: str) -> str | None:
        """Return a header's value, repeated ones joined with commas; None where it is absent."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the gateway gives a request: its id and the time it came."""

    request_id: str
    received_at: datetime


def request_event(
    request: HttpRequest, match: RouteMatch, *, arrival: Arrival, authorizer_context: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Build the event for a function, still without its body."""
    event = {
        "version": "2.0",
        "routeKey": match.route.key,
        **_request_fields(request),
        "requestContext": _request_context(request, match, arrival),
        "isBase64Encoded": False,
    }
    if authorizer_context is not None:
        event["requestContext"]["authorizer"] = {"lambda": dict(authorizer_context)}
    if match.path_parameters:
        event["pathParameters"] = dict(match.path_parameters)
    return event


def authorizer_event(
    request: HttpRequest, match: RouteMatch, *, arrival: Arrival, identity: tuple[str, ...]
) -> dict[str, Any]:
    """Build the event for a REQUEST authorizer; ``identity`` holds the values of its identity sources."""
    method, path = request.method, unquote(request.raw_path)
    route_arn = f"arn:aws:execute-api:{LOCAL_REGION}:{LOCAL_ACCOUNT}:{LOCAL_API_ID}/{_STAGE}/{method}{path}"
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": route_arn,
        "identitySource": list(identity),
        "routeKey": match.route.key,
        **_request_fields(request),
        "requestContext": _request_context(request, match, arrival),
        "pathParameters": dict(match.path_parameters),
        "stageVariables": {},
    }


def is_text(content_type: str | None) -> bool:
    """Whether the gateway would hand a body of this type over as text instead of base64.

    A form and a body without any type are not text, surprising as it is.
    """
    media_type = (content_type or "").split(";", 1)[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES


def event_payload(event: dict[str, Any], body: bytes, *, content_type: str | None) -> Payload:
    """Return the event, whose function will find its body as text or as base64; an empty one leaves no trace.

    Bytes that are not UTF-8 go as base64 whatever their type says: the function sees them as sent.
    """
    is_binary = bool(body) and not (is_text(content_type) and _is_utf8(body))
    return replace(Payload.of({**event, "isBase64Encoded": is_binary}), body=body)


def count_event_bytes(payload: Payload, *, limit: int) -> int:
    """Return how long an event would be as one JSON document; where it fits anyhow, at most that."""
    n_bytes = len(payload.head) + len(_BODY_FIELD) + LONGEST_ESCAPE * len(payload.body)
    if n_bytes <= limit:
        return n_bytes
    if json.loads(payload.head)["isBase64Encoded"]:
        text = base64.b64encode(payload.body)
    else:
        text = json.dumps(payload.body.decode("utf-8"), ensure_ascii=False)[1:-1].encode("utf-8")
    return len(payload.head) + len(_BODY_FIELD) + len(text)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _request_fields(request: HttpRequest) -> dict[str, Any]:
    """Return what both kinds of event say about the request."""
    fields: dict[str, Any] = {
        "rawPath": unquote(request.raw_path),
        "rawQueryString": request.query_string,
        "headers": _headers(request),
    }
    cookies = request.header("cookie")
    if cookies:
        fields["cookies"] = [cookie.strip() for cookie in cookies.split(";") if cookie.strip()]
    if request.query_string:
        fields["queryStringParameters"] = _joined(parse_qsl(request.query_string, keep_blank_values=True))
    return fields


def _headers(request: HttpRequest) -> dict[str, str]:
    """Join repeated headers, and add what a gateway adds; a client's own x-forwarded-for stays in front."""
    headers = _joined([pair for pair in request.headers if pair[0] != "cookie"])
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    headers["x-forwarded-port"] = str(request.port)
    headers["x-forwarded-proto"] = "http"
    headers.setdefault("x-amzn-trace-id", f"Root=1-{secrets.token_hex(4)}-{secrets.token_hex(12)}")
    return headers


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _request_context(request: HttpRequest, match: RouteMatch, arrival: Arrival) -> dict[str, Any]:
    host = request.header("host") or "127.0.0.1"
    return {
        "accountId": LOCAL_ACCOUNT,
        "apiId": LOCAL_API_ID,
        "domainName": host,
        "domainPrefix": host.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": unquote(request.raw_path),
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": arrival.request_id,
        "routeKey": match.route.key,
        "stage": _STAGE,
        "time": arrival.received_at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(arrival.received_at.timestamp() * 1000),
    }
