"""Where a list of jobs goes on: a text for the caller that only fits the tenant it was made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from whybox.domain.jobs.job_records import time_text
from whybox.domain.jobs.jobs import Job
from whybox.errors import CursorInvalidError

_MAX_LENGTH: Final = 1_000
_DIGEST_BYTES: Final = 12


def place_of(job: Job) -> str:
    """Return the job's place in its tenant's list: by time, then by id; no two have the same."""
    return f"{time_text(job.created_at)}#{job.job_id}"


def cursor_after(job: Job) -> str:
    """Return the cursor of the jobs that are older than this one."""
    place = place_of(job).encode()
    return base64.urlsafe_b64encode(_digest(job.tenant, place) + place).decode().rstrip("=")


def place_after(cursor: str, *, tenant: str) -> str:
    """Return the place a cursor stands for.

    Whoever knows a tenant could compute a cursor. It opens nothing: a list is of the caller's own jobs.

    Raises
    ------
    CursorInvalidError
        The cursor is not one of this tenant's, or was changed.

    """
    if not cursor.isascii() or len(cursor) > _MAX_LENGTH:
        raise CursorInvalidError
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise CursorInvalidError from error
    digest, place = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if not hmac.compare_digest(digest, _digest(tenant, place)):
        raise CursorInvalidError
    return place.decode()


def _digest(tenant: str, place: bytes) -> bytes:
    return hashlib.sha256(b"jobs|" + tenant.encode() + b"|" + place).digest()[:_DIGEST_BYTES]
