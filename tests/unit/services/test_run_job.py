"""Running queued jobs: whatever fails and however often it is delivered, one result and one charge."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.row_threads import row_threads
from tests.unit.services.batch_bench import TENANT, Failing, Failures
from tests.unit.services.explained_tables import (
    RIDGE,
    UNDEFINED,
    XGBOOST,
    classify,
    regress,
    write_one_sided_table,
    write_table,
)
from tests.unit.services.job_desk import LATER, JobDesk

from whybox.domain.jobs.job_documents import document_of
from whybox.domain.jobs.jobs import Job, new_job
from whybox.errors import (
    BackingServiceError,
    DependencyUnavailableError,
    JobBusyError,
    JobNotFoundError,
    LeaseLostError,
    OutOfTimeError,
)
from whybox.services.cancel_job import cancel_job
from whybox.services.charge_job import JOB_LEASE, job_receipt
from whybox.services.explain_blocks import BLOCK_ROWS
from whybox.services.fetch_table import store_table

TABLE = write_table()
MANY = write_table(BLOCK_ROWS + 500, n_train=200)
ONE_SIDED = write_one_sided_table()


@pytest.fixture
def desk(tmp_path) -> JobDesk:
    return JobDesk(tmp_path)


def queued(desk: JobDesk, request=None, table: bytes = TABLE) -> Job:
    return desk.submit(request or regress(), table, prefer=LATER).job


class AtRenewal:
    """A job store that lets something happen when the worker renews its lease."""

    def __init__(self, desk: JobDesk, happen) -> None:
        self._desk = desk
        self._jobs = desk.jobs
        self._happen = happen

    def __getattr__(self, name: str):
        return getattr(self._jobs, name)

    def renew(self, *arguments, **keywords):
        self._desk.jobs = self._jobs
        self._happen()
        return self._jobs.renew(*arguments, **keywords)


def test_a_job_is_done_with_its_files_under_the_fence_and_charged(desk):
    end = desk.run(queued(desk))

    job = end.job
    assert (end.end, job.status, job.attempts) == ("done", "done", 1)
    assert job.result_key == f"results/{TENANT}/{job.job_id}/1"
    assert job.actual["files"] == ["result.json", "report.html", "attributions.parquet", "attributions.csv"]
    assert (job.actual["function"], job.actual["peak_memory_mb"]) == ("ExplainBatch", 1.0)
    kept = {listed.key.rpartition("/")[2] for listed in desk.objects.list(f"{job.result_key}/")}
    assert kept == set(job.actual["files"])
    assert json.loads(desk.file(job, "result.json"))["receipt"]["route"] == "heavy"
    assert desk.used() == 1
    assert not desk.usage.refund(TENANT, receipt_id=job_receipt(job.job_id)), "a committed unit is final"


def test_a_job_delivered_again_is_left_as_it_is(desk):
    job = queued(desk)
    first = desk.run(job)

    assert [desk.run(job) for _ in range(3)] == [first] * 3
    assert desk.used() == 1


def test_a_job_that_another_worker_has_stays_in_the_queue(desk):
    job = queued(desk)
    desk.jobs.claim(TENANT, job.job_id, lease_seconds=120, now=desk.clock.now())

    with pytest.raises(JobBusyError):
        desk.run(job)

    desk.clock.advance(121)
    assert desk.run(job).job.attempts == 2
    assert desk.used() == 1


def test_a_job_that_is_gone_is_no_work(desk):
    job = queued(desk)
    desk.jobs.delete_all(TENANT)

    with pytest.raises(JobNotFoundError):
        desk.run(job)


def test_what_its_owner_caused_fails_in_one_attempt_and_is_given_back(desk):
    end = desk.run(queued(desk, classify(**UNDEFINED), ONE_SIDED))

    assert (end.end, end.job.attempts) == ("failed", 1)
    assert end.job.problem["type"] == "/problems/score-undefined"
    assert desk.used() == 0
    assert desk.run(end.job) == end


def test_a_table_that_is_gone_or_another_one_fails_the_job(desk):
    gone = queued(desk)
    desk.objects.delete_all(f"tenants/{TENANT}/")
    assert desk.run(gone).job.problem["type"] == "/problems/upload-expired"

    pin = store_table(TENANT, TABLE, objects=desk.objects).pin
    document = document_of(regress(), pin)
    document["source"]["sha256"] = "0" * 64
    changed = desk.jobs.create(new_job(TENANT, "j", door="queue", document=document, now=desk.clock.now()))
    assert desk.run(changed).job.problem["type"] == "/problems/upload-changed"
    assert desk.used() == 0


def test_a_refund_that_was_lost_is_made_up_for_by_the_next_delivery(desk):
    job = queued(desk, classify(**UNDEFINED), ONE_SIDED)
    desk.usage = Failing(desk.usage, failures := Failures())
    failures.at = 1  # the reservation, then the refund
    with pytest.raises(DependencyUnavailableError):
        desk.run(job)
    assert (desk.read(job).status, desk.used()) == ("failed", 1)
    failures.at = None

    assert desk.run(job).end == "failed"
    assert desk.used() == 0


def test_a_waiting_job_is_cancelled_at_once_and_its_delivery_does_nothing(desk):
    job = queued(desk)

    cancelled = cancel_job(TENANT, job.job_id, jobs=desk.jobs, usage=desk.usage, clock=desk.clock)

    assert (cancelled.status, desk.used()) == ("cancelled", 0)
    assert desk.run(job).end == "cancelled"
    assert desk.read(job).attempts == 0


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_job_is_worked_on_in_its_functions_threads(desk, n_threads):
    desk.worker = replace(desk.worker, n_threads=n_threads)
    job = queued(desk, regress(model=XGBOOST), MANY)

    with row_threads() as names:
        assert desk.run(job).end == "done"

    assert bool(names) == (n_threads > 1)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_running_job_is_cancelled_at_its_next_block_of_rows(desk, n_threads):
    desk.worker = replace(desk.worker, n_threads=n_threads)
    job = queued(desk, regress(model=XGBOOST), MANY)

    def cancel() -> None:
        cancel_job(TENANT, job.job_id, jobs=desk.jobs, usage=desk.usage, clock=desk.clock)

    desk.jobs = AtRenewal(desk, cancel)
    end = desk.run(job)

    assert (end.end, end.job.result_key, desk.used()) == ("cancelled", None, 0)
    assert list(desk.objects.list(f"results/{TENANT}/")) == []


def test_a_job_to_be_cancelled_whose_worker_died_ends_so_without_any_work(desk):
    job = queued(desk)
    desk.jobs.claim(TENANT, job.job_id, lease_seconds=120, now=desk.clock.now())
    cancel_job(TENANT, job.job_id, jobs=desk.jobs, usage=desk.usage, clock=desk.clock)
    assert desk.read(job).status == "running"
    desk.clock.advance(121)

    assert desk.run(job).end == "cancelled"
    assert desk.used() == 0


def test_a_worker_whose_time_is_nearly_over_gives_the_job_back(desk):
    job = queued(desk, classify(model=XGBOOST), MANY)
    desk.remaining = lambda: 9.0

    with pytest.raises(OutOfTimeError):
        desk.run(job)

    assert (desk.read(job).status, desk.used()) == ("queued", 1)
    assert list(desk.objects.list(f"results/{TENANT}/")) == []
    desk.remaining = lambda: 900.0
    assert desk.run(job).job.attempts == 2
    assert desk.used() == 1


def test_what_nobody_foresaw_gives_the_job_back_and_is_raised_on(desk):
    job = queued(desk)

    class Broken:
        def get(self, *_arguments, **_keywords):
            raise ZeroDivisionError

    whole, desk.objects = desk.objects, Broken()
    with pytest.raises(ZeroDivisionError):
        desk.run(job)

    assert desk.read(job).status == "queued"
    desk.objects = whole
    assert desk.run(job).job.attempts == 2
    assert desk.used() == 1


def test_a_worker_that_was_taken_for_dead_changes_nothing_when_it_wakes_up(desk):
    job = queued(desk, classify(model=XGBOOST), MANY)

    def sleep_for_too_long() -> None:
        desk.clock.advance(130)
        assert desk.run(job).end == "done"

    desk.jobs = AtRenewal(desk, sleep_for_too_long)
    with pytest.raises(LeaseLostError):
        desk.run(job)

    assert desk.read(job).result_key == f"results/{TENANT}/{job.job_id}/2"
    assert (desk.read(job).attempts, desk.used()) == (2, 1)


def test_a_worker_that_wakes_up_with_its_result_in_hand_is_fenced_out(desk):
    job = queued(desk)
    whole = desk.objects

    class Slow:
        def __getattr__(self, name):
            return getattr(whole, name)

        def put(self, key, *arguments, **keywords):
            if key.endswith("/1/result.json"):
                desk.objects = whole
                desk.clock.advance(130)
                assert desk.run(job).end == "done"
            return whole.put(key, *arguments, **keywords)

    desk.objects = Slow()
    with pytest.raises(LeaseLostError):
        desk.run(job)

    assert desk.read(job).result_key == f"results/{TENANT}/{job.job_id}/2"
    assert (desk.used(), len([it for it in desk.all_jobs() if it.status == "done"])) == (1, 1)


@pytest.mark.parametrize("is_late", [False, True])
def test_whichever_call_fails_the_next_delivery_ends_with_one_result_and_one_charge(tmp_path, is_late):
    whole = JobDesk(tmp_path / "whole")
    job = queued(whole)
    failures = whole.fail(None)
    expected = whole.run(job).job

    for number in range(failures.n_calls):
        desk = JobDesk(tmp_path / f"{number}")
        job = queued(desk)
        desk.fail(number, is_late=is_late)
        try:
            desk.run(job)
        except BackingServiceError:
            desk.heal()
            desk.clock.advance(121)
        desk.heal()
        end = desk.run(job)

        assert end.end == "done", failures.names[number]
        assert desk.document(end.job) == whole.document(expected)
        assert desk.used() == 1
        assert desk.usage.refund_abandoned(now=desk.clock.now() + JOB_LEASE + timedelta(days=1)) == 0


def test_many_workers_at_once_are_one_computation(desk):
    job = queued(desk, classify(model=XGBOOST))

    def deliver(_number: int) -> str:
        try:
            return desk.run(job).end
        except JobBusyError:
            return "busy"

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(deliver, range(4)))

    assert set(ends) <= {"done", "busy"}
    assert "done" in ends
    assert (desk.read(job).attempts, desk.used()) == (1, 1)


def test_a_unit_that_was_given_back_is_reserved_again_or_the_job_fails(desk):
    job = queued(desk)
    desk.usage.refund(TENANT, receipt_id=job_receipt(job.job_id))
    assert desk.run(job).end == "done"
    assert desk.used() == 1

    other = queued(desk, regress(seed=1))
    desk.usage.refund(TENANT, receipt_id=job_receipt(other.job_id))
    desk.usage.change_plan(TENANT, monthly_limit=1)
    end = desk.run(other)
    assert (end.end, end.job.problem["type"], desk.used()) == ("failed", "/problems/quota-exceeded", 1)


class HastyClock:
    """A clock on which two seconds pass whenever somebody looks: progress is told at every occasion."""

    def __init__(self, clock) -> None:
        self._clock = clock

    def now(self):
        self._clock.advance(2)
        return self._clock.now()


def test_progress_is_told_in_rows(desk):
    job = queued(desk, classify(model=XGBOOST), MANY)
    seen = []

    def look() -> None:
        desk.jobs = AtRenewal(desk, look)
        seen.append((desk.read(job).rows_done, desk.read(job).rows_total))

    desk.jobs, desk.clock = AtRenewal(desk, look), HastyClock(desk.clock)
    assert desk.run(job).end == "done"

    total = BLOCK_ROWS + 300
    assert seen[0] == (0, None)
    assert (0, total) in seen
    assert (BLOCK_ROWS, total) in seen
    assert desk.read(job).rows_done == total


def test_a_job_too_large_for_one_function_is_left_to_many(desk):
    job = queued(desk, regress(), MANY)
    slow = new_job(
        TENANT,
        "slow",
        door="queue",
        document=job.document,
        now=desk.clock.now(),
        estimate={"seconds": 500.0, "memory_mb": 300.0, "route": "batch"},
    )
    desk.jobs.create(slow)

    end = desk.run(slow)

    assert (end.end, end.job.status) == ("started", "running")
    assert end.job.due_at > desk.clock.now() + timedelta(minutes=50)
    with pytest.raises(JobBusyError):
        desk.run(slow)


def test_without_an_estimate_the_worker_makes_its_own(desk):
    document = document_of(regress(model=RIDGE), store_table(TENANT, TABLE, objects=desk.objects).pin)
    job = desk.jobs.create(new_job(TENANT, "j", door="s3", document=document, now=desk.clock.now()))

    end = desk.run(job)

    assert (end.end, desk.used()) == ("done", 1)
    assert set(desk.published(end.job)) == set(end.job.actual["files"])
