"""Fetch the very bytes of an upload, checked against what was announced, and pin their version."""

from __future__ import annotations

import hashlib

from whybox.domain.jobs.job_documents import PinnedTable, TablePin
from whybox.domain.jobs.object_keys import is_id, upload_key
from whybox.domain.jobs.uploads import Announcement, Arrival
from whybox.errors import (
    ObjectNotFoundError,
    UnknownUploadError,
    UploadChangedError,
    UploadIncompleteError,
    UploadNotFoundError,
)
from whybox.job_ports import ObjectStore, UploadStore
from whybox.ports import Clock
from whybox.services.read_upload import find_announcement, is_as_announced


def fetch_upload(
    tenant: str, upload_id: str, *, announcements: UploadStore, objects: ObjectStore, clock: Clock
) -> PinnedTable:
    """Return an upload's bytes and the version they are.

    Raises
    ------
    UploadNotFoundError
        There is no such upload of this tenant.
    UnknownUploadError
        There is a file under the id, and no link was made for it.
    UploadIncompleteError
        The link can still be used, and nothing has arrived.
    ObjectNotFoundError
        Nothing arrived in time, or the file was deleted when its time was over.
    UploadChangedError
        The file is not the one that was announced, or that arrived first.

    """
    try:
        announcement = find_announcement(tenant, upload_id, announcements=announcements)
    except UploadNotFoundError:
        _refuse_unannounced(tenant, upload_id, objects=objects)
        raise
    key = upload_key(tenant, upload_id)
    arrival = announcement.arrival
    try:
        found = objects.head(key, version=None if arrival is None else arrival.version)
    except ObjectNotFoundError:
        if announcement.is_pending(clock.now()):
            raise UploadIncompleteError from None
        raise
    if not is_as_announced(found, announcement):
        raise UploadChangedError
    data = objects.get(key, version=found.version)
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != announcement.n_bytes or digest not in _known_sums(announcement, digest):
        raise UploadChangedError
    if arrival is None or arrival.sha256 is None:
        announcements.mark_received(tenant, upload_id, Arrival(found.version, len(data), digest))
    return PinnedTable(data, TablePin(key, found.version, digest, len(data)))


def _known_sums(announcement: Announcement, digest: str) -> frozenset[str]:
    """Return what the checksum may be: the one announced, the one first seen, or any where none is known."""
    seen = None if announcement.arrival is None else announcement.arrival.sha256
    return frozenset({announcement.sha256 or seen or digest})


def _refuse_unannounced(tenant: str, upload_id: str, *, objects: ObjectStore) -> None:
    """Tell a file that somebody put past this service from none; only ever in the caller's own folder."""
    if not is_id(upload_id):
        return
    try:
        objects.head(upload_key(tenant, upload_id))
    except ObjectNotFoundError:
        return
    raise UnknownUploadError
