"""Submitting: the same job once and charged once, computed here where it is small, queued where it is not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.unit.services.batch_bench import TENANT
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

from whybox.errors import (
    BackingServiceError,
    DependencyUnavailableError,
    JobCancelledError,
    JobTooLargeError,
    QuotaExceededError,
    ScoreUndefinedError,
    TargetNotFoundError,
)
from whybox.services.charge_job import job_receipt
from whybox.services.estimate_job import LIGHT_TABLE_BYTES, Limits
from whybox.services.submit_job import MAX_DOCUMENT_BYTES

TABLE = write_table()
ONE_SIDED = write_one_sided_table()


@pytest.fixture
def desk(tmp_path) -> JobDesk:
    return JobDesk(tmp_path)


def test_a_small_job_is_computed_here_and_charged_once(desk):
    submitted = desk.submit(classify(), TABLE)

    assert (submitted.job.status, submitted.job.door, submitted.job.attempts) == ("done", "http", 1)
    assert submitted.result == desk.file(submitted.job, "result.json")
    assert json.loads(submitted.result)["receipt"]["route"] == "light"
    assert submitted.usage is not None
    assert desk.used() == submitted.usage.used == 1
    assert desk.messages() == []


def test_the_same_job_again_is_answered_from_what_is_stored_and_not_charged(desk):
    first = desk.submit(classify(), TABLE)
    again = desk.submit(classify(), TABLE, prefer=LATER)

    assert (again.job, again.result, again.usage) == (first.job, first.result, None)
    assert desk.used() == len(desk.all_jobs()) == 1


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"n_background": 50}, {"model": RIDGE, "kind": "regression"}]
)
def test_another_request_or_another_table_is_another_job(desk, change):
    desk.submit(classify(), TABLE)
    desk.submit(classify(target="amount" if "kind" in change else "label", **change), TABLE)
    desk.submit(classify(), write_table(seed=1))
    desk.submit(classify(), TABLE, answer="/mlclassification")

    assert desk.used() == len(desk.all_jobs()) == 4


def test_a_tenant_shares_no_job_with_another(desk):
    mine, others = desk.submit(classify(), TABLE), desk.submit(classify(), TABLE, tenant="b" * 64)

    assert mine.job.job_id != others.job.job_id
    assert desk.used() == 1


def test_a_small_job_whose_caller_would_rather_not_wait_is_queued(desk):
    submitted = desk.submit(classify(), TABLE, prefer=LATER)

    assert (submitted.job.status, submitted.job.door, submitted.result) == ("queued", "queue", None)
    assert submitted.job.estimate["route"] == "heavy"
    assert desk.used() == 1
    (end,) = desk.work()
    assert (end.end, desk.used()) == ("done", 1)


def test_a_job_that_does_not_fit_this_function_is_queued(desk):
    desk.limits = Limits(light_memory_mb=128)

    submitted = desk.submit(classify(), TABLE)

    assert submitted.job.status == "queued"
    assert submitted.job.estimate["memory_mb"] > 128
    assert desk.submit(classify(), TABLE).job == submitted.job
    (end,) = desk.work()
    assert end.end == "done"
    assert desk.submit(classify(), TABLE).result == desk.file(end.job, "result.json")
    assert desk.used() == 1


@pytest.mark.parametrize(
    "request_", [classify(), classify(model=XGBOOST), regress(model=XGBOOST), regress(method="permutation")]
)
def test_the_same_numbers_come_through_every_door(tmp_path, request_):
    here, queued = JobDesk(tmp_path / "here"), JobDesk(tmp_path / "queued")
    computed = here.submit(request_, TABLE).job
    later = queued.submit(request_, TABLE, prefer=LATER).job
    queued.work()

    assert queued.document(later) == here.document(computed)
    for name in ("attributions.parquet", "attributions.csv"):
        assert queued.file(later, name) == here.file(computed, name)


def test_a_table_too_large_to_be_read_here_is_queued_unread(desk):
    table = b"a,b,label,amount\n" + b"x" * LIGHT_TABLE_BYTES

    submitted = desk.submit(classify(kind=None, model=XGBOOST), table)

    assert (submitted.job.status, submitted.job.estimate["route"]) == ("queued", "heavy")
    (end,) = desk.work()
    assert (end.end, end.job.problem["type"], desk.used()) == ("failed", "/problems/csv-cell-too-large", 0)


def test_what_does_not_fit_the_table_is_refused_and_leaves_nothing(desk):
    with pytest.raises(TargetNotFoundError):
        desk.submit(classify(target="nothing"), TABLE)

    assert (desk.used(), desk.all_jobs()) == (0, [])


def test_without_quota_nothing_is_computed(tmp_path):
    desk = JobDesk(tmp_path, limit=0)

    for prefer in (LATER, replace(LATER, is_async=False)):
        with pytest.raises(QuotaExceededError):
            desk.submit(classify(), TABLE, prefer=prefer)

    assert (desk.all_jobs(), desk.messages()) == ([], [])


def test_work_that_fails_is_a_failed_job_with_its_problem_and_costs_nothing(desk):
    with pytest.raises(ScoreUndefinedError):
        desk.submit(classify(**UNDEFINED), ONE_SIDED)

    (job,) = desk.all_jobs()
    assert (job.status, job.attempts) == ("failed", 1)
    assert job.problem["type"] == "/problems/score-undefined"
    assert desk.used() == 0


def test_a_job_that_is_cancelled_while_its_request_is_answered_ends_so(desk):
    class Cancelling:
        def __init__(self, jobs):
            self._jobs = jobs

        def __getattr__(self, name):
            return getattr(self._jobs, name)

        def claim(self, tenant, job_id, **keywords):
            claim = self._jobs.claim(tenant, job_id, **keywords)
            self._jobs.request_cancel(tenant, job_id, now=desk.clock.now())
            return replace(claim, job=self._jobs.read(tenant, job_id))

    desk.jobs = Cancelling(desk.jobs)
    with pytest.raises(JobCancelledError):
        desk.submit(classify(model=XGBOOST), TABLE)

    (job,) = desk.all_jobs()
    assert (job.status, desk.used()) == ("cancelled", 0)


def test_after_failures_and_cancellations_the_next_attempt_is_a_new_job(desk):
    for _ in range(5):
        with pytest.raises(ScoreUndefinedError):
            desk.submit(classify(**UNDEFINED), ONE_SIDED)
    assert len({job.job_id for job in desk.all_jobs()}) == 5

    cancelled = desk.submit(regress(), TABLE, prefer=LATER).job
    desk.jobs.request_cancel(TENANT, cancelled.job_id, now=desk.clock.now())
    done = desk.submit(regress(), TABLE)

    assert (desk.read(cancelled).status, done.job.status) == ("cancelled", "done")
    assert done.job.job_id != cancelled.job_id
    assert desk.submit(regress(), TABLE).job == done.job


@pytest.mark.parametrize("n_failures", range(9))
def test_the_attempt_that_counts_is_found_behind_any_number_of_failures(tmp_path, n_failures):
    desk = JobDesk(tmp_path)
    for _ in range(n_failures):
        job = desk.submit(regress(), TABLE, prefer=LATER).job
        desk.jobs.request_cancel(TENANT, job.job_id, now=desk.clock.now())

    counted = desk.submit(regress(), TABLE, prefer=LATER).job

    assert len(desk.all_jobs()) == n_failures + 1
    assert desk.submit(regress(), TABLE).job == counted


def test_a_function_that_runs_out_of_time_hands_its_job_on_and_answers_with_it(desk):
    desk.remaining = lambda: 2.0

    submitted = desk.submit(classify(model=XGBOOST), TABLE)

    assert (submitted.job.status, submitted.result) == ("queued", None)
    desk.remaining = lambda: 900.0
    (end,) = desk.work()
    assert (end.end, end.job.job_id, end.job.attempts) == ("done", submitted.job.job_id, 2)
    assert desk.used() == 1


def test_a_job_whose_message_could_not_be_sent_is_answered_and_waits_for_the_sweep(desk):
    failures = desk.fail(None)
    desk.submit(regress(seed=9), TABLE, prefer=LATER)
    failures.n_calls, failures.at = 0, failures.names.index("send")

    submitted = desk.submit(regress(), TABLE, prefer=LATER)

    assert submitted.job.status == "queued"
    desk.clock.advance(16 * 60)
    assert submitted.job.job_id in {
        job.job_id for job in desk.jobs.find_overdue(now=desk.clock.now(), limit=10)
    }


@pytest.mark.parametrize("prefer", [LATER, replace(LATER, is_async=False)])
@pytest.mark.parametrize("is_late", [False, True])
def test_whichever_call_fails_asking_again_ends_with_one_result_and_one_charge(tmp_path, prefer, is_late):
    counting = JobDesk(tmp_path / "whole")
    failures = counting.fail(None)
    expected = counting.submit(regress(), TABLE, prefer=prefer).job
    counting.heal()
    counting.work()

    for number in range(failures.n_calls):
        desk = JobDesk(tmp_path / f"{number}")
        desk.fail(number, is_late=is_late)
        try:
            desk.submit(regress(), TABLE, prefer=prefer)
        except BackingServiceError:
            desk.heal()
            desk.clock.advance(130)
            desk.usage.refund_abandoned(now=desk.clock.now())
        desk.heal()
        submitted = desk.submit(regress(), TABLE, prefer=prefer)
        if not submitted.job.is_final:
            desk.run(submitted.job)
            submitted = desk.submit(regress(), TABLE)

        done = [job for job in desk.all_jobs() if job.status == "done"]
        assert len(done) == desk.used() == 1, (number, failures.names[number])
        assert submitted.result == desk.file(done[0], "result.json")
        assert desk.document(done[0]) == counting.document(expected)


def test_many_at_once_are_one_computation_and_one_charge(desk):
    with ThreadPoolExecutor(4) as pool:
        submitted = list(pool.map(lambda _: desk.submit(classify(model=XGBOOST), TABLE), range(4)))

    assert len({it.job.job_id for it in submitted}) == 1
    assert {it.job.status for it in submitted} <= {"done", "running", "queued"}
    assert desk.read(submitted[0].job).attempts == 1
    assert desk.used() == 1


def test_a_result_that_was_refunded_by_mistake_is_charged_before_it_is_handed_out_again(desk):
    """As when the function ends between the end of the job and the commit of its charge."""
    failures = desk.fail(None)
    desk.submit(regress(seed=9), TABLE)
    failures.n_calls, failures.at = 0, failures.names.index("commit")
    with pytest.raises(DependencyUnavailableError):
        desk.submit(regress(), TABLE)
    desk.heal()
    desk.clock.advance(130)
    assert desk.usage.refund_abandoned(now=desk.clock.now()) == 1

    assert desk.submit(regress(), TABLE).result is not None
    assert desk.used() == 2


def test_a_result_of_long_ago_is_not_charged_again_though_its_receipt_is_forgotten(desk):
    job = desk.submit(regress(), TABLE).job
    desk.clock.advance(60 * 24 * 3600)
    forgotten = job_receipt(job.job_id)
    desk.usage.refund_abandoned(now=desk.clock.now() + (desk.clock.now() - job.created_at))

    assert desk.submit(regress(), TABLE).result is not None
    assert not desk.usage.refund(TENANT, receipt_id=forgotten)
    assert desk.used() == 0


def test_a_result_that_is_no_longer_kept_is_computed_anew(desk):
    first = desk.submit(regress(), TABLE).job
    desk.objects.delete_all(f"results/{TENANT}/")

    again = desk.submit(regress(), TABLE)

    assert again.job.job_id != first.job_id
    assert again.result is not None
    assert desk.submit(regress(), TABLE).job == again.job


def test_a_request_with_more_words_than_a_record_holds_is_refused(desk):
    names = tuple(f"{number:0200d}" for number in range(MAX_DOCUMENT_BYTES // 200))

    with pytest.raises(JobTooLargeError):
        desk.submit(classify(groups={"g": names}), TABLE)
