"""Mutants of the S3 door: what explains a table twice, never, or under somebody else's attempt."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

RECORDS = "tests/unit/domain/jobs/test_s3_records.py"
START = "tests/unit/services/test_start_batch.py"
MERGE = "tests/unit/services/test_merge_chunks.py"
FAIL = "tests/unit/services/test_fail_job.py"
SWEEP = "tests/unit/services/test_sweep_jobs.py"

MUTANTS = (
    Mutant(
        "key-decoded-twice",
        "a percent sign in a table's name names another table",
        "domain/jobs/s3_records.py",
        'return unquote_plus(key, errors="strict")',
        'return unquote_plus(unquote_plus(key, errors="strict"))',
        (f"{RECORDS}::test_a_key_is_decoded_once",),
    ),
    Mutant(
        "removed-is-created",
        "a table that was removed is explained",
        "domain/jobs/s3_records.py",
        'if not name.removeprefix("s3:").startswith(CREATED):',
        'if not name.removeprefix("s3:").startswith("Object"):',
        (f"{RECORDS}::test_other_events_are_ignored_by_name",),
    ),
    Mutant(
        "latest-version-only",
        "what is told of one version is done with whichever is current",
        "services/trace_table.py",
        "found = objects.head(table.key, version=table.version)",
        "found = objects.head(table.key)",
        (f"{START}::test_every_version_is_a_job_of_its_own_in_whatever_order_they_are_told_of",),
    ),
    Mutant(
        "refusal-raised",
        "a table that cannot be read is tried again and again",
        "services/start_batch.py",
        "    except RequestError as error:\n",
        "    except RequestError as error:\n        raise\n",
        (f"{START}::test_a_table_that_cannot_be_read_fails_in_one_attempt_free_of_charge",),
    ),
    Mutant(
        "shut-out-served",
        "a tenant that was shut out goes on through the bucket",
        "services/start_batch.py",
        "        check_tenant(table.tenant, tenants=tenants)\n",
        "",
        (f"{START}::test_a_tenant_that_is_shut_out_is_not_served",),
    ),
    Mutant(
        "chunk-of-any-attempt",
        "a chunk works on, and writes into, an attempt that is not its own",
        "services/hold_attempt.py",
        'job.status == "running" and job.fence == attempt.fence',
        'job.status == "running"',
        (f"{MERGE}::test_an_attempt_that_is_over_computes_nothing_and_changes_nothing",),
    ),
    Mutant(
        "stored-blocks-computed-again",
        "a chunk that is tried again begins at its beginning",
        "services/explain_chunk.py",
        "if part_name(block) not in stored",
        "if part_name(block) is not None",
        (f"{MERGE}::test_blocks_that_are_stored_are_not_computed_again_and_progress_is_told",),
    ),
    Mutant(
        "lost-block-blamed-on-the-table",
        "a block of our own that is missing fails the job as if its table were",
        "services/merge_chunks.py",
        "except ObjectNotFoundError as error:",
        "except KeyError as error:",
        (f"{MERGE}::test_a_merge_without_a_block_is_to_be_tried_again",),
    ),
    Mutant(
        "execution-ends-any-attempt",
        "an execution that failed ends the attempt that came after it",
        "services/fail_job.py",
        'and (job.status != "running" or job.fence != fence)',
        "and fence < 0",
        (f"{FAIL}::test_an_execution_ends_its_own_attempt_and_no_other",),
    ),
    Mutant(
        "worker-at-work-failed",
        "a dead letter ends a job that a worker is at",
        "services/fail_job.py",
        "        raise JobBusyError\n",
        "        pass\n",
        (f"{FAIL}::test_a_job_that_is_being_worked_on_keeps_its_letter",),
    ),
    Mutant(
        "marks-not-looked-at",
        "every table in the bucket is told of again by every sweep",
        "services/sweep_jobs.py",
        "not in marks:",
        "is not None:",
        (f"{SWEEP}::test_what_became_a_job_or_was_refused_is_not_told_of_again",),
    ),
    Mutant(
        "silence-not-waited-for",
        "a job is sent again while the queue itself is about to deliver it again",
        "services/sweep_jobs.py",
        'job.status == "running" and _has_message(job) and not is_silent',
        "job.due_at is None",
        (f"{SWEEP}::test_a_silent_worker_is_left_to_the_queue_for_two_hours",),
    ),
    Mutant(
        "dead-requests-waited-for",
        "a job whose request died is left to a queue that knows nothing of it",
        "services/sweep_jobs.py",
        'job.door != "http" or job.attempts > 1',
        "True",
        (f"{SWEEP}::test_a_job_that_died_in_its_request_is_sent_at_once_for_no_queue_knows_of_it",),
    ),
)
