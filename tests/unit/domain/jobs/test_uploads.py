"""Uploads: names that are safe to show, links that end, and the first arrival that stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from whybox.domain.jobs.job_records import RECORD_VERSION, UnreadableRecordError
from whybox.domain.jobs.upload_records import fields_of, upload_of
from whybox.domain.jobs.uploads import Announcement, Arrival, display_name, with_arrival

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UPLOAD = Announcement(
    tenant="t",
    upload_id="u",
    filename="data.csv",
    n_bytes=3,
    content_type="text/csv",
    sha256=None,
    created_at=NOW,
    expires_at=NOW + timedelta(seconds=300),
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("data.csv", "data.csv"),
        ("../../other/x.csv", "../../other/x.csv"),
        ("/etc/passwd", "/etc/passwd"),
        ("a\0b.csv", "ab.csv"),
        ("evil\u202evsc.exe", "evilvsc.exe"),
        ("a\r\n\x1b[31mred", "a[31mred"),
        ("Gru\u0308\u00dfe.csv", "Grüße.csv"),
        ("📈.csv", "📈.csv"),
        ("x" * 5_000, "x" * 255),
    ],
)
def test_a_file_name_is_kept_to_be_shown_and_steers_nothing(given, shown):
    assert display_name(given) == shown


def test_a_link_is_open_until_its_end_or_its_use():
    assert UPLOAD.is_pending(NOW + timedelta(seconds=299))
    assert not UPLOAD.is_pending(NOW + timedelta(seconds=300))
    assert not replace(UPLOAD, arrival=Arrival("v", 3, None)).is_pending(NOW)


def test_the_first_arrival_stands_and_may_learn_its_checksum_once():
    first = with_arrival(UPLOAD, Arrival("v1", 3, None))

    assert with_arrival(first, Arrival("v2", 3, "d" * 64)) == first
    learnt = with_arrival(first, Arrival("v1", 3, "d" * 64))
    assert learnt.arrival == Arrival("v1", 3, "d" * 64)
    assert with_arrival(learnt, Arrival("v1", 3, "e" * 64)) == learnt


@pytest.mark.parametrize("sha256", [None, "d" * 64])
@pytest.mark.parametrize("arrival", [None, Arrival("v1", 3, None), Arrival("v1", 3, "e" * 64)])
def test_an_upload_comes_back_from_its_record_beside_fields_of_a_newer_release(sha256, arrival):
    upload = replace(UPLOAD, sha256=sha256, arrival=arrival)

    fields = json.loads(json.dumps(fields_of(upload))) | {"later": "field"}

    assert upload_of("t", fields) == upload


@pytest.mark.parametrize("change", [{"v": RECORD_VERSION + 1}, {"n_bytes": "many"}, {"created_at": "once"}])
def test_a_record_that_is_no_upload_says_so(change):
    with pytest.raises(UnreadableRecordError):
        upload_of("t", fields_of(UPLOAD) | change)
