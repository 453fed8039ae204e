"""An announced upload as flat fields of text and whole numbers, which is what every store keeps of it.

As with jobs, a reader ignores fields it does not know and has an answer for those it misses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from whybox.domain.jobs.job_records import RECORD_VERSION, Field, UnreadableRecordError, time_text
from whybox.domain.jobs.uploads import Announcement, Arrival

_TEXTS: Final = ("upload_id", "filename", "content_type")


def fields_of(upload: Announcement) -> dict[str, Field]:
    """Return the fields of an upload; what is None has none, and the tenant is in the name."""
    fields: dict[str, Field] = {"v": RECORD_VERSION, "n_bytes": upload.n_bytes}
    fields |= {name: getattr(upload, name) for name in _TEXTS}
    fields |= {name: time_text(getattr(upload, name)) for name in ("created_at", "expires_at")}
    if upload.sha256 is not None:
        fields["sha256"] = upload.sha256
    if (arrival := upload.arrival) is not None:
        fields |= {"arrived_version": arrival.version, "arrived_bytes": arrival.n_bytes}
        fields |= {} if arrival.sha256 is None else {"arrived_sha256": arrival.sha256}
    return fields


def upload_of(tenant: str, fields: Mapping[str, Field]) -> Announcement:
    """Return the upload that fields describe; raises UnreadableRecordError."""
    try:
        if int(fields["v"]) > RECORD_VERSION:
            raise UnreadableRecordError("the record was written by a newer release")
        return Announcement(
            tenant=tenant,
            upload_id=str(fields["upload_id"]),
            filename=str(fields["filename"]),
            n_bytes=int(fields["n_bytes"]),
            content_type=str(fields["content_type"]),
            sha256=_text(fields, "sha256"),
            created_at=datetime.fromisoformat(str(fields["created_at"])),
            expires_at=datetime.fromisoformat(str(fields["expires_at"])),
            arrival=_arrival(fields),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecordError("the record is not one of an upload") from error


def _arrival(fields: Mapping[str, Field]) -> Arrival | None:
    if "arrived_version" not in fields:
        return None
    version, n_bytes = str(fields["arrived_version"]), int(fields["arrived_bytes"])
    return Arrival(version, n_bytes, _text(fields, "arrived_sha256"))


def _text(fields: Mapping[str, Field], name: str) -> str | None:
    return str(fields[name]) if name in fields else None
