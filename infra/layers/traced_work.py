"""What each function is asked in a trace, and that it does it; the models of no usual work, too.

A function that is new needs an entry in USUAL_WORK: without one the trace ends.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

from traced_events import (
    METHODS,
    SCOPES,
    SUBJECT,
    USUAL,
    Context,
    authorizer_event,
    caller,
    create_job,
    form_event,
    json_event,
    queue_event,
    request_event,
    table,
    task_event,
    tenant,
    timer_event,
    usual_jobs,
)

from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.object_keys import batch_prefix, upload_key
from whybox.domain.jobs.s3_records import DroppedTable, write_notification
from whybox.domain.models.catalogue import list_models
from whybox.http.job_workers import worker_of
from whybox.services.create_key import create_key
from whybox.services.run_job import run_job
from whybox.settings import Settings

PAGES = ("/", "/health", "/docs", "/openapi.json", "/problems", "/problems/quota-exceeded")
RESULT_FORMATS = ("json", "parquet", "csv", "html")
SHARED_ROWS = 10_000
"""Nine of ten are explained: two blocks, a chunk for each."""


def expect(is_so: bool, event: Mapping[str, Any], found: Any) -> None:
    """End the trace where a function did not do what it was asked for."""
    if not is_so:
        raise SystemExit(f"{json.dumps(event)[:1000]} was answered with {found}")


def ask(handler: ModuleType, event: Mapping[str, Any], *, status: int = 200) -> bytes:
    """Send a request and return the body of its answer, which must have this status."""
    answer = handler.handler(event, Context())
    expect(answer["statusCode"] == status, event, answer)
    body = answer.get("body", "")
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def deliver(handler: ModuleType, *bodies: str) -> None:
    """Call a function with messages; none may come back."""
    event = queue_event(*bodies)
    answer = handler.handler(event, Context())
    expect(answer == {"batchItemFailures": []}, event, answer)


def expect_end(handler: ModuleType, job_id: str, status: str) -> None:
    """End the trace where a job is in another state."""
    job = handler.ports.jobs.read(tenant(), job_id)
    expect(job.status == status, job.document, (job.status, job.problem))


def ask_authorizer(handler: ModuleType) -> None:
    """Ask about a token, an API key and neither."""
    settings, ports = Settings.from_environment(os.environ), handler.ports
    key, _ = create_key(
        SUBJECT,
        issuer=settings.jwt_issuer,
        scopes=SCOPES,
        lifetime=timedelta(days=1),
        now=ports.clock.now(),
        keys=ports.accounts.keys,
    )
    for credential, is_valid in ((caller()[0], True), (key, True), ("neither", False)):
        event = authorizer_event(credential)
        answer = handler.handler(event, Context())
        expect(answer["isAuthorized"] is is_valid, event, answer)


def ask_site(handler: ModuleType) -> None:
    """Ask for every page, and for one that is not there."""
    for path in PAGES:
        ask(handler, request_event("GET", path))
    ask(handler, request_event("GET", "/nothing"), status=404)


def ask_usage(handler: ModuleType) -> None:
    """Ask how much is used."""
    ask(handler, request_event("GET", "/usage"))


def ask_uploads(handler: ModuleType) -> None:
    """Announce a file, and ask for it before and after it is there."""
    file = table("regression")
    announced = {"filename": "t.csv", "bytes": len(file), "content_type": "text/csv"}
    opened = json.loads(ask(handler, json_event("POST", "/v1/uploads", announced), status=201))
    event = request_event("GET", f"/v1/uploads/{opened['upload_id']}")
    ask(handler, event)
    key = upload_key(tenant(), opened["upload_id"])
    handler.ports.objects.put(key, file, content_type="text/csv")
    state = json.loads(ask(handler, event))
    expect(state["status"] == "received", event, state)


def ask_explanations(handler: ModuleType) -> None:
    """Explain rows in the document and a file in a form, and leave one to a job."""
    path = "/v1/explanations"
    for document in usual_jobs():
        names, *rows = (line.split(",") for line in table(document["task"]).decode().splitlines())
        records = [dict(zip(names, row, strict=True)) for row in rows]
        event = json_event("POST", path, document | {"source": {"records": records}})
        answer = json.loads(ask(handler, event))
        expect(answer["status"] == "done", event, answer)
    rows = {"columns": ["size", "target"], "data": [[row, row % 7] for row in range(40)]}
    ask(handler, json_event("POST", path, {"source": rows}, headers={"prefer": "respond-async"}), status=202)
    ask(handler, form_event(path, file=table("regression"), job=b'{"task": "regression"}'))


def ask_jobs(handler: ModuleType) -> None:
    """List jobs, look at one that is done in every format, and cancel one that waits."""
    ports = handler.ports
    done, waiting, *_ = (create_job(document, ports) for document in usual_jobs())
    worker = worker_of(Context(), function="Traced", request_id="r", n_threads=1)
    stores = {"jobs": ports.jobs, "objects": ports.objects, "usage": ports.usage, "batches": ports.batches}
    run_job(tenant(), done.job_id, clock=ports.clock, worker=worker, **stores)
    path = f"/v1/jobs/{done.job_id}"
    ask(handler, request_event("GET", "/v1/jobs", query={"limit": "1"}))
    ask(handler, request_event("GET", path))
    for name in RESULT_FORMATS:
        ask(handler, request_event("GET", f"{path}/result", query={"format": name}))
    ask(handler, request_event("DELETE", f"/v1/jobs/{waiting.job_id}"), status=204)
    expect_end(handler, waiting.job_id, "cancelled")


def ask_explain_batch(handler: ModuleType) -> None:
    """Tell of dropped tables, each with its request beside it."""
    objects, folder = handler.ports.objects, batch_prefix(tenant())
    told = []
    for number, document in enumerate(usual_jobs()):
        key = f"{folder}{number}.csv"
        beside = json.dumps(document).encode()
        objects.put(f"{folder}{number}.json", beside, content_type="application/json")
        version = objects.put(key, table(document["task"]), content_type="text/csv")
        told.append(write_notification(DroppedTable(tenant(), key, version)))
    deliver(handler, *told)
    jobs = handler.ports.jobs.list(tenant(), limit=100).jobs
    expect(len(jobs) == len(told), queue_event(*told), f"{len(jobs)} jobs")
    for job in jobs:
        expect_end(handler, job.job_id, "done")


def ask_explain_heavy(handler: ModuleType) -> None:
    """Deliver messages of jobs, then the tasks of one that is shared out."""
    ports = handler.ports
    jobs = [create_job(document, ports) for document in usual_jobs()]
    deliver(handler, *map(write_message, jobs))
    large = {"task": "regression", "model": {"family": "xgboost"}, "split": {"test_size": 0.9}}
    shared = create_job(large, ports, file=table("regression", n_rows=SHARED_ROWS), route="batch")
    deliver(handler, write_message(shared))
    ((_, payload),) = ports.batches.open_batches()
    batch = json.loads(payload)
    for blocks in batch["chunks"]:
        handler.handler(task_event("explain_chunk", batch, blocks=blocks), Context())
    handler.handler(task_event("merge_chunks", batch), Context())
    for job in (*jobs, shared):
        expect_end(handler, job.job_id, "done")


def ask_fail_job(handler: ModuleType) -> None:
    """Deliver dead letters of both queues, then the task that ends a batch."""
    ports = handler.ports
    queued, claimed, *_ = (create_job(document, ports) for document in usual_jobs())
    key = f"{batch_prefix(tenant())}t.csv"
    version = ports.objects.put(key, table("regression"), content_type="text/csv")
    deliver(handler, write_message(queued), write_notification(DroppedTable(tenant(), key, version)))
    claim = ports.jobs.claim(tenant(), claimed.job_id, lease_seconds=60.0, now=ports.clock.now())
    fence = {"tenant": tenant(), "job_id": claimed.job_id, "fence": claim.job.fence}
    handler.handler(task_event("fail_job", fence), Context())
    failed = [job.job_id for job in ports.jobs.list(tenant(), limit=100).jobs if job.status == "failed"]
    expect(len(failed) == 3, fence, failed)


def ask_sweep(handler: ModuleType) -> None:
    """Let the timer be due while a job waits."""
    create_job(next(usual_jobs()), handler.ports)
    handler.handler(timer_event(), Context())


def queries(function: str) -> Iterator[tuple[bool, dict[str, str]]]:
    """Yield every query of a function of the compatible API, and whether it is a usual one."""
    key = "base_model" if function.startswith("ml") else "model_type"
    for entry in list_models()["classification" if function.endswith("classification") else "regression"]:
        if (entry.family == "sklearn") == (key == "base_model"):
            name = entry.name if entry.family == "sklearn" else entry.family
            for method in METHODS:
                yield name in USUAL, {key: name, "interpretability": method}


def ask_usual_models(handler: ModuleType) -> None:
    """Ask a function of the compatible API for its usual models."""
    function = handler.logger.service
    for is_usual, query in queries(function):
        if is_usual:
            ask(handler, compatible_event(function, query))


def ask_other_models(handler: ModuleType) -> None:
    """Ask a function of the compatible API for all others."""
    function = handler.logger.service
    for is_usual, query in queries(function):
        if not is_usual:
            event = compatible_event(function, query)
            answer = handler.handler(event, Context())
            expect(answer["statusCode"] < 500, query, answer)


def compatible_event(function: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Make the event of a request with a table of the function's kind."""
    kind = "classification" if function.endswith("classification") else "regression"
    return form_event(f"/{function}", file=table(kind), query=query)


USUAL_WORK: dict[str, Callable[[ModuleType], None]] = {
    "authorizer": ask_authorizer,
    "explain_batch": ask_explain_batch,
    "explain_heavy": ask_explain_heavy,
    "explanations": ask_explanations,
    "fail_job": ask_fail_job,
    "gbdtclassification": ask_usual_models,
    "gbdtregression": ask_usual_models,
    "jobs": ask_jobs,
    "mlclassification": ask_usual_models,
    "mlregression": ask_usual_models,
    "site": ask_site,
    "sweep": ask_sweep,
    "uploads": ask_uploads,
    "usage": ask_usage,
}


def do_usual_work(function: str, handler: ModuleType) -> None:
    """Have a function do everything that it is usually asked for."""
    if function not in USUAL_WORK:
        raise SystemExit(f"what to ask of {function} is not known: {__file__} needs an entry for it")
    USUAL_WORK[function](handler)


def do_other_work(function: str, handler: ModuleType) -> None:
    """Have it do the rest; an error that nobody foresaw, such as a missing package, ends the trace."""
    if USUAL_WORK[function] is ask_usual_models:
        ask_other_models(handler)
