"""Tables of jobs: keep one that came inside a request, and read the pinned version of any again."""

from __future__ import annotations

import hashlib

from whybox.domain.jobs.job_documents import PinnedTable, TablePin
from whybox.domain.jobs.object_keys import inline_key
from whybox.errors import UploadChangedError
from whybox.job_ports import ObjectStore


def store_table(tenant: str, data: bytes, *, objects: ObjectStore) -> PinnedTable:
    """Keep a table that came inside a request, so that any worker can read it."""
    digest = hashlib.sha256(data).hexdigest()
    key = inline_key(tenant, digest)
    version = objects.put(key, data, content_type="text/csv")
    return PinnedTable(data, TablePin(key, version, digest, len(data)))


def fetch_table(pin: TablePin, *, objects: ObjectStore) -> bytes:
    """Return the pinned bytes.

    Raises
    ------
    ObjectNotFoundError
        The version was deleted.
    UploadChangedError
        What is stored as this version is not what was pinned.

    """
    data = objects.get(pin.key, version=pin.version)
    if len(data) != pin.n_bytes or hashlib.sha256(data).hexdigest() != pin.sha256:
        raise UploadChangedError
    return data
