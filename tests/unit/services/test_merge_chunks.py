"""A job in chunks: the very bytes of one process, whoever computes which block, and however often."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.services.batch_bench import RIDGE, TENANT, Bench, table

from whybox.domain.jobs.batch_inputs import Attempt
from whybox.domain.jobs.jobs import Job
from whybox.errors import BackingServiceError, DependencyUnavailableError, OutOfTimeError
from whybox.services.charge_job import job_receipt
from whybox.services.estimate_job import Limits
from whybox.services.run_task import run_task

N_ROWS = 40_000  # half of them are explained: three blocks
BLOCKS = [0, 3]


@pytest.fixture(scope="module")
def content() -> bytes:
    return table(N_ROWS)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path, limits=Limits(light_memory_mb=1))


def begun(bench: Bench, content: bytes, request: dict | None = None) -> Job:
    """A job that its execution holds, with its unit reserved."""
    job = bench.start(bench.drop(content, request=request or RIDGE))
    bench.usage.reserve(TENANT, receipt_id=job_receipt(job.job_id), lease_seconds=1e5, now=bench.clock.now())
    return bench.jobs.claim(TENANT, job.job_id, lease_seconds=3600, now=bench.clock.now()).job


def task(bench: Bench, job: Job, name: str, **more) -> dict:
    attempt = Attempt(TENANT, job.job_id, job.fence)
    event = {"tenant": attempt.tenant, "job_id": attempt.job_id, "fence": attempt.fence}
    return run_task(event | {"task": name, **more}, worker=bench.worker, **bench.stores)


def explain(bench: Bench, job: Job, *blocks: int) -> int:
    return task(bench, job, "explain_chunk", blocks=list(blocks or BLOCKS))["n_blocks"]


def merge(bench: Bench, job: Job) -> str:
    return task(bench, job, "merge_chunks")["status"]


def without_seconds(document: bytes) -> dict:
    found = json.loads(document)
    found["receipt"].pop("seconds")
    return found


def test_chunks_in_any_order_make_the_bytes_that_one_process_makes(bench, tmp_path, content):
    job = begun(bench, content)
    whole = Bench(tmp_path / "whole", limits=Limits(light_memory_mb=100_000))
    alone = whole.start(whole.drop(content, request=RIDGE))

    assert [explain(bench, job, 2, 3), explain(bench, job, 0, 1), explain(bench, job, 1, 2)] == [1, 1, 1]
    assert merge(bench, job) == "done"

    ours, theirs = bench.published(job), whole.published(alone)
    assert alone.job_id == job.job_id
    assert set(ours) == set(theirs)
    for name in set(ours) - {"result.json", "report.html"}:
        assert ours[name] == theirs[name], name
    assert without_seconds(ours["result.json"]) == without_seconds(theirs["result.json"])
    assert bench.used() == whole.used() == 1


def test_blocks_that_are_stored_are_not_computed_again_and_progress_is_told(bench, content):
    job = begun(bench, content)

    assert explain(bench, job, 0, 2) == 2
    told = bench.jobs.read(TENANT, job.job_id)
    assert (told.rows_done, told.rows_total) == (2 * 8_192, N_ROWS // 2)
    assert explain(bench, job) == 1
    assert explain(bench, job) == 0
    assert bench.jobs.read(TENANT, job.job_id).rows_done == N_ROWS // 2


def test_an_attempt_that_is_over_computes_nothing_and_changes_nothing(bench, content):
    job = begun(bench, content)
    bench.clock.advance(3601)
    later = bench.jobs.claim(TENANT, job.job_id, lease_seconds=3600, now=bench.clock.now()).job

    assert explain(bench, job) == 0
    assert merge(bench, job) == "running"
    assert bench.jobs.read(TENANT, job.job_id) == later


def test_a_cancelled_job_is_ended_by_its_next_block_and_refunded(bench, content):
    job = begun(bench, content)
    explain(bench, job, 0, 1)
    bench.jobs.request_cancel(TENANT, job.job_id, now=bench.clock.now())

    assert explain(bench, job) == 0
    assert bench.jobs.read(TENANT, job.job_id).status == "cancelled"
    assert merge(bench, job) == "cancelled"
    assert bench.used() == 0


def test_a_cancelled_job_is_not_merged(bench, content):
    job = begun(bench, content)
    explain(bench, job)
    bench.jobs.request_cancel(TENANT, job.job_id, now=bench.clock.now())

    assert merge(bench, job) == "cancelled"
    assert bench.used() == 0


def test_a_chunk_whose_time_is_nearly_over_stops_and_goes_on_where_it_was(bench, content):
    job = begun(bench, content)
    seconds = iter([900.0, 900.0, 5.0])
    bench.remaining = lambda: next(seconds)

    with pytest.raises(OutOfTimeError):
        explain(bench, job)
    bench.remaining = lambda: 900.0
    n_stored = 3 - explain(bench, job)

    assert n_stored == 1
    assert merge(bench, job) == "done"


def test_a_table_that_was_deleted_meanwhile_ends_the_job_and_refunds_it(bench, content):
    job = begun(bench, content)
    bench.objects.delete_all(f"batch/{TENANT}/")

    assert explain(bench, job) == 0
    ended = bench.jobs.read(TENANT, job.job_id)
    assert ended.problem["type"] == "/problems/upload-expired"
    assert json.loads(bench.published(ended)["problem.json"]) == ended.problem
    assert bench.used() == 0


def test_a_merge_without_a_block_is_to_be_tried_again(bench, content):
    job = begun(bench, content)
    explain(bench, job, 0, 2)

    with pytest.raises(DependencyUnavailableError):
        merge(bench, job)
    explain(bench, job)
    assert merge(bench, job) == "done"


def test_a_merge_that_was_cut_off_after_the_end_charges_and_publishes_again(bench, content):
    job = begun(bench, content)
    explain(bench, job)
    assert merge(bench, job) == "done"
    bench.usage.refund(TENANT, receipt_id=job_receipt(job.job_id))

    assert merge(bench, job) == "done"
    assert bench.used() == 1


def test_a_task_of_another_name_is_refused(bench, content):
    job = begun(bench, content)

    with pytest.raises(ValueError, match="no task"):
        task(bench, replace(job), "dance")


@pytest.mark.parametrize("is_late", [False, True])
def test_whatever_call_fails_the_same_tasks_again_end_with_one_result(tmp_path, content, is_late):
    limits = Limits(light_memory_mb=1)
    counting = Bench(tmp_path / "counted", limits=limits)
    job = begun(counting, content)
    counted = counting.fail(None)
    explain(counting, job)
    merge(counting, job)
    expected = counting.published(job)["attributions.parquet"]

    for number in range(0, counted.n_calls, 3):
        bench = Bench(tmp_path / f"{number}", limits=limits)
        job = begun(bench, content)
        bench.fail(number, is_late=is_late)
        for step in (explain, merge):
            try:
                step(bench, job)
            except BackingServiceError:
                bench.heal()
                step(bench, job)

        assert bench.jobs.read(TENANT, job.job_id).status == "done"
        assert bench.published(job)["attributions.parquet"] == expected
        assert bench.used() == 1
