"""Mutants of jobs: what loses one, charges it twice, or serves what nobody vouches for."""

from __future__ import annotations

from tests.mutants.mutants import Mutant

KILLED = "tests/contract/test_killed_jobs.py"
KILLED_ONE = f"{KILLED}::test_a_job_whose_worker_was_killed_is_brought_to_its_end_by_the_next"
OVERTAKEN = f"{KILLED}::test_a_worker_that_was_overtaken_changes_nothing"
GIVEN_UP = f"{KILLED}::test_a_worker_whose_job_was_given_up_meanwhile_cannot_bring_it_back"
OUT_OF_TIME = f"{KILLED}::test_a_worker_that_runs_out_of_time_gives_the_job_back_and_leaves_no_half_result"

MUTANTS = (
    Mutant(
        "fence-not-held",
        "a worker whose lease is over may still end the job",
        "domain/jobs/jobs.py",
        'if job.status != "running" or job.fence != fence:',
        'if job.status == "queued":',
        (f"{OVERTAKEN}[local-before jobs.finish]",),
    ),
    Mutant(
        "attempts-share-their-files",
        "what an attempt writes takes the place of another's",
        "domain/jobs/object_keys.py",
        'return f"results/{tenant}/{job_id}/{fence}"',
        'return f"results/{tenant}/{job_id}/0"',
        (f"{OVERTAKEN}[local-before objects.put]",),
    ),
    Mutant(
        "done-is-not-settled-again",
        "a job whose worker was ended between its end and its charge stays free of charge",
        "services/run_job.py",
        "settle_job(job, usage=self.usage, clock=self.clock)",
        "pass",
        (f"{KILLED_ONE}[local-after jobs.finish]",),
    ),
    Mutant(
        "charged-by-attempt",
        "every attempt at a job is charged under a receipt of its own",
        "services/charge_job.py",
        'return digest("job", job_id)',
        'return digest("job", job_id, __import__("uuid").uuid4().hex)',
        (f"{OVERTAKEN}[local-before usage.commit]",),
    ),
    Mutant(
        "unit-of-the-overtaken-kept",
        "an attempt that lost its job keeps what it reserved after the job was given up",
        "services/run_job.py",
        "            forgo_unit(claim.job, jobs=jobs, usage=usage)\n            raise\n",
        "            raise\n",
        (f"{GIVEN_UP}[local-after jobs.claim]",),
    ),
    Mutant(
        "no-time-left-is-not-looked-at",
        "a worker goes on until it is ended from outside",
        "services/hold_job.py",
        "if self._worker.remaining_seconds() < self._safety_seconds:",
        "if self._worker.remaining_seconds() < 0:",
        (f"{OUT_OF_TIME}[local]",),
    ),
    Mutant(
        "silent-jobs-are-not-sent-again",
        "a job whose message was lost waits for ever",
        "services/sweep_jobs.py",
        "explain_queue.send(write_message(_released(job, jobs=jobs, clock=clock)))",
        "_released(job, jobs=jobs, clock=clock)",
        ("tests/unit/services/test_sweep_jobs.py",),
    ),
    Mutant(
        "dropped-tables-are-not-looked-for",
        "a table whose notification was lost is never explained",
        "services/sweep_jobs.py",
        "batch_queue.send(write_notification(table))",
        "write_notification(table)",
        ("tests/unit/services/test_sweep_jobs.py",),
    ),
)
