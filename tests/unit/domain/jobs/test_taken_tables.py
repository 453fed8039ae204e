"""What became of a dropped table is found by its name alone, and each version has a mark of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from whybox.domain.jobs.taken_tables import (
    job_in,
    mark_in,
    mark_of,
    taken_document,
    taken_key,
    taken_prefix,
    unread_job_id,
)

TENANT = "a" * 64
KEY = f"batch/{TENANT}/Müller 1.csv"
THEN = datetime(2026, 11, 20, 12, 0, 0, 999_000, tzinfo=UTC)


def test_the_mark_is_in_the_key_and_is_told_from_a_list():
    mark = mark_of(KEY, stored_at=THEN, n_bytes=10)
    key = taken_key(TENANT, mark, version="a/b?ü")

    assert key.startswith(taken_prefix(TENANT))
    assert mark_in(key) == mark
    assert mark_of(KEY, stored_at=THEN.replace(microsecond=0), n_bytes=10) == mark


def test_another_time_size_or_name_is_another_mark():
    marks = {
        mark_of(KEY, stored_at=THEN, n_bytes=10),
        mark_of(KEY, stored_at=THEN + timedelta(seconds=1), n_bytes=10),
        mark_of(KEY, stored_at=THEN, n_bytes=11),
        mark_of(KEY + "x", stored_at=THEN, n_bytes=10),
    }

    assert len(marks) == 4
    assert len({taken_key(TENANT, "m", version=version) for version in ("1", "2")}) == 2


def test_the_owner_can_read_which_job_a_table_became():
    document = taken_document(KEY, version="v", job_id="j")

    assert json.loads(document) == {"key": KEY, "version": "v", "job_id": "j"}
    assert job_in(document) == "j"


def test_a_table_that_could_not_be_read_has_an_id_all_the_same():
    ids = {unread_job_id(TENANT, KEY, version=version) for version in ("1", "2")}

    assert len(ids) == 2
    assert unread_job_id(TENANT, KEY, version="1") in ids
    assert all(len(job_id) == 32 for job_id in ids)
