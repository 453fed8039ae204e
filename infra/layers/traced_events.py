"""The events that Lambda calls functions with, for a trace: requests, messages, a timer, and what they name.

It runs inside the process of a traced function, whose ports are in a folder of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from whybox.domain.jobs.job_documents import TablePin, document_of, job_id_of
from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.models.catalogue import list_models
from whybox.http.bearer_tokens import authorize
from whybox.http.dropped_tables import read_request
from whybox.services.fetch_table import store_table
from whybox.services.issue_token import issue_token
from whybox.settings import Settings
from whybox.wiring import Ports, connect, signing_secret

USUAL = {"RandomForestClassifier", "RidgeCV", "ElasticNet", "xgboost", "lightgbm"}
"""Models whose modules are compiled: the defaults, and what existing users ask for."""

METHODS = ("permutation", "shap")
SUBJECT = "ada"
SCOPES = ("explain:write", "jobs:read")


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = "traced"
    memory_limit_in_mb = "3008"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:traced"
    aws_request_id = "traced"

    def get_remaining_time_in_millis(self) -> int:
        """Return more time than any work here takes."""
        return 900_000


@cache
def caller() -> tuple[str, dict[str, str]]:
    """Return a valid token, and what the authorizer says of it."""
    settings = Settings.from_environment(os.environ)
    ports = connect(settings)
    token = issue_token(
        SUBJECT,
        scopes=SCOPES,
        secret=signing_secret(settings),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        now=ports.clock.now(),
    )
    said = authorize(authorizer_event(token), key=ports.token_key, clock=ports.clock)
    return token, said["context"]


def tenant() -> str:
    """Return the tenant that the token speaks for."""
    return caller()[1]["tenant"]


def authorizer_event(credential: str) -> dict[str, Any]:
    """Make the event that asks whether a token or a key is valid."""
    headers = {"authorization": f"Bearer {credential}"}
    return {"version": "2.0", "type": "REQUEST", "routeKey": "GET /usage", "headers": headers}


def request_event(
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    """Make the event of a request with a valid token, and what the authorizer said of it."""
    token, said = caller()
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"authorization": f"Bearer {token}", **(headers or {})},
        "isBase64Encoded": True,
        "body": base64.b64encode(body).decode(),
        "requestContext": {
            "requestId": "r",
            "http": {"method": method, "path": path, "sourceIp": "::1"},
            "authorizer": {"lambda": said},
        },
    }


def json_event(
    method: str, path: str, document: Any, *, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make the event of a request whose body is JSON."""
    given = {"content-type": "application/json", **(headers or {})}
    return request_event(method, path, headers=given, body=json.dumps(document).encode())


def form_event(
    path: str, *, file: bytes, job: bytes | None = None, query: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make the event of a form with a table, and perhaps what to do with it."""
    body = b"--B\r\nContent-Disposition: form-data; name=file; filename=t\r\n\r\n" + file
    if job is not None:
        body += b"\r\n--B\r\nContent-Disposition: form-data; name=job\r\n\r\n" + job
    headers = {"content-type": "multipart/form-data; boundary=B"}
    return request_event("POST", path, query=query, headers=headers, body=body + b"\r\n--B--\r\n")


def queue_event(*bodies: str) -> dict[str, Any]:
    """Make the event of messages of a queue."""
    facts = {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:traced"}
    facts |= {"awsRegion": "us-east-1", "receiptHandle": "traced"}
    return {
        "Records": [
            {
                **facts,
                "messageId": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
            }
            for number, body in enumerate(bodies)
        ]
    }


def timer_event() -> dict[str, Any]:
    """Make the event of a rule that is due."""
    return {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


def task_event(task: str, job: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Make what the state machine calls a function with for a task of a job's batch."""
    return {"task": task, "tenant": job["tenant"], "job_id": job["job_id"], "fence": job["fence"], **more}


def table(kind: str, *, n_rows: int = 80) -> bytes:
    """Write a table with a text column, empty cells and a target of numbers or two classes."""
    draw = random.Random(0)  # noqa: S311 (a sample table)
    lines = ["a,b,c,target,training_index"]
    for row in range(n_rows):
        size, noise = 10 * draw.random(), draw.gauss(0, 1)
        target = int(size + noise > 5) if kind == "classification" else size + noise
        lines.append(f"{size},{draw.choice('xyz')},{draw.choice(['1.5', '2', ''])},{target},{row % 4 and 1}")
    return "\r\n".join(lines).encode()


def usual_jobs() -> Iterator[dict[str, Any]]:
    """Yield what is usually asked for, as the JSON of POST /v1/explanations without a source."""
    for kind, entries in list_models().items():
        for entry in entries:
            model = {"family": entry.family} | ({"name": entry.name} if entry.family == "sklearn" else {})
            if not USUAL.isdisjoint(model.values()):
                for method in METHODS:
                    yield {"task": kind, "model": model, "explain": {"method": method}}


def create_job(
    document: Mapping[str, Any], ports: Ports, *, file: bytes | None = None, route: str | None = None
) -> Job:
    """Make a job of a request, as the functions behind the API do before they queue it."""
    content = table(document["task"]) if file is None else file
    pin: TablePin = store_table(tenant(), content, objects=ports.objects).pin
    pinned = document_of(read_request(json.dumps(document).encode()), pin)
    job = new_job(
        tenant(),
        job_id_of(tenant(), pinned, pin.sha256),
        door="http",
        document=pinned,
        now=ports.clock.now(),
        estimate=None if route is None else {"seconds": 600.0, "memory_mb": 500.0, "route": route},
    )
    return ports.jobs.create(job)
