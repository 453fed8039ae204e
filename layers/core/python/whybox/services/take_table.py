"""Take a dropped table: read and pin it, check that it can be explained, make it a job; free of charge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import count
from typing import Final

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import TablePin, canonical, document_of, job_id_of
from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.jobs.s3_records import request_key
from whybox.errors import (
    BodyTooLargeError,
    JobNotFoundError,
    JobTooLargeError,
    ObjectNotFoundError,
    UploadTooLargeError,
)
from whybox.job_ports import JobStore, ObjectStore, StoredObject
from whybox.ports import Clock
from whybox.services.create_upload import MAX_UPLOAD_BYTES
from whybox.services.estimate_job import Limits, estimate_job
from whybox.services.prepare_explanation import prepare_explanation
from whybox.services.submit_job import MAX_DOCUMENT_BYTES
from whybox.services.trace_table import TracedTable, mark_taken, trace_table

SMALL_BYTES: Final = 16 * 1024 * 1024
"""A larger table is not parsed by the function that is told of it: the heavy one has the memory."""

MAX_REQUEST_BYTES: Final = MAX_DOCUMENT_BYTES
"""Of the JSON beside a table."""

ReadRequest = Callable[[bytes], ExplanationRequest]
"""Reads the JSON beside a table, or {} where there is none; raises InputError."""


def take_table(
    traced: TracedTable,
    *,
    read_request: ReadRequest,
    jobs: JobStore,
    objects: ObjectStore,
    clock: Clock,
    limits: Limits,
) -> Job:
    """Return the job a table is from now on: a new one, or the same request for the same content.

    Raises
    ------
    InputError
        The table is gone or too large, or it and the request beside it do not fit each other.

    """
    found = traced.found
    if found is None:
        raise ObjectNotFoundError(traced.table.key)
    if found.n_bytes > MAX_UPLOAD_BYTES:
        raise UploadTooLargeError(limit=MAX_UPLOAD_BYTES, actual=found.n_bytes)
    request = read_request(_request_beside(found.key, objects=objects))
    data = objects.get(found.key, version=found.version)
    pin = TablePin(found.key, found.version, hashlib.sha256(data).hexdigest(), len(data))
    estimate = None
    if found.n_bytes <= SMALL_BYTES:
        estimate = estimate_job(prepare_explanation(data, request), limits=limits).as_document()
    document = document_of(request, pin)
    if (n_bytes := len(canonical(document))) > MAX_DOCUMENT_BYTES:
        reason = "its names and rows take too much space"
        raise JobTooLargeError(reason, limit=MAX_DOCUMENT_BYTES, actual=n_bytes)
    for attempt in count():
        job_id = job_id_of(traced.table.tenant, document, pin.sha256, attempt=attempt)
        if not _has_ended_in_vain(traced.table.tenant, job_id, jobs=jobs):
            break
        if (taken := trace_table(traced.table, objects=objects).job_id) is not None:
            return jobs.read(traced.table.tenant, taken)  # told of twice at once: the other was faster
    job = new_job(
        traced.table.tenant, job_id, door="s3", document=document, now=clock.now(), estimate=estimate
    )
    job = jobs.create(job)
    mark_taken(traced, job.job_id, objects=objects)
    return job


def _request_beside(key: str, *, objects: ObjectStore) -> bytes:
    """Return the JSON beside a table as it is now."""
    try:
        found: StoredObject = objects.head(request_key(key))
        if found.n_bytes > MAX_REQUEST_BYTES:
            raise BodyTooLargeError(limit=MAX_REQUEST_BYTES, actual=found.n_bytes)
        return objects.get(found.key, version=found.version)
    except ObjectNotFoundError:
        return b"{}"


def _has_ended_in_vain(tenant: str, job_id: str, *, jobs: JobStore) -> bool:
    try:
        return jobs.read(tenant, job_id).status in ("failed", "cancelled")
    except JobNotFoundError:
        return False
