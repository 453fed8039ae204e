"""What a start does first: whatever was at work when an earlier gateway ended is free to be done again.

Whoever holds the lock on the home knows that no function is at work: no lease and no delivery has a holder.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from whybox.errors import LeaseLostError
from whybox.job_ports import JobStore
from whybox.local.event_sources import EventSources
from whybox.local.refunds import refund_all
from whybox.ports import Clock
from whybox.wiring import LocalPorts

logger = logging.getLogger(__name__)

LONGEST_JOB_LEASE = timedelta(hours=2)
"""Longer than any lease on a job: a batch has an hour."""

_MAX_JOBS = 100_000


def set_right(ports: LocalPorts, events: EventSources) -> None:
    """Give back what was reserved for requests, show hidden messages, free jobs, remove half an upload."""
    if n_refunded := refund_all(ports.usage, clock=ports.clock):
        logger.warning("refunded %d reservations that an earlier gateway left behind", n_refunded)
    n_shown = sum(ports.queue(name).show_all() for name in events.queues)
    open_batches = {name for name, _ in ports.batches.open_batches()}
    n_freed = free_jobs(ports.jobs, clock=ports.clock, but=open_batches)
    if n_shown or n_freed:
        logger.warning("%d messages and %d jobs of an earlier gateway go on", n_shown, n_freed)
    ports.uploads.forget_drafts()


def free_jobs(jobs: JobStore, *, clock: Clock, but: Iterable[str]) -> int:
    """Release every job that has a worker, unless a batch goes on with it; return how many."""
    kept = set(but)
    n_freed = 0
    for job in jobs.find_overdue(now=clock.now() + LONGEST_JOB_LEASE, limit=_MAX_JOBS):
        if job.status == "running" and f"{job.job_id}-{job.fence}" not in kept:
            with suppress(LeaseLostError):
                jobs.release(job.tenant, job.job_id, fence=job.fence, now=clock.now())
                n_freed += 1
    return n_freed
