"""What tests of the HTTP room share: a service on this machine, called with the gateway's events."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from whybox.adapters.local.folder_objects import FolderObjects, FolderUploads
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.adapters.local.sqlite_uploads import SqliteUploads
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.http.app import create_app
from whybox.http.bearer_tokens import authorize
from whybox.http.functions import HttpFunction
from whybox.http.job_access import JobAccess
from whybox.ports import Accounts
from whybox.services.create_key import create_key
from whybox.services.issue_token import issue_token
from whybox.services.verify_token import SharedSecret, TokenKey, tenant_of

SECRET = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
BOUNDARY = "a-boundary"


@dataclass
class SettableClock:
    """A clock that stands where a test puts it."""

    time: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Answer:
    """A function's answer, read back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The last part of a problem's type."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.document["status"] == self.status
        return str(self.document["type"]).removeprefix("/problems/")


@dataclass
class Service:
    """Routers behind an authorizer, and the ports they share."""

    home: Path
    limit: int = 100
    clock: SettableClock = field(default_factory=SettableClock)
    n_threads: int = 1

    def __post_init__(self) -> None:
        self.key = TokenKey(SharedSecret(SECRET), issuer="whybox", audience="whybox-api")
        self.usage = SqliteUsage(self.home / "usage", default_limit=self.limit)
        self.replies = SqliteReplies(self.home / "replies")
        self.accounts = Accounts(SqliteKeys(self.home / "keys"), SqliteTenants(self.home / "tenants"))
        links = SignedLinks(SECRET, "http://127.0.0.1:8000", self.clock)
        self.jobs = SqliteJobs(self.home / "jobs")
        self.objects = FolderObjects(self.home / "bucket", links=links)
        self.uploads = FolderUploads(self.home / "bucket", links=links)
        self.announcements = SqliteUploads(self.home / "uploads")
        self.explain_queue = SqliteQueue(self.home / "queues", "explain", clock=self.clock)
        self._numbers = itertools.count(1)

    def function(self, *routers: APIRouter, **options: Any) -> HttpFunction:
        ports = {
            "token_key": self.key,
            "accounts": self.accounts,
            "usage": self.usage,
            "replies": self.replies,
            "job_access": JobAccess(self, heavy_memory_mb=3008, n_threads=self.n_threads),
        }
        return HttpFunction(create_app(*routers, clock=self.clock, **ports | options))

    def tenant(self, subject: str = "ada") -> str:
        return tenant_of("whybox", subject)

    def used(self, subject: str = "ada") -> int:
        return self.usage.read(self.tenant(subject), now=self.clock.now()).used

    def token(self, subject: str = "ada", **changes: Any) -> str:
        given = {"issuer": "whybox", "audience": "whybox-api", "now": self.clock.now()} | changes
        return issue_token(subject, secret=SECRET, **given)

    def api_key(self, subject: str = "ada", **changes: Any) -> str:
        given = {"issuer": "whybox", "scopes": {"explain:write"}, "now": self.clock.now()} | changes
        given = {"lifetime": timedelta(days=30)} | given
        return create_key(subject, keys=self.accounts.keys, **given)[0]

    def event(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        token: str | None = None,
    ) -> dict[str, Any]:
        """Build the event of a request that has passed the authorizer, if it brought a good token."""
        sent = {**({"authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        context: dict[str, Any] = {
            "requestId": f"request-{next(self._numbers)}",
            "domainName": "whybox.example",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
        }
        said = authorize({"headers": sent}, key=self.key, keys=self.accounts.keys, clock=self.clock)
        if said["isAuthorized"]:
            context["authorizer"] = {"lambda": said["context"]}
        return {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": query,
            "headers": sent,
            "requestContext": context,
            "isBase64Encoded": bool(body),
            "body": base64.b64encode(body).decode(),
        }

    def call(self, function: HttpFunction, method: str, path: str, **request: Any) -> Answer:
        return read_answer(function(self.event(method, path, **request), None))


def read_answer(answer: dict[str, Any]) -> Answer:
    """Read what a gateway would send on."""
    body = answer["body"]
    return Answer(
        status=answer["statusCode"],
        headers=answer["headers"],
        body=base64.b64decode(body) if answer["isBase64Encoded"] else body.encode(),
    )


def write_form(
    content: bytes, *, name: str = "file", file_name: str | None = "table.csv"
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a form with one part."""
    named = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}, body


@pytest.fixture
def service(tmp_path) -> Service:
    return Service(tmp_path)


@pytest.fixture
def start_service(tmp_path) -> Callable[..., Service]:
    return lambda **changes: Service(tmp_path, **changes)


@pytest.fixture
def form() -> Callable[..., tuple[dict[str, str], bytes]]:
    return write_form


@pytest.fixture
def read() -> Callable[[dict[str, Any]], Answer]:
    return read_answer


@pytest.fixture
def functions(service) -> dict[str, HttpFunction]:
    """The compatible endpoints by their paths."""
    from whybox.http import compatible

    names = ("mlclassification", "mlregression", "gbdtclassification", "gbdtregression")
    return {f"/{name}": service.function(getattr(compatible, name)) for name in names}


@pytest.fixture
def send(service, functions, form) -> Callable[..., Answer]:
    """Send a table to a compatible endpoint as curl does; headers as keywords."""
    token = service.token()

    def send(path: str, query: str, table: bytes, **headers: str) -> Answer:
        content_type, body = form(table)
        return service.call(
            functions[path],
            "POST",
            path,
            query=query,
            token=token,
            headers=content_type | {name.replace("_", "-"): value for name, value in headers.items()},
            body=body,
        )

    return send


@pytest.fixture
def used(service) -> Callable[[], int]:
    """How much of its quota ada has used."""
    return service.used
