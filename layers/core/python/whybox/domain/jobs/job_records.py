"""A job as flat fields of text and whole numbers, which is what every store keeps of it.

Records of any release can be read by any other: a reader ignores fields it does not know and has an answer
for those it misses. Times are RFC 3339 in UTC, always with microseconds, so that their texts sort as they do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from whybox.domain.jobs.jobs import Job

RECORD_VERSION: Final = 1
"""Raised only when an older release could no longer read what a newer one writes."""

Field = str | int


class UnreadableRecordError(ValueError):
    """The fields were not written by ``fields_of``, or by a release whose records this one cannot read."""


_TIMES: Final = ("created_at", "due_at", "started_at", "finished_at")
_PLAIN: Final = (
    "job_id",
    "door",
    "status",
    "fence",
    "claim_id",
    "attempts",
    "rows_done",
    "rows_total",
    "result_key",
)
_DOCUMENTS: Final = ("document", "estimate", "actual", "problem")


def time_text(moment: datetime) -> str:
    """Return a time as text that sorts as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def fields_of(job: Job) -> dict[str, Field]:
    """Return the fields of a job; what is None has none, and the tenant is in the name."""
    fields: dict[str, Field] = {"v": RECORD_VERSION, "is_cancel_requested": int(job.is_cancel_requested)}
    for name in _TIMES:
        if (moment := getattr(job, name)) is not None:
            fields[name] = time_text(moment)
    for name in _PLAIN:
        if (value := getattr(job, name)) is not None:
            fields[name] = value
    for name in _DOCUMENTS:
        if (document := getattr(job, name)) is not None:
            fields[name] = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return fields


def job_of(tenant: str, fields: Mapping[str, Field]) -> Job:
    """Return the job that fields describe; raises UnreadableRecordError."""
    try:
        if int(fields["v"]) > RECORD_VERSION:
            raise UnreadableRecordError("the record was written by a newer release")
        values: dict[str, Any] = {name: fields[name] for name in _PLAIN if name in fields}
        values |= {name: datetime.fromisoformat(str(fields[name])) for name in _TIMES if name in fields}
        values |= {name: json.loads(str(fields[name])) for name in _DOCUMENTS if name in fields}
        values["is_cancel_requested"] = bool(fields.get("is_cancel_requested", 0))
        return Job(**{"tenant": tenant, "due_at": None} | values)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecordError("the record is not one of a job") from error
