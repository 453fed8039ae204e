"""Read the result of a job: its bytes where they fit an answer, else a link to them; free of charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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

ResultFormat = Literal["json", "parquet", "csv", "html"]

FILES: Final[dict[str, tuple[str, str]]] = {
    "json": ("result.json", "application/json"),
    "parquet": ("attributions.parquet", "application/vnd.apache.parquet"),
    "csv": ("attributions.csv", "text/csv"),
    "html": ("report.html", "text/html"),
}
"""Per format the name of the file and its type."""

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
    try:
        found = objects.head(f"{job.result_key}/{name}")
    except ObjectNotFoundError:
        raise _absent(job, wanted, objects=objects) from None
    if found.n_bytes <= MAX_INLINE_BYTES:
        content = objects.get(found.key, version=found.version)
        return ResultFile(job, name, content_type, content, None)
    link = objects.sign_download(found.key, file_name=name, expires_seconds=LINK_SECONDS)
    return ResultFile(job, name, content_type, None, link)


def _absent(
    job: Job, wanted: str, *, objects: ObjectStore
) -> ResultFormatUnavailableError | ResultExpiredError:
    """Return why a file is not there: the result has none of this format, or is gone altogether."""
    kept = {listed.key for listed in objects.list(f"{job.result_key}/")}
    available = [name for name, (file, _) in FILES.items() if f"{job.result_key}/{file}" in kept]
    return ResultFormatUnavailableError(wanted, available=available) if available else ResultExpiredError()
