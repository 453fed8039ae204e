"""Messages about dropped tables: each table is taken up; the JSON beside it is read as a body would be."""

from __future__ import annotations

import logging
from typing import Protocol

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.s3_records import read_notification
from whybox.http.answers import JSON
from whybox.http.explanation_bodies import JobBody
from whybox.http.json_bodies import parse_json_body
from whybox.job_ports import BatchStarter, JobStore, ObjectStore, WorkQueue
from whybox.ports import Accounts, Clock, UsageLedger
from whybox.services.estimate_job import Limits
from whybox.services.hold_job import Worker
from whybox.services.start_batch import start_batch

logger = logging.getLogger(__name__)


class BatchPorts(Protocol):
    """The ports of the function that is told of dropped tables."""

    @property
    def clock(self) -> Clock:
        """The server's clock."""

    @property
    def usage(self) -> UsageLedger:
        """What tenants have used."""

    @property
    def accounts(self) -> Accounts:
        """Who is shut out."""

    @property
    def jobs(self) -> JobStore:
        """The state of every job."""

    @property
    def objects(self) -> ObjectStore:
        """Dropped tables, and results."""

    @property
    def explain_queue(self) -> WorkQueue:
        """Jobs for the function with more memory."""

    @property
    def batches(self) -> BatchStarter:
        """The large way through a batch."""


def take_up(body: str, *, ports: BatchPorts, worker: Worker, limits: Limits) -> None:
    """Bring every table that a message tells of as far as this function does; what else it tells is logged.

    Raises
    ------
    UnreadableNotificationError
        The message is not one that a bucket sends.
    BackingServiceError
        The message is to come back: everything is done again then, and changes nothing where it was done.

    """
    news = read_notification(body)
    for event in news.ignored:
        logger.info("ignored: %s", event)
    for table in news.tables:
        job = start_batch(
            table,
            read_request=read_request,
            jobs=ports.jobs,
            objects=ports.objects,
            usage=ports.usage,
            tenants=ports.accounts.tenants,
            explain_queue=ports.explain_queue,
            batches=ports.batches,
            clock=ports.clock,
            worker=worker,
            limits=limits,
        )
        logger.info("job %s is %s", job.job_id, job.status)


def read_request(content: bytes) -> ExplanationRequest:
    """Return the request that stands beside a table; raises as ``parse_json_body`` does."""
    return parse_json_body(content, JSON, model=JobBody).as_request()
