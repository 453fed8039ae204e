"""What a caller is told about a job: the document of GET /v1/jobs, and a header that says when to return."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from whybox.domain.jobs.jobs import Job

ROUTE: Final = "/v1/jobs"
MAX_RETRY_SECONDS: Final = 60
"""A job that was estimated to take an hour may have failed long before."""

ACTUAL: Final = ("seconds", "peak_memory_mb", "function")
"""What a job keeps beside these is not for its owner."""

Status = Literal["queued", "running", "done", "failed", "cancelled"]


class ProgressPart(BaseModel):
    """How far a job is."""

    rows_done: int
    rows_total: Annotated[int | None, Field(description="null before the table was read.")]


class LinksPart(BaseModel):
    """Where to go on."""

    self: str
    result: Annotated[str, Field(description="Only of a job that is done.")] = ""


class JobAnswer(BaseModel):
    """What is known about a job; a time, a figure or a problem is there once there is one."""

    job_id: str
    status: Status
    door: Literal["http", "queue", "s3"]
    created_at: str
    started_at: str = ""
    finished_at: str = ""
    progress: ProgressPart
    attempts: int
    estimate: Annotated[dict[str, Any] | None, Field(description="seconds, memory_mb and route.")]
    actual: Annotated[dict[str, Any], Field(description="seconds, peak_memory_mb and function.")] = {}
    problem: Annotated[dict[str, Any], Field(description="Why it failed.")] = {}
    links: LinksPart


class QueuedAnswer(BaseModel):
    """A job that waits or runs."""

    job_id: str
    status: Status
    estimate: Annotated[dict[str, Any] | None, Field(description="seconds, memory_mb and route.")]
    links: LinksPart


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


QUEUED_RESPONSE: Final[dict[str, Any]] = {
    "model": QueuedAnswer,
    "description": "More work than one request has time for, or Prefer: respond-async: a job does it.",
    "headers": {
        "Location": _header("The job."),
        "Retry-After": _header("Seconds until it may be done."),
        "Preference-Applied": _header("What was done of what Prefer asked for."),
    },
}


def job_path(job_id: str) -> str:
    """Return where a job is found."""
    return f"{ROUTE}/{job_id}"


def describe_job(job: Job) -> dict[str, Any]:
    """Return what is known about a job."""
    document: dict[str, Any] = {
        "job_id": job.job_id,
        "status": job.status,
        "door": job.door,
        "created_at": job.created_at.isoformat(),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "progress": {"rows_done": _rows_done(job), "rows_total": job.rows_total},
        "attempts": job.attempts,
        "estimate": None if job.estimate is None else dict(job.estimate),
        "actual": job.actual and {name: job.actual[name] for name in ACTUAL if name in job.actual},
        "problem": None if job.problem is None else dict(job.problem),
        "links": job_links(job),
    }
    optional = ("started_at", "finished_at", "actual", "problem")
    return {name: part for name, part in document.items() if part is not None or name not in optional}


def job_links(job: Job) -> dict[str, str]:
    """Return where to go on: to the job, and to its result where it is done."""
    links = {"self": job_path(job.job_id)}
    return links | {"result": f"{job_path(job.job_id)}/result"} if job.status == "done" else links


def retry_headers(job: Job) -> dict[str, str]:
    """Return when to look again at a job that has not ended."""
    if job.is_final:
        return {}
    expected = float((job.estimate or {}).get("seconds", 1))
    share_left = 1 - job.rows_done / job.rows_total if job.rows_total else 1
    return {"retry-after": str(min(MAX_RETRY_SECONDS, max(1, round(expected * share_left))))}


def _rows_done(job: Job) -> int:
    """Return the rows of the last report, which comes before the last rows; all of them once it is done."""
    return job.rows_total if job.status == "done" and job.rows_total is not None else job.rows_done


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
