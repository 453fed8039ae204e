"""Blocks are shared out whole: each to one chunk, in order, and neither too few nor too many chunks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.jobs.batch_inputs import MAX_CHUNKS, batch_input, execution_name, plan_chunks
from whybox.domain.jobs.jobs import claimed, new_job

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@given(st.integers(1, 50_000), st.floats(0, 1e7))
def test_every_block_is_in_exactly_one_chunk(n_blocks, seconds):
    chunks = plan_chunks(n_blocks, seconds=seconds)

    assert [block for first, end in chunks for block in range(first, end)] == list(range(n_blocks))
    assert all(first < end for first, end in chunks)
    assert len(chunks) <= MAX_CHUNKS


def test_a_chunk_is_two_minutes_of_work_where_the_blocks_allow_it():
    assert len(plan_chunks(100, seconds=1200)) == 10
    assert len(plan_chunks(100, seconds=1201)) == 11
    assert len(plan_chunks(4, seconds=1200)) == 4
    assert len(plan_chunks(100, seconds=1)) == 1
    assert plan_chunks(0, seconds=1200) == ()


def test_the_input_names_the_attempt_and_its_chunks():
    job = new_job("a" * 64, "j", door="s3", document={}, now=NOW)
    job = claimed(job, claim_id="c", until=NOW, now=NOW, is_attempt=True)

    assert json.loads(batch_input(job, n_blocks=3, seconds=240)) == {
        "tenant": "a" * 64,
        "job_id": "j",
        "fence": 1,
        "chunks": [[0, 1], [1, 3]],
    }
    assert execution_name(job) == "j-1"


def test_the_largest_input_passes_between_two_states():
    job = new_job("a" * 64, "j" * 32, door="s3", document={}, now=NOW)

    assert len(batch_input(job, n_blocks=10**9, seconds=1e12)) < 64 * 1024
