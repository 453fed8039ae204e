"""Read the result of a job: its bytes where they fit an answer, else a link to them; free of charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whybox.domain.jobs.jobs import Job
from whybox.errors import (
    ObjectNotFoundError,
    ParameterInvalidError,
    ResultExpiredError,
    ResultFormatUnavailableError,
    ResultMissingError,
    ResultNotReadyError,
)
from whybox.job_ports import JobStore, ObjectStore
from whybox.services.read_job import read_job

FILES: Final[dict[str, tuple[str, str]]] = {
    "json": ("result.json", "application/json"),
    "parquet": ("attributions.parquet", "application/vnd.apache.parquet"),
    "csv": ("attributions.csv", "text/csv; charset=utf-8"),
    "html": ("report.html", "text/html; charset=utf-8"),
    "predictions": ("predictions.parquet", "application/vnd.apache.parquet"),
}
"""Per format the file and its type; one of predictions is only there where result.json leaves them out."""

MAX_INLINE_BYTES: Final = 4_000_000
"""What an answer carries itself, base64 included; a link leads to the rest."""

LINK_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file of a result: its bytes, or a link that may be followed for a while."""

    job: Job
    file_name: str
    content_type: str
    content: bytes | None
    link: str | None


def read_result(
    tenant: str, job_id: str, wanted: str = "json", *, jobs: JobStore, objects: ObjectStore
) -> ResultFile:
    """Return a job's result in a format, from the attempt that counts.

    Raises
    ------
    JobNotFoundError
        There is no such job of this tenant.
    ParameterInvalidError, ResultFormatUnavailableError
        There is no such format, or not of this result.
    ResultNotReadyError, ResultMissingError, ResultExpiredError
        The job has not ended, ended without a result, or its result was deleted.

    """
    if wanted not in FILES:
        raise ParameterInvalidError("format", reason=f"must be one of: {', '.join(FILES)}")
    job = read_job(tenant, job_id, jobs=jobs)
    if not job.is_final:
        raise ResultNotReadyError
    if job.status != "done" or job.result_key is None:
        raise ResultMissingError
    name, content_type = FILES[wanted]
    kept = (job.actual or {}).get("files", ())
    if name not in kept:
        available = [known for known, (file, _) in FILES.items() if file in kept]
        raise ResultFormatUnavailableError(wanted, available=available)
    try:
        found = objects.head(f"{job.result_key}/{name}")
    except ObjectNotFoundError:
        raise ResultExpiredError from None
    if found.n_bytes <= MAX_INLINE_BYTES:
        content = objects.get(found.key, version=found.version)
        return ResultFile(job, name, content_type, content, None)
    link = objects.sign_download(found.key, file_name=name, expires_seconds=LINK_SECONDS)
    return ResultFile(job, name, content_type, None, link)
