"""List a tenant's jobs, latest first; free of charge."""

from __future__ import annotations

from typing import Final

from whybox.errors import ParameterInvalidError
from whybox.job_ports import JobPage, JobStore

MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 20


def list_jobs(
    tenant: str, *, jobs: JobStore, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> JobPage:
    """Return up to ``limit`` jobs and the cursor of the next ones.

    Raises
    ------
    ParameterInvalidError, CursorInvalidError
        The limit is out of range, or the cursor is not one of this tenant's.

    """
    if not 1 <= limit <= MAX_LIMIT:
        raise ParameterInvalidError("limit", reason=f"must be a whole number from 1 to {MAX_LIMIT}")
    return jobs.list(tenant, limit=limit, cursor=cursor)
