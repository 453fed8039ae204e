"""A machine on which jobs are submitted and run, as the functions behind the HTTP doors would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.unit.services.batch_bench import TENANT, Bench

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_messages import read_message
from whybox.domain.jobs.jobs import Job
from whybox.services.fetch_table import store_table
from whybox.services.run_job import JobEnd, run_job
from whybox.services.submit_job import Preference, Submission, submit_job

NOW, LATER = Preference(), Preference(is_async=True)


@dataclass
class JobDesk(Bench):
    """The ports of one machine, with both ends of a job."""

    def submit(
        self,
        request: ExplanationRequest,
        table: bytes,
        *,
        prefer: Preference = NOW,
        tenant: str = TENANT,
        answer: str | None = None,
    ) -> Submission:
        """Do what POST /v1/explanations does."""
        return submit_job(
            request,
            store_table(tenant, table, objects=self.objects),
            tenant=tenant,
            prefer=prefer,
            explain_queue=self.explain_queue,
            worker=self.worker,
            limits=self.limits,
            answer=answer,
            **self.stores,
        )

    def run(self, job: Job) -> JobEnd:
        """Do what the function with more memory does with a message."""
        return run_job(
            job.tenant,
            job.job_id,
            batches=self.batches,
            worker=self.worker,
            limits=self.limits,
            **self.stores,
        )

    def work(self) -> list[JobEnd]:
        """Run everything that is in the queue, and take it out."""
        ends = []
        while received := self.explain_queue.receive(max_messages=1, visibility_seconds=5_400):
            message = read_message(received[0].body)
            ends.append(self.run(self.jobs.read(message.tenant, message.job_id)))
            self.explain_queue.delete(received[0])
        return ends

    def read(self, job: Job) -> Job:
        """Return the job as it is now."""
        found: Job = self.jobs.read(job.tenant, job.job_id)
        return found

    def file(self, job: Job, name: str) -> bytes:
        """Return a file of a job's result."""
        content: bytes = self.objects.get(f"{self.read(job).result_key}/{name}")
        return content

    def document(self, job: Job) -> dict[str, Any]:
        """Return the result document, without what tells one computation from another."""
        document: dict[str, Any] = json.loads(self.file(job, "result.json"))
        for name in ("seconds", "route", "function"):
            document["receipt"].pop(name)
        return document
