"""What became of a dropped table: a small object beside the results says which job it is.

results/<tenant>/dropped/<mark>-<version>.json     {"key", "version", "job_id"}

The mark can be told from a list of the dropped tables alone, so that whoever looks for tables that nobody was
told of needs two lists, and not a question for each table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from whybox.domain.jobs.object_keys import published_key

FOLDER: Final = "dropped"
MARK_LENGTH: Final = 32
ID_LENGTH: Final = 32


def mark_of(key: str, *, stored_at: datetime, n_bytes: int) -> str:
    """Return the mark of an object, in whole seconds: that is what a bucket says of a time."""
    return _digest(key, str(int(stored_at.timestamp())), str(n_bytes))[:MARK_LENGTH]


def taken_key(tenant: str, mark: str, *, version: str) -> str:
    """Return the key of what is kept about one version of a dropped table."""
    return published_key(tenant, FOLDER, name=f"{mark}-{_digest(version)[:16]}.json")


def taken_prefix(tenant: str) -> str:
    """Return what the keys of all that is kept about a tenant's dropped tables begin with."""
    return published_key(tenant, FOLDER, name="x").removesuffix("x")


def mark_in(key: str) -> str:
    """Return the mark in a key that ``taken_key`` made."""
    return key.rpartition("/")[2][:MARK_LENGTH]


def is_of_version(key: str, version: str) -> bool:
    """Whether a key that ``taken_key`` made is about this version."""
    return key.endswith(f"-{_digest(version)[:16]}.json")


def taken_document(key: str, *, version: str, job_id: str) -> bytes:
    """Return what is kept about a dropped table, for its owner to read."""
    document = {"key": key, "version": version, "job_id": job_id}
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def job_in(document: bytes) -> str:
    """Return the job that a kept document names."""
    content: Mapping[str, str] = json.loads(document)
    return content["job_id"]


def unread_job_id(tenant: str, key: str, *, version: str) -> str:
    """Return the id of the job that stands for a table that cannot become one of its content."""
    return _digest("unread", tenant, key, version)[:ID_LENGTH]


def _digest(*parts: str) -> str:
    content = b"".join(
        b"%d:%b" % (len(part), part) for part in (it.encode("utf-8", "replace") for it in parts)
    )
    return hashlib.sha256(content).hexdigest()
