"""Read what became of an upload, and take note of a file that has arrived; free of charge."""

from __future__ import annotations

from whybox.domain.jobs.object_keys import is_id, upload_key
from whybox.domain.jobs.uploads import Announcement, Arrival, UploadState
from whybox.errors import ObjectNotFoundError, UploadNotFoundError
from whybox.job_ports import ObjectStore, StoredObject, UploadStore
from whybox.ports import Clock


def read_upload(
    tenant: str, upload_id: str, *, announcements: UploadStore, objects: ObjectStore, clock: Clock
) -> UploadState:
    """Return the state of an upload: pending, received, or refused because it is not the file announced.

    Raises
    ------
    UploadNotFoundError
        There is no such upload of this tenant.
    ObjectNotFoundError
        The link is over and nothing arrived, or the file was deleted when its time was over.

    """
    announcement = find_announcement(tenant, upload_id, announcements=announcements)
    key = upload_key(tenant, upload_id)
    arrival = announcement.arrival
    try:
        found = objects.head(key, version=None if arrival is None else arrival.version)
    except ObjectNotFoundError:
        if announcement.is_pending(clock.now()):
            return UploadState(announcement, "pending", announcement.n_bytes, announcement.sha256)
        raise
    if not is_as_announced(found, announcement):
        return UploadState(announcement, "refused", found.n_bytes, found.sha256)
    if arrival is None:
        arrival = Arrival(found.version, found.n_bytes, found.sha256 or announcement.sha256)
        announcement = announcements.mark_received(tenant, upload_id, arrival)
    return UploadState(announcement, "received", found.n_bytes, (announcement.arrival or arrival).sha256)


def find_announcement(tenant: str, upload_id: str, *, announcements: UploadStore) -> Announcement:
    """Return an announcement; a text that is no id of ours is one that nobody has."""
    if not is_id(upload_id):
        raise UploadNotFoundError
    return announcements.read(tenant, upload_id)


def is_as_announced(found: StoredObject, announcement: Announcement) -> bool:
    """Whether a stored object has the size, the type and, where both are known, the checksum announced."""
    is_same_sum = None in (found.sha256, announcement.sha256) or found.sha256 == announcement.sha256
    is_same_type = found.content_type.partition(";")[0].strip().lower() == announcement.content_type
    return found.n_bytes == announcement.n_bytes and is_same_type and is_same_sum
