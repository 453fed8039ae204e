"""The message that stands for a job in a queue, and in the queue of dead letters behind it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from whybox.domain.jobs.jobs import Job

MESSAGE_VERSION: Final = 1

_TENANT: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


class UnreadableMessageError(ValueError):
    """A message is not one that this release or an earlier one sends."""


@dataclass(frozen=True, slots=True)
class JobMessage:
    """Which job to look after."""

    tenant: str
    job_id: str


def write_message(job: Job) -> str:
    """Return the message that stands for a job."""
    content = {"v": MESSAGE_VERSION, "tenant": job.tenant, "job_id": job.job_id}
    return json.dumps(content, separators=(",", ":"))


def read_message(body: str) -> JobMessage:
    """Return the job that a message stands for; raises UnreadableMessageError."""
    try:
        content = json.loads(body)
        version, tenant, job_id = content["v"], content["tenant"], content["job_id"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableMessageError("not a job's message") from error
    is_whole = version == MESSAGE_VERSION and isinstance(tenant, str) and isinstance(job_id, str)
    if not is_whole or not _TENANT.fullmatch(tenant) or not _ID.fullmatch(job_id):
        raise UnreadableMessageError("not a job's message, or a newer release's")
    return JobMessage(tenant, job_id)
