"""A message names one job; whatever else lies in the queue is told apart from it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whybox.domain.jobs.job_messages import JobMessage, UnreadableMessageError, read_message, write_message
from whybox.domain.jobs.jobs import new_job

TENANT = "a" * 64


def test_a_message_comes_back_as_the_job_it_stands_for():
    job = new_job(TENANT, "0f" * 16, door="queue", document={}, now=datetime(2026, 11, 20, tzinfo=UTC))

    assert read_message(write_message(job)) == JobMessage(TENANT, "0f" * 16)


def test_fields_of_a_later_release_are_passed_over():
    body = f'{{"v":1,"tenant":"{TENANT}","job_id":"j","colour":"blue"}}'

    assert read_message(body) == JobMessage(TENANT, "j")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{}",
        f'{{"v":2,"tenant":"{TENANT}","job_id":"j"}}',
        '{"v":1,"tenant":"x","job_id":"j"}',
        f'{{"v":1,"tenant":"{TENANT}","job_id":"../j"}}',
        f'{{"v":1,"tenant":"{TENANT}","job_id":1}}',
        '{"Records":[]}',
    ],
)
def test_what_is_no_message_of_ours_is_unreadable(body):
    with pytest.raises(UnreadableMessageError):
        read_message(body)
