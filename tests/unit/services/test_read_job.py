"""Reading jobs: their owner sees them, lists them, cancels them and reads their results; nobody else does."""

from __future__ import annotations

import json
from functools import partial

import pytest
from tests.unit.services.batch_bench import TENANT
from tests.unit.services.explained_tables import (
    TREE,
    UNDEFINED,
    classify,
    regress,
    write_one_sided_table,
    write_table,
)
from tests.unit.services.job_desk import LATER, JobDesk

from whybox.errors import (
    CursorInvalidError,
    JobNotFoundError,
    ParameterInvalidError,
    ResultExpiredError,
    ResultFormatUnavailableError,
    ResultMissingError,
    ResultNotReadyError,
)
from whybox.services.cancel_job import cancel_job
from whybox.services.list_jobs import list_jobs
from whybox.services.read_job import read_job
from whybox.services.read_result import FILES, MAX_INLINE_BYTES, read_result

TABLE = write_table()
OTHER = "b" * 64


@pytest.fixture
def desk(tmp_path) -> JobDesk:
    return JobDesk(tmp_path)


def result(desk: JobDesk, job, wanted: str = "json", *, tenant: str = TENANT):
    return read_result(tenant, job.job_id, wanted, jobs=desk.jobs, objects=desk.objects)


def test_a_job_is_seen_by_its_owner_only_and_a_text_that_is_no_id_is_nobodys(desk):
    job = desk.submit(regress(), TABLE).job
    assert read_job(TENANT, job.job_id, jobs=desk.jobs) == job

    refusals = []
    for tenant, job_id in ((OTHER, job.job_id), (TENANT, "0" * 32), (TENANT, "../x"), (TENANT, "")):
        for call in (
            partial(read_job, jobs=desk.jobs),
            partial(read_result, jobs=desk.jobs, objects=desk.objects),
            partial(cancel_job, jobs=desk.jobs, usage=desk.usage, clock=desk.clock),
        ):
            with pytest.raises(JobNotFoundError) as refusal:
                call(tenant, job_id)
            refusals.append(refusal.value.detail)
    assert len(set(refusals)) == 1


def test_jobs_are_listed_page_by_page(desk):
    jobs = []
    for seed in range(3):
        jobs.append(desk.submit(regress(seed=seed), TABLE, prefer=LATER).job)
        desk.clock.advance(1)
    first = list_jobs(TENANT, jobs=desk.jobs, limit=2)
    second = list_jobs(TENANT, jobs=desk.jobs, limit=2, cursor=first.next_cursor)

    assert [*first.jobs, *second.jobs] == jobs[::-1]
    assert second.next_cursor is None
    with pytest.raises(CursorInvalidError):
        list_jobs(OTHER, jobs=desk.jobs, cursor=first.next_cursor)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_range_is_refused(desk, limit):
    with pytest.raises(ParameterInvalidError):
        list_jobs(TENANT, jobs=desk.jobs, limit=limit)


def test_a_result_is_read_in_every_format_that_was_made(desk):
    job = desk.submit(classify(), TABLE).job

    for wanted in ("json", "parquet", "csv", "html"):
        found = result(desk, job, wanted)
        name, content_type = FILES[wanted]
        assert (found.file_name, found.content_type, found.link) == (name, content_type, None)
        assert found.content == desk.file(job, name)
    assert json.loads(result(desk, job).content or b"")["explanation"]["method"] == "shap"


def test_a_format_that_was_not_made_is_refused_with_those_that_were(desk):
    job = desk.submit(classify(method=None), TABLE).job

    for wanted in ("html", "predictions"):
        with pytest.raises(ResultFormatUnavailableError) as refusal:
            result(desk, job, wanted)
        assert refusal.value.available == ("json", "parquet", "csv")
    with pytest.raises(ParameterInvalidError):
        result(desk, job, "xlsx")


def test_a_large_file_is_behind_a_link(desk):
    job = desk.submit(classify(model=TREE), write_table(30_000, n_train=200), prefer=LATER).job
    desk.work()

    found = result(desk, job, "csv")

    assert len(desk.file(job, "attributions.csv")) > MAX_INLINE_BYTES
    assert found.content is None
    assert found.link is not None
    assert f"/bucket/results/{TENANT}/{job.job_id}/1/attributions.csv?" in found.link
    assert result(desk, job).content is not None


def test_a_job_without_a_result_says_why(desk):
    waiting = desk.submit(regress(), TABLE, prefer=LATER).job
    with pytest.raises(ResultNotReadyError):
        result(desk, waiting)
    cancel_job(TENANT, waiting.job_id, jobs=desk.jobs, usage=desk.usage, clock=desk.clock)
    failed = desk.submit(classify(**UNDEFINED), write_one_sided_table(), prefer=LATER).job
    desk.work()

    for job in (waiting, failed):
        with pytest.raises(ResultMissingError):
            result(desk, job)


def test_a_result_that_was_deleted_has_expired(desk):
    job = desk.submit(regress(), TABLE).job
    desk.objects.delete_all(f"results/{TENANT}/")

    with pytest.raises(ResultExpiredError):
        result(desk, job)


def test_only_the_attempt_that_counts_is_read(desk):
    job = desk.submit(regress(), TABLE, prefer=LATER).job
    desk.jobs.claim(TENANT, job.job_id, lease_seconds=120, now=desk.clock.now())
    desk.objects.put(f"results/{TENANT}/{job.job_id}/1/result.json", b"half", content_type="application/json")
    desk.clock.advance(121)
    desk.run(job)

    assert result(desk, job).content == desk.file(job, "result.json") != b"half"


def test_a_job_that_is_done_stays_done_and_charged_when_it_is_cancelled(desk):
    job = desk.submit(regress(), TABLE).job

    assert cancel_job(TENANT, job.job_id, jobs=desk.jobs, usage=desk.usage, clock=desk.clock) == job
    assert desk.used() == 1
