"""Announce a file and get the link to upload it with; free of charge."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from whybox.domain.jobs.object_keys import upload_key
from whybox.domain.jobs.uploads import LINK_SECONDS, MAX_PENDING, Announcement, UploadRequest, display_name
from whybox.errors import (
    ChecksumInvalidError,
    FileTypeError,
    UploadSizeInvalidError,
    UploadTooLargeError,
)
from whybox.job_ports import SignedUpload, UploadSigner, UploadStore
from whybox.ports import Clock

MAX_UPLOAD_BYTES: Final = 128 * 1024 * 1024
"""What the reader of tables takes."""

CONTENT_TYPE: Final = "text/csv"
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An announced file and the request that stores it."""

    announcement: Announcement
    link: SignedUpload


def create_upload(
    request: UploadRequest, *, tenant: str, uploads: UploadSigner, announcements: UploadStore, clock: Clock
) -> OpenUpload:
    """Remember what a caller is about to send, and sign the one request that may store it.

    Raises
    ------
    UploadSizeInvalidError, UploadTooLargeError, FileTypeError, ChecksumInvalidError
        What is announced could not be read as a table.
    TooManyPendingUploadsError
        Too many links of this tenant are open.

    """
    _check(request)
    now = clock.now()
    announcement = Announcement(
        tenant=tenant,
        upload_id=uuid.uuid4().hex,
        filename=display_name(request.filename),
        n_bytes=request.n_bytes,
        content_type=CONTENT_TYPE,
        sha256=None if request.sha256 is None else request.sha256.lower(),
        created_at=now,
        expires_at=now + timedelta(seconds=LINK_SECONDS),
    )
    announcements.add(announcement, max_pending=MAX_PENDING)
    link = uploads.sign_upload(
        upload_key(tenant, announcement.upload_id),
        n_bytes=announcement.n_bytes,
        content_type=announcement.content_type,
        sha256=announcement.sha256,
        expires_seconds=LINK_SECONDS,
    )
    return OpenUpload(announcement, link)


def _check(request: UploadRequest) -> None:
    if request.n_bytes < 1:
        raise UploadSizeInvalidError
    if request.n_bytes > MAX_UPLOAD_BYTES:
        raise UploadTooLargeError(limit=MAX_UPLOAD_BYTES, actual=request.n_bytes)
    if request.content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise FileTypeError(kind="a file announced as another type")
    if request.sha256 is not None and _SHA256.fullmatch(request.sha256) is None:
        raise ChecksumInvalidError
