"""Requests that meet one problem each over HTTP: odd bytes, bad tokens, stores and workers that fail."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tests.unit.adapters.https.issuers import b64

from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings
from whybox.local.server import project_template, running_gateway
from whybox.local.templates import read_stack
from whybox.local.workers import Workers
from whybox.services.verify_token import tenant_of
from whybox.settings import AWS_VARIABLES, JOB_VARIABLES, JwksSettings, Settings

from .conftest import RunningGateway
from .refused_tables import CANARY, CLASSIFY, GOOD, REQUESTS

FORM = "multipart/form-data; boundary=B"
PART = b'--B\r\nContent-Disposition: form-data; name="%s"; filename="canary4711.csv"\r\n\r\n%s\r\n'
END = b"--B--\r\n"
LATER = 3600.0


@dataclass(frozen=True)
class Refusal:
    """What came back."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """The gateways there are, a folder for others, and what ends when the test does."""

    gateway: RunningGateway
    small: RunningGateway
    folder: Path
    running: ExitStack

    def start(self, **settings: Any) -> RunningGateway:
        """Serve the project's template from a home of its own."""
        given = Settings(**{"home": self.folder / "home", **settings})
        url = self.running.enter_context(running_gateway(given, template=project_template()))
        return RunningGateway(url, given)

    def ask(self, path: str, *, method: str = "GET", at: RunningGateway | None = None, **how: Any) -> Refusal:
        gateway = at or self.gateway
        if "headers" not in how:
            how["headers"] = gateway.headers()
        return read(httpx.request(method, gateway.url + path, timeout=60, trust_env=False, **how))

    def post(self, path: str, table: bytes, *, at: RunningGateway | None = None, **headers: str) -> Refusal:
        """Send a table as curl does."""
        gateway = at or self.gateway
        given = gateway.headers() | {name.replace("_", "-"): value for name, value in headers.items()}
        files = {"file": (f"{CANARY}.csv", table, "text/csv")}
        return self.ask(path, method="POST", at=gateway, files=files, headers=given)

    def post_body(self, body: bytes, content_type: str = FORM) -> Refusal:
        headers = {**self.gateway.headers(), "content-type": content_type}
        return self.ask(CLASSIFY, method="POST", content=body, headers=headers)

    def ask_small(self, path: str) -> Refusal:
        return self.ask(path, at=self.small, headers={})


Provocation = Callable[[Stage], Refusal]


def read(response: httpx.Response) -> Refusal:
    return Refusal(response.status_code, dict(response.headers), response.json())


def invoke(stage: Stage, event: object) -> Refusal:
    """Give an event to the function behind /usage, as AWS might, past the gateway."""

    async def call() -> Any:
        settings = {
            "WHYBOX_HOME": str(stage.gateway.home),
            "WHYBOX_STORAGE": "local",
            **dict.fromkeys((*AWS_VARIABLES, *JOB_VARIABLES), ""),
        }
        functions = read_stack(project_template()).functions.values()
        workers = Workers(functions, surroundings=Surroundings(settings))
        payload = Payload(json.dumps(event).encode())
        try:
            return (await workers.call("Usage", payload, request_id="id-1")).value()
        finally:
            await workers.close()

    answer = asyncio.run(call())
    return Refusal(answer["statusCode"], answer["headers"], json.loads(answer["body"]))


def send_bytes(stage: Stage, request: bytes) -> Refusal:
    """Send bytes as they are, and read the one answer to them."""
    url = httpx.URL(stage.gateway.url)
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(request)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Refusal(int(first.split()[1]), headers, json.loads(body))


def with_a_broken_store(stage: Stage, name: str, **headers: str) -> Refusal:
    """Ask a gateway one of whose stores is a folder where a database should be."""
    gateway = stage.start()
    for left in gateway.home.glob(f"{name}*"):
        left.unlink()
    (gateway.home / name).mkdir()
    return stage.post(CLASSIFY, GOOD, at=gateway, **headers)


def with_a_key_in_use(stage: Stage) -> Refusal:
    """Repeat a request under a key that another worker has claimed for the very same request."""
    key = "in-use"
    assert "status" not in stage.post(CLASSIFY, GOOD, idempotency_key="done").document
    tenant = tenant_of(stage.gateway.settings.jwt_issuer, "ada")
    database = stage.gateway.home / "replies.sqlite3"
    SqliteReplies(database).begin(
        tenant,
        route="POST /mlclassification",
        key=key,
        fingerprint=_fingerprint(database, tenant),
        lease_seconds=LATER,
        now=datetime.now(UTC),
    )
    return stage.post(CLASSIFY, GOOD, idempotency_key=key)


def _fingerprint(database: Path, tenant: str) -> str:
    connection = sqlite3.connect(database)
    try:
        query = "SELECT fingerprint FROM replies WHERE tenant = ? AND key = 'done'"
        (fingerprint,) = connection.execute(query, (tenant,)).fetchone()
    finally:
        connection.close()
    return str(fingerprint)


def with_another_body_under_the_key(stage: Stage) -> Refusal:
    stage.post(CLASSIFY, GOOD, idempotency_key="reused")
    return stage.post(CLASSIFY, GOOD + b"1,2,canary4711,1\n", idempotency_key="reused")


def with_an_issuer_out_of_reach(stage: Stage) -> Refusal:
    issuer = "https://issuer.example/"
    jwks = JwksSettings(url="https://127.0.0.1:9/keys.json")
    gateway = stage.start(jwks=jwks, jwt_issuer=issuer, jwt_audience=CANARY)
    parts = ({"alg": "RS256", "kid": CANARY, "typ": "at+jwt"}, {"iss": issuer, "sub": CANARY})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    token = ".".join([*encoded, b64(1 << 2047)])
    return stage.ask("/usage", at=gateway, headers={"Authorization": f"Bearer {token}"})


def as_somebody_turned_off(stage: Stage) -> Refusal:
    gateway = stage.start()
    SqliteTenants(gateway.home / "tenants.sqlite3").disable(tenant_of(gateway.settings.jwt_issuer, "ada"))
    return stage.ask("/usage", at=gateway)


OVER_HTTP: dict[str, Provocation] = {
    **{
        code: lambda stage, path=path, table=table: stage.post(path, table)
        for code, (path, table) in REQUESTS.items()
    },
    "unauthenticated": lambda stage: stage.ask("/usage", headers={"Authorization": f"Bearer {CANARY}"}),
    "insufficient-scope": lambda stage: stage.ask(
        CLASSIFY,
        method="POST",
        files={"file": ("t.csv", GOOD)},
        headers={"Authorization": f"Bearer {stage.gateway.token(scopes=('jobs:read',))}"},
    ),
    "tenant-disabled": as_somebody_turned_off,
    "keys-unavailable": with_an_issuer_out_of_reach,
    "quota-exceeded": lambda stage: stage.post(CLASSIFY, GOOD, at=stage.start(monthly_limit=0)),
    "not-found": lambda stage: stage.ask(f"/{CANARY}"),
    "method-not-allowed": lambda stage: stage.ask("/usage", method="DELETE"),
    "not-acceptable": lambda stage: stage.ask(
        "/usage", headers={**stage.gateway.headers(), "Accept": f"application/{CANARY}"}
    ),
    "request-malformed": lambda stage: send_bytes(stage, b"GET /canary4711\xff HTTP/1.1\r\n\r\n"),
    "headers-too-large": lambda stage: stage.ask("/", headers={"X-Any": CANARY * 2000}),
    "body-missing": lambda stage: stage.post_body(b""),
    "body-too-large": lambda stage: stage.post_body(CANARY.encode() * 450_000),
    "content-type-unsupported": lambda stage: stage.post_body(GOOD, f"text/{CANARY}"),
    "multipart-invalid": lambda stage: stage.post_body(PART % (b"file", GOOD)),
    "file-missing": lambda stage: stage.post_body(PART % (CANARY.encode(), GOOD) + END),
    "idempotency-key-invalid": lambda stage: stage.post(CLASSIFY, GOOD, idempotency_key=CANARY * 30),
    "idempotency-key-reused": with_another_body_under_the_key,
    "idempotency-in-progress": with_a_key_in_use,
    "quota-unavailable": lambda stage: with_a_broken_store(stage, "usage.sqlite3"),
    "replies-unavailable": lambda stage: with_a_broken_store(
        stage, "replies.sqlite3", idempotency_key=CANARY
    ),
    "dependency-unavailable": lambda stage: with_a_broken_store(stage, "tenants.sqlite3"),
    "function-failed": lambda stage: stage.ask_small("/read?do=crash"),
    "function-timeout": lambda stage: stage.ask_small("/read?do=sleep"),
    "function-out-of-memory": lambda stage: stage.ask_small("/slow?do=eat"),
    "answer-too-large": lambda stage: stage.ask_small("/read?do=too_much"),
    "unsupported-event": lambda stage: invoke(stage, {"Records": [CANARY]}),
    "body-encoding": lambda stage: invoke(
        stage,
        {
            "version": "2.0",
            "rawPath": "/usage",
            "headers": {},
            "requestContext": {
                "http": {"method": "GET", "path": "/usage", "sourceIp": "::1", "protocol": "HTTP/1.1"}
            },
            "body": CANARY,
            "isBase64Encoded": True,
        },
    ),
}
