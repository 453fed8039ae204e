"""Dropped tables: each version is one job and one charge, whatever is told of it and however often."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.services.batch_bench import RIDGE, TENANT, Bench, table

from whybox.domain.jobs.job_messages import read_message
from whybox.domain.jobs.jobs import Outcome, new_job
from whybox.domain.jobs.s3_records import DroppedTable
from whybox.errors import BackingServiceError, DependencyUnavailableError, JobBusyError
from whybox.services.estimate_job import Limits
from whybox.services.sweep_jobs import sweep_jobs

RESULT = {"result.json", "attributions.parquet", "attributions.csv", "report.html"}


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def problem(bench: Bench, job) -> dict:
    (content,) = bench.published(job).values()
    return json.loads(content)


def test_a_dropped_table_is_explained_and_its_result_lies_where_its_owner_looks(bench):
    dropped = bench.drop(table(), request=RIDGE)

    job = bench.start(dropped)

    assert (job.status, job.door, job.attempts) == ("done", "s3", 1)
    assert set(bench.published(job)) >= RESULT
    assert json.loads(bench.published(job)["result.json"])["explanation"]["method"] == "shap"
    assert bench.taken() == {f"{dropped.key}@{dropped.version}": job.job_id}
    assert bench.used() == 1


def test_told_of_again_it_is_the_same_job_and_charged_once(bench):
    dropped = bench.drop(table(), request=RIDGE)

    jobs = [bench.start(dropped) for _ in range(3)]

    assert jobs == [jobs[0]] * 3
    assert bench.all_jobs() == [jobs[0]]
    assert bench.used() == 1


def test_told_to_three_workers_at_once_it_is_one_job(bench):
    dropped = bench.drop(table(2_000), request=RIDGE)

    def start(_: int) -> str:
        try:
            return bench.start(dropped).status
        except JobBusyError:
            return "busy"

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(start, range(3)))

    assert set(said) <= {"done", "busy"}
    assert "done" in said
    assert bench.start(dropped).attempts == 1
    assert len(bench.all_jobs()) == bench.used() == 1


def test_every_version_is_a_job_of_its_own_in_whatever_order_they_are_told_of(bench):
    older = bench.drop(table(), request=RIDGE)
    newer = bench.drop(table(shift=1.0))

    second, first = bench.start(newer), bench.start(older)

    assert first.job_id != second.job_id
    assert {job.job_id for job in bench.all_jobs()} == {first.job_id, second.job_id}
    published = [bench.published(job)["attributions.parquet"] for job in (first, second)]
    assert published[0] != published[1]
    assert bench.start(older) == first
    assert bench.used() == 2


def test_the_same_content_dropped_again_is_the_same_job_and_costs_nothing(bench):
    first = bench.start(bench.drop(table(), request=RIDGE))
    again = bench.start(bench.drop(table(), "other.csv", request=RIDGE))

    assert again == first
    assert len(bench.taken()) == 2
    assert bench.used() == 1


@pytest.mark.parametrize("name", ["my table.csv", "a+b.csv", "100%.csv", "Müller 数.csv", "deep/er.csv"])
def test_any_name_is_found(bench, name):
    assert bench.start(bench.drop(table(), name, request=RIDGE)).status == "done"


def test_without_a_version_it_is_the_current_one(bench):
    dropped = bench.drop(table(), request=RIDGE)

    job = bench.start(replace(dropped, version=None))

    assert bench.taken() == {f"{dropped.key}@{dropped.version}": job.job_id}
    assert bench.start(dropped) == job


def test_a_table_that_cannot_be_read_fails_in_one_attempt_free_of_charge(bench):
    dropped = bench.drop(b"a,b,y\n1,2\n", request=RIDGE)

    job = bench.start(dropped)

    assert (job.status, job.attempts, job.door) == ("failed", 1, "s3")
    assert set(bench.published(job)) == {"problem.json"}
    assert problem(bench, job) == job.problem
    assert problem(bench, job)["status"] == 422
    assert bench.used() == 0
    assert bench.start(dropped) == job
    assert len(bench.all_jobs()) == 1


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"{", "json-invalid"),
        ({"target": "y", "colour": "blue"}, "schema-invalid"),
        ({"source": {"upload_id": "u"}}, "schema-invalid"),
        ({**RIDGE, "target": "z"}, "target-not-found"),
        (b" " * 300_000, "body-too-large"),
    ],
)
def test_a_request_that_cannot_be_used_is_refused_by_its_problem(bench, request_, code):
    job = bench.start(bench.drop(table(), request=request_))

    assert job.status == "failed"
    assert problem(bench, job)["type"] == f"/problems/{code}"
    assert bench.used() == 0


def test_without_a_request_beside_it_the_defaults_hold(bench):
    content = table().replace(b"a,b,y", b"a,b,target")

    job = bench.start(bench.drop(content))

    assert job.status == "done"
    assert job.document["model"]["family"] == "xgboost"


def test_a_table_that_is_gone_before_it_is_read_fails_and_says_so(bench):
    job = bench.start(DroppedTable(TENANT, f"batch/{TENANT}/gone.csv", "1-2-3"))

    assert problem(bench, job)["type"] == "/problems/upload-expired"
    assert bench.used() == 0


def test_a_table_that_is_gone_after_it_was_explained_stays_explained(bench):
    dropped = bench.drop(table(), request=RIDGE)
    job = bench.start(dropped)
    bench.objects.delete_all(f"batch/{TENANT}/")

    assert bench.start(dropped) == job
    assert bench.all_jobs() == [job]
    assert bench.used() == 1


def test_a_tenant_that_is_shut_out_is_not_served(bench):
    bench.tenants.disable(TENANT)

    job = bench.start(bench.drop(table(), request=RIDGE))

    assert problem(bench, job)["type"] == "/problems/tenant-disabled"
    assert bench.used() == 0


def test_a_tenant_whose_month_is_used_up_is_told_so_and_nothing_is_computed(tmp_path):
    bench = Bench(tmp_path, limit=0)

    job = bench.start(bench.drop(table(), request=RIDGE))

    assert job.status == "failed"
    assert problem(bench, job)["type"] == "/problems/quota-exceeded"


def test_a_large_job_is_sent_on_and_sent_again_only_while_nobody_has_it(bench):
    bench.limits = Limits(light_memory_mb=1)
    dropped = bench.drop(table(), request=RIDGE)

    job = bench.start(dropped)

    assert job.status == "queued"
    (message,) = bench.messages()
    assert read_message(message).job_id == job.job_id
    assert bench.start(dropped) == job
    assert len(bench.messages()) == 1
    bench.jobs.claim(TENANT, job.job_id, lease_seconds=60, now=bench.clock.now())
    assert bench.start(dropped).status == "running"
    assert bench.messages() == []


def test_a_large_job_whose_message_cannot_be_sent_waits_for_the_sweep(bench):
    bench.limits = Limits(light_memory_mb=1)
    dropped = bench.drop(table(), request=RIDGE)
    counted = bench.fail(None)
    bench.start(dropped)
    n_before_send = counted.names.index("send")
    bench = Bench(bench.home / "other", limits=bench.limits)
    dropped = bench.drop(table(), request=RIDGE)
    bench.fail(n_before_send)

    with pytest.raises(DependencyUnavailableError):
        bench.start(dropped)
    bench.heal()

    (job,) = bench.all_jobs()
    assert job.status == "queued"
    assert bench.messages() == []
    bench.clock.advance(timedelta(minutes=16).total_seconds())
    found = sweep_jobs({}, explain_queue=bench.explain_queue, batch_queue=bench.batch_queue, **bench.stores)
    assert found.n_sent == 1
    assert [read_message(body).job_id for body in bench.messages()] == [job.job_id]


def test_a_large_file_is_not_even_parsed_here(bench):
    dropped = bench.drop(table() + b"1,2,3\n" * 3_000_000, request=RIDGE)

    job = bench.start(dropped)

    assert (job.status, job.estimate) == ("queued", None)
    assert len(bench.messages()) == 1


def test_content_that_failed_before_is_tried_again_when_it_is_dropped_again(bench):
    bench.limits = Limits(light_memory_mb=1)
    first = bench.start(bench.drop(table(), request=RIDGE))
    claim = bench.jobs.claim(TENANT, first.job_id, lease_seconds=60, now=bench.clock.now())
    bench.jobs.finish(
        TENANT,
        first.job_id,
        fence=claim.job.fence,
        outcome=Outcome("failed", problem={}),
        now=bench.clock.now(),
    )
    bench.limits = Limits()

    second = bench.start(bench.drop(table(), "again.csv", request=RIDGE))

    assert second.job_id != first.job_id
    assert second.status == "done"
    assert bench.used() == 1


def test_a_job_that_came_by_another_door_is_waited_for_and_then_published(bench):
    bench.limits = Limits(light_memory_mb=1)
    dropped = bench.drop(table(), request=RIDGE)
    job = bench.start(dropped)
    home = bench.home / "other"
    other = Bench(home, limits=Limits(light_memory_mb=1))
    other.jobs.create(new_job(TENANT, job.job_id, door="queue", document=job.document, now=other.clock.now()))
    again = other.drop(table(), request=RIDGE)

    with pytest.raises(JobBusyError):
        other.start(again)


@pytest.mark.parametrize("is_late", [False, True])
def test_whatever_call_fails_the_next_delivery_ends_with_one_job_and_one_charge(tmp_path, is_late):
    request = {**RIDGE, "explain": None}
    whole = Bench(tmp_path / "whole")
    dropped = whole.drop(table(), request=request)
    counted = whole.fail(None)
    expected = whole.start(dropped)
    whole.heal()
    n_raised = 0

    for number in range(counted.n_calls):
        bench = Bench(tmp_path / f"{number}")
        dropped = bench.drop(table(), request=request)
        bench.fail(number, is_late=is_late)
        with suppress(BackingServiceError):  # a lease that is not renewed once does no harm
            bench.start(dropped)
            n_raised -= 1
        n_raised += 1
        bench.heal()
        bench.clock.advance(timedelta(minutes=90).total_seconds())

        job = bench.start(dropped)

        where = counted.names[number]
        assert (job.job_id, job.status) == (expected.job_id, "done"), where
        assert len(bench.all_jobs()) == bench.used() == 1, where
        assert bench.taken() == {f"{dropped.key}@{dropped.version}": job.job_id}, where
        assert bench.published(job)["attributions.csv"] == whole.published(expected)["attributions.csv"]
    assert n_raised >= counted.n_calls - 3


def test_a_store_that_is_down_is_no_fault_of_the_table(bench):
    dropped = bench.drop(table(), request=RIDGE)
    bench.fail(0)

    with pytest.raises(DependencyUnavailableError):
        bench.start(dropped)
    assert Bench(bench.home).all_jobs() == []
