"""A job in chunks: the very bytes of one process, whoever computes which block, and however often."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.row_threads import row_threads
from tests.unit.services.batch_bench import RIDGE, TENANT, Bench, table

from whybox.domain.jobs.batch_inputs import Attempt, part_name
from whybox.domain.jobs.jobs import Job
from whybox.errors import BackingServiceError, DependencyUnavailableError, OutOfTimeError
from whybox.services.charge_job import job_receipt
from whybox.services.estimate_job import Limits
from whybox.services.explain_chunk import explain_chunk
from whybox.services.merge_chunks import merge_chunks

N_ROWS = 17_600
N_EXPLAINED = 16_720  # three blocks
MOST = {**RIDGE, "split": {"test_size": 0.95}}
BLOCKS = [0, 3]


@pytest.fixture(scope="module")
def content() -> bytes:
    return table(N_ROWS)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path, limits=Limits(light_memory_mb=1))


def begun(bench: Bench, content: bytes, request: dict | None = None) -> Job:
    """A job that its execution holds, with its unit reserved."""
    job = bench.start(bench.drop(content, request=request or MOST))
    bench.usage.reserve(TENANT, receipt_id=job_receipt(job.job_id), lease_seconds=1e5, now=bench.clock.now())
    return bench.jobs.claim(TENANT, job.job_id, lease_seconds=3600, now=bench.clock.now()).job


def attempt_at(job: Job) -> Attempt:
    return Attempt(TENANT, job.job_id, job.fence)


def explain(bench: Bench, job: Job, *blocks: int) -> int:
    wanted = range(*(blocks or BLOCKS))
    return explain_chunk(attempt_at(job), wanted, worker=bench.worker, **bench.stores)


def merge(bench: Bench, job: Job) -> str:
    return merge_chunks(attempt_at(job), worker=bench.worker, **bench.stores).status


def numbers(document: bytes) -> dict:
    """A result without what is of the way it was computed in."""
    found = json.loads(document)
    for name in ("seconds", "route", "function"):
        found["receipt"].pop(name)
    return found


def test_chunks_in_any_order_make_the_bytes_that_one_process_makes(bench, tmp_path, content):
    job = begun(bench, content)
    whole = Bench(tmp_path / "whole", limits=Limits(light_memory_mb=100_000))
    alone = whole.start(whole.drop(content, request=MOST))

    assert [explain(bench, job, 2, 3), explain(bench, job, 0, 1), explain(bench, job, 1, 2)] == [1, 1, 1]
    assert merge(bench, job) == "done"

    ours, theirs = bench.published(job), whole.published(alone)
    assert alone.job_id == job.job_id
    assert set(ours) == set(theirs)
    for name in set(ours) - {"result.json", "report.html"}:
        assert ours[name] == theirs[name], name
    assert numbers(ours["result.json"]) == numbers(theirs["result.json"])
    assert bench.used() == whole.used() == 1


def test_a_chunk_is_explained_in_its_functions_threads_with_the_bytes_of_one(bench, content):
    job = begun(bench, content, {**MOST, "model": {"family": "xgboost", "parameters": {"n_estimators": 5}}})
    parts, n_names = [], []
    for n_threads in (1, 2):
        bench.worker = replace(bench.worker, n_threads=n_threads)
        with row_threads() as names:
            assert explain(bench, job, 0, 1) == 1
        [key] = [it.key for it in bench.objects.list(f"results/{TENANT}/") if it.key.endswith(part_name(0))]
        parts.append(bench.objects.get(key))
        bench.objects.delete_all(key.removesuffix(part_name(0)))
        n_names.append(len(names))

    assert parts[0] == parts[1]
    assert n_names[0] == 0 < n_names[1]


def test_blocks_that_are_stored_are_not_computed_again_and_progress_is_told(bench, content):
    job = begun(bench, content)

    assert explain(bench, job, 0, 2) == 2
    told = bench.jobs.read(TENANT, job.job_id)
    assert (told.rows_done, told.rows_total) == (2 * 8_192, N_EXPLAINED)
    assert explain(bench, job) == 1
    assert explain(bench, job) == 0
    assert bench.jobs.read(TENANT, job.job_id).rows_done == N_EXPLAINED


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


@pytest.mark.parametrize("is_late", [False, True])
def test_whatever_call_fails_the_same_tasks_again_end_with_one_result(tmp_path, content, is_late):
    limits = Limits(light_memory_mb=1)
    counting = Bench(tmp_path / "counted", limits=limits)
    job = begun(counting, content)
    counted = counting.fail(None)
    explain(counting, job)
    merge(counting, job)
    counting.heal()
    expected = counting.published(job)["attributions.parquet"]

    for number in range(int(is_late), counted.n_calls, 5):
        bench = Bench(tmp_path / f"{number}", limits=limits)
        job = begun(bench, content)
        bench.fail(number, is_late=is_late)
        for step in (explain, merge):
            try:
                step(bench, job)
            except BackingServiceError:
                bench.heal()
                step(bench, job)
        bench.heal()

        assert bench.jobs.read(TENANT, job.job_id).status == "done"
        assert bench.published(job)["attributions.parquet"] == expected
        assert bench.used() == 1
