"""Records of jobs: read as they were written, by this release and by its neighbours."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.jobs.job_cursors import cursor_after, place_after, place_of
from whybox.domain.jobs.job_records import UnreadableRecordError, fields_of, job_of, time_text
from whybox.domain.jobs.jobs import Job
from whybox.errors import CursorInvalidError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

RECORD_OF_VERSION_1 = {
    "v": 1,
    "job_id": "j-1",
    "door": "s3",
    "status": "done",
    "fence": 2,
    "claim_id": "c0ffee",
    "attempts": 2,
    "rows_done": 10,
    "rows_total": 10,
    "is_cancel_requested": 0,
    "result_key": "results/t/j-1/2/result.json",
    "created_at": "2026-11-20T12:00:00.000000+00:00",
    "started_at": "2026-11-20T12:00:01.000000+00:00",
    "finished_at": "2026-11-20T12:00:09.500000+00:00",
    "document": '{"target":"y"}',
    "estimate": '{"seconds":8}',
    "actual": '{"seconds":8.5}',
}
"""Never edit: records like this one are stored in accounts."""

documents = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3)
moments = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone
counts = st.integers(min_value=0, max_value=10**9)
jobs = st.builds(
    Job,
    tenant=st.text("0123456789abcdef", min_size=64, max_size=64),
    job_id=st.text("abc-123", min_size=1, max_size=9),
    door=st.sampled_from(["http", "queue", "s3"]),
    document=documents,
    created_at=moments,
    due_at=st.none() | moments,
    status=st.sampled_from(["queued", "running", "done", "failed", "cancelled"]),
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    fence=counts,
    claim_id=st.none() | st.text("abc", min_size=1),
    attempts=counts,
    rows_done=counts,
    rows_total=st.none() | counts,
    is_cancel_requested=st.booleans(),
    estimate=st.none() | documents,
    actual=st.none() | documents,
    problem=st.none() | documents,
    result_key=st.none() | st.text(min_size=1, max_size=9),
)


@given(jobs)
def test_a_job_is_read_as_it_was_written(job):
    assert job_of(job.tenant, fields_of(job)) == job


@given(jobs)
def test_fields_are_texts_and_whole_numbers_that_any_store_can_keep(job):
    for value in fields_of(job).values():
        assert type(value) in (str, int)
        assert value != ""


def test_a_record_of_the_first_version_is_read():
    job = job_of("t", RECORD_OF_VERSION_1)

    assert (job.status, job.fence, job.rows_total, job.due_at) == ("done", 2, 10, None)
    assert job.finished_at == NOW + timedelta(seconds=9.5)
    assert (job.document, job.actual, job.problem) == ({"target": "y"}, {"seconds": 8.5}, None)
    assert fields_of(job) == RECORD_OF_VERSION_1


def test_a_record_with_more_fields_or_fewer_is_read():
    smallest = {name: RECORD_OF_VERSION_1[name] for name in ("v", "job_id", "door", "created_at", "document")}

    assert job_of("t", RECORD_OF_VERSION_1 | {"added_later": "x"}) == job_of("t", RECORD_OF_VERSION_1)
    assert job_of("t", smallest).status == "queued"


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"v": "x"}, {"document": "{"}, {"created_at": "yesterday"}],
)
def test_a_record_that_cannot_be_read_is_not_guessed_at(change):
    with pytest.raises(UnreadableRecordError):
        job_of("t", RECORD_OF_VERSION_1 | change)
    with pytest.raises(UnreadableRecordError):
        job_of("t", {})


@given(moments, moments)
def test_the_texts_of_times_sort_as_the_times_do(one, other):
    assert (time_text(one) < time_text(other)) == (one < other)
    assert time_text(one.astimezone(timezone(timedelta(hours=-5)))) == time_text(one)


@given(jobs)
def test_a_cursor_leads_back_to_the_place_it_was_made_for(job):
    assert place_after(cursor_after(job), tenant=job.tenant) == place_of(job)
    with pytest.raises(CursorInvalidError):
        place_after(cursor_after(job), tenant="other")


@given(st.text(max_size=60))
def test_no_text_is_a_cursor_by_chance(text):
    with pytest.raises(CursorInvalidError):
        place_after(text, tenant="t")


def test_every_field_of_a_job_is_kept():
    full = replace(job_of("t", RECORD_OF_VERSION_1), due_at=NOW, problem={"code": "x"})

    assert {field.name for field in fields(Job)} - {"tenant"} == fields_of(full).keys() - {"v"}
