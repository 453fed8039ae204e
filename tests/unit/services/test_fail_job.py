"""What nobody could bring to an end is ended once, refunded after that, and told to its owner."""

from __future__ import annotations

import json

import pytest
from tests.unit.services.batch_bench import RIDGE, TENANT, Bench, table

from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.jobs.s3_records import DroppedTable, UnreadableNotificationError, write_notification
from whybox.errors import BackingServiceError, JobBusyError
from whybox.services.bury_letter import bury_letter
from whybox.services.charge_job import job_receipt
from whybox.services.estimate_job import Limits
from whybox.services.fail_job import fail_job

PROBLEM = {"type": "/problems/internal", "status": 500}


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def crashed(bench: Bench, *, door: str = "queue", n_attempts: int = 5) -> Job:
    """A job whose worker was ended so many times, with its unit reserved."""
    job = bench.jobs.create(new_job(TENANT, "j", door=door, document={}, now=bench.clock.now()))
    bench.usage.reserve(TENANT, receipt_id=job_receipt("j"), lease_seconds=1e5, now=bench.clock.now())
    for _ in range(n_attempts):
        job = bench.jobs.claim(TENANT, "j", lease_seconds=120, now=bench.clock.now()).job
        bench.clock.advance(5400)
    return job


def test_a_job_that_crashed_too_often_is_marked_failed_and_refunded(bench):
    crashed(bench)

    (job,) = bury_letter(write_message(crashed_job := bench.jobs.read(TENANT, "j")), PROBLEM, **bench.stores)

    assert crashed_job.attempts == 5
    assert (job.status, job.attempts, job.problem) == ("failed", 5, PROBLEM)
    assert bench.used() == 0
    assert bench.published(job) == {}


def test_a_dropped_table_that_crashed_its_function_is_told_to_its_owner(bench):
    bench.limits = Limits(light_memory_mb=1)
    dropped = bench.drop(table(), request=RIDGE)
    job = bench.start(dropped)

    (ended,) = bury_letter(write_notification(dropped), PROBLEM, **bench.stores)

    assert (ended.job_id, ended.status) == (job.job_id, "failed")
    assert json.loads(bench.published(ended)["problem.json"]) == PROBLEM


def test_a_dropped_table_that_never_became_a_job_is_told_to_its_owner_too(bench):
    dropped = bench.drop(table())

    (ended,) = bury_letter(write_notification(dropped), PROBLEM, **bench.stores)

    assert ended.status == "failed"
    assert json.loads(bench.published(ended)["problem.json"]) == PROBLEM
    assert bench.taken() == {f"{dropped.key}@{dropped.version}": ended.job_id}
    assert bury_letter(write_notification(dropped), PROBLEM, **bench.stores) == (ended,)


def test_a_letter_about_a_job_that_was_done_after_all_changes_nothing(bench):
    dropped = bench.drop(table(), request=RIDGE)
    job = bench.start(dropped)

    assert bury_letter(write_notification(dropped), PROBLEM, **bench.stores) == (job,)
    assert bury_letter(write_message(job), PROBLEM, **bench.stores) == (job,)
    assert bench.used() == 1


def test_a_job_that_is_being_worked_on_keeps_its_letter(bench):
    job = crashed(bench, n_attempts=4)
    bench.jobs.claim(TENANT, "j", lease_seconds=120, now=bench.clock.now())

    with pytest.raises(JobBusyError):
        bury_letter(write_message(job), PROBLEM, **bench.stores)
    assert bench.jobs.read(TENANT, "j").status == "running"
    assert bench.used() == 1


def test_a_job_that_was_to_be_cancelled_ends_so(bench):
    job = crashed(bench)
    bench.jobs.request_cancel(TENANT, "j", now=bench.clock.now())

    (ended,) = bury_letter(write_message(job), PROBLEM, **bench.stores)

    assert (ended.status, ended.problem) == ("cancelled", None)
    assert bench.used() == 0


def test_a_letter_about_nothing_stays_where_an_operator_sees_it(bench):
    with pytest.raises(UnreadableNotificationError):
        bury_letter("hello", PROBLEM, **bench.stores)


def test_a_letter_about_a_job_that_was_deleted_is_done_with(bench):
    job = new_job(TENANT, "gone", door="queue", document={}, now=bench.clock.now())

    assert bury_letter(write_message(job), PROBLEM, **bench.stores) == ()


def test_an_execution_ends_its_own_attempt_and_no_other(bench):
    running = bench.jobs.create(new_job(TENANT, "j", door="s3", document={}, now=bench.clock.now()))
    running = bench.jobs.claim(TENANT, "j", lease_seconds=3600, now=bench.clock.now()).job

    other = fail_job(TENANT, "j", PROBLEM, fence=running.fence + 1, **bench.stores)
    ended = fail_job(TENANT, "j", PROBLEM, fence=running.fence, **bench.stores)
    again = fail_job(TENANT, "j", PROBLEM, fence=running.fence, **bench.stores)

    assert other is not None
    assert other.status == "running"
    assert ended is not None
    assert ended.status == "failed"
    assert again == ended


@pytest.mark.parametrize("is_late", [False, True])
def test_whatever_call_fails_the_letter_comes_back_and_the_refund_is_one(tmp_path, is_late):
    counting = Bench(tmp_path / "counted")
    letter = write_message(crashed(counting))
    counted = counting.fail(None)
    bury_letter(letter, PROBLEM, **counting.stores)

    for number in range(counted.n_calls):
        bench = Bench(tmp_path / f"{number}")
        crashed(bench)
        bench.fail(number, is_late=is_late)
        with pytest.raises(BackingServiceError):
            bury_letter(letter, PROBLEM, **bench.stores)
        bench.heal()
        bench.clock.advance(5400)

        (job,) = bury_letter(letter, PROBLEM, **bench.stores)

        assert job.status == "failed"
        assert bench.used() == 0


def test_a_table_that_is_gone_has_its_letter_buried_all_the_same(bench):
    letter = write_notification(DroppedTable(TENANT, f"batch/{TENANT}/gone.csv"))

    (job,) = bury_letter(letter, PROBLEM, **bench.stores)

    assert job.status == "failed"
