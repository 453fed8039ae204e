"""Holding a job: its lease is renewed whatever the work does, and the work learns when it is to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from tests.unit.services.batch_bench import TENANT, Bench, Failing, Failures

from whybox.domain.jobs.jobs import Job, new_job
from whybox.errors import JobCancelledError, LeaseLostError, OutOfTimeError
from whybox.services.hold_job import CLAIM_SECONDS, JobHold, describe_actual, hold_job


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def job(bench) -> Job:
    bench.jobs.create(new_job(TENANT, "j", door="queue", document={}, now=bench.clock.now()))
    claimed: Job = bench.jobs.claim(TENANT, "j", lease_seconds=CLAIM_SECONDS, now=bench.clock.now()).job
    return claimed


def hold(bench: Bench, job: Job, *, safety_seconds: float = 10.0) -> JobHold:
    return JobHold(
        job, jobs=bench.jobs, clock=bench.clock, worker=bench.worker, safety_seconds=safety_seconds
    )


def stored(bench: Bench) -> Job:
    found: Job = bench.jobs.read(TENANT, "j")
    return found


def test_how_many_rows_there_are_is_told_before_any_is_done(bench, job):
    hold(bench, job).begin(500)

    assert (stored(bench).rows_done, stored(bench).rows_total) == (0, 500)


def test_progress_renews_the_lease_and_is_told_at_most_once_a_second(bench, job):
    held = hold(bench, job)
    held.begin(500)

    held.on_rows(100)
    assert stored(bench).rows_done == 0
    bench.clock.advance(1.5)
    held.on_rows(200)

    assert stored(bench).rows_done == 200
    assert stored(bench).due_at > bench.clock.now() + timedelta(seconds=CLAIM_SECONDS - 1)


def test_work_that_takes_long_keeps_its_lease(bench, job):
    """A fit asks nobody anything for minutes; another thread says that its worker lives."""
    beaten = Event()

    class Listening:
        def __getattr__(self, name: str) -> Any:
            return getattr(bench.jobs, name)

        def renew(self, *arguments: Any, **keywords: Any) -> Job:
            renewed: Job = bench.jobs.renew(*arguments, **keywords)
            beaten.set()
            return renewed

    bench.clock.advance(100)
    with hold_job(
        job, jobs=Listening(), clock=bench.clock, worker=bench.worker, safety_seconds=1, beat_seconds=0.01
    ):
        assert beaten.wait(20)

    assert stored(bench).due_at > bench.clock.now() + timedelta(seconds=CLAIM_SECONDS - 1)


def test_a_job_that_another_worker_has_stops_the_work(bench, job):
    held = hold(bench, job)
    bench.clock.advance(CLAIM_SECONDS + 1)
    bench.jobs.claim(TENANT, "j", lease_seconds=60, now=bench.clock.now())

    with pytest.raises(LeaseLostError):
        held.on_rows(1)


def test_a_job_that_is_wanted_no_more_stops_the_work(bench, job):
    held = hold(bench, job)
    bench.jobs.request_cancel(TENANT, "j", now=bench.clock.now())
    held.on_rows(1)
    bench.clock.advance(1.5)

    with pytest.raises(JobCancelledError):
        held.on_rows(2)


def test_the_work_stops_before_the_function_is_ended(bench, job):
    bench.remaining = lambda: 10.1
    hold(bench, job).on_rows(1)
    bench.remaining = lambda: 9.9

    with pytest.raises(OutOfTimeError):
        hold(bench, job).on_rows(2)


def test_a_store_that_does_not_answer_is_asked_again_later(bench, job):
    failures = Failures(at=0)
    held = JobHold(
        job, jobs=Failing(bench.jobs, failures), clock=bench.clock, worker=bench.worker, safety_seconds=1
    )
    held.n_rows = 9

    bench.clock.advance(1.5)
    held.on_rows(3)
    assert stored(bench).rows_done == 0
    held.on_rows(4)

    assert (failures.n_calls, stored(bench).rows_done) == (2, 4)


def test_what_a_job_took_counts_from_its_first_worker_on(bench, job):
    bench.clock.advance(12.3456)

    actual = describe_actual(replace(job, attempts=2), worker=bench.worker, clock=bench.clock)

    assert actual == {
        "seconds": pytest.approx(12.346, abs=0.5),
        "peak_memory_mb": 1.0,
        "function": "ExplainBatch",
    }
