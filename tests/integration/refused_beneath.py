"""Problems that no request of today can meet, met where they arise: in readers, models, stores and workers.

Each function raises; the error is then answered as any error is.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from whybox.adapters.local.folder_objects import FolderObjects, FolderUploads
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.cli.demo import _post, _Service, _Table
from whybox.cli.service_calls import Service
from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.interactions import rank_interactions
from whybox.domain.explanations.model_views import view_model
from whybox.domain.jobs.job_cursors import place_after
from whybox.domain.jobs.jobs import new_job
from whybox.domain.plain_values import plain_numbers
from whybox.domain.reports.findings import read_findings
from whybox.domain.tables import read_table
from whybox.domain.tables.dialects import ReadOptions
from whybox.http.answers import refuse_large
from whybox.http.json_bodies import parse_json_body
from whybox.local.bodies import RequestBody
from whybox.local.events import HttpRequest
from whybox.local.homes import locked_home
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings
from whybox.local.templates import Function, read_stack
from whybox.local.workers import Patience, Workers
from whybox.settings import Settings

from .refused_tables import CANARY, GOOD

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] > 0
SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(1)\n"


class Document(BaseModel):
    """What an endpoint that reads JSON might take."""

    names: Annotated[list[str], Field(max_length=9)] = []
    n: int = 0


def read_json(body: bytes) -> None:
    parse_json_body(body, "application/json", model=Document)


def attribute(model: object, *, background: object = X, **options: object) -> None:
    attribute_rows(model, X[:2], background=background, **options)


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(3, random_state=0).fit(X, Y)


def network() -> MLPClassifier:
    return MLPClassifier((2,), solver="lbfgs", max_iter=20_000, random_state=0).fit(X, Y)


def broken_line() -> LinearRegression:
    """Return a model that has forgotten a coefficient."""
    model = LinearRegression().fit(X, Y)
    model.coef_[0] = np.nan
    return model


def rank_many_pairs(_folder: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 30))
    model = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=50_000, random_state=0).fit(
        rows, rows[:, 0]
    )
    rank_interactions(view_model(model, unit=None, n_columns=30, frame=None), rows, rows)


def stop_the_body(_folder: Path) -> None:
    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    request = HttpRequest("POST", "/", "", (("content-length", "3"),), "127.0.0.1", "http", 80)
    asyncio.run(RequestBody(request, never, limit_seconds=0.05).read(10))


def call_a_busy_worker(folder: Path) -> None:
    (folder / "handler.py").write_text(SLEEPER)
    function = Function(
        "F", folder, "handler.handler", timeout_seconds=5, memory_megabytes=256, environment={}
    )

    async def call_twice() -> None:
        workers = Workers(
            [function], surroundings=Surroundings(), n_processes=1, patience=Patience(wait_seconds=0.1)
        )
        try:
            await asyncio.gather(*(workers.call("F", Payload(b"{}"), request_id=str(n)) for n in range(2)))
        finally:
            await workers.close()

    asyncio.run(call_twice())


def commit_what_was_given_back(folder: Path) -> None:
    usage, now = SqliteUsage(folder / "usage.sqlite3", default_limit=1), datetime.now(UTC)
    usage.reserve("t", receipt_id="r", lease_seconds=60, now=now)
    usage.refund("t", receipt_id="r")
    usage.commit("t", receipt_id="r")


def renew_what_another_has(folder: Path) -> None:
    jobs, now = SqliteJobs(folder / "jobs.sqlite3"), datetime.now(UTC)
    jobs.create(new_job("t", "j", door="inline", document={}, now=now))
    jobs.claim("t", "j", lease_seconds=60, now=now)
    jobs.renew("t", "j", fence=0, lease_seconds=60, now=now)


def upload(
    folder: Path, content: bytes = GOOD, *, seconds: int = 60, key: str = "a.csv", times: int = 1
) -> None:
    links = SignedLinks(b"s" * 32, "http://127.0.0.1", SystemClock())
    store = FolderUploads(folder, links=links)
    signed = store.sign_upload(
        "a.csv",
        n_bytes=len(GOOD),
        content_type="text/csv",
        sha256=hashlib.sha256(GOOD).hexdigest(),
        expires_seconds=seconds,
    )
    target = signed.url.removeprefix("http://127.0.0.1").replace("a.csv", key)
    for _ in range(times):
        with store.upload(target, list(signed.headers.items())) as incoming:
            incoming.take(content)
            incoming.complete()


def get_what_is_gone(folder: Path) -> None:
    FolderObjects(folder, links=SignedLinks(b"s" * 32, "http://127.0.0.1", SystemClock())).get(
        f"{CANARY}.csv"
    )


def serve_twice(folder: Path) -> None:
    with locked_home(folder), locked_home(folder):
        pass


def demonstrate_to_nobody(folder: Path) -> None:
    (folder / "t.csv").write_bytes(GOOD)
    table = _Table(folder / "t.csv", n_training_rows=1, test_rows=())
    _post("shap", _Service("http://127.0.0.1:9", CANARY, folder / "demo.log"), table)


def read_template(folder: Path) -> None:
    (folder / "template.yaml").write_text("Resources: {canary4711: [}")
    read_stack(folder / "template.yaml")


def fail_unforeseen(_folder: Path) -> None:
    int(CANARY)


BENEATH: dict[str, Callable[[Path], object]] = {
    "request-timeout": stop_the_body,
    "json-encoding": lambda _: read_json(f'{{"{CANARY}": "é"}}'.encode("latin-1")),
    "json-invalid": lambda _: read_json(b'{"canary4711": NaN}'),
    "json-too-deep": lambda _: read_json(b"[" * 50_000),
    "json-duplicate-key": lambda _: read_json(b'{"canary4711": 1, "canary4711": 2}'),
    "number-out-of-range": lambda _: read_json(b'{"canary4711": 1e999}'),
    "text-invalid": lambda _: read_json(b'{"canary4711": "\\ud800"}'),
    "schema-invalid": lambda _: read_json(b'{"canary4711": 1, "n": "5", "names": [1, 2, 3]}'),
    "cursor-invalid": lambda _: place_after(base64.urlsafe_b64encode(CANARY.encode()).decode(), tenant="t"),
    "upload-expired": get_what_is_gone,
    "upload-link-invalid": lambda folder: upload(folder, key=f"{CANARY}.csv"),
    "upload-link-expired": lambda folder: upload(folder, seconds=-1),
    "upload-damaged": lambda folder: upload(folder, GOOD[1:]),
    "upload-exists": lambda folder: upload(folder, times=2),
    "lease-lost": renew_what_another_has,
    "csv-too-large": lambda _: read_table(GOOD, options=ReadOptions(max_bytes=len(GOOD) - 1)),
    "csv-too-many-cells": lambda _: read_table(GOOD, options=ReadOptions(max_cells=4 * 40 - 1)),
    "column-count": lambda _: attribute(forest(), background=X[:, :2]),
    "unit-unavailable": lambda _: attribute(forest(), unit="margin"),
    "method-unavailable": lambda _: attribute(network(), method="exact"),
    "interactions-unavailable": rank_many_pairs,
    "background-empty": lambda _: attribute(forest(), background=X[:0]),
    "explanation-check-failed": lambda _: attribute(broken_line()),
    "result-document-invalid": lambda _: read_findings({"explanation": {"method": "shap"}}),
    "result-too-large": lambda _: refuse_large(b"x" * 6_300_000),
    "result-not-finite": lambda _: plain_numbers(np.array([0.5, np.nan]), "y_pred"),
    "reservation-lost": commit_what_was_given_back,
    "function-busy": call_a_busy_worker,
    "demo-failed": demonstrate_to_nobody,
    "service-call-failed": lambda _: Service("http://127.0.0.1:9", CANARY).ask("GET", "/usage"),
    "misconfigured": lambda _: Settings.from_environment({"WHYBOX_JWT_SECRET": CANARY}),
    "template-invalid": read_template,
    "gateway-running": serve_twice,
    "internal": fail_unforeseen,
}
