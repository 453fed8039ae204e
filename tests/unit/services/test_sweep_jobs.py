"""The sweep finds what was lost: news, messages, workers, reservations; it leaves what is on its way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.services.batch_bench import RIDGE, TENANT, Bench, table

from whybox.domain.jobs.job_messages import read_message
from whybox.domain.jobs.jobs import Door, Job, new_job
from whybox.domain.jobs.s3_records import read_notification
from whybox.errors import DependencyUnavailableError
from whybox.services.charge_job import job_receipt
from whybox.services.sweep_jobs import Sweep, sweep_jobs

PROBLEM = {"type": "/problems/internal", "status": 500}
MINUTES = timedelta(minutes=1).total_seconds()
NOTHING = Sweep(n_refunded=0, n_sent=0, n_ended=0, n_told=0)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def sweep(bench: Bench) -> Sweep:
    return sweep_jobs(
        PROBLEM, explain_queue=bench.explain_queue, batch_queue=bench.batch_queue, **bench.stores
    )


def queued(bench: Bench, door: Door = "queue") -> Job:
    job: Job = bench.jobs.create(new_job(TENANT, "j", door=door, document={}, now=bench.clock.now()))
    bench.usage.reserve(TENANT, receipt_id=job_receipt("j"), lease_seconds=1e6, now=bench.clock.now())
    return job


def running(bench: Bench, *, n_attempts: int = 1, door: Door = "queue") -> Job:
    job = queued(bench, door)
    for _ in range(n_attempts):
        job = bench.jobs.claim(TENANT, "j", lease_seconds=120, now=bench.clock.now()).job
        bench.clock.advance(121)
    return job


def test_a_table_that_nobody_was_told_of_is_found_within_fifteen_minutes(bench):
    dropped = bench.drop(table(), "my table+1.csv", request=RIDGE)
    assert sweep(bench) == NOTHING
    bench.clock.advance(10 * MINUTES)

    found = sweep(bench)

    assert found.n_told == 1
    (message,) = bench.messages("batch_queue")
    (told,) = read_notification(message).tables
    assert told.key == dropped.key
    assert bench.start(told).status == "done"
    assert bench.start(dropped).status == "done"
    assert bench.used() == 1
    assert sweep(bench) == NOTHING


def test_what_became_a_job_or_was_refused_is_not_told_of_again(bench):
    bench.start(bench.drop(table(), request=RIDGE))
    bench.start(bench.drop(b"no table", "bad.csv"))
    bench.objects.put(f"batch/{TENANT}/notes.txt", b"x", content_type="text/plain")
    bench.objects.put("batch/somebody/t.csv", b"x", content_type="text/csv")
    bench.clock.advance(60 * MINUTES)

    assert sweep(bench) == NOTHING


def test_a_newer_version_that_nobody_was_told_of_is_found_behind_an_older_one(bench):
    bench.start(bench.drop(table(), request=RIDGE))
    newer = bench.drop(table(50))
    bench.clock.advance(10 * MINUTES)

    assert sweep(bench).n_told == 1
    (told,) = read_notification(bench.messages("batch_queue")[0]).tables
    assert bench.start(told) == bench.start(newer)
    assert len(bench.all_jobs()) == 2


def test_a_job_whose_message_was_lost_is_sent_again_after_a_quarter_of_an_hour(bench):
    queued(bench)
    bench.clock.advance(14 * MINUTES)
    assert sweep(bench) == NOTHING
    bench.clock.advance(2 * MINUTES)

    assert sweep(bench).n_sent == 1
    assert [read_message(body).job_id for body in bench.messages()] == ["j"]
    job = bench.jobs.read(TENANT, "j")
    assert (job.status, job.attempts) == ("queued", 0)
    assert sweep(bench) == NOTHING


def test_a_silent_worker_is_left_to_the_queue_for_two_hours(bench):
    running(bench)
    bench.clock.advance(110 * MINUTES)
    assert sweep(bench) == NOTHING
    bench.clock.advance(10 * MINUTES)

    assert sweep(bench).n_sent == 1
    assert bench.jobs.read(TENANT, "j").status == "queued"
    assert bench.used() == 1


def test_a_job_that_died_in_its_request_is_sent_at_once_for_no_queue_knows_of_it(bench):
    running(bench, door="http")

    assert sweep(bench).n_sent == 1
    assert [read_message(body).job_id for body in bench.messages()] == ["j"]
    assert bench.used() == 1


def test_a_job_of_a_request_that_the_queue_has_had_since_is_left_to_the_queue(bench):
    running(bench, door="http", n_attempts=2)

    assert sweep(bench) == NOTHING


def test_a_worker_that_is_at_work_is_left_alone(bench):
    queued(bench)
    bench.clock.advance(180 * MINUTES)
    bench.jobs.claim(TENANT, "j", lease_seconds=120, now=bench.clock.now())

    assert sweep(bench) == NOTHING


def test_a_job_that_was_attempted_too_often_is_ended_and_refunded(bench):
    running(bench, n_attempts=5)
    bench.clock.advance(130 * MINUTES)

    assert sweep(bench).n_ended == 1
    job = bench.jobs.read(TENANT, "j")
    assert (job.status, job.problem, job.attempts) == ("failed", PROBLEM, 5)
    assert bench.used() == 0


def test_a_job_that_was_to_be_cancelled_when_its_worker_died_is_cancelled(bench):
    running(bench)
    bench.jobs.request_cancel(TENANT, "j", now=bench.clock.now())
    bench.clock.advance(130 * MINUTES)

    assert sweep(bench).n_ended == 1
    assert bench.jobs.read(TENANT, "j").status == "cancelled"
    assert bench.used() == 0


def test_a_reservation_that_nobody_will_settle_is_given_back(bench):
    bench.usage.reserve(TENANT, receipt_id="r", lease_seconds=60, now=bench.clock.now())
    bench.clock.advance(2 * MINUTES)

    assert sweep(bench).n_refunded == 1
    assert bench.used() == 0


def test_a_sweep_that_fails_is_made_good_by_the_next(bench):
    bench.drop(table(), request=RIDGE)
    queued(bench)
    bench.clock.advance(16 * MINUTES)
    n_failed = 0
    for number in range(60):
        bench.heal()
        bench.fail(number)
        try:
            sweep(bench)
        except DependencyUnavailableError:
            n_failed += 1
        bench.clock.advance(16 * MINUTES)
    bench.heal()

    assert n_failed > 5
    assert {read_message(body).job_id for body in bench.messages()} == {"j"}
    assert read_notification(bench.messages("batch_queue")[0]).tables
    assert bench.jobs.read(TENANT, "j").status == "queued"
