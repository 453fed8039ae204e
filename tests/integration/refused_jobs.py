"""Problems of uploads and jobs: over HTTP where a request can meet them, else where a worker does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whybox.adapters.local.folder_objects import FolderObjects
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.domain.jobs.jobs import Outcome, new_job
from whybox.domain.jobs.object_keys import upload_key
from whybox.services.hold_job import Worker, hold_job
from whybox.services.run_job import run_job
from whybox.services.verify_token import tenant_of
from whybox.wiring import Ports, connect

from .refused_requests import Refusal, Stage
from .refused_tables import CANARY, GOOD

ANNOUNCED = {"filename": f"{CANARY}.csv", "bytes": len(GOOD), "content_type": "text/csv"}
NO_ROWS = {"rows": []}
TENANT = "a" * 64


def announce(stage: Stage, *, sub: str = "ada", **changes: Any) -> Refusal:
    return stage.ask(
        "/v1/uploads", method="POST", json=ANNOUNCED | changes, headers=stage.gateway.headers(sub)
    )


def explain(stage: Stage, source: dict[str, Any], **fields: Any) -> Refusal:
    document = {"source": source, "model": {"family": "sklearn", "name": "LogisticRegression"}, **fields}
    return stage.ask("/v1/explanations", method="POST", json=document)


def ports_of(stage: Stage) -> tuple[Ports, str]:
    settings = stage.gateway.settings
    return connect(settings), tenant_of(settings.jwt_issuer, "ada")


def open_too_many(stage: Stage) -> Refusal:
    for _ in range(20):
        assert announce(stage, sub="who announces and never sends").status == 201
    return announce(stage, sub="who announces and never sends")


def explain_what_was_not_sent(stage: Stage) -> Refusal:
    return explain(stage, {"upload_id": announce(stage).document["upload_id"]})


def explain_what_was_swapped(stage: Stage) -> Refusal:
    upload_id = announce(stage).document["upload_id"]
    ports, tenant = ports_of(stage)
    ports.objects.put(upload_key(tenant, upload_id), GOOD + GOOD, content_type="text/csv")
    return explain(stage, {"upload_id": upload_id})


def explain_what_nobody_announced(stage: Stage) -> Refusal:
    ports, tenant = ports_of(stage)
    ports.objects.put(upload_key(tenant, CANARY), GOOD, content_type="text/csv")
    return explain(stage, {"upload_id": CANARY})


def explain_in_too_many_words(stage: Stage) -> Refusal:
    groups = {f"{CANARY}{number:0240}": ["a", "b"] for number in range(1000)}
    rows = {"columns": ["a", "b", "target"], "data": [[row % 7, row % 5, row % 2] for row in range(40)]}
    return explain(stage, rows, explain={"groups": groups})


def see_the_result(
    stage: Stage, job_id: str, *, outcome: Outcome | None, query: str = "", is_cancelled: bool = False
) -> Refusal:
    """Ask for the result of a job that was put into the store as it is."""
    ports, tenant = ports_of(stage)
    now = datetime.now(UTC)
    ports.jobs.create(new_job(tenant, job_id, door="queue", document={}, now=now))
    if outcome is not None:
        held = ports.jobs.claim(tenant, job_id, lease_seconds=60, now=now).job
        ports.jobs.finish(tenant, job_id, fence=held.fence, outcome=outcome, now=now)
    if is_cancelled:
        ports.jobs.request_cancel(tenant, job_id, now=now)
    return stage.ask(f"/v1/jobs/{job_id}/result{query}")


def done(*files: str) -> Outcome:
    return Outcome("done", result_key=f"results/{TENANT}/gone/1", actual={"files": files})


OF_REQUESTS: dict[str, Callable[[Stage], Refusal]] = {
    "upload-size-invalid": lambda stage: announce(stage, bytes=0),
    "upload-too-large": lambda stage: announce(stage, bytes=10**12),
    "checksum-invalid": lambda stage: announce(stage, sha256=CANARY),
    "too-many-pending-uploads": open_too_many,
    "upload-incomplete": explain_what_was_not_sent,
    "upload-changed": explain_what_was_swapped,
    "unknown-upload": explain_what_nobody_announced,
    "explain-rows-invalid": lambda stage: explain(
        stage,
        {"columns": ["a", "target"], "data": [[row, row % 2] for row in range(40)]},
        explain={"rows": []},
    ),
    "job-too-large": explain_in_too_many_words,
    "result-not-ready": lambda stage: see_the_result(stage, "waits", outcome=None),
    "job-without-result": lambda stage: see_the_result(stage, "ended", outcome=None, is_cancelled=True),
    "result-expired": lambda stage: see_the_result(stage, "old", outcome=done("result.json")),
    "result-format-unavailable": lambda stage: see_the_result(
        stage, "large", outcome=done("result.json"), query="?format=csv"
    ),
}
"""Requests about uploads and jobs that meet one problem each."""


def worker(remaining_seconds: float) -> Worker:
    return Worker("f", lambda: remaining_seconds, lambda: 0.0, lambda _error: {})


def run_what_another_runs(folder: Path) -> None:
    clock, jobs = SystemClock(), SqliteJobs(folder / "jobs")
    jobs.create(new_job(TENANT, "j", door="queue", document={}, now=clock.now()))
    jobs.claim(TENANT, "j", lease_seconds=60, now=clock.now())
    links = SignedLinks(b"s" * 32, "http://127.0.0.1", clock)
    run_job(
        TENANT,
        "j",
        jobs=jobs,
        objects=FolderObjects(folder / "bucket", links=links),
        usage=SqliteUsage(folder / "usage", default_limit=1),
        batches=None,  # type: ignore[arg-type]  # not asked: the job is another's
        clock=clock,
        worker=worker(900),
    )


def go_on(folder: Path, *, remaining_seconds: float = 900, is_cancelled: bool = False) -> None:
    """Work on a job whose function is about to be ended, or whose owner wants it no more."""
    clock, jobs = SystemClock(), SqliteJobs(folder / "jobs")
    jobs.create(new_job(TENANT, "j", door="queue", document={}, now=clock.now()))
    job = jobs.claim(TENANT, "j", lease_seconds=60, now=clock.now()).job
    if is_cancelled:
        jobs.request_cancel(TENANT, "j", now=clock.now())
    with hold_job(job, jobs=jobs, clock=clock, worker=worker(remaining_seconds), safety_seconds=10) as hold:
        hold.renew()
        hold.on_rows(1)


OF_WORKERS: dict[str, Callable[[Path], object]] = {
    "job-busy": run_what_another_runs,
    "job-cancelled": lambda folder: go_on(folder, is_cancelled=True),
    "out-of-time": lambda folder: go_on(folder, remaining_seconds=1),
}
"""What only a worker meets."""
