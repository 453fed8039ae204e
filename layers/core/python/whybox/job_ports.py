"""What jobs need from outside: objects, signed links, job records, queues, batches.

Every method may raise DependencyUnavailableError: the backend failed, and the same call may work later. Every
method may be repeated: the answer of a call that was carried out can be lost on its way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from whybox.domain.jobs.jobs import Job, Outcome, Progress
from whybox.domain.jobs.uploads import Announcement, Arrival

JOB_RETENTION: Final = timedelta(days=90)
"""How long a job is remembered: longer than any reply or receipt, so that a repeated job is recognised."""

MAX_MESSAGE_BYTES: Final = 256_000
"""A message names its job; what is larger belongs into an object. (A queue takes 256 KB at least.)"""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known about an object without reading it."""

    key: str
    version: str
    n_bytes: int
    content_type: str
    stored_at: datetime
    sha256: str | None  # hexadecimal; None where whoever wrote the object did not state it


@dataclass(frozen=True, slots=True)
class ListedObject:
    """What a list says about the current version of an object."""

    key: str
    n_bytes: int
    stored_at: datetime


class ObjectStore(Protocol):
    """Bytes under keys that this service makes; every write makes a version, and versions never change."""

    def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Store the bytes, whole or not at all, as what ``key`` stands for now; return their version."""
        ...

    def get(self, key: str, *, version: str | None = None) -> bytes:
        """Return the bytes of a version, or of the current one; raises ObjectNotFoundError."""
        ...

    def head(self, key: str, *, version: str | None = None) -> StoredObject:
        """Return what is known about a version, or the current one; raises ObjectNotFoundError."""
        ...

    def sign_download(self, key: str, *, file_name: str, expires_seconds: int) -> str:
        """Return a link that anybody can read the object with, as a file to keep, until it expires."""
        ...

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Yield the current objects whose keys begin with ``prefix``, in the order of their keys."""
        ...

    def delete_all(self, prefix: str) -> int:
        """Delete every version of every object under ``prefix``, which ends in a slash; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A request that may be sent once, until it expires, with exactly these headers."""

    method: str
    url: str = field(repr=False)  # whoever has it may upload
    headers: Mapping[str, str]
    expires_at: datetime


class UploadSigner(Protocol):
    """Lets a caller store one object himself, of the size, type and checksum that were agreed on."""

    def sign_upload(
        self, key: str, *, n_bytes: int, content_type: str, sha256: str | None, expires_seconds: int = 300
    ) -> SignedUpload:
        """Return the request that stores the object.

        Whoever answers that request refuses it after its end (403), with any of the headers changed or left
        out (403), with another method or key (403), with bytes of another checksum or number (400), and when
        the key is taken (412).
        """
        ...


class UploadStore(Protocol):
    """The uploads that were announced; those of another tenant are none."""

    def add(self, announcement: Announcement, *, max_pending: int) -> None:
        """Store a new announcement, whose link may be given out then.

        Raises TooManyPendingUploadsError, and stores nothing, when the tenant has ``max_pending`` open links
        already at the time the announcement was made.
        """
        ...

    def read(self, tenant: str, upload_id: str) -> Announcement:
        """Return the announcement as it is now; raises UploadNotFoundError."""
        ...

    def mark_received(self, tenant: str, upload_id: str, arrival: Arrival) -> Announcement:
        """Remember what arrived, and return the announcement; the first arrival stands.

        Only a checksum that it did not state may be added to it later. Raises UploadNotFoundError.
        """
        ...

    def delete_all(self, tenant: str) -> int:
        """Forget every upload of a tenant; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a worker that asked for a job; ``job.fence`` is its token where the claim is won.

    Where it is not, ``job.status`` says why: the job is over, or another worker is at it.
    """

    job: Job
    is_won: bool


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of a tenant's jobs, latest first, and the cursor of the next ones."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


class JobStore(Protocol):
    """The state of every job, changed by one at a time, in the ways that ``domain/jobs/jobs.py`` draws.

    A job of another tenant is no job: JobNotFoundError, exactly as for an id that nobody has.
    """

    def create(self, job: Job) -> Job:
        """Store a new job and return it, or the one that has the id already."""
        ...

    def read(self, tenant: str, job_id: str) -> Job:
        """Return the job as it is now; raises JobNotFoundError."""
        ...

    def claim(
        self, tenant: str, job_id: str, *, lease_seconds: float, now: datetime, is_attempt: bool = True
    ) -> Claim:
        """Give the job to this caller, and to no other, until the lease is over; raises JobNotFoundError.

        A job that was to be cancelled can be claimed when its worker is gone: then it is to be finished so.
        ``is_attempt`` is False where the caller only ends the job.
        """
        ...

    def renew(
        self,
        tenant: str,
        job_id: str,
        *,
        fence: int,
        lease_seconds: float,
        now: datetime,
        progress: Progress | None = None,
    ) -> Job:
        """Extend the lease and tell how far the work is; the answer says whether it is to stop.

        Raises LeaseLostError when a later claim was won: then nothing of this attempt may be used.
        """
        ...

    def release(self, tenant: str, job_id: str, *, fence: int, now: datetime) -> Job:
        """Give the job back unfinished, to be claimed by anybody at once; raises LeaseLostError."""
        ...

    def finish(self, tenant: str, job_id: str, *, fence: int, outcome: Outcome, now: datetime) -> Job:
        """End the job for good; raises LeaseLostError when a later claim was won or it ended otherwise."""
        ...

    def request_cancel(self, tenant: str, job_id: str, *, now: datetime) -> Job:
        """Cancel a job that waits, ask the worker of one that runs, leave one that is over."""
        ...

    def list(self, tenant: str, *, limit: int, cursor: str | None = None) -> JobPage:
        """Return up to ``limit`` of a tenant's jobs; raises CursorInvalidError."""
        ...

    def find_overdue(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Return jobs whose worker went silent or that wait for too long; somebody should send them again."""
        ...

    def delete_all(self, tenant: str) -> int:
        """Delete every job of a tenant; return how many."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of something that was sent; ``receipt`` stands for this delivery only."""

    message_id: str
    receipt: str
    body: str
    n_receives: int


class WorkQueue(Protocol):
    """Messages, each delivered at least once, in any order, until one delivery is deleted.

    A message that was delivered too often without being deleted goes to the queue of dead letters instead.
    """

    def send(self, body: str) -> None:
        """Add a message; once this returns it is not lost."""
        ...

    def receive(self, *, max_messages: int, visibility_seconds: int) -> tuple[Message, ...]:
        """Return messages, 1 to 10, that nobody else is given for so long; nothing waits here."""
        ...

    def delete(self, message: Message) -> None:
        """Delete the message: the work is done. One that is gone already is no error."""
        ...

    def change_visibility(self, message: Message, *, seconds: int) -> None:
        """Let this delivery last so many seconds from now; with 0 the message can be received at once."""
        ...


class BatchStarter(Protocol):
    """Starts the large way through a batch: many workers at once, then one that merges."""

    def start(self, job_id: str, *, payload: str) -> None:
        """Start the batch of a job; one that was started under this id before is not started again."""
        ...
