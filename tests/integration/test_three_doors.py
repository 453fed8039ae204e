"""One job, three doors, on the local gateway: the same numbers whichever way a table comes in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.integration.conftest import RunningGateway

from whybox.domain.jobs.batch_inputs import BATCH_LEASE_SECONDS, batch_input, execution_name
from whybox.domain.jobs.job_documents import document_of, job_id_of
from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.jobs.object_keys import batch_prefix, published_key
from whybox.domain.tables.synthetic_tables import write_synthetic_table
from whybox.errors import ObjectNotFoundError
from whybox.http.dropped_tables import read_request
from whybox.services.explain_blocks import count_blocks
from whybox.services.fetch_table import store_table
from whybox.services.prepare_explanation import prepare_explanation
from whybox.services.verify_token import tenant_of
from whybox.wiring import LocalPorts, connect_local

COMPARED = ("predictions", "metrics", "explanation", "warnings")
"""The sections of a result that do not say how long it took, and where."""


@pytest.fixture(scope="module")
def ports(gateway: RunningGateway) -> LocalPorts:
    return connect_local(gateway.settings)


def until(find: Callable[[], Any], *, seconds: float = 90) -> Any:
    """Return what is found as soon as something is."""
    deadline = time.monotonic() + seconds
    while (found := find()) is None:
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.1)
    return found


def tenant(gateway: RunningGateway, sub: str) -> str:
    return tenant_of(gateway.settings.jwt_issuer, sub)


def told_in_the_folder(ports: LocalPorts, owner: str, job_id: str, name: str) -> Any:
    """Return a document of a job's folder as soon as it is there, which is after the job has ended."""

    def find() -> Any:
        with suppress(ObjectNotFoundError):
            return json.loads(ports.objects.get(published_key(owner, job_id, name=name)))
        return None

    return until(find)


def numbers(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in COMPARED}


def ask(
    gateway: RunningGateway, sub: str, table: bytes, how: dict[str, Any], **headers: str
) -> httpx.Response:
    """Send a table in a form."""
    return httpx.post(
        f"{gateway.url}/v1/explanations",
        headers=gateway.headers(sub) | headers,
        files={"file": ("table.csv", table, "text/csv"), "job": (None, json.dumps(how), "application/json")},
        timeout=60,
    )


def through_the_request(gateway: RunningGateway, sub: str, table: bytes, how: dict[str, Any]) -> str:
    """Return the id of a job that was computed in its request."""
    response = ask(gateway, sub, table, how)
    assert response.status_code == 200, response.text
    return str(response.json()["job_id"])


def through_the_queue(gateway: RunningGateway, sub: str, table: bytes, how: dict[str, Any]) -> str:
    """Return the id of a job that was queued, when it is done."""
    response = ask(gateway, sub, table, how, prefer="respond-async")
    assert response.status_code == 202, response.text
    job_id = str(response.json()["job_id"])
    until(lambda: is_over(gateway, sub, job_id))
    return job_id


def through_the_folder(gateway: RunningGateway, sub: str, table: bytes, how: dict[str, Any]) -> str:
    """Return the id of a job that was dropped into the bucket's folder, when it is done."""
    folder = gateway.home / "bucket" / batch_prefix(tenant(gateway, sub))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my table.json").write_text(json.dumps(how))
    (folder / "my table.csv").write_bytes(table)

    def find() -> str | None:
        found = read(gateway, sub, "/v1/jobs").json()["jobs"]
        return found[0]["job_id"] if found and found[0]["status"] == "done" else None

    return str(until(find))


DOORS = {"http": through_the_request, "queue": through_the_queue, "s3": through_the_folder}


def read(gateway: RunningGateway, sub: str, path: str) -> httpx.Response:
    return httpx.get(gateway.url + path, headers=gateway.headers(sub), timeout=60, follow_redirects=True)


def is_over(gateway: RunningGateway, sub: str, job_id: str) -> bool | None:
    job = read(gateway, sub, f"/v1/jobs/{job_id}").json()
    assert job["status"] not in ("failed", "cancelled"), job
    return True if job["status"] == "done" else None


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"model": {"family": "xgboost", "parameters": {"n_estimators": 20}}}, id="trees"),
        pytest.param(
            {
                "model": {"family": "sklearn", "name": "LogisticRegression", "n_hidden_features": 3},
                "explain": {"method": "shap", "background": 30},
                "seed": 5,
            },
            id="sampled",
        ),
        pytest.param(
            {"model": {"family": "sklearn", "name": "GaussianNB"}, "explain": {"method": "permutation"}},
            id="permutation",
        ),
    ],
)
def test_a_small_job_has_the_same_numbers_through_every_door(
    gateway: RunningGateway, ports: LocalPorts, request: pytest.FixtureRequest, how: dict[str, Any]
) -> None:
    table = b"".join(write_synthetic_table(300, 6, kind="classification"))
    files = {}

    for door, go_through in DOORS.items():
        sub = f"{request.node.name}-{door}"
        job_id = go_through(gateway, sub, table, how)
        job = ports.jobs.read(tenant(gateway, sub), job_id)
        assert (job.door, job.status, job.attempts) == (door, "done", 1)
        assert ports.usage.read(job.tenant, now=ports.clock.now()).used == 1
        path = f"/v1/jobs/{job_id}/result"
        files[door] = (
            numbers(read(gateway, sub, path).json()),
            read(gateway, sub, f"{path}?format=parquet").content,
            read(gateway, sub, f"{path}?format=csv").content,
        )

    assert files["http"][0]["explanation"]
    assert files["http"] == files["queue"] == files["s3"]


def test_what_is_dropped_in_is_told_of_in_the_folder_of_results(
    gateway: RunningGateway, ports: LocalPorts
) -> None:
    table = b"".join(write_synthetic_table(300, 6))
    job_id = through_the_folder(gateway, "dropper", table, {})

    published = told_in_the_folder(ports, tenant(gateway, "dropper"), job_id, "result.json")

    assert numbers(published) == numbers(read(gateway, "dropper", f"/v1/jobs/{job_id}/result").json())


def test_a_table_that_cannot_be_read_is_told_of_there_and_costs_nothing(
    gateway: RunningGateway, ports: LocalPorts
) -> None:
    owner = tenant(gateway, "careless")
    folder = gateway.home / "bucket" / batch_prefix(owner)
    folder.mkdir(parents=True)

    (folder / "broken.csv").write_bytes(b"a,target\n1,2\n3\n")

    (job,) = until(lambda: [job for job in ports.jobs.list(owner, limit=9).jobs if job.is_final] or None)
    problem = told_in_the_folder(ports, owner, job.job_id, "problem.json")
    assert (job.status, problem["type"]) == ("failed", "/problems/csv-ragged-rows")
    assert ports.usage.read(owner, now=ports.clock.now()).used == 0


def test_a_job_shared_out_over_the_state_machine_has_the_bytes_of_one_that_was_not(
    gateway: RunningGateway, ports: LocalPorts
) -> None:
    table = b"".join(write_synthetic_table(60_000, 6))
    how = {"model": {"family": "sklearn", "name": "Ridge"}}
    alone = through_the_queue(gateway, "alone", table, how)

    job = start_batch(ports, tenant(gateway, "many"), table, how)
    until(lambda: is_over(gateway, "many", job.job_id))

    results = {sub: f"/v1/jobs/{job_id}/result" for sub, job_id in (("alone", alone), ("many", job.job_id))}
    documents = {sub: read(gateway, sub, path).json() for sub, path in results.items()}
    assert numbers(documents["alone"]) == numbers(documents["many"])
    parquet = [read(gateway, sub, f"{path}?format=parquet").content for sub, path in results.items()]
    assert parquet[0] == parquet[1]
    until(lambda: None if ports.batches.open_batches() else True)  # it ends after the job it was for


def start_batch(ports: LocalPorts, owner: str, table: bytes, how: dict[str, Any]) -> Job:
    """Start the state machine for a job that is smaller than those it is meant for."""
    request = read_request(json.dumps(how).encode())
    pinned = store_table(owner, table, objects=ports.objects)
    n_blocks = count_blocks(prepare_explanation(table, request))
    assert n_blocks == 3
    document = document_of(request, pinned.pin)
    job_id = job_id_of(owner, document, pinned.pin.sha256)
    now = ports.clock.now()
    ports.jobs.create(new_job(owner, job_id, door="queue", document=document, now=now))
    claim = ports.jobs.claim(owner, job_id, lease_seconds=BATCH_LEASE_SECONDS, now=now)
    payload = batch_input(claim.job, n_blocks=n_blocks, seconds=1e9)  # a chunk for each block
    ports.batches.start(execution_name(claim.job), payload=payload)
    return claim.job
