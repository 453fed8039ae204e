"""Uploads: a file that was announced, and whether the one that arrived is it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

UploadStatus = Literal["pending", "received", "refused"]

MAX_NAME_LENGTH: Final = 255
LINK_SECONDS: Final = 300
UPLOAD_RETENTION: Final = timedelta(days=90)
"""How long an announcement is remembered: as long as the jobs that were made of the file."""

MAX_PENDING: Final = 20
"""Links one tenant may have open at once."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What a caller says about a file before sending it; ``sha256`` is hexadecimal."""

    filename: str
    n_bytes: int
    content_type: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was found under the key of an upload when somebody looked first."""

    version: str
    n_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """An upload as it was announced; ``filename`` is for display only, the key is made by the service.

    ``expires_at`` is the end of its link.
    """

    tenant: str
    upload_id: str
    filename: str
    n_bytes: int
    content_type: str
    sha256: str | None
    created_at: datetime
    expires_at: datetime
    arrival: Arrival | None = None

    def is_pending(self, now: datetime) -> bool:
        """Whether its link can still be used."""
        return self.arrival is None and now < self.expires_at


def with_arrival(announcement: Announcement, arrival: Arrival) -> Announcement:
    """Return the announcement with what arrived; the first stands, but may learn its checksum later."""
    first = announcement.arrival
    if first is None:
        return replace(announcement, arrival=arrival)
    is_same = (first.version, first.n_bytes) == (arrival.version, arrival.n_bytes)
    if first.sha256 is None and is_same:
        return replace(announcement, arrival=replace(first, sha256=arrival.sha256))
    return announcement


@dataclass(frozen=True, slots=True)
class UploadState:
    """What a caller is told about an upload; ``problem`` says why one was refused."""

    announcement: Announcement
    status: UploadStatus
    n_bytes: int
    sha256: str | None
    problem: Mapping[str, Any] | None = None


def display_name(filename: str) -> str:
    """Return a file name that is safe to show: without what steers a terminal or turns text around."""
    composed = unicodedata.normalize("NFC", filename)
    shown = "".join(letter for letter in composed if unicodedata.category(letter) not in _UNSHOWN)
    return shown[:MAX_NAME_LENGTH]


_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
