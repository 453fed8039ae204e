"""Tables put into a bucket come back explained, through its notifications and the functions as deployed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import fastparquet
import numpy as np
import pytest
from tests.contract.state_machines import Execution
from tests.integration.emulated_functions import Context, Stack, running_stack

from whybox.domain.jobs.job_documents import TablePin, document_of, job_id_of
from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.jobs.s3_records import DroppedTable, write_notification
from whybox.http.dropped_tables import read_request

RIDGE = {"target": "y", "model": {"family": "sklearn", "name": "Ridge"}, "split": {"test_size": 0.5}}
RESULT = {"result.json", "attributions.parquet", "report.html"}
LITTLE_MEMORY = Context("ExplainBatch", memory_limit_in_mb="1")
LITTLE_TIME = Context("ExplainHeavy", seconds=5.0)


def table(n_rows: int = 40, *, shift: float = 0.0) -> bytes:
    rows = (f"{i % 7},{i % 5},{(i % 7) + 0.5 * (i % 5) + shift}" for i in range(n_rows))
    return ("a,b,y\n" + "\n".join(rows) + "\n").encode()


@pytest.fixture(scope="module")
def account() -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch, running_stack(patch) as running:
        yield running


@pytest.fixture
def stack(account) -> Stack:
    account.begin_anew()
    return account


def numbers(document: bytes) -> dict[str, Any]:
    """A result without what is of the way it was computed in."""
    found: dict[str, Any] = json.loads(document)
    for name in ("seconds", "route", "function"):
        found["receipt"].pop(name)
    return found


def test_the_bucket_tries_its_queue_and_that_is_no_table(account):
    (record,) = account.receive("BatchQueue")

    assert json.loads(record["body"])["Event"] == "s3:TestEvent"
    assert account.deliver("BatchQueue", "ExplainBatch") == []
    assert account.receive("BatchQueue") == []


def test_a_table_put_into_the_bucket_comes_back_explained(stack):
    stack.drop(table(), "my table+1%ü.csv", RIDGE)

    assert stack.deliver("BatchQueue", "ExplainBatch") == []

    (job,) = stack.jobs()
    files = stack.published(job)
    assert (job.status, job.door, job.attempts) == ("done", "s3", 1)
    assert set(files) >= RESULT
    found = fastparquet.ParquetFile(io.BytesIO(files["attributions.parquet"])).to_pandas()
    np.testing.assert_allclose(
        found["base_value"] + found["value.a"] + found["value.b"], found["y_pred"], atol=1e-9
    )
    assert stack.used() == 1


def test_a_bad_record_in_a_batch_of_ten_comes_back_alone(stack):
    for number in range(8):
        stack.drop(table(shift=number), f"{number}.csv", RIDGE)
    stack.drop(b"this,is\nno table\n", "poison.csv", RIDGE)
    stack.send("BatchQueue", "this is no notification")
    records = stack.receive("BatchQueue")
    bad = [record["messageId"] for record in records if record["body"] == "this is no notification"]

    failed = stack.deliver("BatchQueue", "ExplainBatch")

    assert len(records) == 10
    assert failed == bad
    assert sorted(job.status for job in stack.jobs()) == ["done"] * 8 + ["failed"]
    assert {job.attempts for job in stack.jobs()} == {1}
    (poison,) = (job for job in stack.jobs() if job.status == "failed")
    assert set(stack.published(poison)) == {"problem.json"}
    assert stack.used() == 8
    assert [record["messageId"] for record in stack.receive("BatchQueue")] == bad


def test_the_same_news_three_times_in_any_order_is_one_job_for_each_version(stack):
    versions = [stack.drop(table(shift=shift), request=RIDGE) for shift in (0.0, 1.0)]
    stack.empty("BatchQueue")
    key = f"batch/{stack.tenant}/t.csv"
    news = [write_notification(DroppedTable(stack.tenant, key, version)) for version in versions]
    stack.send("BatchQueue", news[1], news[0], news[0], news[1], news[0], news[1])

    assert stack.deliver("BatchQueue", "ExplainBatch") == []
    assert [(job.status, job.attempts) for job in stack.jobs()] == [("done", 1)] * 2
    assert stack.used() == 2


def test_a_large_job_goes_on_to_the_heavy_function(stack):
    stack.contexts["ExplainBatch"] = LITTLE_MEMORY
    stack.drop(table(), request=RIDGE)
    stack.deliver("BatchQueue", "ExplainBatch")
    assert [job.status for job in stack.jobs()] == ["queued"]

    assert stack.deliver("ExplainQueue", "ExplainHeavy") == []

    (job,) = stack.jobs()
    assert (job.status, job.actual["function"]) == ("done", "ExplainHeavy")
    assert set(stack.published(job)) >= RESULT


def test_a_function_that_is_about_to_be_ended_gives_the_job_back(stack):
    stack.contexts |= {"ExplainBatch": LITTLE_MEMORY, "ExplainHeavy": LITTLE_TIME}
    stack.drop(table(), request=RIDGE)
    stack.deliver("BatchQueue", "ExplainBatch")

    assert len(stack.deliver("ExplainQueue", "ExplainHeavy")) == 1

    (job,) = stack.jobs()
    assert (job.status, job.result_key) == ("queued", None)
    assert stack.published(job) == {}
    stack.contexts.clear()
    assert stack.deliver("ExplainQueue", "ExplainHeavy") == []
    assert [job.status for job in stack.jobs()] == ["done"]
    assert stack.used() == 1


def test_dead_letters_of_both_queues_end_as_failed_jobs_without_charge(stack):
    stack.contexts["ExplainBatch"] = LITTLE_MEMORY
    stack.drop(table(), "one.csv", request=RIDGE)
    stack.drop(table(shift=1.0), "two.csv", request=RIDGE)
    letters = [record["body"] for record in stack.receive("BatchQueue")]
    stack.deliver("BatchQueue", "ExplainBatch")
    one = next(job for job in stack.jobs() if "one.csv" in job.document["source"]["key"])
    stack.send("ExplainDeadLetters", write_message(one))
    stack.send("BatchDeadLetters", *letters, "this is no letter")

    assert stack.deliver("ExplainDeadLetters", "FailJob") == []
    assert len(stack.deliver("BatchDeadLetters", "FailJob")) == 1

    assert [job.status for job in stack.jobs()] == ["failed"] * 2
    for job in stack.jobs():
        assert json.loads(stack.published(job)["problem.json"])["type"] == "/problems/internal"
    assert stack.used() == 0


def test_a_sweep_finds_nothing_where_nothing_was_lost(stack):
    stack.drop(table(), request=RIDGE)
    stack.deliver("BatchQueue", "ExplainBatch")

    assert stack.call("Sweep", {}) == {"n_refunded": 0, "n_sent": 0, "n_ended": 0, "n_told": 0}


def queue_job(stack: Stack, content: bytes, *, estimate: dict[str, Any] | None = None) -> Job:
    """Queue the job of a dropped table, with an estimate of the test's own."""
    version = stack.drop(content)
    stack.empty("BatchQueue")
    found = stack.ports.objects.head(f"batch/{stack.tenant}/t.csv", version=version)
    digest = hashlib.sha256(content).hexdigest()
    pin = TablePin(found.key, found.version, digest, len(content))
    document = document_of(read_request(json.dumps(MOST).encode()), pin)
    job = new_job(
        stack.tenant,
        job_id_of(stack.tenant, document, digest),
        door="s3",
        document=document,
        now=stack.ports.clock.now(),
        estimate=estimate,
    )
    stack.send("ExplainQueue", write_message(stack.ports.jobs.create(job)))
    return job


MOST = {
    "target": "y",
    "split": {"test_size": 0.95},
    "model": {"family": "xgboost", "parameters": {"n_estimators": 20}},
}
N_ROWS = 165_000  # 156,750 are explained: 20 blocks


def test_a_distributed_map_over_20_chunks_makes_the_bytes_that_one_function_makes(stack):
    content = table(N_ROWS)
    queue_job(stack, content)
    assert stack.deliver("ExplainQueue", "ExplainHeavy") == []
    (alone,) = stack.jobs()
    expected = stack.published(alone)
    stack.begin_anew()
    queue_job(stack, content, estimate={"seconds": 20 * 120.0, "memory_mb": 500.0, "route": "batch"})

    assert stack.deliver("ExplainQueue", "ExplainHeavy") == []
    (started,) = stack.jobs()
    execution = stack.machine.end_of(f"{started.job_id}-{started.fence}")

    (job,) = stack.jobs()
    files = stack.published(job)
    parts = list(stack.ports.objects.list(f"results/{stack.tenant}/{job.job_id}/1/part-"))
    assert started.status == "running"
    assert execution == Execution("SUCCEEDED", {"status": "done"}, None)
    assert (job.status, job.attempts, job.rows_done) == ("done", 1, 156_750)
    assert len(parts) == 20
    assert set(files) == set(expected)
    for name in set(files) - {"result.json", "report.html"}:
        assert files[name] == expected[name], name
    assert numbers(files["result.json"]) == numbers(expected["result.json"])
    assert stack.used() == 1


def test_a_batch_whose_chunks_fail_for_good_ends_failed_and_uncharged(stack):
    stack.contexts["ExplainHeavy"] = LITTLE_TIME
    queue_job(stack, table(20_000), estimate={"seconds": 360.0, "memory_mb": 500.0, "route": "batch"})

    assert stack.deliver("ExplainQueue", "ExplainHeavy") == []
    (started,) = stack.jobs()
    execution = stack.machine.end_of(f"{started.job_id}-{started.fence}")

    (job,) = stack.jobs()
    assert execution == Execution("FAILED", None, "JobFailed")
    assert (job.status, job.attempts) == ("failed", 1)
    assert json.loads(stack.published(job)["problem.json"])["type"] == "/problems/internal"
    assert stack.used() == 0
